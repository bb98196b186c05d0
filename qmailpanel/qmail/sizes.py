"""Sizes as people write them: 500 MB, 1.5G, 2048 K. A thousand is 1024 here, as in Plesk."""

from __future__ import annotations

import re

from qmailpanel.qmail.names import InvalidName, gettext_noop

MOST = 10**15  # bytes; deliverquota takes 18 digits
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(
    r"(\d{1,15})(?:[.,](\d{1,3}))? ?(?:([KMGT])(?:i?B)?|B)?", re.IGNORECASE | re.ASCII
)
_THOUSANDS = re.compile(r"([1-9]\d*)[.,](\d{3})", re.ASCII)  # or thousandths, elsewhere


def parse_size(text: str) -> int:
    """Bytes; 0 where there is no limit. Raises InvalidName."""
    words = " ".join(text.split())
    match = _SIZE.fullmatch(words)
    if not match:
        raise InvalidName(gettext_noop("Write a size, as 500 MB or 2 GB."))
    whole, fraction, unit = match[1], match[2] or "", (match[3] or "").upper()
    if not int(whole + fraction):
        return 0
    _refuse_doubtful(words)
    size = int(int(whole + fraction) * _UNITS[unit] // 10 ** len(fraction))
    if not 0 < size <= MOST:
        raise InvalidName(gettext_noop("Write a size between 1 byte and 900 TB."))
    return size


def _refuse_doubtful(words: str) -> None:
    """Raises InvalidName for a number that means another size to somebody else."""
    if thousands := _THOUSANDS.match(words):
        raise InvalidName(
            gettext_noop("%(text)s can be read in two ways. Write %(whole)s if that is meant."),
            text=thousands[0],
            whole=thousands[1] + thousands[2],
        )
    if words[-1].isdigit():
        raise InvalidName(
            gettext_noop("Write the unit too, as %(text)s MB or %(text)s GB."), text=words
        )


def write_size(size: int) -> str:
    """The shortest text that `parse_size` reads as this many bytes."""
    for unit, factor in reversed(_UNITS.items()):
        if size % factor == 0:
            return f"{size // factor} {unit}B" if unit else f"{size} B"
    return ""
