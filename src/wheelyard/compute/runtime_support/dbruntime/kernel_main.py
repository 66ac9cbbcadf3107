"""Starts a notebook's kernel: `python -m dbruntime.kernel_main CONNECTION_FILE`, the session on standard input."""

from __future__ import annotations

import sys

from . import session


def main() -> None:
    session.begin()
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415  # only kernels need it
    from traitlets.config import Config  # noqa: PLC0415  # as above

    sys.path[0] = ""  # the notebook's folder, wherever it goes
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShellApp.extensions = ["dbruntime.magics"]
    config.IPKernelApp.connection_file = sys.argv[1]
    app = IPKernelApp.instance(config=config)
    app.initialize([])
    app.start()


if __name__ == "__main__":
    main()
