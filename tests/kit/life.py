"""What people do to their domains, at random, and what others do to the host meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from qmailpanel.aliases.services import change_alias, remove_alias, restore_alias, switch_alias
from qmailpanel.domains.departed.services import remove_responder, set_responder
from qmailpanel.domains.models import Address, Claim, Domain, Kind, Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import (
    change_domain,
    remove_domain,
    restore_domain,
    switch_domain,
)
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.models import AppPassword
from qmailpanel.mailboxes.opening.app_passwords import add_app_password, remove_app_password
from qmailpanel.mailboxes.opening.switches import change_switches
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_quota, hold_mailbox, set_password, switch_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from tests.kit.panels import Panel

LOCALS = ("ann", "bob", "joe", "x.y", "team", "info")
NAMES = ("pandle.net", "b.test")
ALSO = "pandle.com"
TARGETS = (*(f"{local}@{name}" for name in (*NAMES, ALSO) for local in LOCALS), "out@side.test")
HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"
BOTH = (Kind.MAILBOX, Kind.ALIAS)


class Life:
    """Of two domains that deliver to each other; the first has a second name."""

    def __init__(self, panel: Panel, seed: int) -> None:
        self.random = random.Random(seed)
        self.panel = panel
        self.domains = [panel.add_domain(name) for name in NAMES]
        self.claim = add_alias_domain(SYSTEM, self.domains[0], DomainName(ALSO))
        for domain in self.domains:
            for local in LOCALS[:2]:
                panel.add_mailbox(domain, local)
        addresses = [self.add_mailbox, self.add_alias, self.remove, self.restore, self.change_alias]
        delivery = [self.forward, self.reply, self.rename, self.switch, self.hold, self.limit]
        opening = [self.sign, self.make_app, self.drop_app, self.close]
        self.acts: list[Callable[[], object]] = [
            *addresses * 4,
            *delivery * 2,
            *opening,
            *[self.purge] * 2,
            self.unknown,
            self.answer_for_departed,
            self.name,
        ]

    def act(self) -> None:
        try:
            self.random.choice(self.acts)()
        except (Refused, IndexError):
            return

    def whole_domains(self) -> None:
        """They come and go as well, under other names."""
        self.acts += [self.serve, self.remove_domain, self.restore_domain, self.rename_domain]
        self.acts += [self.restore_domain, self.take_below]

    # whom it is about

    @property
    def domain(self) -> Domain:
        domain = self.random.choice([self.domains[0], *self.domains])
        domain.refresh_from_db()
        return domain

    def some(self, *kinds: Kind, removed: bool = False) -> Address:
        rows = Address.objects.filter(kind__in=kinds, removed=removed, claims=True)
        return self.random.choice(list(rows.order_by("pk")))

    def local(self) -> LocalPart:
        return LocalPart(self.random.choice(LOCALS))

    def targets(self) -> list[MailAddress]:
        texts = self.random.sample(TARGETS, self.random.randint(1, 2))
        return [MailAddress(text) for text in texts]

    def coin(self) -> bool:
        return self.random.random() < 0.5

    # addresses

    def add_mailbox(self) -> None:
        self.panel.add_mailbox(self.domain, self.local())

    def add_alias(self) -> None:
        self.panel.add_alias(self.domain, self.local(), *self.targets())

    def change_alias(self) -> None:
        change_alias(SYSTEM, self.some(Kind.ALIAS), destinations=self.targets())

    def remove(self) -> None:
        address = self.some(*BOTH)
        if address.kind == Kind.ALIAS:
            remove_alias(SYSTEM, address, despite_pointers=True)
        elif self.coin():
            remove_mailbox(SYSTEM, address, despite_pointers=True)
        else:
            remove_mailbox(SYSTEM, address, with_aliases=True)

    def restore(self) -> None:
        address = self.some(*BOTH, removed=True)
        if address.kind == Kind.ALIAS:
            restore_alias(SYSTEM, address)
        else:
            restore_mailbox(SYSTEM, address, local=self.local() if self.coin() else None)

    def purge(self) -> None:
        purge_mailbox(SYSTEM, self.some(Kind.MAILBOX, removed=True))

    def rename(self) -> None:
        rename_address(SYSTEM, self.some(*BOTH), self.local(), keep=self.coin())

    # delivery

    def switch(self) -> None:
        address = self.some(*BOTH)
        switch = switch_mailbox if address.kind == Kind.MAILBOX else switch_alias
        switch(SYSTEM, address, on=not address.enabled)

    def hold(self) -> None:
        address = self.some(Kind.MAILBOX)
        hold_mailbox(SYSTEM, address, on_hold=not address.mailbox.on_hold)

    def limit(self) -> None:
        change_quota(SYSTEM, self.some(Kind.MAILBOX), quota=self.random.choice([0, 10_000_000]))

    def forward(self) -> None:
        targets = self.targets() if self.coin() else []
        change_forwarding(
            SYSTEM, self.some(Kind.MAILBOX), destinations=targets, keeps=self.coin() or not targets
        )

    def reply(self) -> None:
        said: dict[str, Any] = {"subject": "Away", "text": "Later."}
        days: dict[str, Any] = {"first": None, "last": None, "days": 7}
        change_reply(SYSTEM, self.some(Kind.MAILBOX), on=self.coin(), **said, **days)

    # opening

    def sign(self) -> None:
        stored = f"{HASH}{self.random.randrange(10)}"
        set_password(SYSTEM, self.some(Kind.MAILBOX), stored=stored, must_change=self.coin())

    def close(self) -> None:
        change_switches(SYSTEM, self.some(Kind.MAILBOX), pop3=self.coin(), imap=self.coin())

    def make_app(self) -> None:
        opens = {"imap": True, "pop3": self.coin(), "sending": self.coin()}
        name = f"phone{self.random.randrange(9)}"
        add_app_password(SYSTEM, self.some(Kind.MAILBOX), name=name, **opens)

    def drop_app(self) -> None:
        app = self.random.choice(list(AppPassword.objects.order_by("pk")))
        remove_app_password(SYSTEM, app.mailbox.address, app)

    # the domain itself

    def unknown(self) -> None:
        kinds = [Unknown.BOUNCE, Unknown.DISCARD, Unknown.FORWARD, Unknown.MAILBOX]
        target = self.random.choice(TARGETS)
        unknown = self.random.choice(kinds)
        change_domain(SYSTEM, self.domain, unknown=unknown, unknown_target=target)

    def answer_for_departed(self) -> None:
        if self.coin():
            remove_responder(SYSTEM, self.domain)
            return
        target = self.random.choice(["", *TARGETS])
        set_responder(SYSTEM, self.domain, subject="Gone", text="Gone.", target=target, days=7)

    def name(self) -> None:
        claim = Claim.objects.get(pk=self.claim.pk)
        if claim.removed:
            restore_alias_domain(SYSTEM, claim)
        else:
            remove_alias_domain(SYSTEM, claim, despite_pointers=True)

    # all of a domain

    def serve(self) -> None:
        domain = self.domain
        switch_domain(SYSTEM, domain, on=not domain.enabled)

    def remove_domain(self) -> None:
        remove_domain(SYSTEM, self.domain, despite_pointers=True)

    def restore_domain(self) -> None:
        for domain in self.domains:
            domain.refresh_from_db()
            restore_domain(SYSTEM, domain)

    def rename_domain(self) -> None:
        domain, name = self.domain, self.random.choice([*NAMES, ALSO, "c.test"])
        rename_domain(SYSTEM, domain, DomainName(name), keep=self.coin())

    def take_below(self) -> None:
        change_domain(SYSTEM, self.domain, subdomains=self.coin())
