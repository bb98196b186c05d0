"""When a round begins, goes on where it was, and begins anew."""

from __future__ import annotations

from time import monotonic

import pytest

from qmailpanel.sync.rounds.every import Every

HOUR = 3600.0


class Steps:
    """A round of three steps, which it writes down."""

    def __init__(self) -> None:
        self.done: list[int] = []

    def __call__(self):
        for step in (1, 2, 3):
            self.done.append(step)
            yield


def test_a_round_goes_on_where_it_paused_and_begins_again_when_it_is_time() -> None:
    steps = Steps()
    every = Every(HOUR, steps)
    assert [every.go_on() for _ in range(5)] == [True, True, True, False, False]
    assert steps.done == [1, 2, 3]
    every.hurry()
    assert every.go_on()
    assert steps.done == [1, 2, 3, 1]


def test_however_often_it_is_hurried_a_round_is_finished_before_the_next_one_begins() -> None:
    steps = Steps()
    every = Every(HOUR, steps)
    for _ in range(10):
        every.hurry()
        every.go_on()
    assert steps.done == [1, 2, 3, 1, 2, 3, 1, 2]


def test_a_plain_function_is_done_at_once() -> None:
    done: list[int] = []
    every = Every(0, lambda: done.append(1))
    assert [every.go_on() for _ in range(3)] == [False] * 3
    assert done == [1, 1, 1]


def test_a_round_behind_another_waits_until_that_is_over() -> None:
    first, then = Steps(), Steps()
    other = Every(HOUR, first)
    every = Every(HOUR, then, behind=other)
    for _ in range(4):
        other.go_on()
        every.go_on()
    assert (first.done, then.done) == ([1, 2, 3], [1])
    other.hurry()
    other.go_on()
    every.go_on()
    assert then.done == [1, 2], "what is under way goes on"


@pytest.mark.parametrize(("seconds", "wait"), [(0, 0), (5, 5), (HOUR, 30)])
def test_a_round_that_breaks_off_begins_anew_before_long(seconds: float, wait: float) -> None:
    def fail() -> None:
        raise KeyError

    every = Every(seconds, fail)
    with pytest.raises(KeyError):
        every.go_on()
    assert not every.is_under_way
    assert every.at == pytest.approx(monotonic() + wait, abs=1)
