"""What the directory refuses, and the steps of a change; every function is given the transaction it works in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wheelyard.control.scim import store, wire
from wheelyard.control.scim.filters import Comparison, Filter
from wheelyard.control.scim.graph import ADMINS_ID, SPECIAL, USERS_ID, Groups
from wheelyard.control.scim.resources import NOUN, Kind, details_of, kept_emails, resource_of
from wheelyard.core.errors import AlreadyExists, BadRequest, InvalidParameter, NotFound
from wheelyard.storage.database import Connection

__all__ = [
    "DEFAULT_ENTITLEMENTS",
    "checked_name",
    "described",
    "edited",
    "everybody",
    "join",
    "load_groups",
    "looked_up",
    "members_of",
    "must_be",
    "new_row",
    "refuse_special",
    "refuse_taken",
    "refuse_without_admin",
    "write_lists",
]

DEFAULT_ENTITLEMENTS: Mapping[str, tuple[str, ...]] = {
    ADMINS_ID: ("allow-cluster-create", "databricks-sql-access", "workspace-access"),
    USERS_ID: ("databricks-sql-access", "workspace-access"),
}
_USER_NAME = re.compile(r"[^\s/\\\x00-\x1f\x7f]{1,255}")
_GROUP_NAME = re.compile(r"(?! )[^\x00-\x1f\x7f]{1,255}(?<! )")
_NAME_FIELD: Mapping[str, str] = {"user": "userName", "service_principal": "applicationId", "group": "displayName"}


def checked_name(kind: Kind, body: wire.Resource) -> str:
    """The name a new principal gets; empty for a service principal that leaves its application id to us.

    Raises:
        InvalidParameter: it is missing, or not usable as a name: a userName names a home folder and a principal.
    """
    if kind == "service_principal":
        return _checked_uuid(body.applicationId)
    name = body.userName if kind == "user" else body.displayName or ""
    field, pattern = _NAME_FIELD[kind], _USER_NAME if kind == "user" else _GROUP_NAME
    if not name:
        raise InvalidParameter(f"Missing required field: {field}", reference="missing-field")
    if not pattern.fullmatch(name) or name in {".", ".."}:
        raise InvalidParameter(
            f"Invalid value for field '{field}': a name has 1 to 255 characters, without control characters"
            + (", white space or slashes." if kind == "user" else " or white space at its ends."),
            reference="invalid-principal-name",
        )
    return name


def _checked_uuid(text: str) -> str:
    if not text:
        return ""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidParameter("Invalid value for field 'applicationId': a UUID is needed.") from None


def new_row(kind: Kind, principal_id: str, name: str, body: wire.Resource, *, created_at: int) -> store.PrincipalRow:
    """The row of a new principal; what is left out gets its default."""
    return store.PrincipalRow(
        principal_id=principal_id,
        kind=kind,
        name=name,
        display_name=name if kind == "group" else _display_name(body, name),
        active=body.active is not False,
        external_id=body.externalId or "",
        details=details_of(body, body.emails or ()),
        created_at=created_at,
    )


def edited(row: store.PrincipalRow, wanted: wire.Resource) -> store.PrincipalRow:
    """The row after an edit. A change of `userName`, `applicationId` or `emails` is ignored, as the platform does."""
    name = checked_name("group", wanted) if row.kind == "group" else row.name
    return replace(
        row,
        name=name,
        display_name=name if row.kind == "group" else _display_name(wanted, name),
        active=wanted.active is not False,
        external_id=wanted.externalId or "",
        details=details_of(wanted, kept_emails(row)),
    )


def _display_name(body: wire.Resource, name: str) -> str:
    if body.displayName:
        return body.displayName[:255]
    parts = (body.name.givenName, body.name.familyName) if body.name else ()
    return " ".join(part for part in parts if part)[:255] or name


def must_be(tx: Connection, kind: Kind | None, principal_id: str) -> store.PrincipalRow:
    """The principal of an id and kind; `None` takes any kind."""
    row = store.find_principal(tx, principal_id)
    if row is None or (kind is not None and row.kind != kind):
        noun = "Principal" if kind is None else NOUN[kind]
        raise NotFound(f"{noun} with id {principal_id} does not exist.", reference="principal-not-found")
    return row


def refuse_taken(tx: Connection, row: store.PrincipalRow) -> None:
    """One name, one principal, over all kinds: an ACL entry must not mean two."""
    taken = store.find_by_name(tx, row.name)
    if taken is not None and taken.principal_id != row.principal_id:
        noun, field = NOUN[taken.kind], _NAME_FIELD[taken.kind]
        raise AlreadyExists(
            f"{noun} with {field} {taken.name} already exists.",
            reference="principal-exists",
            unchanged="nothing was written",
        )


def refuse_special(row: store.PrincipalRow) -> None:
    """Keep `admins` and `users` as they are."""
    if row.principal_id in SPECIAL:
        raise BadRequest(
            f"Group '{row.name}' is part of every workspace; it can be neither deleted nor renamed.",
            reference="special-group",
            unchanged="nothing was written",
        )


def refuse_without_admin(tx: Connection) -> None:
    """Keep at least one active admin, directly or through another group. A directory that was never set up has none."""
    if store.find_principal(tx, ADMINS_ID) is None:
        return
    inside = load_groups(tx).below(ADMINS_ID)
    people = store.principals(tx, ["user", "service_principal"])
    if not any(row.active and (USERS_ID in inside or row.principal_id in inside) for row in people):
        raise BadRequest(
            "The last workspace admin cannot be removed or deactivated.",
            reference="last-admin",
            unchanged="nothing was written",
            hint="add another member to group 'admins' first",
        )


def write_lists(tx: Connection, row: store.PrincipalRow, body: wire.Resource) -> None:
    """Store entitlements and, for a group, members. Members of `users` are implicit: the list may only repeat them."""
    values = [item.value for item in body.entitlements or () if item.value]
    if any(len(value) > 255 for value in values):
        raise InvalidParameter("Invalid value for field 'entitlements': an entitlement has 255 characters at most.")
    store.replace_entitlements(tx, row.principal_id, values)
    if row.kind != "group":
        return
    wanted = [member.value for member in body.members or ()]
    if row.principal_id == USERS_ID:
        _refuse_leaving_users(tx, body, frozenset(wanted))
        return
    for member_id in wanted:
        _must_be_member(tx, row, member_id)
    store.replace_members(tx, row.principal_id, wanted)
    if row.principal_id in load_groups(tx).below(row.principal_id):
        raise InvalidParameter(f"Group '{row.name}' would become a member of itself.", reference="group-cycle")


def join(tx: Connection, group_id: str, member_id: str) -> None:
    """Add a new principal to a group; everybody is in `users` already."""
    must_be(tx, "group", group_id)
    if group_id != USERS_ID:
        store.add_member(tx, group_id, member_id)
        if group_id in load_groups(tx).below(group_id):
            raise InvalidParameter("A group would become a member of itself.", reference="group-cycle")


def _must_be_member(tx: Connection, group: store.PrincipalRow, member_id: str) -> None:
    if store.find_principal(tx, member_id) is None:
        raise InvalidParameter(
            f"Group '{group.name}' cannot have member {member_id}: there is no such principal.",
            reference="member-not-found",
            unchanged="nothing was written",
        )


def _refuse_leaving_users(tx: Connection, body: wire.Resource, wanted: frozenset[str]) -> None:
    if body.members is None:
        return
    if wanted != {row.principal_id for row in store.principals(tx, ["user", "service_principal"])}:
        raise BadRequest(
            "Every user and service principal is a member of group 'users', no group is, and nobody can leave it.",
            reference="special-group",
            unchanged="nothing was written",
        )


def load_groups(tx: Connection) -> Groups:
    """Every group and membership, as this transaction sees them."""
    names = {row.principal_id: row.name for row in store.principals(tx, ["group"])}
    return Groups.of(store.memberships(tx), {**SPECIAL, **names})


def described(tx: Connection, row: store.PrincipalRow, groups: Groups) -> wire.Resource:
    """One principal as a resource, with its direct entitlements and, for a group, its members."""
    held = store.entitlements_of(tx, [row.principal_id]).get(row.principal_id, ())
    people = everybody(tx) if row.kind == "group" else {}
    return resource_of(row, groups, held, members_of(row, groups, people))


def everybody(tx: Connection) -> dict[str, store.PrincipalRow]:
    """Every principal by id."""
    return {row.principal_id: row for row in store.principals(tx, ["user", "service_principal", "group"])}


def members_of(
    row: store.PrincipalRow, groups: Groups, people: Mapping[str, store.PrincipalRow]
) -> Iterable[store.PrincipalRow]:
    """The direct members of a group, without those that are gone; everybody, for `users`."""
    if row.principal_id == USERS_ID:
        return [person for person in people.values() if person.kind != "group"]
    return [people[member_id] for member_id in groups.members.get(row.principal_id, ()) if member_id in people]


def looked_up(tx: Connection, kind: Kind, tree: Filter | None) -> list[store.PrincipalRow]:
    """The rows a filter may match: one by its id or name where the filter is just that, else all of the kind."""
    found: list[store.PrincipalRow | None] | None = None
    if isinstance(tree, Comparison) and tree.operator == "eq":
        attribute = tree.attribute.casefold()
        if attribute == "id":
            found = [store.find_principal(tx, tree.value)]
        elif attribute == _NAME_FIELD[kind].casefold():
            found = [store.find_by_name(tx, tree.value)]
    if found is None:
        return store.principals(tx, [kind])
    return [row for row in found if row is not None and row.kind == kind]
