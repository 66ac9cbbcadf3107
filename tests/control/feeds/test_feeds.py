"""The feeds service: what each use case answers, and whom it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from tests.feed.conftest import ADMIN, USER, World, build_world, sdist, upload_fields, wheel

from wheelyard.control.caller import Caller, RequestInfo
from wheelyard.control.feeds import ROOM, wire
from wheelyard.control.operation import SIGNED_IN
from wheelyard.core.errors import AlreadyExists, InvalidParameter, NotFound, PermissionDenied
from wheelyard.feed.access import FeedPlace, Grant
from wheelyard.feed.form import ReceivedFile, UploadForm

STRANGER = Caller("3", "cy@example.com", "user", groups=frozenset({"users"}))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = build_world(tmp_path)
    yield made
    made.app.close()
    made.database.close()


def put(world: World, feed: wire.Feed, filename: str, content: bytes) -> None:
    """A file on its way in, without HTTP."""
    path = world.folder / filename
    path.write_bytes(content)
    fields = {name: (value,) for name, value in upload_fields(filename, content).items()}
    digests = (fields["sha256_digest"][0], fields["blake2_256_digest"][0])
    form = UploadForm(fields, ReceivedFile(filename, path, len(content), *digests))
    world.app._uploads.take(form, Grant(feed.feed_id, "OWNER", ADMIN.name))


def test_a_feed_is_made_listed_found_and_deleted(world: World) -> None:
    caller = ADMIN.with_request(RequestInfo(base_url="https://workspace.example"))
    feed = world.feeds.create(caller, wire.CreateFeed("Team-A", description="ours"))
    assert feed.index_url == "https://workspace.example/wheelyard/_packaging/Team-A/pypi/simple/"
    assert feed.upload_url == "https://workspace.example/wheelyard/_packaging/Team-A/pypi/upload/"
    assert (feed.role, feed.created_by, feed.description) == ("OWNER", ADMIN.name, "ours")
    assert world.feeds.list_feeds(caller, wire.Empty()).feeds == [feed]
    for name in (feed.feed_id, "team-a", "wheelyard/team-a", "Wheelyard/TEAM-A"):
        assert world.feeds.get(caller, wire.OnFeed(name)) == feed
    world.feeds.delete(caller, wire.OnFeed("team-a"))
    assert world.feeds.list_feeds(caller, wire.Empty()).feeds == []
    with pytest.raises(NotFound, match="Feed team-a does not exist"):
        world.feeds.get(caller, wire.OnFeed("team-a"))


def test_a_place_is_taken_once_whatever_the_case(world: World) -> None:
    world.create("team-a")
    with pytest.raises(AlreadyExists, match="wheelyard/TEAM-A"):
        world.create("TEAM-A")
    world.create("team-a", project="ops")
    world.create("team-a", organization="other")
    assert world.feeds.get(ADMIN, wire.OnFeed("wheelyard/ops/team-a")).project == "ops"
    assert world.feeds.get(ADMIN, wire.OnFeed("other/team-a")).organization == "other"


@pytest.mark.parametrize("name", ["", "a/b", "_packaging", "a b", "..", "x" * 65, "ü"])
def test_names_that_cannot_stand_in_a_url(name: str, world: World) -> None:
    with pytest.raises(InvalidParameter):
        world.create(name)
    if name:
        with pytest.raises(InvalidParameter):
            world.create("fine", project=name)


def test_roles(world: World) -> None:
    feed = world.create()
    on_feed = wire.OnFeed(feed.feed_id)
    with pytest.raises(PermissionDenied, match="READER"):
        world.feeds.require(USER, feed.feed_id, "READER")
    assert world.feeds.list_feeds(USER, wire.Empty()).feeds == []
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, "users", "READER"))
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, USER.name, "CONTRIBUTOR"))
    world.feeds.require(USER, feed.feed_id, "CONTRIBUTOR")
    with pytest.raises(PermissionDenied, match="needs OWNER, and this token holds CONTRIBUTOR"):
        world.feeds.require(USER, feed.feed_id, "OWNER")
    assert [one.role for one in world.feeds.list_feeds(USER, wire.Empty()).feeds] == ["CONTRIBUTOR"]
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, USER.name, "READER"))
    roles = world.feeds.list_roles(ADMIN, on_feed).permissions
    assert [(one.principal, one.role) for one in roles] == [
        (ADMIN.name, "OWNER"),
        (USER.name, "READER"),
        ("users", "READER"),
    ]
    world.feeds.delete_role(ADMIN, wire.OnRole(feed.feed_id, USER.name))
    with pytest.raises(NotFound, match="holds no role"):
        world.feeds.delete_role(ADMIN, wire.OnRole(feed.feed_id, USER.name))
    with pytest.raises(NotFound, match="Principal nobody does not exist"):
        world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, "nobody", "READER"))


def test_roles_follow_renamed_groups_and_end_with_their_principal(world: World) -> None:
    feed = world.create()
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, "users", "READER"))
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, USER.name, "READER"))
    for callback in world.directory.renamed:
        callback("users", "people")
    for removed in world.directory.removed:
        removed(SimpleNamespace(name=USER.name))
    names = [one.principal for one in world.feeds.list_roles(ADMIN, wire.OnFeed(feed.feed_id)).permissions]
    assert names == [ADMIN.name, "people"]


def test_tokens(world: World) -> None:
    feed = world.create()
    on_feed = wire.OnFeed(feed.feed_id)
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, "users", "READER"))
    mine = world.feeds.create_token(USER, wire.CreateToken(feed.feed_id, comment="ci"))
    with pytest.raises(PermissionDenied, match="CONTRIBUTOR"):
        world.feeds.create_token(USER, wire.CreateToken(feed.feed_id, scope="write"))
    theirs = world.feeds.create_token(ADMIN, wire.CreateToken(feed.feed_id, scope="write"))
    assert [one.token_id for one in world.feeds.list_tokens(USER, on_feed).token_infos] == [mine.token_info.token_id]
    assert len(world.feeds.list_tokens(ADMIN, on_feed).token_infos) == 2
    assert mine.token_info.expiry_time == -1
    with pytest.raises(NotFound):
        world.feeds.revoke_token(USER, wire.OnToken(feed.feed_id, theirs.token_info.token_id))
    world.feeds.revoke_token(ADMIN, wire.OnToken(feed.feed_id, mine.token_info.token_id))
    assert [one.scope for one in world.feeds.list_tokens(ADMIN, on_feed).token_infos] == ["write"]
    assert mine.token_value not in msgspec.json.encode(world.feeds.list_tokens(ADMIN, on_feed)).decode()


def test_a_token_never_gives_more_than_its_owner_holds_now(world: World) -> None:
    feed = world.create()
    place = FeedPlace("wheelyard", "", "team-a")
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, USER.name, "CONTRIBUTOR"))
    token = world.tokens.authenticate  # the room's own way in
    issued = world.feeds.create_token(USER, wire.CreateToken(feed.feed_id, scope="write"))
    value = next(value for value in world.tokens.known if value == issued.token_value)
    caller = token(world.tokens.issue(USER.principal_id, feed_scope="wheelyard/team-a:write").value)
    assert value
    assert world.feeds.authorise(caller, "wheelyard", "", "team-a", "READER").role == "CONTRIBUTOR"
    world.feeds.put_role(ADMIN, wire.PutRole(feed.feed_id, USER.name, "READER"))
    assert world.feeds.authorise(caller, place.organization, "", place.feed, "READER").role == "READER"
    world.feeds.delete_role(ADMIN, wire.OnRole(feed.feed_id, USER.name))
    with pytest.raises(PermissionDenied):
        world.feeds.authorise(caller, "wheelyard", "", "team-a", "READER")


def test_packages(world: World) -> None:
    feed = world.create()
    for filename, content in (wheel("acme", "1.0"), wheel("acme", "1.10"), wheel("acme", "1.9"), sdist("acme", "1.9")):
        put(world, feed, filename, content)
    put(world, feed, *wheel("beta", "2.0a1"))
    summaries = world.feeds.list_packages(ADMIN, wire.OnFeed(feed.feed_id)).packages
    assert [(one.name, one.latest_version, one.versions, one.files) for one in summaries] == [
        ("acme", "1.10", 3, 4),
        ("beta", "2.0a1", 1, 1),
    ]
    package = world.feeds.get_package(ADMIN, wire.OnPackage(feed.feed_id, "ACME"))
    assert [version.version for version in package.versions] == ["1.10", "1.9", "1.0"]
    assert [len(version.files) for version in package.versions] == [1, 2, 1]
    with pytest.raises(NotFound, match="Package nope does not exist"):
        world.feeds.get_package(ADMIN, wire.OnPackage(feed.feed_id, "nope"))


def test_yank_unyank_and_delete(world: World) -> None:
    feed = world.create()
    put(world, feed, *wheel("acme", "1.0"))
    on_version = wire.OnVersion(feed.feed_id, "acme", "1.0.0")
    world.feeds.yank(USER, wire.Yank(feed.feed_id, "acme", "1.0", "broken"))
    (version,) = world.feeds.get_package(ADMIN, wire.OnPackage(feed.feed_id, "acme")).versions
    assert (version.yanked, version.yanked_reason) == (True, "broken")
    world.feeds.unyank(USER, on_version)
    (version,) = world.feeds.get_package(ADMIN, wire.OnPackage(feed.feed_id, "acme")).versions
    assert not version.yanked
    world.feeds.delete_version(ADMIN, on_version)
    with pytest.raises(NotFound, match=r"Version 1\.0\.0 of package acme does not exist"):
        world.feeds.delete_version(ADMIN, on_version)
    with pytest.raises(NotFound):
        world.feeds.yank(ADMIN, wire.Yank(feed.feed_id, "acme", "1.0"))


def test_every_row_names_who_may() -> None:
    for operation in ROOM.operations:
        assert operation.needs is SIGNED_IN or operation.needs.check is not None
        assert "{feed_id}" in operation.path or operation.path.endswith("/feeds")
