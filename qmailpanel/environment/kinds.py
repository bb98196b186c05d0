"""The kinds of values that settings have: what each must be, and how its text is read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from qmailpanel.environment.host_zone import read_zone
from qmailpanel.qmail.names import MailAddress, MailUser, stored_of
from qmailpanel.web_address import PORTS, WebAddress

Value = TypeVar("Value")

HIGHEST_PORT = 65_535
_NUMBER = re.compile(r"[0-9]{1,9}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]+(?:\.(?!-)[A-Za-z0-9-]+)*")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PROGRAM = re.compile(r"/[A-Za-z0-9._+/-]+")  # it stands in a line that a shell reads

_SMTP = "django.core.mail.backends.smtp.EmailBackend"
_MAIL_SCHEMES: Mapping[str, dict[str, Any]] = {
    "smtp": {"EMAIL_BACKEND": _SMTP},
    "smtp+tls": {"EMAIL_BACKEND": _SMTP, "EMAIL_USE_TLS": True},
    "smtps": {"EMAIL_BACKEND": _SMTP, "EMAIL_USE_SSL": True},
    "sendmail": {"EMAIL_BACKEND": "qmailpanel.accounts.sendmail.EmailBackend"},
    # for development and tests
    "consolemail": {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"},
    "dummymail": {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
    "memorymail": {"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"},
}


@dataclass(frozen=True, slots=True)
class Kind(Generic[Value]):
    """`read` raises ValueError for a text that is not what it must be."""

    must_be: str
    read: Callable[[str], Value]


def number(least: int, most: int) -> Kind[int]:
    """A whole number between two others."""

    def read(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return Kind(f"a whole number from {least} to {most}", read)


def one_of(*words: str) -> Kind[str]:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", read)


def _path(text: str) -> Path:
    """Without a colon or a control character: the path may stand in users/assign."""
    path = Path(text)
    is_plain = text.isprintable() and ":" not in text and ".." not in path.parts
    if not is_plain or not path.is_absolute() or path == Path("/"):
        raise ValueError
    return path


def _mail_root(text: str) -> Path:
    """It stands in every line of users/assign."""
    if not text.isascii():
        raise ValueError
    return _path(text)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return read


def _program(text: str) -> str:
    return text if text in {"auto", "none"} else _matching(_PROGRAM)(text)


def _hup(text: str) -> str:
    if text not in {"auto", "none"} and (not shlex.split(text) or not text.startswith("/")):
        raise ValueError
    return text


def _mail_user(text: str) -> str:
    user = MailUser.parse(text)
    return f"{user.name}:{user.uid}:{user.gid}"


def _host(text: str) -> str:
    """A name, or an IP address without brackets."""
    if ":" in text or re.fullmatch(r"[0-9.]+", text):
        return str(ip_address(text))
    return _matching(_HOST)(text)


def _place(text: str) -> str:
    """`host:port`, an IPv6 address in brackets; or empty."""
    if not text:
        return text
    host, _colon, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed != (":" in host):
        raise ValueError
    _host(host[1:-1] if is_bracketed else host)
    number(1, HIGHEST_PORT).read(port)
    return text


def _resolver(text: str) -> str:
    ip_address(_place(text).rpartition(":")[0].strip("[]"))
    return text


def _web_address(text: str) -> WebAddress:
    parts = urlsplit(text.rstrip("/"))
    is_bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in PORTS or not is_bare or parts.port == 0:
        raise ValueError
    return WebAddress.of(parts.scheme, _host(stored_of(parts.hostname or "")), parts.port)


def _database(text: str) -> dict[str, Any]:
    """As an entry of Django's DATABASES."""
    url = urlsplit(text)
    if url.scheme == "sqlite" and not url.netloc:
        path = _path(unquote(url.path)[1:])
        return {"ENGINE": "qmailpanel.sqlite3", "NAME": str(path)}
    if url.scheme not in {"postgres", "postgresql"} or not url.path[1:]:
        raise ValueError
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path[1:]),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": url.port or "",
        "OPTIONS": dict(parse_qsl(url.query, strict_parsing=bool(url.query))),
    }


def _mail(text: str) -> dict[str, Any]:
    """As Django's settings of these names, and the path of sendmail.

    What is not understood is refused: it may have asked for an encrypted connection.
    """
    url = urlsplit(text)
    is_whole = not (url.query or url.fragment or ("smtp" in url.scheme and url.path.strip("/")))
    if url.scheme not in _MAIL_SCHEMES or not is_whole or url.port == 0:
        raise ValueError
    return {**_MAIL_SCHEMES[url.scheme], **_mail_server(url), "EMAIL_SENDMAIL": _sendmail(url)}


def _mail_server(url: SplitResult) -> dict[str, Any]:
    host = url.hostname or ""
    if "smtp" in url.scheme:
        _host(host)
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": url.port or {"smtps": 465, "smtp+tls": 587}.get(url.scheme, 25),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
    }


def _sendmail(url: SplitResult) -> str:
    if url.scheme != "sendmail":
        return ""
    if url.netloc:
        raise ValueError
    return _matching(_PROGRAM)(url.path)


PATH = Kind("an absolute path without `..` and colons", _path)
MAIL_ROOT = Kind("an absolute path of ASCII characters without `..` and colons", _mail_root)
PROGRAM = Kind("auto, none or the absolute path of a program", _program)
HUP = Kind("auto, none or a command that begins with an absolute path", _hup)
MAIL_USER = Kind("name:uid:gid, neither number 0, as popuser:110:31", _mail_user)
GROUP = Kind("the name of a group", _matching(_GROUP))
NODE = Kind("a name of letters, digits and . _ -, 64 at most", _matching(_NODE))
HOST = Kind("an IP address or a host name", _host)
PORT = number(1, HIGHEST_PORT)
PLACE = Kind("empty, or host:port as mail.example.org:993", _place)
RESOLVER = Kind("an IP address and a port, as 127.0.0.1:53 or [::1]:53", _resolver)
WEB_ADDRESS = Kind(
    "http:// or https:// and a host, without a path, as https://panel.example.org", _web_address
)
ADDRESS = Kind("a mail address, as operator@example.org", MailAddress)
DATABASE = Kind("sqlite:////an/absolute/path or postgres://user:password@host:port/name", _database)
MAIL = Kind("smtp://, smtp+tls:// or smtps:// and a host, or sendmail:///usr/sbin/sendmail", _mail)
TIME_ZONE = Kind("a name of the time zone database, as Europe/Berlin", read_zone)
SWITCH = one_of("on", "off")
