"""The real installers, each in a sandbox whose `/etc` is ours: pip of several versions and the pinned uv."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

WORKER = Path(__file__).with_name("pip_worker.py")
_KEPT_OF_ETC = ("passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache", "localtime")


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run ended, and what it printed."""

    exit_code: int
    output: str


class Runner(Protocol):
    """One real installer."""

    etc: Path

    def run(self, arguments: Sequence[str], environ: Mapping[str, str], cwd: Path, prefix: Path) -> Ran: ...

    def close(self) -> None: ...


def bubblewrap_works() -> bool:
    program = shutil.which("bwrap")
    if program is None:
        return False
    tried = subprocess.run([program, "--bind", "/", "/", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def sandbox(etc: Path) -> list[str]:
    """Words in front of a command that make `etc` its `/etc`; none where bubblewrap does not work."""
    if not bubblewrap_works():
        return []
    program = shutil.which("bwrap") or "bwrap"
    return [program, "--die-with-parent", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--bind", str(etc), "/etc"]


def make_etc(folder: Path) -> Path:
    """An `/etc` with what a dynamic linker and a name lookup need, and no pip.conf."""
    folder.mkdir(parents=True)
    for name in _KEPT_OF_ETC:
        source = Path("/etc", name)
        if source.exists():
            shutil.copyfile(source, folder / name)
    return folder


def clear_etc(etc: Path) -> None:
    """Take away what an earlier case put there."""
    for name in ("pip.conf", "uv/uv.toml"):
        (etc / name).unlink(missing_ok=True)


class PipRunner:
    """One version of pip, warm: a worker process that forks for each run."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.etc = make_etc(folder / "etc")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "pip")
        self._process = subprocess.Popen(
            [*sandbox(self.etc), sys.executable, "-I", str(WORKER), str(folder / "pip")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin"},
            text=True,
        )

    def run(self, arguments: Sequence[str], environ: Mapping[str, str], cwd: Path, prefix: Path) -> Ran:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        case = {"arguments": list(arguments), "environ": dict(environ), "cwd": str(cwd), "prefix": str(prefix)}
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return Ran(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()


class UvRunner:
    """The uv beside this interpreter."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.etc = make_etc(folder / "etc")
        self._program = program
        self._front = sandbox(self.etc)

    def run(self, arguments: Sequence[str], environ: Mapping[str, str], cwd: Path, prefix: Path) -> Ran:  # noqa: ARG002
        done = subprocess.run(
            [*self._front, str(self._program), *arguments],
            env=dict(environ),
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout + done.stderr)

    def close(self) -> None:
        """Nothing runs between two runs."""
