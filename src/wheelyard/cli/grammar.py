"""The grammar of the official `databricks` CLI as rows: one row a command, one function that walks them.

The words, the order of the arguments, the flags and the JSON are those of the official CLI, so that a documented
command works with `wheelyard` in front. A void call prints nothing; a list is a table, or with `--output json` the
array; any other answer is its JSON in both forms. `--json` takes the request body inline or as `@file`; what it names
wins over flags.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import click

from wheelyard.cli.render import Column, Screen, screen
from wheelyard.cli.settings import Family, Leaf, connect
from wheelyard.core.errors import WrongUsage

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["Call", "Field", "Listing", "family", "flag", "read_json"]

Kind = Literal["text", "number", "switch", "list"]
Tell = Callable[[str], None]
After = Callable[["WorkspaceClient", Mapping[str, Any], Any, Tell, float], Any]
"""Waits for what a call started: (client, request, answer, tell, deadline in seconds) -> what to print instead."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request: a positional argument in the row's order, or a flag named after it."""

    name: str
    help: str = ""
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    required: bool = True


def flag(name: str, help_text: str, kind: Kind = "text", choices: tuple[str, ...] = ()) -> Field:
    """A flag: a field that may be left out."""
    return Field(name, help_text, kind, choices, required=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer that is a list.

    Args:
        key: field of the answer that holds it.
        columns: title and where the cell is found (dotted path, or a function of the item).
        page: the request carries `page_token` until the answer names no next one.
    """

    key: str
    columns: tuple[tuple[str, str | Callable[[Any], object]], ...]
    page: bool = False
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One command of the grammar and the one request it makes.

    Args:
        name: the command.
        summary: its line in the help.
        method: HTTP method.
        path: REST path; `{field}` is filled from the request.
        arguments: positional, required unless `--json` carries them.
        flags: optional fields of the request.
        body: whether `--json` is taken: "no", "may" or "must" (nothing but JSON can say it).
        show: how the answer is printed; None prints the answer's JSON, or nothing for `{}`.
        after: waits for what was started, unless `--no-wait`.
        until: what is waited for, in words.
        text: longer help.
        fixed: fields that every request of this command carries.
    """

    name: str
    summary: str
    method: str
    path: str
    arguments: tuple[Field, ...] = ()
    flags: tuple[Field, ...] = ()
    body: Literal["no", "may", "must"] = "no"
    show: Listing | None = None
    after: After | None = None
    until: str = ""
    text: str = ""
    fixed: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def family(name: str, text: str, calls: Sequence[Call], extra: Sequence[click.Command] = ()) -> Family:
    """The click group of a service: its rows, and the commands that need more than a row."""
    commands = sorted([*(_command(call) for call in calls), *extra], key=lambda command: command.name or "")
    return Family(name, help=text, commands={command.name or "": command for command in commands})


def read_json(text: str) -> dict[str, Any]:
    """The request body of a `--json` flag: JSON text, or `@` and the path of a file (`@-` for standard input).

    Raises:
        WrongUsage: no JSON, or JSON that is no object.
    """
    if text == "@-":
        source, content = "standard input", sys.stdin.read()
    elif text.startswith("@"):
        source, content = f"file `{text[1:]}`", Path(text[1:]).read_text(encoding="utf-8")
    else:
        source, content = "--json", text
    try:
        body = json.loads(content)
    except ValueError as problem:
        raise WrongUsage(
            f"The request in {source} is no JSON",
            reference="json-invalid",
            because=str(problem),
            unchanged="nothing was sent",
            hint="quote the whole text for your shell, or put it into a file and pass --json @FILE",
        ) from problem
    if not isinstance(body, dict):
        raise WrongUsage(
            f"The request in {source} is no JSON object",
            reference="json-invalid",
            because=f"it is a {type(body).__name__}",
            unchanged="nothing was sent",
        )
    return body


def _command(call: Call) -> click.Command:
    params: list[click.Parameter] = [
        click.Argument([one.name], required=False, metavar=one.name.upper(), type=_type(one)) for one in call.arguments
    ]
    params += [_option(one) for one in call.flags]
    if call.body != "no":
        params.append(click.Option(["--json", "json_text"], metavar="JSON", help="Request body, inline or as @FILE."))
    if call.after is not None:
        params += wait_options(call.until)
    return Leaf(
        call.name,
        params=params,
        short_help=call.summary,
        help="\n\n".join(part for part in (call.summary, call.text) if part),
        argument_help={one.name.upper(): one.help for one in call.arguments},
        callback=lambda **given: _perform(call, given, screen()),
    )


def wait_options(until: str) -> list[click.Parameter]:
    """`--no-wait` and `--timeout`, as the official CLI words them."""
    return [
        click.Option(["--no-wait"], is_flag=True, help=f"Do not wait to reach {until}."),
        click.Option(
            ["--timeout"], metavar="MINUTES", type=float, default=20, show_default=True, help="How long to wait."
        ),
    ]


def _type(one: Field) -> click.ParamType[Any] | None:
    if one.kind == "number":
        return click.INT
    return click.Choice(one.choices) if one.choices else None


def _option(one: Field) -> click.Option:
    name = f"--{one.name.rpartition('.')[2].replace('_', '-')}"
    python_name = one.name.replace(".", "__")
    if one.kind == "switch":
        return click.Option([name, python_name], is_flag=True, help=one.help)
    return click.Option([name, python_name], type=_type(one), multiple=one.kind == "list", help=one.help)


def _perform(call: Call, given: dict[str, Any], out: Screen) -> None:
    request = _request(call, given)
    client = connect()
    if call.show is not None and call.show.page:
        _show_list(call.show, list(_pages(client, call, request, call.show.key)), out)
        return
    answer = send(client, call.method, call.path, request)
    if call.after is not None and not given["no_wait"]:
        with out.progress(f"waiting to reach {call.until}") as tell:
            answer = call.after(client, request, answer, tell, given["timeout"] * 60)
    if call.show is not None:
        _show_list(call.show, list((answer or {}).get(call.show.key) or ()), out)
    elif answer:
        out.json(answer, masked=False)


def send(client: WorkspaceClient, method: str, path: str, request: Mapping[str, Any]) -> Any:
    """One request through the SDK: path fields filled, the rest as query or JSON body."""
    filled = path.format_map(request)
    rest = {name: value for name, value in request.items() if f"{{{name}}}" not in path}
    if method in {"GET", "DELETE"}:
        return client.api_client.do(method, filled, query=rest)
    return client.api_client.do(method, filled, body=rest)


def _request(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    text = given.get("json_text")
    if text is None and call.body == "must":
        raise click.UsageError("give the request as JSON with --json, inline or as @FILE")
    named = [*call.arguments, *call.flags]
    values = {one.name: given[one.name.replace(".", "__")] for one in named}
    given_fields = {name: value for name, value in values.items() if value is not None and value is not False}
    present = {name: _plain(value) for name, value in given_fields.items() if value != ()}
    request = {**call.fixed, **present, **(read_json(text) if text is not None else {})}
    for one in call.arguments:
        if one.name not in request and (text is None or one.required):
            raise click.UsageError(f"missing argument {one.name.upper()}: {one.help}".rstrip(": "))
    return request


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _pages(client: WorkspaceClient, call: Call, request: Mapping[str, Any], key: str) -> Iterator[Any]:
    following: dict[str, Any] = dict(request)
    while True:
        answer = send(client, call.method, call.path, following) or {}
        yield from answer.get(key) or ()
        token = answer.get("next_page_token")
        if not token or "limit" in request:
            return
        following = {**request, "page_token": token}


def _show_list(show: Listing, items: list[Any], out: Screen) -> None:
    if out.wants_json:
        out.json(items, masked=False)
        return
    rows = [[_cell(item, where) for _title, where in show.columns] for item in items]
    out.table([Column(title) for title, _where in show.columns], rows, empty=show.empty)


def _cell(item: Any, where: str | Callable[[Any], object]) -> object:
    if callable(where):
        return where(item)
    found = item
    for part in where.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return "" if found is None else found
