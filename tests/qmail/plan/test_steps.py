"""Steps as the operator reads them."""

from __future__ import annotations

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    Compile,
    FlushTree,
    LetDeliveriesEnd,
    LetLoginsBeSeen,
    LimitHome,
    LoginsOf,
    MakeDirectory,
    Move,
    PlaceHome,
    PurgeHome,
    RemoveDirectory,
    RemoveFile,
    RemoveLogins,
    TellSend,
    WriteFile,
    WriteLogins,
    WriteShared,
    concern_of,
    describe,
    printable,
)

HOME, FILE = "a.test/box", "a.test/.qmail-x"
SHOWN = [
    (
        WriteShared(Shared.RCPT, None, b"a.test\n", (b"a.test\n",), ()),
        "create control/rcpthosts\n+ a.test",
    ),
    (
        WriteShared(Shared.RCPT, b"", b"a.test\n", (b"a.test\n",), (b"b.test\n",)),
        "change control/rcpthosts\n- b.test\n+ a.test",
    ),
    (WriteFile(FILE, None, b"#\n"), f"write {FILE}\n+ #"),
    (WriteFile(FILE, b"&a@x.test\n", b"#\n"), f"write {FILE}\n- &a@x.test\n+ #"),
    (RemoveFile(FILE, b"#\n"), f"remove {FILE}\n- #"),
    (Compile(), "run qmail-newu"),
    (Compile(Shared.VALID), "compile control/validrcptto"),
    (WriteLogins("a.test", "b.test", {}), "write logins of b.test"),
    (RemoveLogins("a.test", "b.test"), "remove logins of b.test"),
    (FlushTree(), "flush the mail root to disk"),
    (TellSend(), "tell qmail-send (HUP)"),
    (LetDeliveriesEnd(), "let deliveries end"),
    (LetLoginsBeSeen(), "let Dovecot see the logins"),
    (Move("a.test", "b.test"), "move a.test to b.test"),
    (MakeDirectory("a.test"), "make directory a.test"),
    (PlaceHome(HOME, 7, b"./Maildir/\n"), f"make home {HOME}"),
    (PlaceHome(HOME, 7, None), f"mend home {HOME}"),
    (LimitHome(HOME, (5000, 3)), f"limit home {HOME} to 5000 bytes and 3 messages"),
    (LimitHome(HOME, (0, 3)), f"limit home {HOME} to 3 messages"),
    (LimitHome(HOME, (0, 0)), f"unlimit home {HOME}"),
    (ArchiveHome(HOME, 7), f"archive home {HOME} as .archive/7"),
    (PurgeHome(7, "a.test"), "purge .archive/7"),
    (RemoveDirectory("a.test"), "remove directory a.test if it is empty"),
]


@pytest.mark.parametrize(("step", "text"), SHOWN, ids=[text for _, text in SHOWN])
def test_a_step_says_what_it_does(step, text) -> None:
    assert describe(step) == text


def test_bytes_that_would_act_on_a_terminal_are_shown_and_do_not() -> None:
    step = RemoveFile(FILE, b"&\x1b[2Jb\xff\xc3\xbc\n")
    assert describe(step) == f"remove {FILE}\n- &\\x1b[2Jb\\xffü"
    assert printable("plain ü") == "plain ü"


@pytest.mark.parametrize(
    ("step", "concern"),
    [
        (WriteLogins("a.test", "b.test", {}), LoginsOf("b.test")),
        (RemoveLogins("a.test", "b.test"), LoginsOf("b.test")),
        (RemoveDirectory("a.test"), RemoveDirectory("a.test")),
        (PurgeHome(7, "a.test"), ".archive/7"),
        (WriteFile(FILE, None, b""), FILE),
        (Move("a.test", "b.test"), "a.test"),
    ],
)
def test_what_fails_with_a_step_is_what_it_is_about(step, concern) -> None:
    assert concern_of(step) == concern
