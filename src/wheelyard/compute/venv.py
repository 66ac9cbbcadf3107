"""Virtual environments made by hand, each on top of others.

One is only a handful of links and a `.pth` file, so it is made in a millisecond. pip, started with its interpreter,
sees what lies below as installed, installs and upgrades into the upper one, and refuses to remove what lies below.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wheelyard.compute.machine import Interpreter

__all__ = ["make_venv", "site_packages_of"]


def site_packages_of(path: Path, interpreter: Interpreter) -> Path:
    """Where an environment keeps its packages."""
    return path / "lib" / interpreter.name / "site-packages"


def make_venv(path: Path, interpreter: Interpreter, *, below: Path, also: Iterable[Path] = ()) -> None:
    """Make an empty environment in a new folder.

    Args:
        path: its folder.
        interpreter: the Python it is based on.
        below: the site-packages folder it stands on, whose `.pth` files are read, too.
        also: further folders to import from.
    """
    site_packages = site_packages_of(path, interpreter)
    site_packages.mkdir(parents=True)
    (path / "lib64").symlink_to("lib")
    (path / "pyvenv.cfg").write_text(
        f"home = {interpreter.executable.parent}\n"
        "implementation = CPython\n"
        f"version_info = {interpreter.text}\n"
        "include-system-site-packages = false\n"
        "relocatable = true\n"
    )
    programs = path / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(interpreter.executable)
    for name in ("python3", interpreter.name):
        (programs / name).symlink_to("python")
    lines = [f"import site; site.addsitedir({str(below)!r})", *map(str, also)]
    (site_packages / "_below.pth").write_text("\n".join(lines) + "\n")
