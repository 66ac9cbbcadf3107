"""The composition root of the embedded workspace: settings -> adapters -> services -> app.

`wheelyard up`, the tests and the pytest plugin all build their workspace here, with other adapters where they need them;
nothing else knows how the rooms fit together. Opening is quick: it opens the database and loads nothing.
"""

from __future__ import annotations

import json
import os
import secrets as randomness
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from wheelyard.compute.engine import Engine, EngineSettings
from wheelyard.control import ROOMS
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.command_execution.service import Commands
from wheelyard.control.feeds.service import Feeds
from wheelyard.control.jobs.service import Jobs
from wheelyard.control.libraries.service import Libraries
from wheelyard.control.logs.service import Logs
from wheelyard.control.oauth.service import OAuth
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.probes.service import Probes
from wheelyard.control.scim.service import Directory
from wheelyard.control.secrets.service import Secrets
from wheelyard.control.tokens.service import Tokens
from wheelyard.control.workspace.service import Workspace
from wheelyard.core.redaction import Secret
from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.migrations import migrate

__all__ = ["EmbeddedWorkspace", "Settings", "open_workspace"]


def default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wheelyard"


def default_cache_dir() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wheelyard"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an embedded workspace is built from.

    Args:
        data_dir: folder of this workspace, made with mode 0700; holds the key ring, the database and the blobs.
        cache_dir: environments shared by all workspaces of this user; holds no secret.
        database_url: `postgresql+psycopg://…`, or empty for SQLite in the data folder.
        blobs_url: `s3://…`, `az://…`, `gs://…`, or empty for a folder in the data folder.
        wheelhouse: wheels to build runtime images from, instead of the machine's package index.
        sandbox: see `EngineSettings`.
        admin: user name of the first admin.
    """

    data_dir: Path = field(default_factory=default_data_dir)
    cache_dir: Path = field(default_factory=default_cache_dir)
    database_url: str = ""
    blobs_url: str = ""
    wheelhouse: Path | None = None
    sandbox: Literal["auto", "bubblewrap", "none"] = "auto"
    admin: str = "admin@wheelyard.example"


class EmbeddedWorkspace:
    """An opened workspace: its ASGI app, and what whoever serves it must know."""

    def __init__(
        self,
        *,
        app: ASGIApp,
        workspace_id: str,
        admin_token: Secret[str],
        sandbox: str,
        issue_token: Callable[[str], Secret[str]],
        close: Callable[[], None],
    ) -> None:
        self.app = app
        self.workspace_id = workspace_id
        self.admin_token = admin_token
        self.sandbox = sandbox
        self.issue_token = issue_token
        """Makes a token for a principal id without asking whether the caller may: for whoever owns the data folder."""
        self._close = close
        self._closed = False

    def close(self) -> None:
        """Stop compute and write what is left. Closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
