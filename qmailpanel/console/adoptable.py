"""Lines of others that would be rows of a domain the panel has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_noop as _

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout import adopt
from qmailpanel.qmail.layout.adopt import HomeLine
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.models import SyncPosition
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.models import ForeignLine

from .decisions import adopt_mailbox
from .offers import Offer

Said = HomeLine | tuple[DomainName, int]  # a home, or a name and its prepend


@dataclass(frozen=True, slots=True)
class Known:
    """What the panel has of what lines name: domains by prepend; addresses by domain and local."""

    domains: Mapping[int, Domain]
    claimed: Set[tuple[int, str]]
    mailboxes: Set[tuple[int, str]]


def find_adoptable(lines: Iterable[ForeignLine]) -> Iterator[tuple[ForeignLine, Offer]]:
    """The foreign lines that would be rows of a domain the panel has, and which rows."""
    layout = read_layout()
    read = [(line, said) for line in lines if (said := _read(line, layout))]
    known = _know([said for _line, said in read])
    for line, said in read:
        offer = _offer_home(said, known) if isinstance(said, HomeLine) else _offer_name(said, known)
        if offer:
            yield line, offer


def _read(line: ForeignLine, layout: Layout) -> Said | None:
    if line.file == Shared.ASSIGN:
        return adopt.read_home(line.line, layout)
    return adopt.read_virtual(line.line) if line.file == Shared.VIRTUAL else None


def _know(said: Sequence[Said]) -> Known:
    """Two queries, however many lines there are."""
    homes = [each for each in said if isinstance(each, HomeLine)]
    prepends = {each.prepend if isinstance(each, HomeLine) else each[1] for each in said}
    domains = {domain.prepend: domain for domain in _find_served(prepends)} if prepends else {}
    claiming = Address.objects.claiming().filter(
        domain__in={domains[each.prepend].pk for each in homes if each.prepend in domains},
        local__in={local for each in homes for local in (each.local, each.home)},
    )
    rows = list(claiming.values_list("domain", "local", "kind", "removed"))
    mailboxes = {row[:2] for row in rows if row[2:] == (Kind.MAILBOX, False)}
    return Known(domains, {row[:2] for row in rows}, mailboxes)


def _find_served(prepends: Iterable[int]) -> Iterable[Domain]:
    """Those that were live: a new one may have come with the prepend of another."""
    live = SyncPosition.objects.filter(
        node=settings.QMAILPANEL_NODE, applied__gt=0, domain=OuterRef("pk")
    )
    return Domain.objects.claiming().filter(Exists(live), removed=False, prepend__in=prepends)


def _offer_home(home: HomeLine, known: Known) -> Offer | None:
    domain = known.domains.get(home.prepend)
    if domain is None or domain.name != home.domain:
        return None
    if (domain.pk, home.local) in known.claimed:
        return None
    named = {"address": f"{home.local}@{domain.name}"}
    if home.home == home.local:
        return Offer(
            _("The mailbox %(address)s, with the mail in it and without a password."),
            named,
            lambda actor: adopt_mailbox(actor, domain, LocalPart(home.local)),
        )
    if (domain.pk, home.home) not in known.mailboxes:
        return None
    target = MailAddress(f"{home.home}@{domain.name}")
    return Offer(
        _("The alias %(address)s, which delivers to %(target)s."),
        {**named, "target": str(target)},
        lambda actor: add_alias(actor, domain, AliasLocal(home.local), [target]),
    )


def _offer_name(route: tuple[DomainName, int], known: Known) -> Offer | None:
    name, prepend = route
    domain = known.domains.get(prepend)
    if domain is None:
        return None
    return Offer(
        _("%(name)s, an alias domain of %(domain)s."),
        {"name": name, "domain": domain.name},
        lambda actor: add_alias_domain(actor, domain, name, is_routed_to_it=True),
    )
