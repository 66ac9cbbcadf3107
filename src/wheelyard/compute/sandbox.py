"""What a process of compute can see of this machine.

Files are listed one by one; what is not listed does not exist inside. So the data folder, the key ring and other
compute's folders need no rule of their own. The network is shared, because packages must be reachable.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from wheelyard.core.errors import LaunchFailed

__all__ = [
    "Bubblewrap",
    "NoSandbox",
    "Sandbox",
    "SandboxReport",
    "View",
    "choose_sandbox",
    "describe_sandbox",
    "inner_environment",
]

Wanted = Literal["auto", "bubblewrap", "none"]

_SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "gai.conf",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
"""Of `/etc`, only what resolves names, times, libraries and public certificates; `ssl/private` is not among it."""

_ISOLATION = (
    "--die-with-parent",
    "--new-session",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--hostname",
    "driver",
)
_UNPRIVILEGED = ("--unshare-user", "--uid", "1000", "--gid", "1000")
_LEVELS = ((*_UNPRIVILEGED, "--disable-userns"), _UNPRIVILEGED, ("--cap-drop", "ALL"))
"""Best first: an unprivileged user who can make no more namespaces; an unprivileged user; root without capabilities."""

_PROBE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class View:
    """What one process sees beside the system's own programs and libraries.

    Args:
        readable: files and folders at their own path, read-only.
        writable: folders at their own path, read and write. A readable path inside one stays read-only.
        placed: path inside -> file or folder of this machine, read-only.
    """

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    placed: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))


class Sandbox(Protocol):
    """Turns a command into one that runs confined."""

    @property
    def name(self) -> Literal["bubblewrap", "none"]: ...

    def command(self, argv: Sequence[str], view: View, cwd: Path, environment: int | None = None) -> tuple[str, ...]:
        """The command line to start instead. It holds paths only, never a value.

        `environment` is a descriptor to read `inner_environment` from; with a sandbox, what starts it must not have the
        variables of user code itself: the dynamic loader obeys some, and it runs outside.
        """


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Confines with `bwrap`: own processes, own `/tmp`, own `/proc`, the files of its view and nothing else."""

    executable: str
    level: tuple[str, ...]

    @property
    def name(self) -> Literal["bubblewrap", "none"]:
        return "bubblewrap"

    def command(self, argv: Sequence[str], view: View, cwd: Path, environment: int | None = None) -> tuple[str, ...]:
        return (
            self.executable,
            *(() if environment is None else ("--args", str(environment))),
            *self.level,
            *_ISOLATION,
            *_system(),
            *_own(view),
            "--chdir",
            str(cwd),
            "--",
            *argv,
        )


@dataclass(frozen=True, slots=True)
class NoSandbox:
    """Runs as is, with everything this user can read in sight. `setpriv`, where there is one, ends orphans."""

    setpriv: str | None

    @property
    def name(self) -> Literal["bubblewrap", "none"]:
        return "none"

    def command(
        self,
        argv: Sequence[str],
        view: View,  # noqa: ARG002  # the interface
        cwd: Path,  # noqa: ARG002  # the interface
        environment: int | None = None,  # noqa: ARG002  # the interface
    ) -> tuple[str, ...]:
        return (self.setpriv, "--pdeathsig", "KILL", "--", *argv) if self.setpriv else tuple(argv)


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What `wheelyard doctor` and the start-up banner say."""

    name: Literal["bubblewrap", "none"]
    text: str
    hint: str = ""

    @property
    def confined(self) -> bool:
        return self.name != "none"


def inner_environment(variables: Mapping[str, str]) -> bytes:
    """The variables of a process in the sandbox, in the form that bwrap reads.

    Raises:
        ValueError: a name or a value that no environment can hold; here it could end up as another argument.
    """
    words = ["--clearenv"]
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise ValueError(f"no environment can hold the variable {name!r}")
        words += ["--setenv", name, value]
    return b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)


def _system() -> tuple[str, ...]:
    words = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, _SYSTEM_LINKS):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return (*words, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run")  # noqa: S108  # a mount point


def _own(view: View) -> tuple[str, ...]:
    """Mounts in the order of their depth, so that a nested one lies on top of the one around it."""
    mounts = [(str(path), "--ro-bind", str(path)) for path in view.readable]
    mounts += [(str(path), "--bind", str(path)) for path in view.writable]
    mounts += [(inside, "--ro-bind", str(path)) for inside, path in view.placed.items()]
    mounts.sort(key=lambda mount: mount[0].count("/"))
    return tuple(word for inside, how, path in mounts for word in (how, path, inside))


def _works(executable: str, level: tuple[str, ...]) -> str:
    """Empty when a confined process starts, otherwise what bwrap said."""
    command = Bubblewrap(executable, level).command(("true",), View(), Path("/"))
    try:
        done = subprocess.run(
            command,
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    if done.returncode == 0:
        return ""
    return done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"


def _probe() -> tuple[Bubblewrap | None, str]:
    executable = shutil.which("bwrap")
    if executable is None:
        return None, "bwrap is not installed"
    problem = ""
    for level in _LEVELS:
        problem = _works(executable, level)
        if not problem:
            return Bubblewrap(executable, level), ""
    return None, problem


def _without() -> NoSandbox:
    return NoSandbox(shutil.which("setpriv") if os.name == "posix" else None)


def choose_sandbox(wanted: Wanted) -> Sandbox:
    """Probe the machine once and take what it can do.

    Raises:
        LaunchFailed: bubblewrap must be there and does not work.
    """
    if wanted == "none":
        return _without()
    sandbox, problem = _probe()
    if sandbox is not None:
        return sandbox
    if wanted == "bubblewrap":
        raise LaunchFailed(
            f"Compute cannot be started: bubblewrap is demanded and does not work here: {problem}",
            code="UNEXPECTED_LAUNCH_FAILURE",
            hint="apt-get install bubblewrap, or start with --sandbox auto",
        )
    return _without()


def describe_sandbox(wanted: Wanted = "auto") -> SandboxReport:
    """What keeps user code from this machine's files, in a sentence."""
    if wanted == "none":
        return SandboxReport(
            "none", "no sandbox, as asked: user code can read every file this user can", "--sandbox auto"
        )
    sandbox, problem = _probe()
    if sandbox is None:
        text = f"no sandbox: {problem}; user code can read every file this user can, the key ring included"
        return SandboxReport("none", text, "apt-get install bubblewrap")
    who = "as an unprivileged user" if sandbox.level[0] == "--unshare-user" else "as root without capabilities"
    return SandboxReport("bubblewrap", f"user code runs in bubblewrap {who}, and sees only its own folder")
