"""Bodies of `/api/2.0/permissions/*`. Source: databricks-sdk-py `service/iam.py`; workspace-api facts 13.3."""

from __future__ import annotations

import msgspec

__all__ = [
    "AccessEntry",
    "AccessRequest",
    "ChangePermissions",
    "LevelInfo",
    "Levels",
    "OnObject",
    "PermissionEntry",
    "Permissions",
]


class OnObject(msgspec.Struct, frozen=True):
    """A securable as the URL names it: `jobs` and an id."""

    object_type: str
    object_id: str


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A level for exactly one principal."""

    permission_level: str
    user_name: str = ""
    group_name: str = ""
    service_principal_name: str = ""


class ChangePermissions(msgspec.Struct, frozen=True, kw_only=True):
    """With PUT all direct entries, with PATCH those to add or change."""

    object_type: str
    object_id: str
    access_control_list: tuple[AccessRequest, ...] = ()


class PermissionEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One level of a principal and where it comes from."""

    permission_level: str
    inherited: bool
    inherited_from_object: tuple[str, ...] = ()


class AccessEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A principal and its levels, direct and inherited."""

    user_name: str = ""
    group_name: str = ""
    service_principal_name: str = ""
    display_name: str = ""
    all_permissions: tuple[PermissionEntry, ...]


class Permissions(msgspec.Struct, frozen=True):
    """Who holds what on one securable."""

    object_id: str
    object_type: str
    access_control_list: tuple[AccessEntry, ...]


class LevelInfo(msgspec.Struct, frozen=True):
    """A level and what it allows."""

    permission_level: str
    description: str


class Levels(msgspec.Struct, frozen=True):
    """The levels of one kind, weakest first."""

    permission_levels: tuple[LevelInfo, ...]
