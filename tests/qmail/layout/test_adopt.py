"""What a dot-qmail file that somebody wrote by hand means to the panel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmailpanel.qmail.formats.dotqmail import render_limited
from qmailpanel.qmail.layout.adopt import (
    Bounces,
    Delivers,
    Discards,
    Forwards,
    Meaning,
    read_meaning,
)
from qmailpanel.qmail.names import MailAddress
from tests.kit.worlds import LAYOUT as WITHOUT_QUOTAS

LAYOUT = replace(WITHOUT_QUOTAS, deliverquota="/usr/bin/deliverquota")
BOB, EVE = MailAddress("bob@x.test"), MailAddress("eve@x.test")
LIMITED = render_limited(LAYOUT.preline, LAYOUT.deliverquota).decode()


@pytest.mark.parametrize(
    ("content", "meaning"),
    [
        ("# to Bob\n&bob@x.test\n", Forwards([BOB])),
        ("&bob@x.test\n# and to Eve\neve@x.test\n", Forwards([BOB, EVE])),
        ("#\n./Maildir/\n# mail stays\n", Delivers()),
        (f"# with a quota\n{LIMITED}", Delivers()),
        ("# gone\n|bouncesaying 'Gone.'\n", Bounces("Gone.")),
        ("# nothing\n# at all\n", Discards()),
        ("", None),
        ("# both\n./Maildir/\n&bob@x.test\n", None),
    ],
)
def test_comments_hide_nothing_of_what_a_file_does(content: str, meaning: Meaning | None) -> None:
    assert read_meaning(content, LAYOUT) == meaning


@pytest.mark.parametrize("target", ["o'brien@x.test", "a/b&c%d@x.test", "/g=a/s=b/@a_b.x.test"])
def test_a_file_may_name_any_address_that_mail_can_have(target: str) -> None:
    assert read_meaning(f"&{target}\n", LAYOUT) == Forwards([MailAddress(target)])
