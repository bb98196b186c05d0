"""What the page of an address says of its past."""

from __future__ import annotations

from django import template

from qmailpanel.accounts.models import User
from qmailpanel.activity.services import Entry, list_last
from qmailpanel.domains.models import Address

register = template.Library()


@register.simple_tag
def last_changes(user: User, address: Address) -> list[Entry]:
    """The newest first."""
    return list_last(user, address)
