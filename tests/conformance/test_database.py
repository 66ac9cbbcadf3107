"""What every database behind `Database` must do: SQLite in a file, SQLite in memory, PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from wheelyard.core.errors import Bug, InvalidParameter, NotFound, Unavailable
from wheelyard.storage.backends import open_database
from wheelyard.storage.database import Connection, Database, sqlite_url

TABLES = sa.MetaData()
THINGS = sa.Table(
    "things",
    TABLES,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary),
)
PARTS = sa.Table(
    "parts",
    TABLES,
    sa.Column("part_id", sa.BigInteger, primary_key=True),
    sa.Column("thing", sa.Text, sa.ForeignKey("things.name", deferrable=True, initially="DEFERRED")),
)


@pytest.fixture(params=["sqlite file", "sqlite memory", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite file":
        return sqlite_url(tmp_path / "test.db")
    if request.param == "sqlite memory":
        return "sqlite://"
    server: str = request.getfixturevalue("postgresql")
    schema = f"s{uuid.uuid4().hex}"
    with sa.create_engine(server).begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    return f"{server}&options=-csearch_path%3D{schema}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_database(url)
    with database.change_schema() as connection:
        TABLES.create_all(connection)
    yield database
    database.close()


def put(name: str, number: int = 0) -> Callable[[Connection], None]:
    def work(tx: Connection) -> None:
        tx.execute(THINGS.insert().values(name=name, number=number, content=b"\x00\xff"))

    return work


def names(tx: Connection) -> list[str]:
    return list(tx.execute(sa.select(THINGS.c.name).order_by(THINGS.c.name)).scalars())


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_was_written_is_read(database: Database) -> None:
    database.write(put("a", 2**53))
    row = database.read(lambda tx: tx.execute(sa.select(THINGS)).one())
    assert (row.name, row.number, bytes(row.content)) == ("a", 2**53, b"\x00\xff")


def test_a_write_answers_what_the_work_returned(database: Database) -> None:
    assert database.write(lambda tx: tx.execute(sa.select(sa.literal(7))).scalar_one()) == 7


def test_an_exception_undoes_the_work_and_reaches_the_caller(database: Database) -> None:
    def work(tx: Connection) -> None:
        put("a")(tx)
        raise NotFound("nothing of this happened")

    with pytest.raises(NotFound):
        database.write(work)
    assert database.read(names) == []


def test_a_broken_rule_arrives_as_integrity_error(database: Database) -> None:
    database.write(put("a"))
    with pytest.raises(sa.exc.IntegrityError):
        database.write(put("a"))
    assert database.read(names) == ["a"]


def test_a_rule_broken_at_commit_undoes_only_whose_it_was(database: Database) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hold_the_writer(_tx: Connection) -> None:
        started.set()
        go_on.wait()

    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            if number == 0:
                database.write(hold_the_writer)
            elif number == 5:
                database.write(lambda tx: tx.execute(PARTS.insert().values(part_id=1, thing="no such thing")))
            else:
                database.write(put(f"name-{number}"))
        except sa.exc.IntegrityError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(10)]
    threads[0].start()
    started.wait()
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(failures) == 1
    assert len(database.read(names)) == 8


def test_one_failure_in_a_crowd_harms_nobody_else(database: Database) -> None:
    failed: list[int] = []

    def write(number: int) -> None:
        for turn in range(10):
            try:
                database.write(put(f"{number}-{turn}" if turn % 3 else "the same for all"))
            except sa.exc.IntegrityError:
                failed.append(number)

    in_threads(8, write)
    assert len(database.read(names)) == 8 * 6 + 1
    assert len(failed) == 8 * 4 - 1


def test_counting_in_many_threads_loses_nothing(database: Database) -> None:
    database.write(put("counter", 0))

    def count(_number: int) -> None:
        for _ in range(20):
            database.write(lambda tx: tx.execute(THINGS.update().values(number=THINGS.c.number + 1)))
            assert database.read(lambda tx: tx.execute(sa.select(THINGS.c.number)).scalar_one()) > 0

    in_threads(6, count)
    assert database.read(lambda tx: tx.execute(sa.select(THINGS.c.number)).scalar_one()) == 120


def test_a_reader_sees_one_state(database: Database) -> None:
    if database.engine.pool.__class__ is sa.pool.StaticPool:
        pytest.skip("a database in memory has one connection: a write waits for the reader")
    database.write(put("a"))

    def work(tx: Connection) -> tuple[list[str], list[str]]:
        before = names(tx)
        other = threading.Thread(target=lambda: database.write(put("b")))
        other.start()
        other.join()
        return before, names(tx)

    assert database.read(work) == (["a"], ["a"])
    assert database.read(names) == ["a", "b"]


def test_a_reader_cannot_hold_up_the_writer_for_good(database: Database) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            database.read(names)
        database.write(put(str(number)))

    in_threads(8, work)
    assert len(database.read(names)) == 8


def test_a_write_inside_a_transaction_is_refused_instead_of_waiting_for_itself(database: Database) -> None:
    with pytest.raises(Bug):
        database.write(lambda _tx: database.write(put("a")))
    with pytest.raises(Bug):
        database.read(lambda _tx: database.write(put("a")))
    database.write(put("b"))
    assert database.read(names) == ["b"]


def test_a_read_inside_a_transaction_sees_that_transaction(database: Database) -> None:
    def work(tx: Connection) -> list[str]:
        put("a")(tx)
        return database.read(names)

    assert database.write(work) == ["a"]
    assert database.read(lambda _tx: database.read(names)) == ["a"]


def test_exiting_inside_work_ends_only_that_work(database: Database) -> None:
    def work(tx: Connection) -> None:
        put("a")(tx)
        raise SystemExit

    with pytest.raises(SystemExit):
        database.write(work)
    database.write(put("b"))
    assert database.read(names) == ["b"]


def test_a_closed_database_says_so(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(Unavailable):
        database.write(put("a"))
    with pytest.raises(Unavailable):
        database.read(names)


def test_closing_while_many_write_answers_each_of_them(url: str) -> None:
    database = open_database(url)
    with database.change_schema() as connection:
        TABLES.create_all(connection)
    answers: list[str] = []

    def write(number: int) -> None:
        for turn in range(200):
            try:
                database.write(put(f"{number}-{turn}"))
            except Unavailable:
                answers.append("refused")
                return

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    database.close()
    for thread in threads:
        thread.join()
    assert set(answers) <= {"refused"}


def test_closing_from_inside_a_write_does_not_hang(database: Database) -> None:
    database.write(lambda _tx: database.close())
    with pytest.raises(Unavailable):
        database.write(put("a"))


def test_a_failed_statement_in_work_that_goes_on_is_the_works_own_affair(database: Database) -> None:
    database.write(put("a"))

    def work(tx: Connection) -> None:
        try:
            with tx.begin_nested():
                put("a")(tx)
        except sa.exc.IntegrityError:
            put("b")(tx)

    database.write(work)
    assert database.read(names) == ["a", "b"]


@pytest.mark.parametrize("url", ["mysql://h/x", "", "nonsense", "sqlite:relative", "postgresql://h:port/x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        open_database(url)
    assert "password" not in refused.value.what


def test_a_refusal_does_not_print_the_password() -> None:
    with pytest.raises(InvalidParameter) as refused:
        open_database("mysql://user:hunter22@h.example/x")
    assert "hunter22" not in refused.value.what
