"""What every engine must do: one exercise, run by each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.compute.conftest import ME, NEW_PIP, OLD_PIP, SESSION_TOKEN, WHEELHOUSE, Yard, sources
from tests.compute.conftest import cache as cache  # noqa: PLC0414  # a fixture
from tests.compute.conftest import index as index  # noqa: PLC0414  # a fixture
from tests.compute.loopback_index import TOKEN, LoopbackIndex
from tests.compute.packages import wheel

from wheelyard.compute.engine import Compute, EngineSettings, LaunchSpec, Session, StagedFile
from wheelyard.compute.local import LocalEngine
from wheelyard.core.errors import InvalidParameter, InvalidState, LaunchFailed, LibraryFailed, WheelyardError
from wheelyard.core.pip.environment import PipEnvironment, PipPaths
from wheelyard.core.redaction import Secret

ENGINES = ("bubblewrap", "none")


@pytest.fixture(scope="module", params=ENGINES)
def yard(request: pytest.FixtureRequest, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    settings = EngineSettings(tmp_path_factory.mktemp("engine"), cache, WHEELHOUSE, sandbox=request.param)
    try:
        engine = LocalEngine(settings)
    except LaunchFailed as problem:
        pytest.skip(problem.what)
    yield Yard(engine, settings)
    engine.stop_all()


@pytest.fixture(scope="module")
def compute(yard: Yard) -> Iterator[Compute]:
    compute = yard.start(variables={"GREETING": "hello"}, secrets=frozenset({Secret("never-to-be-shown")}))
    yield compute
    compute.stop()


def run(compute: Compute, *program: str, files: Sequence[StagedFile] = ()) -> tuple[int, list[str]]:
    lines: list[str] = []
    result = compute.run(ME, program, on_line=lines.append, cancelled=lambda: False, files=files)
    return result.exit_code, lines


def test_programs(compute: Compute) -> None:
    assert run(compute, "-c", "import os, sys; print(os.environ['GREETING'], sys.argv[1:])", "a", "b c") == (
        0,
        ["hello ['a', 'b c']"],
    )
    assert run(compute, "-c", "import sys; sys.exit(3)")[0] == 3
    code, lines = run(compute, "-c", "raise ValueError('told')")
    assert (code, lines[-1]) == (1, "ValueError: told")


def test_workspace_files_run_and_are_read(compute: Compute) -> None:
    program = b"import sys, beside; print(__name__, beside.value, sys.argv[1])"
    files = [
        StagedFile("/Workspace/Users/me/main.py", program),
        StagedFile("/Workspace/Users/me/beside.py", b"value = 1"),
    ]
    assert run(compute, "/Workspace/Users/me/main.py", "x", files=files) == (0, ["__main__ 1 x"])
    assert run(compute, "/Workspace/Users/me/main.py", "x")[0] != 0
    assert run(compute, "/Workspace/Users/me/main.py", "x", files=files[:1])[0] != 0


def test_each_session_has_workspace_files_of_its_own(compute: Compute) -> None:
    def opened(content: bytes) -> Session:
        file = StagedFile("/Workspace/a/which.py", content)
        return compute.open_session(ME, parameters={}, cwd="/Workspace/a", files=[file])

    one, two = opened(b"name = 'one'"), opened(b"name = 'two'")
    code = "import importlib, which; importlib.reload(which).name"
    assert (one.execute(code).text, two.execute(code).text) == ("'one'", "'two'")
    two.stage([StagedFile("/Workspace/a/which.py", b"name = 'another'")])
    assert (one.execute(code).text, two.execute(code).text) == ("'one'", "'another'")
    one.close()
    assert two.execute(code).text == "'another'"
    two.close()
    with pytest.raises(InvalidState):
        two.stage([])


@pytest.mark.parametrize("path", ["/etc/passwd", "/Workspace/../etc/passwd", "/Workspace", "Workspace/x"])
def test_files_stay_below_the_workspace(compute: Compute, path: str) -> None:
    with pytest.raises(InvalidParameter):
        compute.open_session(ME, parameters={}, files=[StagedFile(path, b"")])
    with pytest.raises(InvalidParameter):
        run(compute, "-c", "", files=[StagedFile(path, b"")])


def test_wheel_entry_points(yard: Yard, index: LoopbackIndex) -> None:
    files = {"entry_test.py": "import sys\ndef main(): print('main', sys.argv)\ndef other(): print('other')\n"}
    index.add(wheel("entry_test", scripts={"run-it": "entry_test:main"}, files=files))
    compute = yard.start(default=sources(index.url))
    compute.install(["entry-test"], index_url=None, on_line=lambda _line: None)
    assert run(compute, "--entry-point", "entry-test", "run-it", "a") == (0, ["main ['run-it', 'a']"])
    assert run(compute, "--entry-point", "entry-test", "other") == (0, ["other"])
    assert run(compute, "--entry-point", "entry-test", "none")[0] == 1
    compute.stop()


def test_a_program_is_cancelled_with_all_it_started(compute: Compute) -> None:
    seen = threading.Event()
    started = time.monotonic()
    result = compute.run(
        ME,
        ["-c", "import subprocess; print('go', flush=True); subprocess.run(['sleep', '60'])"],
        on_line=lambda _line: seen.set(),
        cancelled=seen.is_set,
    )
    assert result.cancelled
    assert time.monotonic() - started < 30


def test_what_a_program_leaves_running_ends_with_it(compute: Compute) -> None:
    started = time.monotonic()
    assert run(compute, "-c", "import subprocess; subprocess.Popen(['sleep', '60']); print('done')") == (0, ["done"])
    assert time.monotonic() - started < 30


def test_a_program_that_takes_too_long_is_ended(compute: Compute) -> None:
    result = compute.run(
        ME, ["-c", "import time; time.sleep(60)"], on_line=print, cancelled=lambda: False, timeout_seconds=0.2
    )
    assert result.cancelled
    assert result.exit_code != 0


def test_no_output_shows_a_secret(compute: Compute) -> None:
    half = len("never-to-be-shown") // 2
    first, rest = "never-to-be-shown"[:half], "never-to-be-shown"[half:]
    _code, lines = run(compute, "-c", f"import sys; sys.stdout.write({first!r}); sys.stdout.flush(); print({rest!r})")
    assert lines == ["[REDACTED]"]
    half = len(SESSION_TOKEN) // 2
    assert run(compute, "-c", f"print({SESSION_TOKEN[:half]!r} + {SESSION_TOKEN[half:]!r})")[1] == ["[REDACTED]"]
    compute.hide(Secret("hidden-from-now-on"))
    assert run(compute, "-c", "print('hidden-from' + '-now-on')")[1] == ["[REDACTED]"]


def test_libraries_and_notebooks(yard: Yard, index: LoopbackIndex) -> None:
    index.add(wheel("conformlib") | wheel("notebooklib"))
    compute = yard.start(default=sources(index.url), pip=NEW_PIP)
    lines: list[str] = []
    assert compute.install(["conformlib"], index_url=None, on_line=lines.append).installed == ("conformlib==1.0",)
    session = compute.open_session(ME, parameters={"a": "b"})
    result = session.execute(
        "import conformlib\n%pip install notebooklib\nimport notebooklib; dbutils.widgets.get('a')"
    )
    assert result.status == "ok", result
    assert result.text.endswith("'b'")
    assert TOKEN not in result.text + "".join(lines)
    session.close()
    compute.stop()


def test_refresh_reaches_what_is_started_from_then_on(yard: Yard, index: LoopbackIndex) -> None:
    other = LoopbackIndex(token="the-token-after-rotation")
    other.add(wheel("rotatedlib"))
    wanted = [sources(index.url)]

    def ask(paths: PipPaths) -> PipEnvironment:
        return yard.ask(wanted[0], {}, OLD_PIP)(paths)

    compute = yard.start(pip_environment=ask)
    old = compute.open_session(ME, parameters={})
    wanted[0] = sources(other.url)
    compute.refresh()
    new = compute.open_session(ME, parameters={})
    assert new.execute("%pip install rotatedlib").status == "ok"
    assert old.execute("%pip install rotatedlib").status == "error"
    compute.stop()
    other.close()


def test_dependencies_may_name_workspace_files(yard: Yard) -> None:
    [(first, one)] = wheel("dependency_one").items()
    lines = ("-r /Workspace/a/more.txt", f"/Workspace/a/{first}")
    files = (
        StagedFile(f"/Workspace/a/{first}", one),
        StagedFile("/Workspace/a/more.txt", b"# nothing more\n"),
    )
    compute = yard.start(requirements=lines, files=files, variables={"PIP_NO_INDEX": "1"})
    code = "import dependency_one; print(dependency_one.version)"
    assert run(compute, "-c", code) == (0, ["1.0"])
    compute.stop()


def test_idle_time_counts_from_the_last_code(compute: Compute) -> None:
    run(compute, "-c", "")
    assert 0 <= compute.idle_seconds() < 30
    seen: list[float] = []
    compute.run(
        ME, ["-c", "print(1)"], on_line=lambda _line: seen.append(compute.idle_seconds()), cancelled=lambda: False
    )
    assert seen == [0.0]


def test_stopping_ends_everything_and_leaves_no_folder(yard: Yard) -> None:
    compute = yard.start()
    session = compute.open_session(ME, parameters={})
    pid = int(session.execute("import os; print(os.getpid())").text)
    compute.stop()
    compute.stop()
    assert pid > 0
    assert not (yard.settings.folder / compute.compute_id).exists()
    with pytest.raises(InvalidState):
        session.execute("1")
    with pytest.raises(InvalidState):
        run(compute, "-c", "")
    with pytest.raises(InvalidState):
        compute.install(["x"], index_url=None, on_line=lambda _line: None)


def test_a_start_can_be_stopped_and_the_id_used_again(yard: Yard, index: LoopbackIndex) -> None:
    index.delay_seconds = 3600
    wanted = LaunchSpec(
        "given-up", "3.11", OLD_PIP, "15.4", {}, yard.ask(sources(index.url), {}, OLD_PIP), requirements=("anything",)
    )
    problems: list[LaunchFailed] = []

    def attempt() -> None:
        with pytest.raises(LaunchFailed) as failed:
            yard.engine.start(wanted, lambda _line: None)
        problems.append(failed.value)

    thread = threading.Thread(target=attempt)
    thread.start()
    while not index.asked:
        time.sleep(0.02)
    yard.engine.stop("given-up")
    thread.join()
    assert len(problems) == 1
    assert not (yard.settings.folder / "given-up").exists()
    compute = yard.engine.start(replace(wanted, requirements=()), lambda _line: None)
    yard.engine.stop("given-up")
    with pytest.raises(InvalidState):
        run(compute, "-c", "")
    yard.engine.stop("given-up")
    yard.engine.stop("never-started")


def test_stopping_ends_an_installation(yard: Yard, index: LoopbackIndex) -> None:
    index.delay_seconds = 3600
    compute = yard.start(default=sources(index.url))
    problems: list[WheelyardError] = []

    def attempt() -> None:
        with pytest.raises((LibraryFailed, InvalidState)) as failed:
            compute.install(["anything"], index_url=None, on_line=lambda _line: None)
        problems.append(failed.value)

    thread = threading.Thread(target=attempt)
    thread.start()
    while not index.asked:
        time.sleep(0.02)
    compute.stop()
    thread.join()
    assert len(problems) == 1
    assert not (yard.settings.folder / compute.compute_id).exists()


def test_the_same_compute_starts_once(yard: Yard) -> None:
    compute = yard.start()
    with pytest.raises(LaunchFailed, match="runs already"):
        yard.engine.start(compute._spec, lambda _line: None)  # type: ignore[attr-defined]
    compute.stop()
