"""Private feeds of an embedded workspace, over its REST API, and uploading to them as twine would."""

from __future__ import annotations

import hashlib
import secrets
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import requests

from wheelyard.core.errors import (
    AlreadyExists,
    InvalidParameter,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    WheelyardError,
)
from wheelyard.core.redaction import Secret

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["Distribution", "find_feed", "index_url_with", "read_distribution", "upload"]

FEEDS = "/api/2.0/wheelyard/feeds"
_PIECE = 1 << 20


def find_feed(client: WorkspaceClient, reference: str) -> dict[str, Any]:
    """The feed with this id, `name`, `organization/name` or `organization/project/name`.

    Raises:
        NotFound: the caller sees no such feed.
    """
    seen: list[dict[str, Any]] = client.api_client.do("GET", FEEDS).get("feeds") or []
    for feed in seen:
        path = "/".join(part for part in (feed["organization"], feed.get("project"), feed["name"]) if part)
        if reference in {feed["feed_id"], path}:
            return feed
    named = [feed for feed in seen if feed["name"] == reference]
    if len(named) == 1:
        return named[0]
    raise NotFound(
        f"There is no feed `{reference}`" if not named else f"`{reference}` names {len(named)} feeds",
        reference="feed-not-found" if not named else "feed-name-ambiguous",
        because="they lie in different organizations or projects"
        if named
        else "no feed that you may see has this name",
        hint="wheelyard feed list",
    )


def feed_path(feed: Mapping[str, Any]) -> str:
    """The REST path of a feed."""
    return f"{FEEDS}/{quote(str(feed['feed_id']), safe='')}"


def index_url_with(feed: Mapping[str, Any], token: Secret[str], *, user: str = "wheelyard") -> Secret[str]:
    """A feed's index URL with a token in it, as pip and uv take it; any user name goes with a token."""
    parts = urlsplit(str(feed["index_url"]))
    netloc = f"{user}:{quote(token.reveal(), safe='')}@{parts.netloc}"
    return Secret(urlunsplit((parts.scheme, netloc, parts.path, "", "")))


@dataclass(frozen=True, slots=True)
class Distribution:
    """A wheel or sdist on this machine; `metadata` are the form fields of the legacy upload API."""

    path: Path
    metadata: tuple[tuple[str, str], ...]
    sha256: str

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


_SINGLE = (
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Requires-Python",
    "Description-Content-Type",
    "License-Expression",
)
_REPEATED = {"Classifier": "classifiers", "Requires-Dist": "requires_dist", "Provides-Extra": "provides_extra"}


def read_distribution(path: Path) -> Distribution:
    """Read a file's own metadata; the feed checks it again.

    Raises:
        InvalidParameter: it is no wheel and no sdist, or has no metadata.
    """
    try:
        text = _wheel_metadata(path) if path.suffix == ".whl" else _sdist_metadata(path)
    except (zipfile.BadZipFile, tarfile.TarError, KeyError, StopIteration) as problem:
        raise InvalidParameter(
            f"`{path.name}` is no wheel and no sdist",
            reference="not-a-distribution",
            because=f"its metadata cannot be read ({type(problem).__name__})",
            unchanged="nothing was sent",
        ) from problem
    message = BytesParser().parsebytes(text)
    fields = [(name.lower().replace("-", "_"), str(message[name])) for name in _SINGLE if message[name]]
    fields += [(form, str(value)) for name, form in _REPEATED.items() for value in message.get_all(name) or ()]
    wheel = path.suffix == ".whl"
    fields += [
        ("filetype", "bdist_wheel" if wheel else "sdist"),
        ("pyversion", path.stem.split("-")[-3] if wheel else "source"),
    ]
    return Distribution(path, tuple(fields), _sha256(path))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _wheel_metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        name = next(
            name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        return archive.read(name)


def _sdist_metadata(path: Path) -> bytes:
    with tarfile.open(path, "r:gz") as archive:
        name = next(name for name in archive.getnames() if name.endswith("/PKG-INFO") and name.count("/") == 1)
        stream = archive.extractfile(name)
        if stream is None:
            raise KeyError(name)
        return stream.read()


class _Body:
    """A multipart form with one file in it, streamed, so that a large wheel never lies in memory."""

    def __init__(self, distribution: Distribution, on_bytes: Callable[[int], None]) -> None:
        self._boundary = secrets.token_hex(16)
        name = distribution.path.name
        file_head = f'Content-Disposition: form-data; name="content"; filename="{name}"\r\n'
        self._head = b"".join(self._field(*pair) for pair in self._fields(distribution)) + (
            f"--{self._boundary}\r\n{file_head}Content-Type: application/octet-stream\r\n\r\n".encode()
        )
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()
        self._distribution = distribution
        self._on_bytes = on_bytes
        self.content_type = f"multipart/form-data; boundary={self._boundary}"

    @staticmethod
    def _fields(distribution: Distribution) -> Iterator[tuple[str, str]]:
        yield from ((":action", "file_upload"), ("protocol_version", "1"))
        yield from distribution.metadata
        yield "sha256_digest", distribution.sha256

    def _field(self, name: str, value: str) -> bytes:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()

    def __len__(self) -> int:
        return len(self._head) + self._distribution.size_bytes + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        with self._distribution.path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                self._on_bytes(len(piece))
                yield piece
        yield self._tail


class UploadRefused(WheelyardError):
    """The feed took the request and refused the file."""

    default_reference = "upload-refused"


_REFUSALS: Mapping[int, type[WheelyardError]] = {401: Unauthenticated, 403: PermissionDenied, 409: AlreadyExists}


def upload(
    feed: Mapping[str, Any],
    distribution: Distribution,
    token: Secret[str],
    on_bytes: Callable[[int], None] = lambda _count: None,
) -> None:
    """Send one file with the legacy upload API, as twine does.

    Raises:
        AlreadyExists: the feed holds a file of this name.
        Unauthenticated, PermissionDenied: the token does not allow it.
        UploadRefused: the feed found the file unfit; the text is its reason.
    """
    body = _Body(distribution, on_bytes)
    answer = requests.post(
        str(feed["upload_url"]),
        data=body,
        headers={"Content-Type": body.content_type},
        auth=("wheelyard", token.reveal()),
        timeout=(10, 300),
    )
    if answer.ok:
        return
    told = (answer.text or answer.reason).strip()
    raise _REFUSALS.get(answer.status_code, UploadRefused)(
        f"`{distribution.path.name}` was not uploaded to feed `{feed['name']}`",
        reference=f"upload-{answer.status_code}",
        because=told.splitlines()[0] if told else f"status {answer.status_code}",
        unchanged="the feed is as it was",
        hint=f"wheelyard feed packages {feed['name']}",
    )
