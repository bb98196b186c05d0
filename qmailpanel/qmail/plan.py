"""wanted × applied × actual → ordered steps. The only policy on order, and pure.

Grow, switch, shrink: rcpthosts shrinks → new homes and files → assign = old ∪ new → qmail-newu →
virtualdomains → HUP, proved → assign = new → qmail-newu → old files and homes go → rcpthosts
grows. Before files go whose addresses are in the map now, deliveries that asked the map before
have a moment to end. So what is deliverable before and after is never undeliverable in between,
and nothing is accepted that cannot be delivered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qmailpanel.qmail import assign, control
from qmailpanel.qmail.draft import Draft, Drift, section_after
from qmailpanel.qmail.settle import draft_domain
from qmailpanel.qmail.shared import Foreign, LineFile, Shared
from qmailpanel.qmail.state import (
    Actual,
    Applied,
    Problem,
    Section,
    Tree,
    Wanted,
)
from qmailpanel.qmail.steps import (
    Compile,
    LetDeliveriesEnd,
    SettleTree,
    Step,
    TellSend,
    WriteShared,
)

ACCEPTING = (Shared.RCPT, Shared.NONEXIST)  # read by qmail-smtpd: shrink first, grow last
MANY_DROPS, MANY_SHARE = 20, 0.30

Sections = Mapping[str, tuple[int, Mapping[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class Question:
    """What the operator must say yes to before anything is done; `digest` names this very plan."""

    digest: str
    text: str


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
    failed: Mapping[str, str] | None = None,
    confirmed: frozenset[str] = frozenset(),
) -> Plan:
    """The steps that make these domains true. A second plan after them is empty.

    `failed`: paths that could not be made in this run, with the cause; what needs them is left as
    it is. `confirmed`: digests of questions the operator said yes to.
    """
    drafts = [draft_domain(w, applied.get(w.name, ()), actual, failed or {}) for w in wanted]
    drifts = {draft.wanted.name: draft.drifts for draft in drafts if draft.drifts}
    problems = {draft.wanted.name: draft.problems for draft in drafts if draft.problems}
    question = _ask_about_rcpthosts(actual) or _ask_about_drops(drafts, actual)
    if question and question.digest not in confirmed:
        return Plan((), drifts, problems, question)
    files = dict(actual.shared)
    steps = tuple(_order(drafts, actual, files))
    return Plan(steps, drifts, problems, None, _after(drafts, applied, actual), files)


def _after(drafts: Iterable[Draft], applied: Applied, actual: Actual) -> dict[str, Section]:
    found = {}
    for draft in drafts:
        name = draft.wanted.name
        section = section_after(draft, applied.get(name, ()), actual.trees.get(name, Tree()))
        if section is not None:
            found[name] = section
    return found


def _order(
    drafts: Sequence[Draft], actual: Actual, files: dict[Shared, LineFile]
) -> Iterator[Step]:
    """The steps; `files` follows the shared files through them."""
    for shared in ACCEPTING:
        foreign = _first_rcpthosts(actual) if shared is Shared.RCPT else None
        yield from _write(files, shared, _shrunk(drafts, shared), foreign)
    yield from _grow_trees(drafts)
    switch = _changes(files[Shared.VIRTUAL], _new(drafts, Shared.VIRTUAL))
    twice = (switch or actual.hup_owed) and any(draft.drops(Shared.ASSIGN) for draft in drafts)
    before = files[Shared.ASSIGN].content
    yield from _write(
        files, Shared.ASSIGN, _union(drafts) if twice else _new(drafts, Shared.ASSIGN)
    )
    if files[Shared.ASSIGN].content != before or _is_stale(drafts, actual):
        yield Compile()
    yield from _write(files, Shared.VIRTUAL, _new(drafts, Shared.VIRTUAL))
    if switch or actual.hup_owed:
        yield TellSend()
    if twice:
        yield from _write(files, Shared.ASSIGN, _new(drafts, Shared.ASSIGN))
        yield Compile()
    if any(draft.hands_over for draft in drafts):
        yield LetDeliveriesEnd()
    for draft in drafts:
        yield from draft.shrink
    for shared in ACCEPTING:
        yield from _write(files, shared, _new(drafts, shared))


def _grow_trees(drafts: Sequence[Draft]) -> Iterator[Step]:
    steps = [step for draft in drafts for step in draft.grow]
    yield from steps
    if steps:
        yield SettleTree()


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
    """Only what was there and stays."""
    return {
        d.wanted.name: (
            d.wanted.section.prepend,
            {key: line for key, line in d.old[shared].items() if key in d.new[shared]},
        )
        for d in drafts
    }


def _union(drafts: Iterable[Draft]) -> Sections:
    """Old and new assignments together; where both have a key, the new one."""
    shared = Shared.ASSIGN
    return {
        d.wanted.name: (d.wanted.section.prepend, {**d.old[shared], **d.new[shared]})
        for d in drafts
    }


def _is_stale(drafts: Iterable[Draft], actual: Actual) -> bool:
    """Whether users/cdb answers otherwise than users/assign will say."""
    cdb = actual.cdb
    if cdb is None:
        return True
    foreign = actual.shared[Shared.ASSIGN].foreign
    answers = [answer for draft in drafts for answer in draft.answers()]
    return any(cdb[key] != data for key, data in foreign.answers(cdb).items()) or any(
        cdb.get(key) != (assign.pair(line)[1] if line else None) for key, line in answers
    )


def _first_rcpthosts(actual: Actual) -> Foreign | None:
    """For a missing rcpthosts, what its first content is: without the file, any relay is open."""
    if actual.shared[Shared.RCPT].content is not None:
        return None
    return Foreign(Shared.RCPT, tuple(_hosted_names(actual)))


def _hosted_names(actual: Actual) -> list[bytes]:
    names = set(actual.locals)
    for raw in actual.shared[Shared.VIRTUAL].foreign.raws:
        key = control.virtual_key(raw)
        if key and b"@" not in key:
            names.add(key)
    return [name + b"\n" for name in sorted(names)]


def _ask_about_rcpthosts(actual: Actual) -> Question | None:
    names = _hosted_names(actual)
    if actual.shared[Shared.RCPT].content is not None or not names:
        return None
    listed = b"".join(names).decode("utf-8", "backslashreplace")
    return Question(
        _digest(names),
        "control/rcpthosts is missing: qmail-smtpd relays for everybody. "
        f"It would be written with the names this host serves:\n{listed}",
    )


def _ask_about_drops(drafts: Sequence[Draft], actual: Actual) -> Question | None:
    drops = sorted(line for draft in drafts for line in draft.unasked_drops())
    if len(drops) <= MANY_DROPS:
        return None
    total = sum(text.count(b"\n") for _, text in actual.shared[Shared.ASSIGN].sections.values())
    if len(drops) <= MANY_SHARE * total:
        return None
    shown = b"".join(drops[:10]).decode("utf-8", "backslashreplace")
    return Question(
        _digest(drops),
        f"{len(drops)} of {total} live assignments would be dropped though nobody removed them "
        f"here. Was the database restored or replaced? The first of them:\n{shown}",
    )


def _digest(lines: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()
