"""A generated host: rows written in bulk, files and homes made by the sync service itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from qmailpanel.commands.embedded import prepare_embedded_home
from qmailpanel.domains.models import Address, Claim, Destination, Domain, Kind
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import record
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.qmail.secrets.passwords import hash_password
from qmailpanel.reports.models import SyncPosition

EACH = 100  # mailboxes of a domain
MANY = 10_000  # rows of a domain in one go


def prepare() -> None:
    """An empty panel and an empty host."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    prepare_embedded_home(settings.QMAILPANEL_QMAIL_HOME)


def grow(mailboxes: int) -> list[Domain]:
    """Domains of 100 mailboxes each, until there are that many mailboxes."""
    missing = mailboxes - Mailbox.objects.count()
    return add_domains(missing // EACH, EACH) if missing > 0 else []


@transaction.atomic
def add_domains(number: int, each: int) -> list[Domain]:
    """New domains with mailboxes, and with the aliases that every domain has."""
    change = record(SYSTEM, Verb.ADDED, Noun.HOST, "bench")
    domains = _domains(number, change)
    _add_mailboxes(domains, range(each), change)
    aliases = _addresses(domains, Kind.ALIAS, ["abuse", "postmaster"], change)
    Destination.objects.bulk_create(
        Destination(address=one, target="operator@example.org") for one in aliases
    )
    return domains


@transaction.atomic
def widen(domain: Domain, mailboxes: int) -> Domain:
    """More mailboxes in the domain, until it has that many; it is as of a new change."""
    change = record(SYSTEM, Verb.ADDED, Noun.HOST, "bench")
    present = Address.objects.filter(domain=domain, kind=Kind.MAILBOX, removed=False).count()
    _add_mailboxes([domain], range(present, mailboxes), change)
    domain.change = change
    domain.save(update_fields=["change"])
    return domain


def _domains(number: int, change: Change) -> list[Domain]:
    first = Domain.objects.count()
    domains = Domain.objects.bulk_create(
        Domain(
            name=f"d{n:05}.example.org",
            prepend=settings.QMAILPANEL_FIRST_PREPEND + n,
            change=change,
        )
        for n in range(first, first + number)
    )
    Claim.objects.bulk_create(Claim(name=one.name, domain=one, change=change) for one in domains)
    return domains


def _add_mailboxes(domains: Sequence[Domain], numbers: Iterable[int], change: Change) -> None:
    locals_ = [f"user{n:05}" for n in numbers]
    password = hash_password("the same for all: hashing is slow by design")
    for start in range(0, len(locals_), MANY):
        mailboxes = _addresses(domains, Kind.MAILBOX, locals_[start : start + MANY], change)
        Mailbox.objects.bulk_create(
            Mailbox(address=one, domain=one.domain, password=password) for one in mailboxes
        )


def _addresses(
    domains: Sequence[Domain], kind: Kind, locals_: Sequence[str], change: Change
) -> list[Address]:
    return Address.objects.bulk_create(
        Address(domain=domain, local=local, kind=kind, change=change)
        for domain in domains
        for local in locals_
    )


def is_live(domain: int, change: int) -> bool:
    """Whether sync has read that change back."""
    node = settings.QMAILPANEL_NODE
    live = SyncPosition.objects.filter(node=node, domain=domain, applied__gte=change)
    return live.exists()
