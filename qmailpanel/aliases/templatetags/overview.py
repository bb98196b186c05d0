"""What the overview of a mailbox says of its aliases."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from qmailpanel.aliases.pages import further_context
from qmailpanel.domains.models import Address

register = template.Library()


@register.simple_tag(takes_context=True)
def aliases_of(context: Context, mailbox: Address) -> dict[str, Any]:
    """The context of aliases/further.html."""
    return further_context(context["request"].user, mailbox)
