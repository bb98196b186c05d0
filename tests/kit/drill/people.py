"""What people ask of the panel in a drill: each act is a service, its number says on what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.addresses.services import switch_address
from qmailpanel.domains.models import Address, Domain, Kind, Unknown
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import (
    add_domain,
    change_domain,
    remove_domain,
    restore_domain,
    switch_domain,
)
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import (
    purge_due,
    purge_mailbox,
    remove_mailbox,
    restore_mailbox,
)
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from tests.kit.drill.world import ADDRESSES, LOCALS, NAMES, World, pick

PASSWORD = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"  # then the number of the home
MONTH = timedelta(days=31)


class People:
    def __init__(self, world: World) -> None:
        self.world = world
        self.acts: dict[str, Callable[[int], object]] = {
            "add domain": self.add_domain,
            "remove domain": self.remove_domain,
            "switch domain": self.switch_domain,
            "rename domain": self.rename_domain,
            "alias domain": self.alias_domain,
            "sub-domains": self.take_subdomains,
            "unknown": self.change_unknown,
            "create": self.create,
            "alias": self.add_alias,
            "remove": self.remove,
            "restore": self.restore,
            "restore as": self.restore_as,
            "rename": self.rename,
            "switch": self.switch,
            "purge": self.purge,
            "a month": self.let_a_month_pass,
        }

    def add_domain(self, number: int) -> None:
        name = DomainName(NAMES[number % len(NAMES)])
        domain = add_domain(SYSTEM, name, description=f"tenant {next(self.world.counter)}")
        assert self.world.is_known, "it is added before the host was read"
        assert not self.world.is_asking, "it is added while a question is open"
        if self.world.is_read:
            given = self.world.prepends() | self.world.numbers
            assert domain.prepend not in given, "its number was given before"

    def remove_domain(self, number: int) -> None:
        domain = pick(Domain.objects.order_by("pk"), number)
        (restore_domain if domain.removed else remove_domain)(SYSTEM, domain)

    def switch_domain(self, number: int) -> None:
        domain = self.domain(number)
        switch_domain(SYSTEM, domain, on=not domain.enabled)

    def rename_domain(self, number: int) -> None:
        name = DomainName(NAMES[number // 4 % len(NAMES)])
        rename_domain(SYSTEM, self.domain(number), name, keep=number % 2 == 0)

    def alias_domain(self, number: int) -> None:
        domain = self.domain(number)
        name = DomainName(NAMES[number // 4 % len(NAMES)])
        alias = domain.names.aliases().filter(name=name, removed=False).first()
        if alias:
            remove_alias_domain(SYSTEM, alias, despite_pointers=True)
        else:
            add_alias_domain(SYSTEM, domain, name)

    def take_subdomains(self, number: int) -> None:
        domain = self.domain(number)
        change_domain(SYSTEM, domain, subdomains=not domain.subdomains)

    def change_unknown(self, number: int) -> None:
        domain = self.domain(number)
        if domain.unknown == Unknown.BOUNCE:
            target = ADDRESSES[number % len(ADDRESSES)]
            change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target=target)
        else:
            change_domain(SYSTEM, domain, unknown=Unknown.BOUNCE)

    def create(self, number: int) -> None:
        local = LocalPart(LOCALS[number // 4 % 2])
        mailbox = add_mailbox(SYSTEM, self.domain(number), local).mailbox
        mailbox.password = f"{PASSWORD}{mailbox.home}"
        mailbox.save()

    def add_alias(self, number: int) -> None:
        local = AliasLocal(LOCALS[number // 4 % 2])
        targets = [MailAddress(ADDRESSES[number % len(ADDRESSES)])]
        add_alias(SYSTEM, self.domain(number), local, targets)

    def remove(self, number: int) -> None:
        remove_mailbox(SYSTEM, self.box(number), despite_pointers=True)

    def restore(self, number: int) -> None:
        restore_mailbox(SYSTEM, self.box(number, removed=True))

    def restore_as(self, number: int) -> None:
        local = LocalPart(LOCALS[number % 2])
        restore_mailbox(SYSTEM, self.box(number, removed=True), local=local)

    def rename(self, number: int) -> None:
        local = LocalPart(LOCALS[number // 4 % 2])
        rename_address(SYSTEM, self.box(number), local, keep=number % 2 == 0)

    def switch(self, number: int) -> None:
        address = self.box(number)
        switch_address(SYSTEM, address, on=not address.enabled)

    def purge(self, number: int) -> None:
        purge_mailbox(SYSTEM, self.box(number, removed=True))

    def let_a_month_pass(self, _number: int) -> None:
        purge_due(timezone.now() + MONTH)

    def domain(self, number: int) -> Domain:
        return pick(Domain.objects.claiming().filter(removed=False).order_by("pk"), number)

    def box(self, number: int, *, removed: bool = False) -> Address:
        boxes = Address.objects.filter(kind=Kind.MAILBOX, removed=removed).order_by("pk")
        return pick(boxes.select_related("domain"), number)
