from __future__ import annotations

import pytest
from tests.control.conftest import Clock

from wheelyard.control.attempts import Attempts
from wheelyard.core.errors import Throttled


def wrong(attempts: Attempts, key: str, times: int) -> None:
    for _ in range(times):
        attempts.begin(key)


def test_each_key_may_be_wrong_so_often() -> None:
    attempts = Attempts(clock=Clock(), whom="for this user name", most=3)
    wrong(attempts, "a", 3)
    with pytest.raises(Throttled, match=r"too many wrong attempts for this user name\."):
        attempts.begin("a")
    wrong(attempts, "b", 3)


def test_all_count_as_long_as_the_first_of_them() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock, most=2, seconds=60)
    attempts.begin("a")
    clock.advance(45)
    attempts.begin("a")
    with pytest.raises(Throttled) as refused:
        attempts.begin("a")
    assert refused.value.retry_after_seconds == 15
    clock.advance(15)
    wrong(attempts, "a", 2)
    with pytest.raises(Throttled) as refused:
        attempts.begin("a")
    assert refused.value.retry_after_seconds == 60


def test_who_is_refused_is_not_kept_out_longer() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock, most=1, seconds=60)
    attempts.begin("a")
    for _ in range(59):
        clock.advance(1)
        with pytest.raises(Throttled):
            attempts.begin("a")
    clock.advance(1)
    attempts.begin("a")


def test_a_success_forgets_its_own_attempt_and_no_other() -> None:
    attempts = Attempts(clock=Clock(), most=3)
    wrong(attempts, "a", 2)
    for _ in range(5):
        attempts.succeeded(attempts.begin("a"))
    attempts.begin("a")
    with pytest.raises(Throttled):
        attempts.begin("a")


def test_a_success_that_comes_late_forgets_nothing_of_the_next_count() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock, most=2, seconds=60)
    slow = attempts.begin("a")
    clock.advance(60)
    wrong(attempts, "a", 2)
    attempts.succeeded(slow)
    with pytest.raises(Throttled):
        attempts.begin("a")


def test_a_success_of_one_that_was_forgotten_changes_nothing() -> None:
    attempts = Attempts(clock=Clock(), most=1, size=1)
    first = attempts.begin("a")
    attempts.begin("b")
    attempts.succeeded(first)
    with pytest.raises(Throttled):
        attempts.begin("b")


def test_the_oldest_key_makes_room() -> None:
    attempts = Attempts(clock=Clock(), most=1, size=2)
    for key in ("a", "b", "c"):
        attempts.begin(key)
    attempts.begin("a")
    with pytest.raises(Throttled):
        attempts.begin("c")


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    clock = Clock()
    attempts = Attempts(clock=clock, most=1)
    attempts.begin("a")
    clock.advance(-3600)
    attempts.begin("a")
