"""A secret shows in no output and no refusal, in whatever way it is written."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.compute.conftest import ME, Yard
from tests.conftest import Workspace
from tests.security.leak_scan import scan
from tests.security.secrets_made import remember

from wheelyard.compute.engine import CellResult, Session
from wheelyard.core.redaction import Secret

SECRET = "pl4in Secret@Value#42/with%stuff"


@pytest.fixture(scope="module")
def session(yard: Yard) -> Iterator[Session]:
    compute = yard.start(variables={"SECRET": SECRET}, secrets=frozenset({Secret(SECRET)}))
    session = compute.open_session(ME, parameters={})
    session.execute("import base64, os, sys, time, urllib.parse\ns = os.environ['SECRET']")
    yield session
    compute.stop()


def everything_of(result: CellResult) -> str:
    pieces: list[Any] = [[piece.text, dict(piece.data)] for piece in result.outputs]
    return json.dumps([pieces, result.error_name, result.error_value, result.traceback, result.exit_value, result.text])


CELLS = {
    "printed letter by letter": "for letter in s:\n    print(letter, end='', flush=True)",
    "in two writes": "sys.stderr.write(s[:9]); sys.stderr.flush(); time.sleep(0.2); sys.stderr.write(s[9:])",
    "over two streams": "print(s[:9], end='', flush=True); time.sleep(0.2); sys.stderr.write(s[9:])",
    "in a result": "[s, {s: s}, s.encode()]",
    "in every kind of display": (
        "from IPython.display import HTML, JSON, Markdown, display as show\n"
        "show(HTML(s), JSON({s: [s]}), Markdown(s)); show({'application/x': {'a': [s], s: 1}, s: s}, raw=True)"
    ),
    "in an error": "raise ValueError(s) from KeyError(s)",
    "in an error's name": "raise type('E', (Exception,), {'__module__': s, '__qualname__': s, '__name__': s})('x')",
    "as an error's name": "class E(Exception): pass\nE.__name__ = s\nraise E(1)",
    "as code that does not compile": "exec(s)",
    "in the environment": "%sh env; tr '\\0' '\\n' < /proc/self/environ; echo $SECRET >&2",
    "by a command": '!echo $SECRET; printf %s "$SECRET" | base64; printf x%s "$SECRET" | base64 -w 0',
    "past Python": "os.write(1, s.encode()); os.write(2, s.encode())",
    "at the exit": "dbutils.notebook.exit(s)",
    "at the system's exit": "sys.exit(s)",
    "encoded": (
        "import re\nescaped = re.sub('%..', lambda found: found[0].lower(), urllib.parse.quote(s, safe=''))\n"
        "print(urllib.parse.quote(s), urllib.parse.quote_plus(s), escaped, repr(s))\n"
        "print(*(base64.b64encode(b'x' * n + s.encode() + b'y').decode() for n in range(4)))"
    ),
    "to a log": "import logging, warnings\nlogging.error(s); warnings.warn(s)",
    "as Python ends": "print(s, end='', flush=True); os._exit(1)",
}


@pytest.mark.parametrize("way", CELLS)
def test_no_cell_shows_a_secret(session: Session, way: str, tmp_path: Path) -> None:
    result = session.execute(CELLS[way])
    (tmp_path / "output").write_text(everything_of(result))
    found = [finding for finding in scan([tmp_path], [SECRET.encode()]) if finding.form != "reversed"]
    assert not found
    session.execute("import base64, os, sys, time, urllib.parse\ns = os.environ['SECRET']")


def test_the_session_token_is_nowhere_in_what_a_session_can_show(session: Session) -> None:
    cell = "t = dbutils.notebook.entry_point.getDbutils().notebook().getContext().apiToken().get()\nprint(t, [t])\nt"
    assert ME.token.reveal() not in everything_of(session.execute(cell))
    assert ME.token.reveal() not in everything_of(
        session.execute("%sh cat /proc/*/environ /proc/*/cmdline | tr '\\0' ' '")
    )


REFUSED: dict[str, tuple[str, str, Any]] = {
    "truncated": ("POST", "/api/2.0/secrets/put", f'{{"scope":"s","key":"k","string_value":"{SECRET}"'.encode()),
    "not quoted": ("POST", "/api/2.0/secrets/put", f'{{"string_value":{SECRET}}}'.encode()),
    "another type": ("POST", "/api/2.0/secrets/put", {"scope": "s", "key": "k", "string_value": {"a": SECRET}}),
    "no base64": ("POST", "/api/2.0/secrets/put", {"scope": "s", "key": "k", "bytes_value": SECRET}),
    "a bad key": ("POST", "/api/2.0/secrets/put", {"scope": "s", "key": "a b", "string_value": SECRET}),
    "no scope": ("POST", "/api/2.0/secrets/put", {"scope": "none", "key": "k", "string_value": SECRET}),
    "twice": (
        "POST",
        "/api/2.0/secrets/put",
        {"scope": "s", "key": "k", "string_value": SECRET, "bytes_value": "YQ=="},
    ),
    "in the query": ("POST", f"/api/2.0/secrets/put?string_value={quote(SECRET)}", {"scope": "none", "key": "k"}),
    "beside a bad variable": (
        "POST",
        "/api/2.1/clusters/create",
        {"spark_version": "15.4.x-scala2.12", "spark_env_vars": {"A": "x{{secrets/s/k}}", "B": SECRET}},
    ),
    "in a form": ("POST", "/oidc/v1/token", f"grant_type=nothing&client_id=x&client_secret={quote(SECRET)}".encode()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_refusal_repeats_a_secret(workspace: Workspace, server_log: Path, case: str, tmp_path: Path) -> None:
    method, path, body = REFUSED[case]
    form = {"Content-Type": "application/x-www-form-urlencoded"} if case == "in a form" else {}
    answer = workspace.request(method, path, body=body, headers=form)
    assert 400 <= answer.status < 500
    (tmp_path / "answer").write_bytes(answer.content + str(answer.headers).encode())
    assert not scan([tmp_path, server_log], [SECRET.encode()])


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "Digest", ""])
@pytest.mark.parametrize(
    "path", ["/api/2.0/secrets/scopes/list", "/acme/_packaging/none/pypi/simple/", "/oidc/v1/token"]
)
def test_no_door_repeats_a_credential_it_does_not_know(
    workspace: Workspace, server_log: Path, scheme: str, path: str, tmp_path: Path
) -> None:
    credential = f"dapi-{'never-issued-0123456789'}"
    remember(credential)
    value = base64.b64encode(f"u:{credential}".encode()).decode() if scheme == "Basic" else credential
    answer = workspace.request("GET", path, token="", headers={"Authorization": f"{scheme} {value}".strip()})
    assert 400 <= answer.status < 500
    (tmp_path / "answer").write_bytes(answer.content + str(answer.headers).encode())
    assert not scan([tmp_path, server_log], [credential.encode()])
