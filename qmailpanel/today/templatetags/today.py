"""What the rail of every page says of Today."""

from __future__ import annotations

from django import template
from django.template.context import Context

from qmailpanel.accounts.models import User
from qmailpanel.today.counts import Counts, counts_for

register = template.Library()


@register.simple_tag(takes_context=True)
def rail_counts(context: Context, user: User) -> Counts:
    """What the page itself shows counts more than what is asked without looking closely."""
    counts = counts_for(user)
    return counts._replace(today=len(context["needs"])) if "needs" in context else counts
