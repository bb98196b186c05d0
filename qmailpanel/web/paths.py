"""What stands in the address of a page."""

from __future__ import annotations


class Name:
    """A name in an address; one that cannot stand there leads nowhere, but its page is shown."""

    regex = r"[^/\x00]+"  # PostgreSQL takes no NUL

    def to_python(self, text: str) -> str:
        return text

    def to_url(self, name: str) -> str:
        return name.replace("/", "%2F").replace("\0", "%00") or "%00"
