"""Who holds what on clusters, jobs, directories, notebooks and files.

The levels and their order are rows of `core.permissions`; here they are stored, listed and asked for. Workspace
admins hold the top level on everything, inherited from the type. A directory hands its levels down to what is in it,
once the room that knows the tree has said how to climb it (`inherit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from wheelyard.control.caller import ADMINS, Caller
from wheelyard.control.permissions import store, wire
from wheelyard.control.scim.service import Directory, Principal
from wheelyard.core.errors import InvalidParameter, NotFound, PermissionDenied
from wheelyard.core.permissions import ACTIONS, LEVELS, covers, top_level
from wheelyard.storage.database import Connection, Database

__all__ = ["KINDS", "ObjectPermissions"]

Parents = Callable[[str], Iterable[tuple[str, str]]]
"""From an object id to the (kind, id) of everything above it, nearest first."""

KINDS: Mapping[str, str] = MappingProxyType(
    {"clusters": "cluster", "jobs": "job", "directories": "directory", "notebooks": "notebook", "files": "file"}
)
"""How a URL spells a securable kind."""

_URL_TYPE: Mapping[str, str] = MappingProxyType({kind: url_type for url_type, kind in KINDS.items()})
_MANAGE = "CAN_MANAGE"
_OWNER = "IS_OWNER"
_FIELD: Mapping[str, str] = MappingProxyType(
    {"user": "user_name", "group": "group_name", "service_principal": "service_principal_name"}
)
_PLATFORM_WORD: Mapping[str, str] = MappingProxyType(
    {"user": "UserName", "group": "GroupName", "service_principal": "ServicePrincipalName"}
)


class ObjectPermissions:
    """The permissions service.

    Args:
        database: where entries are kept.
        directory: knows the principals that entries name.
    """

    def __init__(self, *, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory
        self._parents: dict[str, Parents] = {}
        directory.on_removed(self._forget_principal)
        directory.on_renamed(self._rename_principal)

    # What other rooms ask ------------------------------------------------------------------------------------------

    def inherit(self, kinds: Iterable[str], parents: Parents) -> None:
        """Let securables of these kinds take over the levels held on what is above them."""
        self._parents.update(dict.fromkeys(kinds, parents))

    def created(self, kind: str, object_id: str, caller: Caller) -> None:
        """Make a new securable known; its creator owns a job and manages anything else.

        For one that is known already the caller becomes its owner or a manager; others keep what they have.
        """

        def remember(tx: Connection) -> None:
            store.remember_securable(tx, kind, object_id)
            if caller.name:
                now = _without_owner(store.entries(tx, kind, object_id))
                store.replace_entries(tx, kind, object_id, {**now, caller.name: _creator_level(kind)})

        self._database.write(remember)

    def forget(self, kind: str, object_id: str) -> None:
        """The securable is gone, and everybody's levels on it."""
        self._database.write(lambda tx: store.forget_securable(tx, kind, object_id))

    def holds(self, caller: Caller, kind: str, object_id: str, level: str) -> bool:
        """Whether the caller has a level or a stronger one, by itself, through a group, from above, or as an admin."""
        if caller.is_admin:
            return True
        chain = list(self._with_parents(kind, object_id))
        return self._database.read(
            lambda tx: any(
                covers(at_kind, held, level)
                for at_kind, at_id in chain
                for held in _held(caller, store.entries(tx, at_kind, at_id))
            )
        )

    def directly_held(self, caller: Caller, kinds: Iterable[str], level: str) -> frozenset[tuple[str, str]]:
        """Every (kind, object id) on which the caller or a group of theirs has an entry of `level` or stronger."""
        rows = self._database.read(lambda tx: store.held_by(tx, caller.principals, kinds))
        return frozenset((kind, object_id) for kind, object_id, held in rows if covers(kind, held, level))

    def require(self, caller: Caller, kind: str, object_id: str, level: str, *, action: str = "") -> None:
        """Refuse a caller that lacks a level.

        Raises:
            PermissionDenied: names the caller, the level and the securable.
        """
        if not self.holds(caller, kind, object_id, level):
            raise PermissionDenied(
                f"{caller.name} does not have {level} permission on {kind} {object_id} "
                f"to {action or 'perform this action'}.",
                reference="object-permission-needed",
                hint=f"ask whoever has {_MANAGE} on it, or a workspace admin",
            )

    # What the API asks ---------------------------------------------------------------------------------------------

    def get(self, caller: Caller, body: wire.OnObject) -> wire.Permissions:
        """List who holds what.

        Raises:
            InvalidParameter: the type is unknown.
            NotFound: there is no such securable.
            PermissionDenied: the caller does not manage it.
        """
        kind = self._managed(caller, body.object_type, body.object_id)
        return self._answer(kind, body.object_id)

    def set(self, caller: Caller, body: wire.ChangePermissions) -> wire.Permissions:
        """Replace all direct entries. A job must have exactly one owner afterwards."""
        kind = self._managed(caller, body.object_type, body.object_id)
        wanted = self._wanted(kind, body.access_control_list)

        def change(tx: Connection) -> None:
            _check_owner(kind, wanted)
            store.replace_entries(tx, kind, body.object_id, wanted)

        self._database.write(change)
        return self._answer(kind, body.object_id)

    def update(self, caller: Caller, body: wire.ChangePermissions) -> wire.Permissions:
        """Add or change entries. A new owner leaves the former one with the right to manage."""
        kind = self._managed(caller, body.object_type, body.object_id)
        wanted = self._wanted(kind, body.access_control_list)

        def change(tx: Connection) -> None:
            now = store.entries(tx, kind, body.object_id)
            merged = {**(_without_owner(now) if _OWNER in wanted.values() else now), **wanted}
            _check_owner(kind, merged)
            store.replace_entries(tx, kind, body.object_id, merged)

        self._database.write(change)
        return self._answer(kind, body.object_id)

    def levels(self, caller: Caller, body: wire.OnObject) -> wire.Levels:
        """List the levels a securable of this kind has, and what each allows."""
        kind = self._managed(caller, body.object_type, body.object_id)
        return wire.Levels(tuple(wire.LevelInfo(level, _description(kind, level)) for level in LEVELS[kind]))

    # How it is done ------------------------------------------------------------------------------------------------

    def _managed(self, caller: Caller, object_type: str, object_id: str) -> str:
        kind = KINDS.get(object_type)
        if kind is None:
            raise InvalidParameter(
                f"'{object_type[:100]}' is not a supported object type; there are {', '.join(KINDS)}.",
                reference="unknown-object-type",
            )
        if not self._database.read(lambda tx: store.is_known(tx, kind, object_id)):
            raise NotFound(f"{kind.capitalize()} {object_id} does not exist.", reference="object-not-found")
        self.require(caller, kind, object_id, _MANAGE, action="see or change who has access")
        return kind

    def _with_parents(self, kind: str, object_id: str) -> Iterator[tuple[str, str]]:
        yield kind, object_id
        if kind in self._parents:
            yield from self._parents[kind](object_id)

    def _wanted(self, kind: str, requests: Iterable[wire.AccessRequest]) -> dict[str, str]:
        wanted: dict[str, str] = {}
        for request in requests:
            if request.permission_level not in LEVELS[kind]:
                raise InvalidParameter(
                    f"Invalid permission level '{request.permission_level[:100]}' for {kind}: "
                    f"there are {', '.join(LEVELS[kind])}.",
                    reference="unknown-permission-level",
                    unchanged="nothing was written",
                )
            principal = self._principal(request)
            if request.permission_level == _OWNER and principal.kind == "group":
                raise InvalidParameter(
                    f"Group {principal.name} cannot own a {kind}: an owner is a user or a service principal.",
                    reference="group-as-owner",
                    unchanged="nothing was written",
                )
            wanted[principal.name] = request.permission_level
        return wanted

    def _principal(self, request: wire.AccessRequest) -> Principal:
        named = [(kind, name) for kind, field in _FIELD.items() if (name := getattr(request, field))]
        if len(named) != 1:
            raise InvalidParameter(
                "An entry of access_control_list names exactly one of user_name, group_name, service_principal_name.",
                reference="one-principal-needed",
                unchanged="nothing was written",
            )
        kind, name = named[0]
        found = self._directory.find_principal(name)
        if found is None or found.kind != kind:
            raise NotFound(
                f"Principal: {_PLATFORM_WORD[kind]}({name}) does not exist",
                reference="principal-not-found",
                unchanged="nothing was written",
                hint="databricks users list, databricks groups list, databricks service-principals list",
            )
        return found

    def _answer(self, kind: str, object_id: str) -> wire.Permissions:
        url_type = _URL_TYPE[kind]
        levels: dict[str, list[wire.PermissionEntry]] = {}
        for index, (at_kind, at_id) in enumerate(self._with_parents(kind, object_id)):
            for principal, level in self._entries(at_kind, at_id).items():
                origin = (f"/{_URL_TYPE[at_kind]}/{at_id}",) if index else ()
                entry = wire.PermissionEntry(
                    permission_level=level, inherited=bool(index), inherited_from_object=origin
                )
                levels.setdefault(principal, []).append(entry)
        levels.setdefault(ADMINS, []).append(
            wire.PermissionEntry(permission_level=_MANAGE, inherited=True, inherited_from_object=(f"/{url_type}/",))
        )
        return wire.Permissions(
            object_id=f"/{url_type}/{object_id}",
            object_type=kind,
            access_control_list=tuple(self._entry(principal, found) for principal, found in levels.items()),
        )

    def _entries(self, kind: str, object_id: str) -> dict[str, str]:
        return self._database.read(lambda tx: store.entries(tx, kind, object_id))

    def _entry(self, name: str, found: list[wire.PermissionEntry]) -> wire.AccessEntry:
        principal = self._directory.find_principal(name)
        kind = principal.kind if principal else "user"
        return wire.AccessEntry(
            user_name=name if kind == "user" else "",
            group_name=name if kind == "group" else "",
            service_principal_name=name if kind == "service_principal" else "",
            display_name=principal.display_name if principal and kind != "group" else "",
            all_permissions=tuple(found),
        )

    def _forget_principal(self, gone: Principal) -> None:
        self._database.write(lambda tx: store.forget_principal(tx, gone.name))

    def _rename_principal(self, before: str, after: str) -> None:
        self._database.write(lambda tx: store.rename_principal(tx, before, after))


def _creator_level(kind: str) -> str:
    return _OWNER if _OWNER in LEVELS[kind] else top_level(kind)


def _without_owner(entries: Mapping[str, str]) -> dict[str, str]:
    """Who owned the securable manages it from now on."""
    return {principal: _MANAGE if level == _OWNER else level for principal, level in entries.items()}


def _held(caller: Caller, entries: Mapping[str, str]) -> Iterator[str]:
    principals = caller.principals
    return (level for principal, level in entries.items() if principal in principals)


def _check_owner(kind: str, entries: Mapping[str, str]) -> None:
    if _OWNER in LEVELS[kind] and list(entries.values()).count(_OWNER) != 1:
        raise InvalidParameter(
            f"The {kind} must have exactly one owner.", reference="one-owner-needed", unchanged="nothing was written"
        )


def _description(kind: str, level: str) -> str:
    allowed = [action.name for action in ACTIONS if action.kind == kind and action.level == level]
    return f"Can {'; '.join(allowed)}" if allowed else f"Can do what the weaker levels can, and is the {kind}'s owner"
