"""A panel with its mail host, for tests: people's services above, files below."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.models import SyncProblem
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains
from qmailpanel.sync.service import Service
from tests.kit.assign_map import AssignMap


@dataclass
class Panel:
    """A panel with its mail host: people's services above, files below."""

    home: Path

    # what people do

    def add_domain(self, name: str = "pandle.net") -> Domain:
        contact = MailAddress("postmaster@example.org")
        return add_domain(actor=SYSTEM, name=DomainName(name), contact=contact)

    def add_mailbox(self, domain: Domain, local: str) -> Address:
        return add_mailbox(actor=SYSTEM, domain=domain, local=LocalPart(local))

    def add_alias(self, domain: Domain, local: str, *targets: str) -> Address:
        destinations = [MailAddress(target) for target in targets]
        return add_alias(SYSTEM, domain, AliasLocal(local), destinations)

    def status(self, address: Address) -> Status:
        address.refresh_from_db()
        return Statuses([address.domain_id]).of_address(address)

    def status_of_domain(self, domain: Domain) -> Status:
        domain.refresh_from_db()
        return Statuses([domain.pk]).of_domain(domain)

    def problem(self, address: Address) -> SyncProblem:
        found = Statuses([address.domain_id]).problem_of_address(address)
        assert found is not None
        return found

    # what the service does

    def sync(self) -> Report:
        """As `qmailsync --once`, in a process of its own as far as memory goes."""
        return Reconciler(open_host()).reconcile(all_domains(), absent=True)

    def sync_changes(self) -> Report:
        """The same with what is not live yet, as far as it was changed."""
        return Reconciler(open_host()).reconcile([], since=0)

    def serve(self) -> Service:
        """A service that has started and found everything as it should be."""
        service = Service(open_host())
        settle(service)
        return service

    def have_shards(self, name: str) -> None:
        """As if the name had been large: its login files stay in shards."""
        shards = Path(settings.QMAILPANEL_LOGIN_DIR) / f"{name}.d"
        shards.mkdir(parents=True, exist_ok=True)
        (shards / "00.passwd").touch()

    # what is there

    def read(self, name: str) -> bytes:
        return (self.home / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        (self.home / name).write_bytes(content)

    def lines(self, name: str) -> list[str]:
        return self.read(name).decode().splitlines()

    def below(self, name: str) -> Path:
        return self.home / "mailnames" / name

    def answer(self, key: str) -> bytes | None:
        """What users/cdb says of `=100-biliards` or `+100-`."""
        with (self.home / "users/cdb").open("rb") as file:
            return AssignMap(file).get(key.encode())


def settle(service: Service) -> None:
    """Turns until the service has nothing more to do but wait."""
    for _ in range(100):
        if not service.turn():
            return
    raise AssertionError("no end")
