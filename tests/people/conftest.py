"""People with few rights in pandle.net."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from django.conf import settings

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor

LINK = f"{settings.QMAILPANEL_BASE_URL}/invitation/?token="


@pytest.fixture
def person(domain: Domain) -> Callable[..., Actor]:
    """Somebody with these rights in pandle.net, as who acts."""

    def with_rights(*rights: str, email: str = "", of: Domain = domain) -> Actor:
        name = email or f"{'-'.join(rights) or 'nobody'}@example.org"
        user, _is_new = User.objects.get_or_create(email=name, password="argon2$nobody")
        if rights:
            Grant.objects.create(user=user, domain=of, rights=list(rights))
        return Actor(user.pk, str(user), "192.0.2.7")

    return with_rights


def user_of(actor: Actor) -> User:
    return User.objects.get(email=actor.name)


def rights_in(domain: Domain, email: str) -> Iterable[str] | None:
    """What the row says; None where there is no grant."""
    found = Grant.objects.filter(domain=domain, user__email=email).first()
    return sorted(found.rights) if found else None
