"""A disk that is full, read-only or gone: the caller hears of it and nothing is half done."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from wheelyard.core.errors import Unavailable
from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.database import Connection, Database, sqlite_url

needs_other_user = pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it wants")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = open_database(sqlite_url(tmp_path / "test.db"))
    database.write(lambda tx: tx.execute(sa.text("CREATE TABLE things (name TEXT, content BLOB)")))
    return database


def put(tx: Connection, name: str, size: int = 10) -> None:
    tx.execute(sa.text("INSERT INTO things VALUES (:name, zeroblob(:size))"), {"name": name, "size": size})


def count(database: Database) -> int:
    return int(database.read(lambda tx: tx.execute(sa.text("SELECT count(*) FROM things")).scalar_one()))


def test_a_full_disk_is_unavailable_and_the_database_goes_on(database: Database) -> None:
    """SQLite's own page limit fails exactly as a full disk does (SQLITE_FULL)."""

    def limit(pages: int) -> None:
        def apply(tx: Connection) -> None:
            tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        database.write(apply)

    database.write(lambda tx: put(tx, "before"))
    limit(4)
    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            database.write(lambda tx: put(tx, "large", 1_000_000))
        assert refused.value.reference == "storage-full"
        assert refused.value.unchanged == "nothing was written"
    assert count(database) == 1
    limit(100_000)
    database.write(lambda tx: put(tx, "after", 1_000_000))
    assert count(database) == 2
    database.close()


def test_work_that_hides_a_lost_transaction_is_not_acknowledged(database: Database) -> None:
    """Once SQLite has rolled everything back, nobody in that commit may be told that it is on disk."""
    database.write(lambda tx: put(tx, "before"))

    def work(tx: Connection) -> None:
        put(tx, "lost")
        tx.exec_driver_sql("ROLLBACK")

    with pytest.raises((Unavailable, sa.exc.SQLAlchemyError)):
        database.write(work)
    assert count(database) == 1
    database.write(lambda tx: put(tx, "after"))
    assert count(database) == 2
    database.close()


def test_a_file_system_that_fills_up() -> None:
    """The same with a real file system, where this machine lets us make a small one."""
    program = Path(__file__).with_name("fill_a_file_system.py")
    command = ["unshare", "--mount", "--map-root-user", sys.executable, str(program)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode == 75 or "unshare" in done.stderr:
        pytest.skip(f"this machine does not let us mount: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr


def test_a_read_only_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    sqlite3.connect(path).executescript("CREATE TABLE things (name TEXT, content BLOB); PRAGMA journal_mode=WAL;")
    database = open_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(Unavailable) as refused:
        database.write(lambda tx: put(tx, "x"))
    assert refused.value.reference == "storage-read-only"
    database.close()


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "missing" / "test.db"))
    for ask in (database.read, database.write):
        with pytest.raises(Unavailable) as refused:
            ask(lambda tx: tx.execute(sa.text("SELECT 1")).scalar_one())
        assert refused.value.reference == "storage-unavailable"
        assert str(tmp_path) not in refused.value.what
    database.close()


def test_a_mistake_in_sql_stays_what_it_is(tmp_path: Path) -> None:
    """A mistake in SQL is no reason to call the database unavailable."""
    database = open_database(sqlite_url(tmp_path / "test.db"))
    with pytest.raises(sa.exc.OperationalError):
        database.read(lambda tx: tx.execute(sa.text("SELECT * FROM no_such_table")))
    database.close()


@needs_other_user
def test_blobs_in_a_folder_without_permission(tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path}/blobs")
    (tmp_path / "blobs").chmod(0o500)
    with pytest.raises(Unavailable):
        blobs.put("a", b"x")


def test_blobs_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(Unavailable):
        open_blobs(f"file://{tmp_path}/blobs")
