"""The session's identity under the name that the SDK and notebooks look for.

Source: databricks-sdk-py `databricks/sdk/runtime/__init__.py`, `init_runtime_repl_auth`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .session import current

__all__ = ["ReplContext", "get_context"]


@dataclass(frozen=True)
class ReplContext:
    """Databricks' names; `workspaceUrl` has no scheme."""

    workspaceUrl: str  # noqa: N815
    apiUrl: str  # noqa: N815
    apiToken: str = field(repr=False)  # noqa: N815
    workspaceId: str  # noqa: N815
    user: str
    clusterId: str  # noqa: N815
    isInCluster: bool = True  # noqa: N815
    isInJob: bool = False  # noqa: N815


def get_context() -> ReplContext | None:
    """None in a process without a session."""
    session = current()
    if session is None:
        return None
    return ReplContext(
        workspaceUrl=urlsplit(session.host).netloc,
        apiUrl=session.host,
        apiToken=session.token,
        workspaceId=session.workspace_id,
        user=session.user,
        clusterId=session.cluster_id,
    )
