"""Values behind the barrier: sealed for the place they are kept at, opened nowhere else, hashed with a key."""

from __future__ import annotations

from wheelyard.control.secrets import store
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier

__all__ = ["Sealing"]


class Sealing:
    """Seals and opens one workspace's secret values.

    Args:
        workspace_id: part of each value's associated data: sealed bytes moved to another workspace do not open.
    """

    def __init__(self, barrier: Barrier, workspace_id: str) -> None:
        self._barrier = barrier
        self._workspace_id = workspace_id

    def seal(self, value: bytes, scope: str, key: str) -> bytes:
        return self._barrier.seal(value, context=self._context(scope, key))

    def open(self, scope: store.ScopeRow, row: store.SecretRow) -> Secret[bytes]:
        """Raise `InvalidState` for bytes that are damaged or were sealed for another place."""
        return self._barrier.open(row.sealed, context=self._context(scope.name, row.key))

    def needs_reseal(self, row: store.SecretRow) -> bool:
        return self._barrier.needs_reseal(row.sealed)

    def reseal(self, scope: store.ScopeRow, row: store.SecretRow) -> bytes:
        return self._barrier.reseal(row.sealed, context=self._context(scope.name, row.key))

    def audit_hash(self, value: bytes) -> str:
        """Equal for equal values of any place, so that the audit trail shows which they are."""
        return self._barrier.keyed_hash(value, purpose="secret-audit").hex()

    def place_hash(self, value: bytes, scope: str, key: str) -> str:
        """32 hexadecimal digits, equal for equal values of one place only."""
        content = self._context(scope, key).encode() + b"\0" + value
        return self._barrier.keyed_hash(content, purpose="secret-revision")[:16].hex()

    def _context(self, scope: str, key: str) -> str:
        return f"{self._workspace_id}/{scope}/{key}"
