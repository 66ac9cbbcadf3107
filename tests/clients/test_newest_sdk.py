"""The same tests with the newest SDK that resolves; `scripts/newest_sdk.py` installs it beside the pinned one."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NEWEST = ROOT / ".tools" / "databricks-sdk-newest"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_client_test_passes_with_the_newest_sdk() -> None:
    found = next((each.version for each in distributions(name="databricks-sdk", path=[str(NEWEST)])), None)
    if found is None:
        pytest.skip("not installed: run scripts/newest_sdk.py")
    if found == version("databricks-sdk"):
        pytest.skip(f"the newest that resolves is the pinned one: {found}")
    environment = os.environ | {"PYTHONPATH": str(NEWEST)}
    asked = (sys.executable, "-c", "import databricks.sdk.version as v; print(v.__version__)")
    used = subprocess.run(asked, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert used.stdout.strip() == found
    tests = [str(path) for path in sorted(HERE.glob("test_*.py")) if path != Path(__file__).resolve()]
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"databricks-sdk {found}")  # noqa: T201 # the version that was tested belongs in the report
    assert done.returncode == 0, done.stdout[-20_000:]
