"""Install the newest databricks-sdk that resolves, beside the pinned one.

The tests of `tests/clients` run once with each. pip uses the machine's own index configuration. Where the index lags
behind what the newest release needs, pip goes back to an older one; if that is the pinned one, the newest is taken
without its dependencies, which the environment of the pinned one has. Prints the version.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions, version
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / ".tools" / "databricks-sdk-newest"


def installed_version(target: Path) -> str | None:
    """Version of the SDK in a folder that pip installed into, `None` without one."""
    found = distributions(name="databricks-sdk", path=[str(target)])
    return next((each.version for each in found), None)


def install(target: Path) -> str:
    """Install into a new folder and put it in place at once, so that a stopped set-up leaves the old one or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".sdk-", dir=target.parent) as folder:
        fresh = Path(folder) / "sdk"
        _pip_install(fresh)
        if installed_version(fresh) == version("databricks-sdk"):
            _pip_install(fresh, "--no-deps")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    found = installed_version(target)
    if found is None:
        raise SystemExit(f"error: pip installed no databricks-sdk into {target}")
    return found


def _pip_install(folder: Path, *options: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", *options)
    subprocess.run((*command, "--target", str(folder), "databricks-sdk"), check=True)


def main() -> None:
    """Install unless it is there already."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--refresh", action="store_true", help="install again")
    refresh: bool = parser.parse_args().refresh
    found = None if refresh else installed_version(TARGET)
    print(f"databricks-sdk (newest): {found or install(TARGET)}")


if __name__ == "__main__":
    main()
