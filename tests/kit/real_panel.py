"""The panel in front of the real qmail: people's services, and the reconciler of the project."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from tests.kit.real_qmail import HOME, MAIL_ROOT, Qmail, homes_with, private_qmail, submit


@contextlib.contextmanager
def real_panel(directory: Path, settings: Any) -> Iterator[Panel]:
    """A panel in front of a fresh qmail, of which nothing runs yet."""
    point_settings(settings)
    with private_qmail(directory) as qmail:
        panel = Panel(qmail)
        try:
            yield panel
        finally:
            panel.host.memory.close()


def point_settings(settings: Any) -> None:
    """As on a host with a real qmail."""
    settings.QMAILPANEL_QMAIL_HOME = HOME
    settings.QMAILPANEL_MAIL_ROOT = MAIL_ROOT
    settings.QMAILPANEL_SYNC_DIR = HOME / "qmailpanel"
    settings.QMAILPANEL_MAIL_USER = "popuser:110:31"
    settings.QMAILPANEL_HUP = "auto"
    settings.QMAILPANEL_DOVECOT = "off"


class Panel:
    """What people and the sync service do, and what a correspondent sees of it."""

    def __init__(self, qmail: Qmail) -> None:
        self.qmail = qmail
        self.host: Host = open_host()
        self.reconciler = Reconciler(self.host)
        self._tokens = (f"mail-{number}-" for number in itertools.count(1))

    def sync(self) -> Report:
        """What the service does after a change."""
        return self.reconciler.reconcile([], since=0)

    def make_live(self) -> None:
        report = self.sync()
        assert not report.error, report.cause
        assert report.live == set(report.changes), report.problems

    def send(self, recipient: str) -> set[str]:
        """Mail from outside, and what becomes of it: the homes it lies in, texts, addresses."""
        token = next(self._tokens)
        fate = self.qmail.fate(submit(recipient, token))
        return fate | {f"in {home}" for home in homes_with(token)}

    def send_local(self, recipient: str) -> set[str]:
        """The same for mail that no qmail-smtpd was asked about."""
        token = next(self._tokens)
        fate = self.qmail.fate(self.qmail.queue(recipient, token))
        return fate | {f"in {home}" for home in homes_with(token)}


def new_domain(name: str) -> Domain:
    contact = MailAddress("postmaster@example.org")
    return add_domain(SYSTEM, DomainName(name), contact=contact)


def new_mailbox(domain: Domain, local: str) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart(local))


def new_alias(domain: Domain, local: str, targets: Sequence[str]) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(text) for text in targets])
