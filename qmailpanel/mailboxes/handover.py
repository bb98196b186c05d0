"""What is handed over to whoever gets a mailbox, or another password of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qmailpanel.domains.models import Address

from .own.mail_programs import Server, servers_of


@dataclass(frozen=True, slots=True)
class Handover:
    """`password`: one that the panel made up; it stands in this one answer, and nowhere else."""

    address: Address
    password: str
    has_password: bool
    servers: list[Server]


def hand_over(address: Address, typed: Mapping[str, str]) -> Handover:
    """After a good form; a password that somebody chose, unseen, is not shown."""
    is_suggested, mailbox = "suggested" in typed, address.mailbox
    password = typed.get("password", "") if is_suggested else ""
    return Handover(address, password, bool(mailbox.password), servers_of(mailbox))
