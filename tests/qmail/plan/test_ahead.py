"""New mailboxes that get their mail by a file, until the map follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from qmailpanel.qmail.plan.ahead import as_found, find_new
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import Compile, LetDeliveriesEnd, WriteShared
from tests.kit.random_rows import LOCALS, foreign_lines, host_with, layouts, reached
from tests.kit.worlds import (
    LAYOUT,
    World,
    applied_to,
    begin,
    cut_wanted,
    plan_for,
    settle,
    want,
)
from tests.qmail.plan.test_plan import worlds
from tests.qmail.plan.test_plans_of_parts import (
    parts,
    remembered,
    rows_and_changed_rows,
    with_changed,
)

PANDLE = DomainRows(
    domain=1, name="pandle.net", prepend=100, change=1, mailboxes=[MailboxRow(1, 1, "ann")]
)
LIMITING = replace(LAYOUT, deliverquota="/usr/sbin/deliverquota")
NEW = MailboxRow(9, 9, "jo.doe")
FILE = "pandle.net/.qmail-jo:doe"
KEY = b"=100-jo.doe"


@pytest.fixture
def world() -> World:
    world = World()
    settle(world, want([PANDLE]))
    return world


def with_new(new: MailboxRow, *, aliases: Sequence[AliasRow] = ()) -> Wanted:
    """The part of the domain that has it."""
    one, *_ = want([replace(PANDLE, mailboxes=[*PANDLE.mailboxes, new], aliases=aliases)], LIMITING)
    locals_ = {new.local, *(alias.local for alias in aliases)}
    return cut_wanted(one, frozenset(locals_))


def new_ones(world: World, one: Wanted) -> dict[str, set[str]]:
    return find_new([one], applied_to(world, [one]))


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (NEW, "./jo.doe/Maildir/\n"),
        (
            replace(NEW, quota=9),
            "|/var/qmail/bin/preline -f /usr/sbin/deliverquota ./jo.doe/Maildir\n",
        ),
        (replace(NEW, destinations=("a@x.test",)), "./jo.doe/Maildir/\n&a@x.test\n"),
        (replace(NEW, destinations=("a@x.test",), keeps=False), "&a@x.test\n"),
        (
            replace(NEW, on_hold=True, refusal="It's full"),
            "|printf '%s\\n' 'It'\\''s full'; exit 111\n",
        ),
        (
            replace(NEW, enabled=False, refusal="Gone"),
            "|/var/qmail/bin/bouncesaying 'Gone'\n",
        ),
    ],
    ids=["plain", "limited", "forwarded", "forwarded alone", "on hold", "off"],
)
def test_a_new_mailbox_gets_its_mail_by_a_file_and_nothing_is_compiled(world, new, says) -> None:
    one = with_new(new)
    assert new_ones(world, one) == {"pandle.net": {"jo.doe"}}
    found = as_found(one, {"jo.doe"})
    steps = begin(world, [found]).steps
    assert not any(isinstance(step, Compile | WriteShared) for step in steps)
    for step in steps:
        world.apply(step)
    assert world.route("jo.doe", "pandle.net") == says
    assert plan_for(world, [found]).steps == ()


def test_the_line_follows_and_later_the_file_goes_and_nobody_is_waited_for(world) -> None:
    one = with_new(NEW)
    settle(world, [as_found(one, {"jo.doe"})])
    both = as_found(one, {"jo.doe"}, {"jo.doe"})
    steps = [*begin(world, [both]).steps]
    settle(world, [both])
    assert FILE in world.files
    assert world.route("jo.doe", "pandle.net").startswith("mailbox 9")
    steps += begin(world, [one]).steps
    settle(world, [one])
    assert FILE not in world.files
    assert world.route("jo.doe", "pandle.net").startswith("mailbox 9")
    assert not any(isinstance(step, LetDeliveriesEnd) for step in steps)


@pytest.mark.parametrize("local", ["default", "jo-owner"])
def test_what_qmail_reads_otherwise_is_no_name_of_a_file(world, local) -> None:
    one = with_new(replace(NEW, local=local))
    assert new_ones(world, one) == {}
    assert as_found(one, {local}) == one


def test_where_the_map_is_compiled_anyway_no_new_mailbox_gets_a_file(world) -> None:
    alias = AliasRow(7, "info", ("ann@pandle.net",))
    assert new_ones(world, with_new(NEW, aliases=[alias])) == {}
    alias = AliasRow(7, "info", ("out@side.test",))
    assert new_ones(world, with_new(NEW, aliases=[alias])) == {"pandle.net": {"jo.doe"}}


def test_nobody_is_new_who_has_a_line_or_whose_name_had_a_file_or_a_home(world) -> None:
    ann = cut_wanted(want([PANDLE])[0], frozenset({"ann"}))
    assert new_ones(world, ann) == {}
    alias = AliasRow(7, "jo.doe", ("out@side.test",))
    settle(world, want([replace(PANDLE, aliases=[alias])]))
    assert new_ones(world, with_new(NEW)) == {}


def test_while_a_run_that_was_cut_is_not_settled_nobody_is_new(world) -> None:
    begin(world, [with_new(NEW)])
    assert new_ones(world, with_new(replace(NEW, mailbox=8))) == {}


def test_an_alias_that_has_its_home_keeps_its_line(world) -> None:
    alias = AliasRow(7, "info", ("jo.doe@pandle.net",))
    one = with_new(NEW, aliases=[alias])
    found = as_found(one, {"jo.doe", "info"})
    lines = found.section.lines[Shared.ASSIGN]
    assert (KEY in lines, b"=100-info" in lines) == (False, True)
    settle(world, [found])
    assert world.route("info", "pandle.net").startswith("mailbox 9")


some_locals = st.sets(st.sampled_from(LOCALS))


@worlds
@given(layouts, foreign_lines, rows_and_changed_rows, rows_and_changed_rows, st.data())
def test_whatever_happens_while_mail_comes_by_files_none_is_lost(
    layout, lines, both, others, data
) -> None:
    first, second = both
    some, mapped = data.draw(some_locals), data.draw(some_locals)
    third = [with_changed(*pair, some) for pair in zip(second, others[1], strict=True)]
    world = host_with(lines)
    go(world, want(first, layout))
    wanted = parts(world, first, second, layout)
    new = find_new(wanted, applied_to(world, wanted))
    go(world, [as_found(one, new.get(one.name, set())) for one in wanted])
    if data.draw(st.booleans()):
        go(world, [as_found(one, new.get(one.name, set()), mapped) for one in wanted])
    go(world, want(third, layout))
    straight = host_with(lines)
    for rows in (first, second, third):
        go(straight, want(rows, layout))
    world.logins = straight.logins = {}
    assert world.facts() == straight.facts()
    assert remembered(world) == remembered(straight)


def go(world: World, wanted: Sequence[Wanted]) -> None:
    """Make it true; whose mail reaches somebody before and after is reached in between."""
    wanted = [replace(one, logins=None) for one in wanted]
    last = world.copy()
    settle(last, wanted)
    steady = reached(world) & reached(last)
    for step in begin(world, wanted).steps:
        world.apply(step)
        for address in steady:
            assert world.reaches(*address), (step, address)
    assert settle(world, wanted).steps == ()
