"""Feeds, who may use them, their tokens and what is kept in them: the use cases.

A caller's role on a feed is the highest of their own and those of their groups; workspace admins are owners of every
feed. A feed token never gives more than its scope, nor more than the principal it was issued for holds at that
moment: taking a role away takes it from the tokens too.
Source: roles and burnt versions as Azure Artifacts has them, facts/packaging.md D.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from typing import Literal, Protocol, cast

from packaging.utils import canonicalize_name, canonicalize_version

from wheelyard.control.caller import Caller
from wheelyard.control.feeds import answers, store, wire
from wheelyard.core.errors import AlreadyExists, NotFound, PermissionDenied
from wheelyard.core.names import FeedName
from wheelyard.core.permissions import covers, highest
from wheelyard.core.redaction import Secret
from wheelyard.feed import store as contents
from wheelyard.feed.access import FeedPlace, FeedRole, Grant
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.components.local import blob_key
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Connection, Database
from wheelyard.storage.sweeping import delete_or_leave

__all__ = ["Directory", "Feeds", "NamedPrincipal", "TokenService", "TokenValue"]


class TokenValue(Protocol):
    """A token that was just made."""

    @property
    def value(self) -> Secret[str]: ...
    @property
    def token_id(self) -> str: ...
    @property
    def expiry_at(self) -> int | None: ...


class TokenService(Protocol):
    """What the feeds room needs of the tokens room."""

    @property
    def revocation_count(self) -> int: ...
    def authenticate(self, token: Secret[str]) -> Caller: ...

    def issue(
        self,
        principal_id: str,
        *,
        kind: Literal["feed"],
        comment: str = "",
        lifetime_seconds: int | None = None,
        feed_scope: str = "",
    ) -> TokenValue: ...

    def revoke_token(self, token_id: str) -> object: ...


class NamedPrincipal(Protocol):
    """A user, group or service principal by the name ACLs hold."""

    @property
    def name(self) -> str: ...


class Directory(Protocol):
    """What the feeds room needs of the identity room."""

    @property
    def change_count(self) -> int: ...
    def find_principal(self, name: str) -> NamedPrincipal | None: ...
    def on_removed(self, callback: Callable[[NamedPrincipal], None]) -> None: ...
    def on_renamed(self, callback: Callable[[str, str], None]) -> None: ...


_SCOPE_ROLE: dict[str, FeedRole] = {"read": "READER", "write": "CONTRIBUTOR"}


class Feeds:
    """The feeds service.

    Args:
        organization: where a feed is made when none is named.
        changes: shared with the feed's routes, so that what they keep ends when it stops being true.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        database: Database,
        blobs: Blobs,
        tokens: TokenService,
        directory: Directory,
        changes: FeedChanges,
        organization: str = "wheelyard",
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._tokens = tokens
        self._directory = directory
        self._changes = changes
        self._organization = FeedName.parse(organization)
        self._clock = clock
        self._new_id = new_id
        changes.access.watch(lambda: tokens.revocation_count)
        changes.access.watch(lambda: directory.change_count)
        directory.on_removed(lambda principal: database.write(lambda tx: store.forget_principal(tx, principal.name)))
        directory.on_renamed(lambda old, new: database.write(lambda tx: store.rename_principal(tx, old, new)))

    def admit(self, token: Secret[str], place: FeedPlace) -> Grant:
        """Answer what the bearer of a token may do in the feed at `place`; this is the feed routes' `Gate`."""
        caller = self._tokens.authenticate(token)
        return self.authorise(caller, place.organization, place.project, place.feed, "READER")

    def authorise(self, caller: Caller, organization: str, project: str, feed: str, permission: FeedRole) -> Grant:
        """Answer the caller's role on a feed, which is at least `permission`.

        Raises:
            NotFound: no such feed.
            PermissionDenied: the caller holds less.
        """
        place = FeedPlace(organization, project, feed)
        row = self._database.read(lambda tx: contents.feed_at(tx, place))
        if row is None:
            raise _no_feed(str(place))
        return Grant(row.feed_id, self._require(caller, row, permission), caller.name)

    def require(self, caller: Caller, feed_id: str, role: FeedRole) -> None:
        self._require(caller, self._find(feed_id), role)

    def create(self, caller: Caller, body: wire.CreateFeed) -> wire.Feed:
        """Make a feed; whoever makes it owns it.

        Raises:
            InvalidParameter: a name that cannot stand in a URL unescaped.
            AlreadyExists: the place is taken, in whatever case of letters.
        """
        row = contents.FeedRow(
            feed_id=self._new_id(),
            organization=str(FeedName.parse(body.organization or self._organization)),
            project=str(FeedName.parse(body.project)) if body.project else "",
            name=str(FeedName.parse(body.name)),
            description=body.description,
            created_at=self._now(),
            created_by=caller.name,
        )
        self._database.write(lambda tx: _insert(tx, row, caller.name))
        self._changes.access.bump()
        return answers.feed(row, "OWNER", caller.request.base_url)

    def list_feeds(self, caller: Caller, _body: wire.Empty) -> wire.Feeds:
        rows = self._database.read(contents.feeds)
        held = self._database.read(lambda tx: store.roles_held(tx, caller.principals))
        found = [(row, _role(caller, row, (role for feed_id, role in held if feed_id == row.feed_id))) for row in rows]
        base_url = caller.request.base_url
        return wire.Feeds(feeds=[answers.feed(row, role, base_url) for row, role in found if role is not None])

    def get(self, caller: Caller, body: wire.OnFeed) -> wire.Feed:
        row = self._find(body.feed_id)
        return answers.feed(row, self._require(caller, row, "READER"), caller.request.base_url)

    def delete(self, _caller: Caller, body: wire.OnFeed) -> wire.Empty:
        """Delete a feed with every file, role and token."""
        feed_id = self._find(body.feed_id).feed_id
        for token in self._database.read(lambda tx: store.tokens_of(tx, feed_id)):
            self._tokens.revoke_token(token.token_id)
        files = self._database.write(lambda tx: _delete_feed(tx, feed_id))
        self._changes.access.bump()
        self._changes.changed(feed_id, None)
        self._drop(files)
        return wire.Empty()

    def list_roles(self, _caller: Caller, body: wire.OnFeed) -> wire.Roles:
        feed_id = self._find(body.feed_id).feed_id
        roles = self._database.read(lambda tx: store.roles_of(tx, feed_id))
        return wire.Roles(permissions=[wire.RoleAssignment(principal, role) for principal, role in roles])

    def put_role(self, _caller: Caller, body: wire.PutRole) -> wire.Empty:
        """Give a principal a role, in place of the one it has.

        Raises:
            NotFound: there is no such user, group or service principal.
        """
        feed_id = self._find(body.feed_id).feed_id
        principal = self._directory.find_principal(body.principal)
        if principal is None:
            raise NotFound(
                f"Principal {body.principal} does not exist.",
                reference="principal-not-found",
                unchanged="no role was changed",
                hint="name a user, a group's display name or a service principal's application id",
            )
        name = principal.name
        self._database.write(lambda tx: store.put_role(tx, feed_id, name, body.role))
        self._changes.access.bump()
        return wire.Empty()

    def delete_role(self, _caller: Caller, body: wire.OnRole) -> wire.Empty:
        feed_id = self._find(body.feed_id).feed_id
        if not self._database.write(lambda tx: store.delete_role(tx, feed_id, body.principal)):
            raise NotFound(
                f"Principal {body.principal} holds no role on this feed.",
                reference="role-not-found",
                unchanged="no role was changed",
            )
        self._changes.access.bump()
        return wire.Empty()

    def create_token(self, caller: Caller, body: wire.CreateToken) -> wire.IssuedToken:
        """Issue a token that opens this feed and nothing else, in the caller's name.

        Raises:
            PermissionDenied: a write token asked for by somebody who may not publish.
        """
        feed = self._find(body.feed_id)
        self._require(caller, feed, _SCOPE_ROLE[body.scope])
        issued = self._tokens.issue(
            caller.principal_id,
            kind="feed",
            comment=body.comment,
            lifetime_seconds=body.lifetime_seconds,
            feed_scope=f"{feed.place}:{body.scope}",
        )
        row = store.TokenRow(
            issued.token_id, feed.feed_id, body.scope, body.comment, caller.name, self._now(), issued.expiry_at
        )
        self._database.write(lambda tx: store.insert_token(tx, row))
        return wire.IssuedToken(token_value=issued.value.reveal(), token_info=answers.token_info(row))

    def list_tokens(self, caller: Caller, body: wire.OnFeed) -> wire.Tokens:
        """The caller's own tokens of this feed; an owner sees everybody's."""
        feed = self._find(body.feed_id)
        rows = self._database.read(lambda tx: store.tokens_of(tx, feed.feed_id))
        return wire.Tokens(token_infos=[answers.token_info(row) for row in rows if self._manages(caller, feed, row)])

    def revoke_token(self, caller: Caller, body: wire.OnToken) -> wire.Empty:
        feed = self._find(body.feed_id)
        row = self._database.read(lambda tx: store.token(tx, feed.feed_id, body.token_id))
        if row is None or not self._manages(caller, feed, row):
            raise NotFound(f"Token {body.token_id} does not exist.", reference="token-not-found")
        self._tokens.revoke_token(row.token_id)
        self._database.write(lambda tx: store.delete_token(tx, row.token_id))
        self._changes.access.bump()
        return wire.Empty()

    def list_packages(self, _caller: Caller, body: wire.OnFeed) -> wire.Packages:
        feed_id = self._find(body.feed_id).feed_id
        summaries = self._database.read(lambda tx: contents.project_summaries(tx, feed_id))
        return wire.Packages(packages=[answers.package_summary(summary) for summary in summaries])

    def get_package(self, caller: Caller, body: wire.OnPackage) -> wire.Package:
        feed = self._find(body.feed_id)
        name = canonicalize_name(body.package)
        rows = self._database.read(lambda tx: contents.files_of(tx, feed.feed_id, name))
        if not rows:
            raise NotFound(f"Package {name} does not exist in feed {feed.name}.", reference="package-not-found")
        return answers.package(name, feed.place, rows, caller.request.base_url)

    def yank(self, _caller: Caller, body: wire.Yank) -> wire.Empty:
        """Mark a version so that installers pass it over unless it is pinned. PEP 592."""
        return self._set_yanked(body, body.reason)

    def unyank(self, _caller: Caller, body: wire.OnVersion) -> wire.Empty:
        return self._set_yanked(body, None)

    def delete_version(self, caller: Caller, body: wire.OnVersion) -> wire.Empty:
        """Delete every file of a version. The version is burnt: it can never be uploaded again."""
        feed = self._find(body.feed_id)
        name, version_key = canonicalize_name(body.package), canonicalize_version(body.version)
        at, by = self._now(), caller.name

        def delete(tx: Connection) -> list[contents.FileRow]:
            rows = _files_of_version(tx, feed, body)
            contents.delete_files(tx, [row.file_id for row in rows])
            contents.burn_version(tx, feed.feed_id, name, version_key, at=at, by=by)
            contents.touch_project(tx, feed.feed_id, name)
            return rows

        files = self._database.write(delete)
        self._changes.changed(feed.feed_id, name)
        self._drop(files)
        return wire.Empty()

    def _set_yanked(self, body: wire.OnVersion, reason: str | None) -> wire.Empty:
        feed = self._find(body.feed_id)
        name = canonicalize_name(body.package)

        def mark(tx: Connection) -> None:
            contents.set_yanked(tx, [row.file_id for row in _files_of_version(tx, feed, body)], reason)
            contents.touch_project(tx, feed.feed_id, name)

        self._database.write(mark)
        self._changes.changed(feed.feed_id, name)
        return wire.Empty()

    def _require(self, caller: Caller, feed: contents.FeedRow, needed: FeedRole) -> FeedRole:
        held = self._database.read(lambda tx: store.roles_held(tx, caller.principals))
        role = _role(caller, feed, (role for feed_id, role in held if feed_id == feed.feed_id))
        if role is None or not covers("feed", role, needed):
            has = f"holds {role}" if role else "holds no role on it"
            raise PermissionDenied(
                f"{caller.name} may not do this in feed {feed.place}: it needs {needed}, and this token {has}.",
                reference="feed-permission-denied",
                unchanged="nothing was changed",
                hint=f"ask an owner of the feed for the role {needed}",
            )
        return role

    def _manages(self, caller: Caller, feed: contents.FeedRow, row: store.TokenRow) -> bool:
        if row.principal == caller.name:
            return True
        held = self._database.read(lambda tx: store.roles_held(tx, caller.principals))
        return _role(caller, feed, (role for feed_id, role in held if feed_id == feed.feed_id)) == "OWNER"

    def _find(self, feed_id: str) -> contents.FeedRow:
        """By id, or by place: `feed`, `organization/feed` or `organization/project/feed`."""
        parts = feed_id.split("/")
        places = {
            1: lambda: FeedPlace(self._organization, "", feed_id),
            2: lambda: FeedPlace(parts[0], "", parts[1]),
            3: lambda: FeedPlace(*parts),
        }
        place = places.get(len(parts), lambda: None)()
        row = self._database.read(lambda tx: contents.feed_by_id(tx, feed_id))
        if row is None and place is not None:
            row = self._database.read(lambda tx: contents.feed_at(tx, place))
        if row is None:
            raise _no_feed(feed_id)
        return row

    def _drop(self, files: Iterable[contents.FileRow]) -> None:
        """Only after the rows are gone for good: a crash leaves bytes nobody links, never links without bytes."""
        for row in files:
            delete_or_leave(self._blobs, blob_key(row.feed_id, row.sha256, row.filename))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _insert(tx: Connection, row: contents.FeedRow, owner: str) -> None:
    if contents.feed_at(tx, row.place) is not None:
        raise AlreadyExists(
            f"Feed {row.place} already exists!", reference="feed-exists", unchanged="the feed there is as it was"
        )
    contents.insert_feed(tx, row)
    store.put_role(tx, row.feed_id, owner, "OWNER")


def _delete_feed(tx: Connection, feed_id: str) -> list[contents.FileRow]:
    files = contents.files_of_feed(tx, feed_id)
    contents.delete_feed(tx, feed_id)
    return files


def _files_of_version(tx: Connection, feed: contents.FeedRow, body: wire.OnVersion) -> list[contents.FileRow]:
    name, version_key = canonicalize_name(body.package), canonicalize_version(body.version)
    rows = [row for row in contents.files_of(tx, feed.feed_id, name) if row.version_key == version_key]
    if not rows:
        raise NotFound(
            f"Version {body.version} of package {name} does not exist in feed {feed.name}.",
            reference="version-not-found",
            unchanged="nothing was changed",
        )
    return rows


def _role(caller: Caller, feed: contents.FeedRow, held: Iterable[FeedRole]) -> FeedRole | None:
    """The caller's role, lowered to what a feed token allows; None for no role, or a token of another feed."""
    role = "OWNER" if caller.is_admin else highest("feed", held)
    if role is None or not caller.feed_scope:
        return cast("FeedRole | None", role)
    place, _, scope = caller.feed_scope.rpartition(":")
    if place.casefold() != str(feed.place).casefold():
        return None
    allowed = _SCOPE_ROLE[scope]
    return allowed if covers("feed", role, allowed) else cast("FeedRole", role)


def _no_feed(name: str) -> NotFound:
    return NotFound(f"Feed {name} does not exist.", reference="feed-not-found", hint="wheelyard feed list")
