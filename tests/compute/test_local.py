"""The engine's own duties: what a crash left, what the machine lacks."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from tests.compute.conftest import ME, WHEELHOUSE, Yard, sources
from tests.compute.loopback_index import LoopbackIndex
from tests.compute.packages import wheel

from wheelyard.compute.engine import EngineSettings, LaunchSpec
from wheelyard.compute.images import KERNEL_LOCK
from wheelyard.compute.local import LocalEngine
from wheelyard.core.errors import LaunchFailed
from wheelyard.core.pip.environment import PipEnvironment
from wheelyard.core.redaction import Secret


def spec(compute_id: str = "c1", python: str = "3.11", pip: str = "23.2.1") -> LaunchSpec:
    return LaunchSpec(compute_id, python, pip, "15.4", {}, lambda _paths: PipEnvironment({}))


@pytest.mark.parametrize("sandbox", ["auto", "none"])
def test_what_a_killed_engine_left_is_ended_and_deleted(tmp_path: Path, cache: Path, sandbox: str) -> None:
    program = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from wheelyard.compute.engine import EngineSettings, Identity, LaunchSpec
        from wheelyard.compute.local import LocalEngine
        from wheelyard.core.pip.environment import PipEnvironment
        from wheelyard.core.redaction import Secret
        settings = EngineSettings(Path({str(tmp_path)!r}), Path({str(cache)!r}), Path({str(WHEELHOUSE)!r}), {sandbox!r})
        engine = LocalEngine(settings)
        spec = LaunchSpec("left", "3.11", "23.2.1", "15.4", {{}}, lambda paths: PipEnvironment({{}}))
        me = Identity("me", "http://127.0.0.1:9", Secret("token-of-a-session"), "1")
        session = engine.start(spec, print).open_session(me, parameters={{}})
        print("ready", flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert any(line == "ready\n" for line in parent.stdout)
        sockets = Path((tmp_path / ".engine" / "sockets").read_text())
        records = [int(record.name) for record in (tmp_path / "left" / "processes").iterdir()]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert records
    engine = LocalEngine(EngineSettings(tmp_path, cache, WHEELHOUSE))
    assert engine.sweep() == ("left",)
    assert not (tmp_path / "left").exists()
    assert not sockets.exists()
    assert engine.sweep() == ()
    _wait_until_gone(records)
    compute = engine.start(spec("left"), lambda _line: None)
    compute.stop()
    engine.stop_all()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".engine"]


def _wait_until_gone(pids: list[int]) -> None:
    for _ in range(100):
        if not any(_alive(pid) for pid in pids):
            return
        time.sleep(0.05)
    pytest.fail("still running")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_log_says_which_python_and_pip(yard: Yard) -> None:
    lines: list[str] = []
    yard.engine.start(spec("said"), lines.append).stop()
    assert lines[0].startswith("Starting with Python 3.")
    assert lines[0].endswith(" and pip 23.2.1")


def test_a_python_nobody_has_is_replaced_by_the_nearest_and_said(yard: Yard) -> None:
    lines: list[str] = []
    yard.engine.start(spec("far", python="3.9"), lines.append).stop()
    assert any(line.startswith("Python 3.9 is not on this machine; 3.1") for line in lines)


def refused(engine: LocalEngine, wanted: LaunchSpec) -> tuple[threading.Thread, list[LaunchFailed]]:
    """A start in a thread of its own, and how it will have failed."""
    problems: list[LaunchFailed] = []

    def attempt() -> None:
        with pytest.raises(LaunchFailed) as failed:
            engine.start(wanted, lambda _line: None)
        problems.append(failed.value)

    thread = threading.Thread(target=attempt)
    thread.start()
    return thread, problems


def test_a_start_can_be_given_up_while_an_image_is_built(tmp_path: Path, index: LoopbackIndex) -> None:
    index.delay_seconds = 3600
    settings = EngineSettings(tmp_path / "compute", tmp_path / "cache")
    engine = LocalEngine(settings, machine_index=Secret(index.url))
    for all_of_them in (False, True):
        thread, problems = refused(engine, spec("unbuilt"))
        while not index.asked:
            time.sleep(0.02)
        if all_of_them:
            engine.stop_all()
        else:
            engine.stop("unbuilt")
        thread.join()
        assert problems[0].code == "USER_REQUEST"
        assert not (settings.folder / "unbuilt").exists()
    assert list((settings.folder / ".engine" / "processes").iterdir()) == []


def test_a_start_that_tells_its_first_line_can_be_given_up(yard: Yard) -> None:
    def stop(_line: str) -> None:
        yard.engine.stop("told")

    with pytest.raises(LaunchFailed, match="was stopped while it was starting"):
        yard.engine.start(spec("told"), stop)
    assert not (yard.settings.folder / "told").exists()
    yard.engine.start(spec("told"), lambda _line: None).stop()


def test_a_pip_that_cannot_be_had(yard: Yard) -> None:
    with pytest.raises(LaunchFailed) as failed:
        yard.engine.start(spec("nopip", pip="0.0.1"), lambda _line: None)
    assert failed.value.code == "UNEXPECTED_LAUNCH_FAILURE"
    assert any("0.0.1" in line for line in failed.value.log_lines)
    assert not (yard.settings.folder / "nopip").exists()


@pytest.mark.parametrize("compute_id", ["../x", ".engine", "a/b"])
def test_a_compute_id_is_a_plain_name(yard: Yard, compute_id: str) -> None:
    with pytest.raises(ValueError, match="is no compute id"):
        yard.engine.start(spec(compute_id), lambda _line: None)


def test_the_kernels_lock_names_no_index() -> None:
    assert "://" not in KERNEL_LOCK.read_text()


def test_folders_are_for_their_owner_only(yard: Yard) -> None:
    compute = yard.start()
    for folder in (yard.settings.folder, yard.settings.folder / compute.compute_id):
        assert folder.stat().st_mode & 0o077 == 0
    compute.stop()


def test_user_code_cannot_keep_its_folder_from_being_deleted(yard: Yard) -> None:
    compute = yard.start()
    session = compute.open_session(ME, parameters={})
    session.execute("import os; os.makedirs(os.environ['HOME'] + '/a/b'); os.chmod(os.environ['HOME'] + '/a', 0)")
    compute.stop()
    yard.engine.stop_all()
    assert not list((yard.settings.folder / ".engine" / "trash").iterdir())


def test_a_library_that_replaces_what_the_image_brings(yard: Yard, index: LoopbackIndex) -> None:
    index.add(wheel("six", "99.0", files={"six.py": "__version__ = '99.0'"}))
    compute = yard.start(default=sources(index.url))
    compute.install(["six==99.0"], index_url=None, on_line=lambda _line: None)
    session = compute.open_session(ME, parameters={})
    source = "import six, importlib.metadata as m; print(six.__version__, m.version('six'))"
    assert session.execute(source).text == "99.0 99.0\n"
    compute.stop()
