"""Our own endpoints: feeds, their roles, their tokens, and what lies in them."""

from __future__ import annotations

from wheelyard.control.caller import Caller
from wheelyard.control.feeds import wire
from wheelyard.control.feeds.service import Feeds
from wheelyard.control.operation import SIGNED_IN, Need, Operation

__all__ = ["OPERATIONS", "on_feed"]


def on_feed(role: wire.Role) -> Need:
    """The caller, or one of their groups, must hold at least `role` on the feed that the path names."""

    def check(service: Feeds, caller: Caller, body: wire.OnFeed) -> None:
        service.require(caller, body.feed_id, role)

    return Need(f"{role} on the feed", check)


READER, CONTRIBUTOR, OWNER = on_feed("READER"), on_feed("CONTRIBUTOR"), on_feed("OWNER")

_FEEDS = "/api/2.0/wheelyard/feeds"
_FEED = f"{_FEEDS}/{{feed_id}}"
_PACKAGE = f"{_FEED}/packages/{{package}}"
_VERSION = f"{_PACKAGE}/versions/{{version}}"

OPERATIONS = (
    Operation("POST", _FEEDS, wire.CreateFeed, wire.Feed, Feeds.create, SIGNED_IN),
    Operation("GET", _FEEDS, wire.Empty, wire.Feeds, Feeds.list_feeds, SIGNED_IN),
    Operation("GET", _FEED, wire.OnFeed, wire.Feed, Feeds.get, READER),
    Operation("DELETE", _FEED, wire.OnFeed, wire.Empty, Feeds.delete, OWNER),
    Operation("GET", f"{_FEED}/permissions", wire.OnFeed, wire.Roles, Feeds.list_roles, OWNER),
    Operation("PUT", f"{_FEED}/permissions", wire.PutRole, wire.Empty, Feeds.put_role, OWNER),
    Operation("DELETE", f"{_FEED}/permissions", wire.OnRole, wire.Empty, Feeds.delete_role, OWNER),
    Operation("POST", f"{_FEED}/tokens", wire.CreateToken, wire.IssuedToken, Feeds.create_token, READER),
    Operation("GET", f"{_FEED}/tokens", wire.OnFeed, wire.Tokens, Feeds.list_tokens, READER),
    Operation("DELETE", f"{_FEED}/tokens/{{token_id}}", wire.OnToken, wire.Empty, Feeds.revoke_token, READER),
    Operation("GET", f"{_FEED}/packages", wire.OnFeed, wire.Packages, Feeds.list_packages, READER),
    Operation("GET", _PACKAGE, wire.OnPackage, wire.Package, Feeds.get_package, READER),
    Operation("POST", f"{_VERSION}/yank", wire.Yank, wire.Empty, Feeds.yank, CONTRIBUTOR),
    Operation("POST", f"{_VERSION}/unyank", wire.OnVersion, wire.Empty, Feeds.unyank, CONTRIBUTOR),
    Operation("DELETE", _VERSION, wire.OnVersion, wire.Empty, Feeds.delete_version, OWNER),
)
