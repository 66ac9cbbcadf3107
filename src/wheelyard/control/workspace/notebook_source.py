"""Notebooks as text: the two forms a notebook travels in, and the cells they mean.

A *source* notebook is a program whose first line says `Databricks notebook source` in a comment of its language; cells
are divided by `COMMAND ----------`, and a cell in another language, or with a magic command, has every line behind
`MAGIC`. A *Jupyter* notebook is nbformat 4 JSON. Both are parsed into the same cells, in which a magic cell starts with
its `%` line. A cell's title (`DBTITLE`) is shown by the editor only and is no part of the cell.
Source: workspace-api facts 11; the exported form of the documentation page "Export and import notebooks".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, cast

from wheelyard.core.errors import InvalidParameter

__all__ = ["EXTENSIONS", "Language", "NotebookSource", "source_language"]

Language = Literal["PYTHON", "SCALA", "SQL", "R"]


@dataclass(frozen=True, slots=True)
class _Syntax:
    comment: str
    extension: str
    jupyter_name: str


_SYNTAX: Mapping[Language, _Syntax] = MappingProxyType(
    {
        "PYTHON": _Syntax("#", ".py", "python"),
        "SQL": _Syntax("--", ".sql", "sql"),
        "SCALA": _Syntax("//", ".scala", "scala"),
        "R": _Syntax("#", ".r", "r"),
    }
)

EXTENSIONS: Mapping[str, Language] = MappingProxyType({syntax.extension: name for name, syntax in _SYNTAX.items()})
"""File extension, lower case, to the language it means."""

_HEADER = "Databricks notebook source"
_SEPARATOR = "COMMAND ----------"
_MAGIC = "MAGIC"
_TITLE = "DBTITLE"
_MARKDOWN = "%md"


@dataclass(frozen=True, slots=True)
class NotebookSource:
    r"""A notebook's language and the text of its cells, without a final newline each.

    >>> notebook = NotebookSource.parse_source(b"# Databricks notebook source\n# MAGIC %pip install acme\n")
    >>> notebook.cells
    ('%pip install acme',)
    """

    language: Language
    cells: tuple[str, ...]

    @classmethod
    def parse_source(cls, content: bytes, language: Language | None = None) -> NotebookSource:
        """Read the source form. Without its first line the whole text is one cell of `language`.

        Raises:
            InvalidParameter: it is no UTF-8, or it has no such first line and no language is given.
        """
        text = _text(content)
        marked = source_language(content, language)
        spoken = marked or language
        if spoken is None:
            raise InvalidParameter(
                "The language of the notebook is not known: its first line does not say"
                f" '{_SYNTAX['PYTHON'].comment} {_HEADER}', and no language is given.",
                reference="notebook-language-missing",
            )
        lines = _lines(text)
        comment = _SYNTAX[spoken].comment
        groups = _split(lines[1:] if marked else lines, f"{comment} {_SEPARATOR}")
        cells = [_cell(group, comment) for group in groups]
        return cls(spoken, tuple(cells) if any(cells) else ())

    @classmethod
    def parse_jupyter(cls, content: bytes) -> NotebookSource:
        """Read nbformat 4 JSON; raw and markdown cells become `%md` cells, outputs are left out.

        Raises:
            InvalidParameter: it is no JSON, or no notebook of nbformat 4.
        """
        document = _jupyter_document(content)
        return cls(_jupyter_language(document), tuple(_jupyter_cell(cell) for cell in document["cells"]))

    def to_source(self) -> bytes:
        """The source form; `parse_source` of it gives an equal notebook back."""
        comment = _SYNTAX[self.language].comment
        printed = (_printed(cell, comment) for cell in self.cells)
        body = f"\n\n{comment} {_SEPARATOR}\n\n".join(printed)
        return f"{comment} {_HEADER}\n{body}\n".encode()

    def to_jupyter(self) -> bytes:
        """Nbformat 4 JSON without outputs."""
        name = _SYNTAX[self.language].jupyter_name
        document = {
            "cells": [_to_jupyter_cell(cell) for cell in self.cells],
            "metadata": {
                "application/vnd.databricks.v1+notebook": {"language": name},
                "kernelspec": {"display_name": name.capitalize(), "language": name, "name": name},
                "language_info": {"name": name},
            },
            "nbformat": 4,
            "nbformat_minor": 4,
        }
        return json.dumps(document, indent=1, ensure_ascii=False).encode()

    @property
    def extension(self) -> str:
        """The extension of the source form, `.py` for Python."""
        return _SYNTAX[self.language].extension


def source_language(content: bytes, expected: Language | None = None) -> Language | None:
    """The language that the first line declares, `None` when it declares no notebook.

    Python and R share a comment sign: `expected` decides between them, and without it the answer is Python.

    >>> source_language(b"-- Databricks notebook source")
    'SQL'
    """
    first = content.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").rstrip().decode("utf-8", "replace")
    if expected is not None and first == f"{_SYNTAX[expected].comment} {_HEADER}":
        return expected
    for language, syntax in _SYNTAX.items():
        if first == f"{syntax.comment} {_HEADER}":
            return language
    return None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidParameter(
            f"The notebook is not UTF-8 text: byte {error.start} cannot be decoded.", reference="notebook-not-text"
        ) from None


def _lines(text: str) -> list[str]:
    """Lines as an editor shows them: a form feed or a Unicode line separator in a string does not end one."""
    return text.replace("\r\n", "\n").split("\n")


def _split(lines: list[str], separator: str) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == separator:
            groups.append([])
        else:
            groups[-1].append(line)
    return groups


def _cell(lines: list[str], comment: str) -> str:
    kept = _without_blank_ends([line for line in lines if not line.startswith(f"{comment} {_TITLE} ")])
    magic = f"{comment} {_MAGIC}"
    if kept and all(not line.strip() or line == magic or line.startswith(f"{magic} ") for line in kept):
        kept = _without_blank_ends([line[len(magic) + 1 :] for line in kept])
    return "\n".join(kept)


def _without_blank_ends(lines: list[str]) -> list[str]:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


def _printed(cell: str, comment: str) -> str:
    if not cell.startswith("%"):
        return cell
    magic = f"{comment} {_MAGIC}"
    return "\n".join(f"{magic} {line}" if line else magic for line in _lines(cell))


def _jupyter_document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidParameter("The Jupyter notebook is not valid JSON.", reference="notebook-not-json") from None
    if not isinstance(document, dict) or document.get("nbformat") != 4 or not isinstance(document.get("cells"), list):
        raise InvalidParameter(
            "The Jupyter notebook has no cells in nbformat 4.",
            reference="notebook-format",
            hint="jupyter nbconvert --to notebook --nbformat 4 FILE",
        )
    return document


def _jupyter_language(document: dict[str, Any]) -> Language:
    metadata = document.get("metadata")
    found = "python"
    if isinstance(metadata, dict):
        places = (
            ("application/vnd.databricks.v1+notebook", "language"),
            ("kernelspec", "language"),
            ("language_info", "name"),
        )
        named = (metadata[part].get(key) for part, key in places if isinstance(metadata.get(part), dict))
        found = next((str(name).lower() for name in named if name), found)
    return next((name for name, syntax in _SYNTAX.items() if syntax.jupyter_name == found), "PYTHON")


def _jupyter_cell(cell: object) -> str:
    if not isinstance(cell, dict):
        raise InvalidParameter("The Jupyter notebook has a cell that is no object.", reference="notebook-format")
    source = cast("dict[str, Any]", cell).get("source", "")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    text = "\n".join(_without_blank_ends(_lines(text)))
    return text if cell.get("cell_type") == "code" else f"{_MARKDOWN}\n{text}".rstrip()


def _to_jupyter_cell(cell: str) -> dict[str, Any]:
    first, _, rest = cell.partition("\n")
    if first.split(" ", 1)[0] == _MARKDOWN:
        text = f"{first.removeprefix(_MARKDOWN).lstrip()}\n{rest}".strip("\n")
        return {"cell_type": "markdown", "metadata": {}, "source": text}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": cell,
    }
