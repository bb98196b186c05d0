"""Sizes as people write them: 500 MB, 1.5G, 2048 K. A thousand is 1024 here, as in Plesk."""

from __future__ import annotations

import re

from qmailpanel.qmail.names import InvalidName, gettext_noop

MOST = 10**15  # bytes; deliverquota takes 18 digits
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,15})(?:[.,](\d{1,3}))?\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes. Raises InvalidName."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise InvalidName(gettext_noop("Write a size, as 500 MB or 2 GB."))
    whole, fraction, unit = match[1], match[2] or "", match[3].upper()
    size = int(int(whole + fraction) * _UNITS[unit] // 10 ** len(fraction))
    if not 0 < size <= MOST:
        raise InvalidName(gettext_noop("Write a size between 1 byte and 900 TB."))
    return size


def write_size(size: int) -> str:
    """The shortest text that `parse_size` reads as this many bytes."""
    for unit, factor in reversed(_UNITS.items()):
        if size % factor == 0:
            return f"{size // factor} {unit}B" if unit else f"{size} B"
    return ""
