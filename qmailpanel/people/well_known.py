"""Mail providers that everybody knows: who got their name here would get mail meant for them."""

from __future__ import annotations

from pathlib import Path

WELL_KNOWN = frozenset(Path(__file__).with_name("well_known.txt").read_text().split())


def is_well_known(name: str) -> bool:
    """Whether it is one of theirs, or a name below."""
    labels = name.split(".")
    return any(".".join(labels[start:]) in WELL_KNOWN for start in range(len(labels)))
