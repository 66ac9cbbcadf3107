"""Users, groups and service principals: who there is, and what each may be called.

Three attributes of the SDK (`users`, `groups`, `service_principals`) and `current_user` speak one protocol over one
table, so they share this room. Membership is kept in memory between changes: callers ask for their groups far more
often than an admin edits one.
"""

from __future__ import annotations

import secrets as randomness
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, cast

import msgspec

from wheelyard.control.caller import USERS, Caller
from wheelyard.control.operation import Empty
from wheelyard.control.scim import rules, store, wire
from wheelyard.control.scim.filters import Filter, matches, parse_filter, values_at
from wheelyard.control.scim.graph import ADMINS_ID, SPECIAL, Groups
from wheelyard.control.scim.patch import patched
from wheelyard.control.scim.resources import Kind, resource_of, shown
from wheelyard.core.errors import NotFound
from wheelyard.storage.database import Connection, Database

__all__ = ["Directory", "Principal"]

T = TypeVar("T")

_MOST_PER_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal by the name ACLs hold."""

    kind: Kind
    principal_id: str
    name: str
    display_name: str


class Directory:
    """The identities of a workspace.

    Args:
        database: where they are kept.
        clock: seconds since the epoch.
        new_id: digits below 2^53 for a new principal.
        new_application_id: a UUID for a new service principal.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(2 * 10**15 + randomness.randbelow(6 * 10**15)),
        new_application_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._new_application_id = new_application_id
        self._lock = threading.Lock()
        self._changes = 0
        self._known: tuple[int, Groups] | None = None
        self._on_removed: list[Callable[[Principal], None]] = []
        self._on_deactivated: list[Callable[[Principal], None]] = []
        self._on_renamed: list[Callable[[str, str], None]] = []

    # What other rooms ask ------------------------------------------------------------------------------------------

    @property
    def change_count(self) -> int:
        """Grows with each change; what was derived from the directory before is stale then."""
        return self._changes

    def on_removed(self, callback: Callable[[Principal], None]) -> None:
        """Be told of principals that are gone, before whoever removed them is."""
        self._on_removed.append(callback)

    def on_deactivated(self, callback: Callable[[Principal], None]) -> None:
        """Be told of principals that were active and are not any more."""
        self._on_deactivated.append(callback)

    def on_renamed(self, callback: Callable[[str, str], None]) -> None:
        """Be told of a group's (old, new) name, for ACLs that hold it."""
        self._on_renamed.append(callback)

    def bootstrap_admin(self, user_name: str) -> str:
        """Make sure that `admins`, `users` and one active admin exist; returns the admin's principal id."""
        return self._change(lambda tx: self._bootstrap(tx, user_name))

    def caller(self, principal_id: str) -> Caller:
        """Who a user or service principal is right now.

        Raises:
            NotFound: there is none of this id, or it is deactivated.
        """
        groups = self._groups()
        above = groups.above(principal_id, is_group=False)

        def read(tx: Connection) -> tuple[store.PrincipalRow | None, dict[str, tuple[str, ...]]]:
            return store.find_principal(tx, principal_id), store.entitlements_of(tx, [principal_id, *above])

        row, held = self._database.read(read)
        if row is None or row.kind == "group" or not row.active:
            raise NotFound("The principal does not exist any more, or is deactivated.", reference="principal-not-found")
        return Caller(
            principal_id=principal_id,
            name=row.name,
            kind=cast("Literal['user', 'service_principal']", row.kind),
            display_name=row.display_name,
            groups=frozenset(groups.names[group_id] for group_id in above if group_id in groups.names) | {USERS},
            entitlements=frozenset(value for values in held.values() for value in values),
        )

    def find_principal(self, name: str) -> Principal | None:
        """Find by the name ACLs hold, whatever its case: userName, applicationId or a group's displayName."""
        special = next((key for key, known in SPECIAL.items() if known == name), None)
        if special is not None:
            return Principal("group", special, name, name)
        row = self._database.read(lambda tx: store.find_by_name(tx, name))
        return None if row is None else _principal(row)

    def principal(self, principal_id: str) -> Principal | None:
        """The principal of an id."""
        row = self._database.read(lambda tx: store.find_principal(tx, principal_id))
        return None if row is None else _principal(row)

    def admins(self) -> tuple[str, ...]:
        """Names of the people who are workspace admins, by name: whom to ask."""
        below = self._groups().below(ADMINS_ID)
        rows = self._database.read(lambda tx: [store.find_principal(tx, principal_id) for principal_id in below])
        return tuple(sorted(row.name for row in rows if row is not None and row.kind == "user" and row.active))

    # What the protocol asks ----------------------------------------------------------------------------------------

    def me(self, caller: Caller, body: wire.Query) -> wire.Resource:
        """Show the caller to itself, entitlements through groups included.

        A service principal's `userName` is its application id: clients tell the two kinds apart by that being a UUID.
        """
        resource = self._shown_by_id(caller.principal_id)
        inherited = tuple(wire.Reference(value=value) for value in sorted(caller.entitlements))
        return shown(msgspec.structs.replace(resource, userName=caller.name, entitlements=inherited or None), body)

    def search(self, kind: Kind, body: wire.Listing) -> wire.Resources:
        """List one page. Past the end `Resources` is empty, which is what clients wait for.

        Raises:
            InvalidParameter: the filter cannot be understood.
        """
        tree = parse_filter(body.filter) if body.filter.strip() else None
        found = self._candidates(kind, tree)
        if tree is not None:
            found = [resource for resource in found if matches(tree, resource)]
        if body.sortBy:
            found.sort(key=lambda resource: _sort_key(resource, body.sortBy), reverse=body.sortOrder == "descending")
        start = max(body.startIndex, 1)
        page = found[start - 1 : start - 1 + min(max(body.count, 0), _MOST_PER_PAGE)]
        return wire.Resources(
            totalResults=len(found),
            startIndex=start,
            itemsPerPage=len(page),
            Resources=tuple(shown(resource, body) for resource in page),
        )

    def get(self, kind: Kind, body: wire.OnResource) -> wire.Resource:
        """Show one."""
        return shown(self._shown_by_id(body.id, kind), body)

    def create(self, kind: Kind, body: wire.Resource) -> wire.Resource:
        """Create a user, group or service principal.

        Raises:
            AlreadyExists: the name belongs to a user, group or service principal already.
            InvalidParameter: the name is missing or unusable, or a member does not exist.
        """
        row = self._row(kind, self._new_id(), rules.checked_name(kind, body) or self._new_application_id(), body)

        def create(tx: Connection) -> None:
            rules.refuse_taken(tx, row)
            store.insert_principal(tx, row)
            rules.write_lists(tx, row, body)
            for group in body.groups or ():
                rules.join(tx, group.value, row.principal_id)

        self._change(create)
        return self._shown_by_id(row.principal_id)

    def replace(self, kind: Kind, body: wire.Resource) -> wire.Resource:
        """Replace what may be changed; what is left out is emptied. `userName` and `applicationId` stay as they are."""
        return self._edit(kind, body.id, lambda _now: body)

    def patch(self, kind: Kind, body: wire.Patch) -> wire.Resource:
        """Apply the operations, all or none."""
        return self._edit(kind, body.id, lambda now: patched(now, body.Operations))

    def delete(self, kind: Kind, body: wire.OnResource) -> Empty:
        """Remove one. Its tokens, memberships and permissions go with it.

        Raises:
            BadRequest: it is a special group, or the last admin.
        """

        def delete(tx: Connection) -> Principal:
            row = rules.must_be(tx, kind, body.id)
            rules.refuse_special(row)
            store.delete_principal(tx, row.principal_id)
            rules.refuse_without_admin(tx)
            return _principal(row)

        gone = self._change(delete)
        for callback in self._on_removed:
            callback(gone)
        return Empty()

    # How it is done ------------------------------------------------------------------------------------------------

    def _change(self, work: Callable[[Connection], T]) -> T:
        try:
            return self._database.write(work)
        finally:
            with self._lock:
                self._changes += 1

    def _groups(self) -> Groups:
        changes = self._changes
        known = self._known
        if known is None or known[0] != changes:
            known = (changes, self._database.read(rules.load_groups))
            self._known = known
        return known[1]

    def _bootstrap(self, tx: Connection, user_name: str) -> str:
        for group_id, name in SPECIAL.items():
            if store.find_principal(tx, group_id) is None:
                store.insert_principal(tx, self._row("group", group_id, name, wire.Resource()))
                store.replace_entitlements(tx, group_id, rules.DEFAULT_ENTITLEMENTS[group_id])
        known = store.find_by_name(tx, user_name)
        if known is None:
            body = wire.Resource(userName=user_name)
            known = self._row("user", self._new_id(), rules.checked_name("user", body), body)
            store.insert_principal(tx, known)
        if not known.active:
            store.update_principal(tx, replace(known, active=True))
        store.add_member(tx, ADMINS_ID, known.principal_id)
        return known.principal_id

    def _row(self, kind: Kind, principal_id: str, name: str, body: wire.Resource) -> store.PrincipalRow:
        return rules.new_row(kind, principal_id, name, body, created_at=int(self._clock() * 1000))

    def _edit(self, kind: Kind, principal_id: str, change: Callable[[wire.Resource], wire.Resource]) -> wire.Resource:
        def edit(tx: Connection) -> tuple[store.PrincipalRow, store.PrincipalRow]:
            row = rules.must_be(tx, kind, principal_id)
            wanted = change(rules.described(tx, row, rules.load_groups(tx)))
            changed = rules.edited(row, wanted)
            if changed.name != row.name:
                rules.refuse_special(row)
                rules.refuse_taken(tx, changed)
            store.update_principal(tx, changed)
            rules.write_lists(tx, changed, wanted)
            rules.refuse_without_admin(tx)
            return row, changed

        before, after = self._change(edit)
        if before.name != after.name:
            for renamed in self._on_renamed:
                renamed(before.name, after.name)
        if before.active and not after.active:
            for deactivated in self._on_deactivated:
                deactivated(_principal(after))
        return self._shown_by_id(principal_id)

    def _shown_by_id(self, principal_id: str, kind: Kind | None = None) -> wire.Resource:
        groups = self._groups()

        def read(tx: Connection) -> wire.Resource:
            return rules.described(tx, rules.must_be(tx, kind, principal_id), groups)

        return self._database.read(read)

    def _candidates(self, kind: Kind, tree: Filter | None) -> list[wire.Resource]:
        """Every resource of a kind that may match; one that is asked for by id or name is looked up instead."""
        groups = self._groups()

        def read(tx: Connection) -> list[wire.Resource]:
            rows = rules.looked_up(tx, kind, tree)
            if len(rows) == 1:
                return [rules.described(tx, rows[0], groups)]
            held = store.entitlements_of(tx, None)
            everybody = rules.everybody(tx) if kind == "group" else {}
            return [
                resource_of(row, groups, held.get(row.principal_id, ()), rules.members_of(row, groups, everybody))
                for row in rows
            ]

        return self._database.read(read)


def _principal(row: store.PrincipalRow) -> Principal:
    return Principal(cast("Kind", row.kind), row.principal_id, row.name, row.display_name)


def _sort_key(resource: wire.Resource, path: str) -> str:
    return next(values_at(resource, path), "").casefold()
