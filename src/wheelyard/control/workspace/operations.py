"""The endpoints of the workspace API, and who may call each.

Source: workspace-api facts 11.
"""

from __future__ import annotations

from types import MappingProxyType

from wheelyard.control.caller import Caller
from wheelyard.control.operation import Empty, Need, Operation, Quirks
from wheelyard.control.workspace import wire
from wheelyard.control.workspace.access import Level
from wheelyard.control.workspace.service import NotebookExists, ProtectedDirectory, Workspace
from wheelyard.core.errors import AlreadyExists, LimitExceeded

__all__ = ["OPERATIONS", "on_path"]


def on_path(level: Level, *, cut_slash: bool = False) -> Need:
    """The caller must hold `level` on the object that the body's path names, itself or through a directory above.

    Args:
        level: the least level.
        cut_slash: the path comes from the URL, without its leading slash.
    """

    def check(service: Workspace, caller: Caller, body: wire.OnPath) -> None:
        service.require(caller, f"/{body.path}" if cut_slash else body.path, level)

    return Need(f"{level} on the path", check)


def _may_mkdirs(service: Workspace, caller: Caller, body: wire.OnPath) -> None:
    service.require_mkdirs(caller, body.path)


TO_READ, TO_DELETE, TO_GET = on_path("CAN_READ"), on_path("CAN_MANAGE"), on_path("CAN_READ", cut_slash=True)
TO_MKDIRS = Need("CAN_EDIT on the directory above", _may_mkdirs)
TO_IMPORT = Need("CAN_EDIT on the path or its directory", Workspace.require_import)
TO_IMPORT_FILE = Need("CAN_EDIT on the path or its directory", Workspace.require_import_file)

_PROTECTED: Quirks = MappingProxyType({ProtectedDirectory: (400, "DIRECTORY_PROTECTED")})
_NOTEBOOK_SIZE: Quirks = MappingProxyType({LimitExceeded: (400, "MAX_NOTEBOOK_SIZE_EXCEEDED")})
_UPLOAD: Quirks = MappingProxyType(
    {
        LimitExceeded: (400, "MAX_CHILD_NODE_SIZE_EXCEEDED"),
        NotebookExists: (400, "RESOURCE_ALREADY_EXISTS"),
        AlreadyExists: (409, "RESOURCE_ALREADY_EXISTS"),
    }
)
_BASE = "/api/2.0/workspace"
_FILES = "/api/2.0/workspace-files"

OPERATIONS = (
    Operation("GET", f"{_BASE}/get-status", wire.GetStatus, wire.ObjectInfo, Workspace.get_status, TO_READ),
    Operation("GET", f"{_BASE}/list", wire.ListObjects, wire.Objects, Workspace.list_objects, TO_READ),
    Operation("POST", f"{_BASE}/mkdirs", wire.OnPath, Empty, Workspace.mkdirs, TO_MKDIRS),
    Operation("POST", f"{_BASE}/delete", wire.Delete, Empty, Workspace.delete, TO_DELETE, quirks=_PROTECTED),
    Operation("GET", f"{_BASE}/export", wire.Export, wire.Exported, Workspace.export, TO_READ, quirks=_NOTEBOOK_SIZE),
    Operation(
        "POST",
        f"{_BASE}/import",
        wire.Import,
        Empty,
        Workspace.import_object,
        TO_IMPORT,
        quirks=_NOTEBOOK_SIZE,
        form=True,
    ),
    Operation(
        "POST",
        f"{_FILES}/import-file/{{path...}}",
        wire.ImportFile,
        Empty,
        Workspace.import_file,
        TO_IMPORT_FILE,
        quirks=_UPLOAD,
        raw=True,
    ),
    Operation("GET", f"{_FILES}/{{path...}}", wire.OnPath, wire.FileContent, Workspace.get_file, TO_GET),
)
