"""The overlay: an environment of one session's or one program's own, on top of the compute's.

What notebook-scoped libraries are on a cluster: installed for one, gone with it, and unable to harm the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.compute.environments import Environment
from wheelyard.compute.venv import make_venv

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
        return f"{self.path / 'bin'}:{self.below.search_path}"


def make_overlay(path: Path, below: Environment, uv: Path) -> Overlay:
    """Make an empty overlay in a new folder, with `pip` and `uv` on its search path."""
    make_venv(path, below.interpreter, below=below.site_packages, also=(RUNTIME_SUPPORT,))
    programs = path / "bin"
    (programs / "uv").symlink_to(uv)
    for name in ("pip", "pip3"):
        script = programs / name
        script.write_text(_PIP)
        script.chmod(0o755)
    return Overlay(path, below)
