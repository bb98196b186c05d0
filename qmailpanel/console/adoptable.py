"""Lines of others that would be rows of a domain the panel has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.utils.translation import gettext_noop as _

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Domain, Kind
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout import adopt
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.reports.models import SyncPosition
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.models import ForeignLine

from .decisions import adopt_mailbox
from .offers import Offer


def find_adoptable(lines: Iterable[ForeignLine]) -> Iterator[tuple[ForeignLine, Offer]]:
    """The foreign lines that would be rows of a domain the panel has, and which rows."""
    domains = {domain.prepend: domain for domain in _find_served()}
    for line in lines:
        offer = _offer_line(line, domains)
        if offer:
            yield line, offer


def _find_served() -> Iterable[Domain]:
    """Those that were live: a new one may have come with the prepend of another."""
    live = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE, applied__gt=0)
    return Domain.objects.claiming().filter(removed=False, pk__in=live.values("domain"))


def _offer_line(line: ForeignLine, domains: dict[int, Domain]) -> Offer | None:
    if line.file == Shared.ASSIGN:
        return _offer_assignment(line, domains)
    if line.file == Shared.VIRTUAL:
        return _offer_name(line, domains)
    return None


def _offer_assignment(line: ForeignLine, domains: dict[int, Domain]) -> Offer | None:
    home = adopt.read_home(line.line, read_layout())
    domain = domains.get(home.prepend) if home else None
    if home is None or domain is None or domain.name != home.domain:
        return None
    if domain.addresses.claiming().filter(local=home.local).exists():
        return None
    named = {"address": f"{home.local}@{domain.name}"}
    if home.home == home.local:
        return Offer(
            _("The mailbox %(address)s, with the mail in it and without a password."),
            named,
            lambda actor: adopt_mailbox(actor, domain, LocalPart(home.local)),
        )
    if not _is_mailbox(domain, home.home):
        return None
    target = MailAddress(f"{home.home}@{domain.name}")
    return Offer(
        _("The alias %(address)s, which delivers to %(target)s."),
        {**named, "target": str(target)},
        lambda actor: add_alias(actor, domain, AliasLocal(home.local), [target]),
    )


def _offer_name(line: ForeignLine, domains: dict[int, Domain]) -> Offer | None:
    route = adopt.read_virtual(line.line)
    domain = domains.get(route[1]) if route else None
    if route is None or domain is None:
        return None
    name = route[0]
    return Offer(
        _("%(name)s, an alias domain of %(domain)s."),
        {"name": name, "domain": domain.name},
        lambda actor: add_alias_domain(actor, domain, name, is_routed_to_it=True),
    )


def _is_mailbox(domain: Domain, local: str) -> bool:
    boxes = domain.addresses.filter(kind=Kind.MAILBOX, removed=False)
    return boxes.filter(local=local).exists()
