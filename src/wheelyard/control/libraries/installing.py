"""One thread for each running cluster that has libraries waiting.

It installs them one after the other, in the order asked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from wheelyard.compute.engine import Compute, StagedFile
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.log_files import LogFile, LogFolder
from wheelyard.control.clusters.ports import WorkspaceFiles
from wheelyard.control.clusters.staging import files_named
from wheelyard.control.libraries.messages import failure_message
from wheelyard.control.libraries.records import Records
from wheelyard.control.libraries.spec import UNSUPPORTED, LibraryPlan, described, kind_of, plan_of
from wheelyard.control.libraries.states import Action
from wheelyard.control.libraries.store import LibraryRow
from wheelyard.core.errors import LibraryFailed, WheelyardError
from wheelyard.core.redaction import Redactor

__all__ = ["Installers"]

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 20.0


class Installers:
    """The installing threads, by cluster."""

    def __init__(
        self,
        *,
        records: Records,
        logs: LogFolder,
        workspace: WorkspaceFiles,
        caller: Callable[[str], Caller],
    ) -> None:
        self._records = records
        self._logs = logs
        self._workspace = workspace
        self._caller = caller
        self._lock = threading.Lock()
        self._computes: dict[str, Compute] = {}
        self._threads: dict[str, threading.Thread] = {}

    def opened(self, cluster_id: str, compute: Compute) -> None:
        """Libraries can be installed on this cluster from now on."""
        with self._lock:
            self._computes[cluster_id] = compute
        self.wake(cluster_id)

    def closed(self, cluster_id: str) -> None:
        with self._lock:
            self._computes.pop(cluster_id, None)

    def is_open(self, cluster_id: str) -> bool:
        with self._lock:
            return cluster_id in self._computes

    def wake(self, cluster_id: str) -> None:
        """See to what waits on this cluster; nothing happens while it does not run."""
        with self._lock:
            compute = self._computes.get(cluster_id)
            if compute is None or cluster_id in self._threads:
                return
            thread = threading.Thread(
                target=self._work_off, args=(cluster_id, compute), name=f"libraries-{cluster_id}", daemon=True
            )
            self._threads[cluster_id] = thread
        thread.start()

    def close(self) -> None:
        with self._lock:
            self._computes.clear()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(_PATIENCE_SECONDS)

    def _work_off(self, cluster_id: str, compute: Compute) -> None:
        try:
            while (row := self._next(cluster_id, compute)) is not None:
                self._install(row, compute)
        except Exception:  # noqa: BLE001 # a thread that ends silently would leave its work open for ever
            _LOG.exception("libraries of cluster %s were given up", cluster_id)
            with self._lock:
                self._threads.pop(cluster_id, None)

    def _next(self, cluster_id: str, compute: Compute) -> LibraryRow | None:
        """The next library, or None when this thread is done; the decision and the sign-off are one step."""
        with self._lock:
            still_open = self._computes.get(cluster_id) is compute
            row = self._records.next_pending(cluster_id) if still_open else None
            if row is None:
                self._threads.pop(cluster_id, None)
        if row is None and not still_open:
            self.wake(cluster_id)  # the cluster was restarted while this thread still had the old compute
        return row

    def _install(self, row: LibraryRow, compute: Compute) -> None:
        plan = plan_of(row.library)
        if plan is None:
            self._records.act(row, Action.SKIP, UNSUPPORTED[kind_of(row.library)])
            return
        self._records.act(row, Action.BEGIN)
        log = self._logs.open(row.cluster_id, "libraries")
        redactor = Redactor([plan.index_url] if plan.index_url else [])
        log.line(f"installing {described(row.library)}", redactor.redact)
        try:
            self._place(row, plan, compute, log, redactor)
        except WheelyardError as error:
            code = error.code if isinstance(error, LibraryFailed) else "DRIVER_LIBRARY_INSTALLATION_FAILURE"
            log.line(f"failed: {code}")
            if self.is_open(row.cluster_id):
                self._records.act(row, Action.FAIL, redactor.redact(failure_message(row.cluster_id, code, error.what)))
        else:
            self._records.act(row, Action.SUCCEED)

    def _place(self, row: LibraryRow, plan: LibraryPlan, compute: Compute, log: LogFile, redactor: Redactor) -> None:
        files = self._files_for(row, plan) if plan.needs_workspace else ()
        self._records.act(row, Action.PLACE)
        result = compute.install(
            plan.arguments, index_url=plan.index_url, on_line=lambda line: log.line(line, redactor.redact), files=files
        )
        for name in result.installed:
            origin = result.origins.get(name, "")
            log.line(f"installed {name}{f' from {origin}' if origin else ''}", redactor.redact)

    def _files_for(self, row: LibraryRow, plan: LibraryPlan) -> tuple[StagedFile, ...]:
        """What the library names in the workspace, as far as whoever asked for it may read it."""
        return files_named(self._workspace, self._caller(row.asked_by), plan.arguments)
