"""Which time zone the host is in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo


def read_zone(name: str) -> str:
    """The name, if the host knows a time zone called so. Raises ValueError."""
    try:
        return str(ZoneInfo(name))
    except (LookupError, OSError):  # a directory of zones is no zone
        raise ValueError from None


def zone_of_host(environ: Mapping[str, str], etc: Path = Path("/etc")) -> str:
    """As the host's other programs have it; UTC where nothing names a zone. See tzset(3)."""
    for name in _named_zones(environ, etc):
        try:
            return read_zone(name)
        except ValueError:
            continue
    return "UTC"


def _named_zones(environ: Mapping[str, str], etc: Path) -> Iterator[str]:
    yield environ.get("TZ", "").removeprefix(":")
    localtime, timezone = etc / "localtime", etc / "timezone"
    if localtime.is_symlink():
        yield os.readlink(localtime).partition("zoneinfo/")[2]
    if timezone.is_file():
        yield timezone.read_text(errors="replace").strip()
