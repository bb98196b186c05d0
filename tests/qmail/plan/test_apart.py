"""Which domains can be made true while others are at work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from qmailpanel.qmail.plan.apart import Ways, find_apart, find_ways
from qmailpanel.qmail.plan.hops import Hops
from qmailpanel.qmail.plan.state import empty_section
from tests.kit.worlds import want


def ways(name: str, *led: str) -> Ways:
    return Ways(frozenset({name.encode()}), frozenset(each.encode() for each in led))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ways("b.test"), False),
        (ways("b.test", "c.test"), False),
        (ways("b.test", "a.test"), True),
        (ways("led.test"), True),
    ],
)
def test_mail_goes_over_both_where_either_leads_to_the_other(other, expected) -> None:
    here = ways("a.test", "led.test")
    assert (here.meet(other), other.meet(here)) == (expected, expected)


def test_what_waits_for_what_waits_is_not_apart() -> None:
    waiting = {1: ways("a.test", "b.test"), 2: ways("b.test", "c.test"), 3: ways("d.test")}
    assert find_apart(waiting, ways("c.test")) == {3}
    assert find_apart(waiting, ways("e.test")) == {1, 2, 3}
    assert Ways.of_all(waiting.values()) == Ways(
        frozenset({b"a.test", b"b.test", b"d.test"}), frozenset({b"b.test", b"c.test"})
    )


def test_a_domain_leads_to_where_its_changed_files_do_and_to_where_it_catches() -> None:
    aliases = [AliasRow(1, "one", ("x@one.test", "y@one.test"))]
    rows = DomainRows(domain=1, name="a.test", prepend=100, change=1, aliases=aliases)
    more = replace(
        rows,
        aliases=[*aliases, AliasRow(2, "two", ("x@two.test", "y@two.test"))],
        unknown="forward",
        unknown_target="all@caught.test",
    )
    hops = Hops({}, lambda _name: ())
    before, after = want([rows])[0].section, want([more])[0]
    assert find_ways(after, [before], hops).led == {
        *(b"two.test", b".test"),
        *(b"caught.test", b".test"),
    }
    assert find_ways(after, [after.section], hops).led == {b"caught.test", b".test"}
    for new in ([], [empty_section(100)]):
        assert {b"a.test", b"one.test"} <= find_ways(after, new, hops).led
    assert find_ways(after, [before], hops).names == {b"a.test"}


def test_what_is_led_to_leads_on_by_what_was_applied_there() -> None:
    aliases = [AliasRow(1, "one", ("box@b.test", "y@side.test"))]
    rows = DomainRows(domain=1, name="a.test", prepend=100, change=1, aliases=aliases)
    there = replace(rows, name="b.test", aliases=[AliasRow(2, "box", ("x@c.test", "y@c.test"))])
    sections = {"b.test": [want([there])[0].section]}
    hops = Hops({b"b.test": "b.test"}, lambda name: sections[name])
    assert {b"b.test", b"c.test"} <= find_ways(want([rows])[0], [], hops).led
    assert hops.names_reached([("nobody", "mail.b.test")]) == {"mail.b.test"}
    assert hops.names_reached([("box", "b.test")]) == {"b.test", "c.test"}


def test_a_mailbox_leads_on_by_its_own_file_as_far_as_that_was_applied() -> None:
    box = MailboxRow(7, 1, "box", destinations=("x@c.test",))
    rows = DomainRows(domain=1, name="b.test", prepend=100, change=1, mailboxes=[box])
    section = want([rows])[0].section
    for applied, led in ((section, {"c.test"}), (replace(section, homes={}), set())):
        sections = {"b.test": [applied]}
        hops = Hops({b"b.test": "b.test"}, sections.__getitem__)
        assert hops.names_reached([("box", "b.test")]) == {"b.test", *led}
