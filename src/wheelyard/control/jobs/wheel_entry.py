"""The program that runs a wheel's entry point inside compute.

`python -c WHEEL_ENTRY package entry_point arguments…`.
"""

from __future__ import annotations

__all__ = ["WHEEL_ENTRY"]

WHEEL_ENTRY = """
import importlib, sys
from importlib import metadata

package, entry, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
sys.argv = [package, *arguments]
try:
    points = metadata.distribution(package).entry_points
except metadata.PackageNotFoundError:
    sys.exit(f"ModuleNotFoundError: Python package {package!r} is not installed on this compute")
found = sorted((point for point in points if point.name == entry), key=lambda point: point.group != "console_scripts")
if found:
    run = found[0].load()
else:
    try:
        run = getattr(importlib.import_module(package.replace("-", "_")), entry)
    except (ImportError, AttributeError):
        sys.exit(f"AttributeError: Python package {package!r} has no entry point {entry!r}")
run()
"""
"""A console script of that name, any other entry point of that name, or `package.entry_point()`.

Source: facts/workspace-api.md 10.2.
"""
