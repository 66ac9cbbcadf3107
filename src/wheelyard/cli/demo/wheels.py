"""Small wheels, made in place without a build backend, so that the demo needs no index to have something private."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

__all__ = ["Project", "build_wheel"]

_EPOCH = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Project:
    """A pure Python project: one module and what it needs."""

    name: str
    version: str
    module: str
    source: str
    summary: str
    requires: tuple[str, ...] = ()
    extra_fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def distribution(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"


def build_wheel(project: Project, folder: Path) -> Path:
    """Write the wheel into a folder and return its path; the same project gives the same bytes."""
    info = f"{project.distribution}.dist-info"
    files = {
        f"{project.module}.py": project.source.encode(),
        f"{info}/METADATA": _metadata(project).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: wheelyard-demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},{_digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    target = folder / f"{project.distribution}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return target


def _metadata(project: Project) -> str:
    fields = [
        ("Metadata-Version", "2.1"),
        ("Name", project.name),
        ("Version", project.version),
        ("Summary", project.summary),
        ("Requires-Python", ">=3.9"),
        *(("Requires-Dist", requirement) for requirement in project.requires),
        *project.extra_fields.items(),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields)


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
