"""Commands that a notebook starts, their output passed on while they write it."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["run_module", "run_program", "run_script"]

_SHELL = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"  # noqa: PTH110  # asked once, at import
_RUN_MODULE = Path(__file__).with_name("run_module.py")


def run_module(module: str, line: str) -> int:
    """Run `python -m module …` in this environment, in a process of its own, its arguments off the command line."""
    content = json.dumps({"module": module, "arguments": split(line)}).encode()
    return _run([sys.executable, str(_RUN_MODULE)], content)


def run_program(program: str, line: str) -> int:
    """Run one program with the words of a line."""
    return _run([program, *split(line)], None)


def run_script(script: str, *, stop_at_failure: bool = False) -> int:
    """Run shell text."""
    return _run([_SHELL, *(["-e"] if stop_at_failure else []), "-c", script], None)


def split(line: str) -> list[str]:
    """A line's words, quotes removed and `$NAME` replaced as a shell does."""
    return [os.path.expandvars(word) for word in shlex.split(line, comments=True)]


def _run(arguments: list[str], content: bytes | None) -> int:
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL if content is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        if content is not None and process.stdin is not None:
            process.stdin.write(content)
            process.stdin.close()
        _pass_on(process)
        return process.wait()
    finally:
        if process.poll() is None:  # interrupted
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _pass_on(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is None:
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while chunk := os.read(process.stdout.fileno(), 65_536):
        sys.stdout.write(decoder.decode(chunk))
        sys.stdout.flush()
    process.stdout.close()
