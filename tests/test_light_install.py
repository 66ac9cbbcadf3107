"""The client half works with nothing of the server half installed: verbs that talk to a workspace, and their help."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVER_ONLY = (
    "alembic",
    "anyio",
    "argon2",
    "cryptography",
    "httptools",
    "jupyter_client",
    "msgspec",
    "obstore",
    "psycopg",
    "python_multipart",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "uvloop",
    "zmq",
)
SERVER_VERBS = ("up", "keys", "demo")

PROGRAM = """
import sys
for name in {absent!r}:
    sys.modules[name] = None
from wheelyard.cli import main
sys.exit(main({arguments!r}))
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(absent=SERVER_ONLY, arguments=list(arguments))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def _verbs() -> list[str]:
    from wheelyard.cli import VERBS

    return [verb.name for verb in VERBS]


@pytest.mark.parametrize("verb", [verb for verb in _verbs() if verb not in SERVER_VERBS])
def test_help_of_a_client_verb_needs_no_server(verb: str) -> None:
    answer = _run(verb, "--help")
    assert answer.returncode == 0, answer.stderr
    assert f"wheelyard {verb}" in answer.stdout


def test_explaining_this_machine_needs_no_server() -> None:
    answer = _run("explain", "--local", "--installer", "pip==24.0", "--output", "json", "--", "install", "acme")
    assert answer.returncode == 0, answer.stderr
    assert '"index_url"' in answer.stdout


def test_a_server_verb_says_what_to_install() -> None:
    answer = _run("up")
    assert answer.returncode == 2
    assert "error: extra-missing" in answer.stderr
    assert "pip install 'wheelyard[all]'" in answer.stderr
