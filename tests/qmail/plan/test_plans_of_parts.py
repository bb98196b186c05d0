"""Plans that are about some addresses of a domain and see nothing of the others.

They are the steps of the plan of the whole, so what test_plan.py says of its order holds of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats.shared_files import Part, Shared
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, Layout, MailboxRow
from qmailpanel.qmail.plan.drift import Decision, Side, Subject, as_text
from qmailpanel.qmail.plan.parts import find_beyond, is_in, local_of_key, local_of_path
from qmailpanel.qmail.plan.state import Section, Wanted
from tests.kit.random_rows import (
    LOCALS,
    domain_rows,
    foreign_lines,
    host_with,
    in_service,
    layouts,
    outcomes,
    winding_rows,
)
from tests.kit.worlds import (
    LAYOUT,
    World,
    applied_to,
    begin,
    cut_wanted,
    is_delivered,
    plan_for,
    settle,
    want,
)

NAMES = ("pandle.net", "b.test")
near = st.builds("{}@{}".format, st.sampled_from((*LOCALS, "unknown")), st.sampled_from(NAMES))


@st.composite
def _rows_and_changed_rows(draw: st.DrawFn) -> tuple[list[DomainRows], list[DomainRows]]:
    """Two domains of which nothing but addresses changes: some of them."""
    first = [draw(domain_rows(at, name, near)) for at, name in enumerate(NAMES)]
    first = [in_service(rows) for rows in first]
    second = [draw(domain_rows(at, name, near)) for at, name in enumerate(NAMES)]
    return first, [
        with_changed(rows, later, draw(st.sets(st.sampled_from(LOCALS))))
        for rows, later in zip(first, second, strict=True)
    ]


def with_changed(rows: DomainRows, later: DomainRows, locals_: set[str]) -> DomainRows:
    def pick(what: str) -> list[Any]:
        old = [row for row in getattr(rows, what) if row.local not in locals_]
        return old + [row for row in getattr(later, what) if row.local in locals_]

    mailboxes = pick("mailboxes")
    numbers = {box.mailbox for box in mailboxes if box.removed}
    purged = {
        number: address
        for number, address in {**rows.purged, **later.purged}.items()
        if number in numbers
    }
    return replace(rows, mailboxes=mailboxes, aliases=pick("aliases"), purged=purged)


rows_and_changed_rows = _rows_and_changed_rows()


def changed(before: Section, after: Section) -> set[str]:
    """The addresses of which something is another than before."""
    locals_ = set()
    for shared in Shared:
        items = before.lines.get(shared, {}).items() ^ after.lines.get(shared, {}).items()
        locals_ |= {local_of_key(shared, key) for key, _ in items}
    locals_ |= {local_of_path(path) for path, _ in before.files.items() ^ after.files.items()}
    return locals_ | {local_of_path(path) for path, _ in before.homes.items() ^ after.homes.items()}


def parts(
    world: World, first: Sequence[DomainRows], second: Sequence[DomainRows], layout: Layout
) -> list[Wanted]:
    """What is wanted, cut to what was changed and to what that leads to."""
    before, after = want(first, layout), want(second, layout)
    found = {
        new.name: {*changed(old.section, new.section), *_removed(new)} - {""}
        for old, new in zip(before, after, strict=True)
    }
    while True:
        wanted = [cut_wanted(one, frozenset(found[one.name])) for one in after]
        beyond = find_beyond(wanted, applied_to(world, wanted))
        if not beyond:
            return wanted
        for name, locals_ in beyond.items():
            found[name] |= locals_


def _removed(one: Wanted) -> set[str]:
    return {local_of_path(path) for path, number in one.archive.items() if number in one.purge}


def remembered(world: World) -> dict[str, list[Section]]:
    return {name: [replace(s, logins=()) for s in those] for name, those in world.memory.items()}


@given(layouts, foreign_lines, rows_and_changed_rows)
def test_a_part_becomes_what_the_whole_would_and_nothing_is_left_to_do(layout, lines, both) -> None:
    first, second = both
    world = host_with(lines)
    settle(world, want(first, layout))
    world.logins = {}
    whole = world.copy()
    settle(whole, want(second, layout))
    whole.logins = {}
    assert settle(world, parts(world, first, second, layout)).steps == ()
    assert world.facts() == whole.facts()
    assert remembered(world) == remembered(whole)
    unseen = [replace(one, logins=None) for one in want(second, layout)]
    assert plan_for(world, unseen).steps == ()


@given(layouts, foreign_lines, rows_and_changed_rows, st.data())
def test_a_plan_of_a_part_cut_after_any_step_is_finished_by_the_next(
    layout, lines, both, data
) -> None:
    first, second = both
    world = host_with(lines)
    settle(world, want(first, layout))
    straight, wanted = world.copy(), parts(world, first, second, layout)
    settle(straight, wanted)
    steps = begin(world, wanted).steps
    for step in steps[: data.draw(st.integers(0, len(steps)))]:
        world.apply(step)
    assert settle(world, wanted).steps == ()
    assert world.facts() == straight.facts()
    assert world.memory == straight.memory


@given(foreign_lines, rows_and_changed_rows)
def test_the_steps_of_a_part_are_those_of_the_whole(lines, both) -> None:
    """But for lists of known recipients: of those a part may lose what goes at once."""
    first, second = both
    world = host_with(lines)
    settle(world, want(first))
    wanted = parts(world, first, second, LAYOUT)
    whole = [replace(one, logins=None) for one in want(second)]
    assert plan_for(world, wanted).steps == plan_for(world, whole).steps


@given(winding_rows, winding_rows, st.sets(st.sampled_from(LOCALS[:3])))
def test_files_of_a_part_turn_as_those_of_the_whole(first, second, locals_) -> None:
    second = [with_changed(rows, new, locals_) for rows, new in zip(first, second, strict=True)]
    world = World()
    settle(world, want(first))
    wanted = parts(world, first, second, LAYOUT)
    assert plan_for(world, wanted).steps == plan_for(world, want(second)).steps


@given(layouts, foreign_lines, rows_and_changed_rows)
def test_what_a_part_delivers_before_and_after_it_delivers_in_between(layout, lines, both) -> None:
    first, second = both
    world = host_with(lines)
    settle(world, want(first, layout))
    last, wanted = world.copy(), parts(world, first, second, layout)
    settle(last, wanted)
    before, after = outcomes(world), outcomes(last)
    steady = [key for key in before.keys() & after.keys() if is_delivered(before[key])]
    steady = [key for key in steady if is_delivered(after[key])]
    for step in begin(world, wanted).steps:
        world.apply(step)
        for local, name in steady:
            assert is_delivered(world.route(local, name)), (step, local, name)
            assert world.knows(local, name), (step, local, name)


@given(layouts, foreign_lines, rows_and_changed_rows, st.data())
def test_what_others_change_beside_a_part_stays_for_who_looks_at_the_whole(
    layout, lines, both, data
) -> None:
    first, second = both
    world = host_with(lines)
    settle(world, want(first, layout))
    wanted = parts(world, first, second, layout)
    parted = {one.name: one.part for one in wanted}
    mine = [path for path in world.files if is_of(path, parted)]
    theirs = sorted(world.files.keys() - set(mine))
    if theirs:
        path = data.draw(st.sampled_from(theirs))
        world.files[path] = b"# by hand\n"
    assert settle(world, wanted).steps == ()
    if theirs:
        assert world.files[path] == b"# by hand\n"


def is_of(path: str, parted: dict[str, Part | None]) -> bool:
    return is_in(local_of_path(path), parted.get(path.partition("/")[0], frozenset()))


PANDLE = DomainRows(
    domain=1,
    name="pandle.net",
    prepend=100,
    change=1,
    mailboxes=[MailboxRow(1, 1, "ann"), MailboxRow(2, 2, "bob")],
    unknown="refuse",
)


def test_a_list_of_known_recipients_does_not_begin_with_a_part() -> None:
    """It would refuse all others."""
    world = World()
    settle(world, want([PANDLE]))
    listing = replace(LAYOUT, lists=(Shared.VALID,))
    wanted = want([PANDLE], listing)
    settle(world, [cut_wanted(one, frozenset({"ann"})) for one in wanted])
    assert world.shared[Shared.VALID] is None
    settle(world, wanted)
    assert world.shared[Shared.VALID] == b"ann@pandle.net\nbob@pandle.net\n"


def test_a_line_that_a_person_decided_about_is_put_back_with_its_own_address() -> None:
    world = World()
    settle(world, want([PANDLE]))
    theirs = b"=100-bob:joe:7:7:/home/joe:::\n"
    lines = (world.shared[Shared.ASSIGN] or b"").splitlines(keepends=True)
    world.shared[Shared.ASSIGN] = b"".join(
        theirs if line.startswith(b"=100-bob:") else line for line in lines
    )
    subject = Subject.of_line(Shared.ASSIGN, b"=100-bob")
    decision = Decision(subject, as_text(theirs), Side.OURS)
    wanted = [replace(one, decisions=(decision,)) for one in want([PANDLE])[:1]]
    beside = plan_for(world, [cut_wanted(one, frozenset({"ann"})) for one in wanted])
    assert theirs in beside.files[Shared.ASSIGN].foreign.raws
    settle(world, [cut_wanted(one, frozenset({"bob"})) for one in wanted])
    assert theirs not in (world.shared[Shared.ASSIGN] or b"")
    assert world.deliver("100-bob") == "mailbox 2: ./Maildir/\n"


def assert_planned_as_the_whole(first: DomainRows, second: DomainRows) -> None:
    world = World()
    settle(world, want([first]))
    wanted = parts(world, [first], [second], LAYOUT)
    assert wanted[0].part != frozenset(LOCALS)
    assert plan_for(world, wanted).steps == plan_for(world, want([second])).steps


def test_an_address_that_leads_on_belongs_to_the_part_though_it_does_not_change() -> None:
    """Else the first file would turn before the last one, and mail run in a circle."""
    ways = {"a": "out@side.test", "via": "z@pandle.net", "z": "a@pandle.net"}
    aliases = [AliasRow(at, local, (way,)) for at, (local, way) in enumerate(ways.items())]
    first = replace(PANDLE, aliases=aliases)
    turned = [
        replace(aliases[0], destinations=("via@pandle.net",)),
        aliases[1],
        replace(aliases[2], destinations=("out@side.test",)),
    ]
    assert_planned_as_the_whole(first, replace(first, aliases=turned))


def test_the_home_that_an_alias_leaves_belongs_to_the_part() -> None:
    """What it does with mail decides when the alias may turn."""
    off = [MailboxRow(1, 1, "ann", enabled=False), *PANDLE.mailboxes[1:]]
    alias = AliasRow(3, "x-y", ("ann@pandle.net",))
    first = replace(PANDLE, mailboxes=off, aliases=[alias])
    away = replace(alias, destinations=("out@side.test",))
    assert_planned_as_the_whole(first, replace(first, aliases=[away]))
