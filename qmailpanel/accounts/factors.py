"""Second factors: codes of an app, passkeys, and recovery codes for whoever lost both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache

from qmailpanel.ledger.actors import COMMAND, Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record

from .models import User


@dataclass(frozen=True)
class Factors:
    """What a person has. `codes_left`: unused recovery codes; none where there are none at all."""

    has_app: bool
    codes_left: int | None
    passkeys: list[Any]


def factors_of(user: User) -> Factors:
    factors = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    codes = [one for one in factors if one.type == Authenticator.Type.RECOVERY_CODES]
    return Factors(
        has_app=any(one.type == Authenticator.Type.TOTP for one in factors),
        codes_left=len(codes[0].wrap().get_unused_codes()) if codes else None,
        passkeys=[one for one in factors if one.type == Authenticator.Type.WEBAUTHN],
    )


def has_factor(user: User, kind: str, pk: int | None = None) -> bool:
    """Has the person a factor of that kind; with `pk`, that very one?"""
    factors = Authenticator.objects.filter(user=user, type=kind)
    return bool((factors.filter(pk=pk) if pk else factors).exists())


def use_code(user: User, code: str) -> bool:
    """Use up a right code of an app: it works once, through all of the time it is good for."""
    steps = 2 * settings.MFA_TOTP_TOLERANCE + 1
    key = f"used-code:{user.pk}:{normalize_user_code(code)}"
    return bool(cache.add(key, True, timeout=30 * steps))


def record_factor(actor: Actor, verb: Verb, user: User, authenticator: Any) -> None:
    """Write into the ledger that somebody's second factor came or went."""
    with ledger_locked():
        record(actor, verb, Noun.FACTOR, _name(authenticator, user))


def reset_factors(user: User) -> int:
    """Remove all second factors of somebody who lost them; says how many those were."""
    with ledger_locked():
        names = delete_factors(user)
        for name in names:
            record(COMMAND, Verb.REMOVED, Noun.FACTOR, name)
    return len(names)


def delete_factors(user: User) -> list[str]:
    """All of somebody's; says what they were, for the ledger, which whoever calls this writes."""
    factors = list(Authenticator.objects.filter(user=user).order_by("id"))
    for factor in factors:
        factor.delete()
    return [_name(factor, user) for factor in factors]


def _name(authenticator: Any, user: User) -> str:
    names = {Authenticator.Type.TOTP: "app", Authenticator.Type.RECOVERY_CODES: "recovery codes"}
    what = names.get(authenticator.type) or f"passkey {authenticator.wrap().name[:40]}"
    return f"{what} of {user}"
