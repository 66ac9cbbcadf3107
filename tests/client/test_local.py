"""What this machine's installers would read; every place is a folder of the test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from wheelyard.client.local import local_layers, machine_certificate, machine_index
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import effective_options

NEW = Installer.parse("pip==26.3")


class Place:
    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("home", "etc", "prefix", "cwd"):
            (root / name).mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def layers(
        self, *arguments: str, installer: Installer = NEW, environ: Mapping[str, str] | None = None
    ) -> tuple[Layer, ...]:
        return local_layers(
            installer,
            arguments,
            environ=environ or {},
            cwd=self.root / "cwd",
            home=self.root / "home",
            prefix=self.root / "prefix",
            etc_dir=self.root / "etc",
        )

    def indexes(
        self, *arguments: str, installer: Installer = NEW, environ: Mapping[str, str] | None = None
    ) -> list[str]:
        answer = effective_options(self.layers(*arguments, installer=installer, environ=environ), installer)
        assert answer.refusal is None
        return [source.value.reveal() for source in answer.indexes]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def conf(index: str) -> str:
    return f"[global]\nindex-url = {index}\n"


def test_every_file_has_its_rank(place: Place) -> None:
    ladder = [
        ("etc/xdg/pip/pip.conf", "xdg"),
        ("etc/pip.conf", "etc"),
        ("home/.pip/pip.conf", "legacy"),
        ("home/.config/pip/pip.conf", "user"),
        ("prefix/pip.conf", "site"),
    ]
    for name, index in ladder:
        place.write(name, conf(index))
        assert place.indexes() == [index]
    named = place.write("named.conf", conf("named"))
    environ = {"PIP_CONFIG_FILE": str(named)}
    assert place.indexes(environ=environ) == ["named"]
    assert place.indexes(environ=environ | {"PIP_INDEX_URL": "variable"}) == ["variable"]
    assert place.indexes("install", "-i", "typed", environ=environ) == ["typed"]


def test_config_file_states(place: Place) -> None:
    place.write("home/.config/pip/pip.conf", conf("user"))
    place.write("cwd/mine.conf", "[global]\nextra-index-url = mine\n")
    assert place.indexes(environ={"PIP_CONFIG_FILE": "mine.conf"}) == ["public index", "mine"]
    assert place.indexes(environ={"PIP_CONFIG_FILE": "missing.conf"}) == ["user"]
    assert place.indexes(environ={"PIP_CONFIG_FILE": ""}) == ["user"]
    assert place.indexes(environ={"PIP_CONFIG_FILE": os.devnull}) == ["public index"]
    assert place.indexes(environ={"PIP_CONFIG_FILE": str(place.root)}) == ["public index"]


def test_several_xdg_folders(place: Place) -> None:
    place.write("one/pip/pip.conf", conf("one"))
    place.write("two/pip/pip.conf", conf("two"))
    dirs = os.pathsep.join([str(place.root / "one"), str(place.root / "two")])
    assert place.indexes(environ={"XDG_CONFIG_DIRS": dirs}) == ["two"]
    assert place.indexes(environ={"XDG_CONFIG_HOME": str(place.root / "one")}) == ["one"]


def test_requirements_relative_to_where_the_command_runs(place: Place) -> None:
    place.write("cwd/r.txt", "-r deep/s.txt\n")
    place.write("cwd/deep/s.txt", "--index-url https://${TOKEN}@deep\n")
    assert place.indexes("install", "-r", "r.txt", environ={"TOKEN": "x"}) == ["https://x@deep"]
    place.write("cwd/utf16.txt", "-i sixteen\n".encode("utf-16"))
    assert place.indexes("install", "-r", "utf16.txt") == ["sixteen"]
    answer = effective_options(place.layers("install", "-r", "none.txt"), NEW)
    assert answer.refusal is not None
    assert answer.refusal.exit_code == 1


def test_requirements_named_by_a_variable(place: Place) -> None:
    place.write("cwd/c.txt", "-i constrained\n")
    assert place.indexes("install", "six", environ={"PIP_CONSTRAINT": "c.txt"}) == ["constrained"]


def test_a_file_with_wrong_bytes_stops_pip(place: Place) -> None:
    place.write("home/.config/pip/pip.conf", b"[global]\nindex-url = \xff\xfe\n")
    answer = effective_options(place.layers(), NEW)
    assert answer.refusal is not None
    assert answer.refusal.exit_code == 2


def test_uv_files(place: Place) -> None:
    uv = Installer.parse("uv")
    place.write("etc/uv/uv.toml", 'index-url = "system"\n')
    assert place.indexes(installer=uv) == ["system"]
    place.write("home/.config/uv/uv.toml", 'index-url = "user"\n')
    assert place.indexes(installer=uv) == ["user"]
    place.write("pyproject.toml", '[tool.uv]\nindex-url = "project"\n')
    assert place.indexes(installer=uv) == ["project"]
    place.write("uv.toml", 'index-url = "beside"\n')
    assert place.indexes(installer=uv) == ["beside"]
    named = place.write("named.toml", 'index-url = "named"\n')
    assert place.indexes(installer=uv, environ={"UV_CONFIG_FILE": str(named)}) == ["named"]
    assert place.indexes("pip", "install", "--no-config", installer=uv) == ["public index"]
    assert place.indexes(installer=uv, environ={"UV_NO_CONFIG": "1"}) == ["public index"]


def test_the_machine_s_index_and_certificate(place: Place) -> None:
    places = {"home": place.root / "home", "etc_dir": place.root / "etc"}
    assert machine_index({}, **places) is None
    assert machine_certificate({}, **places) is None
    place.write("etc/pip.conf", "[global]\nindex-url = https://mirror\ncert = /ca.pem\n")
    found = machine_index({}, **places)
    assert found is not None
    assert found.reveal() == "https://mirror"
    assert machine_certificate({}, **places) == "/ca.pem"
    assert machine_certificate({"REQUESTS_CA_BUNDLE": "/other.pem"}, **places) == "/other.pem"


def test_only_what_an_installer_looks_at_is_kept(place: Place) -> None:
    (layer,) = [
        found
        for found in place.layers(environ={"HOME": "/root", "PIP_TIMEOUT": "3"})
        if found.kind is LayerKind.ENVIRONMENT
    ]
    assert [setting.name for setting in layer.settings] == ["PIP_TIMEOUT"]
