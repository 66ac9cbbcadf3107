"""Workspace files for compute: what the acting principal may read, and nothing else."""

from __future__ import annotations

from wheelyard.compute.engine import Compute, StagedFile
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import WorkspaceFiles

__all__ = ["stage_workspace", "workspace_path"]


def stage_workspace(compute: Compute, workspace: WorkspaceFiles, caller: Caller) -> None:
    """Put every workspace file the caller may read below `/Workspace` of this compute."""
    compute.stage([StagedFile(workspace_path(path), read()) for path, read in workspace.readable_files(caller)])


def workspace_path(path: str) -> str:
    """The long form of a workspace path.

    >>> workspace_path("/Users/ana@example.com/x.py")
    '/Workspace/Users/ana@example.com/x.py'
    """
    return path if path.startswith("/Workspace/") else f"/Workspace{path}"
