"""A host of a million mailboxes as its database has it: no files, and no sync service."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from bench.fill import SECONDS_LATER, fill, fill_from, padded, settle
from qmailpanel.accounts.models import User
from qmailpanel.domains.access.models import Limits
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Address, Claim, Destination, Domain, Grant, Kind
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change, LedgerHead, Noun, Verb
from qmailpanel.ledger.services import record
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.qmail.pause import finish
from qmailpanel.reports.models import SyncPosition, Usage
from qmailpanel.sync.models import ForeignLine
from qmailpanel.sync.rounds.nowhere import look_at_all
from qmailpanel.sync.surveys import note_read_back

PEOPLE, LOOKED_AFTER, FOREIGN = 400, 2_000, 500
ASTRAY, NOBODY = 200, "nobody@d00001.example.org"  # one alias in so many delivers there
VERBS = [Verb.CHANGED, Verb.PASSWORD, Verb.ADDED, Verb.SWITCHED_OFF, Verb.SWITCHED_ON]
MODELS = (Domain, Claim, Address, Mailbox, Destination, Usage, SyncPosition, User, Grant)


@dataclass(frozen=True)
class Size:
    """`wide`: mailboxes of the first domain; the others share the rest."""

    mailboxes: int
    domains: int
    wide: int
    changes: int


def fill_scene(size: Size) -> None:
    """Rows of everything; domain numbers are 1 to `size.domains`, and the first is the wide one."""
    with transaction.atomic():
        _fill(size)
    settle(*MODELS)
    finish(look_at_all())
    note_read_back()


def _fill(size: Size) -> None:
    change = record(SYSTEM, Verb.ADDED, Noun.HOST, "bench")
    _fill_domains(size.domains, change.pk)
    Limits.objects.create(domain_id=1, mailboxes=size.mailboxes, aliases=size.wide, pool=1 << 60)
    _fill_addresses(size, change.pk)
    _fill_usage(change.pk)
    _fill_people(size.domains)
    _fill_ledger(size)
    _fill_foreign_lines()


def _fill_domains(number: int, change: int) -> None:
    name = f"'d' || {padded('n', 5)} || '.example.org'"
    prepend = f"n + {settings.QMAILPANEL_FIRST_PREPEND}"
    fill(Domain, number, id="n + 1", name=name, prepend=prepend, change_id=str(change))
    fill_from(Claim, "domains_domain", name="name", domain_id="id", change_id=str(change))


def _fill_addresses(size: Size, change: int) -> None:
    others, changed = size.domains - 1, {"change_id": str(change)}
    domain = f"CASE WHEN n < {size.wide} THEN 1 ELSE 2 + (n - {size.wide}) % {others} END"
    local, mailbox = f"'user' || {padded('n', 7)}", f"'{Kind.MAILBOX}'"
    box = {"domain_id": domain, "local": local, "kind": mailbox, "enabled": "n % 400 <> 9"}
    fill(Address, size.mailboxes, **box, **changed)
    boxes = f"domains_address WHERE kind = {mailbox}"
    ids = {"address_id": "id", "domain_id": "domain_id", "home": "id"}
    password = "CASE WHEN id % 700 = 3 THEN '' ELSE '$argon2id$x' END"
    some = {"forwards": "id % 500 = 1", "replies": "id % 90 = 7", "password": password}
    last = f"id % {size.wide} > {size.wide * 49 // 50}"  # all at the end of the list
    fill_from(Mailbox, boxes, **ids, **some, on_hold=last)
    away = {"address_id": "address_id", "target": "'away@example.org'"}
    fill_from(Destination, "mailboxes_mailbox WHERE forwards", **away)
    for local in ("'abuse'", "'postmaster'"):
        alias = {"local": local, "kind": f"'{Kind.ALIAS}'", **changed}
        fill_from(Address, "domains_domain", domain_id="id", **alias)
    aliases = f"domains_address WHERE kind = '{Kind.ALIAS}'"
    target = f"CASE WHEN id % {ASTRAY} = 0 THEN '{NOBODY}' ELSE 'operator@example.org' END"
    fill_from(Destination, aliases, address_id="id", target=target)


def _fill_usage(change: int) -> None:
    """One in ten is nearly full; all domains are live."""
    node, at = f"'{settings.QMAILPANEL_NODE}'", f"'{timezone.now()}'"
    boxes = f"domains_address WHERE kind = '{Kind.MAILBOX}'"
    sizes = {"bytes": "id % 1000000 * 1000", "messages": "id % 1000", "percent": "id * 37 % 100"}
    there = {"node": node, "domain": "domain_id", "address": "id", "at": at}
    fill_from(Usage, boxes, **there, **sizes, opened="id % 300 <> 5")
    through = {"tried": str(change), "applied": str(change)}
    fill_from(SyncPosition, "domains_domain", node=node, domain="id", **through)


def _fill_people(domains: int) -> None:
    fill(User, PEOPLE, email=_person("n"), password="'argon2$x'")
    first = User.objects.order_by("id")[0]
    rights = list(Right.values)
    Grant.objects.bulk_create(
        Grant(user=first, domain_id=number + 1, rights=rights)
        for number in range(min(LOOKED_AFTER, domains))
    )


def _person(number: str) -> str:
    return f"'person' || {padded(number, 4)} || '@example.org'"


def _fill_ledger(size: Size) -> None:
    """Lines as of old times, without the digests that bind them to each other."""
    head = LedgerHead.objects.get()
    first = User.objects.order_by("id")[0].pk
    verbs = " ".join(f"WHEN {n} THEN '{verb}'" for n, verb in enumerate(VERBS))
    fill(
        Change,
        size.changes,
        id=f"n + {head.last + 1}",
        at=SECONDS_LATER[connection.vendor].format("n * 30") % "'2025-01-01 00:00:00'",
        actor_id=f"{first} + n % {PEOPLE}",
        actor_name=_person(f"n % {PEOPLE}"),
        ip="'192.0.2.1'",
        verb=f"CASE n % {len(VERBS)} {verbs} END",
        noun=f"'{Noun.MAILBOX}'",
        target=f"'user' || {padded('n', 7)} || '@example.org'",
        domain=f"1 + n * 7919 % {size.domains}",
        address=f"1 + n * 31 % {size.mailboxes}",
        before="""'{"comment": "as it was before somebody came"}'""",
        after="""'{"comment": "as it is now that somebody was here"}'""",
    )
    LedgerHead.objects.update(last=head.last + size.changes)


def _fill_foreign_lines() -> None:
    """As a host has them that was run by hand before."""
    node = settings.QMAILPANEL_NODE
    lines = (f"+bob{n}-:bob:1000:1000:/home/bob:-::" for n in range(FOREIGN))
    ForeignLine.objects.bulk_create(
        ForeignLine(node=node, file="users/assign", number=number, line=line)
        for number, line in enumerate(lines, start=1)
    )


def find_owner(domain: Domain) -> User:
    return owner_of(Mailbox.objects.filter(address__domain=domain).order_by("id")[0])


def add_person(email: str, *domains: Domain, is_operator: bool = False) -> User:
    user = User.objects.create(email=email, is_operator=is_operator, password="argon2$x")
    rights = list(Right.values)
    Grant.objects.bulk_create(Grant(user=user, domain=each, rights=rights) for each in domains)
    return user
