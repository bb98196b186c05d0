"""A generated host: rows written in bulk, files and homes made by the sync service itself."""

from __future__ import annotations

from collections.abc import Sequence

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
    mailboxes = _addresses(domains, Kind.MAILBOX, [f"user{n:05}" for n in range(each)], change)
    password = hash_password("the same for all: hashing is slow by design")
    Mailbox.objects.bulk_create(Mailbox(address=one, password=password) for one in mailboxes)
    aliases = _addresses(domains, Kind.ALIAS, ["abuse", "postmaster"], change)
    Destination.objects.bulk_create(
        Destination(address=one, target="operator@example.org") for one in aliases
    )
    return domains


@transaction.atomic
def grow_aliases(assignments: int) -> None:
    """Domains of one mailbox and many aliases of it: that many assignments with few homes."""
    missing = assignments - Address.objects.count()
    domains = add_domains(max(missing // EACH, 0), 1)
    change = Change.objects.latest("id")
    locals_ = [f"alias{n:05}" for n in range(EACH - 3)]  # and a mailbox, abuse and postmaster
    for start in range(0, len(domains), 100):
        some = domains[start : start + 100]
        aliases = _addresses(some, Kind.ALIAS, locals_, change)
        Destination.objects.bulk_create(
            Destination(address=one, target=f"user00000@{one.domain.name}") for one in aliases
        )


def grow_domains(domains: int) -> None:
    """Domains without mailboxes, until there are that many."""
    add_domains(domains - Domain.objects.count(), 0)


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
