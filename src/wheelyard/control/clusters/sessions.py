"""Whose code runs where: the short-lived identities that user code reaches the workspace with.

Each session gets a token of its own. It ends with the session, whatever the code did with it; and what a session reads
from a secret scope is hidden on the compute it runs on from then on.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wheelyard.compute.engine import Compute, Identity
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import SessionTokens
from wheelyard.core.redaction import Secret

__all__ = ["Sessions"]


class Sessions:
    """Open sessions of user code, by id."""

    def __init__(self, *, tokens: SessionTokens, host: Callable[[], str], workspace_id: str) -> None:
        self._tokens = tokens
        self._host = host
        self._workspace_id = workspace_id
        self._lock = threading.Lock()
        self._computes: dict[str, Compute] = {}

    def open(self, compute: Compute, caller: Caller) -> tuple[str, Identity]:
        """Start a session of `caller` on `compute`; returns its id and what user code is told."""
        session_id = uuid.uuid4().hex
        with self._lock:
            self._computes[session_id] = compute
        try:
            issued = self._tokens.issue(
                caller.principal_id, kind="session", comment=f"session on {compute.compute_id}", session_id=session_id
            )
        except BaseException:
            self.close(session_id)
            raise
        compute.hide(issued.value)
        return session_id, Identity(caller.name, self._host(), issued.value, self._workspace_id)

    def close(self, session_id: str) -> None:
        """End a session: its token is refused from now on. Closing twice is allowed."""
        with self._lock:
            known = self._computes.pop(session_id, None)
        if known is not None:
            self._tokens.revoke_session(session_id)

    @contextmanager
    def identity(self, compute: Compute, caller: Caller) -> Iterator[Identity]:
        """A session for the length of one program."""
        session_id, identity = self.open(compute, caller)
        try:
            yield identity
        finally:
            self.close(session_id)

    def hide(self, caller: Caller, value: Secret[bytes]) -> None:
        """A session is about to be answered a secret value: its compute hides it first. Fits `Secrets(on_read=…)`."""
        with self._lock:
            compute = self._computes.get(caller.session_id)
        if compute is not None:
            compute.hide(Secret(value.reveal().decode(errors="replace")))
