"""One execution context: a Python session on a cluster, and the commands that wait for it.

A context has one thread. It opens the session, then runs one command after the other until the context is closed.
Contexts live in memory, like the state they stand for: they die with their cluster.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from wheelyard.compute.engine import Session
from wheelyard.control.caller import Caller
from wheelyard.control.command_execution.results import broken, results_of
from wheelyard.control.command_execution.states import ENDED, Action, CommandStatus, ContextStatus, after
from wheelyard.control.command_execution.wire import Results
from wheelyard.core.errors import LimitExceeded, NotFound, WheelyardError

__all__ = ["Command", "Context"]

_LOG = logging.getLogger(__name__)
_MOST_KEPT = 1000
_MOST_WAITING = 1000
_MOST_CHARACTERS = 64_000_000
"""Of sources that wait and results that are kept, in one context."""

_GONE = "The execution context has ended"


@dataclass(eq=False)
class Command:
    """One command; every field is read and written under its context's lock."""

    source: str
    command_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: CommandStatus = CommandStatus.QUEUED
    results: Results | None = None

    @property
    def size(self) -> int:
        """Characters it holds in memory."""
        return len(self.source) + (self.results.size if self.results else 0)


class Context:
    """See the module's opening. `open_session` blocks; `close_session` ends what it opened, token included.

    `refresh` is called before each command: what it sees of the workspace is as new as that.
    """

    def __init__(
        self,
        cluster_id: str,
        caller: Caller,
        *,
        open_session: Callable[[], Session],
        refresh: Callable[[Session], None],
        close_session: Callable[[Session | None], None],
    ) -> None:
        self.context_id = uuid.uuid4().hex
        self.cluster_id = cluster_id
        self.caller = caller
        self.status = ContextStatus.PENDING
        self._open_session = open_session
        self._refresh = refresh
        self._close_session = close_session
        self._lock = threading.Condition()
        self._commands: OrderedDict[str, Command] = OrderedDict()
        self._waiting: deque[Command] = deque()
        self._running: Command | None = None
        self._session: Session | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=f"context-{self.context_id[:8]}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def abandon(self) -> None:
        """Give up a context that was never started; its token ends."""
        self._close_session(None)

    def execute(self, source: str) -> Command:
        """Queue one command.

        Raises:
            LimitExceeded: as many wait as one context takes.
        """
        command = Command(source)
        with self._lock:
            self._check_room(source)
            self._remember(command)
            if self._closed or self.status is ContextStatus.ERROR:
                _end(command, Action.BREAK, broken(_GONE))
            else:
                self._waiting.append(command)
                self._lock.notify_all()
        return command

    def refuse(self, source: str, because: str) -> Command:
        """Keep a command that cannot be run, with the reason as its result."""
        command = Command(source)
        with self._lock:
            self._remember(command)
            _end(command, Action.BREAK, broken(because))
        return command

    def read(self, command_id: str) -> tuple[CommandStatus, Results | None]:
        """Status and results of one command.

        Raises:
            NotFound: it never was, or newer ones have taken its place.
        """
        with self._lock:
            command = self._find(command_id)
            return command.status, command.results

    def cancel(self, command_id: str) -> None:
        """Take a waiting command out, interrupt a running one; an ended one stays as it is."""
        with self._lock:
            command = self._find(command_id)
            command.status = after(command.status, Action.CANCEL)
            if command in self._waiting:
                self._waiting.remove(command)
            session = self._session if command is self._running else None
        if session is not None:
            session.interrupt()

    def close(self) -> None:
        """End the session; what waits or runs ends with an error."""
        with self._lock:
            self._closed = True
            self.status = ContextStatus.ERROR
            for command in self._waiting:
                _end(command, Action.BREAK, broken(_GONE))
            self._waiting.clear()
            session = self._session if self._running is not None else None
            self._lock.notify_all()
        if session is not None:
            session.interrupt()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _find(self, command_id: str) -> Command:
        command = self._commands.get(command_id)
        if command is None:
            raise NotFound(f"Command {command_id} does not exist", reference="command-not-found")
        return command

    def _remember(self, command: Command) -> None:
        self._commands[command.command_id] = command
        self._forget_old(command)

    def _forget_old(self, newest: Command) -> None:
        """Drop the oldest ended commands until the rest fits."""
        size = sum(command.size for command in self._commands.values())
        for known in list(self._commands.values()):
            if len(self._commands) <= _MOST_KEPT and size <= _MOST_CHARACTERS:
                break
            if known.status in ENDED and known is not newest:
                size -= known.size
                del self._commands[known.command_id]

    def _check_room(self, source: str) -> None:
        waiting = sum(len(command.source) for command in self._waiting)
        if len(self._waiting) >= _MOST_WAITING or waiting + len(source) > _MOST_CHARACTERS:
            raise LimitExceeded(
                f"Too many commands wait in context {self.context_id}: it takes {_MOST_WAITING} commands "
                f"of {_MOST_CHARACTERS} characters together.",
                reference="command-queue-full",
                unchanged="the command was not queued",
                hint="wait until some have ended, or use another context",
            )

    def _serve(self) -> None:
        try:
            session = self._open_session()
        except WheelyardError as error:
            self._broken(error.what)
            self._close_session(None)
            return
        except Exception as error:  # noqa: BLE001 # whatever it was, the client must hear of it and the token must end
            _LOG.warning("context %s could not be opened", self.context_id, exc_info=error)
            self._broken("The execution context could not be started")
            self._close_session(None)
            return
        self._work_off(session)
        self._close_session(session)

    def _broken(self, because: str) -> None:
        with self._lock:
            self.status = ContextStatus.ERROR
            for command in self._waiting:
                _end(command, Action.BREAK, broken(because))
            self._waiting.clear()

    def _work_off(self, session: Session) -> None:
        with self._lock:
            self._session = session
            if not self._closed:
                self.status = ContextStatus.RUNNING
        while (command := self._next()) is not None:
            self._run(session, command)

    def _next(self) -> Command | None:
        with self._lock:
            while not self._waiting and not self._closed:
                self._lock.wait()
            if self._closed:
                return None
            command = self._waiting.popleft()
            command.status = after(command.status, Action.BEGIN)
            self._running = command
            return command

    def _run(self, session: Session, command: Command) -> None:
        try:
            self._refresh(session)
            cell = session.execute(command.source)
        except Exception as error:  # noqa: BLE001 # the kernel may have died with its cluster; the command says so
            _LOG.info("command %s broke off", command.command_id, exc_info=error)
            action, results = Action.BREAK, broken(_GONE)
        else:
            action, results = Action.END, results_of(cell)
        with self._lock:
            self._running = None
            _end(command, action, results)
            self._forget_old(command)


def _end(command: Command, action: Action, results: Results) -> None:
    command.source = ""
    command.status = after(command.status, action)
    command.results = None if command.status is CommandStatus.CANCELLED else results
