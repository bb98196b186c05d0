"""Users that users/assign names with another uid than they have here. See qmail-users(5)."""

from __future__ import annotations

from qmailpanel.qmail.doctor.assignments import FILE, is_number
from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import LINES, Findings, Trap
from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.names import gettext_noop

OTHER_UID = Trap(
    gettext_noop(
        "It delivers as uid %(uid)s, but the user %(user)s has uid %(real)s here: programs that "
        "run as %(user)s cannot read that mail."
    ),
    gettext_noop(
        "Write what id -u %(user)s says into each such line, run qmail-newu and chown the homes. "
        "For the lines of the panel set QMAILPANEL_MAIL_USER."
    ),
)


def examine_accounts(host: ExaminedHost) -> Findings:
    """The first line of each user and uid that do not belong together."""
    known = set[tuple[bytes, bytes]]()
    for number, line in enumerate(control.split_lines(host.text(FILE) or b""), start=1):
        if line.startswith(b"."):
            return
        fields = line.split(b":", assign.COLONS)
        user, uid = tuple(fields[1:3]) if len(fields) > assign.COLONS else (b"", b"")
        if is_number(uid) and (user, uid) not in known:
            known.add((user, uid))
            real = host.uid_of(user.decode("utf-8", "surrogateescape"))
            if real is not None and real != int(uid):
                yield OTHER_UID.at(FILE, number, user=user, uid=uid, real=str(real))
        if number % LINES == 0:
            yield None
