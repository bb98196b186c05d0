"""People and their rights, as the rows say."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor

LINK = f"{settings.QMAILPANEL_BASE_URL}/invitation/?token="


def user_of(actor: Actor) -> User:
    return User.objects.get(email=actor.name)


def rights_in(domain: Domain, email: str) -> Iterable[str] | None:
    """What the row says; None where there is no grant."""
    found = Grant.objects.filter(domain=domain, user__email=email).first()
    return sorted(found.rights) if found else None
