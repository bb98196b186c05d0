from __future__ import annotations

import pytest

from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.qmail.route.verdict import Verdict, verdict

ANN, BOB, OUT = "ann@a.test", "bob@a.test", "out@b.test"


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([(ANN, Fate.ARRIVES)], Verdict.ARRIVES),
        ([("Ann@A.Test", Fate.ARRIVES)], Verdict.ARRIVES),
        ([(BOB, Fate.ARRIVES)], Verdict.GOES_ON),
        ([(BOB, Fate.ARRIVES), (OUT, Fate.GOES_ON)], Verdict.GOES_ON),
        ([(ANN, Fate.ARRIVES), (BOB, Fate.ARRIVES)], Verdict.BOTH),
        ([(ANN, Fate.ARRIVES), (OUT, Fate.GOES_ON)], Verdict.BOTH),
        ([(ANN, Fate.ARRIVES), (ANN, Fate.ANSWERED)], Verdict.ARRIVES),
        ([(OUT, Fate.GOES_ON)], Verdict.LEAVES),
        ([(ANN, Fate.ANSWERED)], Verdict.ANSWERED),
        ([(ANN, Fate.ARRIVES), (BOB, Fate.NOBODY)], Verdict.RETURNS),
        ([(ANN, Fate.FULL)], Verdict.RETURNS),
        ([(ANN, Fate.RETURNS), (BOB, Fate.UNSURE)], Verdict.RETURNS),
        ([(ANN, Fate.ARRIVES), (BOB, Fate.WAITS)], Verdict.WAITS),
        ([(ANN, Fate.ARRIVES), (BOB, Fate.DISCARDED)], Verdict.DISCARDED),
        ([(ANN, Fate.WAITS), (BOB, Fate.UNSURE)], Verdict.UNKNOWN),
        ([(ANN, Fate.FURTHER)], Verdict.UNKNOWN),
        ([], Verdict.UNKNOWN),
    ],
)
def test_the_worst_of_all_ends_is_said(ends: list[tuple[str, Fate]], expected: Verdict) -> None:
    assert verdict(ANN, [End(address, fate) for address, fate in ends]) is expected
