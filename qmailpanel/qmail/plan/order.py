"""wanted × applied × actual → ordered steps. The only policy on order, and pure.

Grow, switch, shrink: rcpthosts shrinks → new homes and files → assign = old ∪ new → qmail-newu →
virtualdomains → HUP, proved → assign = new → qmail-newu → old files and homes go → rcpthosts
grows. Before files go whose addresses are in the map now, deliveries that asked the map before
have a moment to end. Logins are written when their homes are there, and those that go are gone,
and seen to be, before their homes go. What is destroyed goes last of all, because that may take
long. So what is deliverable before and after is never undeliverable in between, and nothing is
accepted that cannot be delivered.

What holds for rcpthosts holds for morercpthosts and for lists of known recipients, each compiled
as soon as it is written; a name that moves to the other list of hosts is in both for a moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import HOSTS, KNOWN_RECIPIENTS, Foreign, LineFile, Shared
from qmailpanel.qmail.plan.draft import Draft, section_after
from qmailpanel.qmail.plan.drift import Drift, Side
from qmailpanel.qmail.plan.missing_files import begin_lists, first_foreign
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
    Compile,
    Failed,
    FlushTree,
    LetDeliveriesEnd,
    LetLoginsBeSeen,
    Step,
    TellSend,
    WriteShared,
)

# read by qmail-smtpd: shrink first, grow last
ACCEPTING = (Shared.RCPT, Shared.MORE, Shared.NONEXIST, Shared.VALID, Shared.RECIPIENTS)

Sections = Mapping[str, tuple[int, Mapping[bytes, bytes]]]


@dataclass(frozen=True)
class Plan:
    """What to do, in order; what is kept because somebody else changed it; what cannot be done.

    Drifts and problems are by domain name. `after`: the section of each domain that is applied
    when all steps are done (domains that could not be touched are left out). `files`: the shared
    files as they are then.
    """

    steps: tuple[Step, ...]
    drifts: Mapping[str, Sequence[Drift]] = field(default_factory=dict)
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    question: Question | None = None
    after: Mapping[str, Section] = field(default_factory=dict)
    files: Mapping[Shared, LineFile] = field(default_factory=dict)


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
    question = ask_about_rcpthosts(actual)
    if question is None and ANY_DROPS not in confirmed:
        question = ask_about_drops(drafts, actual)
    if question and question.digest not in confirmed:
        return Plan((), drifts, problems, question)
    files = dict(actual.shared)
    steps = tuple(_order(drafts, actual, files))
    return Plan(steps, drifts, problems, None, _sections_after(drafts), files)


def _put_back(wanted: Sequence[Wanted], actual: Actual) -> Actual:
    """Foreign lines that a person decided against count as ours: they become what is wanted."""
    files = dict(actual.shared)
    for one in wanted:
        for decision in one.decisions:
            if decision.side is not Side.OURS or not decision.subject.line:
                continue
            shared, key = decision.subject.line
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
    for shared in ACCEPTING:
        is_stale = _is_stale(drafts, actual, shared)
        foreign = first_foreign(actual, shared, is_stale=is_stale)
        sections = _shrunk(drafts, shared)
        yield from _write_and_compile(files, shared, sections, foreign, is_stale=is_stale)
    yield from _grow_trees(drafts)
    for draft in drafts:
        yield from draft.logins
    yield from _switch(drafts, actual, files)
    yield from _shrink_trees(drafts)
    for accepted in (_grown, _new):
        for shared in ACCEPTING:
            yield from _write_and_compile(files, shared, accepted(drafts, shared))
    for draft in drafts:
        yield from draft.purge


def _switch(
    drafts: Sequence[Draft], actual: Actual, files: dict[Shared, LineFile]
) -> Iterator[Step]:
    """Where mail goes from now on."""
    virtual = _new(drafts, Shared.VIRTUAL)
    switch = _changes(files[Shared.VIRTUAL], virtual) or actual.hup_owed
    twice = switch and any(draft.drops(Shared.ASSIGN) for draft in drafts)
    assignments = _union(drafts) if twice else _new(drafts, Shared.ASSIGN)
    is_stale = _is_stale(drafts, actual, Shared.ASSIGN)
    yield from _write_and_compile(files, Shared.ASSIGN, assignments, is_stale=is_stale)
    yield from _write(files, Shared.VIRTUAL, virtual)
    if switch:
        yield TellSend()
    if twice:
        yield from _write_and_compile(files, Shared.ASSIGN, _new(drafts, Shared.ASSIGN))


def _shrink_trees(drafts: Sequence[Draft]) -> Iterator[Step]:
    steps = [step for draft in drafts for step in draft.shrink]
    if any(draft.hands_over for draft in drafts):
        yield LetDeliveriesEnd()
    if any(isinstance(step, ArchiveHome) for step in steps):
        yield LetLoginsBeSeen()
    yield from steps


def _grow_trees(drafts: Sequence[Draft]) -> Iterator[Step]:
    steps = [step for draft in drafts for step in draft.grow]
    yield from steps
    if steps:
        yield FlushTree()


def _write_and_compile(
    files: dict[Shared, LineFile],
    shared: Shared,
    sections: Sections,
    foreign: Foreign | None = None,
    *,
    is_stale: bool = False,
) -> Iterator[Step]:
    written = list(_write(files, shared, sections, foreign))
    yield from written
    if shared in MAPS and (written or is_stale):
        yield Compile(shared)


def _write(
    files: dict[Shared, LineFile],
    shared: Shared,
    sections: Sections,
    foreign: Foreign | None = None,
) -> Iterator[Step]:
    """Bring one shared file to `sections`; nothing where it already is so."""
    old = files[shared]
    if not _changes(old, sections) and foreign is None:
        return
    base = old if foreign is None else replace(old, foreign=foreign)
    new = base.with_sections(sections)
    files[shared] = new
    added, dropped = _difference(old, new, sections)
    yield WriteShared(shared, old.content, new.content or b"", added, dropped)


def _changes(file: LineFile, sections: Sections) -> bool:
    if file.unclean or (file.content is None and file.shared is Shared.ASSIGN):
        return True
    return any(
        set(file.lines(name)) != set(lines.values()) for name, (_, lines) in sections.items()
    )


def _difference(
    old: LineFile, new: LineFile, sections: Sections
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    before = {line for name in sections for line in old.lines(name)}
    after = {line for name in sections for line in new.lines(name)}
    if old.content is None:
        before, after = set(), after | set(new.foreign.raws)
    return tuple(sorted(after - before)), tuple(sorted(before - after))


def _new(drafts: Iterable[Draft], shared: Shared) -> Sections:
    return {d.wanted.name: (d.wanted.section.prepend, d.new[shared]) for d in drafts}


def _shrunk(drafts: Iterable[Draft], shared: Shared) -> Sections:
    """Only what was there and stays; a name that moves to the other list of hosts stays too."""
    return {d.wanted.name: (d.wanted.section.prepend, _staying(d, shared)) for d in drafts}


def _grown(drafts: Iterable[Draft], shared: Shared) -> Sections:
    """What stays and what is new."""
    return {
        d.wanted.name: (d.wanted.section.prepend, {**_staying(d, shared), **d.new[shared]})
        for d in drafts
    }


def _staying(draft: Draft, shared: Shared) -> dict[bytes, bytes]:
    lists = HOSTS if shared in HOSTS else (shared,)
    new = {key for each in lists for key in draft.new[each]}
    if shared in KNOWN_RECIPIENTS:  # everybody at a name, or one by one: from one to the other
        new |= {b"@" + key.partition(b"@")[2] for key in new}
        old = draft.old[shared].items()
        return {k: line for k, line in old if k in new or b"@" + k.partition(b"@")[2] in new}
    return {key: line for key, line in draft.old[shared].items() if key in new}


def _union(drafts: Iterable[Draft]) -> Sections:
    """Old and new assignments together; where both have a key, the new one."""
    shared = Shared.ASSIGN
    return {
        d.wanted.name: (d.wanted.section.prepend, {**d.old[shared], **d.new[shared]})
        for d in drafts
    }


def _is_stale(drafts: Iterable[Draft], actual: Actual, shared: Shared) -> bool:
    """Whether the map answers otherwise than its file says (and ours will say)."""
    if shared not in MAPS:
        return False
    which, file, answers = MAPS[shared], actual.shared[shared], actual.maps.get(shared)
    if answers is None:
        return shared is Shared.ASSIGN or file.content is not None
    if any(answers[key] != data for key, data in which.answers(file.foreign, answers).items()):
        return True
    lines = [pair for draft in drafts for pair in draft.answers(shared)]
    return any(answers.get(key) != (which.data(line) if line else None) for key, line in lines)
