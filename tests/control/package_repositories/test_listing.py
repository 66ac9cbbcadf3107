from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from wheelyard.control.package_repositories.listing import Listing, page_reader
from wheelyard.core.simple_api import (
    File,
    Format,
    Project,
    project_list_html,
    project_list_json,
    project_page_html,
    project_page_json,
)

PAGE = "https://pkgs.example.com/feed/simple/"


def read(content_type: str, *pieces: bytes, page_url: str = PAGE) -> Listing:
    reader = page_reader(content_type, page_url)
    assert reader is not None
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


names = st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).map(NormalizedName), unique=True)


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % (len(body) + 1) for place in places})
    return [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]


@given(names=names, places=st.lists(st.integers(0), max_size=6))
def test_our_own_lists_are_counted_however_they_are_cut(names: list[NormalizedName], places: list[int]) -> None:
    html, text = project_list_html(names).encode(), project_list_json(names).encode()
    assert read(Format.HTML.content_type, *cut(html, places)).project_count == len(names)
    assert read(Format.V1_HTML.value, *cut(html, places)).project_count == len(names)
    assert read(Format.JSON.value, *cut(text, places)) == Listing(len(names), None)


@given(count=st.integers(0, 20), places=st.lists(st.integers(0), max_size=6))
def test_our_own_pages_are_counted_however_they_are_cut(count: int, places: list[int]) -> None:
    files = tuple(File(f"x-{number}.tar.gz", str(number), "0" * 64, 1) for number in range(count))
    project = Project(NormalizedName("x"), files)
    html, text = project_page_html(project).encode(), project_page_json(project).encode()
    found = read(Format.HTML.content_type, *cut(html, places), page_url=PAGE + "x/")
    assert (found.file_count, found.title) == (count, "Links for x")
    assert found.project_count in {None, 0}
    assert read(Format.JSON.value, *cut(text, places)) == Listing(None, count)


pieces = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"<a ",
                b"href=",
                b"'x/'",
                b">",
                b"x</a>",
                b"<![",
                b"<!--",
                b"-->",
                b"<?",
                b"<!DOCTYPE",
                b"&#",
                b"<title>",
                b"<script>",
                b"</",
                b"<input type=password>",
                b"[[",
                b"]]>",
                b"<!ELEMENT",
                b'"',
                b"{",
                b"[",
                b"\x00",
            ]
        ),
    ),
    max_size=40,
)


@given(pieces=pieces)
def test_nothing_a_server_sends_makes_reading_fail(pieces: list[bytes]) -> None:
    for content_type in ("text/html", Format.JSON.value):
        read(content_type, *pieces)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "text/plain", "application/octet-stream", "application/xhtml+xml", "html"]
)
def test_what_pip_passes_over_is_not_read(content_type: str) -> None:
    assert page_reader(content_type, PAGE) is None


@pytest.mark.parametrize("content_type", ["text/html", "TEXT/HTML; charset=latin-1", " text/html", Format.JSON.value])
def test_what_pip_reads_is_read(content_type: str) -> None:
    assert page_reader(content_type, PAGE) is not None


@pytest.mark.parametrize(
    ("html", "projects"),
    [
        ("<a href='numpy/'>numpy</a>", 1),
        ("<a href='../'>../</a><a href='numpy/'>numpy/</a><a href='x/'>x/</a>", 2),
        ("<a href='Zope.Interface/'>zope-interface</a>", 1),
        ("<a href='a%2Db/'>a-b</a>", 1),
        ("<A HREF=numpy/>numpy<A HREF=x/>x</A>", 2),
        ("<a href='/feed/simple/numpy/?x=1#y'>numpy</a>", 1),
        ("<a href='https://pkgs.example.com/feed/simple/numpy'>numpy</a>", 1),
        ("<a href='https://elsewhere.example.com/feed/simple/numpy'>numpy</a>", None),
        ("<a href='/elsewhere/numpy/'>numpy</a>", None),
        ("<a href='numpy/'>numerical Python</a>", None),
        ("<a href='help/'>help</a><a href='news/2'>more</a><a href='/x'>all of it</a><a href='y'>z</a>", None),
        ("<a href='help/'>help</a><input type='PASSWORD'>", None),
        ("<a>numpy</a><a href=''>numpy</a>", None),
        ("<a href='http://[bad/numpy'>numpy</a>", None),
        ("<script>document.write(\"<a href='numpy/'>numpy</a>\")</script>", None),
        ("<!-- <a href='numpy/'>numpy</a> -->", None),
        ('<meta name="pypi:repository-version" content="1.0">', 0),
        ('<meta name="api-version" value="2"><title>Simple Index</title>', 0),
    ],
)
def test_which_links_are_projects(html: str, projects: int | None) -> None:
    assert read("text/html", f"<html><body>{html}</body></html>".encode()).project_count == projects


def test_titles_have_a_bound() -> None:
    assert len(read("text/html", b"<title>" + b"x" * 1_000_000).title) < 1_000_000
