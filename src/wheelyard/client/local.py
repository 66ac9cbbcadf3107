"""What an installer on this machine would read: files, environment, command line and requirements files, as layers.

Every place is an argument, so that a test or another machine's files can be read the same way. Nothing is decided here.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelyard.core.pip.command import parse_command
from wheelyard.core.pip.conf import parse_conf, unreadable
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import EffectiveOptions, effective_options
from wheelyard.core.pip.requirements import requirements_layers
from wheelyard.core.pip.uv_conf import parse_uv_toml
from wheelyard.core.pip.variables import config_file_state, environment_layer
from wheelyard.core.redaction import SafeUrl

__all__ = ["local_layers", "machine_certificate", "machine_index"]

ETC = Path("/etc")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where things lie on the machine that is looked at."""

    environ: Mapping[str, str]
    cwd: Path
    home: Path
    prefix: Path | None
    etc_dir: Path

    def config_dirs(self) -> list[Path]:
        """`$XDG_CONFIG_DIRS` in its own order."""
        listed = self.environ.get("XDG_CONFIG_DIRS", "").strip() or str(self.etc_dir / "xdg")
        return [Path(part).expanduser() for part in listed.split(os.pathsep) if part]

    def config_home(self) -> Path:
        named = self.environ.get("XDG_CONFIG_HOME", "").strip()
        return Path(named).expanduser() if named else self.home / ".config"

    def read(self, path: str) -> str | None:
        """A requirements file's text; its byte order mark or UTF-8 decides the encoding."""
        try:
            data = (self.cwd / path).read_bytes()
        except OSError:
            return None
        return _decoded(data)


def local_layers(
    installer: Installer,
    arguments: Sequence[str] = (),
    *,
    environ: Mapping[str, str],
    cwd: Path,
    home: Path,
    prefix: Path | None,
    etc_dir: Path = ETC,
) -> tuple[Layer, ...]:
    """Every layer that decides on this machine.

    Args:
        installer: whose places are looked at.
        arguments: the installer's own command line, without the program: `install -r requirements.txt`.
        environ: of the process that would run the installer; only what an installer looks at is kept.
        cwd: where the installer would run; relative paths start there.
        home: of its user.
        prefix: `sys.prefix` of the interpreter that would run pip, for its site file; None leaves that file out.
        etc_dir: where `pip.conf` of all users lies; `xdg` below it is the default of `XDG_CONFIG_DIRS`.

    Source: facts/packaging.md A1 and B1.
    """
    places = _Places(environ, cwd, home, prefix, etc_dir)
    command = parse_command(arguments, installer)
    files = _uv_files(places, command) if installer.name == "uv" else _pip_files(places)
    layers = (*files, environment_layer(environ), command)
    named = effective_options(layers, installer)
    constraints = [source.value for source in named.constraints]
    requirements = [source.value for source in named.requirements]
    return (*layers, *requirements_layers(constraints, requirements, places.read, environ, installer))


def machine_index(
    environ: Mapping[str, str], *, home: Path, etc_dir: Path = ETC, prefix: Path | None = None
) -> SafeUrl | None:
    """What stands for the public index here: what this machine's pip settings name; None for pip's built-in one."""
    answer = _machine(environ, home, etc_dir, prefix)
    return answer.index.value if answer.index is not None and answer.index.kind is not None else None


def machine_certificate(
    environ: Mapping[str, str], *, home: Path, etc_dir: Path = ETC, prefix: Path | None = None
) -> str | None:
    """Path of the CA bundle that this machine's settings name for its installers, None for none."""
    answer = _machine(environ, home, etc_dir, prefix)
    return answer.certificate.value if answer.certificate is not None else None


def _machine(environ: Mapping[str, str], home: Path, etc_dir: Path, prefix: Path | None) -> EffectiveOptions:
    places = _Places(environ, Path.cwd(), home, prefix, etc_dir)
    return effective_options((*_pip_files(places), environment_layer(environ)), Installer.parse("pip"))


def _pip_files(places: _Places) -> Iterator[Layer]:
    for position, folder in enumerate(places.config_dirs()):
        yield from _conf(folder / "pip" / "pip.conf", LayerKind.XDG_FILE, position)
    yield from _conf(places.etc_dir / "pip.conf", LayerKind.GLOBAL_FILE)
    yield from _conf(places.home / ".pip" / "pip.conf", LayerKind.LEGACY_USER_FILE)
    yield from _conf(places.config_home() / "pip" / "pip.conf", LayerKind.USER_FILE)
    if places.prefix is not None:
        yield from _conf(places.prefix / "pip.conf", LayerKind.SITE_FILE)
    named = places.environ.get("PIP_CONFIG_FILE")
    if named:
        yield _named_conf(named, places.cwd / named)


def _named_conf(named: str, path: Path) -> Layer:
    state = config_file_state(named, exists=path.exists())
    found = next(_conf(path, LayerKind.CONFIG_FILE), None) if state == "read" else None
    return found or Layer(LayerKind.CONFIG_FILE, named, state=state)


def _conf(path: Path, kind: LayerKind, position: int = 0) -> Iterator[Layer]:
    """A file that cannot be opened is no file for pip; one with wrong bytes stops it."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    try:
        yield parse_conf(data.decode(), str(path), kind, position=position)
    except UnicodeDecodeError:
        yield unreadable(str(path), kind, "it contains invalid UTF-8 characters", position=position)


def _uv_files(places: _Places, command: Layer) -> Iterator[Layer]:
    given = {setting.name: setting.text.reveal() for setting in command.settings}
    if "no-config" in given or _truthy(places.environ.get("UV_NO_CONFIG")):
        return
    named = given.get("config-file") or places.environ.get("UV_CONFIG_FILE")
    if named:
        yield from _toml(places.cwd / named, LayerKind.UV_CONFIG_FILE)
        return
    start = places.cwd / given.get("directory", "") / given.get("project", "")
    yield from _project_settings(start)
    yield from _toml(places.config_home() / "uv" / "uv.toml", LayerKind.UV_USER_FILE)
    if not _truthy(places.environ.get("UV_NO_SYSTEM_CONFIG")):
        system = [*(folder / "uv" / "uv.toml" for folder in places.config_dirs()), places.etc_dir / "uv" / "uv.toml"]
        first = next((path for path in system if path.is_file()), None)
        if first is not None:
            yield from _toml(first, LayerKind.UV_SYSTEM_FILE)


def _project_settings(start: Path) -> Iterator[Layer]:
    """The nearest folder upwards that has settings: its uv.toml, else `[tool.uv]` of its pyproject.toml."""
    for folder in (start, *start.resolve().parents):
        for name in ("uv.toml", "pyproject.toml"):
            found = next(_toml(folder / name, LayerKind.UV_PROJECT_FILE, in_pyproject=name == "pyproject.toml"), None)
            if found is not None:
                yield found
                return


def _toml(path: Path, kind: LayerKind, *, in_pyproject: bool = False) -> Iterator[Layer]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return
    layer = parse_uv_toml(text, str(path), kind, in_pyproject=in_pyproject)
    if layer is not None:
        yield layer


def _truthy(value: str | None) -> bool:
    return (value or "").lower() in {"1", "true", "yes", "on", "y", "t"}


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")
