"""Passwords that the panel makes up, and words that make a bad one."""

from __future__ import annotations

import secrets

from qmailpanel.domains.models import Domain

CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


def suggest_password() -> str:
    """Four groups of four: 79 bits, easy to read out."""
    groups = ("".join(secrets.choice(CLEAR) for _n in range(4)) for _group in range(4))
    return "-".join(groups)


def known_words(domain: Domain, local: str = "") -> tuple[str, ...]:
    """What everybody knows about the owner of a mailbox."""
    return (local, domain.name, *domain.name.split("."))
