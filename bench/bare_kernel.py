"""The least a kernel's start costs: ipykernel from an environment of the same packages, and one cell."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, cast

from jupyter_client.blocking.client import BlockingKernelClient
from uv import find_uv_bin

from bench.programs import ROOT
from bench.run import Run
from wheelyard.compute.images import KERNEL_LOCK
from wheelyard.compute.machine import Interpreter

__all__ = ["kernel_environment", "seconds_to_first_result"]

_WHEELHOUSE = ROOT / ".tools" / "wheelhouse"
_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_PATIENCE_SECONDS = 60


def kernel_environment(run: Run, interpreter: Interpreter) -> Path:
    """The Python of an environment that holds what a runtime image's kernel needs, byte-compiled."""
    folder = run.scratch / f"kernel-{interpreter.name}"
    python = folder / "bin" / "python"
    if not python.exists():
        uv = [find_uv_bin(), "--quiet"]
        subprocess.run([*uv, "venv", "--python", str(interpreter.executable), str(folder)], check=True)
        words = ["pip", "install", "--python", str(python), "--compile-bytecode", "--no-deps", "-r", str(KERNEL_LOCK)]
        subprocess.run([*uv, *words, "--no-index", "--find-links", str(_WHEELHOUSE)], check=True)
    return python


def seconds_to_first_result(run: Run, python: Path) -> float:
    """Start a kernel, wait for its first answer, run `1 + 1`."""
    with tempfile.TemporaryDirectory(prefix="wyb-") as sockets:  # short: socket paths are
        connection = {
            "transport": "ipc",
            "ip": f"{sockets}/k",
            "key": uuid.uuid4().hex,
            "signature_scheme": "hmac-sha256",
            **{name: number for number, name in enumerate(_PORTS, 1)},
        }
        file = Path(sockets) / "connection.json"
        file.write_text(json.dumps(connection))
        words: list[str | Path] = [python, "-m", "ipykernel_launcher", "-f", file]
        started = time.perf_counter()
        with run.programs.running(words, name="bare-kernel", cores=run.cores.every):
            client = BlockingKernelClient()
            client.load_connection_info(cast("Any", connection))
            client.start_channels(stdin=False, hb=False)
            try:
                client.kernel_info()
                client.get_shell_msg(timeout=_PATIENCE_SECONDS)
                client.execute("1 + 1")
                answer = client.get_shell_msg(timeout=_PATIENCE_SECONDS)
                took = time.perf_counter() - started
            finally:
                client.stop_channels()
    if answer["content"]["status"] != "ok":
        raise RuntimeError("the bare kernel could not run a cell")
    return took
