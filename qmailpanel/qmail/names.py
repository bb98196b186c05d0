"""Text becomes a name by parsing, and only names can be rendered.

Each type here is a string that cannot exist with a value that would harm a line of users/assign,
virtualdomains or a dot-qmail file. `InvalidName` says in a sentence what to type instead; the
sentences are marked for translation and translated where they are shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Self

import idna

from qmailpanel.qmail.numbers import HIGHEST_ID
from qmailpanel.qmail.refusals import (
    InvalidName,
    gettext_noop,
    not_a_domain,
    odd_character,
    refuse_control,
    shown,
    too_long,
)

__all__ = [
    "ADDRESS_LENGTH",
    "BYTE_ORDER_MARK",
    "AliasLocal",
    "DomainName",
    "InvalidName",
    "LocalPart",
    "MailAddress",
    "MailUser",
    "OutsideName",
    "ReplyText",
    "display_of",
    "gettext_noop",
    "stored_of",
]

DOMAIN_LENGTH = 248  # of our own: `<name>.passwd` is the name of a file, of 255 bytes at most
OUTSIDE_LENGTH = 253
LOCAL_LENGTH = 64
ADDRESS_LENGTH = 254
REPLY_LENGTH = 200
BYTE_ORDER_MARK = "\ufeff"  # at the start of many a file, and of what was copied from it

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LINE_SIGNS = "&|#-"  # who begins with one means a line of a dot-qmail file, or an option
_LOCAL_ODD = re.compile(r"[^a-z0-9._+-]")
_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9._+-]*[a-z0-9])?")
_OUTSIDE_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")  # some have underscores
_OUTSIDE_ODD = re.compile(r"[^A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]")  # atext and dots: RFC 5321, 4.1.2
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_USER = re.compile(r"([A-Za-z_][A-Za-z0-9._-]{0,31}):([0-9]{1,10}):([0-9]{1,10})")


class DomainName(str):
    """A domain name as DNS has it: lower case, A-labels, no final dot. See RFC 1123 and 5891."""

    __slots__ = ()
    most = DOMAIN_LENGTH
    label = _LABEL

    def __new__(cls, text: str) -> Self:
        name = _to_ascii(text.strip(" \t"), cls.most).removesuffix(".")
        _check_domain(name, text, cls.most, cls.label)
        return super().__new__(cls, name)

    @property
    def display(self) -> str:
        """The name as people read it, with U-labels."""
        return idna.decode(self) if "xn--" in self else str(self)


def display_of(text: str) -> str:
    """A domain name as people read it; a text that is none, as it is."""
    try:
        return DomainName(text).display
    except InvalidName:
        return text


def stored_of(text: str) -> str:
    """A domain name or labels of one, as DNS has them; a text that is none, as it is."""
    try:
        return _to_ascii(text, OUTSIDE_LENGTH)
    except InvalidName:
        return text


class OutsideName(DomainName):
    """A domain name that needs no file of ours."""

    __slots__ = ()
    most = OUTSIDE_LENGTH
    label = _OUTSIDE_LABEL


class LocalPart(str):
    """What stands left of the @ in one of our own addresses: a set safe in every file of qmail."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        local = _lower(text.strip(" \t"))
        _check_local(local)
        return super().__new__(cls, local)


class AliasLocal(LocalPart):
    """A local part that may name a dot-qmail file: none of those qmail-local reads specially.

    See dot-qmail(5), "EXTENSION ADDRESSES" and "-owner".
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        local = super().__new__(cls, text)
        if local == "default" or local.endswith(("-default", "-owner")):
            raise InvalidName(
                gettext_noop("%(name)s has a meaning of its own to qmail. Choose another name."),
                name=local,
            )
        return local


class MailAddress(str):
    """An address mail is forwarded to, here or elsewhere; elsewhere its case may matter."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        local, at, domain = text.strip(" \t").rpartition("@")
        if not (local or at or domain):
            raise InvalidName(gettext_noop("Enter an address, as name@example.org."))
        _check_outside(local, at, text)
        address = f"{local}@{OutsideName(domain)}"
        if len(address) > ADDRESS_LENGTH:
            raise too_long(address, ADDRESS_LENGTH)
        return super().__new__(cls, address)

    @property
    def local(self) -> str:
        """Left of the @."""
        return self.rpartition("@")[0]

    @property
    def domain(self) -> DomainName:
        """Right of the @."""
        return OutsideName(self.rpartition("@")[2])


class ReplyText(str):
    """One line of text that a bounce says. See bouncesaying(1)."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        line = text.removeprefix(BYTE_ORDER_MARK).strip(" \t")
        if not line:
            raise InvalidName(gettext_noop("Enter a text."))
        if "\n" in line or "\r" in line:
            raise InvalidName(gettext_noop("Write one line, without line breaks."))
        refuse_control(line)
        if len(line) > REPLY_LENGTH:
            raise too_long(line, REPLY_LENGTH)
        return super().__new__(cls, line)


@dataclass(frozen=True, slots=True)
class MailUser:
    """The Unix identity deliveries run as. Never root: qmail-lspawn would let gid 0 through."""

    name: str
    uid: int
    gid: int

    def __post_init__(self) -> None:
        text = f"{self.name}:{self.uid}:{self.gid}"
        if not _USER.fullmatch(text):
            raise _not_a_user(text)
        if not (0 < self.uid <= HIGHEST_ID and 0 < self.gid <= HIGHEST_ID):
            raise InvalidName(
                gettext_noop("Mail is never delivered as root: %(text)s needs other numbers."),
                text=text,
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """`popuser:110:31`."""
        match = _USER.fullmatch(text)
        if not match:
            raise _not_a_user(text)
        return cls(match[1], int(match[2]), int(match[3]))


def _to_ascii(text: str, most: int) -> str:
    """The name with A-labels; quick for the many names that are ASCII anyway."""
    if len(text) > most + 1:
        raise too_long(text, most)
    if text.isascii() and "xn--" not in text.lower():
        return text.lower()
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise not_a_domain(text) from error


def _check_domain(name: str, text: str, most: int, label: re.Pattern[str]) -> None:
    if not name:
        raise InvalidName(gettext_noop("Enter a domain name, as example.org."))
    if "@" in name:
        raise InvalidName(gettext_noop("Enter only the part after the @."))
    labels = name.split(".")
    if not all(map(label.fullmatch, labels)):
        raise not_a_domain(text)
    if len(labels) < 2:
        raise InvalidName(
            gettext_noop("%(text)s is only one word. Write the whole name, as %(text)s.org."),
            text=name,
        )
    if labels[-1].isdigit():
        raise InvalidName(
            gettext_noop("%(text)s looks like an IP address. Enter a domain name."), text=name
        )
    if len(name) > most:
        raise too_long(name, most)


def _check_local(local: str) -> None:
    if _LOCAL.fullmatch(local) and len(local) <= LOCAL_LENGTH and ".." not in local:  # most are
        return
    if not local:
        raise InvalidName(gettext_noop("Enter the part before the @."))
    if "@" in local:
        raise InvalidName(gettext_noop("Enter only the part before the @."))
    if len(local) > LOCAL_LENGTH:
        raise too_long(local, LOCAL_LENGTH)
    if odd := _LOCAL_ODD.search(local):
        raise odd_character(
            gettext_noop("%(char)s cannot be used. Use letters a to z, digits and . _ + - only."),
            odd[0],
        )
    if not _LOCAL.fullmatch(local):
        raise InvalidName(gettext_noop("A name begins and ends with a letter or a digit."))
    _check_dots(local)


def _check_outside(local: str, at: str, text: str) -> None:
    if not (local and at):
        raise InvalidName(
            gettext_noop("%(text)s is not a whole address. Write name@example.org."),
            text=shown(text),
        )
    if len(local) > LOCAL_LENGTH:
        raise too_long(local, LOCAL_LENGTH)
    if odd := _OUTSIDE_ODD.search(local):
        raise odd_character(
            gettext_noop("%(char)s cannot be used. Write one plain address, as name@example.org."),
            odd[0],
        )
    if local[0] in _LINE_SIGNS:
        raise InvalidName(
            gettext_noop("Write the address alone, without the %(char)s before it."), char=local[0]
        )
    if local.startswith(".") or local.endswith("."):
        raise InvalidName(gettext_noop("An address has no dot at its beginning or before the @."))
    _check_dots(local)


def _check_dots(local: str) -> None:
    if ".." in local:
        raise InvalidName(gettext_noop("Two dots cannot follow each other."))


def _lower(text: str) -> str:
    """Letters of ASCII only: the Kelvin sign does not become a k."""
    return text.translate(_LOWER)


def _not_a_user(text: str) -> InvalidName:
    return InvalidName(
        gettext_noop("%(text)s is not a mail user. Write name:uid:gid, as popuser:110:31."),
        text=shown(text),
    )
