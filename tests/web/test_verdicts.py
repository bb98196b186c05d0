"""Each kind of verdict in every place that shows a state: green is only where mail is taken now."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.services import add_mailbox, change_quota, hold_mailbox, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.route.verdict import Verdict
from qmailpanel.reports.models import SyncNode, SyncPosition
from tests.kit.live import make_live, write_usage

Scene = Callable[[Domain], Address]
HERE = "/domains/pandle.net/"
GREEN = frozenset({Verdict.ARRIVES, Verdict.GOES_ON, Verdict.BOTH})
OUT = "x@elsewhere.example"


@pytest.fixture(autouse=True)
def node(db: None) -> SyncNode:
    return SyncNode.objects.create(node="main", heartbeat=timezone.now(), holds_quotas=True)


def box(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("box"))


def alias_to(*targets: str) -> Scene:
    def make(domain: Domain) -> Address:
        box(domain)
        return add_alias(SYSTEM, domain, AliasLocal("alias"), [MailAddress(to) for to in targets])

    return make


def forwards(*, keep: bool, to: str) -> Scene:
    def make(domain: Domain) -> Address:
        mailbox = box(domain)
        change_forwarding(SYSTEM, mailbox, destinations=[MailAddress(to)], keeps=keep)
        return mailbox

    return make


def full(domain: Domain) -> Address:
    mailbox = box(domain)
    change_quota(SYSTEM, mailbox, quota=1_000_000, messages=0)
    write_usage(mailbox, percent=100)
    return mailbox


def off(domain: Domain) -> Address:
    mailbox = box(domain)
    switch_mailbox(SYSTEM, mailbox, on=False)
    return mailbox


def held(domain: Domain) -> Address:
    mailbox = box(domain)
    hold_mailbox(SYSTEM, mailbox, on_hold=True)
    return mailbox


def discarded(domain: Domain) -> Address:
    change_domain(SYSTEM, domain, unknown=Unknown.DISCARD)
    return alias_to("nobody@pandle.net")(domain)


def left(domain: Domain) -> Address:
    mailbox = box(domain)
    make_live(domain)
    SyncPosition.objects.update(left=[mailbox.pk])
    return mailbox


def behind(make: Scene) -> Scene:
    """An alias of it."""

    def made(domain: Domain) -> Address:
        there = make(domain)
        return add_alias(SYSTEM, domain, AliasLocal("behind"), [MailAddress(str(there))])

    return made


SCENES: dict[str, tuple[Verdict, Scene]] = {
    "a mailbox": (Verdict.ARRIVES, box),
    "an alias": (Verdict.GOES_ON, alias_to("box@pandle.net")),
    "a copy is kept": (Verdict.BOTH, forwards(keep=True, to=OUT)),
    "no copy is kept": (Verdict.LEAVES, forwards(keep=False, to=OUT)),
    "an alias of a mailbox elsewhere": (Verdict.LEAVES, alias_to(OUT)),
    "to nobody": (Verdict.RETURNS, alias_to("nobody@pandle.net")),
    "to nobody too": (Verdict.RETURNS, alias_to("box@pandle.net", "nobody@pandle.net")),
    "forwarded to nobody": (Verdict.RETURNS, forwards(keep=True, to="nobody@pandle.net")),
    "full": (Verdict.RETURNS, full),
    "off": (Verdict.RETURNS, off),
    "on hold": (Verdict.WAITS, held),
    "discarded": (Verdict.DISCARDED, discarded),
    "left as others wrote it": (Verdict.UNKNOWN, left),
}
BEHIND = {f"behind: {name}": (found, behind(make)) for name, (found, make) in SCENES.items()}
BEHIND["behind: a copy is kept"] = (Verdict.GOES_ON, BEHIND["behind: a copy is kept"][1])
BEHIND["behind: a mailbox"] = (Verdict.GOES_ON, BEHIND["behind: a mailbox"][1])


def has_green(client: Client, page: str, row: Address) -> bool:
    """Whether the row is green, or its card, or what was found with it."""
    text = client.get(page, follow=True).content.decode()
    assert f"a{row.pk}" in text or page.startswith("/find/")
    if page.startswith("/find/"):
        found = text.partition('class="answer"')[2] if "@" in page else text
        assert f"/{row.pk}/" in found
        return 'class="status live"' in found
    return bool(re.search(rf'id="status-a{row.pk}" class="status live"', text))


def places_of(row: Address) -> list[str]:
    app = "mailboxes" if row.kind == "mailbox" else "aliases"
    mine, pulse = f"{HERE}{app}/{row.pk}/", f"/pulse/?pending=a{row.pk}&domain=d{row.domain_id}"
    lists = [f"{HERE}{app}/", f"{HERE}{app}/?top={row.pk}", f"{HERE}{app}/?q={row.local}"]
    further = Address.objects.filter(kind="mailbox", local="box").exclude(pk=row.pk)
    targets = {there.target for there in row.destinations.all()}
    boxes = [f"{HERE}mailboxes/{each.pk}/" for each in further if str(each) in targets]
    return [*lists, *boxes, mine, f"{mine}row/", f"{mine}remove/", pulse, f"/find/?q={row}"]


@pytest.mark.parametrize("scene", [*SCENES, *BEHIND])
def test_green_is_where_mail_is_taken_now_in_every_place(
    as_operator: Client, operator, domain: Domain, scene: str
) -> None:
    expected, make = {**SCENES, **BEHIND}[scene]
    row = make(domain)
    make_live(domain)
    if "left" in scene:
        SyncPosition.objects.update(left=[Address.objects.get(local="box").pk])
    assert Fates(operator).verdict(str(row)) is expected
    is_green = {page: has_green(as_operator, page, row) for page in places_of(row)}
    assert is_green == dict.fromkeys(is_green, expected in GREEN)
