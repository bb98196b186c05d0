"""What allauth says of second factors goes into the ledger: it has no other way to hear of it."""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals
from django.http import HttpRequest

from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Verb

from .factors import record_factor
from .models import User
from .services import record_refused


def listen() -> None:
    signals.authenticator_added.connect(_added)
    signals.authenticator_reset.connect(_added)
    signals.authenticator_removed.connect(_removed)
    signals.authentication_failed.connect(_failed)


def _added(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    record_factor(Actor.of(request), Verb.ADDED, user, authenticator)


def _removed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    record_factor(Actor.of(request), Verb.REMOVED, user, authenticator)


def _failed(request: HttpRequest, user: User | None, authenticator: Any, **_: Any) -> None:
    """Without `authenticator` it was a passkey; without `user` one that is not known here."""
    record_refused(request, user.email if user else "", by="code" if authenticator else "passkey")
