"""What is wrong with a host, as qmail would see it: every trap with its file, line and remedy.

Pure: `ExaminedHost` and `ExaminedHome` are what a host is, and host/ reads them. Nothing here
believes that what it reads is well-formed.
"""

from __future__ import annotations

from collections.abc import Callable

from qmailpanel.qmail.doctor.accounts import examine_accounts
from qmailpanel.qmail.doctor.assignments import examine_assign
from qmailpanel.qmail.doctor.compiled import examine_compiled
from qmailpanel.qmail.doctor.control_files import examine_control_files
from qmailpanel.qmail.doctor.control_lists import examine_lists
from qmailpanel.qmail.doctor.control_values import examine_values
from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import Finding, Findings, Severity, Trap, gather, shorten
from qmailpanel.qmail.doctor.homes import examine_home
from qmailpanel.qmail.doctor.machine import examine_machine
from qmailpanel.qmail.doctor.own_names import examine_own_names
from qmailpanel.qmail.doctor.routing import examine_routes
from qmailpanel.qmail.doctor.servers import examine_servers

__all__ = [
    "ExaminedHost",
    "Finding",
    "Findings",
    "Severity",
    "Trap",
    "examine_home",
    "examine_shared",
    "gather",
    "shorten",
]


def examine_shared(host: ExaminedHost, exists: Callable[[str], bool]) -> Findings:
    """The files that all domains share, and what runs. `exists`: whether a program is there."""
    yield from examine_control_files(host)
    yield from examine_values(host)
    yield from examine_lists(host)
    yield from examine_assign(host)
    yield from examine_accounts(host)
    yield from examine_compiled(host)
    yield from examine_routes(host)
    yield from examine_own_names(host)
    yield from examine_machine(host, exists)
    yield from examine_servers(host)
