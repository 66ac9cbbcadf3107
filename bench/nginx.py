"""nginx as a file server for a static index: the limit of pages and files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.connection import Connection, basic, request
from bench.programs import free_port, wait_until
from bench.run import Absent, Run
from bench.tools import system_program

__all__ = ["AUTHORIZATION", "nginx"]

_USER, _PASSWORD = "bench", "bench-secret"
AUTHORIZATION = basic(_USER, _PASSWORD)

_CONFIGURATION = r"""
worker_processes 1; daemon off; pid {work}/nginx.pid; error_log {work}/nginx-error.log; {user}
worker_rlimit_nofile 65536;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache max=200000 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  map $http_accept $page {{ default html; "~application/vnd\.pypi\.simple\.v1\+json" json; }}
  types {{ text/html html; application/vnd.pypi.simple.v1+json json; }}
  default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port} backlog=1024; root {root}; {auth}
    location /packages/ {{ }}
    location /simple/ {{ add_header Vary Accept; try_files ${{uri}}index.$page =404; }}
  }}
}}
"""


@contextmanager
def nginx(run: Run, root: Path, *, cores: frozenset[int], auth: bool = True) -> Iterator[int | Absent]:
    """Serve `root/simple/` and `root/packages/` on a free port; a folder of its own is made for it."""
    program = system_program(run, "nginx", "nginx-light")
    if isinstance(program, Absent):
        yield program
        return
    port = free_port()
    work = run.scratch / f"nginx-{port}"
    work.mkdir()
    words: list[str | Path] = [program, "-c", _configured(work, root, port, auth=auth)]
    with run.programs.running(words, name="nginx", cores=cores) as started:
        connection = Connection(port)
        wire = request("GET", "/simple/", {"Authorization": AUTHORIZATION})
        wait_until(lambda: connection.ask(wire).status == 200, program=started)
        connection.close()
        yield port


def _configured(work: Path, root: Path, port: int, *, auth: bool) -> Path:
    users, conf = work / "users", work / "nginx.conf"
    users.write_text(f"{_USER}:{{PLAIN}}{_PASSWORD}\n")
    rule = f'auth_basic "feed"; auth_basic_user_file {users};' if auth else ""
    user = "user root;" if os.geteuid() == 0 else ""  # the folders are ours alone
    conf.write_text(_CONFIGURATION.format(work=work, root=root.resolve(), port=port, auth=rule, user=user))
    return conf
