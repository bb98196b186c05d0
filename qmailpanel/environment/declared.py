"""Every setting, declared once. See docs/settings.md, which is printed from here."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from qmailpanel.environment import kinds
from qmailpanel.environment.host_zone import zone_of_host
from qmailpanel.environment.kinds import number, one_of
from qmailpanel.environment.setting import Setting, Values
from qmailpanel.web_address import WebAddress

BASE_DIR = Path(__file__).resolve().parents[2]


def _below(name: str, child: str) -> Callable[[Values], Path]:
    return lambda above: above[name] / child


def _on_port(port: int) -> Callable[[Values], str]:
    return lambda above: f"{_base_url(above).host}:{port}"


def _base_url(above: Values) -> WebAddress:
    base: WebAddress = above["QMAILPANEL_BASE_URL"]
    return base


def _own_url(above: Values) -> WebAddress:
    return WebAddress.of("http", above["QMAILPANEL_HOST"], above["QMAILPANEL_PORT"])


def _hup(above: Values) -> str:
    return "auto" if (above["QMAILPANEL_QMAIL_HOME"] / "bin/qmail-send").exists() else "none"


def _own_address(above: Values) -> str:
    return f"qmailpanel@{_base_url(above).host}"


PLACES = (
    Setting(
        "QMAILPANEL_STATE_DIR",
        kinds.PATH,
        BASE_DIR / "var",
        "where the panel keeps database, fifo and keys",
        "`var` beside `manage.py`",
    ),
    Setting(
        "QMAILPANEL_QMAIL_HOME",
        kinds.PATH,
        _below("QMAILPANEL_STATE_DIR", "qmail"),
        "the qmail home",
        "embedded: `qmail` in the state directory",
    ),
    Setting(
        "QMAILPANEL_MAIL_ROOT",
        kinds.MAIL_ROOT,
        _below("QMAILPANEL_QMAIL_HOME", "mailnames"),
        "where mail is kept",
        "`mailnames` in the qmail home",
    ),
    Setting(
        "QMAILPANEL_SYNC_DIR",
        kinds.PATH,
        _below("QMAILPANEL_QMAIL_HOME", "qmailpanel"),
        "what the sync service remembers; only it may write there",
        "`qmailpanel` in the qmail home",
    ),
    Setting(
        "QMAILPANEL_LOGIN_DIR",
        kinds.PATH,
        _below("QMAILPANEL_QMAIL_HOME", "logins"),
        "where the files are by which people are let in",
        "`logins` in the qmail home",
    ),
    Setting(
        "DATABASE_URL",
        kinds.DATABASE,
        None,
        "the database; for PostgreSQL install `requirements-postgres.txt`",
        "SQLite in the state directory",
        is_secret=True,
    ),
)

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

WEB = (
    Setting("QMAILPANEL_HOST", kinds.HOST, "127.0.0.1", "where the panel listens"),
    Setting("QMAILPANEL_PORT", kinds.PORT, 8025, "on which port"),
    Setting(
        "QMAILPANEL_BASE_URL",
        kinds.WEB_ADDRESS,
        _own_url,
        "the address people open",
        "`http://127.0.0.1:8025`, with the host and the port above",
    ),
    Setting(
        "QMAILPANEL_TRUSTED_PROXIES",
        number(0, 100),
        0,
        "how many proxies stand before the panel and add the address they see to "
        "`X-Forwarded-For`; "
        "each must drop headers with an underscore, as nginx does",
    ),
    Setting(
        "QMAILPANEL_HSTS_SECONDS",
        number(0, 315_360_000),
        31_536_000,
        "how long browsers keep to https, if the base URL does",
    ),
    Setting(
        "QMAILPANEL_SECOND_FACTOR",
        one_of("none", "operators", "everybody"),
        "operators",
        "who needs a second factor: codes of an app, or a passkey",
    ),
    Setting(
        "QMAILPANEL_SECOND_FACTOR_DAYS",
        number(0, 3_650),
        7,
        "how many days a new person or operator has until then",
    ),
    Setting(
        "QMAILPANEL_OPERATOR",
        kinds.ADDRESS,
        "operator@example.org",
        "the operator that `make run` creates",
    ),
    Setting(
        "QMAILPANEL_TIME_ZONE",
        kinds.TIME_ZONE,
        lambda _above: zone_of_host(os.environ),
        "in which time zone times are shown, and days begin and end",
        "the host's",
    ),
    Setting(
        "QMAILPANEL_RESOLVER",
        kinds.RESOLVER,
        "",
        "who is asked in DNS whose a domain is",
        "the system's resolver",
    ),
    Setting(
        "QMAILPANEL_DEBUG",
        kinds.SWITCH,
        "off",
        "Django's debug pages, for development only",
    ),
)

MAIL = (
    Setting(
        "QMAILPANEL_IMAP",
        kinds.PLACE,
        _on_port(993),
        "where mail programs read mail, as owners are told; empty: nowhere",
        "port 993 of the base URL's host",
        may_be_empty=True,
    ),
    Setting(
        "QMAILPANEL_POP3",
        kinds.PLACE,
        _on_port(995),
        "where they fetch it",
        "port 995 there",
        may_be_empty=True,
    ),
    Setting(
        "QMAILPANEL_SMTP",
        kinds.PLACE,
        _on_port(465),
        "where they send it",
        "port 465 there",
        may_be_empty=True,
    ),
    Setting(
        "QMAILPANEL_MAIL_FROM",
        kinds.ADDRESS,
        _own_address,
        "the sender of the panel's own mail",
        "`qmailpanel@` the base URL's host",
    ),
    Setting(
        "EMAIL_URL",
        kinds.MAIL,
        kinds.MAIL.read("smtp://localhost:25"),
        "how the panel sends its own mail; localhost must relay for 127.0.0.1, and sendmail cannot "
        "do it below `NoNewPrivileges`, which the units of systemd set",
        "`smtp://localhost:25`",
        is_secret=True,
    ),
)

SECTIONS = {
    "Places": PLACES,
    "The mail host": MAIL_HOST,
    "The panel": WEB,
    "Mail programs, and mail of the panel's own": MAIL,
}
SETTINGS = {setting.name: setting for setting in chain.from_iterable(SECTIONS.values())}
