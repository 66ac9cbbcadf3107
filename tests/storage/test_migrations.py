from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import new_database

from wheelyard.core.errors import InvalidState, Unavailable
from wheelyard.storage.backends import open_database
from wheelyard.storage.database import Database, sqlite_url
from wheelyard.storage.migrations import migrate
from wheelyard.storage.migrations.alembic_runs import differences


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "test.db")
        return
    yield new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


def test_the_revisions_make_the_tables_of_every_room(database: Database) -> None:
    importlib.import_module("wheelyard.embedded")
    migrate(database)
    assert differences(database) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database)
    migrate(database)


def test_two_at_once_do_the_work_once(url: str) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        database = open_database(url)
        try:
            migrate(database)
        except Exception as error:  # noqa: BLE001 # the assertion below shows it
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    migrate(database)
    with database.change_schema() as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('from_the_future')"))
    with pytest.raises(InvalidState) as refused:
        migrate(database)
    assert refused.value.reference == "database-of-newer-version"
    assert "from_the_future" in refused.value.what


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.write_bytes(b"certainly no database, but long enough to be read as a header" * 40)
    database = open_database(sqlite_url(path))
    with pytest.raises(Unavailable) as refused:
        migrate(database)
    assert refused.value.reference == "storage-damaged"
    database.close()


def test_alembic_is_loaded_only_when_there_is_something_to_do(url: str) -> None:
    code = (
        "import sys; from wheelyard.storage.backends import open_database; import wheelyard.embedded; "
        "from wheelyard.storage.migrations import migrate; database = open_database(sys.stdin.read()); "
        "migrate(database); database.close(); print('alembic' in sys.modules)"
    )
    seen = [
        subprocess.run([sys.executable, "-c", code], input=url, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert seen == ["True\n", "False\n"]
