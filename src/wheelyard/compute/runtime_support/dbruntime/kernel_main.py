"""Starts a notebook's kernel: `python -m dbruntime.kernel_main CONNECTION_FILE`, the session on standard input."""

from __future__ import annotations

import os
import sys

from . import session


def main() -> None:
    """Become the kernel, in the environment that the compute gave: what ipykernel adds is meant for terminals."""
    session.begin()
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415  # only kernels need it
    from traitlets.config import Config  # noqa: PLC0415  # as above

    sys.path[0] = ""  # the notebook's folder, wherever it goes
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShellApp.extensions = ["dbruntime.magics"]
    config.IPKernelApp.connection_file = sys.argv[1]
    app = IPKernelApp.instance(config=config)
    given = dict(os.environ)
    app.initialize([])
    for name in set(os.environ) - set(given) - {"MPLBACKEND"}:
        del os.environ[name]
    app.start()


if __name__ == "__main__":
    main()
