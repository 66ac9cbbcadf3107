"""The one way to start a process, and finding what a killed parent left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from wheelyard.compute.process import Command, Processes, ProcessTable, end_recorded
from wheelyard.compute.sandbox import NoSandbox, View
from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Redactor, Secret


@pytest.fixture
def table(tmp_path: Path) -> ProcessTable:
    return ProcessTable(Processes(NoSandbox(None)), tmp_path / "processes", Redactor((Secret("hidden-word"),)))


def command(*argv: str, stdin: bytes | None = None, cwd: Path = Path("/"), **variables: str) -> Command:
    environment = {name: Secret(value) for name, value in variables.items()}
    return Command(argv, environment, View(), cwd, None if stdin is None else Secret(stdin))


def test_the_environment_is_exact(table: ProcessTable) -> None:
    lines: list[str] = []
    assert table.run(command("/usr/bin/env", ONE="1", TWO="2"), lines.append) == 0
    assert sorted(lines) == ["ONE=1", "TWO=2"]


def test_standard_input_ends_after_what_is_handed_over(table: ProcessTable) -> None:
    lines: list[str] = []
    table.run(command("/bin/cat", stdin=b"one\ntwo"), lines.append)
    assert lines == ["one", "two"]


def test_output_is_redacted_and_the_exit_code_known(table: ProcessTable) -> None:
    lines: list[str] = []
    assert table.run(command("/bin/sh", "-c", "printf hidden-; printf 'word\\n' >&2; exit 7"), lines.append) == 7
    assert lines == ["[REDACTED]"]


def test_a_program_that_does_not_exist(table: ProcessTable) -> None:
    with pytest.raises(FileNotFoundError):
        table.start(command("/does/not/exist"))


def test_the_record_lives_as_long_as_the_process(table: ProcessTable, tmp_path: Path) -> None:
    process = table.start(command("/bin/sleep", "60"))
    assert [int(record.name) for record in (tmp_path / "processes").iterdir()] == [process.pid]
    process.kill()
    process.kill()
    assert not list((tmp_path / "processes").iterdir())


def test_closing_ends_all_and_starts_nothing_more(table: ProcessTable) -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(table.run(command("/bin/sleep", "60"), lambda _line: None)))
    thread.start()
    time.sleep(0.1)
    table.close()
    thread.join()
    assert results in ([-signal.SIGKILL], [])
    with pytest.raises(InvalidState):
        table.start(command("/bin/true"))


def test_waiting_can_time_out(table: ProcessTable) -> None:
    process = table.start(command("/bin/sleep", "60"))
    with pytest.raises(TimeoutError):
        process.wait(0.05)
    process.kill()


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as stranger:
        (tmp_path / str(stranger.pid)).write_text("another-boot 12345")
        assert end_recorded(tmp_path) == 0
        assert stranger.poll() is None
        assert not list(tmp_path.iterdir())
        stranger.kill()


def test_what_a_killed_parent_left_is_ended(tmp_path: Path) -> None:
    """Without a sandbox and without setpriv nothing else would end it."""
    records = tmp_path / "processes"
    program = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from wheelyard.compute.process import Command, Processes
        from wheelyard.compute.sandbox import NoSandbox, View
        processes = Processes(NoSandbox(None))
        process = processes.start(Command(("/bin/sleep", "600"), {{}}, View(), Path("/")), Path({str(records)!r}))
        print(process.pid, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    os.kill(orphan, 0)
    assert end_recorded(records) == 1
    assert not _alive(orphan)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
