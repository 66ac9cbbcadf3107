"""The least an answer costs on our server: `python -m bench.bare PORT` answers everything with one small JSON body."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import Receive, Scope, Send

from bench.connection import Connection, request
from bench.programs import free_port, wait_until
from bench.run import Run

__all__ = ["bare_uvicorn"]

_BODY = json.dumps({"key": "k", "value": "dg" * 68}).encode()
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]


@contextmanager
def bare_uvicorn(run: Run) -> Iterator[int]:
    """Its port, while it runs on the server's core."""
    port = free_port()
    with run.programs.running(
        [sys.executable, "-m", "bench.bare", str(port)], name="bare", cores=run.cores.server
    ) as program:
        connection = Connection(port)
        wait_until(lambda: connection.ask(request("GET", "/", {})).status == 200, program=program)
        connection.close()
        yield port


async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


def main() -> None:
    bound = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048)
    config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, http="httptools", loop="uvloop")
    uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
