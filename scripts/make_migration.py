"""Write the next revision of the database schema: what the rooms' tables have and the revisions do not make yet.

    python scripts/make_migration.py "what changes"

A database in memory is brought to the newest revision, compared with the tables of every room, and the difference is
written to `src/wheelyard/storage/migrations/versions/`. Read the file before it is committed. Exit code 1 means that
nothing differs.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

from alembic import command

from wheelyard.storage.database import Database
from wheelyard.storage.migrations import migrate
from wheelyard.storage.migrations.alembic_runs import differences, settings


def main(message: str) -> int:
    """Make one revision."""
    importlib.import_module("wheelyard.embedded")  # loads the tables of every room
    database = Database.open("sqlite://")
    migrate(database)
    if not differences(database):
        print("the revisions make every table already; nothing was written")
        return 1
    with database.change_schema() as connection:
        made = command.revision(settings(connection), message=message.rstrip("."), autogenerate=True)
    database.close()
    assert made is not None
    assert not isinstance(made, list)
    path = Path(made.path)
    (path.parent / "__init__.py").touch()
    tidy(path)
    print(path)
    return 0


def tidy(path: Path) -> None:
    """Bring Alembic's text into the shape of ours."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "###" not in line))
    for step in (["check", "--fix"], ["format"], ["check", "--select", "PLR0915", "--add-noqa"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, path], check=False, capture_output=True)
    path.write_text(path.read_text().replace("# noqa: PLR0915", "# noqa: PLR0915 # one statement a table"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} MESSAGE")
    sys.exit(main(sys.argv[1]))
