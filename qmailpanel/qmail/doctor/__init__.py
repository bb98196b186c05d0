"""What is wrong with a host, as qmail would see it: every trap with its file, line and remedy.

Pure: `Seen` and `HomeSeen` are what a host is, host/ reads them. Nothing here believes that what it
reads is well-formed.
"""

from __future__ import annotations

from collections.abc import Callable

from qmailpanel.qmail.doctor.assignments import examine_assign
from qmailpanel.qmail.doctor.compiled import examine_compiled
from qmailpanel.qmail.doctor.control_files import examine_control_files
from qmailpanel.qmail.doctor.control_lists import examine_lists
from qmailpanel.qmail.doctor.finding import Finding, Findings, Severity, Trap, gather, shorten
from qmailpanel.qmail.doctor.home_traps import examine_home
from qmailpanel.qmail.doctor.machine import examine_machine
from qmailpanel.qmail.doctor.routing import examine_routes
from qmailpanel.qmail.doctor.seen import Seen

__all__ = [
    "Finding",
    "Findings",
    "Seen",
    "Severity",
    "Trap",
    "examine_home",
    "examine_shared",
    "gather",
    "shorten",
]


def examine_shared(seen: Seen, exists: Callable[[str], bool]) -> Findings:
    """The files that all domains share, and what runs. `exists`: whether a program is there."""
    yield from examine_control_files(seen)
    yield from examine_lists(seen)
    yield from examine_assign(seen)
    yield from examine_compiled(seen)
    yield from examine_routes(seen)
    yield from examine_machine(seen, exists)
