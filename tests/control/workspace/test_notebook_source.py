from __future__ import annotations

import json
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.workspace.notebook_source import Language, NotebookSource, source_language
from wheelyard.core.errors import InvalidParameter

LANGUAGES: tuple[Language, ...] = get_args(Language)

_LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
_INNER = st.lists(_LINE, max_size=4)
_VISIBLE = _LINE.filter(lambda line: bool(line.strip()))


def _is_plain(line: str) -> bool:
    return not any(word in line for word in ("MAGIC", "COMMAND ----------", "DBTITLE"))


@st.composite
def _cells(draw: st.DrawFn) -> str:
    """A cell as the editor keeps it: no blank line at either end."""
    lines = [draw(_VISIBLE), *draw(_INNER), draw(_VISIBLE)]
    if draw(st.booleans()):
        lines = [f"%{draw(st.sampled_from(['pip', 'sh', 'sql', 'python']))} {lines[0]}", *lines[1:]]
    return "\n".join(line if _is_plain(line) else "x" for line in lines)


NOTEBOOKS = st.builds(NotebookSource, st.sampled_from(LANGUAGES), st.lists(_cells(), max_size=5).map(tuple))


@given(NOTEBOOKS)
def test_source_form_gives_the_same_cells_back(notebook: NotebookSource) -> None:
    assert NotebookSource.parse_source(notebook.to_source(), notebook.language) == notebook


@given(NOTEBOOKS)
def test_jupyter_form_gives_the_same_cells_back(notebook: NotebookSource) -> None:
    assert NotebookSource.parse_jupyter(notebook.to_jupyter()) == notebook


@given(NOTEBOOKS)
def test_printing_what_was_parsed_changes_nothing_any_more(notebook: NotebookSource) -> None:
    once = NotebookSource.parse_source(notebook.to_source(), notebook.language).to_source()
    assert NotebookSource.parse_source(once, notebook.language).to_source() == once


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(content: bytes) -> None:
    for parse in (NotebookSource.parse_jupyter, NotebookSource.parse_source):
        with suppress(InvalidParameter):
            assert parse(content).language in LANGUAGES


def test_a_source_notebook_as_the_editor_exports_it() -> None:
    notebook = NotebookSource.parse_source(
        b"# Databricks notebook source\r\n"
        b"# MAGIC %md\r\n# MAGIC # Install\r\n# MAGIC\r\n# MAGIC what we need\r\n\r\n"
        b"# COMMAND ----------\r\n\r\n"
        b"# DBTITLE 1,The wheel\r\n# MAGIC %pip install acme==1.0 \\\r\n# MAGIC   --index-url https://pkgs.example.com/simple\r\n\r\n"
        b"# COMMAND ----------\r\n\r\n"
        b"import acme\r\n\r\nprint(acme)\r\n"
    )
    assert notebook == NotebookSource(
        "PYTHON",
        (
            "%md\n# Install\n\nwhat we need",
            "%pip install acme==1.0 \\\n  --index-url https://pkgs.example.com/simple",
            "import acme\n\nprint(acme)",
        ),
    )


def test_a_form_feed_in_a_string_stays() -> None:
    assert NotebookSource.parse_source(b"x = 'a\x0cb\xe2\x80\xa8c'", "PYTHON").cells == ("x = 'a\x0cb\u2028c'",)


@pytest.mark.parametrize(
    ("first", "language"),
    [
        ("# Databricks notebook source", "PYTHON"),
        ("-- Databricks notebook source", "SQL"),
        ("// Databricks notebook source", "SCALA"),
        ("\ufeff# Databricks notebook source\r", "PYTHON"),
        ("#Databricks notebook source", None),
        ("print(1)", None),
        ("", None),
    ],
)
def test_the_first_line_says_the_language(first: str, language: str | None) -> None:
    assert source_language(f"{first}\nrest".encode()) == language


def test_r_and_python_share_a_sign_and_the_extension_decides() -> None:
    assert source_language(b"# Databricks notebook source", "R") == "R"


def test_jupyter_markdown_and_sources_as_lists_of_lines() -> None:
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"language": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "text"]},
            {"cell_type": "code", "source": ["%pip install acme\n"], "outputs": [{"text": "left out"}]},
            {"cell_type": "raw", "source": "as it is"},
        ],
    }
    notebook = NotebookSource.parse_jupyter(json.dumps(document).encode())
    assert notebook.cells == ("%md\n# Title\ntext", "%pip install acme", "%md\nas it is")
    assert [cell["cell_type"] for cell in json.loads(notebook.to_jupyter())["cells"]] == [
        "markdown",
        "code",
        "markdown",
    ]


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"{", b'{"nbformat": 3, "worksheets": []}', b'{"nbformat": 4, "cells": [1]}', b"\xff"]
)
def test_what_is_no_jupyter_notebook_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidParameter):
        NotebookSource.parse_jupyter(content)


def test_a_language_is_needed() -> None:
    with pytest.raises(InvalidParameter, match="language of the notebook is not known"):
        NotebookSource.parse_source(b"print(1)")
