"""Reading a simple page as it arrives: is it one, and how much does it list?

The list of all projects may have hundreds of thousands of lines, so HTML is counted while it streams. What any site
answers with 200 (a sign-in page, a start page, another API) must not pass for an index: pip reads three content types
only, and a list of projects has one link for each, to a page just below its own address.

Source: PyPA simple repository API specification (PEPs 503, 691); content types as in pip's `index/collector.py`.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final, Protocol
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from wheelyard.core.simple_api import Format

__all__ = ["Listing", "PageReader", "page_reader"]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a page lists.

    Args:
        project_count: projects it links, as a list of all projects does; None when it is no such list.
        file_count: files it links, as the page of one project does; None when it is no such page.
        title: of an HTML page, as it stands there; empty without one.
        is_sign_in: it asks for a password.
    """

    project_count: int | None
    file_count: int | None
    title: str = ""
    is_sign_in: bool = False


class PageReader(Protocol):
    """Takes a body piece by piece."""

    def feed(self, piece: bytes) -> None:
        """At most a megabyte at a time; returns soon."""

    def finish(self) -> Listing:
        """What it was, once everything was fed."""


def page_reader(content_type: str, page_url: str) -> PageReader | None:
    """The reader for a content type; None for one that pip passes over.

    Args:
        content_type: the header as it came.
        page_url: where the page was found, redirects followed; links are judged by it.
    """
    kind = content_type.strip().lower()
    if kind.startswith(Format.JSON.value):
        return JsonPage()
    if kind.startswith((Format.V1_HTML.value, Format.HTML.value)):
        return HtmlPage(page_url)
    return None


class _Entry(msgspec.Struct, gc=False):
    name: str


class _File(msgspec.Struct, gc=False):
    filename: str
    url: str


class _Page(msgspec.Struct):
    projects: list[_Entry] | None = None
    files: list[_File] | None = None


class JsonPage:
    """A page in JSON: kept until its end, then decoded with nothing but what is counted."""

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, piece: bytes) -> None:
        self._body += piece

    def finish(self) -> Listing:
        """Text that is no such JSON is neither a list nor a page."""
        try:
            page = msgspec.json.decode(self._body, type=_Page)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return Listing(None, None)
        projects, files = page.projects, page.files
        return Listing(None if projects is None else len(projects), None if files is None else len(files))


_PIECE: Final = 16 * 1024
_LONGEST_TAG: Final = 256 * 1024
_LONGEST_TEXT: Final = 8192
_MOST_HEADS: Final = 1000
_FILES: Final = (
    ".whl",
    ".tar.gz",
    ".zip",
    ".tgz",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tar.lzma",
    ".tlz",
    ".tar.lz",
    ".tar",
    ".egg",
)
_TITLES: Final = re.compile(r"simple index|links for .*", re.IGNORECASE | re.DOTALL)
_METAS: Final = {"pypi:repository-version", "api-version"}
_RUNS: Final = re.compile(r"[-_.]+")


class HtmlPage:
    """A page in HTML, counted as it streams; of the text only the title is kept."""

    def __init__(self, page_url: str) -> None:
        self._links = _Links(page_url)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._is_broken = False

    def feed(self, piece: bytes) -> None:
        """Small pieces, and no end without limit: html.parser goes over an unfinished tag again with each one."""
        for start in range(0, len(piece), _PIECE):
            if self._is_broken:
                return
            self._is_broken = not self._links.take(self._decoder.decode(piece[start : start + _PIECE]))

    def finish(self) -> Listing:
        """Half of the links at least must be to projects: any page has a few that look so by chance."""
        links = self._links
        title = links.title.strip()
        says_so = bool(links.has_index_meta or _TITLES.fullmatch(title)) and not links.asks_password
        if self._is_broken:
            return Listing(None, None, title)
        listed = links.projects * 2 >= links.others and links.projects > 0 and not links.asks_password
        return Listing(
            project_count=links.projects if listed or (says_so and not links.files) else None,
            file_count=links.files if links.files or says_so else None,
            title=title,
            is_sign_in=links.asks_password,
        )


class _Links(HTMLParser):
    """Sorts links into projects, files and others."""

    def __init__(self, page_url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._page_url = page_url
        self._folder = self._folder_of("")
        self._heads: dict[str, bool] = {"": True}
        self._href: str | None = None
        self._text: list[str] = []
        self._title: list[str] = []
        self._reads_title = False
        self.projects = self.files = self.others = 0
        self.has_index_meta = self.asks_password = False

    def take(self, text: str) -> bool:
        """False for text that no browser would get on with either: html.parser asserts that declarations are sound."""
        try:
            self.feed(text)
        except AssertionError:
            return False
        return len(self.rawdata) <= _LONGEST_TAG

    @property
    def title(self) -> str:
        return "".join(self._title)

    def updatepos(self, i: int, j: int) -> int:  # noqa: ARG002, the library's
        """Lines and columns are of no use here, and counting them takes a tenth of the time."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._sort()
            self._href = next((value for name, value in attrs if name == "href" and value), None)
            self._text = []
        elif tag == "title":
            self._reads_title = not self._title
        elif tag == "meta":
            self.has_index_meta |= dict(attrs).get("name") in _METAS
        elif tag == "input":
            self.asks_password |= (dict(attrs).get("type") or "").lower() == "password"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._sort()
        elif tag == "title":
            self._reads_title = False

    def handle_data(self, data: str) -> None:
        for wanted, kept in ((self._reads_title, self._title), (self._href is not None, self._text)):
            if wanted and len(kept) < 64:
                kept.append(data[:_LONGEST_TEXT])

    def _sort(self) -> None:
        href, self._href = self._href, None
        if href is None:
            return
        path = href.partition("#")[0].partition("?")[0]
        head, slash, last = path.rstrip("/").rpartition("/")
        if last == ".." or not last:
            return
        if path.endswith(_FILES):
            self.files += 1
        elif _is_same_name(last, "".join(self._text)) and self._is_below(head + slash):
            self.projects += 1
        else:
            self.others += 1

    def _is_below(self, head: str) -> bool:
        """Does a link whose last part stands behind `head` lead just below this page? Few heads, asked very often."""
        known = self._heads.get(head)
        if known is None:
            known = self._folder_of(head) == self._folder
            if len(self._heads) < _MOST_HEADS:
                self._heads[head] = known
        return known

    def _folder_of(self, head: str) -> tuple[str, str, str] | None:
        try:
            parts = urlsplit(urljoin(self._page_url, head))
        except ValueError:
            return None
        return parts.scheme, parts.netloc, parts.path.rpartition("/")[0]


def _is_same_name(last: str, text: str) -> bool:
    return last == text or _normalised(unquote(last)) == _normalised(text)


def _normalised(name: str) -> str:
    return _RUNS.sub("-", name.strip().rstrip("/")).lower()
