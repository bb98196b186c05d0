"""What waits for names, by the files that decide now."""

from __future__ import annotations

import pytest

from qmailpanel.qmail.formats.dotqmail import render_bounce
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import DomainRows
from qmailpanel.qmail.names import ReplyText
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Bad, Tree
from qmailpanel.qmail.plan.steps import WriteFile
from qmailpanel.qmail.plan.waits import leads_to, refuses_now
from tests.kit.worlds import want

FILE, DEFAULT = "a.test/.qmail-x", "a.test/.qmail-default"
REFUSAL = render_bounce("/var/qmail/bin/bouncesaying", ReplyText("No."))
FORWARD = b"&a@side.test\n"


@pytest.mark.parametrize(
    ("default", "before", "expected"),
    [
        (REFUSAL, None, True),
        (FORWARD, None, False),
        (None, None, True),
        (Bad("is a directory"), None, True),
        (REFUSAL, FORWARD, False),
        (FORWARD, REFUSAL, True),
    ],
)
def test_mail_for_a_file_is_refused_now_by_it_or_by_unknown_recipients(
    default, before, expected
) -> None:
    rows = DomainRows(domain=1, name="a.test", prepend=100, change=1)
    draft = Draft(
        wanted=want([rows])[0],
        applied=(),
        tree=Tree(files={DEFAULT: default} if default else {}),
        failed={},
        old={shared: {} for shared in Shared},
    )
    assert refuses_now(draft, WriteFile(FILE, before, FORWARD)) is expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({b"mail.b.test"}, True),
        ({b".b.test"}, False),  # another name is nearer
        ({b"b.test"}, False),
        ({b".c.test"}, True),
        (set(), False),
    ],
)
def test_a_file_leads_to_the_nearest_name_of_all_that_there_are(names, expected) -> None:
    keys = {b"mail.b.test", b".b.test", b"b.test", b".c.test"}
    content = b"#\n&x@Mail.B.test\n&x@mail.c.test\n&x@side.test\n"
    assert leads_to(content, names, keys) is expected
