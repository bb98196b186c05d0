"""Every route of the panel, and a row for each of them to be about."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from qmailpanel.accounts.access import Audience
from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.access.rights import Preset, Right
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.opening.app_passwords import add_app_password
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.people.invitations import invite
from qmailpanel.people.models import NameRequest
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.sync.models import DriftDecision, Errand, Generation, SyncDrift, SyncQuestion
from tests.kit.passkeys import Key

# allauth's views cannot carry our decorator; each is listed here with the audience it has.
ALLAUTH = {
    "account_login": Audience.ANYONE,
    "account_logout": Audience.ANYONE,  # without a session it leads to the sign-in page
    "account_inactive": Audience.ANYONE,
    "account_reset_password": Audience.ANYONE,
    "account_reset_password_done": Audience.ANYONE,
    "account_reset_password_from_key": Audience.ANYONE,
    "account_reset_password_from_key_done": Audience.ANYONE,
    "mfa_authenticate": Audience.ANYONE,  # whose password was right; all others are led away
    "mfa_login_webauthn": Audience.ANYONE,
}


@dataclass(frozen=True)
class Route:
    """A view with its name and the names of what stands in its address."""

    name: str
    view: Any
    takes: tuple[str, ...]

    @property
    def rights(self) -> frozenset[Right]:
        """What the view needs of whoever looks after the domain."""
        return getattr(self.view, "rights", frozenset())

    def is_seen_without(self, method: str) -> bool:
        """Whether looking needs no right."""
        return bool(getattr(self.view, "seeing", False)) and method in ("get", "head")

    @property
    def audience(self) -> Audience | None:
        return getattr(self.view, "audience", None) or ALLAUTH.get(self.name)

    def __str__(self) -> str:
        return self.name


def routes() -> list[Route]:
    return list(walk(get_resolver().url_patterns, ""))


def walk(
    patterns: list[URLPattern | URLResolver], space: str, above: tuple[str, ...] = ()
) -> Iterator[Route]:
    for pattern in patterns:
        takes = (*above, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from walk(pattern.url_patterns, space + inner, takes)
        else:
            yield Route(f"{space}{pattern.name}", pattern.callback, takes)


ROUTES = routes()


def make_rows(domain: Domain) -> dict[str, Any]:
    """Something for each route to be about, all of it in pandle.net or of its host."""
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("biliards"), password="seven lanterns")
    target = MailAddress("biliards@pandle.net")
    alias = add_alias(SYSTEM, domain, AliasLocal("bilardi"), [target])
    phone, _text = add_app_password(
        SYSTEM, mailbox, name="phone", imap=True, pop3=False, sending=True
    )
    further = add_alias_domain(SYSTEM, domain, DomainName("further.example"))
    bystander = make_person("bystander@example.org")
    grant = Grant.objects.create(user=bystander, domain=domain, rights=["switching"])
    link = invite(SYSTEM, "invited@example.org", [domain], Preset.HELP_DESK.rights).link
    left = DriftDecision.objects.create(
        domain=domain, kind="file", file="f", key="k", side="theirs", change_id=domain.change_id
    )
    of_host = {"node": settings.QMAILPANEL_NODE}
    return {
        "mailboxes": mailbox,
        "mailboxes:own_remove_app_password": phone,
        "row": phone,
        "aliases": alias,
        "aliases:further": mailbox,
        "domains:remove_name": further,
        "domains:restore_name": further,
        "domains:name_elsewhere": further,
        "people:person": bystander,
        "people:change": bystander,
        "people:add": bystander,
        "people:switch": bystander,
        "people:demote": bystander,
        "people:grant": grant,
        "people:revoke": grant,
        "people:withdraw": domain.invitations.get(),
        "console:decide": SyncDrift.objects.create(
            **of_host, domain=domain.pk, kind="file", file="x", key="x"
        ),
        "console:put_back": left,
        "console:back": Generation.objects.create(
            **of_host, file="users/assign", number=1, at=timezone.now(), through=1,
            content=zlib.compress(b".\n"), size=2,
        ),
        "console:answer": SyncQuestion.objects.create(
            **of_host, digest="d", text="t", asked=timezone.now()
        ),
        "link": link,
    }  # fmt: skip


def of_person(asker: User) -> dict[str, Any]:
    """What is one person's own."""
    asked = NameRequest.objects.create(name="asked.example", person=asker, token="t")
    passkey = Key().belongs_to(asker)
    elsewhere = {"ip": "192.0.2.1", "session_key": "elsewhere"}
    return {
        "find:route": Errand.objects.create(
            node=settings.QMAILPANEL_NODE,
            person=asker.pk,
            about="biliards@pandle.net",
            asked=timezone.now(),
        ),
        "people:prove": asked,
        "people:withdraw_request": asked,
        "people:accept_request": asked,
        "people:decline_request": asked,
        "mfa_edit_webauthn": passkey,
        "mfa_remove_webauthn": passkey,
        "accounts:end_session": UserSession.objects.create(user=asker, **elsewhere),
    }


def make_person(email: str) -> User:
    return User.objects.create(email=email, password="argon2$nobody")


def address_of(route: Route, rows: dict[str, Any], name: str = "pandle.net") -> str:
    row = rows.get(route.name) or rows.get(route.name.partition(":")[0])
    known = {"name": name, "pk": row.pk if row else 1, "row": rows["row"].pk}
    return reverse(route.name, kwargs={taken: known[taken] for taken in route.takes})
