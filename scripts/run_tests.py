"""All tests, two at a time, then one line of counts.

Tests that share a heavy thing (compute, a PostgreSQL) are kept on one worker by their folder; the rest is spread. What
follows on the command line goes to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    workers = os.environ.get("WHEELYARD_TEST_WORKERS") or str(min(os.cpu_count() or 1, 4))
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadfile", *sys.argv[1:]]
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
