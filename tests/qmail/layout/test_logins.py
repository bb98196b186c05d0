"""Records of logins: what they look like, and what never becomes one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmailpanel.qmail.layout.rows import AppRow, DomainRows, LoginRow, MailboxRow
from qmailpanel.qmail.plan.state import Wanted
from tests.kit.worlds import want

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
MARK = "0a" * 32
LINES = "a.test.passwd"
PLACE = "110:31::/var/qmail/mailnames/a.test/bob::"

TOLD = (
    "userdb_quota_storage_size=5000B userdb_quota_message_count=3 "
    "userdb_quota_rule=*:storage=5000B:messages=3"
)


def wanted(row: LoginRow) -> Wanted:
    box = MailboxRow(1, 5, "bob", login=row)
    return want([DomainRows(domain=1, name="a.test", prepend=100, change=1, mailboxes=[box])])[0]


def lines(row: LoginRow) -> list[str]:
    logins = wanted(row).logins
    assert logins is not None
    return logins.render("a.test")[LINES].decode().splitlines()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (LoginRow(HASH), [f"bob@a.test:{HASH}:{PLACE}"]),
        (LoginRow(""), [f"bob@a.test:!:{PLACE}"]),
        (LoginRow(HASH, must_change=True), [f"bob@a.test:!:{PLACE}"]),
        (
            LoginRow(HASH, imap=False, sending=False),
            [
                f"bob@a.test:{HASH}:{PLACE}",
                "bob@a.test/off/imap:!::::::",
                "bob@a.test/off/smtp:!::::::",
                "bob@a.test/off/submission:!::::::",
            ],
        ),
        (
            LoginRow(HASH, apps=(AppRow(7, HASH, MARK, sending=False, imap=False),), messages=3),
            [
                f"bob@a.test:{HASH}:{PLACE}userdb_quota_message_count=3",
                f"bob@a.test/pop3/{MARK}:{HASH}:{PLACE}userdb_app=7 userdb_quota_message_count=3",
            ],
        ),
        (
            LoginRow(HASH, storage=5000, messages=3, rule=True),
            [f"bob@a.test:{HASH}:{PLACE}{TOLD}"],
        ),
    ],
)
def test_a_mailbox_becomes_these_lines(row, expected) -> None:
    assert lines(row) == expected


@pytest.mark.parametrize(
    "row",
    [
        *(
            LoginRow(bad)
            for bad in (
                f"{HASH}\n",
                f"{HASH}:0:0",
                "plain",
                "{PLAIN}",
                f"{HASH} x",
                "{x}y",
                "{A}\xe4",
            )
        ),
        LoginRow(HASH, apps=(AppRow(7, "x:y", MARK),)),
        LoginRow(HASH, apps=(AppRow(7, HASH, "../x"),)),
    ],
)
def test_a_stored_text_that_would_not_be_one_field_is_a_problem_of_its_address(row) -> None:
    one = wanted(row)
    assert [problem.address for problem in one.problems] == [5]
    assert one.logins is not None
    assert one.logins.render("a.test")[LINES] == b""


def test_no_row_shows_a_hash_when_it_is_printed() -> None:
    app = AppRow(7, HASH, MARK)
    shown = repr(wanted(replace(LoginRow(HASH), apps=(app,)))) + repr(app)
    assert "argon2" not in shown
    assert MARK not in shown
