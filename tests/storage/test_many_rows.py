"""Many rows in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.postgres import find_binaries, postgresql_server
from tests.databases import new_database

from wheelyard.storage.database import Database, sqlite_url
from wheelyard.storage.many_rows import ManyRows

_TABLE = sa.Table(
    "many_rows_test",
    sa.MetaData(),
    sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class _Row:
    at: int
    name: str


_ROWS = ManyRows(_TABLE, ("at", "name"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        yield from _opened(sqlite_url(tmp_path_factory.mktemp("many") / "rows.db"))
        return
    binaries = find_binaries()
    assert binaries is not None
    with postgresql_server(binaries) as server:
        yield from _opened(new_database(server))


def _opened(url: str) -> Iterator[Database]:
    database = Database.open(url)
    with database.change_schema() as connection:
        _TABLE.metadata.create_all(connection)
    yield database
    database.close()


rows = st.lists(
    st.builds(_Row, st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
    max_size=30,
)


@given(first=rows, second=rows)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_inserted_is_there_in_order(database: Database, first: list[_Row], second: list[_Row]) -> None:
    def work(tx: sa.Connection) -> list[_Row]:
        tx.execute(sa.delete(_TABLE))
        _ROWS.insert(tx, first)
        _ROWS.insert(tx, second)
        return [_Row(*row) for row in tx.execute(sa.select(_TABLE.c.at, _TABLE.c.name).order_by(_TABLE.c.row_id))]

    assert database.write(work) == first + second
