"""`wheelyard workspace`: the official CLI's grammar for notebooks, files and folders."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from wheelyard.cli.grammar import Call, Field, Listing, family, flag, read_json
from wheelyard.cli.render import screen
from wheelyard.cli.settings import Leaf, connect
from wheelyard.core.errors import InvalidParameter

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["command"]

_WORKSPACE = "/api/2.0/workspace"
_PATH = Field("path", "absolute path in the workspace, as in /Users/ana@example.com/notebook")
_FORMATS = ("AUTO", "DBC", "HTML", "JUPYTER", "RAW", "R_MARKDOWN", "SOURCE")
_LANGUAGES = ("PYTHON", "R", "SCALA", "SQL")
_LANGUAGE_OF = {".py": "PYTHON", ".sql": "SQL", ".scala": "SCALA", ".r": "R"}
_SUFFIX_OF = {language: suffix for suffix, language in _LANGUAGE_OF.items()}
_HEADERS = ("# Databricks notebook source", "-- Databricks notebook source", "// Databricks notebook source")

_CALLS = (
    Call(
        "list",
        "List a folder.",
        "GET",
        f"{_WORKSPACE}/list",
        (_PATH,),
        (flag("notebooks_modified_after", "Only notebooks changed since, in ms since the epoch.", "number"),),
        show=Listing(
            "objects",
            (("ID", "object_id"), ("Type", "object_type"), ("Language", "language"), ("Path", "path")),
            empty="the folder is empty",
        ),
    ),
    Call("get-status", "Show what lies at a path.", "GET", f"{_WORKSPACE}/get-status", (_PATH,)),
    Call("mkdirs", "Make a folder and its parents.", "POST", f"{_WORKSPACE}/mkdirs", (_PATH,), body="may"),
    Call(
        "delete",
        "Delete an object.",
        "POST",
        f"{_WORKSPACE}/delete",
        (_PATH,),
        (flag("recursive", "Delete a folder with all it holds.", "switch"),),
        body="may",
    ),
)


def _import(path: str | None, file: str | None, content: str | None, json_text: str | None, **flags: Any) -> None:
    body: dict[str, Any]
    if json_text is not None:
        body = read_json(json_text)
    else:
        if path is None:
            raise click.UsageError("missing argument TARGET_PATH")
        chosen = {name: value for name, value in flags.items() if value}
        body = {"path": path, **_import_fields(file, content), **chosen}
    connect().api_client.do("POST", f"{_WORKSPACE}/import", body=body)


def _import_fields(file: str | None, content: str | None) -> dict[str, str]:
    if file is not None and content is None:
        return {"content": base64.b64encode(Path(file).read_bytes()).decode()}
    if content is not None and file is None:
        return {"content": content}
    raise click.UsageError("give --file or --content")


_IMPORT = Leaf(
    "import",
    params=[
        click.Argument(["path"], required=False, metavar="TARGET_PATH"),
        click.Option(["--file"], metavar="FILE", help="Local file to import."),
        click.Option(["--content"], metavar="BASE64", help="The content itself, base64-encoded."),
        click.Option(["--format"], type=click.Choice(_FORMATS), help="How to read it; default: SOURCE."),
        click.Option(["--language"], type=click.Choice(_LANGUAGES), help="Language of a notebook in SOURCE format."),
        click.Option(["--overwrite"], is_flag=True, help="Replace what is there."),
        click.Option(["--json", "json_text"], metavar="JSON", help="Request body, inline or as @FILE."),
    ],
    argument_help={"TARGET_PATH": _PATH.help},
    short_help="Import a notebook or file.",
    help="Import a local file as the notebook or file TARGET_PATH.",
    callback=_import,
)


def _export(path: str, file: str | None, **flags: Any) -> None:
    query = {"path": path, **{name: value for name, value in flags.items() if value}}
    answer = connect().api_client.do("GET", f"{_WORKSPACE}/export", query=query)
    content = base64.b64decode(answer.get("content") or "")
    out = screen()
    if file is not None:
        Path(file).write_bytes(content)
        out.note(f"wrote {file}")
    elif out.wants_json:
        out.json(answer, masked=False)
    else:
        sys.stdout.buffer.write(content)


_EXPORT = Leaf(
    "export",
    params=[
        click.Argument(["path"], metavar="SOURCE_PATH"),
        click.Option(["--file"], metavar="FILE", help="Where to write it; default: standard output."),
        click.Option(["--format"], type=click.Choice(_FORMATS), help="Form of the content; default: SOURCE."),
    ],
    argument_help={"SOURCE_PATH": _PATH.help},
    short_help="Export a notebook or file.",
    help="Export the object SOURCE_PATH.",
    callback=_export,
)


def _import_dir(source: str, target: str, overwrite: bool) -> None:  # noqa: FBT001 - click passes the flag by name
    out, client = screen(), connect()
    root = Path(source)
    if not root.is_dir():
        raise InvalidParameter(f"`{source}` is no folder", reference="not-a-folder", unchanged="nothing was imported")
    client.workspace.mkdirs(target)
    sent = []
    for file in sorted(one for one in root.rglob("*") if one.is_file()):
        place = PurePosixPath(target) / file.relative_to(root).as_posix()
        client.workspace.mkdirs(str(place.parent))
        sent.append(_import_file(client, file, place, overwrite=overwrite))
        out.note(f"{file} -> {sent[-1]}")
    if out.wants_json:
        out.json(sent)


def _import_file(client: WorkspaceClient, file: Path, place: PurePosixPath, *, overwrite: bool) -> str:
    content = file.read_bytes()
    body = {"path": str(place), "content": base64.b64encode(content).decode(), "format": "AUTO", "overwrite": overwrite}
    if _is_notebook(file, content):
        body["path"] = str(place.with_suffix(""))
        body |= _notebook_form(file)
    client.api_client.do("POST", f"{_WORKSPACE}/import", body=body)
    return str(body["path"])


def _notebook_form(file: Path) -> dict[str, str]:
    if file.suffix.lower() == ".ipynb":
        return {"format": "JUPYTER"}
    return {"format": "SOURCE", "language": _LANGUAGE_OF[file.suffix.lower()]}


def _is_notebook(file: Path, content: bytes) -> bool:
    if file.suffix.lower() == ".ipynb":
        return True
    return file.suffix.lower() in _LANGUAGE_OF and content.decode("utf-8", "replace").startswith(_HEADERS)


_IMPORT_DIR = Leaf(
    "import-dir",
    params=[
        click.Argument(["source"], metavar="SOURCE_PATH"),
        click.Argument(["target"], metavar="TARGET_PATH"),
        click.Option(["--overwrite"], is_flag=True, help="Replace what is there."),
    ],
    argument_help={"SOURCE_PATH": "local folder", "TARGET_PATH": _PATH.help},
    short_help="Import a local folder with all it holds.",
    help="""Import the local folder SOURCE_PATH as TARGET_PATH.

    Files with a notebook header and `.ipynb` files become notebooks and lose their ending, as on import of a single
    file.""",
    callback=_import_dir,
)


def _export_dir(source: str, target: str, overwrite: bool) -> None:  # noqa: FBT001 - click passes the flag by name
    out, client = screen(), connect()
    written = []
    for item in _files_below(client, source):
        file = Path(target) / PurePosixPath(item["path"]).relative_to(source)
        if item.get("object_type") == "NOTEBOOK":
            file = file.with_name(file.name + _SUFFIX_OF.get(str(item.get("language")), ".py"))
        if file.exists() and not overwrite:
            out.warn("file-exists", f"`{file}` was left as it is", "pass --overwrite to replace it")
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        answer = client.api_client.do("GET", f"{_WORKSPACE}/export", query={"path": item["path"], "format": "AUTO"})
        file.write_bytes(base64.b64decode(answer.get("content") or ""))
        written.append(str(file))
        out.note(f"{item['path']} -> {file}")
    if out.wants_json:
        out.json(written)


def _files_below(client: WorkspaceClient, folder: str) -> Iterator[dict[str, Any]]:
    for item in client.api_client.do("GET", f"{_WORKSPACE}/list", query={"path": folder}).get("objects") or ():
        if item.get("object_type") == "DIRECTORY":
            yield from _files_below(client, item["path"])
        else:
            yield item


_EXPORT_DIR = Leaf(
    "export-dir",
    params=[
        click.Argument(["source"], metavar="SOURCE_PATH"),
        click.Argument(["target"], metavar="TARGET_PATH"),
        click.Option(["--overwrite"], is_flag=True, help="Replace local files."),
    ],
    argument_help={"SOURCE_PATH": _PATH.help, "TARGET_PATH": "local folder"},
    short_help="Export a folder with all it holds.",
    help="Export the workspace folder SOURCE_PATH into the local folder TARGET_PATH.",
    callback=_export_dir,
)

command = family(
    "workspace",
    "Notebooks, files and folders, in the grammar of `databricks workspace`.",
    _CALLS,
    [_IMPORT, _EXPORT, _IMPORT_DIR, _EXPORT_DIR],
)
