"""Install the newest databricks-sdk that resolves, beside the pinned one.

The tests of `tests/clients` run once with each. pip uses the machine's own index configuration; where the index lags
behind what the newest release needs, pip goes back to one that resolves, and that one is taken. Prints the version.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
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
        command = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade")
        subprocess.run((*command, "--target", str(fresh), "databricks-sdk"), check=True)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    version = installed_version(target)
    if version is None:
        raise SystemExit(f"error: pip installed no databricks-sdk into {target}")
    return version


def main() -> None:
    """Install unless it is there already."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--refresh", action="store_true", help="install again")
    refresh: bool = parser.parse_args().refresh
    version = None if refresh else installed_version(TARGET)
    print(f"databricks-sdk (newest that resolves): {version or install(TARGET)}")


if __name__ == "__main__":
    main()
