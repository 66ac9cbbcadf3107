"""Places exact files on top of an environment, with uv."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.compute.environments import Environment, EnvironmentStore, Pin, compile_all, own_scripts
from wheelyard.compute.images import Uv
from wheelyard.compute.process import ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.compute.venv import site_packages_of
from wheelyard.core.redaction import Secret

__all__ = ["Placer", "Setting", "UvRefusedError"]

_UV_VARIABLES = re.compile(
    r"UV_(?:DEFAULT_INDEX|INDEX(?:_\w+)?|EXTRA_INDEX_URL|INSECURE_HOST|HTTP_TIMEOUT|SYSTEM_CERTS|NATIVE_TLS)"
    r"|SSL_CERT_(?:FILE|DIR)|(?i:https?|all|no)_PROXY"
)
"""What uv may take from the compute's environment: where the packages are, and nothing that moves where they go."""


class UvRefusedError(Exception):
    """uv could not place what pip decided; the reason does not matter, for pip's answer stands."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What an installation runs in.

    Args:
        variables: the whole environment of its processes.
        view: what they see.
        folder: theirs to write to.
        workspace: this machine's folder behind `/Workspace`.
        conf: text of the global pip file they see.
    """

    variables: Mapping[str, Secret[str]]
    view: View
    folder: Path
    workspace: Path
    conf: Secret[str]


@dataclass(frozen=True, slots=True)
class Placer:
    """Places on one environment; whoever placed the same set before saves it the work."""

    store: EnvironmentStore
    uv: Uv
    table: ProcessTable
    base: Environment
    setting: Setting

    def from_indexes(
        self,
        pins: Mapping[str, Pin],
        urls: Mapping[str, str],
        index_url: Secret[str] | None,
        *,
        check: Callable[[Path], object] = lambda _site_packages: None,
    ) -> Environment:
        """Take the files from the indexes the compute's environment names for uv, or from `urls` of local files.

        `check` is called with where they lie, before the long work of byte-compiling them; what it raises ends that.

        Raises:
            UvRefusedError: it could not.
        """
        variables = {name: value for name, value in self.setting.variables.items() if _UV_VARIABLES.fullmatch(name)}
        if index_url is not None:
            variables["UV_DEFAULT_INDEX"] = index_url
            variables.pop("UV_INDEX_URL", None)
        variables |= {"UV_INDEX_STRATEGY": Secret("unsafe-best-match"), "UV_HTTP_RETRIES": Secret("1")}
        lines = "\n".join(_line(pin, urls.get(pin.name, "")) for pin in pins.values())
        return self._placed(pins, lines, variables, check=check)

    def from_folder(self, pins: Mapping[str, Pin], wheels: Path) -> Environment:
        """Take the files from a folder of wheels.

        Raises:
            UvRefusedError: it could not.
        """
        lines = "\n".join(_line(pin, "") for pin in pins.values())
        return self._placed(pins, lines, {}, wheels)

    def _placed(
        self,
        pins: Mapping[str, Pin],
        lines: str,
        variables: Mapping[str, Secret[str]],
        wheels: Path | None = None,
        *,
        check: Callable[[Path], object] = lambda _site_packages: None,
    ) -> Environment:
        wanted = self.base.with_pins(pins.values())
        if wanted is None:
            raise UvRefusedError

        def place(folder: Path) -> None:
            self._place(folder, lines, variables, wheels)
            check(site_packages_of(folder, self.base.interpreter))
            compile_all(self.table, self.base.interpreter, folder)

        return self.store.derived(self.base, wanted, place)

    def _place(self, folder: Path, lines: str, variables: Mapping[str, Secret[str]], wheels: Path | None) -> None:
        """Run uv with the image's own interpreter, so that no package's code runs (see `environments`).

        The lines go over a pipe: a file beside what packages brought could be one of theirs.
        """
        builder = self.base.image / "bin" / "python"
        source = () if wheels is None else ("--no-index", "--find-links", str(wheels))
        arguments = (
            *("pip", "install", "--python", str(builder), "--prefix", str(folder), "--no-deps", "--reinstall"),
            *("--require-hashes", "--only-binary", ":all:", "-r", "-", *source),
        )
        command = self.uv.command(
            arguments,
            variables,
            readable=(*self.base.folders, *(() if wheels is None else (wheels,)), *self.setting.view.readable),
            folder=folder,
            placed=self.setting.view.placed,
        )
        if self.table.run(replace(command, stdin=Secret(lines.encode())), lambda _line: None) != 0:
            raise UvRefusedError
        own_scripts(folder)


def _line(pin: Pin, url: str) -> str:
    what = f"{pin.name} @ {url.partition('#')[0]}" if url else f"{pin.name}=={pin.version}"
    return f"{what} --hash=sha256:{pin.sha256}"
