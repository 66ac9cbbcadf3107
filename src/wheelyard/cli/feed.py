"""`wheelyard feed`: private feeds of an embedded workspace."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from wheelyard.cli.render import screen
from wheelyard.cli.settings import Family, Leaf, connect
from wheelyard.client import feeds
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.redaction import Secret

__all__ = ["command"]

_ROLES = ("READER", "COLLABORATOR", "CONTRIBUTOR", "OWNER")
_FEED = click.Argument(["feed"], metavar="FEED")
_FEED_HELP = {"FEED": "name, organization/name, organization/project/name, or id"}


def _create(name: str, organization: str | None, project: str | None, description: str | None) -> None:
    given = {"name": name, "organization": organization, "project": project, "description": description}
    out = screen()
    feed = connect().api_client.do("POST", feeds.FEEDS, body={field: value for field, value in given.items() if value})
    if out.wants_json:
        out.json(feed)
        return
    out.say(f"created feed {feed['name']} ({feed['feed_id']})")
    out.table(["For", "URL"], [("pip, uv", feed["index_url"]), ("twine, uv publish", feed["upload_url"])])
    out.note(f"next: wheelyard feed upload {feed['name']} dist/*")
    out.note(f"next: wheelyard default set --feed {feed['name']} --new-token")


def _list() -> None:
    out = screen()
    found = connect().api_client.do("GET", feeds.FEEDS).get("feeds") or []
    if out.wants_json:
        out.json(found)
        return
    rows = [(one["name"], one["organization"], one.get("project"), one.get("role"), one["index_url"]) for one in found]
    out.table(
        ["Name", "Organization", "Project", "Role", "Index URL"], rows, empty="no feeds; wheelyard feed create NAME"
    )


def _delete(feed: str, yes: bool) -> None:  # noqa: FBT001 - click passes flags by name
    out, client = screen(), connect()
    found = feeds.find_feed(client, feed)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete feed {found['name']} with all its files?", abort=True, err=True)
    client.api_client.do("DELETE", feeds.feed_path(found))
    out.note(f"deleted feed {found['name']}")


def _token(feed: str, scope: str, comment: str | None, days: int | None) -> None:
    out, client = screen(), connect()
    found = feeds.find_feed(client, feed)
    request: dict[str, Any] = {"scope": scope, "comment": comment or ""}
    if days is not None:
        request["lifetime_seconds"] = days * 86_400
    answer = client.api_client.do("POST", f"{feeds.feed_path(found)}/tokens", body=request)
    if out.wants_json:
        out.json(answer, masked=False)
        return
    out.raw(str(answer["token_value"]))
    out.note(f"shown this once; it is the password, with any user name, of {found['index_url']}")


def _upload(feed: str, files: Sequence[str]) -> None:
    out, client = screen(), connect()
    found = feeds.find_feed(client, feed)
    ready = [feeds.read_distribution(Path(name)) for name in files]
    token = Secret(client.config.authenticate()["Authorization"].partition(" ")[2])
    for distribution in ready:
        name = distribution.path.name
        with out.progress(f"uploading {name}, {distribution.size_bytes} bytes", brief=True):
            feeds.upload(found, distribution, token)
        if not out.wants_json:
            out.say(f"uploaded {name} to {found['name']}")
    if out.wants_json:
        out.json([{"filename": one.path.name, "sha256": one.sha256, "size": one.size_bytes} for one in ready])


def _packages(feed: str, package: str | None) -> None:
    out, client = screen(), connect()
    path = f"{feeds.feed_path(feeds.find_feed(client, feed))}/packages"
    if package is not None:
        _one_package(client.api_client.do("GET", f"{path}/{package}"))
        return
    found = client.api_client.do("GET", path).get("packages") or []
    if out.wants_json:
        out.json(found)
        return
    rows = [(one["name"], one["latest_version"], one["versions"], one["files"]) for one in found]
    out.table(
        ["Project", "Latest", "Versions", "Files"], rows, empty="the feed is empty; wheelyard feed upload FEED FILE"
    )


def _one_package(found: dict[str, Any]) -> None:
    out = screen()
    if out.wants_json:
        out.json(found)
        return
    rows = [
        (
            version["version"],
            file["filename"],
            file["size"],
            _when(file["uploaded_at"]),
            "yanked" if version.get("yanked") else "",
        )
        for version in found.get("versions") or ()
        for file in version["files"]
    ]
    out.table(["Version", "File", "Bytes", "Uploaded", ""], rows)


def _when(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _grant(feed: str, principal: str, role: str) -> None:
    out, client = screen(), connect()
    path = f"{feeds.feed_path(feeds.find_feed(client, feed))}/permissions"
    if role == "NONE":
        client.api_client.do("DELETE", path, query={"principal": principal})
    else:
        client.api_client.do("PUT", path, body={"principal": principal, "role": role})
    out.note(f"{principal} has {'no role' if role == 'NONE' else role} on {feed}")


def _permissions(feed: str) -> None:
    out, client = screen(), connect()
    answer = client.api_client.do("GET", f"{feeds.feed_path(feeds.find_feed(client, feed))}/permissions")
    found = answer.get("permissions") or []
    if out.wants_json:
        out.json(found)
        return
    out.table(["Principal", "Role"], [(one["principal"], one["role"]) for one in found], empty="no roles")


def _checked_days(_ctx: click.Context, _param: click.Parameter, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise InvalidParameter(
            "a token lives at least one day", reference="token-lifetime", unchanged="no token was made"
        )
    return value


_COMMANDS = (
    Leaf(
        "create",
        params=[
            click.Argument(["name"]),
            click.Option(
                ["--organization"], metavar="NAME", help="Organization in the feed's URL; default: the workspace's own."
            ),
            click.Option(["--project"], metavar="NAME", help="Project folder in the feed's URL."),
            click.Option(["--description"], metavar="TEXT", help="What the feed is for."),
        ],
        argument_help={"NAME": "letters, digits, `-`, `_` and `.`"},
        short_help="Create a feed and print its URLs.",
        help="Create the feed NAME and print its index URL and upload URL.",
        callback=_create,
    ),
    Leaf(
        "list",
        short_help="List the feeds you may see.",
        help="List the feeds you may see, with their index URLs.",
        callback=_list,
    ),
    Leaf(
        "delete",
        params=[_FEED, click.Option(["--yes", "-y"], is_flag=True, help="Do not ask.")],
        argument_help=_FEED_HELP,
        short_help="Delete a feed with all its files.",
        help="Delete FEED with all its files and tokens.",
        callback=_delete,
    ),
    Leaf(
        "token",
        params=[
            _FEED,
            click.Option(
                ["--scope"],
                type=click.Choice(["read", "write"]),
                default="read",
                show_default=True,
                help="What it allows.",
            ),
            click.Option(["--comment"], metavar="TEXT", help="What it is for."),
            click.Option(["--days"], type=int, metavar="N", callback=_checked_days, help="Lifetime; default: no end."),
        ],
        argument_help=_FEED_HELP,
        short_help="Make a feed token; it is printed this once.",
        help="Make a token that opens FEED and nothing else, and print it on standard output, this once.",
        callback=_token,
    ),
    Leaf(
        "upload",
        params=[
            _FEED,
            click.Argument(["files"], nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True)),
        ],
        argument_help={**_FEED_HELP, "FILE": "wheels (.whl) and sdists (.tar.gz)"},
        short_help="Upload wheels and sdists.",
        help="Upload wheels and sdists to FEED with your own credentials. All files are read before the first is sent.",
        callback=_upload,
    ),
    Leaf(
        "packages",
        params=[_FEED, click.Argument(["package"], required=False)],
        argument_help={**_FEED_HELP, "PACKAGE": "a project in the feed"},
        short_help="List what a feed holds.",
        help="List the projects in FEED, or the files of one PACKAGE.",
        callback=_packages,
    ),
    Leaf(
        "grant",
        params=[_FEED, click.Argument(["principal"]), click.Argument(["role"], type=click.Choice([*_ROLES, "NONE"]))],
        argument_help={
            **_FEED_HELP,
            "PRINCIPAL": "user name, group name or application id",
            "ROLE": ", ".join((*_ROLES, "NONE")),
        },
        short_help="Give a principal a role on a feed.",
        help="Give PRINCIPAL (user, group or service principal) ROLE on FEED; NONE takes it away.",
        callback=_grant,
    ),
    Leaf(
        "permissions",
        params=[_FEED],
        argument_help=_FEED_HELP,
        short_help="List who has which role on a feed.",
        help="List who has which role on FEED.",
        callback=_permissions,
    ),
)

command = Family(
    "feed",
    help="Private feeds of an embedded workspace: FEED is a name, `organization/name`, or an id.",
    commands={one.name or "": one for one in _COMMANDS},
)
