from __future__ import annotations

import threading
import time
import unicodedata
from collections.abc import Callable
from hashlib import sha256

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.sign_in.conftest import CountingHasher

from wheelyard.control.sign_in.passwords import Passwords, check_new_password
from wheelyard.core.errors import InvalidParameter, Throttled
from wheelyard.core.redaction import Secret

NAME = "ana.lovelace@example.com"


def keyed(data: bytes) -> bytes:
    return sha256(b"one key" + data).digest()


def cheap() -> Passwords:
    return Passwords(keyed_hash=keyed, hasher=CountingHasher())


CHEAP = cheap()
STORED = CHEAP.hashed(Secret("correct horse battery"))


@pytest.mark.parametrize(
    "password",
    [
        "x" * 12,
        "y" * 1024,
        "correct horse battery",
        " leading and trailing ",
        "пароль из слов",
        "🐎🔋🐎🔋🐎🔋🐎🔋🐎🔋🐎🔋",
        "123456789012",
        f"{NAME}!",
    ],
)
def test_length_is_all_that_is_asked(password: str) -> None:
    check_new_password(Secret(password), NAME)


@pytest.mark.parametrize(
    ("password", "reference"),
    [
        ("", "password-too-short"),
        ("x" * 11, "password-too-short"),
        ("🐎" * 11, "password-too-short"),
        ("\ufdfa", "password-too-short"),  # one character that stands for eighteen
        ("e\u0301" * 11, "password-too-short"),  # twenty-two that are shown as eleven
        ("x" * 1025, "password-too-long"),
        ("e\u0301" * 513, "password-too-long"),
        (NAME, "password-is-user-name"),
        (NAME.upper(), "password-is-user-name"),
        ("ａｎａ．" + NAME[4:], "password-is-user-name"),  # noqa: RUF001 # the same letters in their wide form
        ("correct horse\ud800", "password-not-text"),
    ],
)
def test_what_is_refused(password: str, reference: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        check_new_password(Secret(password), NAME)
    assert refused.value.reference == reference
    assert refused.value.unchanged == "the password was not changed"
    assert not password or password not in refused.value.what


@settings(max_examples=50)
@given(password=st.text(min_size=12, max_size=200), other=st.text(min_size=12, max_size=200))
def test_a_password_matches_itself_and_nothing_else(password: str, other: str) -> None:
    stored = CHEAP.hashed(Secret(password))
    assert CHEAP.matches(stored, Secret(password))
    assert CHEAP.matches(stored, Secret(other)) == (
        unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)
    )


def test_keyboards_may_differ() -> None:
    stored = CHEAP.hashed(Secret("caf\u00e9 caf\u00e9 caf\u00e9"))
    assert CHEAP.matches(stored, Secret("cafe\u0301 cafe\u0301 cafe\u0301"))


def test_case_and_spaces_count() -> None:
    for wrong in ("Correct horse battery", "correct horse battery ", "correct  horse battery", ""):
        assert not CHEAP.matches(STORED, Secret(wrong))


@pytest.mark.parametrize("wrong", ["x" * 1025, "x" * 100_000, "\ud800" * 20])
def test_anything_may_be_compared(wrong: str) -> None:
    assert not CHEAP.matches(STORED, Secret(wrong))


def test_nobodys_password_costs_as_much_and_never_matches() -> None:
    hasher = CountingHasher(time_cost=3)
    passwords = Passwords(keyed_hash=keyed, hasher=hasher)
    assert not passwords.matches(None, Secret("correct horse battery"))
    assert (hasher.verified, hasher.hashed) == (1, 0)
    nobodys = extract_parameters(passwords._nobodys)
    assert nobodys == extract_parameters(passwords.hashed(Secret("correct horse battery")))


def test_defaults_are_the_librarys() -> None:
    stored = Passwords(keyed_hash=keyed).hashed(Secret("correct horse battery"))
    found, library = extract_parameters(stored), PasswordHasher()
    assert found.type is Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) == (
        library.memory_cost,
        library.time_cost,
        library.parallelism,
    )


def test_two_hashes_of_one_password_differ() -> None:
    assert CHEAP.hashed(Secret("correct horse battery")) != STORED


def test_the_database_alone_does_not_even_allow_guessing() -> None:
    other = Passwords(keyed_hash=lambda data: sha256(b"another key" + data).digest(), hasher=CountingHasher())
    assert not other.matches(STORED, Secret("correct horse battery"))


def test_other_parameters_are_outdated() -> None:
    assert not CHEAP.is_outdated(STORED)
    newer = Passwords(keyed_hash=keyed, hasher=CountingHasher(time_cost=2))
    assert newer.is_outdated(STORED)
    assert newer.matches(STORED, Secret("correct horse battery"))


class SlowHasher(CountingHasher):
    """Holds every comparison until it is let go, and counts how many run at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()
        self.running = self.most_running = 0
        self._lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override] # noqa: A002 # theirs
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        assert self.let_go.wait(30)
        try:
            return super().verify(hash, password)
        finally:
            with self._lock:
                self.running -= 1


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_few_hashes_run_at_once_and_few_more_wait() -> None:
    hasher = SlowHasher()
    passwords = Passwords(keyed_hash=keyed, hasher=hasher, at_once=2, waiting=3)
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.append(passwords.matches(STORED, Secret("correct horse battery"))))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    until(lambda: passwords._admitted._value == 0 and hasher.running == 2)
    with pytest.raises(Throttled) as refused:
        passwords.matches(None, Secret("correct horse battery"))
    assert refused.value.retry_after_seconds == 5
    with pytest.raises(Throttled):
        passwords.hashed(Secret("correct horse battery"))
    hasher.let_go.set()
    for thread in threads:
        thread.join()
    assert answers == [True] * 5
    assert hasher.most_running == 2
    assert passwords.matches(STORED, Secret("correct horse battery")), "there is room again"
