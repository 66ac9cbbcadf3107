"""Tables of feeds, projects, files and prepared pages; every function is given one open transaction.

A project's `revision` moves on with each change to what its page says. A prepared page carries the revision it was
made of and counts only while the two are equal, so a page that was not rewritten before a crash is never served.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from packaging.utils import NormalizedName

from wheelyard.feed.access import FeedPlace
from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "FeedRow",
    "FileRow",
    "InTheWay",
    "PageRow",
    "ProjectSummary",
    "burn_version",
    "delete_feed",
    "delete_files",
    "digests_and_names",
    "feed_at",
    "feed_by_id",
    "feeds",
    "file_at",
    "files_of",
    "files_of_feed",
    "in_the_way",
    "insert_feed",
    "insert_file",
    "metadata_of",
    "project_names",
    "project_revision",
    "project_summaries",
    "put_page",
    "ready_page",
    "ready_pages",
    "set_yanked",
    "touch_project",
]

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_FEEDS = sa.Table(
    "feed",
    METADATA,
    sa.Column("feed_id", sa.Text, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("folded_place", sa.Text, nullable=False, unique=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)

_PROJECTS = sa.Table(
    "feed_project",
    METADATA,
    sa.Column("feed_id", sa.ForeignKey("feed.feed_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

_FILES = sa.Table(
    "feed_file",
    METADATA,
    sa.Column("file_id", _ID, primary_key=True, autoincrement=True),
    sa.Column("feed_id", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("version_key", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("blake2b_256", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("requires_python", sa.Text, nullable=False),
    sa.Column("metadata_sha256", sa.Text, nullable=False),
    sa.Column("yanked", sa.Text),
    sa.Column("uploaded_at", sa.BigInteger, nullable=False),
    sa.Column("uploaded_by", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["feed_id", "project"], ["feed_project.feed_id", "feed_project.project"], ondelete="CASCADE"
    ),
    sa.UniqueConstraint("feed_id", "project", "identity"),
    sa.Index(None, "feed_id", "sha256"),
)

_METADATA = sa.Table(
    "feed_file_metadata",
    METADATA,
    sa.Column("file_id", sa.ForeignKey("feed_file.file_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

_PAGES = sa.Table(
    "feed_page",
    METADATA,
    sa.Column("feed_id", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("html", sa.LargeBinary, nullable=False),
    sa.Column("json", sa.LargeBinary, nullable=False),
    sa.ForeignKeyConstraint(
        ["feed_id", "project"], ["feed_project.feed_id", "feed_project.project"], ondelete="CASCADE"
    ),
)

_BURNT = sa.Table(
    "feed_burnt_version",
    METADATA,
    sa.Column("feed_id", sa.ForeignKey("feed.feed_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("version_key", sa.Text, primary_key=True),
    sa.Column("deleted_at", sa.BigInteger, nullable=False),
    sa.Column("deleted_by", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One feed; names as they were spelled when it was made."""

    feed_id: str
    organization: str
    project: str
    name: str
    description: str
    created_at: int
    created_by: str

    @property
    def place(self) -> FeedPlace:
        return FeedPlace(self.organization, self.project, self.name)


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file. `identity` is what may exist once in a project; `version_key` the PEP 440 identity of its version.

    `yanked` is None for a file that is not, else the reason; `file_id` is 0 before it is stored.
    """

    feed_id: str
    project: NormalizedName
    identity: str
    filename: str
    version: str
    version_key: str
    sha256: str
    blake2b_256: str
    size_bytes: int
    requires_python: str
    metadata_sha256: str
    yanked: str | None
    uploaded_at: int
    uploaded_by: str
    file_id: int = 0


@dataclass(frozen=True, slots=True)
class PageRow:
    """A prepared page: both texts, gzipped, and the project's revision they were made of."""

    revision: int
    html: bytes
    json: bytes


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """A project with its versions, as spelled, and its number of files."""

    project: NormalizedName
    versions: tuple[str, ...]
    files: int


class InTheWay(NamedTuple):
    """A stored file, or, with both empty, a version that was deleted and never comes back."""

    filename: str
    sha256: str


_FILE_FIELDS = tuple(FileRow.__dataclass_fields__)
_FILE_COLUMNS = [_FILES.c[name] for name in _FILE_FIELDS]
_FEED_COLUMNS = [_FEEDS.c[name] for name in FeedRow.__dataclass_fields__]


def insert_feed(tx: Connection, row: FeedRow) -> None:
    """Make a feed. The place must be free."""
    values = {name: getattr(row, name) for name in FeedRow.__dataclass_fields__}
    tx.execute(sa.insert(_FEEDS).values(**values, folded_place=_folded(row.place)))


def feed_at(tx: Connection, place: FeedPlace) -> FeedRow | None:
    """Find a feed by its address, whatever the case of the letters."""
    return _feed(tx, _FEEDS.c.folded_place == _folded(place))


def feed_by_id(tx: Connection, feed_id: str) -> FeedRow | None:
    """Find a feed by its id."""
    return _feed(tx, _FEEDS.c.feed_id == feed_id)


def feeds(tx: Connection) -> list[FeedRow]:
    """Every feed, by address."""
    rows = tx.execute(sa.select(*_FEED_COLUMNS).order_by(_FEEDS.c.folded_place))
    return [FeedRow(*row) for row in rows]


def delete_feed(tx: Connection, feed_id: str) -> None:
    """Delete a feed and, with it, every row that belongs to it."""
    tx.execute(sa.delete(_FEEDS).where(_FEEDS.c.feed_id == feed_id))


def touch_project(tx: Connection, feed_id: str, project: str) -> None:
    """Move a project's revision on, making the project if it is new."""
    moved = tx.execute(_TOUCH, {"f": feed_id, "p": project})
    if moved.rowcount == 0:
        tx.execute(_INSERT_PROJECT, {"feed_id": feed_id, "project": project, "revision": 1})


def project_revision(tx: Connection, feed_id: str, project: str) -> int | None:
    """The project's revision, or None if the feed does not know the name."""
    revision: int | None = tx.execute(_REVISION, {"f": feed_id, "p": project}).scalar_one_or_none()
    return revision


def project_names(tx: Connection, feed_id: str) -> list[NormalizedName]:
    """Every project the feed has ever had a file of, sorted."""
    names = sa.select(_PROJECTS.c.project).where(_PROJECTS.c.feed_id == feed_id).order_by(_PROJECTS.c.project)
    return [NormalizedName(name) for name in tx.execute(names).scalars()]


def project_summaries(tx: Connection, feed_id: str) -> list[ProjectSummary]:
    """Every project that has files now, by name."""
    rows = tx.execute(
        sa.select(_FILES.c.project, _FILES.c.version, sa.func.count())
        .where(_FILES.c.feed_id == feed_id)
        .group_by(_FILES.c.project, _FILES.c.version)
        .order_by(_FILES.c.project)
    )
    by_project: dict[str, list[tuple[str, int]]] = {}
    for project, version, files in rows:
        by_project.setdefault(project, []).append((version, files))
    return [
        ProjectSummary(
            NormalizedName(project), tuple(version for version, _ in found), sum(count for _, count in found)
        )
        for project, found in by_project.items()
    ]


def insert_file(tx: Connection, row: FileRow, metadata: bytes | None) -> int:
    """Store a file's row, and its core metadata when there is some; answers the file's id."""
    values = {name: getattr(row, name) for name in _FILE_FIELDS if name != "file_id"}
    inserted = tx.execute(_INSERT_FILE, values).inserted_primary_key
    file_id = int(inserted[0]) if inserted is not None else 0
    if metadata is not None:
        tx.execute(_INSERT_METADATA, {"file_id": file_id, "content": metadata})
    return file_id


def in_the_way(tx: Connection, row: FileRow) -> list[InTheWay]:
    """What keeps a new file from being stored: the file itself, one an installer could not tell from it, a deletion."""
    values = {
        "f": row.feed_id,
        "p": row.project,
        "i": row.identity,
        "s": row.sha256,
        "n": row.filename,
        "v": row.version_key,
    }
    return [InTheWay(*found) for found in tx.execute(_IN_THE_WAY, values)]


def file_at(tx: Connection, feed_id: str, sha256: str, filename: str) -> FileRow | None:
    """The file that a page links by digest and name."""
    row = tx.execute(_AT, {"f": feed_id, "s": sha256, "n": filename}).one_or_none()
    return _file(row) if row is not None else None


def files_of(tx: Connection, feed_id: str, project: str) -> list[FileRow]:
    """A project's files in the order they came."""
    return [_file(row) for row in tx.execute(_OF_PROJECT, {"f": feed_id, "p": project})]


def files_of_feed(tx: Connection, feed_id: str) -> list[FileRow]:
    """Every file of a feed, in no order."""
    rows = tx.execute(sa.select(*_FILE_COLUMNS).where(_FILES.c.feed_id == feed_id))
    return [_file(row) for row in rows]


def digests_and_names(tx: Connection, feed_id: str, start: str) -> set[tuple[str, str]]:
    """SHA-256 and name of every file of a feed whose digest begins like this."""
    digests = sa.and_(_FILES.c.sha256 >= start, _FILES.c.sha256 < f"{start}g")  # behind every hexadecimal digit
    rows = tx.execute(sa.select(_FILES.c.sha256, _FILES.c.filename).where(_FILES.c.feed_id == feed_id, digests))
    return {(row.sha256, row.filename) for row in rows}


def metadata_of(tx: Connection, file_id: int) -> bytes | None:
    """The core metadata that is served beside a wheel."""
    content: bytes | None = tx.execute(_CONTENT, {"i": file_id}).scalar_one_or_none()
    return content


def set_yanked(tx: Connection, file_ids: Sequence[int], reason: str | None) -> None:
    """Yank files with a reason, or take the mark away with None."""
    tx.execute(sa.update(_FILES).where(_FILES.c.file_id.in_(file_ids)).values(yanked=reason))


def delete_files(tx: Connection, file_ids: Sequence[int]) -> None:
    """Delete rows and their metadata; the bytes are the caller's."""
    tx.execute(sa.delete(_FILES).where(_FILES.c.file_id.in_(file_ids)))


def burn_version(tx: Connection, feed_id: str, project: str, version_key: str, *, at: int, by: str) -> None:
    """Remember that a version was deleted."""
    row = {"feed_id": feed_id, "project": project, "version_key": version_key, "deleted_at": at, "deleted_by": by}
    tx.execute(sa.insert(_BURNT), row)


def ready_page(tx: Connection, feed_id: str, project: str) -> PageRow | None:
    """The prepared page, if it was made of the project as it is now."""
    return ready_pages(tx, [(feed_id, NormalizedName(project))]).get((feed_id, NormalizedName(project)))


def ready_pages(
    tx: Connection, asked: Iterable[tuple[str, NormalizedName]]
) -> dict[tuple[str, NormalizedName], PageRow]:
    """The prepared pages of these projects, each if it was made of its project as it is now."""
    by_feed: defaultdict[str, list[str]] = defaultdict(list)
    for feed_id, project in asked:
        by_feed[feed_id].append(project)
    rows = (
        (feed_id, row) for feed_id, names in by_feed.items() for row in tx.execute(_READY, {"f": feed_id, "p": names})
    )
    return {(feed_id, NormalizedName(row.project)): PageRow(row.revision, row.html, row.json) for feed_id, row in rows}


def put_page(tx: Connection, feed_id: str, project: str, page: PageRow) -> None:
    """Keep a prepared page, unless the project has moved on or is gone."""
    if project_revision(tx, feed_id, project) != page.revision:
        return
    tx.execute(sa.delete(_PAGES).where(_PAGES.c.feed_id == feed_id, _PAGES.c.project == project))
    values = {"feed_id": feed_id, "project": project, "revision": page.revision, "html": page.html, "json": page.json}
    tx.execute(sa.insert(_PAGES), values)


def _feed(tx: Connection, condition: sa.ColumnElement[bool]) -> FeedRow | None:
    row = tx.execute(sa.select(*_FEED_COLUMNS).where(condition)).one_or_none()
    return FeedRow(*row) if row is not None else None


def _file(row: Any) -> FileRow:
    return FileRow(*row)


def _folded(place: FeedPlace) -> str:
    """Three names that cannot hold a slash: no two places fold to one text."""
    return f"{place.organization}/{place.project}/{place.feed}".casefold()


def _of_project(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.feed_id == sa.bindparam("f"), table.c.project == sa.bindparam("p"))


_INSERT_PROJECT, _INSERT_FILE, _INSERT_METADATA = sa.insert(_PROJECTS), sa.insert(_FILES), sa.insert(_METADATA)
_TOUCH = sa.update(_PROJECTS).where(_of_project(_PROJECTS)).values(revision=_PROJECTS.c.revision + 1)
_REVISION = sa.select(_PROJECTS.c.revision).where(_of_project(_PROJECTS))
_OF_PROJECT = sa.select(*_FILE_COLUMNS).where(_of_project(_FILES)).order_by(_FILES.c.file_id)
_AT = sa.select(*_FILE_COLUMNS).where(
    _FILES.c.feed_id == sa.bindparam("f"),
    _FILES.c.sha256 == sa.bindparam("s"),
    _FILES.c.filename == sa.bindparam("n"),
)
_CONTENT = sa.select(_METADATA.c.content).where(_METADATA.c.file_id == sa.bindparam("i"))
_IN_THE_WAY = sa.union_all(
    sa.select(_FILES.c.filename, _FILES.c.sha256).where(
        _FILES.c.feed_id == sa.bindparam("f"),
        _FILES.c.sha256 == sa.bindparam("s"),
        _FILES.c.filename == sa.bindparam("n"),
    ),
    sa.select(_FILES.c.filename, _FILES.c.sha256).where(_of_project(_FILES), _FILES.c.identity == sa.bindparam("i")),
    sa.select(sa.literal(""), sa.literal("")).where(
        sa.exists().where(_of_project(_BURNT), _BURNT.c.version_key == sa.bindparam("v"))
    ),
)
_READY = (
    sa.select(_PAGES.c.project, _PAGES.c.revision, _PAGES.c.html, _PAGES.c.json)
    .join(
        _PROJECTS,
        sa.and_(
            _PROJECTS.c.feed_id == _PAGES.c.feed_id,
            _PROJECTS.c.project == _PAGES.c.project,
            _PROJECTS.c.revision == _PAGES.c.revision,
        ),
    )
    .where(_PAGES.c.feed_id == sa.bindparam("f"), _PAGES.c.project.in_(sa.bindparam("p", expanding=True)))
)
