"""The services of signing in, and how Activity tells what they did."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser

from qmailpanel.accounts import factors, sessions, zones
from qmailpanel.accounts import services as accounts
from qmailpanel.ledger.models import Verb
from qmailpanel.people import persons
from tests.kit.every_service.world import (
    NEXT,
    World,
    acting,
    case,
    request_of,
)

ACCOUNTS = [
    case(
        accounts.add_operator,
        lambda _w: accounts.add_operator("new-operator@example.org"),
        "command line let new-operator@example.org run this host",
    ),
    case(
        accounts.add_operator,
        lambda w: accounts.add_operator(w.ann.email),
        "command line removed the app of ann@example.org",
        "command line let ann@example.org run this host",
    ),
    case(
        accounts.add_operator,
        lambda w: accounts.add_operator(w.second.email),
        "command line switched on the person second@example.org",
        before=lambda w: persons.switch_person(w.by, w.second, on=False),
    ),
    case(accounts.add_operator, lambda w: accounts.add_operator(w.second.email)),
    case(
        accounts.set_password,
        lambda w: accounts.set_password(w.ann, NEXT),
        "ann@example.org changed their password",
    ),
    case(
        accounts.record_signed_in,
        lambda w: accounts.record_signed_in(request_of(w.ann), ["password", "code"]),
        "ann@example.org signed in from 192.0.2.7; With: → password, code of an app",
    ),
    case(
        accounts.record_refused,
        lambda _w: accounts.record_refused(request_of(AnonymousUser()), "ann@example.org"),
        "Somebody was refused to sign in as ann@example.org from 192.0.2.7; With: → password",
    ),
    case(
        accounts.record_refused,
        lambda _w: accounts.record_refused(
            request_of(AnonymousUser()), "my password", by="passkey"
        ),
        "Somebody was refused to sign in from 192.0.2.7; With: → passkey",
    ),
    case(
        sessions.end_session,
        lambda w: sessions.end_session(acting(w.ann), w.ann, UserSession.objects.get().pk),
        "ann@example.org ended the session Firefox on Linux, 198.51.100.7",
        before=World.sign_in_elsewhere,
    ),
    case(
        sessions.end_other_sessions,
        lambda w: sessions.end_other_sessions(acting(w.ann), w.ann, request_of(w.ann)),
        "ann@example.org ended the session Firefox on Linux, 198.51.100.7",
        before=World.sign_in_elsewhere,
    ),
    case(
        zones.choose_zone,
        lambda w: zones.choose_zone(acting(w.ann), w.ann, "Pacific/Auckland"),
        "ann@example.org chose a time zone; Time zone: that of this host → Pacific/Auckland",
    ),
    case(zones.choose_zone, lambda w: zones.choose_zone(acting(w.ann), w.ann, "")),
    case(
        factors.record_factor,
        lambda w: factors.record_factor(
            acting(w.ann), Verb.ADDED, w.ann, Authenticator.objects.get()
        ),
        "ann@example.org added the app of ann@example.org",
    ),
    case(
        factors.reset_factors,
        lambda w: factors.reset_factors(w.ann),
        "command line removed the app of ann@example.org",
    ),
]
