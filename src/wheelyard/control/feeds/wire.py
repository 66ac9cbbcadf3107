"""Bodies of `/api/2.0/wheelyard/feeds…`, which is our own API: a real workspace has no feeds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from wheelyard.control.operation import Empty

__all__ = [
    "CreateFeed",
    "CreateToken",
    "Empty",
    "Feed",
    "Feeds",
    "File",
    "IssuedToken",
    "OnFeed",
    "OnPackage",
    "OnRole",
    "OnToken",
    "OnVersion",
    "Package",
    "PackageSummary",
    "Packages",
    "PutRole",
    "Role",
    "RoleAssignment",
    "Roles",
    "TokenInfo",
    "Tokens",
    "Version",
    "Yank",
]

Role = Literal["READER", "COLLABORATOR", "CONTRIBUTOR", "OWNER"]
Scope = Literal["read", "write"]


class CreateFeed(msgspec.Struct, frozen=True):
    """`organization` defaults to the workspace's own; with `project`, the feed's URL has that folder."""

    name: str
    organization: str = ""
    project: str = ""
    description: Annotated[str, msgspec.Meta(max_length=1024)] = ""


class Feed(msgspec.Struct, frozen=True, omit_defaults=True):
    """`index_url` and `upload_url` have no credentials; `role` is what the caller holds."""

    feed_id: str
    name: str
    organization: str
    index_url: str
    upload_url: str
    project: str = ""
    description: str = ""
    created_at: int = 0
    created_by: str = ""
    role: str = ""


class Feeds(msgspec.Struct, frozen=True):
    """The feeds on which the caller holds a role."""

    feeds: list[Feed]


class OnFeed(msgspec.Struct, frozen=True):
    """`feed_id` is the feed's id, or the name of a feed of the default organization."""

    feed_id: str


class RoleAssignment(msgspec.Struct, frozen=True):
    """Who holds which role."""

    principal: str
    role: Role


class Roles(msgspec.Struct, frozen=True):
    """Every role on a feed."""

    permissions: list[RoleAssignment]


class PutRole(OnFeed, frozen=True):
    """`principal`: a user's name, a group's display name, or a service principal's application id."""

    principal: str
    role: Role


class OnRole(OnFeed, frozen=True):
    """The principal whose role is meant."""

    principal: str


class CreateToken(OnFeed, frozen=True):
    """A token without a lifetime lives as long as its owner keeps a role."""

    scope: Scope = "read"
    comment: Annotated[str, msgspec.Meta(max_length=256)] = ""
    lifetime_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None


class TokenInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times are milliseconds; `expiry_time` is -1 for a token that does not expire."""

    token_id: str
    scope: str
    created_by: str
    creation_time: int
    expiry_time: int
    comment: str = ""


class IssuedToken(msgspec.Struct, frozen=True):
    """`token_value` is shown this once. Any user name goes with it."""

    token_value: str
    token_info: TokenInfo


class Tokens(msgspec.Struct, frozen=True):
    """What is known of tokens, their values excepted."""

    token_infos: list[TokenInfo]


class OnToken(OnFeed, frozen=True):
    """One token of one feed."""

    token_id: str


class PackageSummary(msgspec.Struct, frozen=True):
    """A package in the list; `latest_version` is what an installer would choose."""

    name: str
    latest_version: str
    versions: int
    files: int


class Packages(msgspec.Struct, frozen=True):
    """Every package of a feed, by name."""

    packages: list[PackageSummary]


class OnPackage(OnFeed, frozen=True):
    """`package` in any spelling that PEP 503 folds to the project's name."""

    package: str


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file; `uploaded_at` in milliseconds."""

    filename: str
    size: int
    sha256: str
    url: str
    uploaded_at: int
    uploaded_by: str = ""
    requires_python: str = ""


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """A version counts as yanked when all its files are."""

    version: str
    files: list[File]
    yanked: bool = False
    yanked_reason: str = ""


class Package(msgspec.Struct, frozen=True):
    """Versions are in PEP 440 order, the newest first."""

    name: str
    versions: list[Version]


class OnVersion(OnPackage, frozen=True):
    """A version in any spelling that PEP 440 holds equal."""

    version: str


class Yank(OnVersion, frozen=True):
    """The reason is shown by installers."""

    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""
