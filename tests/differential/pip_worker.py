"""Really pip, started from a fresh state for each case: the modules are imported once, every case runs in a fork.

Started as `python -I pip_worker.py FOLDER`, FOLDER holding an unpacked pip wheel. Reads one JSON object a line and
answers with
one: {"exit_code", "output"}. The child's environment, folder and `sys.prefix` are those of the case and nothing else.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback
from typing import Any

_WARM = (
    "pip._internal.cli.main",
    "pip._internal.commands.install",
    "pip._internal.commands.download",
    "pip._internal.network.session",
    "pip._internal.resolution.resolvelib.resolver",
    "pip._internal.index.package_finder",
    "pip._vendor.rich.console",
    "pip._vendor.rich.progress",
)


def child(case: dict[str, Any], output: int) -> int:
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(case["environ"])
    os.chdir(case["cwd"])
    sys.prefix = case["prefix"]
    sys.argv = ["pip", *case["arguments"]]
    try:
        return int(importlib.import_module("pip._internal.cli.main").main(case["arguments"]) or 0)
    except SystemExit as stop:
        return int(stop.code or 0) if not isinstance(stop.code, str) else 1
    except BaseException:  # noqa: BLE001  a crash of pip is an answer too
        traceback.print_exc()
        return 2
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def run(case: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            os._exit(child(case, output.fileno()))
        _pid, status = os.waitpid(pid, 0)
        output.seek(0)
        return {"exit_code": os.waitstatus_to_exitcode(status), "output": output.read().decode(errors="replace")}


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    for name in _WARM:
        importlib.import_module(name)
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in requests:
        answers.write(json.dumps(run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
