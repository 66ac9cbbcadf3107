"""What is measured against: programs of the system's packages, and peers in environments of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.run import Absent, Run

__all__ = ["installing", "peer", "system_program"]

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_READY = ".ready"


def system_program(run: Run, name: str, package: str) -> Path | Absent:
    """A program of a Debian package, installed when it is missing and we may."""
    found = _which(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        run.say(f"installing {package} from the system's packages")
        _apt(package)
        found = _which(name)
    return Path(found) if found else Absent(f"{name} is not installed (apt-get install {package})")


def peer(run: Run, name: str, *packages: str) -> Path | Absent:
    """The folder of programs of an environment that holds a peer; pip's own configuration says where from."""
    with installing(run):
        return _peer(run, name, packages)


def _peer(run: Run, name: str, packages: tuple[str, ...]) -> Path | Absent:
    folder = run.tools / f"venv-{name}"
    stamp = folder / _READY
    if not stamp.exists() or stamp.read_text() != "\n".join(packages):
        run.say(f"installing {name}")
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
            subprocess.run([*pip, *packages], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            last = str(error.stderr or "").strip().splitlines()[-1:]
            return Absent(f"{name} could not be installed: {last[0] if last else error}")
        stamp.write_text("\n".join(packages))
    return folder / "bin"


@contextmanager
def installing(run: Run) -> Iterator[None]:
    """Several runs share the tools: one at a time looks what is missing and fetches it."""
    with (run.tools / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


def _apt(package: str) -> None:
    """`RUNLEVEL` keeps the package from starting a service of its own."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(["apt-get", "-qq", *words], check=False, env=environment, capture_output=True)
