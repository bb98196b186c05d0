"""What is wanted of the host now: what the database says, as far as it may be done already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.ledger.services import held_after
from qmailpanel.qmail.formats.logins import Logins
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.plan.state import Wanted, empty_section, left_path

from .wanted import Intended, read_wanted, snapshot


def read_intended(
    host: Host, choose: Callable[[], Sequence[int]], *, absent: bool = False
) -> Intended:
    """Of the domains that `choose` says; `absent`: also of those on the host without a row."""
    wanted, unwritable = read_wanted(choose, host.layout, host.memory.left_names())
    gone = _absent_domains(host) if absent else []
    wanted = [_with_name_of_homes(host, one, gone) for one in wanted]
    known = {(name, one.section.prepend) for one in wanted for name in one.former}
    gone = [one for one in gone if (one.name, one.section.prepend) not in known]
    through = held_after()
    if through is not None:
        wanted = [_hold_back(host, w, through) if w.change > through else w for w in wanted]
        unwritable = [one for one in unwritable if one.change <= through]
    return Intended([*wanted, *gone], unwritable)


def _with_name_of_homes(host: Host, one: Wanted, gone: Sequence[Wanted]) -> Wanted:
    """Renamed since an older database: what seems to be gone has its number and homes of it."""
    own = {home.mailbox for home in one.section.homes.values()} | {*one.archive.values()}
    names = [other.name for other in gone if other.section.prepend == one.section.prepend]
    for name, sections in host.memory.sections(names).items():
        if any(home.mailbox in own for section in sections for home in section.homes.values()):
            return replace(one, former=(*one.former, name))
    return one


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
        known=None,
        logins=None,
        problems=(),
        decisions=tuple(decision for decision in one.decisions if decision.change <= through),
        held=True,
    )


def _absent_domains(host: Host) -> list[Wanted]:
    """Domains with something on the host, but without a row: the database was restored, say."""
    with snapshot():
        claimed = set(Domain.objects.claiming().values_list("name", flat=True))
        aliases = Claim.objects.aliases().filter(domain__in=Domain.objects.claiming())
        renamed = set(aliases.values_list("name", "domain__prepend"))
        left = set(map(left_path, Domain.objects.values_list("prepend", flat=True)))
    names = sorted(set(host.memory.names()) - claimed - left)
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
