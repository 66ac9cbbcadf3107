"""A page says the same in both languages, and says it back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from wheelyard.core.simple_api import (
    File,
    Format,
    Project,
    file_path,
    format_named,
    negotiate,
    project_list_html,
    project_list_json,
    project_page_html,
    project_page_json,
)

BASE = "http://index.example/org/_packaging/feed/pypi/simple/acme/"
ROOT = "http://index.example/org/_packaging/feed/pypi/"

words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
versions = st.builds(
    "{}.{}{}".format, st.integers(0, 99), st.integers(0, 99), st.sampled_from(["", "a1", ".post2", "+x.1"])
)
files = st.builds(
    File,
    filename=st.from_regex(r"[A-Za-z0-9_]{1,12}-[0-9.+!]{1,8}-py3-none-any\.whl", fullmatch=True),
    version=versions,
    sha256=digests,
    size_bytes=st.integers(0, 2**40),
    uploaded_at=st.one_of(st.none(), st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001 # bounds of naive draws
    requires_python=st.one_of(st.just(""), st.sampled_from([">=3.8", "<4,>3.9", "!=3.10.*"])),
    metadata_sha256=st.one_of(st.just(""), digests),
    yanked=st.one_of(st.none(), words),
)
names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).map(canonicalize_name)
projects = st.builds(
    Project,
    names,
    st.lists(files, max_size=6).map(tuple),
    st.sampled_from(["active", "archived", "quarantined", "deprecated"]),
    words,
)


class Page(HTMLParser):
    """The links and metas of a page, read by the standard library."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[dict[str, str | None], str]] = []
        self.metas: dict[str, str] = {}
        self.inside: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.inside = values
            self.links.append((values, ""))
        elif tag == "meta":
            self.metas[values.get("name") or ""] = values.get("content") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside is not None:
            self.links[-1] = (self.inside, self.links[-1][1] + data)


def read_html(text: str) -> list[File]:
    found = []
    for values, label in Page(text).links:
        url, _, digest = urljoin(BASE, values["href"] or "").partition("#sha256=")
        metadata = (values.get("data-core-metadata") or "").removeprefix("sha256=")
        assert values.get("data-dist-info-metadata") == values.get("data-core-metadata")
        assert url == ROOT + file_path(digest, label)
        assert unquote(url.rpartition("/")[2]) == label
        yanked = values.get("data-yanked", "") or "" if "data-yanked" in values else None
        requires_python = values.get("data-requires-python") or ""
        found.append(File(label, "", digest, 0, None, requires_python, metadata, yanked))
    return found


def read_json(text: str) -> list[File]:
    page = json.loads(text)
    found = []
    for entry in page["files"]:
        assert urljoin(BASE, entry["url"]) == ROOT + file_path(entry["hashes"]["sha256"], entry["filename"])
        assert entry["core-metadata"] == entry["dist-info-metadata"]
        yanked = {True: "", False: None}.get(entry["yanked"], entry["yanked"])
        moment = entry.get("upload-time")
        found.append(
            File(
                entry["filename"],
                "",
                entry["hashes"]["sha256"],
                entry["size"],
                datetime.fromisoformat(moment) if moment else None,
                entry.get("requires-python", ""),
                entry["core-metadata"]["sha256"] if entry["core-metadata"] else "",
                yanked,
            )
        )
    return found


def shown(file: File, *, html: bool) -> File:
    """What a page can say of a file: HTML knows neither size nor time, and no page says the version per file."""
    size, moment = (0, None) if html else (file.size_bytes, file.uploaded_at)
    return File(file.filename, "", file.sha256, size, moment, file.requires_python, file.metadata_sha256, file.yanked)


@given(projects)
def test_html_round_trip(project: Project) -> None:
    text = project_page_html(project)
    assert read_html(text) == [shown(file, html=True) for file in project.files]
    metas = Page(text).metas
    assert metas["pypi:repository-version"] == "1.4"
    assert metas.get("pypi:project-status", "active") == project.status


@given(projects)
def test_json_round_trip(project: Project) -> None:
    text = project_page_json(project)
    assert read_json(text) == [shown(file, html=False) for file in project.files]
    page = json.loads(text)
    assert page["meta"] == {"api-version": "1.4"}
    assert page["name"] == project.name
    assert set(page["versions"]) == {file.version for file in project.files}
    assert page.get("project-status", {"status": "active"})["status"] == project.status


@given(st.lists(names, unique=True))
def test_the_list_has_every_name_in_both_forms(listed: list[str]) -> None:
    chosen = [canonicalize_name(name) for name in listed]
    assert [label for _, label in Page(project_list_html(chosen)).links] == chosen
    assert [entry["name"] for entry in json.loads(project_list_json(chosen))["projects"]] == chosen


def test_versions_are_in_pep_440_order() -> None:
    listed = tuple(File("f", version, "0", 0) for version in ("1.10", "1.9", "1.0rc1", "1.0", "odd", "1.9"))
    assert Project(canonicalize_name("a"), listed).versions == ("odd", "1.0rc1", "1.0", "1.9", "1.10")


def test_upload_times_are_utc_whatever_the_zone() -> None:
    file = File("f.whl", "1", "0" * 64, 1, datetime.fromisoformat("2026-01-01T01:00:00+02:00"))
    assert json.loads(project_page_json(Project(canonicalize_name("a"), (file,))))["files"][0]["upload-time"] == (
        "2025-12-31T23:00:00.000000Z"
    )
    assert file.uploaded_at is not None
    assert file.uploaded_at.utcoffset() == timedelta(hours=2)


PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
UV = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Format.HTML),
        ("*/*", Format.HTML),
        ("image/png", Format.HTML),
        ("text/html", Format.HTML),
        ("text/*", Format.HTML),
        (PIP, Format.JSON),
        (UV, Format.JSON),
        ("application/vnd.pypi.simple.latest+json", Format.JSON),
        ("application/vnd.pypi.simple.v1+html", Format.V1_HTML),
        ("application/*", Format.JSON),
        ("text/html, application/vnd.pypi.simple.v1+json", Format.JSON),
        ("text/html;q=0.9, application/vnd.pypi.simple.v1+json;q=0.8", Format.HTML),
        ("application/vnd.pypi.simple.v1+json;q=0, */*", Format.HTML),
        ("application/vnd.pypi.simple.v1+json;q=x, text/html;q=0.1", Format.HTML),
        ("TEXT/HTML ; Q=1 , Application/Vnd.Pypi.Simple.V1+Json ; q=0.5", Format.HTML),
        ("application/vnd.pypi.simple.v2+json", Format.HTML),
    ],
)
def test_negotiation(accept: str, expected: Format) -> None:
    assert negotiate(accept) is expected


@given(st.text(max_size=80))
def test_negotiation_always_answers(accept: str) -> None:
    assert negotiate(accept) in Format


def test_a_format_by_name() -> None:
    assert format_named("application/vnd.pypi.simple.v1+json") is Format.JSON
    assert format_named("xml") is None
