"""Makes `WorkspaceClient()` without arguments work in user code.

Source: databricks-sdk-py `databricks/sdk/credentials_provider.py`, `_runtime_native_auth`.
"""

from __future__ import annotations

from collections.abc import Callable

from .session import current

__all__ = ["init_runtime_native_auth", "init_runtime_native_unified"]

Headers = Callable[[], dict[str, str]]


def _headers() -> dict[str, str]:
    session = current()
    return {} if session is None else {"Authorization": f"Bearer {session.token}"}


def init_runtime_native_unified() -> tuple[str | None, str | None, str | None, Headers | None]:
    """Host, account id, workspace id, and what gives the headers of a request."""
    session = current()
    if session is None:
        return None, None, None, None
    return session.host, None, session.workspace_id, _headers


def init_runtime_native_auth() -> tuple[str | None, Headers | None]:
    """As above for SDKs that know neither account nor workspace id."""
    session = current()
    return (None, None) if session is None else (session.host, _headers)
