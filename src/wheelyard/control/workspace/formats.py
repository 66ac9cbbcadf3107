"""What an upload becomes, and how an object is written out: decided from path, format, language and first line.

| format | becomes |
|---|---|
| SOURCE | a notebook; its language is given, or its first line or extension says it |
| JUPYTER | a notebook |
| RAW | a file |
| AUTO, and `import-file` | a notebook when it is `.ipynb`, or source whose first line says so; else a file |

A notebook recognised by its first line or by `.ipynb` loses that extension.
Source: workspace-api facts 11; databricks-sdk-py `ImportFormat`, `ExportFormat`.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

from wheelyard.control.workspace.notebook_source import EXTENSIONS, Language, NotebookSource, source_language
from wheelyard.core.errors import BadRequest, InvalidParameter

__all__ = ["ImportAs", "Target", "notebook_as", "parsed", "target_of"]

ImportAs = Literal["SOURCE", "HTML", "JUPYTER", "DBC", "R_MARKDOWN", "RAW", "AUTO"]
_IPYNB = ".ipynb"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes and what it is there; `form` is a notebook's stored form."""

    path: str
    object_type: Literal["NOTEBOOK", "FILE"]
    language: Language | None = None
    form: Literal["SOURCE", "JUPYTER", ""] = ""


def target_of(path: str, content: bytes, import_as: ImportAs, language: Language | None = None) -> Target:
    """Decide what an upload to `path` becomes; a notebook's content is parsed, so that what is stored can be run.

    Raises:
        InvalidParameter: the content is no such notebook, or its language is not known.
        BadRequest: a format that is not served here.
    """
    if import_as == "RAW":
        return Target(path, "FILE")
    if import_as == "JUPYTER" or (import_as == "AUTO" and path.endswith(_IPYNB)):
        notebook = NotebookSource.parse_jupyter(content)
        return Target(path.removesuffix(_IPYNB), "NOTEBOOK", notebook.language, "JUPYTER")
    if import_as not in ("SOURCE", "AUTO"):
        raise _not_served("imported", import_as)
    extension, spoken = _extension(path)
    marked = source_language(content, language or spoken)
    if marked is not None and (spoken == marked or (not extension and import_as == "SOURCE")):
        return Target(path[: len(path) - len(extension)], "NOTEBOOK", marked, "SOURCE")
    if import_as == "AUTO":
        return Target(path, "FILE")
    return Target(path, "NOTEBOOK", NotebookSource.parse_source(content, language or spoken).language, "SOURCE")


def parsed(content: bytes, form: str, language: str) -> NotebookSource:
    """The cells of a stored notebook."""
    if form == "JUPYTER":
        return NotebookSource.parse_jupyter(content)
    return NotebookSource.parse_source(content, _language(language))


def notebook_as(export_as: ImportAs, content: bytes, form: str, language: str) -> tuple[bytes, str]:
    """A notebook's bytes in a format, and the extension they have as a file; its stored form is left as it was written.

    Raises:
        BadRequest: a format that is not served here.
    """
    wanted = form if export_as == "AUTO" else export_as
    notebook = parsed(content, form, language)
    if wanted == "JUPYTER":
        return (content if form == wanted else notebook.to_jupyter()), "ipynb"
    if wanted == "SOURCE":
        marked = form == wanted and source_language(content, notebook.language) is not None
        return (content if marked else notebook.to_source()), notebook.extension[1:]
    if wanted == "HTML":
        return _page(notebook), "html"
    raise _not_served("exported", export_as)


def _language(text: str) -> Language:
    return next(language for language in EXTENSIONS.values() if language == text)


def _extension(path: str) -> tuple[str, Language | None]:
    """A source file's extension as it is spelled, and its language; empty when it is no source file's."""
    lowered = path.lower()
    found = next((extension for extension in EXTENSIONS if lowered.endswith(extension)), "")
    return (path[len(path) - len(found) :], EXTENSIONS[found]) if found else ("", None)


def _not_served(verb: str, name: str) -> BadRequest | InvalidParameter:
    return BadRequest(
        f"Format {name} cannot be {verb} here.", reference="format-not-served", hint="use SOURCE, JUPYTER or AUTO"
    )


def _page(notebook: NotebookSource) -> bytes:
    cells = "\n".join(f"<pre>{html.escape(cell)}</pre>" for cell in notebook.cells)
    title = f"<title>Notebook ({notebook.language})</title>"
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8">{title}</head><body>\n{cells}\n</body></html>\n'.encode()
    )
