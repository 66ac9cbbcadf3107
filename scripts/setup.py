"""Make `.venv` ready: the one step behind every `make` target.

Needs only Python 3.11+ and a package index that pip can reach; quick when nothing changed. The index is whatever pip's
own configuration on this machine names, so proxies and mirrors just work; uv, which reads none of it, is told through
its own variables. With `--for test` it also prepares what the tests drive: other versions of pip, the newest SDK, and
PostgreSQL and Chromium from the system's packages.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TOOLS = ROOT / ".tools"
LOCK = ROOT / "requirements" / "dev.lock"
BOOTSTRAP = ROOT / "requirements" / "bootstrap.lock"
SYSTEM_PACKAGES = {
    "run": {"bubblewrap": "bwrap"},
    "test": {"bubblewrap": "bwrap", "chromium": "chromium", "postgresql": "/usr/lib/postgresql"},
}


def main() -> int:
    parser = argparse.ArgumentParser(description="prepare .venv and what the targets need")
    parser.add_argument("--for", dest="purpose", choices=["run", "test"], default="run")
    purpose = parser.parse_args().purpose
    if sys.version_info < (3, 11):  # noqa: UP036 # this file is what a too old Python is told by
        return fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}", "make PYTHON=python3.12 …")
    started = time.monotonic()
    try:
        make_venv()
        install_locked()
        system_packages(SYSTEM_PACKAGES[purpose])
        script("wheelhouse.py")
        if purpose == "test":
            script("newest_sdk.py")
    except subprocess.CalledProcessError as error:
        return fail(f"`{error.cmd[0]} {error.cmd[1]} …` ended with status {error.returncode}", "see the lines above")
    say(f"ready in {time.monotonic() - started:.0f} s")
    return 0


def make_venv() -> None:
    works = [PYTHON, "-c", "import pip"]
    if PYTHON.exists() and subprocess.run(works, check=False, capture_output=True).returncode == 0:
        return
    say("making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(VENV)])


def install_locked() -> None:
    """Install exactly what the lock names; skipped when the stamp says that it is there."""
    stamp = VENV / ".installed"
    wanted = hashlib.sha256(b"".join(p.read_bytes() for p in (LOCK, BOOTSTRAP, ROOT / "pyproject.toml"))).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("installing the locked packages")
    run([str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(BOOTSTRAP)])
    uv = [str(VENV / "bin" / "uv"), "--quiet", "pip"]
    environment = os.environ | uv_settings() | {"VIRTUAL_ENV": str(VENV)}
    try:
        run([*uv, "sync", "--require-hashes", str(LOCK)], environment)
        run([*uv, "install", "--no-deps", "--no-build-isolation", "-e", str(ROOT)], environment)
    except subprocess.CalledProcessError:
        say("uv could not; pip tries with its own settings")
        run([str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)])
        run([str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    stamp.write_text(wanted)


def uv_settings() -> dict[str, str]:
    """Say pip's index and certificate of this machine in uv's words."""
    settings = {}
    for name, option in (("UV_DEFAULT_INDEX", "index-url"), ("UV_EXTRA_INDEX_URL", "extra-index-url")):
        if (value := pip_option(option)) and name not in os.environ:
            settings[name] = value
    if "SSL_CERT_FILE" not in os.environ and (certificate := pip_option("cert")):
        settings["SSL_CERT_FILE"] = certificate
    return settings


def pip_option(option: str) -> str:
    if value := os.environ.get("PIP_" + option.upper().replace("-", "_")):
        return value
    answer = subprocess.run(
        [PYTHON, "-m", "pip", "config", "get", f"global.{option}"], check=False, capture_output=True, text=True
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""


def system_packages(wanted: dict[str, str]) -> None:
    missing = [name for name, probe in wanted.items() if not (shutil.which(probe) or Path(probe).is_dir())]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(f"not installed: {', '.join(missing)} (as root on Debian this would be done here); going on without")
        return
    say(f"installing {', '.join(missing)} from the system's packages")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    environment = os.environ | quiet
    subprocess.run(["apt-get", "-qq", "update"], check=False, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing],
        check=False,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        say(f"the system's packages could not be installed; going on without {', '.join(missing)}")


def script(name: str) -> None:
    run([str(PYTHON), str(ROOT / "scripts" / name)])


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=environment, cwd=ROOT)


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def fail(what: str, hint: str) -> int:
    print(f"error: setup-failed\n  {what}\n  hint: {hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
