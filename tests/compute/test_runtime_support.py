"""The pure parts of what runs inside kernels; the rest is tested in kernels."""

from __future__ import annotations

import doctest

import pytest

from wheelyard.compute.cell import EXIT_MIME, RESTART_MIME
from wheelyard.compute.runtime_support.dbruntime import commands, magics, session, signals, utilities
from wheelyard.compute.runtime_support.dbruntime.databricks_repl_context import get_context
from wheelyard.compute.runtime_support.dbruntime.sdk_credential_provider import init_runtime_native_unified


def test_both_sides_agree_on_the_signals() -> None:
    assert (signals.EXIT_MIME, signals.RESTART_MIME) == (EXIT_MIME, RESTART_MIME)


def test_examples() -> None:
    assert doctest.testmod(magics).failed == 0


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("%sh ls", "%sh ls"),
        ("%sh ls\npwd", "%%sh ls\npwd"),
        ("\n  %sh\nls", "%%sh\nls"),
        ("%python\nx", "\nx"),
        ("%md text\nmore", "%%md text\nmore"),
        ("%pip install x\ny", "%pip install x\ny"),
        ("# %sh", "# %sh"),
        ("x %sh", "x %sh"),
        ("", ""),
    ],
)
def test_the_first_line_rules_the_cell(cell: str, read: str) -> None:
    found = "".join(magics.first_line_rules(cell.splitlines(keepends=True)))
    assert found.strip() == read.strip()


def test_words_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "here")
    assert commands.split("install 'a>=1' $WHERE/x # why") == ["install", "a>=1", "here/x"]


def test_without_a_session_nothing_is_known() -> None:
    assert session.current() is None
    assert get_context() is None
    assert init_runtime_native_unified() == (None, None, None, None)
    with pytest.raises(Exception, match="no session"):
        utilities.DBUtils().secrets.get("s", "k")


def test_widgets() -> None:
    widgets = utilities.DBUtils().widgets
    widgets.dropdown("a", "1", ["1", "2"])
    assert widgets.get("a") == "1"
    assert widgets.getArgument("b", "else") == "else"
    widgets.remove("a")
    with pytest.raises(KeyError, match="No input widget named a is defined"):
        widgets.get("a")


def test_what_is_not_offered_says_so() -> None:
    with pytest.raises(AttributeError, match=r"dbutils\.fs is not offered here"):
        _ = utilities.DBUtils().fs
