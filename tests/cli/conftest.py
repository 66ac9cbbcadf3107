"""A recording workspace: what the CLI sends, without a workspace behind it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from wheelyard.cli import main


@dataclass
class Recorder:
    """Answers what it is told to answer, and remembers every call of `/api/`."""

    url: str
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def answer(self, path: str, body: Any, status: int = 200) -> None:
        self.answers[path] = (status, body)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        do_PUT = do_DELETE = do_POST  # noqa: N815 - as above

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = json.loads(content) if content else dict(parse_qsl(parts.query))
            if parts.path.startswith("/api/"):
                recording.calls.append((self.command, parts.path, sent))
            status, body = recording.answers.get(parts.path, (404 if parts.path.startswith("/.well") else 200, {}))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recording.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield recording
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[Callable[..., Ran]]:
    """Run one command line in this process, with no profile and no variable of whoever runs the tests."""
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))

    def run(*words: str, host: str = "", token: str = "invented") -> Ran:  # noqa: S107 - invented
        if host:
            monkeypatch.setenv("DATABRICKS_HOST", host)
            monkeypatch.setenv("DATABRICKS_TOKEN", token)
        capsys.readouterr()
        code = main(list(words))
        shown = capsys.readouterr()
        return Ran(code, shown.out, shown.err)

    yield run
    logger = logging.getLogger("databricks.sdk")  # what --debug has set up
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)
