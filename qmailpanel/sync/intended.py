"""What is wanted of the host now: what the database says, as far as it may be done already."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from functools import partial

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.qmail.formats.logins import Logins
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.plan.state import Wanted, empty_section, left_path

from .scope import Scope
from .wanted import Intended, read_wanted, snapshot


def read_intended(
    host: Host, choose: Callable[[], Scope], through: int | None, *, absent: bool = False
) -> Intended:
    """Of the domains that `choose` says; `absent`: also of those on the host without a row.

    All of them as a whole, while changes wait for the operator, which are those after `through`,
    or where files are not there that a part is added to.
    """
    read = partial(read_wanted, choose, host.layout, host.memory)
    wanted, unwritable, parts, _ = read(whole=through is not None)
    if not host.is_as_told(wanted):
        wanted, unwritable, parts, _ = read(whole=True)
    if through is not None:
        wanted = [_hold_back(host, w, through) if w.change > through else w for w in wanted]
        unwritable = [one for one in unwritable if one.change <= through]
    here = {host.moves.find_name(one) for one in wanted} if absent else set()
    absents = _absent_domains(host, here) if absent else []
    return Intended([*wanted, *absents], unwritable, parts, through)


def _hold_back(host: Host, one: Wanted, through: int) -> Wanted:
    """Of a domain whose newest changes wait for the operator: that it stays as it was applied.

    It has the name it has on the host, and none of the decisions that wait as well.
    """
    name = host.moves.find_name(one)
    prepend = one.section.prepend
    own = [section for section in host.memory.sections([name])[name] if section.prepend == prepend]
    return replace(
        one,
        name=name,
        section=own[-1] if own else empty_section(prepend),
        archive={},
        purge=frozenset(),
        nameless=frozenset(),
        known=None,
        logins=None,
        problems=(),
        decisions=tuple(decision for decision in one.decisions if decision.change <= through),
        held=True,
    )


def _absent_domains(host: Host, here: Set[str]) -> list[Wanted]:
    """Domains with something on the host, but without a row: the database was restored, say.

    `here`: under which names the memory knows those that have one.
    """
    with snapshot():
        claimed = set(Domain.objects.claiming().values_list("name", flat=True))
        aliases = Claim.objects.aliases().filter(domain__in=Domain.objects.claiming())
        renamed = set(aliases.values_list("name", "domain__prepend"))
        left = set(map(left_path, Domain.objects.values_list("prepend", flat=True)))
    names = sorted(set(host.memory.names()) - claimed - left - here)
    return [
        Wanted(
            domain=0,
            name=name,
            change=0,
            section=empty_section(sections[-1].prepend),
            logins=Logins(),
        )
        for name, sections in host.memory.sections(names).items()
        if (name, sections[-1].prepend) not in renamed
    ]
