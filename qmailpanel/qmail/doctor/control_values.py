"""Traps of control files that have one number each. See qmail-send(8) and qmail-smtpd(8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.names import gettext_noop
from qmailpanel.qmail.numbers import HIGHEST_ROW, read_number

ALARM, NOTE = Severity.ALARM, Severity.NOTE

NO_NUMBER = Trap(
    gettext_noop("It begins with no digit: %(entry)s; qmail goes on as if it were missing."),
    gettext_noop("Write a plain number into its first line, without a sign or a blank before it."),
)
BEHIND = Trap(
    gettext_noop("qmail reads %(number)s there and drops what follows: %(entry)s"),
    gettext_noop("Write plain digits: 20971520 for 20 MB. No unit and no sign is known there."),
)
NO_LOCAL = Trap(
    gettext_noop("At most %(number)s local deliveries at a time: no mailbox here gets mail."),
    gettext_noop("Write 10, or remove the file; then restart qmail-send: HUP is not enough."),
    ALARM,
)
NO_REMOTE = Trap(
    gettext_noop("At most %(number)s remote deliveries at a time: no mail leaves this host."),
    gettext_noop("Write 20, or remove the file; then restart qmail-send: HUP is not enough."),
    ALARM,
)
TINY = Trap(
    gettext_noop(
        "Messages of more than %(number)s bytes are refused: with today's headers, all of them."
    ),
    gettext_noop("Write bytes, as 20971520 for 20 MB, or 0 for no limit."),
    ALARM,
)
SMALL = Trap(
    gettext_noop("Messages of more than %(number)s bytes are refused: most with an attachment."),
    gettext_noop("Write bytes, as 20971520 for 20 MB, or 0 for no limit."),
)
SHORT_LIFE = Trap(
    gettext_noop(
        "Mail that cannot be delivered at once bounces after %(number)s seconds, where others try "
        "for days: a mailbox that is full or a host that starts again loses mail."
    ),
    gettext_noop("Write 604800, a week, or remove the file; then restart qmail-send."),
)
NO_TIME = Trap(
    gettext_noop("A connection ends after %(number)s seconds of waiting, in the middle of mail."),
    gettext_noop("Write %(usual)s, or remove the file."),
)


@dataclass(frozen=True, slots=True)
class _Value:
    """`traps`: below which number what is wrong, the lowest first. `usual`: what it is without."""

    usual: int
    traps: tuple[tuple[int, Trap], ...] = ()
    zero: bool = False  # stands for no limit


VALUES: Mapping[str, _Value] = {
    "control/concurrencylocal": _Value(10, ((1, NO_LOCAL),)),
    "control/concurrencyremote": _Value(20, ((1, NO_REMOTE),)),
    "control/databytes": _Value(0, ((10_000, TINY), (1_000_000, SMALL)), zero=True),
    "control/queuelifetime": _Value(604_800, ((14_400, SHORT_LIFE),)),
    "control/timeoutsmtpd": _Value(1200, ((10, NO_TIME),)),
    "control/timeoutremote": _Value(1200, ((10, NO_TIME),)),
    "control/timeoutconnect": _Value(60, ((5, NO_TIME),)),
}


def examine_values(host: ExaminedHost) -> Iterator[Finding]:
    """Of such a file qmail reads the digits that its first line begins with."""
    for name, value in VALUES.items():
        first = (host.text(name) or b"").partition(b"\n")[0].rstrip(b" \t")
        behind = first.lstrip(b"0123456789")
        digits = first.removesuffix(behind)
        if not first:
            continue
        if not digits:
            yield NO_NUMBER.at(name, 1, entry=first)
        elif behind:
            yield BEHIND.at(name, 1, entry=first, number=digits)
        yield from _examine_number(name, value, digits)


def _examine_number(name: str, value: _Value, digits: bytes) -> Iterator[Finding]:
    number = read_number(digits, HIGHEST_ROW)
    if number is None or (number == 0 and value.zero):
        return
    trap = next((trap for lowest, trap in value.traps if number < lowest), None)
    if trap:
        yield trap.at(name, 1, number=digits, usual=str(value.usual))
