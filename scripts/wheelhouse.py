"""Fill `.tools/wheelhouse`: the wheels that runtime images are built from, and small ones the tests install.

Run by `.venv`'s Python; pip downloads with whatever this machine's own configuration says, once for each Python that
images will use, exactly what the locks name. Quick when nothing changed. `--lock` resolves the locks again (for
maintainers).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from uv import find_uv_bin

from wheelyard.compute.images import KERNEL_LOCK
from wheelyard.compute.machine import Interpreter, find_interpreters, nearest
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS, RUNTIMES

ROOT = Path(__file__).resolve().parent.parent
WHEELHOUSE = ROOT / ".tools" / "wheelhouse"
STAMP = WHEELHOUSE / ".filled"
LOCK = ROOT / "requirements" / "wheelhouse.lock"
BATCH = "# batch: "

KERNEL_REQUIREMENTS = ("databricks-sdk", "ipykernel", "setuptools", "wheel")
PIP_VERSIONS = ("22.3.1", "23.2.1", "24.0", "24.2", "25.0.1", "25.3", "")
"""Those of the runtime versions, those whose rules differ, and the newest."""
TEST_REQUIREMENTS = ("flit-core", "hatchling", "iniconfig", "packaging")


def main() -> int:
    """Fill the wheelhouse, or make its locks; the exit code."""
    parser = argparse.ArgumentParser(description="fill .tools/wheelhouse")
    parser.add_argument("--lock", action="store_true", help="resolve the locks again")
    if parser.parse_args().lock:
        lock()
        return 0
    pythons = wanted_pythons()
    if not pythons:
        print("error: no-python\n  no Python 3.10 or newer was found", file=sys.stderr)
        return 1
    wanted = fingerprint(pythons)
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    started = time.monotonic()
    WHEELHOUSE.mkdir(parents=True, exist_ok=True)
    for name, text in batches():
        if not download(name, text, pythons[:1]):
            return 1
    if not download("kernel packages", KERNEL_LOCK.read_text(), pythons):
        return 1
    STAMP.write_text(wanted)
    print(f"wheelhouse: {len(list(WHEELHOUSE.glob('*.whl')))} wheels in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def wanted_pythons() -> list[Interpreter]:
    """The nearest Python to that of each runtime, each once."""
    here = find_interpreters()
    wanted = sorted({row.python for row in RUNTIMES} | {row.python for row in ENVIRONMENT_VERSIONS})
    found = [nearest(python, here) for python in wanted]
    return list(dict.fromkeys(one for one in found if one is not None))


def fingerprint(pythons: list[Interpreter]) -> str:
    """What the wheelhouse holds when it is filled."""
    parts = [KERNEL_LOCK.read_bytes(), LOCK.read_bytes(), *(one.text.encode() for one in pythons)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def batches() -> Iterator[tuple[str, str]]:
    """The parts of the lock; each holds a project once, so pip can read it."""
    for part in LOCK.read_text().split(BATCH)[1:]:
        name, _, text = part.partition("\n")
        yield name, text


def download(name: str, text: str, pythons: list[Interpreter]) -> bool:
    """Download one batch; false when pip could not."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
        file.write(text)
    requirements = Path(file.name)
    try:
        return all(download_for(name, requirements, python) for python in pythons)
    finally:
        requirements.unlink()


def download_for(name: str, requirements: Path, python: Interpreter) -> bool:
    """Download with the pip of `.venv`, run by the Python whose wheels are wanted."""
    print(f"wheelhouse: {name} for Python {python.text}", flush=True)
    command = [
        *(sys.executable, "-m", "pip", "--python", str(python.executable), "download", "--quiet", "--no-deps"),
        *("--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"),
        *("--dest", str(WHEELHOUSE), "-r", str(requirements)),
    ]
    done = subprocess.run(command, check=False)
    if done.returncode:
        print(f"error: wheelhouse-incomplete\n  {name} could not be downloaded, see the lines above", file=sys.stderr)
    return done.returncode == 0


def lock() -> None:
    """Resolve both locks: hashes, and no index URL."""
    KERNEL_LOCK.write_text(compiled(KERNEL_REQUIREMENTS, "--universal", "--python-version", "3.10"))
    parts = ["# Made by scripts/wheelhouse.py --lock: wheels for tests and for every pip a runtime brings.\n"]
    for version in PIP_VERSIONS:
        text = compiled((f"pip=={version}" if version else "pip",), "--no-deps", "--python-version", "3.11")
        found = re.search(r"^pip==(\S+)", text, re.MULTILINE)
        parts.append(f"{BATCH}pip {found[1] if found else version}\n{text}")
    parts.append(f"{BATCH}test packages\n{compiled(TEST_REQUIREMENTS, '--universal', '--python-version', '3.11')}")
    LOCK.write_text("".join(parts))


def compiled(requirements: tuple[str, ...], *options: str) -> str:
    """Exact versions with hashes, by uv."""
    words = ("--quiet", "--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "-")
    command = [find_uv_bin(), "pip", "compile", *options, *words]
    return subprocess.run(command, input="\n".join(requirements), text=True, check=True, capture_output=True).stdout


if __name__ == "__main__":
    sys.exit(main())
