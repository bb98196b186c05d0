"""The address that people open, and what it allows."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


class WebAddress(str):
    """`https://panel.example.org`, without a path: as browsers say from where they come."""

    __slots__ = ()

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> Self:
        """`host` without brackets. A port that goes without saying is left out."""
        name = f"[{host}]" if ":" in host else host
        return cls(f"{scheme}://{name}" + (f":{port}" if port not in (None, PORTS[scheme]) else ""))

    @property
    def host(self) -> str:
        """As browsers send it: without the port, an IPv6 address in brackets."""
        host = urlsplit(self).hostname or ""
        return f"[{host}]" if ":" in host else host

    @property
    def is_https(self) -> bool:
        return self.startswith("https:")

    @property
    def allows_passkeys(self) -> bool:
        """Browsers keep them for host names on https, and for localhost. See WebAuthn, 5.1.3."""
        try:
            ip_address(self.host.strip("[]"))
        except ValueError:
            return self.is_https or self.host == "localhost"
        return False
