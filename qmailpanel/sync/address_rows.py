"""What the database has of the addresses of domains, as rows of the layout. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings

from qmailpanel.domains.models import Address, Destination, Kind
from qmailpanel.qmail.layout.rows import (
    AliasRow,
    AppRow,
    LoginRow,
    MailboxColumns,
    MailboxRow,
    ReplyRow,
)

from .app_rows import read_apps
from .asked import Asked
from .standing import REPLY_COLUMNS

_COLUMNS = tuple(column.name for column in fields(MailboxColumns))
_LOGIN_COLUMNS = ("password", "must_change", "imap", "pop3", "sending")
_ADDRESS_COLUMNS = ("id", "domain_id", "local", "kind", "enabled", "refusal", "removed")
READ = (
    *_ADDRESS_COLUMNS,
    *(f"mailbox__{column}" for column in ("id", "home", *_COLUMNS, *_LOGIN_COLUMNS)),
    *(f"mailbox__auto_reply__{column}" for column in ("on", "running", *REPLY_COLUMNS)),
)


@dataclass
class AddressRows:
    """By domain: those that hold their local part, removed or not."""

    mailboxes: dict[int, list[MailboxRow]] = field(default_factory=lambda: defaultdict(list))
    aliases: dict[int, list[AliasRow]] = field(default_factory=lambda: defaultdict(list))


def read_addresses(domains: Sequence[int]) -> AddressRows:
    """All of these domains, in three queries."""
    asked = Asked(domains)
    read = Address.objects.claiming().filter(asked.addressed()).order_by("id").values(*READ)
    return address_rows(read, read_destinations(asked), read_apps(asked))


def address_rows(
    read: Iterable[Mapping[str, Any]],
    destinations: Mapping[int, Sequence[str]],
    apps: Mapping[int, tuple[AppRow, ...]],
) -> AddressRows:
    """`read`: the columns READ. `destinations` are by address, `apps` by mailbox."""
    rows = AddressRows()
    for row in read:
        targets = tuple(destinations.get(row["id"], ()))
        if row["kind"] == Kind.ALIAS:
            rows.aliases[row["domain_id"]].append(_alias(row, targets))
        else:
            app_rows = apps.get(row["mailbox__id"], ())
            rows.mailboxes[row["domain_id"]].append(_mailbox(row, targets, app_rows))
    return rows


def _alias(row: Mapping[str, Any], targets: tuple[str, ...]) -> AliasRow:
    return AliasRow(
        address=row["id"],
        local=row["local"],
        destinations=targets,
        enabled=row["enabled"],
        removed=row["removed"],
    )


def _mailbox(
    row: Mapping[str, Any], targets: tuple[str, ...], apps: tuple[AppRow, ...]
) -> MailboxRow:
    return MailboxRow(
        mailbox=row["mailbox__home"],
        address=row["id"],
        local=row["local"],
        enabled=row["enabled"],
        refusal=row["refusal"],
        removed=row["removed"],
        destinations=targets,
        reply=_reply(row),
        login=LoginRow(
            storage=row["mailbox__quota"],
            messages=row["mailbox__messages"],
            rule=settings.QMAILPANEL_DOVECOT_QUOTA_RULE == "on",
            apps=apps,
            **{column: row[f"mailbox__{column}"] for column in _LOGIN_COLUMNS},
        ),
        **{column: row[f"mailbox__{column}"] for column in _COLUMNS},
    )


def _reply(row: Mapping[str, Any]) -> ReplyRow | None:
    """The answer that is given at present."""
    if not (row["mailbox__auto_reply__on"] and row["mailbox__auto_reply__running"]):
        return None
    return ReplyRow(*(row[f"mailbox__auto_reply__{column}"] for column in REPLY_COLUMNS))


def read_destinations(asked: Asked) -> Mapping[int, Sequence[str]]:
    """Where each address delivers to besides."""
    targets: dict[int, list[str]] = defaultdict(list)
    destinations = Destination.objects.filter(asked.addressed("address__"))
    for address, target in destinations.values_list("address_id", "target"):
        targets[address].append(target)
    return targets
