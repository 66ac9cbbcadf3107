"""Many rows in one statement: the database is given them as one JSON text.

A driver that runs a statement once a row hands Python's lock over twice a row, and every other thread waits for it each
time; measured, that cost a busy event loop three times what the rows themselves did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from wheelyard.storage.database import Connection

__all__ = ["ManyRows"]

_ROWS = "rows"


class ManyRows:
    """Inserts rows of one table. Build it once: building a statement costs more than running it.

    Args:
        table: where to.
        columns: numbers and texts only; the rows are objects with a field for each.
    """

    def __init__(self, table: sa.Table, columns: Sequence[str]) -> None:
        chosen = [table.c[name] for name in columns]
        self._statements = {
            "sqlite": sa.insert(table).from_select(columns, _of_sqlite(columns)),
            "postgresql": sa.insert(table).from_select(columns, _of_postgresql(chosen)),
        }

    def insert(self, tx: Connection, rows: Sequence[Any]) -> None:
        """Insert them in their order."""
        if rows:
            tx.execute(self._statements[tx.dialect.name], {_ROWS: msgspec.json.encode(rows).decode()})


def _of_sqlite(columns: Sequence[str]) -> sa.Select[Any]:
    each = sa.func.json_each(sa.bindparam(_ROWS, type_=sa.Text)).table_valued("value")
    return sa.select(*(sa.func.json_extract(each.c.value, f"$.{name}") for name in columns))


def _of_postgresql(columns: Sequence[sa.Column[Any]]) -> sa.Select[Any]:
    text = sa.cast(sa.bindparam(_ROWS, type_=sa.Text), sa.JSON)
    named = [sa.column(column.name, column.type) for column in columns]
    each = sa.func.json_to_recordset(text).table_valued(*named).render_derived(name="each", with_types=True)
    return sa.select(*(each.c[column.name] for column in columns))
