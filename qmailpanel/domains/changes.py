"""How a service reads and changes a row of this app: one way for domains and addresses."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import record
from qmailpanel.qmail.names import InvalidName, ReplyText

from .models import Address, Claim, Domain

Row = Domain | Address | Claim


def reread(row: Row) -> None:
    """What the row says now that the ledger is locked, and not what it said to the page before."""
    row.refresh_from_db()


def refuse_removed(row: Row) -> None:
    """Nothing of a removed row can be edited, nor anything in a removed domain."""
    if row.removed:
        raise Refused(_("%(name)s is removed. Restore it first."), name=str(row))
    if not isinstance(row, Domain):
        refuse_removed(row.domain)


def amend(actor: Actor, verb: Verb, row: Row, **wanted: Any) -> Change | None:
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
    row: Row,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
) -> Change:
    """The ledger line about one row."""
    owner = row.pk if isinstance(row, Domain) else row.domain_id
    address = row.pk if isinstance(row, Address) else None
    return record(
        actor,
        verb,
        _noun(row),
        str(row),
        domain=owner,
        address=address,
        before=before,
        after=after,
    )


def _noun(row: Row) -> Noun:
    if isinstance(row, Address):
        return Noun(row.kind)
    return Noun.DOMAIN if isinstance(row, Domain) else Noun.ALIAS_DOMAIN


def stamp(change: Change, row: Row) -> None:
    """Save the row with its newest change, which is the newest of its domain as well."""
    row.change = change
    row.save()
    if not isinstance(row, Domain):
        row.domain.change = change
        row.domain.save(update_fields=["change"])


def one_line(text: str, field: str) -> str:
    """A remark a person may leave blank."""
    try:
        return ReplyText(text) if text.strip() else ""
    except InvalidName as error:
        raise Refused(error.template, field, **error.params) from error
