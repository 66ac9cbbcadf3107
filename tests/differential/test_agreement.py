"""The prediction against the real thing: which indexes were asked, in which role, and which one delivered.

Hypothesis draws machines; every installer runs on its share. A disagreement is a bug in our rules.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.differential.cases import MACHINE, Case, Databricks, pip_cases, uv_cases
from tests.differential.conftest import installer_names
from tests.differential.index_server import PROJECT, PUBLIC, IndexServer
from tests.differential.runners import Ran, Runner, bubblewrap_works, clear_etc

from wheelyard.client.local import local_layers
from wheelyard.core.pip.environment import PipPaths, pip_environment
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import EffectiveOptions, effective_options
from wheelyard.core.pip.uv_form import uv_form
from wheelyard.core.redaction import Secret

ETC = bubblewrap_works()
_LOOKING = re.compile(r"^Looking in (indexes|links): (.*)$", re.MULTILINE)
_TOKEN = re.compile(r"([@~])(\d)")
_numbers = itertools.count()


class Machine:
    """One drawn case on disk: folders, files, environment; and the layers our side sees."""

    def __init__(self, case: Case, folder: Path, base: str, runner: Runner, installer: Installer) -> None:
        self.case = case
        self.number = next(_numbers)
        self.root = folder / f"c{self.number}"
        self.base = base
        self.runner = runner
        self.installer = installer
        for name in ("home", "cwd/sub", "prefix", "xdg0", "xdg1", "config", "etc", "named", "cache"):
            (self.root / name).mkdir(parents=True)
        self.etc = self.root / "etc"

    # Text to URLs

    def filled(self, text: str) -> str:
        return _TOKEN.sub(lambda found: self.url(int(found[2]), "simple" if found[1] == "@" else "links/"), text)

    def url(self, number: int, kind: str) -> str:
        version = self.case.versions[number] if number < len(self.case.versions) else "none"
        return f"{self.base}/c{self.number}/i{number}-{version}/{kind}"

    # Places

    def path_of(self, name: str) -> Path:
        places = {
            "xdg0": "xdg0/pip/pip.conf",
            "xdg1": "xdg1/pip/pip.conf",
            "etc": "etc/pip.conf",
            "legacy": "home/.pip/pip.conf",
            "user": "config/pip/pip.conf",
            "site": "prefix/pip.conf",
            "named": "named/pip.conf",
            "missing": "named/missing.conf",
            "uv-system": "xdg0/uv/uv.toml",
            "uv-etc": "etc/uv/uv.toml",
            "uv-user": "config/uv/uv.toml",
            "uv-project": "cwd/uv.toml",
            "uv-named": "named/uv.toml",
        }
        return self.root / places[name]

    def environ(self) -> dict[str, str]:
        """The user's part: built from nothing."""
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.root / "home"),
            "XDG_CONFIG_DIRS": f"{self.root / 'xdg0'}{os.pathsep}{self.root / 'xdg1'}",
            "XDG_CONFIG_HOME": str(self.root / "config"),
        }
        environ |= {f"HOST_{number}": self.url(number, "simple") for number in range(MACHINE)}
        if self.case.named == "uv-named":
            environ["UV_CONFIG_FILE"] = str(self.path_of("uv-named"))
        elif self.case.named:
            special = {"null": os.devnull, "empty": ""}
            named = special.get(self.case.named)
            environ["PIP_CONFIG_FILE"] = str(self.path_of(self.case.named)) if named is None else named
        environ |= {name: self.filled(value) for name, value in self.case.variables}
        return environ

    def write(self) -> None:
        wanted = dict(self.case.files)
        if self.case.named == "uv-named":
            wanted.setdefault("uv-named", "")
        for name, text in wanted.items():
            path = self.path_of(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.filled(text))
        for name, text in self.case.texts.items():
            (self.root / "cwd" / name).write_text(self.filled(text))

    def arguments(self) -> list[str]:
        return [self.filled(word) for word in self.case.arguments]

    # Our side

    def layers(self) -> tuple[Layer, ...]:
        found = local_layers(
            self.installer,
            [*self.arguments(), PROJECT],
            environ=self.environ(),
            cwd=self.root / "cwd",
            home=self.root / "home",
            prefix=self.root / "prefix",
            etc_dir=self.etc if ETC else Path("/etc"),
        )
        return (*found, *self.compute_layers())

    def compute_layers(self) -> tuple[Layer, ...]:
        drawn = self.case.databricks
        if drawn is None:
            return ()
        default = {"index-url": drawn.default_index, "extra-index-url": drawn.default_extras}
        options = {name: self.filled(value) for name, value in default.items() if value}
        if drawn.default_certificate:
            options["cert"] = str(self.bundle)
        cluster = {name: self.filled(value) for name, value in drawn.cluster}
        return (
            Layer.of(LayerKind.WORKSPACE_DEFAULT, "workspace default", options),
            Layer.of(LayerKind.CLUSTER_VARIABLES, "cluster variables", cluster),
        )

    @property
    def bundle(self) -> Path:
        return self.root / "bundle.pem"

    def paths(self, drawn: Databricks) -> PipPaths:
        machine = Secret(self.url(MACHINE, "simple")) if drawn.machine else None
        return PipPaths("/etc/pip.conf", str(self.bundle), machine)

    def prediction(self) -> EffectiveOptions:
        drawn = self.case.databricks
        layers = self.layers()
        order = drawn.order if drawn else "cluster-above-default"
        if drawn is not None and drawn.machine:
            layers = (*layers, self.machine_layer())
        if drawn is not None and self.installer.name == "uv":
            layers = (*layers, self._uv_form(drawn))
        return effective_options(layers, self.installer, order=order)

    def _uv_form(self, drawn: Databricks) -> Layer:
        own = self.launch_layers(drawn)
        return uv_form(effective_options(own, Installer.parse("pip"), order=drawn.order), own)

    def launch_layers(self, drawn: Databricks) -> tuple[Layer, ...]:
        """What a launcher knows: the compute's variables, the image's files for all, what Databricks puts in."""
        found = local_layers(
            Installer.parse("pip"),
            environ=self.environ(),
            cwd=self.root / "cwd",
            home=self.root / "nobody",
            prefix=None,
            etc_dir=self.etc,
        )
        kinds = {LayerKind.ENVIRONMENT, LayerKind.GLOBAL_FILE, LayerKind.XDG_FILE}
        known = (*(layer for layer in found if layer.kind in kinds), *self.compute_layers())
        return (*known, self.machine_layer()) if drawn.machine else known

    def machine_layer(self) -> Layer:
        return Layer.of(LayerKind.PUBLIC_INDEX, "machine", {"index-url": self.url(MACHINE, "simple")})

    # The real side

    def real_environ(self) -> dict[str, str]:
        """The user's part, what `pip_environment` adds, and walls: no way out but through the recorder."""
        environ = self.environ()
        drawn = self.case.databricks
        if drawn is not None:
            shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", self.bundle)
            known = [layer for layer in self.launch_layers(drawn) if layer.kind is not LayerKind.PUBLIC_INDEX]
            placed = pip_environment(known, self.paths(drawn), order=drawn.order)
            environ |= {name: value.reveal() for name, value in placed.variables.items()}
            if placed.global_conf is not None:
                self.etc.joinpath("pip.conf").write_text(placed.global_conf.reveal())
        proxy = {"https_proxy": self.base, "HTTPS_PROXY": self.base, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        quiet = {"UV_HTTP_RETRIES": "0", "UV_CACHE_DIR": str(self.root / "cache"), "UV_NO_PROGRESS": "1"}
        return environ | proxy | quiet

    def run(self) -> Ran:
        environ = self.real_environ()
        clear_etc(self.runner.etc)
        for name in ("pip.conf", "uv/uv.toml"):
            source, aim = self.etc / name, self.runner.etc / name
            if source.exists():
                aim.parent.mkdir(exist_ok=True)
                shutil.copyfile(source, aim)
        return self.runner.run([*self.arguments(), *self._fast()], environ, self.root / "cwd", self.root / "prefix")

    def _fast(self) -> list[str]:
        if self.installer.name == "uv":
            return ["--dry-run", "--python", sys.executable, "--target", str(self.root / "target"), PROJECT]
        fast = ["--no-deps", "--no-input", "--retries", "0", "--disable-pip-version-check", "--no-cache-dir"]
        out = (
            ["--dest", str(self.root / "out")]
            if self.case.arguments[0] == "download"
            else ["--dry-run", "--ignore-installed"]
        )
        return [*fast, *out, PROJECT]


@dataclass(frozen=True)
class Seen:
    """What a run showed, in the words of the prediction."""

    exit_code: int
    listed: tuple[str, ...] | None
    asked: tuple[str, ...]
    delivered: str | None


def index_word(url: str) -> str:
    """`i3-v2/simple` of a loopback URL; the public index for anything else."""
    found = re.search(r"/c\d+/(i\d-\w+/(?:simple|links))", url)
    return found[1] if found else PUBLIC if url else ""


def seen(ran: Ran, server: IndexServer) -> Seen:
    asked = tuple(dict.fromkeys(where for what, where in server.log if what == "page"))
    delivered = [where for what, where in server.log if what == "file"]
    lines = dict(_LOOKING.findall(ran.output))
    listed = tuple(index_word(url.strip()) for url in lines["indexes"].split(",")) if "indexes" in lines else None
    return Seen(ran.exit_code, listed, asked, delivered[-1] if delivered else None)


def version_in(word: str) -> int:
    found = re.search(r"-v(\d+)/", word)
    return int(found[1]) if found else 0


def check_pip(machine: Machine, server: IndexServer) -> None:
    predicted = machine.prediction()
    server.log.clear()
    ran = machine.run()
    shown = seen(ran, server)
    told = f"\n{machine.case}\npredicted {predicted}\nseen {shown}\n{ran.output}"
    if predicted.refusal is not None:
        assert shown.exit_code == predicted.refusal.exit_code, told
        assert not shown.asked, told
        return
    indexes = [index_word(source.value.reveal()) for source in predicted.indexes]
    links = [index_word(source.value.reveal()) for source in predicted.find_links]
    quiet = "-q" in machine.case.arguments
    if not quiet and indexes != [PUBLIC] and indexes:
        assert shown.listed == tuple(indexes), told
    elif not quiet:
        assert shown.listed is None, told
    expected = [word for word in (*dict.fromkeys(indexes), *links) if word]
    assert set(shown.asked) == set(expected), told
    best = max((version_in(word) for word in expected), default=0)
    winners = [word for word in dict.fromkeys(indexes) if version_in(word) == best] or [
        word for word in links if version_in(word) == best
    ]
    if best:
        assert shown.delivered == winners[-1], told
        assert shown.exit_code == 0, told
    else:
        assert shown.delivered is None, told
        assert shown.exit_code == 1, told


def check_uv(machine: Machine, server: IndexServer) -> None:
    predicted = machine.prediction()
    server.log.clear()
    ran = machine.run()
    shown = seen(ran, server)
    told = f"\n{machine.case}\npredicted {predicted}\nseen {shown}\n{ran.output}"
    if predicted.refusal is not None:
        assert shown.exit_code == 2, told
        assert not shown.asked, told
        return
    indexes = list(dict.fromkeys(index_word(source.value.reveal()) for source in predicted.indexes))
    holding = [word for word in indexes if version_in(word) or word == PUBLIC]
    if predicted.strategy == "first index":
        reach = indexes.index(holding[0]) + 1 if holding else len(indexes)
        assert list(shown.asked) == indexes[:reach], told
        expected = holding[0] if holding and holding[0] != PUBLIC else None
    elif PUBLIC in indexes:
        assert set(shown.asked) <= set(indexes), told
        return
    else:
        assert set(shown.asked) == set(indexes), told
        best = max((version_in(word) for word in indexes), default=0)
        expected = next((word for word in indexes if version_in(word) == best and best), None)
    assert shown.delivered == expected, told


def share(request: pytest.FixtureRequest) -> int:
    total = int(request.config.getoption("--cases", 325))
    return max(1, -(-total // len(installer_names())))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", installer_names())
def test_prediction_and_reality_agree(
    name: str,
    request: pytest.FixtureRequest,
    runner_of: Callable[[str], Runner],
    indexes: IndexServer,
    tmp_path: Path,
) -> None:
    runner = runner_of(name)
    installer = Installer.parse(name)
    check = check_uv if installer.name == "uv" else check_pip
    drawn = uv_cases(etc=ETC) if installer.name == "uv" else pip_cases(etc=ETC)
    fresh = bool(request.config.getoption("--fresh", default=False))

    @settings(
        max_examples=share(request),
        deadline=None,
        derandomize=not fresh,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(case=drawn, _salt=st.just(name))
    def agrees(case: Case, _salt: str) -> None:
        machine = Machine(case, tmp_path, indexes.base, runner, installer)
        machine.write()
        check(machine, indexes)
        shutil.rmtree(machine.root, ignore_errors=True)

    agrees()
