"""Plain text in pipes, JSON when asked for, colour on a terminal, no credentials anywhere."""

from __future__ import annotations

import io
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from wheelyard.cli.render import Column, Failure, Screen, aligned, mask_all


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screens(*, terminal: bool = False, form: str = "text") -> tuple[Screen, io.StringIO, io.StringIO]:
    out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
    return Screen(form="json" if form == "json" else "text", stdout=out, stderr=err, width=100), out, err


def test_a_table_in_a_pipe_is_aligned_and_uncut() -> None:
    screen, out, _err = screens()
    screen.table(["Key", "Value"], [("pip-index-url", "x" * 300), ("b", None)])
    first, second, third = out.getvalue().splitlines()
    assert first == "KEY            VALUE"
    assert second == "pip-index-url  " + "x" * 300
    assert third == "b"


def test_an_empty_table_says_so_on_standard_error() -> None:
    screen, out, err = screens()
    screen.table(["Key"], [], empty="no keys")
    assert (out.getvalue(), err.getvalue()) == ("", "no keys\n")


def test_a_terminal_gets_colour_and_the_same_words() -> None:
    screen, out, _err = screens(terminal=True)
    screen.table([Column("Status"), Column("Name")], [("ok", "uv")])
    assert "\x1b[32mok" in out.getvalue()
    assert "uv" in out.getvalue()


def test_json_is_one_document_with_masked_urls() -> None:
    screen, out, _err = screens(form="json")
    screen.json({"url": "https://a:b@h.example/simple", "list": ["https://t@h.example/"]})
    assert json.loads(out.getvalue()) == {
        "url": "https://a:****@h.example/simple",
        "list": ["https://****@h.example/"],
    }


def test_progress_in_a_pipe_is_a_line_a_change() -> None:
    screen, out, err = screens()
    with screen.progress("starting") as tell:
        for state in ("PENDING", "PENDING", "RUNNING"):
            tell(state)
    assert out.getvalue() == ""
    assert err.getvalue() == "starting\nPENDING\nRUNNING\n"


def test_warnings_stay_out_of_json() -> None:
    screen, _out, err = screens(form="json")
    screen.warn("a-b", "text")
    assert err.getvalue() == ""


def test_the_error_form() -> None:
    screen, _out, err = screens()
    screen.fail(Failure("a-b", "what happened", "seen", "nothing was written", "do this", more=("line",)))
    assert err.getvalue() == (
        "error: a-b\n  what happened\n  because: seen\n  nothing was written\n  line\n  hint: do this\n"
    )


@given(st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=3), min_size=1, max_size=6))
def test_aligned_keeps_every_word_and_ends_no_line_in_space(rows: list[list[str]]) -> None:
    lines = aligned(rows)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line == line.rstrip()
        assert re.sub(r"\s", "", line) == re.sub(r"\s", "", "".join(" ".join(cell.splitlines()) for cell in row))


@given(
    st.recursive(
        st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_masking_changes_nothing_but_text(value: object) -> None:
    assert mask_all(value) == value
