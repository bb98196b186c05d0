"""Traps of what runs around qmail: who takes mail, who sends it on, and who is let through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qmailpanel.qmail.doctor.examined import ExaminedHost, Server
from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

NOT_RUNNING = Trap(
    gettext_noop("It does not run: all mail waits in the queue, that for other hosts too."),
    gettext_noop(
        "Start it: svc -u /service/qmail-send where daemontools keep it, else as this host starts "
        "%(home)s/rc. Its log says why it ended."
    ),
    ALARM,
)
RELAYS_FOR_ALL = Trap(
    gettext_noop(
        "RELAYCLIENT is set there for everybody: unless qmail-smtpd demands a password first, this "
        "host is an open relay."
    ),
    gettext_noop(
        'Leave it to those who may: 127.:allow,RELAYCLIENT="" and :allow in the rules, then run '
        "tcprules."
    ),
    ALARM,
)
RELAYS_FOR_MANY = Trap(
    gettext_noop(
        "RELAYCLIENT is set there for all addresses that begin with %(client)s: whole networks of "
        "strangers may send through this host."
    ),
    gettext_noop("Write the addresses of those who may in full, then run tcprules."),
    ALARM,
)
RELAYS_AT_START = Trap(
    gettext_noop(
        "RELAYCLIENT is in the environment of process %(pid)s, so it is set for everybody: unless "
        "qmail-smtpd demands a password first, this host is an open relay."
    ),
    gettext_noop("Take it out of the script that runs tcpserver, and restart that."),
    ALARM,
)
RECORDED = Trap(
    gettext_noop("recordio writes each message and each password that is sent there into a log."),
    gettext_noop("Take recordio out of the script that runs tcpserver, and restart that."),
    NOTE,
)
FOREIGN_SENDMAIL = Trap(
    gettext_noop(
        "It is %(program)s, and not qmail's: what programs of this host send goes there, and to "
        "the mailboxes here perhaps never. It may have taken port 25 too."
    ),
    gettext_noop(
        "ln -sf %(home)s/bin/sendmail %(file)s. On Debian apt-get install maildrop brings exim: "
        "apt-get purge exim4-base, and use --no-install-recommends."
    ),
)
_MANY = re.compile(rb"(?!10\.|127\.)[0-9]+\.")


def examine_servers(host: ExaminedHost) -> Iterator[Finding]:
    """Whether qmail-send runs, whom tcpserver lets through, and what is called sendmail."""
    if host.is_sending is False:
        yield NOT_RUNNING.at("qmail-send", home=host.home)
    for server in host.servers:
        yield from _examine_server(server)
    for path, program in host.foreign_sendmails:
        yield FOREIGN_SENDMAIL.at(path, program=program, file=path, home=host.home)


def _examine_server(server: Server) -> Iterator[Finding]:
    if server.is_recorded:
        yield RECORDED.at("tcpserver")
    if server.is_relay:
        yield RELAYS_AT_START.at("tcpserver", pid=str(server.pid))
    if {b"", b"="} & set(server.relays):
        yield RELAYS_FOR_ALL.at(server.rules)
    for client in server.relays:
        if _MANY.fullmatch(client):
            yield RELAYS_FOR_MANY.at(server.rules, client=client)
