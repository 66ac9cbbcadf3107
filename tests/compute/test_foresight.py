"""What is foreseen is what real pip decides: the same files by the same hashes, or nothing at all.

Each case is asked of a real pip and of the foresight, on the same index and in the same image.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.compute.conftest import NEW_PIP, OLD_PIP, WHEELHOUSE
from tests.compute.json_index import JsonIndex
from tests.compute.loopback_index import TOKEN, LoopbackIndex
from tests.compute.packages import sdist, wheel

from wheelyard.compute.environments import Environment, EnvironmentStore
from wheelyard.compute.fetching import Fetcher
from wheelyard.compute.foresight import Asked, Foresight
from wheelyard.compute.images import ImageBuilder
from wheelyard.compute.machine import system_roots
from wheelyard.compute.pinned_set import NotCertainError
from wheelyard.compute.plain_sources import plain_sources
from wheelyard.compute.process import Command, Processes, ProcessTable
from wheelyard.compute.sandbox import View, choose_sandbox
from wheelyard.core.redaction import Redactor, Secret

_OF_MACHINE = "cp311-cp311-manylinux2014_x86_64"


@dataclass
class Pip:
    """One runtime image's pip, and a foresight of it."""

    version: str
    table: ProcessTable
    image: Environment
    folder: Path
    foresight: Foresight = field(init=False)

    def __post_init__(self) -> None:
        self.foresight = Foresight(self.table)

    def variables(self, index: LoopbackIndex, *extras: LoopbackIndex) -> dict[str, Secret[str]]:
        extra = {"PIP_EXTRA_INDEX_URL": Secret(" ".join(one.url for one in extras))} if extras else {}
        own = {"PIP_INDEX_URL": Secret(index.url), "PIP_CERT": Secret(str(system_roots())), **extra}
        return {**own, "PIP_NO_INPUT": Secret("1"), "PIP_DISABLE_PIP_VERSION_CHECK": Secret("1")}

    def foreseen(
        self, text: str, index: LoopbackIndex, *extras: LoopbackIndex, placed: Path | None = None
    ) -> dict[str, str] | None:
        """Project and version to hash; None where there is no foresight."""
        sources = plain_sources(self.variables(index, *extras), Secret(""), None, self.version)
        assert sources is not None
        fetcher = Fetcher(self.table, self.image.interpreter, View((system_roots(),)), sources.certificate)
        try:
            decisions = self.foresight.foresee(Asked(self.image, text, sources), fetcher).proved(placed)
        except NotCertainError:
            return None
        return {f"{one.title}=={one.version}": one.sha256 for one in decisions}

    def decided(self, text: str, index: LoopbackIndex, *extras: LoopbackIndex) -> dict[str, str] | None:
        """What pip itself says; None where it fails."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        (folder / "requirements.txt").write_text(text)
        words = (
            "install",
            "--dry-run",
            "--report",
            str(folder / "report.json"),
            "-r",
            str(folder / "requirements.txt"),
        )
        lines: list[str] = []
        command = Command(
            argv=(str(self.image.python), "-m", "pip", *words),
            environment={
                **self.variables(index, *extras),
                "HOME": Secret(str(folder)),
                "PATH": Secret("/usr/bin:/bin"),
                "LANG": Secret("C.UTF-8"),
                "PIP_RETRIES": Secret("0"),
            },
            view=View((*self.image.folders, system_roots()), (folder,)),
            cwd=folder,
        )
        if self.table.run(command, lines.append) != 0:
            return None
        return dict(map(_told, json.loads((folder / "report.json").read_text())["install"]))


def _told(item: Mapping[str, Any]) -> tuple[str, str]:
    said, archive = item["metadata"], item["download_info"]["archive_info"]
    sha256 = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
    return f"{said['name']}=={said['version']}", sha256


@pytest.fixture(scope="module", params=[("3.10", "22.3.1"), ("3.11", OLD_PIP), ("3.11", NEW_PIP)], ids=lambda p: p[1])
def pip(request: pytest.FixtureRequest, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Pip:
    python, version = request.param
    folder = tmp_path_factory.mktemp("pip")
    table = ProcessTable(Processes(choose_sandbox("auto")), folder / "processes", Redactor(()))
    images = ImageBuilder(EnvironmentStore(cache), table, WHEELHOUSE, None, system_roots())
    return Pip(version, table, images.image(python, version).result(), folder)


@pytest.fixture
def index() -> Iterator[JsonIndex]:
    index = JsonIndex()
    yield index
    index.close()


@dataclass(frozen=True)
class Case:
    """Files of an index and requirement lines; `foreseen` says whether the answer must be known beforehand."""

    text: str
    files: dict[str, bytes]
    foreseen: bool = True
    told: dict[str, dict[str, Any]] = field(default_factory=dict)


def _all(*files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for group in files for name, content in group.items()}


_THREE = _all(
    wheel("top", "2.0", requires=["middle>=1,<2", "below"]),
    wheel("middle", "1.5", requires=['below>=0.5; python_version>="3"']),
    wheel("below", "0.9"),
    wheel("below", "1.0"),
)
_OTHER = wheel("solo", "1.0", tag="py2.py3-none-any")

CASES: dict[str, Case] = {
    "a closed set": Case("top==2.0\nmiddle==1.5\nbelow==0.9\n", _THREE),
    "any spelling": Case("# set\nTop == 2\n\nmiddle==1.5.0 # note\nBELOW==0.9\n", _THREE),
    "a dependency is not pinned": Case("top==2.0\nmiddle==1.5\n", _THREE, foreseen=False),
    "a line is not pinned": Case("top==2.0\nmiddle==1.5\nbelow>0.5\n", _THREE, foreseen=False),
    "a pin that contradicts": Case(
        "one==1.0\ntwo==1.0\n", _all(wheel("one", requires=["two>=2"]), wheel("two")), foreseen=False
    ),
    "no such version": Case("solo==9.9\n", _OTHER, foreseen=False),
    "no such project": Case("nobody==1.0\n", _OTHER, foreseen=False),
    "a prefix is no pin": Case("solo==1.*\n", _OTHER, foreseen=False),
    "an arbitrary version is no pin": Case("solo===1.0\n", _OTHER, foreseen=False),
    "two specifiers are no pin": Case("solo==1.0,<2\n", _OTHER, foreseen=False),
    "the same project twice": Case("solo==1.0\nSolo==1.0\n", _OTHER, foreseen=False),
    "an option": Case("--pre\nsolo==1.0\n", _OTHER, foreseen=False),
    "a continuation": Case("solo \\\n==1.0\n", _OTHER, foreseen=False),
    "a variable": Case("${HOME}solo==1.0\n", _OTHER, foreseen=False),
    "a marker that holds": Case('solo==1.0; python_version >= "3.10"\n', _OTHER),
    "a marker that does not": Case('solo==1.0\nnobody; sys_platform == "win32"\n', _OTHER),
    "a wheel of this machine is preferred": Case(
        "solo==1.0\n",
        _all(_OTHER, wheel("solo", tag=_OF_MACHINE), wheel("solo", tag="cp310-cp310-manylinux2014_x86_64"))
        | wheel("solo", tag="cp399-cp399-win_amd64"),
    ),
    "the higher build": Case("solo==1.0\n", _all(_OTHER, wheel("solo", tag="2-py3-none-any"))),
    "several builds": Case(
        "solo==1.0\n",
        _all(
            wheel("solo", tag="2-py3-none-any"),
            wheel("solo", tag="10-py3-none-any"),
            wheel("solo", tag="1a-py3-none-any"),
        ),
    ),
    "a wheel is preferred to an sdist": Case("solo==1.0\n", _all(_OTHER, sdist("solo"))),
    "an sdist only": Case("solo==1.0\n", sdist("solo"), foreseen=False),
    "a local version": Case("solo==1.0\n", _all(_OTHER, wheel("solo", "1.0+cpu")), foreseen=False),
    "a local version that is asked for": Case("solo==1.0+cpu\n", _all(_OTHER, wheel("solo", "1.0+cpu"))),
    "a prerelease": Case("solo==2.0rc1\n", _all(_OTHER, wheel("solo", "2.0rc1"))),
    "a post release is another": Case("solo==1.0\n", _all(_OTHER, wheel("solo", "1.0.post1"))),
    "another Python": Case(
        "solo==1.0\n", _OTHER, told={next(iter(_OTHER)): {"requires-python": ">=3.99"}}, foreseen=False
    ),
    "this Python": Case("solo==1.0\n", _OTHER, told={next(iter(_OTHER)): {"requires-python": ">=3.8,<4"}}),
    "another Python, say the metadata": Case(
        "solo==1.0\n", wheel("solo", headers=["Requires-Python: >=3.99"]), foreseen=False
    ),
    "yanked": Case("solo==1.0\n", _OTHER, told={next(iter(_OTHER)): {"yanked": "broken"}}, foreseen=False),
    "another file is yanked": Case(
        "solo==1.0\n",
        _all(_OTHER, wheel("solo", "2.0")),
        told={"solo-2.0-py3-none-any.whl": {"yanked": "broken"}},
    ),
    "no metadata": Case("solo==1.0\n", _OTHER, told={next(iter(_OTHER)): {"core-metadata": None}}, foreseen=False),
    "no hash": Case("solo==1.0\n", _OTHER, told={next(iter(_OTHER)): {"hashes": {}}}, foreseen=False),
    "an extra": Case(
        "top[fast]==1.0\nbelow==1.0\n",
        _all(wheel("top", headers=["Provides-Extra: fast"], requires=['below>=1; extra == "fast"']), wheel("below")),
    ),
    "an extra that needs more": Case(
        "top[fast]==1.0\n",
        _all(wheel("top", headers=["Provides-Extra: fast"], requires=['below>=1; extra == "fast"']), wheel("below")),
        foreseen=False,
    ),
    "an extra that nobody asks for": Case(
        "top==1.0\n",
        wheel("top", headers=["Provides-Extra: fast"], requires=['below>=1; extra == "fast"']),
    ),
    "an extra of a dependency": Case(
        "top==1.0\nmiddle==1.0\nbelow==1.0\n",
        _all(
            wheel("top", requires=["middle[fast]"]),
            wheel("middle", headers=["Provides-Extra: fast"], requires=['below>=1; extra == "fast"']),
            wheel("below"),
        ),
    ),
    "an extra that does not exist": Case("solo[fast]==1.0\n", _OTHER, foreseen=False),
    "a circle": Case("one==1.0\ntwo==1.0\n", _all(wheel("one", requires=["two"]), wheel("two", requires=["one"]))),
    "a dependency by address": Case(
        "one==1.0\ntwo==1.0\n",
        _all(wheel("one", requires=["two @ http://127.0.0.1:9/two-1.0-py3-none-any.whl"]), wheel("two")),
        foreseen=False,
    ),
    "a dependency that the image has": Case("one==1.0\n", wheel("one", requires=["ipykernel>=6", "traitlets"])),
    "a dependency that the image has too old": Case(
        "one==1.0\n", _all(wheel("one", requires=["decorator>=99"]), wheel("decorator", "99.0")), foreseen=False
    ),
    "something newer than in the image": Case("decorator==99.0\n", wheel("decorator", "99.0")),
    "another project's file on the page": Case("solo==1.0\n", _all(_OTHER, wheel("solo-other".replace("-", "_")))),
    "a name that no wheel has": Case(
        "solo==1.0\n", _OTHER | {"solo-1.0-broken.whl": b"", "solo-1.0.exe": b""}, foreseen=False
    ),
    "a name that means nothing to pip": Case("solo==1.0\n", _OTHER | {"solo-1.0.exe": b"", "solo-weird.tar.gz": b""}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_foreseen_is_what_pip_decides(pip: Pip, index: JsonIndex, name: str) -> None:
    case = CASES[name]
    index.add(case.files)
    index.told = case.told
    foreseen = pip.foreseen(case.text, index)
    assert (foreseen is not None) == case.foreseen
    if foreseen is not None:
        assert foreseen == pip.decided(case.text, index)


def test_what_the_image_has_in_that_version_stays(pip: Pip, index: JsonIndex) -> None:
    there = next(WHEELHOUSE.glob("traitlets-*.whl")).name.split("-")[1]
    text = f"traitlets=={there}\n"
    assert pip.foreseen(text, index) == pip.decided(text, index) == {}
    assert not [path for agent, path in index.asked if agent == "wheelyard"]


def test_an_extra_index_counts_as_much(pip: Pip, index: JsonIndex) -> None:
    other = JsonIndex(token="")
    index.add(wheel("one", requires=["two"]))
    other.add(wheel("two") | wheel("one", "2.0"))
    text = "one==1.0\ntwo==1.0\n"
    assert pip.foreseen(text, index, other) == pip.decided(text, index, other)
    index.add(wheel("two", files={"two.py": "another = True\n"}))
    assert pip.foreseen(text, index, other) is None
    other.close()


def test_a_withdrawn_file_is_not_in_the_answer(pip: Pip, index: JsonIndex) -> None:
    index.add(_OTHER)
    assert pip.foreseen("solo==1.0", index) is not None
    del index.files[next(iter(_OTHER))]
    assert pip.foreseen("solo==1.0", index) is None


def test_what_was_proved_is_not_asked_again(pip: Pip, index: JsonIndex) -> None:
    index.add(_THREE)
    first = pip.foreseen("top==2.0\nmiddle==1.5\nbelow==0.9", index)
    before = len(index.asked)
    assert pip.foreseen("top==2.0\nmiddle==1.5\nbelow==0.9", index) == first
    assert [path.split("/")[1] for _agent, path in index.asked[before:]] == ["simple"] * 3


def _placed(folder: Path, files: dict[str, bytes]) -> Path:
    """The wheels' contents, as an installer lays them out."""
    for content in files.values():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
    return folder


def test_metadata_that_is_in_place_as_the_page_says_is_not_fetched(pip: Pip, index: JsonIndex, tmp_path: Path) -> None:
    files = _all(wheel("top", requires=["below>=1"]), wheel("below", "1.5"))
    index.add(files)
    text = "top==1.0\nbelow==1.5"
    foreseen = pip.foreseen(text, index, placed=_placed(tmp_path, files))
    assert foreseen == pip.decided(text, index)
    assert not [path for agent, path in index.asked if agent == "wheelyard" and path.endswith(".metadata")]


@pytest.mark.parametrize("told", [{"core-metadata": True}, {}], ids=["no hash of it", "another than in place"])
def test_metadata_in_place_that_nobody_vouches_for_is_fetched(
    pip: Pip, index: JsonIndex, tmp_path: Path, told: dict[str, Any]
) -> None:
    """The index's word counts, as for pip: a wheel that lies about another's needs convinces nobody."""
    [(name, _content)] = needing = wheel("top", requires=["below"]).items()
    index.add(dict(needing))
    index.told = {name: told}
    assert pip.foreseen("top==1.0", index, placed=_placed(tmp_path, wheel("top"))) is None
    assert [path for agent, path in index.asked if agent == "wheelyard" and path.endswith(".metadata")]


def test_an_index_is_believed_about_its_own_files_only(pip: Pip, index: JsonIndex) -> None:
    """Whoever says that a known file needs nothing convinces nobody who asks elsewhere."""
    files = wheel("one", requires=["two"])
    [(name, content)] = files.items()
    honest, lying = index, JsonIndex(token="")
    for each in (honest, lying):
        each.add(files)
    lie = wheel("one")[name]
    lying.told = {name: {"core-metadata": True}}
    lying.add({f"{name}.metadata": b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n"})
    assert lie != content
    assert pip.foreseen("one==1.0", lying) == {"one==1.0": hashlib.sha256(content).hexdigest()}
    assert pip.foreseen("one==1.0", honest) is None
    lying.close()


@pytest.mark.parametrize("status", [401, 403, 500, 302])
def test_an_index_that_refuses_is_left_to_pip(pip: Pip, index: JsonIndex, status: int) -> None:
    index.add(_OTHER)
    index.status = status
    assert pip.foreseen("solo==1.0", index) is None


def test_a_page_in_html_is_left_to_pip(pip: Pip) -> None:
    index = LoopbackIndex()
    index.add(_OTHER)
    assert pip.foreseen("solo==1.0", index) is None
    index.close()


def test_a_page_that_stops_an_old_pip_stops_it_still(pip: Pip, index: JsonIndex) -> None:
    """What a page says of metadata under the older name, as JSON, is more than pip 22.3 can read. PEP 714."""
    [(name, _content)] = _OTHER.items()
    index.add(_OTHER)
    index.told = {name: {"dist-info-metadata": {"sha256": "0" * 64}}}
    assert pip.foreseen("solo==1.0", index) == pip.decided("solo==1.0", index)


def test_metadata_that_is_not_what_the_page_says(pip: Pip, index: JsonIndex) -> None:
    [(name, _content)] = _OTHER.items()
    index.add(_OTHER)
    index.told = {name: {"core-metadata": {"sha256": "0" * 64}}}
    assert pip.foreseen("solo==1.0", index) is None


def test_credentials_are_sent_to_their_index_and_nowhere_else(pip: Pip, index: JsonIndex) -> None:
    other = JsonIndex(token="another-token-of-an-extra")
    index.add(_OTHER)
    assert pip.foreseen("solo==1.0", index, other) is not None
    assert TOKEN in index.url
    assert not any(TOKEN in path for _agent, path in (*index.asked, *other.asked))
    other.close()
