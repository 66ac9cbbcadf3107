"""A running ipykernel in the sandbox, spoken to over sockets that only this user's processes can open."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from typing import Any, cast

import zmq
from jupyter_client.blocking.client import BlockingKernelClient

from wheelyard.compute.log_stream import LastLines, forward
from wheelyard.compute.process import Process, ProcessTable
from wheelyard.core.errors import InvalidState

__all__ = ["GRACE_SECONDS", "POLL_SECONDS", "Kernel"]

POLL_SECONDS = 0.2
GRACE_SECONDS = 5.0
_START_SECONDS = 60.0
_LARGEST_MESSAGE_BYTES = 80 << 20
"""A larger one is not taken, whoever sends it; the kernel cuts its own far below (`dbruntime.output_limits`)."""


class Kernel:
    """A running kernel and the client that speaks to it."""

    def __init__(self, process: Process, table: ProcessTable, connection: Mapping[str, Any]) -> None:
        self.process = process
        self._table = table
        self._last = LastLines(lambda _line: None, count=20)
        self._reader = threading.Thread(
            target=forward, args=(process.output, table.redactor, self._last), name="kernel-output", daemon=True
        )
        self._reader.start()
        self.client = BlockingKernelClient()
        self.client.context.setsockopt(zmq.MAXMSGSIZE, _LARGEST_MESSAGE_BYTES)
        self.client.load_connection_info(cast("Any", dict(connection)))
        self.client.start_channels(stdin=False, hb=False)

    def wait_until_ready(self) -> None:
        """Return when it answers and its output arrives.

        Raises:
            InvalidState: it ended, or said nothing for a minute.
        """
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self.process.running:
            self.client.kernel_info()
            try:
                self.client.get_iopub_msg(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            self._drain()
            return
        self.end()
        raise InvalidState("The notebook's Python did not start", log="\n".join(self._last.lines))

    def _drain(self) -> None:
        """Forget what was said while it started."""
        self.client.get_shell_msg(timeout=_START_SECONDS)
        for read in (self.client.get_iopub_msg, self.client.get_shell_msg):
            while True:
                try:
                    read(timeout=0.02)
                except queue.Empty:
                    break

    def interrupt(self) -> None:
        self.client.control_channel.send(self.client.session.msg("interrupt_request"))

    def end(self) -> None:
        self.process.kill()
        self._table.ended(self.process)
        self.client.stop_channels()
        self._reader.join(timeout=GRACE_SECONDS)
