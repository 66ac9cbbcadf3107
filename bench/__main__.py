"""`make bench`, or `python -m bench [NAME …]`: run the benchmarks and print one table a benchmark."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

import bench


def names() -> list[str]:
    return sorted(found.name for found in pkgutil.iter_modules(bench.__path__) if not found.name.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *names()], help="all, if none is named")
    wanted = parser.parse_args().name or names()
    for name in wanted:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
