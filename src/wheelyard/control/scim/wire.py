"""Bodies of `/api/2.0/preview/scim/v2/*`, spelled as SCIM spells them.

One struct serves users, groups and service principals, in both directions: the protocol's three resource types differ
in which attributes they fill. Source: RFC 7643; workspace-api facts 3.2 and 3.3.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "Listing",
    "OnResource",
    "Patch",
    "PatchOperation",
    "PersonName",
    "Query",
    "Reference",
    "Resource",
    "Resources",
]


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a multi-valued attribute: a member, a group, an e-mail address, an entitlement."""

    value: str = ""
    display: str = ""
    type: str = ""
    primary: bool = False
    ref: str = msgspec.field(default="", name="$ref")


class PersonName(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's name in two parts."""

    givenName: str = ""  # noqa: N815 # as on the wire
    familyName: str = ""  # noqa: N815 # as on the wire


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    resourceType: str = ""  # noqa: N815 # as on the wire


class Resource(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A user, group or service principal. An attribute that is `None` was not sent, or is not shown."""

    schemas: tuple[str, ...] = ()
    id: str = ""
    userName: str = ""  # noqa: N815 # as on the wire
    applicationId: str = ""  # noqa: N815 # as on the wire
    displayName: str | None = None  # noqa: N815 # as on the wire
    active: bool | None = None
    name: PersonName | None = None
    emails: tuple[Reference, ...] | None = None
    groups: tuple[Reference, ...] | None = None
    members: tuple[Reference, ...] | None = None
    entitlements: tuple[Reference, ...] | None = None
    roles: tuple[Reference, ...] | None = None
    externalId: str | None = None  # noqa: N815 # as on the wire
    meta: Meta | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a list call may ask; all of it optional."""

    filter: str = ""
    attributes: str = ""
    excludedAttributes: str = ""  # noqa: N815 # as on the wire
    startIndex: int = 1  # noqa: N815 # as on the wire
    count: int = 10_000
    sortBy: str = ""  # noqa: N815 # as on the wire
    sortOrder: str = ""  # noqa: N815 # as on the wire


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which attributes of oneself to show."""

    attributes: str = ""
    excludedAttributes: str = ""  # noqa: N815 # as on the wire


class OnResource(Query, frozen=True, kw_only=True):
    """One resource by its id, and which attributes of it to show."""

    id: str


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """One page. `Resources` is empty past the end: that is how clients know that they have all."""

    schemas: tuple[str, ...] = ("urn:ietf:params:scim:api:messages:2.0:ListResponse",)
    totalResults: int  # noqa: N815 # as on the wire
    startIndex: int  # noqa: N815 # as on the wire
    itemsPerPage: int  # noqa: N815 # as on the wire
    Resources: tuple[Resource, ...]


class PatchOperation(msgspec.Struct, frozen=True):
    """One change; `op` is add, remove or replace, in any case."""

    op: str
    path: str = ""
    value: Any = None


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A list of changes to one resource."""

    id: str
    Operations: tuple[PatchOperation, ...]
    schemas: tuple[str, ...] = ()
