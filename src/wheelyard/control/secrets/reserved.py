"""The reserved scope as one thing: its state, a change of it, what changed before.

The three keys are ordinary secrets, which every client writes one by one. Whoever shows them together and writes them
back together needs more: all of a change or nothing of it, and nothing over what somebody else wrote in between. A
*revision* says which values a reader saw; a change names it and is refused when the values are others by now. Values
alone make it, so writing the same again, or something and back, disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wheelyard.control.caller import Caller
from wheelyard.control.secrets import store
from wheelyard.control.secrets.access import holds, permitted_scope
from wheelyard.control.secrets.history import ReservedChange, who_changed
from wheelyard.control.secrets.reserved_change import (
    Change,
    Seen,
    Stale,
    Tools,
    refuse_unless_changeable,
    revision_of,
    see,
)
from wheelyard.core.errors import Conflict, InvalidParameter
from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import KEYS, check_value
from wheelyard.core.redaction import Secret
from wheelyard.core.stored_default import StoredDefault
from wheelyard.storage.database import Connection, Database

__all__ = ["ReservedChange", "ReservedScope", "ReservedState", "ReservedValue"]


@dataclass(frozen=True, slots=True)
class ReservedValue:
    """One value, and who stored it when (milliseconds since the epoch), by whatever client."""

    value: Secret[str]
    updated_at: int
    updated_by: str


@dataclass(frozen=True, slots=True)
class ReservedState:
    """The reserved scope at one moment.

    Args:
        values: those of the three keys that are set. A byte that is no UTF-8 shows as U+FFFD.
        other_keys: the rest, as spelled, with the time of their last change in milliseconds.
        acl: permission by principal; None when the caller may not see it.
        revision: opaque; the same for the same values of the three keys, and never empty.
        backend_type: `DATABRICKS`, or `AZURE_KEYVAULT` for a scope whose values are not here.
    """

    exists: bool
    values: Mapping[str, ReservedValue]
    other_keys: Mapping[str, int]
    acl: Mapping[str, str] | None
    revision: str
    backend_type: str

    @property
    def as_stored(self) -> StoredDefault:
        """What `core.stored_default.check` looks at."""
        times = {key: held.updated_at for key, held in self.values.items()}
        values = {key: held.value for key, held in self.values.items()}
        return StoredDefault(self.exists, values, {**times, **self.other_keys}, self.acl)


class ReservedScope:
    """The use cases around the reserved scope.

    Args:
        read: opens a value for a caller, and remembers that they read it.
        change: writes, as `RecentRows.change`.
    """

    def __init__(
        self,
        *,
        database: Database,
        tools: Tools,
        read: Callable[[Caller, store.ScopeRow, store.SecretRow], Secret[bytes]],
        change: Callable[[Callable[[Connection], Seen | Stale]], Seen | Stale],
    ) -> None:
        self._database = database
        self._tools = tools
        self._read = read
        self._change = change

    def state(self, caller: Caller, *, recorded: bool = False) -> ReservedState:
        """The scope as it is now; that there is none everybody may know.

        Args:
            caller: needs READ.
            recorded: leave audit entries, as for any read. Without, the values are for comparing, masking and checking
                only, and reach nobody.

        Raises:
            PermissionDenied: the caller has no READ on the scope.
        """

        def work(tx: Connection) -> Seen:
            if store.find_scope(tx, RESERVED_SCOPE) is not None:
                permitted_scope(tx, caller, RESERVED_SCOPE, "READ")
            return see(tx)

        return self._shown(caller, self._database.read(work), recorded=recorded)

    def change(self, caller: Caller, changes: Mapping[str, Secret[str] | None], revision: str) -> ReservedState:
        """Store these values, and delete those that are None, in one transaction.

        Makes the scope when a value needs one. Adds what its ACL lacks of the recipe, unless all that is asked for is
        deleting; no changes at all under the current revision ask for just that. Values that are stored already are
        not written again and keep who stored them. Keys that are not named stay as they are.

        Args:
            caller: must have MANAGE on the scope, or be a workspace admin.
            changes: by key, in any case.
            revision: of the state that the caller has seen.

        Returns:
            the state with the change made, or the state that was there when it already was what is asked for.

        Raises:
            PermissionDenied: the caller has no MANAGE on the scope, or it does not exist and they are no admin.
            InvalidParameter: the first bad value, or a key that is none of the three; the text names the key.
            Conflict: the values are not those of `revision`, and not those asked for either; `because` says who changed
                what and when.
            BadRequest: the scope is backed by Azure Key Vault.
            LimitExceeded: the workspace or the scope is full.
        """
        self._database.read(lambda tx: refuse_unless_changeable(tx, caller))
        wanted = _checked(changes)
        answer = self._change(lambda tx: Change(tx, caller, self._tools).run(wanted, revision))
        if isinstance(answer, Stale):
            raise self._conflict(answer)
        return self._shown(caller, answer)

    def history(self, limit: int) -> list[ReservedChange]:
        """The last writes, newest first. Whether somebody may see them is for the asking room to say."""
        entries = self._database.read(lambda tx: store.audited_writes(tx, RESERVED_SCOPE, limit))
        return [ReservedChange.of(entry) for entry in entries]

    def _shown(self, caller: Caller, seen: Seen, *, recorded: bool = False) -> ReservedState:
        scope, known = seen.scope, seen.known
        if scope is None:
            return ReservedState(False, {}, {}, {}, revision_of(self._tools.sealing, {}), "DATABRICKS")

        def opened(row: store.SecretRow) -> Secret[bytes]:
            return self._read(caller, scope, row) if recorded else self._tools.sealing.open(scope, row)

        held = {key: opened(row).reveal() for key, row in known.items()}
        acl = {entry.principal: entry.permission for entry in seen.acl}
        return ReservedState(
            exists=True,
            values={
                key: ReservedValue(Secret(held[key].decode(errors="replace")), row.updated_at, row.updated_by)
                for key, row in known.items()
            },
            other_keys={row.key: row.updated_at for row in seen.rows if row not in known.values()},
            acl=acl if holds(caller, seen.acl, "MANAGE") else None,
            revision=revision_of(self._tools.sealing, held),
            backend_type=scope.backend_type,
        )

    def _conflict(self, stale: Stale) -> Conflict:
        return Conflict(
            "The workspace default was not changed: it is no longer the one that this change was made for",
            reference="default-changed-meanwhile",
            because=self._database.read(lambda tx: who_changed(tx, stale.keys, stale.seen.known)),
            unchanged="nothing was written",
            hint="look at what is stored now, then change it again",
        )


def _checked(changes: Mapping[str, Secret[str] | None]) -> dict[str, bytes | None]:
    """The bytes to store by folded key, None for a deletion."""
    wanted: dict[str, bytes | None] = {}
    for name, value in changes.items():
        key = name.casefold()
        if key not in KEYS:
            raise InvalidParameter(
                f"`{name}` is no key of the workspace default",
                reference="default-key-unknown",
                because=f"compute reads {', '.join(f'`{known}`' for known in KEYS)}",
                unchanged="nothing was written",
            )
        if value is not None:
            check_value(key, value.reveal())
        wanted[key] = None if value is None else value.reveal().encode()
    return wanted
