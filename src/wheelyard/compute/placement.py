"""Puts what `core.pip.environment` decided where pip and uv find it.

Each placement has a folder of its own, so that a process keeps what it was started with when the settings change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelyard.compute.sandbox import Sandbox
from wheelyard.core.pip.environment import PipEnvironment, PipPaths
from wheelyard.core.redaction import Secret

__all__ = ["Placement", "place_settings"]

_PEOPLE = """\
root:x:0:0:root:/root:/usr/sbin/nologin
spark:x:1000:1000:compute:/tmp:/bin/bash
nobody:x:65534:65534::/:/usr/sbin/nologin
"""
_GROUP = "root:x:0:\nspark:x:1000:\nnogroup:x:65534:\n"


@dataclass(frozen=True, slots=True)
class Placement:
    """One placement of pip's settings.

    Args:
        folder: holds the files; processes read it at its own path.
        variables: what they add to the environment.
        placed: what they see elsewhere, as in `View.placed`.
        conf: text of the global pip file; empty for none.
    """

    folder: Path
    variables: Mapping[str, Secret[str]]
    placed: Mapping[str, Path]
    conf: Secret[str]


def place_settings(
    folder: Path,
    sandbox: Sandbox,
    roots: Path,
    machine_index: Secret[str] | None,
    ask: Callable[[PipPaths], PipEnvironment],
) -> Placement:
    """Write the certificate bundle and the global pip file into a new folder.

    In a sandbox the global file is `/etc/pip.conf`. Without one it is `pip/pip.conf` below `XDG_CONFIG_DIRS`, which pip
    reads at the same level but *before* this machine's own `/etc/pip.conf`: where that file sets an option, it wins.
    """
    folder.mkdir(parents=True, mode=0o700)
    bundle = folder / "certificates.pem"
    confined = sandbox.name != "none"
    conf = folder / "pip.conf" if confined else folder / "xdg" / "pip" / "pip.conf"
    inside = "/etc/pip.conf" if confined else str(conf)
    pip = ask(PipPaths(global_conf=inside, certificate_bundle=str(bundle), machine_index=machine_index))
    bundle.write_bytes(_bundle(roots, pip.certificate))
    variables = dict(pip.variables)
    placed: dict[str, Path] = {}
    if pip.global_conf is not None:
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.touch(mode=0o600)
        conf.write_text(pip.global_conf.reveal(), encoding="utf-8")
        placed = {inside: conf} if confined else {}
    if not confined:
        variables["XDG_CONFIG_DIRS"] = Secret(str(folder / "xdg"))
    return Placement(folder, variables, {**placed, **_people(folder)}, pip.global_conf or Secret(""))


def _bundle(roots: Path, certificate: str | None) -> bytes:
    content = roots.read_bytes()
    if certificate is None:
        return content
    return content.rstrip(b"\n") + b"\n" + certificate.strip().encode() + b"\n"


def _people(folder: Path) -> dict[str, Path]:
    """The two files by which programs find out who they are."""
    passwd, group = folder / "passwd", folder / "group"
    passwd.write_text(_PEOPLE)
    group.write_text(_GROUP)
    return {"/etc/passwd": passwd, "/etc/group": group}
