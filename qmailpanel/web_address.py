"""What the address that people open allows."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def allows_passkeys(url: str) -> bool:
    """Browsers keep passkeys for host names on https, and for localhost. See WebAuthn, 5.1.3."""
    base = urlsplit(url)
    host = base.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return base.scheme == "https" or host == "localhost"
    return False
