"""One domain against what stands there: what is mended, left, told, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from qmailpanel.qmail.formats.logins import Logins
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, LoginRow, MailboxRow
from qmailpanel.qmail.plan.draft import KEPT, NOT_MADE
from qmailpanel.qmail.plan.drift import Decision, Drift, Side, Subject
from qmailpanel.qmail.plan.order import Plan, make_plan
from qmailpanel.qmail.plan.settle_domain import LEFT_BEHIND, NO_DOMAIN, TAKEN
from qmailpanel.qmail.plan.settle_homes import NOT_ARCHIVED, NOT_PURGED, OTHERS, TEXTS
from qmailpanel.qmail.plan.state import Bad, HomeFound, Problem
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    Failed,
    FlushTree,
    LimitHome,
    MakeDirectory,
    PlaceHome,
    PurgeHome,
    RemoveDirectory,
    RemoveFile,
    RemoveLogins,
    TellSend,
    WriteFile,
    WriteLogins,
    WriteShared,
)
from tests.kit.worlds import World, plan_for, settle, want

BOX, TEAM = 1, 2  # addresses
NAME = "pandle.net"
HOME, DEFAULT, FILE = f"{NAME}/box", f"{NAME}/.qmail-default", f"{NAME}/.qmail-team"
MAILDIR = b"./Maildir/\n"
TEAM_TEXT = b"&a@side.test\n&b@side.test\n"
ROWS = DomainRows(
    domain=1,
    name=NAME,
    prepend=100,
    change=1,
    mailboxes=[MailboxRow(7, BOX, "box")],
    aliases=[AliasRow(TEAM, "team", ("a@side.test", "b@side.test"))],
)
GONE = replace(ROWS, mailboxes=[MailboxRow(7, BOX, "box", removed=True)])
THEIRS = b"|vacation\n"


@pytest.fixture
def world() -> World:
    """A host on which the domain is live."""
    made = World()
    settle(made, want([ROWS]))
    return made


def plan_where(
    world: World,
    rows: DomainRows = ROWS,
    *,
    failed: Failed | None = None,
    decisions: tuple[Decision, ...] = (),
    nameless: frozenset[int] = frozenset(),
    host: Mapping[str, Any] | None = None,
    **tree: Any,
) -> Plan:
    """The plan where this stands in the directory of the domain, and on the host beside it."""
    made = want([rows])
    wanted = [replace(made[0], decisions=decisions, nameless=nameless), *made[1:]]
    actual = world.observe(wanted, world.memory)
    trees = {**actual.trees, NAME: replace(actual.trees[NAME], **tree)}
    actual = replace(actual, trees=trees, **(host or {}))
    return make_plan(wanted, world.memory, actual, failed)


def problems(plan: Plan) -> list[Problem]:
    return list(plan.problems.get(NAME, ()))


# homes


def test_a_home_in_which_something_is_missing_is_mended_and_keeps_its_dot_qmail(world) -> None:
    torn = HomeFound(MAILDIR, whole=False, mailbox=7)
    assert plan_where(world, homes={HOME: torn}).steps == (PlaceHome(HOME, 7, None), FlushTree())


def test_a_home_of_before_homes_had_a_mark_gets_one(world) -> None:
    bare = HomeFound(MAILDIR, whole=True, mailbox=None)
    assert plan_where(world, homes={HOME: bare}).steps == (PlaceHome(HOME, 7, None), FlushTree())


def test_other_limits_are_written_into_a_home_and_nothing_else(world) -> None:
    limited = replace(ROWS, mailboxes=[MailboxRow(7, BOX, "box", quota=5000, messages=3)])
    assert plan_for(world, want([limited])).steps == (LimitHome(HOME, (5000, 3)), FlushTree())


def test_what_stands_in_the_place_of_a_home_is_told_with_what_it_is(world) -> None:
    plan = plan_where(world, homes={HOME: Bad("is a link")})
    assert [type(step) for step in plan.steps] == [WriteLogins]  # nobody opens it
    assert problems(plan) == [Problem(NOT_MADE, f"{HOME}: is a link", BOX)]


def test_mail_that_could_not_be_archived_stays_and_is_told(world) -> None:
    plan = plan_where(world, GONE, failed={HOME: "Disk full"})
    assert not any(isinstance(step, ArchiveHome) for step in plan.steps)
    assert problems(plan) == [Problem(NOT_ARCHIVED, "Disk full", BOX)]
    assert HOME in plan.after[NAME].homes


def test_mail_that_stands_in_no_home_any_more_is_not_archived_and_is_told(world) -> None:
    plan = plan_where(world, GONE, homes={HOME: Bad("is a file")})
    assert not any(isinstance(step, ArchiveHome) for step in plan.steps)
    assert problems(plan) == [Problem(NOT_ARCHIVED, "is a file", BOX)]


def test_mail_that_could_not_be_purged_is_told(world) -> None:
    purged = replace(GONE, purged={7: BOX})
    assert PurgeHome(7, NAME) in plan_where(world, purged).steps
    plan = plan_where(world, purged, failed={".archive/7": "Disk full"})
    assert not any(isinstance(step, PurgeHome) for step in plan.steps)
    assert problems(plan) == [Problem(NOT_PURGED, ".archive/7: Disk full", BOX)]


def test_a_home_that_a_person_gave_to_the_mailbox_is_its_own(world) -> None:
    other = {HOME: HomeFound(MAILDIR, whole=True, mailbox=9)}
    (problem,) = problems(plan_where(world, homes=other))
    assert problem == Problem(TEXTS[OTHERS], f"{HOME}: {OTHERS}", BOX)
    given = (Decision(Subject.of_file(HOME), "7", Side.OURS),)
    plan = plan_where(world, homes=other, decisions=given)
    assert (plan.steps, plan.problems) == ((PlaceHome(HOME, 7, None), FlushTree()), {})


def test_a_home_without_a_mark_is_not_that_of_the_next_mailbox_of_its_name(world) -> None:
    bare = {HOME: HomeFound(MAILDIR, whole=True, mailbox=None)}
    next_one = replace(ROWS, mailboxes=[MailboxRow(8, BOX, "box")])
    plan = plan_where(world, next_one, homes=bare)
    assert problems(plan) == [Problem(TEXTS[OTHERS], f"{HOME}: {OTHERS}", BOX)]
    assert not any(isinstance(step, PlaceHome) for step in plan.steps)


def test_a_home_of_a_removed_mailbox_is_archived_wherever_it_stands(world) -> None:
    path = f"{NAME}/old"
    homes = {HOME: HomeFound(MAILDIR, whole=True, mailbox=7)}
    homes[path] = HomeFound(MAILDIR, whole=True, mailbox=9)
    archived = ArchiveHome(path, 9)
    assert archived in plan_where(world, homes=homes, nameless=frozenset({9})).steps
    assert plan_where(world, homes=homes).steps == ()
    failed = plan_where(world, homes=homes, nameless=frozenset({9}), failed={path: "Disk full"})
    assert failed.steps == ()
    given = (Decision(Subject.of_file(HOME), "7", Side.OURS),)
    homes = {HOME: HomeFound(MAILDIR, whole=True, mailbox=9)}
    plan = plan_where(world, homes=homes, nameless=frozenset({9}), decisions=given)
    assert not any(isinstance(step, ArchiveHome) for step in plan.steps)


# the whole domain


@pytest.mark.parametrize(
    ("where", "cause"),
    [
        ({"directory": Bad("is a link")}, "is a link"),
        ({"failed": {NAME: "Disk full"}}, "Disk full"),
    ],
    ids=["bad", "failed"],
)
def test_a_domain_whose_directory_cannot_be_had_stays_as_it_is(world, where, cause) -> None:
    plan = plan_where(world, replace(ROWS, aliases=[]), **where)
    assert plan.steps == ()
    assert problems(plan) == [Problem(NO_DOMAIN, f"{NAME}: {cause}")]
    assert NAME not in plan.after


STRANGE = {f"{NAME}/.qmail-old": THEIRS, f"{NAME}/.qmail-x": Bad("is a directory")}


def test_a_new_domain_waits_where_a_file_of_who_had_its_name_would_take_mail() -> None:
    plan = plan_where(World(), strange=STRANGE)
    assert plan.steps == ()
    assert problems(plan) == [Problem(NO_DOMAIN, f"{NAME}/.qmail-old: {LEFT_BEHIND}")]


def test_a_file_that_no_row_knows_is_shown_beside_a_live_domain(world) -> None:
    plan = plan_where(world, strange=STRANGE)
    subject = Subject.of_file(f"{NAME}/.qmail-old")
    assert (plan.steps, plan.problems) == ((), {})
    assert plan.drifts[NAME] == [Drift(subject, None, None, THEIRS)]
    gone = plan_where(world, replace(ROWS, removed=True), strange=STRANGE)
    assert gone.drifts == {}


def test_the_number_of_another_domain_is_not_taken_unless_that_was_its_own_name() -> None:
    host = {"owners": {100: "old.test"}}
    plan = plan_where(World(), host=host)
    assert plan.steps == ()
    assert problems(plan) == [Problem(TAKEN, "prepend 100 was that of old.test")]
    assert plan_where(World(), replace(ROWS, former=("old.test",)), host=host).problems == {}
    assert plan_where(World(), host={"owners": {100: NAME}}).problems == {}


def test_a_number_that_others_use_is_taken_but_not_from_whom_had_it_first(world) -> None:
    line = b"old.test:100\n"
    world.shared[Shared.VIRTUAL] = line + (world.shared[Shared.VIRTUAL] or b"")
    assert plan_where(world).problems == {}
    fresh = World()
    fresh.shared[Shared.VIRTUAL] = line
    cause = "prepend 100 belongs to a foreign line or directory"
    assert problems(plan_where(fresh)) == [Problem(TAKEN, cause)]


def test_a_directory_that_could_not_be_removed_harms_nobody(world) -> None:
    gone = replace(ROWS, removed=True)
    removal = RemoveDirectory(NAME)
    assert removal in plan_where(world, gone).steps
    plan = plan_where(world, gone, failed={removal: "Disk full"})
    assert removal not in plan.steps
    assert plan.problems == {}


def test_no_mail_is_accepted_for_a_name_whose_mail_others_have() -> None:
    world = World()
    world.shared[Shared.VIRTUAL] = b"pandle.net:7\n"
    plan = plan_where(world)
    assert not any(getattr(step, "shared", None) is Shared.RCPT for step in plan.steps)
    assert [drift.subject.key for drift in plan.drifts[NAME]] == [NAME]


def test_logins_that_open_something_of_a_domain_that_was_never_applied_go() -> None:
    files = Logins().render("old.test")
    host = {"logins": {"old.test": files, "b.test": files}, "opened": {NAME: {"old.test"}}}
    steps = plan_where(World(), host=host).steps
    removed = [step for step in steps if isinstance(step, RemoveLogins)]
    assert removed == [RemoveLogins(NAME, "old.test")]


# dot-qmail files


@pytest.mark.parametrize("path", [FILE, DEFAULT])
def test_a_dot_qmail_file_that_drifted_is_shown_with_its_three_sides(world, path) -> None:
    applied = world.files[path]
    plan = plan_where(world, files={**world.files, path: THEIRS})
    assert plan.steps == ()
    assert plan.drifts[NAME] == [Drift(Subject.of_file(path), applied, applied, THEIRS)]
    owner = TEAM if path == FILE else None
    assert problems(plan) == [Problem(KEPT, f"{path} was changed by someone else", owner)]
    assert plan.after[NAME].files[path] == applied


def test_what_was_applied_before_somebody_changed_a_file_stays_known(world) -> None:
    other = replace(ROWS, aliases=[AliasRow(TEAM, "team", ("c@side.test", "d@side.test"))])
    plan = plan_where(world, other, files={**world.files, FILE: THEIRS})
    wanted = b"&c@side.test\n&d@side.test\n"
    assert plan.drifts[NAME] == [Drift(Subject.of_file(FILE), wanted, TEAM_TEXT, THEIRS)]
    assert plan.after[NAME].files[FILE] == TEAM_TEXT


def test_a_file_of_others_where_none_of_ours_was_is_not_noted_as_ours(world) -> None:
    settle(world, want([replace(ROWS, aliases=[])]))
    plan = plan_where(world, files={**world.files, FILE: THEIRS})
    assert plan.drifts[NAME] == [Drift(Subject.of_file(FILE), TEAM_TEXT, None, THEIRS)]
    assert plan.after[NAME].files.keys() == {DEFAULT}


def test_the_dot_qmail_of_a_home_that_drifted_is_shown_at_its_mailbox(world) -> None:
    plan = plan_where(world, homes={HOME: HomeFound(THEIRS, whole=True, mailbox=7)})
    assert [drift.actual for drift in plan.drifts[NAME]] == [THEIRS]
    assert [problem.address for problem in problems(plan)] == [BOX]


@pytest.mark.parametrize(
    ("where", "cause"),
    [
        ({"failed": {FILE: "Disk full"}}, "Disk full"),
        ({"files": {FILE: Bad("is a directory")}}, "is a directory"),
    ],
    ids=["failed", "bad"],
)
def test_a_dot_qmail_file_that_could_not_be_written_is_told_and_left(world, where, cause) -> None:
    fewer = replace(ROWS, aliases=[AliasRow(TEAM, "team", ("c@side.test", "d@side.test"))])
    plan = plan_where(world, fewer, **where)
    assert not any(getattr(step, "path", "") == FILE for step in plan.steps)
    assert problems(plan) == [Problem(NOT_MADE, f"{FILE}: {cause}", TEAM)]
    assert plan.after[NAME].files[FILE] == TEAM_TEXT


@pytest.mark.parametrize("side", Side)
def test_a_dot_qmail_file_becomes_ours_or_stays_theirs_as_was_decided(world, side) -> None:
    decision = Decision(Subject.of_file(FILE), "|vacation", side)
    plan = plan_where(world, files={**world.files, FILE: THEIRS}, decisions=(decision,))
    assert (WriteFile(FILE, THEIRS, TEAM_TEXT) in plan.steps) is (side is Side.OURS)
    assert (plan.drifts, plan.problems) == ({}, {})
    assert plan.left == ({NAME: {TEAM}} if side is Side.THEIRS else {})


def test_a_file_that_cannot_be_read_is_written_as_it_stays(world) -> None:
    def writes(rows: DomainRows, text: bytes, *decisions: Decision) -> list[WriteFile]:
        files, unreadable = {**world.files, FILE: text}, frozenset({FILE})
        plan = plan_where(world, rows, files=files, unreadable=unreadable, decisions=decisions)
        return [step for step in plan.steps if isinstance(step, WriteFile)]

    kept = Decision(Subject.of_file(FILE), "|vacation", Side.THEIRS)
    other = replace(ROWS, aliases=[AliasRow(TEAM, "team", ("c@side.test", "d@side.test"))])
    assert writes(ROWS, TEAM_TEXT) == [WriteFile(FILE, TEAM_TEXT, TEAM_TEXT)]
    assert writes(ROWS, THEIRS, kept) == [WriteFile(FILE, THEIRS, THEIRS)]
    assert writes(ROWS, THEIRS) == []
    new = b"&c@side.test\n&d@side.test\n"
    assert writes(other, TEAM_TEXT) == [WriteFile(FILE, TEAM_TEXT, new)]


def test_a_dot_qmail_file_that_is_wanted_no_more_goes(world) -> None:
    steps = plan_where(world, replace(ROWS, aliases=[])).steps
    assert RemoveFile(FILE, TEAM_TEXT) in steps


# lines that somebody changed, and what was decided


CHANGED = {
    Shared.ASSIGN: (
        b"=100-box:popuser:110:31:/var/qmail/mailnames/pandle.net/box:::\n",
        b"=100-box:joe:7:7:/home/joe:::\n",
    ),
    Shared.VIRTUAL: (b"pandle.net:100\n", b"pandle.net:7\n"),
}


@pytest.fixture(params=CHANGED, ids=str)
def changed(request, world) -> tuple[World, Shared, Subject]:
    """A host on which somebody changed a line of ours."""
    ours, theirs = CHANGED[request.param]
    content = world.shared[request.param] or b""
    world.shared[request.param] = content.replace(ours, theirs)
    world.compiled = world.shared[Shared.ASSIGN] or b""
    key = b"=100-box" if request.param is Shared.ASSIGN else NAME.encode()
    return world, request.param, Subject.of_line(request.param, key)


def test_a_line_that_was_changed_is_told_with_its_file_and_its_three_sides(changed) -> None:
    world, shared, subject = changed
    ours, theirs = CHANGED[shared]
    plan = plan_where(world)
    assert plan.steps == ()
    assert plan.drifts[NAME] == [Drift(subject, ours, ours, theirs)]
    (problem,) = problems(plan)
    assert problem.text == KEPT
    assert problem.cause == f"{shared} has a foreign line for {subject.key}"
    assert plan.after[NAME].lines[shared][subject.key.encode()] == ours


def test_a_line_that_was_changed_is_put_back_where_somebody_decided_so(changed) -> None:
    world, shared, subject = changed
    ours, theirs = CHANGED[shared]
    decision = Decision(subject, theirs.decode().rstrip(), Side.OURS)
    plan = plan_where(world, decisions=(decision,))
    assert plan.problems == {}
    assert ours in next(s.content for s in plan.steps if isinstance(s, WriteShared))
    for step in plan.steps:
        world.apply(step)
    assert theirs not in (world.shared[shared] or b"")
    assert world.route("box", NAME) == "mailbox 7: ./Maildir/\n"


def test_of_a_line_that_was_changed_again_nothing_was_decided(changed) -> None:
    world, _shared, subject = changed
    plan = plan_where(world, decisions=(Decision(subject, "something else", Side.OURS),))
    assert plan.steps == ()
    assert [drift.subject for drift in plan.drifts[NAME]] == [subject]


def test_a_line_that_was_changed_stays_without_a_word_where_somebody_decided_so(changed) -> None:
    world, shared, subject = changed
    decision = Decision(subject, CHANGED[shared][1].decode().rstrip(), Side.THEIRS)
    plan = plan_where(world, decisions=(decision,))
    assert (plan.steps, plan.drifts, plan.problems) == ((), {}, {})
    assert plan.left == {NAME: {BOX if shared is Shared.ASSIGN else None}}


def test_a_line_of_others_that_takes_the_mail_of_a_dot_qmail_file_is_shown(world) -> None:
    line = b"=100-team:joe:7:7:/home/joe:::\n"
    world.shared[Shared.ASSIGN] = world.compiled = line + (world.shared[Shared.ASSIGN] or b"")
    plan = plan_where(world)
    subject = Subject.of_line(Shared.ASSIGN, b"=100-team")
    assert plan.drifts[NAME] == [Drift(subject, None, None, line)]
    assert [problem.address for problem in problems(plan)] == [TEAM]
    assert plan_where(world, replace(ROWS, removed=True)).drifts == {}


# files that are not as qmail takes them


def test_an_assign_that_qmail_would_refuse_is_written_though_no_line_of_ours_changes(world) -> None:
    world.shared[Shared.ASSIGN] = b"no assignment\n" + (world.shared[Shared.ASSIGN] or b"")
    (written, _compiled) = plan_where(world).steps
    assert isinstance(written, WriteShared)
    assert written.content.endswith(b":::\n.\nno assignment\n")


def test_an_assign_that_is_missing_is_written_before_its_map_is_made(world) -> None:
    settle(world, want([replace(ROWS, removed=True)]))
    other = replace(ROWS, domain=2, name="b.test", prepend=101, mailboxes=[], aliases=[])
    settle(world, want([other]))
    world.shared[Shared.ASSIGN] = None
    steps = plan_for(world, want([replace(ROWS, removed=True)])).steps
    assert [step.content for step in steps if isinstance(step, WriteShared)] == [b".\n"]


# the order


def test_logins_are_there_before_mail_comes_and_after_their_homes(world) -> None:
    login = LoginRow("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$salt$one")
    new = replace(ROWS, mailboxes=[MailboxRow(7, BOX, "box", login=login)])
    steps = plan_for(World(), want([new])).steps
    kinds = [type(step) for step in steps]
    assert kinds.index(MakeDirectory) < kinds.index(PlaceHome) < kinds.index(WriteLogins)
    shared = [step.shared for step in steps if isinstance(step, WriteShared)]
    first = next(i for i, s in enumerate(steps) if getattr(s, "shared", None) is Shared.ASSIGN)
    assert kinds.index(WriteLogins) < first < kinds.index(TellSend)
    assert shared == [Shared.ASSIGN, Shared.VIRTUAL, Shared.RCPT]
