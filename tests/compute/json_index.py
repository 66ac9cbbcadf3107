"""A loopback index whose pages are JSON and name the metadata, as those of today's indexes do."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

from packaging.utils import canonicalize_name
from tests.compute.loopback_index import LoopbackIndex

__all__ = ["JsonIndex"]

JSON = "application/vnd.pypi.simple.v1+json"


class JsonIndex(LoopbackIndex):
    """`told` overrides what a page says of a file, by file name; a key with None is left out."""

    page_type = JSON

    def __init__(self, **options: Any) -> None:
        self.told: dict[str, dict[str, Any]] = {}
        super().__init__(**options)

    def page(self, project: str) -> str:
        wanted = project.strip("/")
        files = [self._entry(name) for name in self.files if canonicalize_name(name.split("-")[0]) == wanted]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": wanted, "files": files}) if files else ""

    def file(self, name: str) -> bytes | None:
        if name.endswith(".metadata") and name not in self.files:
            wheel = self.files.get(name.removesuffix(".metadata"))
            return None if wheel is None else _metadata(wheel)
        return super().file(name)

    def _entry(self, name: str) -> dict[str, Any]:
        content = self.files[name]
        entry: dict[str, Any] = {
            "filename": name,
            "url": f"../../files/{name}",
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()} if self.hashes else {},
        }
        if name.endswith(".whl"):
            entry["core-metadata"] = {"sha256": hashlib.sha256(_metadata(content)).hexdigest()}
        entry |= self.told.get(name, {})
        return {key: value for key, value in entry.items() if value is not None}


def _metadata(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))
