"""Numbers that others wrote: only plain digits, and not too many of them to be one of ours."""

from __future__ import annotations

from collections.abc import Iterable

HIGHEST_ID = 2**32 - 2  # of users and groups: the one above means "no change" to chown(2)
HIGHEST_PREPEND = 999_999_999
HIGHEST_ROW = 2**63 - 1


def read_number(text: str | bytes, highest: int) -> int | None:
    """A number up to `highest`; None for any other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(highest))):
        return None
    number = int(text)
    return number if number <= highest else None


def read_numbers(texts: Iterable[str]) -> list[int]:
    """The numbers of rows among texts that somebody sent."""
    numbers = (read_number(text, HIGHEST_ROW) for text in texts)
    return [number for number in numbers if number is not None]
