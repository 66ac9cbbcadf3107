"""The servers that `bench/feed.py` compares: `python -m bench._feed_server (feed|bare) FOLDER`.

`bare` is the least a private feed can do on the same server: look up the credentials, look up the page, compare the
ETag; read a file and send it. Whatever the real feed does more is its own cost.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from wheelyard.core.errors import Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.feed import store
from wheelyard.feed.access import FeedPlace, Grant
from wheelyard.feed.changes import FeedChanges
from wheelyard.http.feed_app import feed_app
from wheelyard.storage.backends import open_blobs
from wheelyard.storage.database import METADATA, Database, sqlite_url

TOKEN = "bench-token"  # noqa: S105 # opens nothing but this benchmark
FEED_ID = "bench"
PLACE = FeedPlace("bench", "", "bench")
_PIECE_BYTES = 1 << 20


def feed(folder: Path) -> ASGIApp:
    """The real feed, with a gate that knows one token."""
    database = Database.open(sqlite_url(folder / "feed.sqlite"))
    METADATA.create_all(database.engine)
    if database.read(lambda tx: store.feed_by_id(tx, FEED_ID)) is None:
        row = store.FeedRow(FEED_ID, "bench", "", "bench", "", 0, "bench")
        database.write(lambda tx: store.insert_feed(tx, row))

    def gate(token: Secret[str], place: FeedPlace) -> Grant:
        if token.reveal() != TOKEN or place != PLACE:
            raise Unauthenticated("no")
        return Grant(FEED_ID, "OWNER", "bench")

    blobs = open_blobs((folder / "blobs").as_uri())
    return feed_app(database=database, blobs=blobs, gate=gate, changes=FeedChanges(), incoming=folder / "incoming")


def bare(folder: Path) -> ASGIApp:
    """Pages and files prepared as `page`, `small.whl` and `large.whl` in the folder."""
    tokens = {hashlib.sha256(TOKEN.encode()).digest(): FEED_ID}
    pages = {f"p{number}": (b'"tag"', (folder / "page").read_bytes()) for number in range(1000)}

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        secret = base64.b64decode(headers[b"authorization"][6:]).partition(b":")[2]
        if hashlib.sha256(secret).digest() not in tokens:
            raise RuntimeError("the benchmark sent another token")
        name = scope["path"].strip("/").rpartition("/")[2]
        if name.endswith(".whl"):
            await _send_file(send, folder / name)
            return
        etag, body = pages[name]
        if headers.get(b"if-none-match") == etag:
            await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", etag)]})
            await send({"type": "http.response.body", "body": b""})
            return
        answer = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(body)), (b"etag", etag)]
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": body})

    return app


async def _send_file(send: Send, path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        left = os.fstat(descriptor).st_size
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % left)]})
        while left:
            piece = os.read(descriptor, _PIECE_BYTES)
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    finally:
        os.close(descriptor)


def main() -> None:
    """Say the port on standard output, then serve until told to end."""
    app = {"feed": feed, "bare": bare}[sys.argv[1]](Path(sys.argv[2]))
    bound = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(bound.getsockname()[1], flush=True)  # for the benchmark
    config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, http="httptools", loop="uvloop")
    uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
