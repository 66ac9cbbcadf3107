"""`wheelyard secrets`: the official CLI's grammar for scopes, secrets and ACLs."""

from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime
from typing import Any

import click

from wheelyard.cli.grammar import Call, Field, Listing, family, flag, read_json
from wheelyard.cli.settings import Leaf, connect

__all__ = ["command"]

_SCOPE = Field("scope", "name of the scope")
_KEY = Field("key", "name of the secret in the scope")
_PRINCIPAL = Field("principal", "user name, application id of a service principal, or group name")
_SECRETS = "/api/2.0/secrets"


def _when(item: Any) -> str:
    stamp = item.get("last_updated_timestamp")
    return datetime.fromtimestamp(int(stamp) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if stamp else ""


_CALLS = (
    Call(
        "create-scope",
        "Create a secret scope.",
        "POST",
        f"{_SECRETS}/scopes/create",
        (_SCOPE,),
        (
            flag("initial_manage_principal", "`users` gives MANAGE to every user instead of to you alone."),
            flag("scope_backend_type", "Who keeps the values.", choices=("DATABRICKS", "AZURE_KEYVAULT")),
        ),
        body="may",
    ),
    Call(
        "delete-scope",
        "Delete a scope with its secrets and ACLs.",
        "POST",
        f"{_SECRETS}/scopes/delete",
        (_SCOPE,),
        body="may",
    ),
    Call(
        "list-scopes",
        "List all scopes of the workspace.",
        "GET",
        f"{_SECRETS}/scopes/list",
        show=Listing("scopes", (("Scope", "name"), ("Backend Type", "backend_type")), empty="no scopes"),
    ),
    Call("delete-secret", "Delete a secret.", "POST", f"{_SECRETS}/delete", (_SCOPE, _KEY), body="may"),
    Call(
        "get-secret",
        "Get a secret; its value is base64.",
        "GET",
        f"{_SECRETS}/get",
        (_SCOPE, _KEY),
        text="Needs READ on the scope. The value is printed: mind who reads your terminal.",
    ),
    Call(
        "list-secrets",
        "List the keys of a scope; values are never shown.",
        "GET",
        f"{_SECRETS}/list",
        (_SCOPE,),
        show=Listing("secrets", (("Key", "key"), ("Last Updated", _when)), empty="no secrets in this scope"),
    ),
    Call(
        "put-acl",
        "Give a principal a permission on a scope.",
        "POST",
        f"{_SECRETS}/acls/put",
        (_SCOPE, _PRINCIPAL, Field("permission", "READ, WRITE or MANAGE", choices=("READ", "WRITE", "MANAGE"))),
        body="may",
    ),
    Call("get-acl", "Show one principal's permission on a scope.", "GET", f"{_SECRETS}/acls/get", (_SCOPE, _PRINCIPAL)),
    Call(
        "list-acls",
        "List who has which permission on a scope.",
        "GET",
        f"{_SECRETS}/acls/list",
        (_SCOPE,),
        show=Listing("items", (("Principal", "principal"), ("Permission", "permission")), empty="no ACL entries"),
    ),
    Call(
        "delete-acl",
        "Take a principal's permission on a scope away.",
        "POST",
        f"{_SECRETS}/acls/delete",
        (_SCOPE, _PRINCIPAL),
        body="may",
    ),
)


def _put(
    scope: str | None, key: str | None, string_value: str | None, bytes_value: str | None, json_text: str | None
) -> None:
    if string_value is not None and bytes_value is not None:
        raise click.UsageError("give --string-value or --bytes-value, not both")
    if json_text is not None:
        body = read_json(json_text)
    elif scope is None or key is None:
        raise click.UsageError("missing argument SCOPE or KEY")
    else:
        body = {"scope": scope, "key": key, **_value(string_value, bytes_value)}
    connect().api_client.do("POST", f"{_SECRETS}/put", body=body)


def _value(string_value: str | None, bytes_value: str | None) -> dict[str, str]:
    if string_value is not None:
        return {"string_value": string_value}
    plain = bytes_value.encode() if bytes_value is not None else _from_person_or_pipe()
    return {"bytes_value": base64.b64encode(plain).decode()}


def _from_person_or_pipe() -> bytes:
    stdin = sys.stdin.buffer
    if not stdin.isatty():
        return stdin.read()
    answer: str = click.prompt("Secret value", hide_input=True, err=True)
    return answer.encode()


_PUT = Leaf(
    "put-secret",
    params=[
        click.Argument(["scope"], required=False, metavar="SCOPE"),
        click.Argument(["key"], required=False, metavar="KEY"),
        click.Option(
            ["--string-value"], metavar="TEXT", help="Value, stored as UTF-8; other users may see it in `ps`."
        ),
        click.Option(["--bytes-value"], metavar="TEXT", help="Value as plain text; it is sent base64-encoded."),
        click.Option(["--json", "json_text"], metavar="JSON", help="Request body, inline or as @FILE."),
    ],
    argument_help={"SCOPE": _SCOPE.help, "KEY": _KEY.help},
    short_help="Store a secret; an old value is overwritten.",
    help="""Store a secret; an old value is overwritten.

    Without a value flag the value is asked for without echo on a terminal, and otherwise read from standard input to
    its end, a final newline included: use `printf %s`, not `echo`.""",
    callback=_put,
)

command = family(
    "secrets",
    "Secret scopes, secrets and their ACLs, in the grammar of `databricks secrets`.",
    _CALLS,
    [_PUT],
)
