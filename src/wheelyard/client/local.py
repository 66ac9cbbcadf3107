"""What an installer on this machine would read: files, environment, command line and requirements files, as layers.

Every place is an argument, so that a test or another machine's files can be read the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer
from wheelyard.core.redaction import SafeUrl

__all__ = ["local_layers", "machine_certificate", "machine_index"]


def local_layers(
    installer: Installer,
    arguments: Sequence[str] = (),
    *,
    environ: Mapping[str, str],
    cwd: Path,
    home: Path,
    prefix: Path | None,
    etc_dir: Path = Path("/etc"),
) -> tuple[Layer, ...]:
    """Every layer that decides on this machine.

    Args:
        arguments: the installer's own command line, without the program: `install -r requirements.txt`.
        environ: of the process that would run the installer; only what an installer looks at is kept.
        prefix: `sys.prefix` of the interpreter that would run pip, for its site file; None leaves that file out.
        etc_dir: where `pip.conf` of all users lies; `xdg` below it is the default of `XDG_CONFIG_DIRS`.
    """
    raise NotImplementedError


def machine_index(environ: Mapping[str, str], *, home: Path, etc_dir: Path = Path("/etc")) -> SafeUrl | None:
    """The index that stands for the public one on this machine: what its pip configuration names; None for pip's built-in one."""
    raise NotImplementedError


def machine_certificate(environ: Mapping[str, str], *, home: Path, etc_dir: Path = Path("/etc")) -> str | None:
    """Path of the CA bundle that this machine's settings name for its installers, None for none."""
    raise NotImplementedError
