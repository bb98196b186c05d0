"""The domains that are being made true now, and what changed meanwhile and need not wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from qmailpanel.domains.models import Domain
from qmailpanel.qmail.formats.shared_files import LineFile
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.plan.apart import Ways, find_apart, find_ways
from qmailpanel.qmail.plan.hops import Hops
from qmailpanel.qmail.plan.state import Section, Wanted

from .scope import Scope, dirty_domains
from .wanted import Intended


class AtWork:
    """The runs that are not over: each later one began in a pause of the one before."""

    def __init__(self, memory: Memory, virtual: Callable[[], LineFile]) -> None:
        """`virtual`: virtualdomains as last observed."""
        self._memory = memory
        self._virtual = virtual
        self._runs: list[Intended] = []
        self._ways: list[Ways] = []  # of the first of them, as far as somebody asked

    @contextmanager
    def doing(self, intended: Intended) -> Iterator[None]:
        self._runs.append(intended)
        try:
            yield
        finally:
            self._runs.pop()
            del self._ways[len(self._runs) :]

    def find_others(self, since: int) -> Scope:
        """The domains that were changed since, beside those at work.

        None at all when one of those was changed too: perhaps by the same change.
        """
        changes = {domain: change for run in self._runs for domain, change in run.changes.items()}
        newer = Domain.objects.filter(change__gt=min(changes.values(), default=0))
        if any(
            change > changes.get(pk, change) for pk, change in newer.values_list("id", "change")
        ):
            return Scope(())
        return Scope((), [domain for domain in dirty_domains(since) if domain not in changes])

    def keep_apart(self, intended: Intended) -> Intended:
        """Without the domains whose mail may meet that of those at work."""
        hops = self._read_hops()
        for run in self._runs[len(self._ways) :]:
            self._ways.append(Ways.of_all(self._find_ways(run.wanted, hops).values()))
        waiting = self._find_ways(intended.wanted, hops)
        apart = find_apart(waiting, Ways.of_all(self._ways))
        wanted = [one for one in intended.wanted if one.domain in apart]
        return intended._replace(wanted=wanted)

    def _find_ways(self, wanted: Iterable[Wanted], hops: Hops) -> dict[int, Ways]:
        """By domain; what is left of one is with it."""
        ways = defaultdict[int, list[Ways]](list)
        for one in wanted:
            ways[one.domain].append(find_ways(one, self._sections(one.name), hops))
        return {domain: Ways.of_all(those) for domain, those in ways.items()}

    def _read_hops(self) -> Hops:
        virtual = self._virtual()
        owners = {key: name for name in virtual.sections for key in virtual.section(name)}
        return Hops(owners, cache(self._sections))

    def _sections(self, name: str) -> tuple[Section, ...]:
        return self._memory.sections([name])[name]
