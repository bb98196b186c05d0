"""What every service of this app does with a row, and with what somebody typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Refused, parsed
from qmailpanel.qmail.names import ReplyText

from .models import Address, Claim, Domain

Row = Domain | Address | Claim


def reread(row: Row) -> None:
    """What the row says now that the ledger is locked, and not what it said to the page before."""
    domain = "" if isinstance(row, Domain) else "domain__"
    related = (f"{domain}limits", f"{domain}responder")
    fresh = type(row).objects.select_related(*related).get(pk=row.pk)
    vars(row).pop("_prefetched_objects_cache", None)
    vars(row).update(vars(fresh))  # refresh_from_db() would forget what is beside it


def refuse_removed(row: Row) -> None:
    """Nothing of a removed row can be edited, nor anything in a removed domain."""
    if row.removed:
        raise Refused(_("%(name)s is removed. Restore it first."), name=str(row))
    if not isinstance(row, Domain):
        refuse_removed(row.domain)


def differing(
    actual: Mapping[str, Any], wanted: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides, before and after, of what is not as it is wanted."""
    after = {name: value for name, value in wanted.items() if actual.get(name) != value}
    return {name: actual[name] for name in after if name in actual}, after


def one_line(text: str, field: str) -> str:
    """A comment a person may leave blank."""
    return parsed(ReplyText, text, field) if text.strip() else ""
