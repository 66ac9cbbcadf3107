"""The audit trail, and why its entries of reads are kept off the reader's path.

A write's entry is committed with the write. A read changes nothing that must survive, so its entry waits up to a
fraction of a second for others and goes to disk with them: a `get` costs no disk sync of its own. `close` and `flush`
write what waits; only `kill -9` within that fraction can lose entries, of reads only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from wheelyard.control.caller import Caller
from wheelyard.control.secrets import store
from wheelyard.control.secrets.sealing import Sealing
from wheelyard.storage.database import Database

__all__ = ["AuditTrail"]

_PAUSE_SECONDS = 0.2


class AuditTrail:
    """Makes entries; collects those of reads and writes them in batches. Safe to use from any thread.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, database: Database, sealing: Sealing, clock: Callable[[], float]) -> None:
        self._database = database
        self._sealing = sealing
        self._clock = clock
        self._waiting: list[store.AuditEntry] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def entry(
        self, caller: Caller, action: str, scope: str, key: str = "", value: bytes | None = None
    ) -> store.AuditEntry:
        """Who does what now; a write commits it in its own transaction."""
        return store.AuditEntry(
            at=int(self._clock() * 1000),
            principal=caller.name,
            action=action,
            scope=str(scope),
            key=str(key),
            value_hash="" if value is None else self._sealing.audit_hash(value),
            session_id=caller.session_id,
            request_id=caller.request.request_id,
        )

    def add(self, entry: store.AuditEntry) -> None:
        """Write the entry of a read soon."""
        with self._lock:
            self._waiting.append(entry)
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._write_forever, name="secret-audit", daemon=True)
                self._thread.start()
        self._wake.set()

    def flush(self) -> None:
        """Return once everything added before is on disk."""
        with self._writing:
            with self._lock:
                batch, self._waiting = self._waiting, []
            if batch:
                self._database.write(lambda tx: store.insert_audit(tx, batch))

    def close(self) -> None:
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _write_forever(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closing.wait(_PAUSE_SECONDS)
            if not self._closing.is_set():
                self.flush()
