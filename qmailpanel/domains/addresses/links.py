"""The page of an address, of either kind."""

from __future__ import annotations

from django.urls import reverse

from qmailpanel.domains.models import Address, Kind


def href_of(address: Address) -> str:
    app = "mailboxes" if address.kind == Kind.MAILBOX else "aliases"
    return reverse(f"{app}:detail", args=[address.domain.name, address.pk])
