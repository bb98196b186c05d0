"""Where a person is signed in, and how each session began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import user_logged_in
from allauth.usersessions.models import UserSession
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.sessions.models import Session as StoredSession
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record

from .models import User

METHODS = {"totp": "code", "recovery_codes": "recovery code", "webauthn": "passkey"}
# the first that is found counts: each of these also calls itself by the names of later ones
BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@dataclass(frozen=True)
class Session:
    """One place where the person is signed in."""

    pk: int
    browser: str
    ip: str
    began: datetime
    is_current: bool


def list_sessions(user: User) -> list[Session]:
    """The living ones, newest first; the one that asks comes before all others."""
    sessions = [_describe(row) for row in UserSession.objects.purge_and_list(user)]
    sessions.sort(key=lambda session: session.began, reverse=True)
    return sorted(sessions, key=lambda session: not session.is_current)


def _describe(row: Any) -> Session:
    return Session(row.pk, browser_of(row.user_agent), row.ip, row.created_at, row.is_current())


def browser_of(user_agent: str) -> str:
    """The browser and the system, as far as they say so."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def _first(names: dict[str, str], text: str) -> str:
    return next((name for sign, name in names.items() if sign in text), "")


def end_session(actor: Actor, user: User, pk: int) -> bool:
    """End one session of this person; false if it is none of theirs, or over already."""
    return _end(actor, UserSession.objects.filter(user=user, pk=pk)) == 1


def end_other_sessions(actor: Actor, user: User, request: HttpRequest) -> int:
    """End all but the one that asks; says how many those were."""
    rows = UserSession.objects.filter(user=user)
    return _end(actor, rows.exclude(session_key=request.session.session_key))


def end_all_sessions(user: User) -> None:
    """All of somebody who is switched off, and the links that would begin another one."""
    for row in UserSession.objects.filter(user=user):
        row.end()
    user.links.all().delete()


def forget_old_sessions() -> None:
    """Remove the rows of sessions that are over, which nobody asks for again."""
    StoredSession.objects.filter(expire_date__lt=timezone.now()).delete()
    living = StoredSession.objects.values("session_key")
    UserSession.objects.exclude(session_key__in=living).delete()


def _end(actor: Actor, rows: Any) -> int:
    with ledger_locked():
        ended = list(rows)
        for row in ended:
            row.end()
            record(actor, Verb.ENDED, Noun.SESSION, f"{browser_of(row.user_agent)}, {row.ip}")
    return len(ended)


def sign_in(request: HttpRequest, user: User, method: str) -> None:
    """Begin a session without any further step; who signs in so need not show again who it is."""
    logout(request)
    record_authentication(request, user, method, reauthenticated=True)
    get_adapter().login(request, user)
    user_logged_in.send(sender=User, request=request, user=user)


def keep_session(request: HttpRequest, user: User) -> None:
    """After a new password: all sessions are over, and this one goes on under a new key."""
    for row in UserSession.objects.filter(user=user):
        row.end()
    update_session_auth_hash(request, user)
    UserSession.objects.create_from_request(request)


def methods_of(request: HttpRequest) -> list[str]:
    """How the person who signed in just now showed who it is."""
    records = get_authentication_records(request, request.user)
    names = dict.fromkeys(each.get("type") or each["method"] for each in records)
    return [METHODS.get(name, name) for name in names]
