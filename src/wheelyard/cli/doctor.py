"""`wheelyard doctor`: what this machine and the workspace it talks to can do, and what to do about the rest."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import click

from wheelyard import __version__
from wheelyard.cli.failures import exit_code_of, failure_of
from wheelyard.cli.render import Column, screen
from wheelyard.cli.settings import Leaf, Settings, connect, settings
from wheelyard.client.explain import explain_here, installed_pip
from wheelyard.client.local import machine_index
from wheelyard.core.errors import LaunchFailed
from wheelyard.core.pip.answer import PUBLIC_INDEX
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS, RUNTIMES

__all__ = ["Finding", "command"]

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table."""

    subject: str
    status: Status
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What the doctor looks at: this machine's environment and folders, and the workspace that was named."""

    environ: Mapping[str, str]
    home: Path
    data_dir: Path
    cache_dir: Path
    wheelhouse: Path | None
    chosen: Settings


def _python(_place: Place) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < (3, 11)
    yield Finding(
        "Python",
        "fail" if old else "ok",
        f"{version} at {sys.executable}; wheelyard {__version__}",
        "Wheelyard needs Python 3.11 or newer" if old else "",
    )


def _uv(_place: Place) -> Iterator[Finding]:
    try:
        found = str(import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv") or ""
    hint = "" if found else "pip install 'wheelyard[compute]'"
    yield Finding("uv", "ok" if found else "warn", found or "not found: compute cannot be started here", hint)


def _index(place: Place) -> Iterator[Finding]:
    prefix = Path(place.environ.get("VIRTUAL_ENV") or sys.prefix)
    installer = installed_pip(prefix) or Installer.parse("pip")
    answer = explain_here(installer, (), environ=place.environ, cwd=Path.cwd(), home=place.home, prefix=prefix)
    index = answer.options.index
    if answer.options.refusal is not None:
        yield Finding("pip", "fail", answer.options.refusal.text, "wheelyard explain --local")
        return
    told = (
        "the public index" if index is None or index.value == PUBLIC_INDEX else f"{index.value} (from {index.origin})"
    )
    extras = "".join(f", and {extra.value} (from {extra.origin})" for extra in answer.options.extra_indexes)
    serious = [warned.id for warned in answer.warnings if warned.level == "error"]
    status: Status = "warn" if serious or extras else "ok"
    yield Finding(
        "pip", status, f"{installer} asks {told}{extras}", "wheelyard explain --local" if status == "warn" else ""
    )


def _sandbox(_place: Place) -> Iterator[Finding]:
    report = import_module("wheelyard.compute.sandbox").describe_sandbox()
    yield Finding("sandbox", "ok" if report.confined else "warn", report.text, report.hint)


def _interpreters(_place: Place) -> Iterator[Finding]:
    found = import_module("wheelyard.compute.machine").find_interpreters()
    have = {".".join(map(str, one.minor)) for one in found}
    missing = sorted({row.python for row in RUNTIMES} - have)
    text = f"found {', '.join(sorted(have)) or 'none'}"
    if missing:
        text += f"; for {', '.join(missing)} the nearest is taken"
    yield Finding("runtimes' Python", "ok" if have else "fail", text)


def _images(place: Place) -> Iterator[Finding]:
    source = f"wheelhouse {place.wheelhouse}" if place.wheelhouse else "this machine's index"
    kept = sorted(place.cache_dir.glob("images/*")) if place.cache_dir.is_dir() else []
    if kept:
        yield Finding("runtime images", "ok", f"{len(kept)} ready in {place.cache_dir}")
        return
    yield Finding(
        "runtime images",
        "warn",
        f"none in {place.cache_dir}; the first cluster builds its own from {source}",
        "wheelyard doctor --prepare",
    )


def _data_folder(place: Place) -> Iterator[Finding]:
    folder = place.data_dir
    if not folder.is_dir():
        yield Finding("data folder", "ok", f"{folder} is not there yet; `wheelyard up` makes it")
        return
    open_to_others = [path for path in (folder, *folder.glob("*key*")) if _mode(path) & 0o077]
    if _owner(folder) != os.getuid():
        yield Finding("data folder", "fail", f"{folder} belongs to somebody else", f"chown -R $USER {folder}")
    elif open_to_others:
        names = " ".join(map(str, open_to_others))
        yield Finding("data folder", "fail", f"others can read {names}", f"chmod go-rwx {names}")
    else:
        yield Finding("data folder", "ok", f"{folder}, closed to others")
    free = shutil.disk_usage(folder).free
    if free < 1 << 30:
        yield Finding("disk", "warn", f"{free >> 20} MB free at {folder}", "free some space; environments need room")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _owner(path: Path) -> int:
    return path.stat().st_uid


def _workspace(place: Place) -> Iterator[Finding]:
    try:
        client = connect(place.chosen)
        me = client.current_user.me()
    except Exception as problem:  # noqa: BLE001 - whatever keeps us from the workspace is the finding
        failure = failure_of(problem)
        status: Status = "warn" if exit_code_of(problem) == 2 else "fail"
        told = f"{failure.what}; {failure.because}" if failure.because else failure.what
        yield Finding("workspace", status, told, failure.hint)
        return
    admin = any(group.display == "admins" for group in me.groups or ())
    yield Finding("workspace", "ok", f"{client.config.host} as {me.user_name}{', an admin' if admin else ', no admin'}")


CHECKS: tuple[tuple[str, Callable[[Place], Iterator[Finding]]], ...] = (
    ("Python", _python),
    ("uv", _uv),
    ("pip", _index),
    ("sandbox", _sandbox),
    ("runtimes' Python", _interpreters),
    ("runtime images", _images),
    ("data folder", _data_folder),
    ("workspace", _workspace),
)
"""Subject, and the function that looks. A check that needs a missing package says so instead of failing."""


def look(place: Place) -> Iterator[Finding]:
    """Every finding, in the table's order."""
    for subject, check in CHECKS:
        try:
            yield from check(place)
        except ModuleNotFoundError as missing:
            text = f"not looked at: Python package `{missing.name}` is missing"
            yield Finding(subject, "warn", text, "pip install 'wheelyard[all]'")


def _place(data_dir: str | None) -> Place:
    environ, home = os.environ, Path.home()
    wheelhouse = environ.get("WHEELYARD_WHEELHOUSE")
    return Place(
        environ=environ,
        home=home,
        data_dir=Path(data_dir or Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "wheelyard"),
        cache_dir=Path(
            environ.get("WHEELYARD_CACHE_DIR") or Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "wheelyard"
        ),
        wheelhouse=Path(wheelhouse) if wheelhouse else None,
        chosen=settings(),
    )


def _doctor(data_dir: str | None, prepare: bool) -> int:  # noqa: FBT001 - click passes flags by name
    out, place = screen(), _place(data_dir)
    if prepare:
        _prepare(place)
    with out.progress("looking", brief=True):
        findings = list(look(place))
    if out.wants_json:
        out.json({"ok": not any(one.status == "fail" for one in findings), "checks": [asdict(one) for one in findings]})
    else:
        columns = [Column("", fold=False), Column("subject", "bold", fold=False), Column("finding")]
        out.table(columns, [(one.status, one.subject, one.text) for one in findings])
        for one in findings:
            if one.hint:
                out.note(f"next: {one.hint}  ({one.subject})")
    return 1 if any(one.status == "fail" for one in findings) else 0


def _prepare(place: Place) -> None:
    """Start and stop compute of every runtime once, so that its image is there when the first cluster wants it."""
    from wheelyard.compute.engine import EngineSettings, LaunchSpec  # noqa: PLC0415 - needs the compute extra
    from wheelyard.compute.local import LocalEngine  # noqa: PLC0415 - as above
    from wheelyard.core.pip.environment import PipEnvironment  # noqa: PLC0415 - as above

    out = screen()
    index = machine_index(place.environ, home=place.home)
    wanted = [(row.python, row.pip) for row in RUNTIMES] + [(row.python, row.pip) for row in ENVIRONMENT_VERSIONS]
    pairs = dict.fromkeys(wanted)
    with tempfile.TemporaryDirectory(prefix="wheelyard-prepare-") as folder, out.progress("preparing") as tell:
        kept = EngineSettings(folder=Path(folder), cache=place.cache_dir, wheelhouse=place.wheelhouse)
        engine = LocalEngine(kept, machine_index=Secret(index.reveal()) if index else None)
        for number, (python, pip) in enumerate(pairs, 1):
            tell(f"runtime image {number} of {len(pairs)}: Python {python}, pip {pip}")
            spec = LaunchSpec(f"prepare-{number}", python, pip, "", {}, lambda _paths: PipEnvironment({}))
            try:
                engine.start(spec, lambda _line: None).stop()
            except LaunchFailed as problem:
                out.warn("image-not-built", problem.what, problem.hint)
        engine.stop_all()


command = Leaf(
    "doctor",
    params=[
        click.Option(["--data-dir"], metavar="DIR", help="Data folder of the embedded workspace to look at."),
        click.Option(
            ["--prepare"], is_flag=True, help="Build the runtime images first, so that clusters start at once."
        ),
    ],
    short_help="Check this machine and the workspace it talks to.",
    help="""Check this machine and the workspace it talks to.

    Python, uv, which index pip asks here, sandbox, runtime images, data folder, host and who you are there. Exit code 1
    when something has to be put right.""",
    callback=_doctor,
)
