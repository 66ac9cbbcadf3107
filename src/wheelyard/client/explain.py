"""Which index wins on compute or on this machine: observe, then ask the one function that decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.client.local import local_layers
from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.explanation import Explanation, explain
from wheelyard.core.pip.installer import Installer

__all__ = ["explain_compute", "explain_here", "installed_pip"]


def explain_compute(
    view: ComputeView, words: Sequence[str] = (), requirements: Mapping[str, str] | None = None
) -> Explanation:
    """The answer for observed compute and one command line of its installer.

    `requirements` is the text of requirements files by the path the command names them with.
    """
    return explain(view, layers_of(view), words, requirements)


def explain_here(
    installer: Installer,
    words: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    home: Path,
    prefix: Path | None,
) -> Explanation:
    """The answer for this machine: its files, this environment, this folder's requirements files.

    `prefix` is `sys.prefix` of the interpreter that would run pip; its `pip.conf` is the site file.
    """
    layers = local_layers(installer, words, environ=environ, cwd=cwd, home=home, prefix=prefix)
    view = ComputeView(name="this machine", kind="local", installer=installer)
    return explain(view, layers)


def installed_pip(prefix: Path) -> Installer | None:
    """The pip that an environment holds; None when it has none."""
    found = sorted(prefix.glob("lib/python*/site-packages/pip-*.dist-info"))
    return Installer.parse(f"pip=={found[-1].name.removeprefix('pip-').removesuffix('.dist-info')}") if found else None
