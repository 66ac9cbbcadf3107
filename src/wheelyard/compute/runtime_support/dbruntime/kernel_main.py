"""Starts a notebook's kernel: `python -m dbruntime.kernel_main`.

The session, and how the kernel listens, arrive on standard input.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from . import output_limits, session


def main() -> None:
    """Become the kernel, in the environment that the compute gave: what ipykernel adds is meant for terminals."""
    connection = session.begin()["connection"]
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415  # only kernels need it
    from traitlets.config import Config  # noqa: PLC0415  # as above

    sys.path[0] = ""  # the notebook's folder, wherever it goes
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShellApp.extensions = ["dbruntime.magics"]
    config.IPKernelApp.connection_file = _connection_file(connection)
    app = IPKernelApp.instance(config=config)
    given = dict(os.environ)
    app.initialize([])
    output_limits.limit_messages(app.session)
    for name in set(os.environ) - set(given) - {"MPLBACKEND"}:
        del os.environ[name]
    app.start()


def _connection_file(connection: dict[str, object]) -> str:
    """A file that only this session can read, because ipykernel wants one."""
    file = Path(tempfile.mkdtemp()) / "kernel.json"
    file.write_text(json.dumps(connection))
    return str(file)


if __name__ == "__main__":
    main()
