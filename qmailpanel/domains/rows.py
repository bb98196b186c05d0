"""How a service reads and changes a row of this app: one way for domains and addresses."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import Actor, Refused, record
from qmailpanel.qmail.names import InvalidName, ReplyText

from .models import Address, Domain


def reread(row: Domain | Address) -> None:
    """What the row says now that the ledger is locked, and not what it said to the page before."""
    row.refresh_from_db()


def refuse_removed(row: Domain | Address) -> None:
    """Nothing of a removed row can be edited, nor anything in a removed domain."""
    if row.removed:
        raise Refused(_("%(name)s is removed. Restore it first."), name=str(row))
    if isinstance(row, Address):
        refuse_removed(row.domain)


def amend(actor: Actor, verb: Verb, row: Domain | Address, **wanted: Any) -> Change | None:
    """Set these fields and record it; where they are so already, nothing happens at all."""
    before = {name: getattr(row, name) for name in wanted if getattr(row, name) != wanted[name]}
    if not before:
        return None
    after = {name: wanted[name] for name in before}
    for name, value in after.items():
        setattr(row, name, value)
    change = log(actor, verb, row, before=before, after=after)
    stamp(change, row)
    return change


def log(
    actor: Actor,
    verb: Verb,
    row: Domain | Address,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
) -> Change:
    """The ledger line about one row."""
    if isinstance(row, Domain):
        noun, owner = Noun.DOMAIN, row.pk
    else:
        noun, owner = Noun(row.kind), row.domain_id
    return record(actor, verb, noun, str(row), domain=owner, before=before, after=after)


def stamp(change: Change, row: Domain | Address) -> None:
    """Save the row with its newest change, which is the newest of its domain as well."""
    row.change = change
    row.save()
    if isinstance(row, Address):
        row.domain.change = change
        row.domain.save(update_fields=["change"])


def one_line(text: str, field: str) -> str:
    """A remark a person may leave blank."""
    try:
        return ReplyText(text) if text.strip() else ""
    except InvalidName as error:
        raise Refused(error.template, field, **error.params) from error
