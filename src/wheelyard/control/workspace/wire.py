"""Bodies of `/api/2.0/workspace*`, spelled as the API spells them.

Source: databricks-sdk-py `service/workspace.py`; workspace-api facts 11.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Delete",
    "Export",
    "Exported",
    "FileContent",
    "GetStatus",
    "Import",
    "ImportFile",
    "Language",
    "ListObjects",
    "ObjectInfo",
    "ObjectType",
    "Objects",
    "OnPath",
]

Language = Literal["PYTHON", "SCALA", "SQL", "R"]
ObjectType = Literal["DIRECTORY", "NOTEBOOK", "FILE"]
ImportFormat = Literal["SOURCE", "HTML", "JUPYTER", "DBC", "R_MARKDOWN", "RAW", "AUTO"]
ExportFormat = ImportFormat


class OnPath(msgspec.Struct, frozen=True):
    """The body of every call that names one path."""

    path: str


class GetStatus(OnPath, frozen=True):
    """`return_git_info` is read and has no effect: nothing here is in a Git folder."""

    return_export_info: bool = False
    return_git_info: bool = False


class ListObjects(OnPath, frozen=True):
    """`notebooks_modified_after` is milliseconds since the epoch; it leaves directories and files alone."""

    notebooks_modified_after: int = 0


class ObjectInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object. `language` is set for notebooks, `size` for files; times are milliseconds since the epoch."""

    object_type: ObjectType
    path: str
    object_id: int
    resource_id: str
    created_at: int
    modified_at: int
    language: Language | None = None
    size: int | None = None
    repos_export_format: str | None = None


class Objects(msgspec.Struct, frozen=True):
    """A directory's children, or the one object that is no directory."""

    objects: list[ObjectInfo]


class Delete(OnPath, frozen=True):
    """Deleting a directory that holds something needs `recursive`."""

    recursive: bool = False


class Export(OnPath, frozen=True):
    """With `direct_download` the answer is the bytes themselves."""

    format: ExportFormat = "SOURCE"
    direct_download: bool = False


class Exported(msgspec.Struct, frozen=True):
    """`content` is base64, `file_type` the extension the content would have as a file."""

    content: bytes
    file_type: str


class Import(OnPath, frozen=True):
    """`content` is base64 in a JSON body and the bytes themselves in a form's file part."""

    content: bytes = b""
    format: ImportFormat = "SOURCE"
    language: Language | None = None
    overwrite: bool = False


class ImportFile(OnPath, frozen=True):
    """`path` is the rest of the URL with its leading slash cut off; `content` is the request body as it came."""

    content: bytes = b""
    overwrite: bool = False


class FileContent(msgspec.Struct, frozen=True):
    """Stands for an answer of raw bytes."""
