"""`wheelyard keys rotate`, on a workspace whose database is SQLite or PostgreSQL."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from databricks.sdk import WorkspaceClient
from tests.conftest import Workspace, as_workspace, settings_for
from tests.control.instant_engine import InstantEngine
from tests.databases import new_database

from wheelyard.cli import main
from wheelyard.core.redaction import Secret
from wheelyard.embedded import Settings
from wheelyard.serving import RunningWorkspace
from wheelyard.storage.backends import open_database
from wheelyard.storage.database import sqlite_url

SCOPE, VALUES = "team-a", {f"key-{number}": f"value-{number}-" + "x" * number for number in range(1, 130)}
Rotate = Callable[..., tuple[int, str, str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a workspace on either database; its URL is in the environment."""
    if request.param == "sqlite":
        return settings_for(tmp_path / "data", database_url=None)
    url = new_database(request.getfixturevalue("postgresql"))
    monkeypatch.setenv("WHEELYARD_DATABASE_URL", url)
    return settings_for(tmp_path / "data", database_url=Secret(url))


@pytest.fixture
def rotate(capsys: pytest.CaptureFixture[str]) -> Rotate:
    """Run the command: exit code, standard output, standard error."""

    def run(folder: Path, *options: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["keys", "rotate", "--data-dir", str(folder), *options])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@contextmanager
def serving(settings: Settings) -> Iterator[Workspace]:
    with RunningWorkspace(settings, engine=lambda _settings: InstantEngine()) as running:
        yield as_workspace(running, settings.data_dir)


def fill(settings: Settings) -> str:
    """Put secrets into a workspace; returns a token of its admin."""
    with serving(settings) as workspace:
        client = workspace.client()
        client.secrets.create_scope(SCOPE)
        for key, value in VALUES.items():
            client.secrets.put_secret(SCOPE, key, string_value=value)
        return str(client.tokens.create(comment="ci").token_value)


def assert_everything_opens(workspace: Workspace, token: str) -> None:
    client: WorkspaceClient = workspace.client(token)
    for key, value in VALUES.items():
        assert base64.b64decode(str(client.secrets.get_secret(SCOPE, key).value)).decode() == value


def key_ids(settings: Settings) -> list[str]:
    document = json.loads((settings.data_dir / "key-ring.json").read_text())
    return [key["id"] for key in document["keys"]]


def sealed_with(settings: Settings) -> set[str]:
    """The ids of the keys that the stored secrets are sealed with."""
    url = settings.database_url.reveal() if settings.database_url else sqlite_url(settings.data_dir / "wheelyard.db")
    database = open_database(url)
    sealed = database.read(lambda tx: list(tx.execute(sa.text("select sealed from secret")).scalars()))
    database.close()
    return {bytes(value)[1:9].hex() for value in sealed}


def test_every_value_is_sealed_again_and_everything_still_works(settings: Settings, rotate: Rotate) -> None:
    token = fill(settings)
    (first,) = key_ids(settings)
    with serving(settings) as workspace:
        admin_token = workspace.admin_token
    for turn in (1, 2):
        code, out, err = rotate(settings.data_dir, "--output", "json")
        assert (code, err) == (0, "")
        assert json.loads(out) == {"resealed": len(VALUES) + 1}, "the admin's token is one more"
        newest, *older = key_ids(settings)
        assert (len(older), older[-1]) == (turn, first)
        assert sealed_with(settings) == {newest}
        with serving(settings) as workspace:
            assert workspace.admin_token == admin_token
            assert_everything_opens(workspace, token)
    assert rotate(settings.data_dir)[1] == f"a new key is in use; {len(VALUES) + 1} values are sealed with it\n"


def test_it_is_refused_while_the_workspace_runs(settings: Settings, rotate: Rotate) -> None:
    with serving(settings) as workspace:
        workspace.client().secrets.create_scope(SCOPE)
        before = key_ids(settings)
        code, out, err = rotate(settings.data_dir)
    assert (code, out) == (1, "")
    assert "error: data-folder-in-use" in err
    assert "stop it" in err
    assert key_ids(settings) == before


def test_nothing_is_made_where_no_workspace_is(settings: Settings, rotate: Rotate, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (tmp_path / "dat", empty):
        code, out, err = rotate(folder)
        assert (code, out) == (1, "")
        assert "error: no-workspace" in err
    assert not (tmp_path / "dat").exists()
    assert list(empty.iterdir()) == []


def test_another_database_than_the_workspaces_is_refused(
    rotate: Rotate, postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, others, nobodys = (new_database(postgresql) for _ in range(3))
    settings = settings_for(tmp_path / "data", database_url=Secret(mine))
    with serving(settings), serving(settings_for(tmp_path / "other", database_url=Secret(others))):
        pass
    before = key_ids(settings)
    for url, reference in (("", "no-workspace"), (nobodys, "no-workspace"), (others, "database-of-another-workspace")):
        monkeypatch.setenv("WHEELYARD_DATABASE_URL", url)
        code, out, err = rotate(settings.data_dir)
        assert (code, out) == (1, "")
        assert f"error: {reference}" in err
    assert key_ids(settings) == before
    assert not (settings.data_dir / "wheelyard.db").exists()
    with psycopg.connect(nobodys.replace("+psycopg", "")) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    assert tables == (0,)
    assert rotate(settings.data_dir, "--database", mine)[0] == 0
    assert len(key_ids(settings)) == 2
