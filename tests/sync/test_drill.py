"""The restore drill: whatever is put back, at whatever moment, mail stays with whom it is for."""

from __future__ import annotations

import os
import random

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


def play(drill: Drill, history: list[tuple[str, int]]) -> None:
    for act, number in history:
        drill.act(act, number)
    drill.end()
