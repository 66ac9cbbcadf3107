"""A feed beside what the same server can do at least, and beside nginx where it is installed.

Server and load have a core each. Every figure stands next to the limit that was measured in the same minute; the
limit of an upload is its hashing, its archive check and its syncs without HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from bench._feed_server import PLACE, TOKEN
from bench._load import pinned, requests_a_second, stream_bytes_a_second, together
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.wheels import read_wheel

_SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
_ROUNDS = 3
_UPLOADS = 120
_JSON = "application/vnd.pypi.simple.v1+json"
_BASIC = {"Authorization": "Basic " + base64.b64encode(f"any:{TOKEN}".encode()).decode()}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served("feed", folder) as port:
            stock(port)
            page = ask(port, "simple/probe/", {"Accept": _JSON})
            (folder / "page").write_bytes(page)
            files = {file["filename"]: file["url"].removeprefix("../../") for file in json.loads(page)["files"]}
            small, large = files["probe-1.0.0-py3-none-any.whl"], large_file(port)
            for title, path in (("small.whl", small), ("large.whl", large)):
                (folder / title).write_bytes(ask(port, path, {}))
        print(f"{'':28}{'feed':>12}{'limit':>12}{'ratio':>8}")
        reads(folder, small, large)
        uploads(folder)


def reads(folder: Path, small: str, large: str) -> None:
    """Pages and files."""
    root = PLACE.root
    page, json_page = f"{root}simple/probe/", {**_BASIC, "Accept": _JSON}
    with served("feed", folder) as port, served("bare", folder) as bare, nginx(folder) as other:
        etag = header(port, "simple/probe/", {"Accept": _JSON}, "etag")
        known, bare_known = {**json_page, "If-None-Match": etag}, {**_BASIC, "If-None-Match": '"tag"'}
        rows: list[tuple[str, tuple[str, dict[str, str]], tuple[str, dict[str, str]], str]] = [
            ("page JSON, 20 files /s", (page, json_page), ("/p1", _BASIC), "/page"),
            ("page HTML, 20 files /s", (page, {**_BASIC, "Accept": "text/html"}), ("/p1", _BASIC), ""),
            ("304 /s", (page, known), ("/p1", bare_known), ""),
            ("50 KB wheel /s", (root + small, _BASIC), ("/small.whl", _BASIC), "/small.whl"),
        ]
        for title, (path, headers), (bare_path, bare_headers), nginx_path in rows:
            limit, ours = beside(
                lambda at=bare_path, sent=bare_headers: requests_a_second(bare, at, sent, seconds=_SECONDS),  # type: ignore[misc] # defaults bind the row
                lambda at=path, sent=headers: requests_a_second(port, at, sent, seconds=_SECONDS),  # type: ignore[misc] # as above
            )
            show(title, ours, limit)
            if other and nginx_path:
                nginx_rate = requests_a_second(other, nginx_path, _BASIC, seconds=_SECONDS)
                show("    beside nginx", ours, nginx_rate)
        limit, ours = beside(
            lambda: stream_bytes_a_second(bare, "/large.whl", _BASIC) / 1e6,
            lambda: stream_bytes_a_second(port, root + large, _BASIC) / 1e6,
        )
        show("200 MB wheel, MB/s", ours, limit)
        if other:
            show("    beside nginx", ours, stream_bytes_a_second(other, "/large.whl", _BASIC) / 1e6)


def uploads(folder: Path) -> None:
    """Wheels of 20 KB, durable."""
    with served("feed", folder) as port:
        for clients in (1, 4):
            tag = f"up{clients}"
            batches = [
                [form(*wheel(f"{tag}-{number}-{client}", "1.0", 20_000)) for number in range(_UPLOADS // clients)]
                for client in range(clients)
            ]
            limit = _UPLOADS / floor(folder, tag)
            took = together(lambda client, work=batches: upload_all(port, work[client]), clients)  # type: ignore[misc] # the default binds this round's work
            show(f"upload 20 KB, {clients} client{'s' * (clients > 1)} /s", _UPLOADS / took, limit)


def floor(folder: Path, tag: str) -> float:
    """Seconds to take the same wheels in without HTTP: hash, check, three syncs, one commit each."""
    database = sqlite3.connect(folder / f"floor-{tag}.sqlite", isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    database.execute("create table file(name text primary key, sha256 text)")
    target = folder / f"floor-{tag}"
    target.mkdir()
    contents = [wheel(f"{tag}-{number}", "1.0", 20_000) for number in range(_UPLOADS)]
    started = time.perf_counter()
    for filename, content in contents:
        digest = hashlib.sha256(content).hexdigest()
        hashlib.blake2b(content, digest_size=32).hexdigest()
        path = target / filename
        path.write_bytes(content)
        for synced in (path, target):
            descriptor = os.open(synced, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        read_wheel(path, filename, UploadLimits())
        database.execute("insert into file values (?, ?)", (filename, digest))
    took = time.perf_counter() - started
    database.close()
    return took


def beside(limit: Callable[[], float], ours: Callable[[], float]) -> tuple[float, float]:
    """Medians of alternating runs; the first of each warms up."""
    limit(), ours()
    pairs = [(limit(), ours()) for _ in range(_ROUNDS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def show(title: str, ours: float, limit: float) -> None:
    print(f"{title:28}{ours:12,.0f}{limit:12,.0f}{ours / limit:8.2f}", flush=True)


@contextmanager
def served(kind: str, folder: Path) -> Iterator[int]:
    command = pinned([sys.executable, "-m", "bench._feed_server", kind, str(folder)], 0)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """A file server with Basic credentials on a free port; 0 where nginx is not installed."""
    program = shutil.which("nginx")
    if program is None:
        yield 0
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "users").write_text(f"any:{{PLAIN}}{TOKEN}\n")
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(
        f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user root;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type text/html;
client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5; open_file_cache max=1000;
server {{ listen 127.0.0.1:{port}; root {folder}; auth_basic "bench"; auth_basic_user_file {folder}/users; }} }}
"""
    )
    process = subprocess.Popen(pinned([program, "-c", str(folder / "nginx.conf")], 0), stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx did not start")


def stock(port: int) -> None:
    """A project of 20 files of 50 KB, one of 200 MB, and some neighbours."""
    upload_all(port, [form(*wheel("probe", f"1.{number}.0", 50_000)) for number in range(20)])
    upload_all(port, [form(*wheel("large", "1.0", 200_000_000))])
    upload_all(port, [form(*wheel(f"other-{number}", "1.0", 1500)) for number in range(100)])


def large_file(port: int) -> str:
    (file,) = json.loads(ask(port, "simple/large/", {"Accept": _JSON}))["files"]
    url: str = file["url"]
    return url.removeprefix("../../")


def ask(port: int, path: str, headers: dict[str, str]) -> bytes:
    return _answer(port, path, headers)[1]


def header(port: int, path: str, headers: dict[str, str], name: str) -> str:
    return _answer(port, path, headers)[0][name]


def _answer(port: int, path: str, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", PLACE.root + path, headers={**_BASIC, **headers})
    answer = connection.getresponse()
    found = {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    return found


def upload_all(port: int, forms: list[tuple[str, bytes]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for kind, body in forms:
        connection.request("POST", f"{PLACE.root}upload/", body, {**_BASIC, "Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(text.decode())
    connection.close()


def wheel(name: str, version: str, size: int) -> tuple[str, bytes]:
    """A valid wheel around `size` random bytes, always the same ones."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    members = {
        f"{module}/__init__.py": b"",
        f"{module}/payload.bin": random.Random(name + version).randbytes(size),  # noqa: S311 # not a secret
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')},{len(content)}"
        for path, content in members.items()
    ]
    members[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), content)
    return f"{module}-{version}-py3-none-any.whl", buffer.getvalue()


def form(filename: str, content: bytes) -> tuple[str, bytes]:
    """The upload form a publisher sends, as (content type, body)."""
    module, version = filename.split("-")[:2]
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": module,
        "version": version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
    }
    edge = "bench-boundary"
    head = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{edge}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
    return f"multipart/form-data; boundary={edge}", head.encode() + content + f"\r\n--{edge}--\r\n".encode()


if __name__ == "__main__":
    main()
