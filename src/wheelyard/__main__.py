"""`python -m wheelyard` is `wheelyard`."""

from __future__ import annotations

import sys

from wheelyard.cli import main

if __name__ == "__main__":
    sys.exit(main())
