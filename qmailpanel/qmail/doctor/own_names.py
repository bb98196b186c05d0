"""This host's own names where only those of others are meant. See qmail-remote(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.doctor.routing import VIRTUAL, find_locals
from qmailpanel.qmail.formats import control
from qmailpanel.qmail.names import gettext_noop

TO_ITSELF = Trap(
    gettext_noop(
        "Mail for %(name)s is sent to this host itself: it goes round until it has too many "
        "Received lines, then it bounces."
    ),
    gettext_noop(
        "Name the host that serves it, or remove the line. A filter here has a port of its own: "
        "%(name)s:127.0.0.1:10025."
    ),
    Severity.ALARM,
)
OWN_SENDERS = Trap(
    gettext_noop(
        "All mail from %(name)s is refused, which is served here: its own people can send "
        "nothing through qmail-smtpd, and get no copy back from a list elsewhere."
    ),
    gettext_noop("Remove the line; to stop forged senders ask SPF in a filter."),
)
ROUTES, BAD_SENDERS = "control/smtproutes", "control/badmailfrom"

_ROUTE = re.compile(rb"(?P<name>[^:]*):\[?(?P<host>[^]:\s]+|::1(?=\]))\]?(?::(?P<port>[0-9]+).*)?")
_LOOPBACK = re.compile(rb"localhost|127\.[0-9.]+|0\.0\.0\.0|::1")


def examine_own_names(host: ExaminedHost) -> Iterator[Finding]:
    """Routes that lead back here, and senders of this host that it refuses."""
    served = _find_served(host)
    for number, entry in control.entries(host.text(ROUTES) or b""):
        route = _ROUTE.fullmatch(entry.lower())
        if route and route["name"] not in served and _leads_here(host, route):
            yield TO_ITSELF.at(ROUTES, number, name=route["name"] or "*")
    for number, entry in control.entries(host.text(BAD_SENDERS) or b""):
        name = entry.lower().removeprefix(b"@")
        if entry.startswith(b"@") and name in served:
            yield OWN_SENDERS.at(BAD_SENDERS, number, name=name)


def _find_served(host: ExaminedHost) -> Set[bytes]:
    """Names whose mail qmail-remote never sees."""
    virtual = (entry for _, entry in control.entries(host.text(VIRTUAL) or b""))
    names = (entry.lower().partition(b":")[0] for entry in virtual)
    return {*find_locals(host), *(name for name in names if name and b"@" not in name)}


def _leads_here(host: ExaminedHost, route: re.Match[bytes]) -> bool:
    if route["port"] not in (None, b"25"):
        return False
    relay, me = route["host"], (host.text("control/me") or b"").partition(b"\n")[0].strip().lower()
    return relay == me or relay in host.addresses or bool(_LOOPBACK.fullmatch(relay))
