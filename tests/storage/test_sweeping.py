from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wheelyard.core.errors import InvalidState, Unavailable
from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.belonging import bind, check_database
from wheelyard.storage.blobs import LocalBlobs
from wheelyard.storage.database import Database, sqlite_url
from wheelyard.storage.migrations import has_schema, migrate
from wheelyard.storage.sweeping import Sweeper, delete_or_leave, unfinished


class Rounds:
    """A sweep that counts."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self.enough = threading.Event()

    def __call__(self, *, stored_before: float, stopped: Callable[[], bool]) -> int:  # noqa: ARG002 # the interface
        self.moments.append(stored_before)
        if len(self.moments) == 3:
            self.enough.set()
        return 1


def broken(*, stored_before: float, stopped: Callable[[], bool]) -> int:
    raise Unavailable("the store does not answer")


def test_rounds_come_again_and_one_that_fails_keeps_no_other_from_running() -> None:
    rounds = Rounds()
    sweeper = Sweeper({"broken": broken, "things": rounds}, waits=(0.001,), clock=lambda: 10_000.0)
    sweeper.start()
    assert rounds.enough.wait(60)
    sweeper.close()
    sweeper.close()
    assert set(rounds.moments) == {6400.0}, "an hour old"
    assert sweeper.sweep() == 1


def test_closing_does_not_wait_for_the_next_round_and_is_fine_before_the_first() -> None:
    Sweeper({}).close()
    sweeper = Sweeper({"things": Rounds()}, waits=(3600.0,))
    sweeper.start()
    began = time.monotonic()
    sweeper.close()
    assert time.monotonic() - began < 3600


def test_beginnings_of_blobs(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    (tmp_path / ".new-1").write_bytes(b"half")
    sweep = unfinished(blobs)
    assert sweep(stored_before=time.time() + 60, stopped=lambda: True) == 0
    assert sweep(stored_before=time.time() + 60, stopped=lambda: False) == 1


class Silent(LocalBlobs):
    """A store that does not answer."""

    def delete(self, key: str) -> None:
        raise Unavailable(f"Blob `{key}` cannot be read or written")


def test_a_store_that_does_not_answer_leaves_the_deletion_to_a_sweep(tmp_path: Path) -> None:
    delete_or_leave(Silent(tmp_path), "a")


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Database]:
    def make(name: str) -> Database:
        database = open_database(sqlite_url(tmp_path / name))
        request.addfinalizer(database.close)
        migrate(database)
        return database

    return make


def test_pieces_of_one_workspace_know_each_other(new_database: Callable[[str], Database]) -> None:
    one, two, blobs, other = new_database("one"), new_database("two"), open_blobs("memory://"), open_blobs("memory://")
    assert check_database("1", one) is False
    bind("1", one, blobs)
    bind("1", one, blobs)
    assert check_database("1", one) is True
    bind("1", one, other)  # new blobs for an old database: what rows name is missing, nothing is mixed up
    for workspace_id, database, store, reference in (
        ("2", one, blobs, "database-of-another-workspace"),
        ("2", two, blobs, "blob-store-of-another-workspace"),
        ("1", two, blobs, "database-of-another-workspace"),
    ):
        with pytest.raises(InvalidState) as refused:
            bind(workspace_id, database, store)
        assert refused.value.reference == reference
    assert check_database("2", two) is False, "nothing was written"


def test_a_start_that_was_interrupted_goes_on(new_database: Callable[[str], Database]) -> None:
    database, first, second = new_database("one"), open_blobs("memory://"), open_blobs("memory://")
    bind("1", database, first)
    bind("1", database, second)  # as if the crash had come before the blob store was told
    assert list(second.keys()) == ["workspace-id"]


def test_whether_a_database_has_a_schema(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "test.db"))
    assert not has_schema(database)
    migrate(database)
    assert has_schema(database)
    database.close()
