"""vpopmail's vpasswd: the mailboxes of one domain, `name:hash:1:FLAGS:gecos:HOME:quota[:clear]`.

Passwords are left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from qmailpanel.qmail.formats import control

NAME = "vpasswd"
_FIELDS = 7


class VpopmailBox(NamedTuple):
    """A mailbox in line `number`; its home is where the line says, however deep that is."""

    number: int
    name: bytes
    home: bytes
    quota: bytes


def read_boxes(content: bytes) -> Iterator[VpopmailBox]:
    """The mailboxes; a line that is none is passed over."""
    for number, line in enumerate(control.split_lines(content), start=1):
        fields = line.rstrip(b"\n").split(b":", _FIELDS)
        if len(fields) >= _FIELDS and fields[0]:
            yield VpopmailBox(number, fields[0], fields[5], fields[6])
