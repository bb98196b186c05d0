"""One address on the way of mail: what ends there, and where mail goes from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from qmailpanel.accounts.models import User
from qmailpanel.domains.fullness import FULL, with_usage
from qmailpanel.domains.models import Address, Domain, Kind, Responder, Unknown
from qmailpanel.domains.targets import targets_of
from qmailpanel.qmail.layout.domain import ALIAS_OFF, DOMAIN_OFF, NO_MAILBOX
from qmailpanel.qmail.layout.home import MAILBOX_OFF
from qmailpanel.qmail.layout.leaving import NOT_SERVED
from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.reports.node import answers_mail, holds_quotas
from qmailpanel.reports.statuses import Status, Statuses

from .hops import read_holders
from .ours import Ours


class Stop(NamedTuple):
    """An address on the way of mail: what ends there, and the addresses that it goes on to.

    `is_unclaimed`: nobody has it, so it goes where unknown recipients do. `is_pending`: all this is
    wanted and not yet live.
    """

    ends: tuple[End, ...] = ()
    nexts: tuple[str, ...] = ()
    is_unclaimed: bool = False
    is_pending: bool = False


@dataclass
class Stops:
    """Reads many addresses at once, with a few queries however many they are.

    Of a domain that `user` does not look after it says no more than a sender can find out. `own`:
    the row of an address whose owner may know all of it. `within`: as to somebody who looks after
    these domains.
    """

    user: User
    own: int | None = None
    within: Collection[int] | None = None

    def __post_init__(self) -> None:
        self.ours = Ours()

    def read(self, nodes: Collection[str]) -> dict[str, Stop]:
        """By each of these addresses, all in lower case."""
        names = {node: node.rpartition("@")[2] for node in nodes}
        domains = self.ours.read(names.values())
        ours = {node: domains[name] for node, name in names.items() if name in domains}
        level = _Level(self, ours)
        return {node: level.stop(node) if node in ours else self._beyond(node) for node in nodes}

    def take(self, rows: Iterable[Address], statuses: Statuses) -> dict[str, Stop]:
        """The same of rows that the person sees, each with its domain and `with_state`."""
        served = {str(row): row for row in rows if not (row.removed or row.domain.removed)}
        level = _Level(self, {node: row.domain for node, row in served.items()})
        level.holders = {(row.domain_id, row.local): row for row in served.values()}
        level.statuses = statuses
        level.seen = {row.domain_id for row in served.values()}
        return {node: level.stop(node) for node in served}

    def _beyond(self, node: str) -> Stop:
        """At a name that is no domain of ours, or no longer."""
        if self.ours.is_refused(node.rpartition("@")[2]):
            return Stop((End(node, Fate.RETURNS, NOT_SERVED),))
        return Stop((End(node, Fate.GOES_ON),))

    @cached_property
    def holds(self) -> bool:
        return holds_quotas()

    @cached_property
    def answers(self) -> bool:
        return answers_mail()


@dataclass
class _Level:
    """Our addresses that are equally far away, by their domains, and the rows behind them."""

    stops: Stops
    domains: dict[str, Domain]

    @cached_property
    def _ids(self) -> set[int]:
        return {domain.pk for domain in self.domains.values()}

    @cached_property
    def holders(self) -> dict[tuple[int, str], Address]:
        places = [(domain, _local_of(node)) for node, domain in self.domains.items()]
        return read_holders(places, with_usage(Address.objects.with_mailbox()))

    @cached_property
    def seen(self) -> set[int]:
        """The domains that the person looks after."""
        if self.stops.within is not None:
            return self._ids.intersection(self.stops.within)
        if self.stops.user.is_operator:
            return self._ids
        mine = Domain.objects.for_user(self.stops.user).filter(pk__in=self._ids)
        return set(mine.values_list("pk", flat=True))

    @cached_property
    def statuses(self) -> Statuses:
        return Statuses(self._ids)

    def stop(self, node: str) -> Stop:
        domain, local = self.domains[node], _local_of(node)
        holder = self.holders.get((domain.pk, local))
        if domain.pk not in self.seen and (holder is None or holder.pk != self.stops.own):
            return _stop_of_others(node, domain, holder)
        if not domain.enabled:
            return Stop((End(node, Fate.RETURNS, DOMAIN_OFF),))
        if node != f"{local}@{domain.name}":
            return self._by_another_name(node, f"{local}@{domain.name}")
        if holder is None or holder.removed:
            stop = (self._stop_of_departed if holder else _stop_of_unknown)(node, domain)
            return _until_live(stop, node, self.statuses.of_domain(domain))
        return self._held(node, holder)

    def _by_another_name(self, node: str, home: str) -> Stop:
        """By an alias domain, or below a name that accepts sub-domains."""
        name = node.rpartition("@")[2]
        claim, status = self.stops.ours.find_claim(name), self.statuses.of_domain
        stop = Stop(nexts=(home,))
        if claim and claim.name == name:
            return _until_live(stop, node, self.statuses.of_name(claim))
        return _until_live(stop, node, status(self.domains[node]))

    def _held(self, node: str, holder: Address) -> Stop:
        """At an address that somebody has."""
        if self.statuses.is_left(holder):
            return Stop((End(node, Fate.UNSURE),))
        is_alias = holder.kind == Kind.ALIAS
        stop = (self._stop_of_alias if is_alias else self._stop_of_mailbox)(node, holder)
        return _until_live(stop, node, self.statuses.of_address(holder))

    def _stop_of_alias(self, node: str, alias: Address) -> Stop:
        if not alias.enabled:
            return Stop((End(node, Fate.RETURNS, ALIAS_OFF),))
        return Stop(nexts=_targets_of(alias))

    def _stop_of_mailbox(self, node: str, mailbox: Address) -> Stop:
        """See `render_home` in qmail/layout/home.py."""
        if not mailbox.enabled:
            return Stop((End(node, Fate.RETURNS, mailbox.refusal or MAILBOX_OFF),))
        if getattr(mailbox, "on_hold", None):
            return Stop((End(node, Fate.WAITS),))
        targets = _targets_of(mailbox)
        if not getattr(mailbox, "keeps", None) and targets:
            return Stop(nexts=targets)
        is_full = (getattr(mailbox, "used_percent", None) or 0) >= FULL and self.stops.holds
        if is_full:  # then nothing is forwarded either
            return Stop((End(node, Fate.FULL),))
        return Stop((End(node, Fate.ARRIVES),), targets)

    def _stop_of_departed(self, node: str, domain: Domain) -> Stop:
        """At a removed mailbox."""
        responder: Responder | None = getattr(domain, "responder", None)
        if responder is None or not (responder.target or self.stops.answers):
            return _stop_of_unknown(node, domain)
        ends = (End(node, Fate.ANSWERED),) if self.stops.answers else ()
        return Stop(ends, (responder.target.lower(),) if responder.target else ())


def _until_live(stop: Stop, node: str, status: Status) -> Stop:
    """What may be said of it as long as sync is not with what decides about its mail."""
    if status is Status.FAILED:
        return Stop((End(node, Fate.UNSURE),))
    return stop._replace(is_pending=status is Status.PENDING)


def _stop_of_others(node: str, domain: Domain, holder: Address | None) -> Stop:
    """In a domain that the person does not look after: all that is said is that nobody has it."""
    is_gone = holder is None or (holder.removed and getattr(domain, "responder", None) is None)
    is_nobody = is_gone and domain.unknown in (Unknown.BOUNCE, Unknown.REFUSE)
    return Stop((End(node, Fate.NOBODY if is_nobody else Fate.GOES_ON),))


def _stop_of_unknown(node: str, domain: Domain) -> Stop:
    """At an address that nobody has. See `_render_unknown` in qmail/layout/domain.py."""
    target = domain.unknown_target.lower()
    if domain.unknown == Unknown.DISCARD:
        return Stop((End(node, Fate.DISCARDED),))
    if domain.unknown in (Unknown.FORWARD, Unknown.MAILBOX) and target != node:
        return Stop(nexts=(target,), is_unclaimed=True)
    text = domain.unknown_text if domain.unknown == Unknown.BOUNCE else ""
    return Stop((End(node, Fate.NOBODY, text or NO_MAILBOX),))


def _targets_of(address: Address) -> tuple[str, ...]:
    return tuple(target.lower() for target in targets_of(address))


def _local_of(node: str) -> str:
    return node.rpartition("@")[0]
