"""Notebook sessions on real kernels."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.compute.conftest import ME, SESSION_TOKEN, Yard, sources
from tests.compute.loopback_index import TOKEN, USER, LoopbackIndex
from tests.compute.packages import wheel

from wheelyard.compute.cell import LONGEST_OUTPUT
from wheelyard.compute.engine import CellResult, Compute, Identity, Output, Session, StagedFile
from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Secret

HIDDEN = "s3cret-value-of-a-scope"


def name() -> str:
    return f"n{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def compute(yard: Yard, module_index: LoopbackIndex) -> Iterator[Compute]:
    variables = {"CLUSTER_VARIABLE": "seen by all", "DATABRICKS_PIP_INDEX_URL": module_index.url}
    compute = yard.start(default=sources(module_index.url), variables=variables, secrets=frozenset({Secret(HIDDEN)}))
    yield compute
    compute.stop()


@pytest.fixture(scope="module")
def session(compute: Compute) -> Iterator[Session]:
    session = compute.open_session(ME, parameters={"day": "monday"})
    yield session
    session.close()


def run(session: Session, source: str) -> CellResult:
    result = session.execute(source)
    assert result.status == "ok", (result.text, result.error_value, result.traceback)
    return result


def test_streams_results_and_order(session: Session) -> None:
    seen: list[Output] = []
    result = session.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7", seen.append)
    assert result.text == "out\nerr\n42"
    assert [piece.kind for piece in result.outputs] == ["stdout", "stderr", "result"]
    assert "".join(piece.text for piece in seen) == "out\nerr\n"


def test_state_lasts_and_display_works(session: Session) -> None:
    run(session, "x = 5")
    assert run(session, "display(x)\ndisplayHTML('<b>hi</b>')").outputs[1].data["text/html"] == "<b>hi</b>"


def test_an_exception_has_a_plain_traceback(session: Session) -> None:
    result = session.execute("def f():\n    return 1 / 0\nf()")
    assert (result.status, result.error_name, result.error_value) == ("error", "ZeroDivisionError", "division by zero")
    assert "return 1 / 0" in result.traceback
    assert "\x1b" not in result.traceback


def test_the_environment_is_what_was_given(session: Session) -> None:
    found = json.loads(run(session, "import json, os; print(json.dumps(dict(os.environ)))").text)
    assert found["CLUSTER_VARIABLE"] == "seen by all"
    assert found["DATABRICKS_RUNTIME_VERSION"] == "15.4"
    assert set(found) <= {
        *("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "DATABRICKS_RUNTIME_VERSION", "CLUSTER_VARIABLE"),
        *("DATABRICKS_PIP_INDEX_URL", "PIP_INDEX_URL", "PIP_NO_INPUT", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_CERT"),
        *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY", "SSL_CERT_FILE", "PWD", "MPLBACKEND"),
        *("PYDEVD_USE_FRAME_EVAL", "LC_CTYPE"),
    }


def test_pip_installs_for_this_session_only(compute: Compute, session: Session, module_index: LoopbackIndex) -> None:
    project = name()
    module_index.add(wheel(project))
    result = run(session, f"before = 1\n%pip install {project}\nprint('after', before)")
    assert f"Looking in indexes: http://{USER}:****@127.0.0.1:{module_index.server_port}/simple/" in result.text
    assert f"Successfully installed {project}-1.0" in result.text
    assert "Note: you may need to restart the Python kernel" in result.text
    assert result.text.endswith("after 1\n")
    assert TOKEN not in result.text
    assert run(session, f"import {project}; {project}.version").text == "'1.0'"
    other = compute.open_session(ME, parameters={})
    assert other.execute(f"import {project}").error_name == "ModuleNotFoundError"
    other.close()


@pytest.mark.parametrize("command", ["!pip", "%sh pip", "%uv pip", "%sh\npip"])
def test_other_ways_to_install_act_on_the_session(session: Session, module_index: LoopbackIndex, command: str) -> None:
    project = name()
    module_index.add(wheel(project))
    run(session, f"{command} install {project}")
    assert run(session, f"import {project}; {project}.version").text == "'1.0'"


def test_a_failing_pip_fails_the_cell(session: Session) -> None:
    result = session.execute(f"%pip install {name()}\nprint('not reached')")
    assert result.status == "error"
    assert "No matching distribution found" in result.text
    assert "not reached" not in result.text
    assert result.error_value == "pip ended with exit code 1"


def test_an_explicit_index_wins(session: Session, module_index: LoopbackIndex) -> None:
    other, project = LoopbackIndex(token="token-that-a-notebook-read"), name()
    other.add(wheel(project, files={f"{project}.py": "source = 'explicit'"}))
    run(session, f"url = {other.url!r}")
    result = run(session, f"%pip install --index-url $url {project}")
    assert run(session, f"import {project}; {project}.source").text == "'explicit'"
    assert "****@" in result.text
    assert other.token not in result.text
    other.close()


def test_uninstall_cannot_remove_what_the_compute_brings(session: Session) -> None:
    assert "outside environment" in run(session, "%pip uninstall -y ipykernel").text


def test_restart_forgets_variables_and_keeps_libraries(session: Session, module_index: LoopbackIndex) -> None:
    project = name()
    module_index.add(wheel(project))
    run(session, f"%pip install {project}\nforgotten = 1")
    assert run(session, "%restart_python\nprint('not reached')").text == ""
    assert session.execute("forgotten").error_name == "NameError"
    assert run(session, f"import {project}; {project}.version").text == "'1.0'"
    run(session, "forgotten = 1")
    run(session, "dbutils.library.restartPython()")
    assert session.execute("forgotten").error_name == "NameError"


def test_shell_cells(session: Session) -> None:
    assert run(session, "%sh echo one\necho two").text == "one\ntwo\n"
    assert run(session, "%sh\nfalse\necho on").text == "on\n"
    assert session.execute("%sh -e\nfalse\necho on").status == "error"
    assert run(session, "x = 'y'\n%sh echo line").text == "line\n"
    assert run(session, "word = 'y'\n!echo {word} $word").text == "y y\n"
    assert run(session, "words = !echo captured\nwords[0]").text == "'captured'"


def test_words_for_readers_and_for_other_languages(session: Session) -> None:
    assert run(session, "%md # Title\nsome text").text == ""
    assert run(session, "%python\n1 + 1").text == "2"
    assert "not offered here" in session.execute("%sql select 1").error_value


def test_widgets_and_exit(session: Session) -> None:
    run(session, "dbutils.widgets.text('day', 'sunday'); dbutils.widgets.text('hour', 'noon')")
    result = run(
        session, "dbutils.notebook.exit(dbutils.widgets.get('day') + ' ' + dbutils.widgets.get('hour'))\nprint(1)"
    )
    assert (result.exit_value, result.text) == ("monday noon", "")
    assert "No input widget named" in session.execute("dbutils.widgets.get('none')").error_value


def test_secrets_are_redacted_however_they_are_written(session: Session) -> None:
    half = len(HIDDEN) // 2
    source = f"""
import base64, sys
value = {HIDDEN[:half]!r} + {HIDDEN[half:]!r}
print('plain', value)
for letter in value:
    print(letter, end='', flush=True)
print()
sys.stdout.write(value[:5]); sys.stdout.flush(); sys.stdout.write(value[5:] + chr(10))
print(base64.b64encode(value.encode()).decode())
import os; os.write(1, (value + chr(10)).encode())
display({{'key': value}})
value
"""
    result = run(session, source)
    everything = json.dumps([[piece.text, dict(piece.data)] for piece in result.outputs])
    assert HIDDEN not in everything
    assert base64.b64encode(HIDDEN.encode()).decode() not in everything
    assert everything.count("[REDACTED]") >= 6
    failed = session.execute("raise ValueError(value)")
    assert HIDDEN not in failed.error_value + failed.traceback


def test_variables_with_credentials_are_masked(session: Session) -> None:
    text = run(
        session, "import os; print(os.environ['DATABRICKS_PIP_INDEX_URL'])\nprint(os.environ['PIP_INDEX_URL'][7:])"
    ).text
    assert TOKEN not in text


def test_what_is_hidden_later_is_hidden(compute: Compute, session: Session) -> None:
    compute.hide(Secret("found-out-while-it-ran"))
    assert "found-out" not in run(session, "print('found-out-' + 'while-it-ran')").text


def test_a_secret_in_an_exit_value_is_redacted(session: Session) -> None:
    half = len(HIDDEN) // 2
    assert run(session, f"dbutils.notebook.exit({HIDDEN[:half]!r} + {HIDDEN[half:]!r})").exit_value == "[REDACTED]"


def test_long_output_is_cut_with_a_note(session: Session) -> None:
    result = run(session, "for _ in range(120): print('x' * 100_000)")
    assert LONGEST_OUTPUT < len(result.text) < LONGEST_OUTPUT + 200
    assert "output truncated" in result.text[-100:]


def test_interrupt(session: Session) -> None:
    for source in (
        "import time; print('go'); time.sleep(60)",
        "print('go')\n%sh sleep 60",
        "print('go')\nwhile True: pass",
    ):
        seen = threading.Event()
        results: list[CellResult] = []
        thread = threading.Thread(
            target=lambda s=source, r=results, e=seen: r.append(session.execute(s, lambda _output: e.set()))
        )
        thread.start()
        assert seen.wait(30)
        session.interrupt()
        thread.join()
        assert results[0].status == "cancelled"
    assert run(session, "'alive'").text == "'alive'"


def test_a_cell_that_swallows_the_interrupt_is_ended_by_force(compute: Compute) -> None:
    session = compute.open_session(ME, parameters={})
    seen, results = threading.Event(), list[CellResult]()
    loop = "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"
    source = f"import time\nprint('go')\n{loop}"
    thread = threading.Thread(target=lambda: results.append(session.execute(source, lambda _output: seen.set())))
    thread.start()
    seen.wait(30)
    session.interrupt()
    thread.join()
    assert results[0].status == "cancelled"
    assert run(session, "1").text == "1"
    session.close()


def test_python_that_ends_is_said_and_replaced(session: Session) -> None:
    result = session.execute("import os; os._exit(3)")
    assert (result.status, result.error_name) == ("error", "PythonEnded")
    assert run(session, "'again'").text == "'again'"


def test_closing_ends_a_running_cell(compute: Compute) -> None:
    session = compute.open_session(ME, parameters={})
    seen, results = threading.Event(), list[CellResult]()
    thread = threading.Thread(
        target=lambda: results.append(session.execute("print(1)\nimport time; time.sleep(60)", lambda _o: seen.set()))
    )
    thread.start()
    seen.wait(30)
    session.close()
    session.close()
    thread.join()
    assert results[0].status == "cancelled"
    with pytest.raises(InvalidState):
        session.execute("1")


def test_sessions_work_side_by_side(compute: Compute) -> None:
    sessions = [compute.open_session(ME, parameters={}) for _ in range(2)]
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda s=one, n=number: results.append(s.execute(f"x = {n}; x").text))
        for number, one in enumerate(sessions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["0", "1"]
    for one in sessions:
        one.close()


def test_the_notebook_starts_in_its_folder(compute: Compute) -> None:
    files = [StagedFile("/Workspace/Users/me/beside.py", b"answer = 42\n")]
    session = compute.open_session(ME, parameters={}, cwd="/Workspace/Users/me", files=files)
    assert run(session, "import beside, os; print(beside.answer, os.getcwd())").text == "42 /Workspace/Users/me\n"
    session.close()


class _Workspace(BaseHTTPRequestHandler):
    """The three secrets endpoints and who-am-I, for one token."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {SESSION_TOKEN}":
            return self._answer(403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."})
        path = self.path.partition("?")[0]
        if path == "/api/2.0/secrets/get" and "key=missing" in self.path:
            return self._answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Secret does not exist"})
        answers = {
            "/api/2.0/secrets/get": {"key": "k", "value": base64.b64encode(b"plain-text").decode()},
            "/api/2.0/secrets/list": {"secrets": [{"key": "k", "last_updated_timestamp": 1}]},
            "/api/2.0/secrets/scopes/list": {"scopes": [{"name": "s"}]},
            "/api/2.0/preview/scim/v2/Me": {"userName": "me@example.com", "id": "1"},
        }
        return self._answer(200 if path in answers else 404, answers.get(path, {}))

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Quiet."""


@pytest.fixture(scope="module")
def connected(compute: Compute) -> Iterator[Session]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Workspace)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    identity = Identity("me@example.com", f"http://127.0.0.1:{server.server_port}", Secret(SESSION_TOKEN), "4711")
    session = compute.open_session(identity, parameters={})
    yield session
    session.close()
    server.shutdown()
    server.server_close()


def test_dbutils_secrets(connected: Session) -> None:
    assert run(connected, "dbutils.secrets.get('s', 'k'), dbutils.secrets.getBytes('s', 'k')").text == (
        "('plain-text', b'plain-text')"
    )
    assert run(connected, "dbutils.secrets.list('s')[0].key, dbutils.secrets.listScopes()[0].name").text == "('k', 's')"
    failed = connected.execute("dbutils.secrets.get('s', 'missing')")
    assert failed.error_value == "RESOURCE_DOES_NOT_EXIST: Secret does not exist"


def test_the_sdk_needs_no_arguments(connected: Session) -> None:
    run(connected, "from databricks.sdk import WorkspaceClient; w = WorkspaceClient()")
    source = "w.current_user.me().user_name, w.config.auth_type"
    assert run(connected, source).text == "('me@example.com', 'runtime')"
    assert (
        run(connected, "from databricks.sdk.runtime import dbutils as d; d.secrets.get('s', 'k')").text
        == "'plain-text'"
    )


def test_the_context_is_where_notebooks_look_for_it(connected: Session) -> None:
    run(connected, "from dbruntime.databricks_repl_context import get_context; c = get_context()")
    source = "c.user, c.workspaceId, 'token' in repr(c)"
    assert run(connected, source).text == "('me@example.com', '4711', False)"
    legacy = "dbutils.notebook.entry_point.getDbutils().notebook().getContext().userName().get()"
    assert run(connected, legacy).text == "'me@example.com'"


def test_the_session_token_is_no_file_variable_or_argument(connected: Session) -> None:
    source = f"""
import os, subprocess
parts = {SESSION_TOKEN[:8]!r}, {SESSION_TOKEN[8:]!r}
token = "".join(parts)
found = [n for n, v in os.environ.items() if token in v]
for pid in filter(str.isdigit, os.listdir("/proc")):
    for what in ("cmdline", "environ"):
        try:
            data = open(f"/proc/{{pid}}/{{what}}", "rb").read()
        except OSError:
            continue
        if token.encode() in data:
            found.append((pid, what))
files = subprocess.run(["grep", "-rl", "-e", token, os.path.dirname(os.environ["HOME"])], capture_output=True)
print(found, files.stdout)
"""
    assert run(connected, source).text == "[] b''\n"
