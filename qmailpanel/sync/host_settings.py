"""The layout of this host, as the settings have it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from django.conf import settings

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import KNOWN_RECIPIENTS, Shared
from qmailpanel.qmail.host.examine_machine import find_mentions
from qmailpanel.qmail.host.login_files import READER, find_group
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import MailUser

DELIVERQUOTA = (
    "/usr/sbin/deliverquota",
    "/usr/bin/deliverquota",
    "/usr/bin/deliverquota.maildrop",
    "/usr/bin/deliverquota.courier",
    "/usr/lib/courier/bin/deliverquota",
    "/usr/local/bin/deliverquota",
)
MAILBOT = ("/usr/bin/mailbot", "/usr/lib/courier/bin/mailbot", "/usr/local/bin/mailbot")


def read_layout() -> Layout:
    """Raises ValueError for a mail user that is none."""
    home = str(settings.QMAILPANEL_QMAIL_HOME)
    nonexist = os.path.exists(f"{home}/{Shared.NONEXIST}")
    return Layout(
        qmail_home=home,
        mail_root=str(settings.QMAILPANEL_MAIL_ROOT),
        mail_user=MailUser.parse(settings.QMAILPANEL_MAIL_USER),
        nonexist=nonexist or settings.QMAILPANEL_REJECTNONEXIST == "on",
        deliverquota=_find_deliverquota(home),
        login_dir=str(settings.QMAILPANEL_LOGIN_DIR),
        dovecot=_has_dovecot(home),
        mailbot=_find_mailbot(home),
        ask_group=settings.QMAILPANEL_ASK_GROUP,
        lists=_find_lists(home),
    )


def _find_deliverquota(home: str) -> str:
    """Of maildrop or courier, by the names that Debian and their own installation give it."""
    asked = settings.QMAILPANEL_DELIVERQUOTA
    return _find_program(asked, DELIVERQUOTA) if os.path.exists(f"{home}/bin/preline") else ""


def _find_mailbot(home: str) -> str:
    """Where qmail can send what it answers."""
    asked = settings.QMAILPANEL_MAILBOT
    return _find_program(asked, MAILBOT) if os.path.exists(f"{home}/bin/qmail-inject") else ""


def _find_program(asked: str, known: Sequence[str]) -> str:
    """The program that a setting names; `auto` for the first of the known ones that is there."""
    if asked == "none":
        return ""
    paths = known if asked == "auto" else (asked,)
    return next((path for path in paths if os.access(path, os.X_OK)), "")


def _has_dovecot(home: str) -> bool:
    """With `auto`: whether its group is there, beside a qmail that is no embedded one."""
    if settings.QMAILPANEL_DOVECOT != "auto":
        return bool(settings.QMAILPANEL_DOVECOT == "on")
    programs = (f"{home}/bin/{name}" for name in ("qmail-newu", "qmail-send"))
    return find_group(READER) != 0 and any(os.path.exists(path) for path in programs)


def _find_lists(home: str) -> tuple[Shared, ...]:
    """What the setting names or, with `auto`, what somebody made.

    Where qmail-smtpd asks control/morevalidrcptto.cdb, control/validrcptto is a second list that
    it asks: the operator's own.
    """
    asked = settings.QMAILPANEL_RECIPIENTS
    if asked != "auto":
        return tuple(one for one in KNOWN_RECIPIENTS if os.path.basename(one) == asked)
    lists = [one for one in KNOWN_RECIPIENTS if _is_there(home, one)]
    if Shared.VALID in lists and _is_asked(home, Shared.MORE_VALID):
        lists.remove(Shared.VALID)
        lists = [Shared.MORE_VALID, *(one for one in lists if one is not Shared.MORE_VALID)]
    return tuple(lists)


def _is_there(home: str, shared: Shared) -> bool:
    return any(os.path.exists(f"{home}/{name}") for name in (shared, MAPS[shared].path))


def _is_asked(home: str, shared: Shared) -> bool:
    """By this host's qmail-smtpd, so far as that can be read."""
    mentions = find_mentions(home)
    return _is_there(home, shared) if mentions is None else MAPS[shared].path in mentions
