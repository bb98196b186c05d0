"""One of each thing that services are about, and a call of a service to one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.aliases import services as aliases
from qmailpanel.domains import services as domains
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Grant
from qmailpanel.domains.names import leaving
from qmailpanel.domains.names import services as names
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.mailboxes import owners
from qmailpanel.mailboxes import services as mailboxes
from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.mailboxes.opening import links
from qmailpanel.mailboxes.removal import services as removal
from qmailpanel.people import invitations, requests
from qmailpanel.people.proof import record_name, record_text
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.qmail.secrets.passwords import hash_password
from qmailpanel.sync.models import SyncDrift, SyncQuestion
from tests.kit.live import make_live
from tests.kit.signing_in import enrol
from tests.kit.zone import Zone

PRESENT, NEXT = "seven lanterns over quiet water", "eight lanterns over quiet water"
HELPING = frozenset({Right.PASSWORDS, Right.SWITCHING})
IP = "192.0.2.7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
A, B = MailAddress("a@side.test"), MailAddress("b@side.test")


@cache
def _hashed() -> str:
    return hash_password(PRESENT)


def acting(user: User) -> Actor:
    return Actor(user.pk, str(user), IP)


def request_of(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().post("/", REMOTE_ADDR=IP)
    request.user = user
    request.session = SimpleNamespace(session_key="here")  # type: ignore[assignment]  # all it needs
    return request


class World:
    """A panel with one of each thing that services are about."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._add_domain()
        self._add_addresses()
        self._add_people()
        self._add_host()

    def _add_domain(self) -> None:
        self.domain = domains.add_domain(SYSTEM, DomainName("pandle.net"), contact=A)
        self.alias_domain = names.add_alias_domain(
            SYSTEM, self.domain, DomainName("second.example")
        )

    def _add_addresses(self) -> None:
        self.box = mailboxes.add_mailbox(SYSTEM, self.domain, LocalPart("ada"), stored=_hashed())
        self.mailbox = Mailbox.objects.get(address=self.box)
        self.owner = acting(owners.owner_of(self.mailbox))
        self.mailbox.refresh_from_db()
        self.app_password = AppPassword.objects.create(
            mailbox=self.mailbox, name="phone", password="x", mark="x", created=timezone.now()
        )
        self.link = ""
        self.alias = aliases.add_alias(SYSTEM, self.domain, AliasLocal("info"), [A])
        make_live(self.domain)

    def _add_people(self) -> None:
        self.root = User.objects.create(email="root@example.org", is_operator=True, password="x")
        self.by = acting(self.root)
        self.second = User.objects.create(email="second@example.org", is_operator=True)
        self.ann = User.objects.create(email="ann@example.org", password="x")
        enrol(self.ann)
        self.grant = Grant.objects.create(user=self.ann, domain=self.domain, rights=Right.values)
        invited = invitations.invite(SYSTEM, "new@example.org", [self.domain], HELPING)
        self.token = invited.link.rpartition("=")[2]
        invited = invitations.invite_operator(SYSTEM, "runs@example.org")
        self.token_to_run = invited.link.rpartition("=")[2]
        self.invitation, self.to_run = Invitation.objects.order_by("pk")
        self.asked = requests.request_name(acting(self.ann), DomainName("wish.example"))
        self.asked_alias = requests.request_name(
            acting(self.ann), DomainName("also.example"), self.domain
        )

    def _add_host(self) -> None:
        node = settings.QMAILPANEL_NODE
        self.question = SyncQuestion.objects.create(
            node=node, digest="9f" * 32, text="Drop 412 of 1020", asked=timezone.now()
        )
        self.drift = SyncDrift.objects.create(
            node=node,
            domain=self.domain.pk,
            file="control/virtualdomains",
            key="pandle.net",
            actual="pandle.net:7",
        )

    def sign_in_elsewhere(self) -> int:
        row = UserSession.objects.create(
            user=self.ann, ip="198.51.100.7", session_key="there", user_agent=FIREFOX
        )
        return int(row.pk)

    def offer_link(self) -> None:
        self.link = links.offer_link(self.by, self.box)

    def offer_half(self) -> None:
        """To two domains, in one of which who invited may grant no longer."""
        other = domains.add_domain(SYSTEM, DomainName("other.example"))
        lost = Grant.objects.create(user=self.ann, domain=other, rights=Right.values)
        both = [self.domain, other]
        invited = invitations.invite(acting(self.ann), "new@example.org", both, HELPING)
        self.token = invited.link.rpartition("=")[2]
        lost.delete()

    def publish_proof(self) -> None:
        self.zone.texts[record_name("wish.example")] = [record_text(self.asked.token)]

    def remove(self) -> None:
        removal.remove_mailbox(SYSTEM, self.box, despite_pointers=True)
        make_live(self.domain)

    def remove_domain(self) -> None:
        domains.remove_domain(SYSTEM, self.domain)
        make_live(self.domain)

    def end_due(self) -> None:
        """When the removal was seen live, and long after."""
        now = timezone.now()
        for later in (now, now + timedelta(days=9)):
            clock = leaving.Clock(later, now - timedelta(days=1))
            leaving.end_due(clock, timedelta(days=7), lambda _prepend: False)

    def remove_shop(self) -> None:
        shop = domains.add_domain(SYSTEM, DomainName("shop.pandle.net"))
        domains.remove_domain(SYSTEM, shop)
        leaving.serve_elsewhere(SYSTEM, shop)

    def reply(self, **more: Any) -> dict[str, Any]:
        given = {"on": True, "subject": "Away", "text": "Back soon.", "days": 7}
        return {**given, "first": None, "last": None, **more}


@dataclass(frozen=True)
class Case:
    """A call, what happened before it, and each change it makes as Activity tells it."""

    service: Callable[..., Any]
    call: Callable[[World], object]
    told: tuple[str, ...]
    before: Callable[[World], object]

    @property
    def name(self) -> str:
        module = self.service.__module__.removeprefix("qmailpanel.")
        return f"{module}.{self.service.__name__}"


def case(
    service: Callable[..., Any],
    call: Callable[[World], object],
    *told: str,
    before: Callable[[World], object] = lambda _world: None,
) -> Case:
    return Case(service, call, told, before)
