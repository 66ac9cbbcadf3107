"""Rows to SCIM resources and back, and the view of them a caller asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from wheelyard.control.scim import store, wire
from wheelyard.control.scim.graph import Groups

__all__ = ["COLLECTION", "NOUN", "Kind", "details_of", "kept_emails", "reference_to", "resource_of", "shown"]

Kind = Literal["user", "group", "service_principal"]

COLLECTION: Mapping[str, str] = {"user": "Users", "group": "Groups", "service_principal": "ServicePrincipals"}
NOUN: Mapping[str, str] = {"user": "User", "group": "Group", "service_principal": "Service principal"}
_SCHEMA: Mapping[str, str] = {"user": "User", "group": "Group", "service_principal": "ServicePrincipal"}
_ALWAYS = frozenset({"schemas", "id"})


class _Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is stored only to be shown back."""

    name: wire.PersonName | None = None
    emails: tuple[wire.Reference, ...] = ()
    roles: tuple[wire.Reference, ...] = ()


def details_of(resource: wire.Resource, emails: tuple[wire.Reference, ...]) -> str:
    """What is stored of a resource only to be shown back, as JSON."""
    details = _Details(resource.name, emails, resource.roles or ())
    return msgspec.json.encode(details).decode()


def kept_emails(row: store.PrincipalRow) -> tuple[wire.Reference, ...]:
    """The e-mail addresses a stored row has."""
    return msgspec.json.decode(row.details, type=_Details).emails


def resource_of(
    row: store.PrincipalRow,
    groups: Groups,
    entitlements: Iterable[str],
    members: Iterable[store.PrincipalRow] = (),
) -> wire.Resource:
    """Describe one principal. Groups are listed with the way they come: direct, or indirect through another group."""
    details = msgspec.json.decode(row.details, type=_Details)
    is_group = row.kind == "group"
    return wire.Resource(
        schemas=(f"urn:ietf:params:scim:schemas:core:2.0:{_SCHEMA[row.kind]}",),
        id=row.principal_id,
        userName=row.name if row.kind == "user" else "",
        applicationId=row.name if row.kind == "service_principal" else "",
        displayName=row.display_name or None,
        active=None if is_group else row.active,
        name=details.name,
        emails=_emails(row, details) or None,
        groups=_groups_of(row.principal_id, groups, is_group=is_group) or None,
        members=tuple(reference_to(member) for member in members) or None,
        entitlements=tuple(wire.Reference(value=value) for value in entitlements) or None,
        roles=details.roles or None,
        externalId=row.external_id or None,
        meta=wire.Meta("WorkspaceGroup") if is_group else None,
    )


def reference_to(row: store.PrincipalRow) -> wire.Reference:
    """How a principal is named in a group's members."""
    ref = f"{COLLECTION[row.kind]}/{row.principal_id}"
    return wire.Reference(value=row.principal_id, display=row.display_name or row.name, type=_SCHEMA[row.kind], ref=ref)


def shown(resource: wire.Resource, query: wire.Query | wire.Listing) -> wire.Resource:
    """Leave out the attributes that were not asked for; the id always stays."""
    wanted, unwanted = _top_level(query.attributes), _top_level(query.excludedAttributes)
    if not wanted and not unwanted:
        return resource
    dropped = {
        field.name: field.default
        for field in msgspec.structs.fields(wire.Resource)
        if field.name not in _ALWAYS
        and ((wanted and field.name.casefold() not in wanted) or field.name.casefold() in unwanted)
    }
    return msgspec.structs.replace(resource, **dropped)


def _top_level(names: str) -> frozenset[str]:
    return frozenset(name.strip().partition(".")[0].casefold() for name in names.split(",") if name.strip())


def _emails(row: store.PrincipalRow, details: _Details) -> tuple[wire.Reference, ...]:
    if details.emails or row.kind != "user" or "@" not in row.name:
        return details.emails
    return (wire.Reference(value=row.name, type="work", primary=True),)


def _groups_of(principal_id: str, groups: Groups, *, is_group: bool) -> tuple[wire.Reference, ...]:
    direct = groups.direct(principal_id, is_group=is_group)
    return tuple(
        wire.Reference(
            value=group_id,
            display=groups.names.get(group_id, group_id),
            type="direct" if group_id in direct else "indirect",
            ref=f"Groups/{group_id}",
        )
        for group_id in sorted(
            groups.above(principal_id, is_group=is_group), key=lambda key: groups.names.get(key, key)
        )
    )
