"""Whether a map answers what its file says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Foreign, LineFile, Shared
from qmailpanel.qmail.layout.rows import DomainRows
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Actual, Tree
from qmailpanel.qmail.plan.write_shared import is_map_stale
from tests.kit.worlds import want

KEY = b"=100-x"
OURS, OTHER = (b"=100-x:popuser:110:31:/m/%s/x:::\n" % name for name in (b"a.test", b"b.test"))
THEIRS = b"=7-joe:joe:7:7:/home/joe:::\n"


def draft(name: str, old: bytes, new: bytes | None, *, blocked: bool = False) -> Draft:
    """A domain that had a line of that key, and shall have this one."""
    rows = DomainRows(domain=1, name=name, prepend=100, change=1)
    return Draft(
        wanted=want([rows])[0],
        applied=(),
        tree=Tree(),
        failed={},
        old={Shared.ASSIGN: {KEY: old}},
        new={Shared.ASSIGN: {KEY: new} if new else {}},
        asked={Shared.ASSIGN: {KEY}},
        blocked=blocked,
    )


def is_stale(drafts: list[Draft], answer: bytes | None, further: Mapping[bytes, bytes]) -> bool:
    answers = {KEY: data(answer) if answer else None, **further}
    sections = {each.wanted.name: (100, each.old[Shared.ASSIGN][KEY]) for each in drafts}
    file = LineFile(Shared.ASSIGN, b"", Foreign(Shared.ASSIGN, (THEIRS,)), sections)
    return is_map_stale(
        drafts, Actual({Shared.ASSIGN: file}, {}, {Shared.ASSIGN: answers}), Shared.ASSIGN
    )


def data(line: bytes) -> bytes:
    return MAPS[Shared.ASSIGN].data(line)


@pytest.mark.parametrize(
    ("new", "answer", "expected"),
    [
        (OURS, OURS, False),
        (OURS, None, True),
        (OURS, OTHER, True),
        (None, None, False),
        (None, OURS, True),
    ],
)
def test_a_map_is_stale_where_it_does_not_answer_what_shall_be(new, answer, expected) -> None:
    assert is_stale([draft("a.test", OURS, new)], answer, {}) is expected


def test_a_map_is_stale_where_it_answers_otherwise_for_a_line_of_others() -> None:
    right = {b"=7-joe": data(THEIRS)}
    drafts = [draft("a.test", OURS, OURS)]
    assert not is_stale(drafts, OURS, right)
    assert is_stale(drafts, OURS, {b"=7-joe": data(OURS)})


def test_what_goes_from_one_domain_may_be_there_for_one_that_stays() -> None:
    gone = draft("a.test", OURS, None)
    kept = draft("b.test", OTHER, OTHER, blocked=True)
    kept.asked.clear()
    assert not is_stale([gone, kept], OTHER, {})
    assert is_stale([gone, kept], OURS, {})
    going = draft("b.test", OTHER, None)
    assert is_stale([gone, going], OTHER, {})


def test_what_goes_from_one_domain_may_be_listed_for_one_that_is_not_in_the_plan() -> None:
    """Of many domains only those are read that have the name."""
    gone = draft("a.test", OURS, None)
    gone.old[Shared.VALID] = {b"x@c.test": b"x@c.test\n"}
    gone.new[Shared.VALID], gone.asked[Shared.VALID] = {}, {b"x@c.test"}
    for line, expected in ((b"x@c.test", False), (b"y@c.test", True)):
        kept = {"b.test": (101, line + b"\n"), "d.test": (102, b"x@d.test\n")}
        file = LineFile(Shared.VALID, b"", Foreign(Shared.VALID), kept)
        actual = Actual({Shared.VALID: file}, {}, {Shared.VALID: {b"x@c.test": b""}})
        assert is_map_stale([gone], actual, Shared.VALID) is expected


@pytest.mark.parametrize("shared", list(MAPS))
def test_a_map_that_is_missing_is_stale_where_it_is_asked(shared) -> None:
    empty = LineFile(shared, b"", Foreign(shared))
    ours = LineFile(shared, b"", Foreign(shared), {"a.test": (100, b"x@a.test\n")})
    missing = LineFile(shared, None, Foreign(shared))
    found = [
        is_map_stale([], Actual({shared: file}, {}, {shared: None}), shared)
        for file in (ours, empty, missing)
    ]
    always = shared is Shared.ASSIGN
    assert found == [True, always or shared is Shared.MORE, always]


def test_a_file_that_is_not_compiled_has_no_stale_map() -> None:
    file = LineFile(Shared.RCPT, b"", Foreign(Shared.RCPT))
    assert not is_map_stale([], Actual({Shared.RCPT: file}, {}, {}), Shared.RCPT)
