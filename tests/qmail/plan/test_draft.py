"""One domain while it is planned."""

from __future__ import annotations

from dataclasses import replace

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from qmailpanel.qmail.plan.draft import Draft, home_name, local_of, section_after
from qmailpanel.qmail.plan.state import Bad, HomeFound, Tree
from qmailpanel.qmail.plan.steps import RemoveFile, WriteFile
from tests.kit.worlds import want

ANN, BOB = MailboxRow(7, 1, "ann"), MailboxRow(8, 2, "bob")
ROWS = DomainRows(
    domain=1, name="a.test", prepend=100, change=1, mailboxes=[ANN, BOB], refused=("old.test",)
)
OFF = replace(ROWS, mailboxes=[ANN, replace(BOB, enabled=False)])
WILDCARD, ANNS, BOBS = b"+100-", b"=100-ann", b"=100-bob"


def draft_of(before: DomainRows, after: DomainRows) -> Draft:
    """Where all is as it was applied."""
    old, new = (want([rows])[0] for rows in (before, after))
    found = {
        path: HomeFound(home.dot_qmail, whole=True, mailbox=home.mailbox)
        for path, home in old.section.homes.items()
    }
    lines = [
        {shared: dict(one.section.lines.get(shared, {})) for shared in Shared} for one in (old, new)
    ]
    tree = Tree(True, files=old.section.files, homes=found)
    return Draft(
        wanted=new, applied=[old.section], tree=tree, failed={}, old=lines[0], new=lines[1]
    )


def test_a_line_by_which_mail_is_refused_neither_serves_nor_welcomes() -> None:
    switched_on, switched_off = draft_of(OFF, ROWS), draft_of(ROWS, OFF)
    assert {ANNS, BOBS} & switched_on.serving(Shared.ASSIGN).keys() == {ANNS}
    assert {ANNS, BOBS} & switched_on.welcoming(Shared.ASSIGN).keys() == {ANNS, BOBS}
    assert {ANNS, BOBS} & switched_off.serving(Shared.ASSIGN).keys() == {ANNS, BOBS}
    assert {ANNS, BOBS} & switched_off.welcoming(Shared.ASSIGN).keys() == {ANNS}
    assert {ANNS, BOBS} <= switched_on.present(Shared.ASSIGN).keys()


def test_a_name_that_was_removed_serves_nobody_though_it_has_a_line() -> None:
    draft = draft_of(ROWS, ROWS)
    assert draft.old[Shared.VIRTUAL].keys() == {b"a.test", b"old.test"}
    for lines in (draft.serving, draft.welcoming, draft.present):
        assert lines(Shared.VIRTUAL).keys() == {b"a.test"}


def test_lines_that_go_are_those_that_no_row_asks_for_only_where_it_has_none() -> None:
    fewer = draft_of(ROWS, replace(ROWS, mailboxes=[ANN]))
    assert fewer.drops(Shared.ASSIGN) == fewer.unasked_drops() == [fewer.old[Shared.ASSIGN][BOBS]]
    removed = draft_of(ROWS, replace(ROWS, mailboxes=[ANN, replace(BOB, removed=True)]))
    assert (len(removed.drops(Shared.ASSIGN)), removed.unasked_drops()) == (1, [])
    off = draft_of(ROWS, replace(ROWS, mailboxes=[ANN], enabled=False))
    assert (len(off.drops(Shared.ASSIGN)), off.unasked_drops()) == (2, [])


def test_the_map_keeps_the_addresses_of_names_that_go_with_its_wildcard() -> None:
    assert draft_of(ROWS, ROWS).stays_mapped
    assert draft_of(ROWS, replace(ROWS, refused=())).stays_mapped
    assert not draft_of(ROWS, replace(ROWS, removed=True)).stays_mapped
    assert draft_of(replace(ROWS, removed=True), replace(ROWS, removed=True)).stays_mapped


def test_addresses_are_handed_over_where_files_go_and_assignments_come() -> None:
    more = draft_of(replace(ROWS, mailboxes=[ANN]), ROWS)
    assert not more.hands_over
    more.turn.append(WriteFile("a.test/.qmail-x", b"", b"#\n"))
    assert not more.hands_over
    more.turn.append(RemoveFile("a.test/.qmail-bob", b""))
    assert more.hands_over
    same = draft_of(ROWS, ROWS)
    same.turn.append(RemoveFile("a.test/.qmail-bob", b""))
    assert not same.hands_over
    for late in ("refuse", "shrink"):
        other = draft_of(replace(ROWS, mailboxes=[ANN]), ROWS)
        getattr(other, late).append(WriteFile("a.test/.qmail-x", b"", b"#\n"))
        assert other.hands_over


def test_an_assignment_names_its_local_part_and_its_home() -> None:
    lines = want([ROWS])[0].section.lines[Shared.ASSIGN]
    assert [local_of(lines[key]) for key in (WILDCARD, ANNS)] == ["", "ann"]
    assert home_name(lines[ANNS]) == "ann"


def test_what_could_not_be_had_stays_as_it_was_applied() -> None:
    rows = replace(ROWS, mailboxes=[replace(ANN, local="eve"), replace(BOB, enabled=False)])
    draft = draft_of(ROWS, rows)
    draft.lost_homes.add("a.test/eve")
    draft.unsettled.add("a.test/bob/.qmail")
    after = section_after(draft)
    assert after is not None
    assert after.homes == draft.applied[0].homes
    draft.tree = replace(draft.tree, homes={"a.test/bob": Bad("is a link")})
    gone = section_after(draft)
    assert gone is not None
    assert gone.homes == {"a.test/bob": draft.applied[0].homes["a.test/bob"]}
    draft.blocked = True
    assert section_after(draft) is None


def test_after_a_run_that_was_cut_what_stands_there_was_applied() -> None:
    draft = draft_of(OFF, ROWS)
    first = draft.applied[0]
    second = want([ROWS])[0].section
    draft.applied = [first, second]
    draft.unsettled |= {"a.test/bob/.qmail", "a.test/.qmail-default"}
    off = HomeFound(first.homes["a.test/bob"].dot_qmail, whole=True, mailbox=8)
    on = HomeFound(second.homes["a.test/bob"].dot_qmail, whole=True, mailbox=8)
    other = HomeFound(b"|vacation\n", whole=True, mailbox=8)
    for there, applied in ((off, first), (on, second), (other, second)):
        draft.tree = replace(draft.tree, homes={"a.test/bob": there})
        after = section_after(draft)
        assert after is not None
        assert after.homes["a.test/bob"] == applied.homes["a.test/bob"]
        assert after.files["a.test/.qmail-default"] == first.files["a.test/.qmail-default"]


def test_a_home_in_which_another_mailbox_is_by_now_is_no_longer_applied() -> None:
    draft = draft_of(ROWS, replace(ROWS, mailboxes=[ANN]))
    others = {"a.test/bob": HomeFound(b"./Maildir/\n", whole=True, mailbox=9)}
    draft.tree = replace(draft.tree, homes={**draft.tree.homes, **others})
    after = section_after(draft)
    assert after is not None
    assert after.homes.keys() == {"a.test/ann"}
