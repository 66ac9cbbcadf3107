"""The overlay: a virtual environment of one session's or one program's own, on top of the compute's.

It is only a handful of links and a `.pth` file, so it is made in a millisecond. pip, started with its interpreter, sees
the compute's packages as installed, installs and upgrades into the overlay, and refuses to remove what lies below: what
notebook-scoped libraries do on a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.compute.environments import Environment

__all__ = ["RUNTIME_SUPPORT", "Overlay", "make_overlay"]

RUNTIME_SUPPORT = Path(__file__).parent / "runtime_support"
"""Import path of the code that runs inside kernels and programs."""

_PIP = '#!/bin/sh\nexec "$(dirname -- "$(realpath -- "$0")")"/python -m pip "$@"\n'


@dataclass(frozen=True, slots=True)
class Overlay:
    """An overlay at `path` on the environment `below`."""

    path: Path
    below: Environment

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def search_path(self) -> str:
        """In the form of `PATH`: the overlay's programs before the compute's."""
        return f"{self.path / 'bin'}:{self.below.path / 'bin'}"


def make_overlay(path: Path, below: Environment, uv: Path) -> Overlay:
    """Make an empty overlay in a new folder, with `pip` and `uv` on its search path."""
    interpreter = below.interpreter
    site_packages = path / "lib" / interpreter.name / "site-packages"
    site_packages.mkdir(parents=True)
    (path / "lib64").symlink_to("lib")
    programs = path / "bin"
    programs.mkdir()
    (path / "pyvenv.cfg").write_text(
        f"home = {interpreter.executable.parent}\n"
        "implementation = CPython\n"
        f"version_info = {interpreter.text}\n"
        "include-system-site-packages = false\n"
    )
    (programs / "python").symlink_to(interpreter.executable)
    for name in ("python3", interpreter.name):
        (programs / name).symlink_to("python")
    (programs / "uv").symlink_to(uv)
    for name in ("pip", "pip3"):
        script = programs / name
        script.write_text(_PIP)
        script.chmod(0o755)
    # `addsitedir` and not the bare path, so that the `.pth` files of the compute's own libraries are read, too.
    (site_packages / "_compute.pth").write_text(
        f"import site; site.addsitedir({str(below.site_packages)!r})\n{RUNTIME_SUPPORT}\n"
    )
    return Overlay(path, below)
