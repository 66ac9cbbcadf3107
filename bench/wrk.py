"""Load by `wrk`: as many requests as a server answers over some connections, and how long they took."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bench.machine import on_cores
from bench.run import Absent, Run
from bench.tools import system_program

__all__ = ["Ask", "Load", "Wrk", "find_wrk"]

_DONE = """
done = function(summary, latency, _requests)
  local errors = summary.errors
  io.write(string.format("\\n@@ %d %d %d %d %.1f %.1f\\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: one path, or several in turn; with bodies, each is posted in turn to the one path."""

    port: int
    paths: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    bodies: Sequence[str] = ()
    connections: int = 16


@dataclass(frozen=True, slots=True)
class Load:
    """What came back."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Wrk:
    """The installed program; it runs on the core of the load."""

    program: Path
    run: Run

    def rate(self, ask: Ask) -> float:
        return self.load(ask).per_second

    def load(self, ask: Ask) -> Load:
        """Ask for as long as the scale says.

        Raises:
            RuntimeError: an answer was an error, or none came.
        """
        script = self._script(ask)
        command = [self.program, "-t1", f"-c{ask.connections}", f"-d{self.run.scale.seconds}s", "--timeout", "30s"]
        with on_cores(self.run.cores.load):
            done = subprocess.run(
                [*map(str, command), "-s", str(script), f"http://127.0.0.1:{ask.port}{ask.paths[0]}"],
                check=False,
                capture_output=True,
                text=True,
            )
        found = re.search(r"^@@ (.*)$", done.stdout, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"wrk: {done.stderr.strip() or done.stdout.strip()}")
        count, microseconds, refused, broken, p50, p99 = map(float, found[1].split())
        if refused or broken or not count:
            raise RuntimeError(
                f"{ask.paths[0]}: of {count:,.0f} answers {refused:,.0f} were errors, {broken:,.0f} did not come"
            )
        return Load(count / microseconds * 1e6, p50 / 1000, p99 / 1000)

    def _script(self, ask: Ask) -> Path:
        """Headers go into the script: a command line is anybody's to read."""
        folder = self.run.scratch
        parts = [
            _DONE,
            *(f"wrk.headers[{json.dumps(name)}] = {json.dumps(text)}\n" for name, text in ask.headers.items()),
        ]
        if len(ask.paths) > 1:
            parts.append(_in_turn(_lines(folder / "wrk-paths", ask.paths), "wrk.format(nil, lines[i])"))
        elif ask.bodies:
            parts.append(_in_turn(_lines(folder / "wrk-bodies", ask.bodies), 'wrk.format("POST", nil, nil, lines[i])'))
        script = folder / "wrk.lua"
        script.touch(mode=0o600)
        script.write_text("".join(parts))
        return script


def find_wrk(run: Run) -> Wrk | Absent:
    found = system_program(run, "wrk", "wrk")
    return found if isinstance(found, Absent) else Wrk(found, run)


def _lines(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def _in_turn(file: Path, request: str) -> str:
    """Lua that makes each request from the next line of a file."""
    return (
        f"local lines, i = {{}}, 0\nfor line in io.lines({json.dumps(str(file))}) do lines[#lines + 1] = line end\n"
        f"request = function()\n  i = i % #lines + 1\n  return {request}\nend\n"
    )
