"""Passwords that the panel makes up."""

from __future__ import annotations

import secrets

CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


def suggest_password() -> str:
    """Four groups of four: 79 bits, easy to read out."""
    groups = ("".join(secrets.choice(CLEAR) for _n in range(4)) for _group in range(4))
    return "-".join(groups)
