"""The restore drill: whatever is put back, at whatever moment, mail stays with whom it is for."""

from __future__ import annotations

import os
import random

from qmailpanel.domains.models import Domain
from tests.kit.drill.history import Drill, random_history
from tests.kit.restored import keep_database, put_back

DRILLS = int(os.environ.get("TEST_DRILLS") or 0)


def test_no_message_is_ever_with_somebody_else_whatever_is_put_back(panel, in_memory, seed) -> None:
    blank = keep_database()
    first, count = (seed, DRILLS) if DRILLS else (1, 100)  # the same ones each time, or others
    for number in range(first, first + count):
        put_back(blank)
        history = random_history(random.Random(number))
        try:
            play(Drill(panel, in_memory / "backups"), history)
        except Exception as error:
            error.add_note(f"TEST_DRILLS=1 TEST_SEED={number}: {history}")
            raise


def test_who_adds_a_domain_anew_with_its_number_has_its_other_names(panel, in_memory) -> None:
    drill = Drill(panel, in_memory / "backups")
    c_test, first_moment_and_no_memory = 12, 6
    play(
        drill,
        [
            ("add domain", 0),
            ("alias domain", c_test),
            ("sync", 0),
            ("put back", first_moment_and_no_memory),
            ("add domain", 0),
            ("yes", 1),
        ],
    )
    served = drill.world.known.served
    assert served["a.test"] == served["c.test"] == Domain.objects.get(name="a.test").description


def play(drill: Drill, history: list[tuple[str, int]]) -> None:
    for act, number in history:
        drill.act(act, number)
    drill.end()
