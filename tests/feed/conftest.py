"""A feed on loopback, built as the workspace builds it, with an identity room that fits into this file."""

from __future__ import annotations

import base64
import csv
import hashlib
import http.client
import io
import json
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from tests.databases import database_with_tables

from wheelyard.control.caller import Caller, RequestInfo
from wheelyard.control.feeds import Feeds, wire
from wheelyard.core.errors import Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.orphans import BlobClaims
from wheelyard.http.feed_app import feed_app
from wheelyard.http.feed_routes import FeedRoutes
from wheelyard.http.quick_protocol import QuickProtocol
from wheelyard.storage.backends import open_blobs
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Database

ADMIN = Caller("1", "ana@example.com", "user", groups=frozenset({"admins", "users"}))
USER = Caller("2", "ben@example.com", "user", groups=frozenset({"users"}))


@dataclass
class IssuedToken:
    value: Secret[str]
    token_id: str
    expiry_at: int | None = None


@dataclass
class Tokens:
    """Tokens in a dictionary: what the feeds need of the tokens room."""

    callers: dict[str, Caller] = field(default_factory=dict)
    known: dict[str, Caller] = field(default_factory=dict)
    revocation_count: int = 0

    def authenticate(self, token: Secret[str]) -> Caller:
        caller = self.known.get(token.reveal())
        if caller is None:
            raise Unauthenticated("Invalid access token.")
        return caller

    def issue(self, principal_id: str, *, feed_scope: str = "", **_: Any) -> IssuedToken:
        token_id = f"t{len(self.known)}"
        value = f"dapi{token_id}{hashlib.sha256(token_id.encode()).hexdigest()[:24]}"
        owner = self.callers[principal_id]
        self.known[value] = Caller(
            owner.principal_id, owner.name, owner.kind, groups=owner.groups, token_id=token_id, feed_scope=feed_scope
        )
        return IssuedToken(Secret(value), token_id)

    def revoke_token(self, token_id: str) -> None:
        self.revocation_count += 1
        self.known = {value: caller for value, caller in self.known.items() if caller.token_id != token_id}


@dataclass
class Directory:
    """Names of principals: what the feeds need of the identity room."""

    names: set[str]
    change_count: int = 0
    removed: list[Callable[[Any], None]] = field(default_factory=list)
    renamed: list[Callable[[str, str], None]] = field(default_factory=list)

    def find_principal(self, name: str) -> SimpleNamespace | None:
        return SimpleNamespace(name=name) if name in self.names else None

    def on_removed(self, callback: Callable[[Any], None]) -> None:
        self.removed.append(callback)

    def on_renamed(self, callback: Callable[[str, str], None]) -> None:
        self.renamed.append(callback)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class World:
    """Everything a feed needs, wired; not yet served."""

    folder: Path
    database: Database
    blobs: Blobs
    claims: BlobClaims
    tokens: Tokens
    directory: Directory
    feeds: Feeds
    changes: FeedChanges
    app: FeedRoutes

    def token(self, caller: Caller = ADMIN, feed_scope: str = "") -> str:
        return self.tokens.issue(caller.principal_id, feed_scope=feed_scope).value.reveal()

    def create(self, name: str = "team-a", caller: Caller = ADMIN, **more: str) -> wire.Feed:
        return self.feeds.create(caller.with_request(RequestInfo()), wire.CreateFeed(name, **more))


@dataclass
class Served:
    """A feed that answers on a port."""

    world: World
    port: int
    feed: wire.Feed
    token: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> str:
        return self.feed.index_url.removesuffix("simple/")

    def with_credentials(self, address: str, token: str | None = None) -> str:
        return f"http://any:{token or self.token}@127.0.0.1:{self.port}{address}"

    @property
    def index_url(self) -> str:
        return self.with_credentials(self.feed.index_url)

    @property
    def upload_url(self) -> str:
        return self.origin + self.feed.upload_url

    def request(
        self,
        path: str = "",
        *,
        method: str = "GET",
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        address: str | None = None,
    ) -> Answer:
        """`path` is below the feed's root; `address` replaces it as a whole; an empty token sends none."""
        chosen = self.token if token is None else token
        sent = {"Authorization": basic("any", chosen)} if chosen else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, address or self.root + path, body, sent | dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def upload(
        self, filename: str, content: bytes, *, fields: Mapping[str, str] | None = None, token: str | None = None
    ) -> Answer:
        form = upload_fields(filename, content) if fields is None else dict(fields)
        kind, body = multipart(form, filename, content)
        return self.request("upload/", method="POST", token=token, headers={"Content-Type": kind}, body=body)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def multipart(fields: Mapping[str, str], filename: str, content: bytes) -> tuple[str, bytes]:
    edge = "e" * 32
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        f'--{edge}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
    )
    return f"multipart/form-data; boundary={edge}", b"".join([*parts, content, f"\r\n--{edge}--\r\n".encode()])


def upload_fields(filename: str, content: bytes) -> dict[str, str]:
    wheel = filename.endswith(".whl")
    name, version = filename.removesuffix(".tar.gz").split("-")[:2]
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": name,
        "version": version,
        "filetype": "bdist_wheel" if wheel else "sdist",
        "pyversion": "py3" if wheel else "source",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(content, digest_size=32).hexdigest(),
    }


def metadata_text(name: str, version: str, *, extra: str = "", metadata_version: str = "2.1") -> bytes:
    return f"Metadata-Version: {metadata_version}\nName: {name}\nVersion: {version}\n{extra}\nA test.\n".encode()


def record_of(members: Mapping[str, bytes], record: str) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.writerow([path, f"sha256={digest}", len(content)])
    rows.writerow([record, "", ""])
    return text.getvalue().encode()


def wheel(  # a recipe
    name: str = "acme",
    version: str = "1.0",
    *,
    extra: str = "",
    metadata_version: str = "2.1",
    more: Mapping[str, bytes] | None = None,
    replace: Mapping[str, bytes | None] | None = None,
    tag: str = "py3-none-any",
) -> tuple[str, bytes]:
    """A real wheel. `replace` changes members after RECORD was written (None leaves one out)."""
    module = name.replace("-", "_").replace(".", "_").lower()
    info = f"{module}-{version}.dist-info"
    members = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{info}/METADATA": metadata_text(name, version, extra=extra, metadata_version=metadata_version),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        **(more or {}),
    }
    members[f"{info}/RECORD"] = record_of(members, f"{info}/RECORD")
    for path, content in (replace or {}).items():
        if content is None:
            members.pop(path, None)
        else:
            members[path] = content
    return f"{module}-{version}-{tag}.whl", zipped(members)


def zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sdist(name: str = "acme", version: str = "1.0", *, members: Mapping[str, bytes] | None = None) -> tuple[str, bytes]:
    """A real sdist that builds with nothing but a back end of its own."""
    module = name.replace("-", "_").lower()
    top = f"{module}-{version}"
    files = {
        f"{top}/PKG-INFO": metadata_text(name, version, metadata_version="2.2"),
        f"{top}/pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "back"\nbackend-path = ["."]\n',
        **(members or {}),
    }
    return f"{top}.tar.gz", tarred(files)


def tarred(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def build_world(folder: Path, *, limits: UploadLimits | None = None, blobs_url: str = "") -> World:
    database = database_with_tables(folder / "feed.sqlite")
    blobs = open_blobs(blobs_url or f"file://{folder / 'blobs'}")
    tokens = Tokens({caller.principal_id: caller for caller in (ADMIN, USER)})
    directory = Directory({ADMIN.name, USER.name, "users", "admins"})
    changes, claims = FeedChanges(), BlobClaims()
    feeds = Feeds(database=database, blobs=blobs, tokens=tokens, directory=directory, changes=changes)
    app = feed_app(
        database=database,
        blobs=blobs,
        gate=feeds.admit,
        changes=changes,
        incoming=folder / "incoming",
        claims=claims,
        limits=limits,
    )
    return World(folder, database, blobs, claims, tokens, directory, feeds, changes, app)


class Server:
    """uvicorn in a thread, on a port of the system's choice, with the protocol of the workspace or its own."""

    def __init__(self, app: Any, *, http: Any = QuickProtocol, timeout_keep_alive: int = 5) -> None:
        config = uvicorn.Config(
            app,
            port=0,
            http=http,
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_keep_alive=timeout_keep_alive,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = build_world(tmp_path)
    yield made
    made.app.close()
    made.database.close()


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    server = Server(world.app)
    yield Served(world, server.port, world.create(), world.token())
    server.close()


@pytest.fixture
def bare_environment(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """An environment built from nothing: no settings of this machine reach an installer."""

    def build(**more: str) -> dict[str, str]:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.defpath,
            "HOME": str(home),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "UV_PYTHON_DOWNLOADS": "never",
            **more,
        }

    return build
