"""Style sheet, scripts and icon: read once, served under paths that name their content, so browsers keep them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

__all__ = ["ASSETS", "Asset", "asset_path"]

_MEDIA_TYPES = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    path: str
    content: bytes
    media_type: str


def _load() -> dict[str, Asset]:
    loaded = {}
    for file in files("wheelyard.pages").joinpath("static").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _MEDIA_TYPES:
            content = file.read_bytes()
            path = f"/assets/{sha256(content).hexdigest()[:16]}/{file.name}"
            loaded[file.name] = Asset(path, content, _MEDIA_TYPES[suffix])
    return loaded


ASSETS = MappingProxyType(_load())
"""By file name."""


def asset_path(name: str) -> str:
    """Where a page finds an asset."""
    return ASSETS[name].path
