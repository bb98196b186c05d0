"""What the bench says of its figures is what they are."""

from __future__ import annotations

from math import log

import pytest

from bench.counts import find_fsyncs
from bench.growth import exponents, slope
from bench.phases import PHASES, Clock
from bench.table import Row


@pytest.mark.parametrize("exponent", [0, 0.1, 1, 2])
def test_a_power_law_has_its_exponent(exponent):
    points = [(log(size), log(3 * size**exponent)) for size in (100, 1_000, 10_000, 100_000)]
    assert slope(points) == pytest.approx(exponent)


def test_what_is_below_the_floor_does_not_grow():
    rows = [Row("added", size, 0.02, size / 1e6, own=-size / 1e6) for size in (100, 100_000)]
    assert [row.value for row in exponents(rows)] == [0]


def test_a_goal_holds_from_its_size_on():
    assert Row("added", 10_000, 9, 1, goal=1.5).is_reached is None
    assert Row("added", 100_000, 9, 1, goal=1.5).is_reached is False
    assert Row("added", 100_000, 1.4, 1, goal=1.5).is_reached is True
    assert Row("fixed", 100, 0.009, goal=10, goal_size=100).is_reached is True


@pytest.mark.parametrize(("phase", "owner", "name"), PHASES)
def test_every_phase_that_is_timed_is_there(phase, owner, name):
    assert callable(getattr(owner, name))


def test_a_phase_inside_another_one_counts_once():
    clock = Clock()
    clock.take()
    with clock.during("apply"), clock.during("compile"):
        pass
    taken = clock.take()
    assert set(taken) == {"rest", "apply", "compile"}
    assert all(0 <= seconds < 1 for seconds in taken.values())


def test_what_is_written_to_disk_counts_between_two_marks():
    log_ = """\
1 fsync(3</before>) = 0
1 getpriority(PRIO_PROCESS, 0) = 20
1 fdatasync(4</state/db.sqlite3-wal>) = 0
1 fsync(5</memfd:logins>) = 0
2 fsync(3</var/qmail/users/cdb.tmp> <unfinished ...>
2 <... fsync resumed>) = 0
1 getpriority(PRIO_PROCESS, 0) = 20
1 fsync(3</between>) = 0
1 getpriority(PRIO_PROCESS, 0) = 20
1 getpriority(PRIO_PROCESS, 0) = 20
"""
    assert list(find_fsyncs(log_)) == [["state/db.sqlite3-wal", "users/cdb.tmp"], []]
