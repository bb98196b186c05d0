"""Settings of the mail host."""

from __future__ import annotations

from qmailpanel.environment import kinds
from qmailpanel.environment.kinds import number, one_of
from qmailpanel.environment.setting import Setting, Values


def _hup(above: Values) -> str:
    return "auto" if (above["QMAILPANEL_QMAIL_HOME"] / "bin/qmail-send").exists() else "none"


MAIL_HOST = (
    Setting(
        "QMAILPANEL_MAIL_USER",
        kinds.MAIL_USER,
        "popuser:110:31",
        "who deliveries run as",
    ),
    Setting(
        "QMAILPANEL_FIRST_PREPEND",
        number(1, 999_999_999),
        100,
        "the prepend of the first domain",
    ),
    Setting(
        "QMAILPANEL_HUP",
        kinds.HUP,
        _hup,
        "how qmail-send is told that `control/virtualdomains` changed",
        "`auto`; `none` without `bin/qmail-send`",
    ),
    Setting(
        "QMAILPANEL_REJECTNONEXIST",
        one_of("auto", "on"),
        "auto",
        "whether `control/rejectnonexist` is kept; `auto`: where it exists",
    ),
    Setting(
        "QMAILPANEL_RCPTHOSTS",
        number(1, 1_000_000),
        1_000,
        "how many domains `control/rcpthosts` holds; further ones go to `control/morercpthosts`",
    ),
    Setting(
        "QMAILPANEL_RECIPIENTS",
        one_of("auto", "none", "validrcptto", "morevalidrcptto", "recipients"),
        "auto",
        "which list of known recipients qmail-smtpd asks, `auto`: the one that exists; see "
        "[recipients.md](recipients.md)",
    ),
    Setting(
        "QMAILPANEL_DELIVERQUOTA",
        kinds.PROGRAM,
        "auto",
        "the program that holds quotas; `auto`: where Debian's maildrop or courier put it",
    ),
    Setting(
        "QMAILPANEL_MAILBOT",
        kinds.PROGRAM,
        "auto",
        "the program that answers mail; `auto`: where Debian's maildrop or courier put it",
    ),
    Setting(
        "QMAILPANEL_ASK_GROUP",
        kinds.GROUP,
        "qmailpanel-ask",
        "the group of what asks for passwords without being root, as qmail-smtpd: it reads the "
        "login maps, hashes included",
    ),
    Setting(
        "QMAILPANEL_DOVECOT",
        one_of("auto", "on", "off"),
        "auto",
        "whether a Dovecot reads the login files, so that a password is live when it has looked; "
        "`auto`: where the host has its group",
    ),
    Setting(
        "QMAILPANEL_DOVECOT_QUOTA_RULE",
        kinds.SWITCH,
        "off",
        "whether the login files tell Dovecot 2.3 the quotas too; `off`: it has them from "
        "maildirsize. 2.4 is always told",
    ),
    Setting(
        "QMAILPANEL_RETENTION_DAYS",
        number(0, 36_500),
        30,
        "how many days the mail of removed mailboxes is kept; 0: for ever",
    ),
    Setting(
        "QMAILPANEL_WARN_PERCENT",
        number(0, 99),
        90,
        "how full a mailbox is when lists call it nearly full and its owner gets a mail; "
        "0: no mail, and lists begin at 90",
    ),
    Setting(
        "QMAILPANEL_GENERATIONS",
        number(1, 100_000),
        50,
        "how many generations of each shared file are kept",
    ),
    Setting(
        "QMAILPANEL_NODE",
        kinds.NODE,
        "main",
        "the name of this mail host in the database",
    ),
)
