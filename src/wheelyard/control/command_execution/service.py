"""Execution contexts and commands: the use cases. Source: facts/workspace-api.md 9."""

from __future__ import annotations

import threading

from wheelyard.compute.engine import Compute, Session
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import WorkspaceFiles
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.clusters.staging import Staging
from wheelyard.control.command_execution import wire
from wheelyard.control.command_execution.context import Context
from wheelyard.core.errors import InvalidParameter, LimitExceeded, NotFound

__all__ = ["Commands"]

_LANGUAGES = frozenset({"python", "scala", "sql", "r"})
_PATIENCE_SECONDS = 10.0
_MOST_CONTEXTS = 150
"""On one cluster. Source: recalled from the live service's notebook limits."""


class Commands:
    """The command execution service; it subscribes itself to `clusters`.

    A context belongs to the caller who made it.
    """

    def __init__(self, *, clusters: Clusters, workspace: WorkspaceFiles) -> None:
        self._clusters = clusters
        self._workspace = workspace
        self._lock = threading.Lock()
        self._contexts: dict[str, Context] = {}
        clusters.subscribe(self)

    # -- life of the service, and of clusters

    def close(self) -> None:
        """End every context; call before the clusters are stopped."""
        with self._lock:
            contexts = list(self._contexts.values())
            self._contexts.clear()
        for context in contexts:
            context.close()
        for context in contexts:
            context.join(_PATIENCE_SECONDS / max(1, len(contexts)))

    def started(self, cluster_id: str, compute: Compute) -> None:
        """Contexts are made when somebody asks for one."""

    def stopped(self, cluster_id: str) -> None:
        with self._lock:
            gone = [context for context in self._contexts.values() if context.cluster_id == cluster_id]
            for context in gone:
                del self._contexts[context.context_id]
        for context in gone:
            context.close()

    def forgotten(self, cluster_id: str) -> None:
        """Its contexts went when it stopped."""

    # -- endpoints

    def create_context(self, caller: Caller, body: wire.CreateContext) -> wire.Created:
        """Open a session on a running cluster; answers before it is ready.

        Raises:
            NotFound: there is no such cluster.
            PermissionDenied: the caller may not attach, or the cluster is dedicated to somebody else.
            InvalidState: the cluster is not running.
            InvalidParameter: the language is not Python.
            LimitExceeded: the cluster holds 150 contexts already.
        """
        cluster = self._clusters.records.get(body.cluster_id)
        self._clusters.access.require_code(caller, cluster)
        _check_language(body.language)
        compute = self._clusters.running_compute(body.cluster_id)
        context = self._new_context(body.cluster_id, compute, caller)
        self._keep(context)
        context.start()
        return wire.Created(context.context_id)

    def context_status(self, caller: Caller, body: wire.OnContext) -> wire.ContextState:
        context = self._find(caller, body.cluster_id, body.context_id)
        return wire.ContextState(context.context_id, context.status.value)

    def destroy_context(self, caller: Caller, body: wire.OnContext) -> wire.Created:
        """End a context and everything it holds."""
        context = self._find(caller, body.cluster_id, body.context_id)
        with self._lock:
            self._contexts.pop(context.context_id, None)
        context.close()
        return wire.Created(context.context_id)

    def execute(self, caller: Caller, body: wire.Execute) -> wire.Created:
        """Queue a command: one runs at a time in a context, in the order they came."""
        context = self._find(caller, body.cluster_id, body.context_id)
        if body.language != "python":
            return wire.Created(context.refuse(body.command, _no_language(body.language)).command_id)
        return wire.Created(context.execute(body.command).command_id)

    def command_status(self, caller: Caller, body: wire.OnCommand) -> wire.CommandState:
        context = self._find(caller, body.cluster_id, body.context_id)
        status, results = context.read(body.command_id)
        return wire.CommandState(body.command_id, status.value, results)

    def cancel(self, caller: Caller, body: wire.OnCommand) -> wire.Created:
        """Cancel a command; the answer comes before it has ended."""
        self._find(caller, body.cluster_id, body.context_id).cancel(body.command_id)
        return wire.Created(body.command_id)

    # -- inside

    def _find(self, caller: Caller, cluster_id: str, context_id: str) -> Context:
        with self._lock:
            context = self._contexts.get(context_id)
        if context is None or context.cluster_id != cluster_id or context.caller.principal_id != caller.principal_id:
            raise NotFound(
                f"ContextNotFound: context {context_id} does not exist on cluster {cluster_id}",
                reference="context-not-found",
                hint="make a new one: it ends with its cluster",
            )
        return context

    def _keep(self, context: Context) -> None:
        with self._lock:
            there = sum(known.cluster_id == context.cluster_id for known in self._contexts.values())
            if there < _MOST_CONTEXTS:
                self._contexts[context.context_id] = context
                return
        context.abandon()
        raise LimitExceeded(
            f"Too many execution contexts are open right now. (Limit set to {_MOST_CONTEXTS})",
            reference="too-many-contexts",
            unchanged="no context was created",
            hint="destroy those that nobody uses, or restart the cluster",
        )

    def _new_context(self, cluster_id: str, compute: Compute, caller: Caller) -> Context:
        session_id, identity = self._clusters.sessions.open(compute, caller)

        staging = Staging(self._workspace, caller)

        def open_session() -> Session:
            return compute.open_session(identity, parameters={}, files=staging.files())

        def close_session(session: Session | None) -> None:
            self._clusters.sessions.close(session_id)
            if session is not None:
                session.close()

        return Context(
            cluster_id, caller, open_session=open_session, refresh=staging.refresh, close_session=close_session
        )


def _check_language(language: str) -> None:
    if language not in _LANGUAGES:
        raise InvalidParameter(f"Unknown language {language[:32]!r}", reference="unknown-language")
    if language != "python":
        raise InvalidParameter(_no_language(language), reference="language-not-supported")


def _no_language(language: str) -> str:
    return f"Language {language[:32]} is not run here: this workspace runs Python"
