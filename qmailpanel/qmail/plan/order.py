"""wanted × applied × actual → ordered steps. With `switch` the only policy on order, and pure.

Grow, switch, shrink: rcpthosts shrinks → new homes and files → assign = old ∪ new → qmail-newu →
virtualdomains = old ∪ new → HUP, proved → files turn to new targets → files refuse →
virtualdomains = new → HUP, proved → assign = new → qmail-newu → old homes go → rcpthosts grows.
Before files turn or go whose addresses are in the map now, deliveries that asked the map before
have a moment to end; so has what files forwarded before they turned. Logins are written when their
homes are there, and those that go are gone, and seen to be, before their homes go. What is
destroyed goes last of all, because that may take long. So what is deliverable before and after is
never undeliverable in between, and nothing is accepted that cannot be delivered.

What holds for rcpthosts holds for morercpthosts and for lists of known recipients, each compiled
as soon as it is written; what moves to the other list is in both for a moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from qmailpanel.qmail.formats.shared_files import HOSTS, KNOWN_RECIPIENTS, LineFile, Shared
from qmailpanel.qmail.plan.draft import Draft, section_after
from qmailpanel.qmail.plan.drift import Drift, Side
from qmailpanel.qmail.plan.missing_files import begin_lists, first_foreign
from qmailpanel.qmail.plan.parts import is_in, local_of
from qmailpanel.qmail.plan.questions import (
    ANY_DROPS,
    Question,
    ask_about_drops,
    ask_about_rcpthosts,
)
from qmailpanel.qmail.plan.settle_domain import draft_domain
from qmailpanel.qmail.plan.settle_logins import settle_logins
from qmailpanel.qmail.plan.state import Actual, Applied, Problem, Section, Wanted
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    Failed,
    FlushTree,
    LetLoginsBeSeen,
    Step,
)
from qmailpanel.qmail.plan.switch import new_lines, switch
from qmailpanel.qmail.plan.write_shared import (
    Sections,
    is_map_stale,
    write_and_compile,
)

# read by qmail-smtpd: shrink first, grow last
ACCEPTING = (*HOSTS, Shared.NONEXIST, *KNOWN_RECIPIENTS)


@dataclass(frozen=True)
class Plan:
    """What to do, in order; what is kept because somebody else changed it; what cannot be done.

    Drifts and problems are by domain name, and so is `left`: see `Draft`. `after`: the section of
    each domain that is applied when all steps are done (domains that could not be touched are left
    out). `files`: the shared files as they are then.
    """

    steps: tuple[Step, ...]
    drifts: Mapping[str, Sequence[Drift]] = field(default_factory=dict)
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    question: Question | None = None
    after: Mapping[str, Section] = field(default_factory=dict)
    files: Mapping[Shared, LineFile] = field(default_factory=dict)
    left: Mapping[str, Set[int | None]] = field(default_factory=dict)


def make_plan(
    wanted: Sequence[Wanted],
    applied: Applied,
    actual: Actual,
    failed: Failed | None = None,
    confirmed: frozenset[str] = frozenset(),
) -> Plan:
    """The steps that make these domains true. A second plan after them is empty.

    `failed`: what could not be done in this run; what needs it is left as it is. `confirmed`:
    digests of questions the operator said yes to.
    """
    actual = _put_back(wanted, actual)
    drafts = [draft_domain(w, applied.get(w.name, ()), actual, failed or {}) for w in wanted]
    claimed = {name for one in wanted if one.logins for name in one.logins.names}
    for draft in drafts:
        settle_logins(draft, actual, claimed)
    drifts = {draft.wanted.name: draft.drifts for draft in drafts if draft.drifts}
    problems = {draft.wanted.name: draft.problems for draft in drafts if draft.problems}
    left = {draft.wanted.name: draft.left for draft in drafts if draft.left}
    question = ask_about_rcpthosts(actual)
    if question is None and ANY_DROPS not in confirmed:
        question = ask_about_drops(drafts, actual)
    if question and question.digest not in confirmed:
        return Plan((), drifts, problems, question, left=left)
    files = dict(actual.shared)
    steps = tuple(_order(drafts, actual, files))
    return Plan(steps, drifts, problems, None, _sections_after(drafts), files, left)


def _put_back(wanted: Sequence[Wanted], actual: Actual) -> Actual:
    """Foreign lines that a person decided against count as ours: they become what is wanted."""
    files = dict(actual.shared)
    for one in wanted:
        for decision in one.decisions:
            if decision.side is not Side.OURS or not decision.subject.line:
                continue
            shared, key = decision.subject.line
            if not is_in(local_of(decision.subject), one.part):
                continue
            lines = b"".join(files[shared].foreign.keys.get(key, ()))
            if lines and one.side(decision.subject, lines) is Side.OURS:
                prepend = one.section.prepend
                files[shared] = files[shared].with_foreign_as_ours(one.name, prepend, key)
    return replace(actual, shared=files)


def _sections_after(drafts: Iterable[Draft]) -> dict[str, Section]:
    sections = {draft.wanted.name: section_after(draft) for draft in drafts}
    return {name: section for name, section in sections.items() if section is not None}


def _order(
    drafts: Sequence[Draft], actual: Actual, files: dict[Shared, LineFile]
) -> Iterator[Step]:
    """The steps; `files` follows the shared files through them."""
    begin_lists(drafts, actual, files)
    is_ours = _is_ours(drafts, actual)
    for shared in ACCEPTING:
        is_stale = is_ours and is_map_stale(drafts, actual, shared)
        foreign = first_foreign(actual, shared, is_stale=is_stale)
        sections = _shrunk(drafts, shared)
        yield from write_and_compile(files, shared, sections, foreign, is_stale=is_stale)
    yield from _grow_trees(drafts)
    for draft in drafts:
        yield from draft.logins
    yield from switch(drafts, actual, files, is_ours=is_ours)
    yield from _shrink_trees(drafts)
    for accepted in (_grown, new_lines):
        for shared in reversed(ACCEPTING):
            yield from write_and_compile(files, shared, accepted(drafts, shared))
    for draft in drafts:
        yield from draft.purge


def _is_ours(drafts: Sequence[Draft], actual: Actual) -> bool:
    """Whether any line of the host is, was or is to be the panel's: else it mends nothing there."""
    if any(file.sections for file in actual.shared.values()):
        return True
    sections = (one for draft in drafts for one in (draft.wanted.section, *draft.applied))
    return any(any(section.lines.values()) for section in sections)


def _shrink_trees(drafts: Sequence[Draft]) -> Iterator[Step]:
    steps = [step for draft in drafts for step in draft.shrink]
    if any(isinstance(step, ArchiveHome) for step in steps):
        yield LetLoginsBeSeen()
    yield from steps


def _grow_trees(drafts: Sequence[Draft]) -> Iterator[Step]:
    steps = [step for draft in drafts for step in draft.grow]
    yield from steps
    if steps:
        yield FlushTree()


def _shrunk(drafts: Iterable[Draft], shared: Shared) -> Sections:
    """Only what was there and stays; a name that moves to the other list of hosts stays too."""
    return {draft.wanted.name: draft.having(_staying(draft, shared)) for draft in drafts}


def _grown(drafts: Iterable[Draft], shared: Shared) -> Sections:
    """What stays and what is new."""
    return {
        draft.wanted.name: draft.having({**_staying(draft, shared), **draft.new[shared]})
        for draft in drafts
    }


def _staying(draft: Draft, shared: Shared) -> dict[bytes, bytes]:
    lists = next((group for group in (HOSTS, KNOWN_RECIPIENTS) if shared in group), (shared,))
    new = {key for each in lists for key in draft.new[each]}
    if shared in KNOWN_RECIPIENTS:  # everybody at a name, or one by one: from one to the other
        new |= {b"@" + key.partition(b"@")[2] for key in new}
        old = draft.old[shared].items()
        return {k: line for k, line in old if k in new or b"@" + k.partition(b"@")[2] in new}
    return {key: line for key, line in draft.old[shared].items() if key in new}
