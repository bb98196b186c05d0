"""What every page of an operator says of people."""

from __future__ import annotations

from django import template

from qmailpanel.accounts.models import User
from qmailpanel.people.models import NameRequest, Outcome

register = template.Library()


@register.simple_tag
def open_requests(user: User) -> int:
    """How many names wait for an answer."""
    return NameRequest.objects.for_user(user).filter(outcome=Outcome.OPEN).count()
