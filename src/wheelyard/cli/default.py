"""`wheelyard default`: the workspace default, read and written without a token ever being shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wheelyard.cli.render import Screen, screen
from wheelyard.cli.settings import Family, Leaf, connect
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import CERTIFICATE_KEY, EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, KEYS
from wheelyard.core.redaction import SafeUrl, Secret

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from wheelyard.client.defaults import Finding, StoredDefault

__all__ = ["command"]


def masked(key: str, value: Secret[str]) -> str:
    """A stored value as it may be shown: URLs without credentials, a certificate by what it holds."""
    text = value.reveal()
    if key == CERTIFICATE_KEY:
        count = text.count("-----BEGIN CERTIFICATE-----")
        return f"PEM text, {count} certificate{'' if count == 1 else 's'}, {len(text.encode())} bytes"
    return " ".join(str(SafeUrl(word)) for word in text.split()) or "(empty)"


def _show() -> None:
    from wheelyard.client import defaults  # noqa: PLC0415 - loads the SDK, which `--help` must not wait for

    out = screen()
    stored = defaults.read(connect())
    if out.wants_json:
        out.json(_as_json(stored))
        return
    if not stored.exists:
        out.say("no workspace default: installs without settings of their own ask the public index")
        out.note("hint: wheelyard default set")
        return
    rows = [(key, masked(key, value), _when(stored.updated_at.get(key, 0))) for key, value in stored.values.items()]
    out.table(["Key", "Value", "Stored"], rows, empty="the scope holds no readable value")
    for what, why in stored.unreadable.items():
        out.note(f"not readable: {what} ({why})")
    if stored.acl is not None:
        out.say()
        out.table(["Principal", "Permission"], list(stored.acl.items()), empty="no ACL entries")


def _as_json(stored: StoredDefault) -> dict[str, Any]:
    return {
        "exists": stored.exists,
        "scope": str(RESERVED_SCOPE),
        "values": {key: masked(key, value) for key, value in stored.values.items()},
        "updated_at": dict(stored.updated_at),
        "acl": None
        if stored.acl is None
        else [{"principal": who, "permission": what} for who, what in stored.acl.items()],
        "unreadable": dict(stored.unreadable),
    }


def _when(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if milliseconds else ""


_SHOW = Leaf(
    "show",
    short_help="Show what is stored, credentials masked, and who may read it.",
    help="Show the stored values with credentials masked, when each was stored, and the scope's ACL.",
    callback=_show,
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options of `default set`."""

    index_url: str | None = None
    index_url_file: str | None = None
    feed: str | None = None
    new_token: bool = False
    extra_index_urls_file: str | None = None
    cert: str | None = None
    trim: bool = False


def _set(**given: Any) -> None:
    from wheelyard.client import defaults  # noqa: PLC0415 - loads the SDK, which `--help` must not wait for

    wanted = _Wanted(**given)
    if (wanted.feed is not None) != wanted.new_token:
        raise click.UsageError(
            "--feed and --new-token go together: the feed's index URL is stored with a token made for it"
        )
    if sum(one is not None for one in (wanted.index_url, wanted.index_url_file, wanted.feed)) > 1:
        raise click.UsageError("give the index URL in one way: --index-url, --index-url-file or --feed")
    out, client = screen(), connect()
    values = _values(client, wanted)
    if wanted.trim:
        values = {key: Secret(value.reveal().strip()) for key, value in values.items()}
    with out.progress("storing the workspace default", brief=True):
        done = defaults.write(client, values)
    if out.wants_json:
        out.json({"done": list(done), "values": {key: masked(key, value) for key, value in values.items()}})
        return
    for line in done:
        out.say(line)
    out.note("serverless takes it at the next attach or run, clusters at their next start")
    out.note("next: wheelyard explain --serverless")


def _values(client: WorkspaceClient, wanted: _Wanted) -> dict[str, Secret[str]]:
    values: dict[str, Secret[str]] = {}
    files = {
        INDEX_URL_KEY: wanted.index_url_file,
        EXTRA_INDEX_URLS_KEY: wanted.extra_index_urls_file,
        CERTIFICATE_KEY: wanted.cert,
    }
    if wanted.feed is not None:
        values[INDEX_URL_KEY] = _feed_url(client, wanted.feed)
    elif wanted.index_url is not None:
        values[INDEX_URL_KEY] = _plain_url(wanted.index_url)
    elif not any(files.values()):
        values[INDEX_URL_KEY] = _asked("Index URL, with its credentials")
    return values | {key: _from_file(name) for key, name in files.items() if name is not None}


def _feed_url(client: WorkspaceClient, reference: str) -> Secret[str]:
    from wheelyard.client import feeds  # noqa: PLC0415 - loads requests

    feed = feeds.find_feed(client, reference)
    request = {"scope": "read", "comment": "workspace default"}
    answer = client.api_client.do("POST", f"{feeds.feed_path(feed)}/tokens", body=request)
    return feeds.index_url_with(feed, Secret(str(answer["token_value"])))


def _plain_url(text: str) -> Secret[str]:
    if SafeUrl(text).has_credentials:
        raise InvalidParameter(
            "`pip-index-url` was not stored: the URL on the command line holds credentials",
            reference="secret-on-command-line",
            because="other users of this machine can read command lines, and shells keep them",
            unchanged="nothing was written; treat that token as seen",
            hint="wheelyard default set --index-url-file FILE, or pass it on standard input",
        )
    return Secret(text)


def _from_file(name: str) -> Secret[str]:
    if name == "-":
        return Secret(sys.stdin.read())
    return Secret(Path(name).read_text(encoding="utf-8"))


def _asked(question: str) -> Secret[str]:
    stdin = sys.stdin
    return Secret(click.prompt(question, hide_input=True, err=True) if stdin.isatty() else stdin.read())


_SET = Leaf(
    "set",
    params=[
        click.Option(
            ["--index-url-file"], metavar="FILE", help="File that holds the index URL; `-` is standard input."
        ),
        click.Option(["--index-url"], metavar="URL", help="Index URL without credentials."),
        click.Option(["--feed"], metavar="FEED", help="Take the index URL of this feed, as in team-a or org/team-a."),
        click.Option(["--new-token"], is_flag=True, help="With --feed: make a new read-only feed token for it."),
        click.Option(
            ["--extra-index-urls-file"], metavar="FILE", help="File of extra index URLs, separated by white space."
        ),
        click.Option(["--cert"], metavar="FILE", help="PEM file of the CA that signed the index's certificate."),
        click.Option(["--trim"], is_flag=True, help="Drop white space around values instead of refusing it."),
    ],
    short_help="Store the index, extra indexes or certificate of the workspace.",
    help="""Store the workspace default and give `admins` MANAGE and `users` READ on its scope.

    Without an option the index URL is asked for without echo, or read from standard input. Values are checked first;
    a value that pip would choke on is refused and nothing is written. Keys that are not given keep their value.""",
    callback=_set,
)


def _unset(keys: Sequence[str], everything: bool, yes: bool) -> None:  # noqa: FBT001 - click passes flags by name
    from wheelyard.client import defaults  # noqa: PLC0415 - loads the SDK, which `--help` must not wait for

    if bool(keys) == everything:
        raise click.UsageError(f"name keys ({', '.join(KEYS)}) or pass --all")
    out, client = screen(), connect()
    if not yes and sys.stdin.isatty():
        click.confirm("Installs may then ask the public index. Go on?", abort=True, err=True)
    gone = defaults.unset(client, keys)
    if everything and defaults.delete_scope(client):
        gone = (f"scope {RESERVED_SCOPE}",)
    if out.wants_json:
        out.json({"deleted": list(gone)})
        return
    for name in gone:
        out.say(f"deleted {name}")
    if not gone:
        out.say("nothing was stored; nothing was deleted")


_UNSET = Leaf(
    "unset",
    params=[
        click.Argument(["keys"], nargs=-1, metavar="[KEY]...", type=click.Choice(KEYS)),
        click.Option(["--all", "everything"], is_flag=True, help="Delete the scope with everything in it."),
        click.Option(["--yes", "-y"], is_flag=True, help="Do not ask."),
    ],
    argument_help={"KEY": ", ".join(KEYS)},
    short_help="Delete keys of the default, or all of it.",
    help=f"Delete keys of the workspace default ({', '.join(KEYS)}), or with --all its scope.",
    callback=_unset,
)


def _check() -> int:
    from wheelyard.client import defaults  # noqa: PLC0415 - loads the SDK, which `--help` must not wait for

    out = screen()
    findings = defaults.check(defaults.read(connect()))
    if out.wants_json:
        out.json(
            {
                "ok": not any(one.level == "error" for one in findings),
                "problems": [_finding_json(one) for one in findings],
            }
        )
    else:
        _say_findings(out, findings)
    return 1 if any(one.level == "error" for one in findings) else 0


def _finding_json(one: Finding) -> dict[str, str]:
    return {
        "id": one.rule_id,
        "level": one.level,
        "where": one.where,
        "text": one.text,
        "hint": one.hint,
        "why": one.why,
        "source": one.source,
        "confidence": one.confidence,
    }


def _say_findings(out: Screen, findings: Sequence[Finding]) -> None:
    if not findings:
        out.say("ok: the workspace default breaks no rule", "green")
        return
    rows = [("fail" if one.level == "error" else "warn", one.rule_id, one.where, one.text) for one in findings]
    out.table(["", "Rule", "Where", "Finding"], rows)
    for hint in dict.fromkeys(one.hint for one in findings if one.hint):
        out.note(f"hint: {hint}")


_CHECK = Leaf(
    "check",
    short_help="Lint the stored values and the ACL; exit 1 on problems.",
    help="Check the stored values and the ACL against the rules; exit code 1 when one is broken.",
    callback=_check,
)

command = Family(
    "default",
    help="The workspace default: index, extra indexes and certificate that every install takes unless told otherwise.",
    commands={one.name or "": one for one in (_SHOW, _SET, _UNSET, _CHECK)},
)
