"""Laws of what a pinned set leaves to decide. That its answers are pip's is shown in `test_foresight.py`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from wheelyard.compute.pinned_set import (
    Chosen,
    Machine,
    Metadata,
    NotCertainError,
    Page,
    Pinned,
    best_file,
    conclude,
    pinned_lines,
    read_metadata,
    read_page,
)
from wheelyard.core.redaction import SafeUrl

MACHINE = Machine(
    tags={"cp311-cp311-manylinux_2_17_x86_64": 0, "cp311-abi3-linux_x86_64": 1, "py3-none-any": 2},
    markers={"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "os_name": "posix"},
    python=Version("3.11.7"),
    reads_core_metadata=True,
)
INDEX = SafeUrl("https://u:t@pkgs.example.com/simple/")
SHA = "ab" * 32

names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True)


def pin(line: str) -> Pinned:
    return pinned_lines(line, MACHINE)[0]


def page(*files: dict[str, Any], name: str = "solo") -> Page:
    whole = [
        {"url": f"../../files/{file['filename']}", "hashes": {"sha256": SHA}, "core-metadata": True, **file}
        for file in files
    ]
    body = {"meta": {"api-version": "1.0"}, "name": name, "files": whole}
    return read_page(INDEX, f"https://pkgs.example.com/simple/{name}/", json.dumps(body).encode(), MACHINE)


def metadata(name: str, version: str, *requires: str, lines: Sequence[str] = ()) -> Metadata:
    headers = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires), *lines]
    return read_metadata("\n".join(["Metadata-Version: 2.1", *headers, "", "Text: of it"]).encode())


@given(st.dictionaries(names, versions, min_size=1, max_size=8), st.randoms())
def test_the_order_of_lines_means_nothing(pins: dict[str, str], random: Any) -> None:
    lines = [f"{name}=={version}" for name, version in pins.items()]
    shuffled = random.sample(lines, len(lines))
    assert set(pinned_lines("\n".join(lines), MACHINE)) == set(pinned_lines("\n".join(shuffled), MACHINE))


@given(st.dictionaries(names, versions, min_size=1, max_size=4), st.sampled_from([">=1", "", "~=1.0", "!=2", "===1"]))
def test_one_line_that_is_no_pin_makes_all_uncertain(pins: dict[str, str], loose: str) -> None:
    lines = [f"{name}=={version}" for name, version in pins.items()]
    with pytest.raises(NotCertainError):
        pinned_lines("\n".join([*lines, f"zz-loose{loose}"]), MACHINE)


@given(st.text())
def test_any_text_is_read_or_left_to_pip(text: str) -> None:
    with contextlib.suppress(NotCertainError):
        assert pinned_lines(text, MACHINE)


@given(st.binary())
def test_any_page_and_metadata_are_read_or_left_to_pip(content: bytes) -> None:
    for read in (
        lambda: read_page(INDEX, "https://pkgs.example.com/", content, MACHINE),
        lambda: read_metadata(content),
    ):
        with contextlib.suppress(NotCertainError):
            read()


@given(st.permutations(["2-py3-none-any", "py3-none-any", "cp311-abi3-linux_x86_64", "cp312-cp312-linux_x86_64"]))
def test_the_order_of_files_means_nothing(tags: list[str]) -> None:
    chosen = best_file(pin("solo==1.0"), [page(*({"filename": f"solo-1.0-{tag}.whl"} for tag in tags))], MACHINE)
    assert chosen.url == "https://pkgs.example.com/files/solo-1.0-cp311-abi3-linux_x86_64.whl"


def test_two_files_of_one_rank_are_pips_to_choose_from() -> None:
    same = {"filename": "solo-1.0-py3-none-any.whl"}
    assert best_file(pin("solo==1.0"), [page(same)], MACHINE).sha256 == SHA
    with pytest.raises(NotCertainError):
        best_file(pin("solo==1.0"), [page(same), page(same)], MACHINE)


@pytest.mark.parametrize(
    "file",
    [
        {"filename": "solo-1.0-py3-none-any.whl", "url": "../../files/other-1.0-py3-none-any.whl"},
        {"filename": "solo-1.0-py3-none-any.whl", "hashes": {"sha256": "short"}},
        {"filename": "solo-1.0-py3-none-any.whl", "hashes": {"md5": "ab"}},
        {"filename": "solo-1.0-py3-none-any.whl", "requires-python": "not a specifier"},
        {"filename": "solo-1.0-py3-none-any.whl", "url": "ftp://pkgs.example.com/solo-1.0-py3-none-any.whl"},
        {"filename": "solo-1.0-py3-none-any.whl", "url": "http://[half/solo-1.0-py3-none-any.whl"},
        {"filename": "solo-1.0-py3-none-any.whl", "yanked": True},
        {"filename": "solo-1.0-py3-none-any.whl", "yanked": ""},
        {"filename": "solo-1_0-py3-none-any.whl"},
        {"filename": "solo-1.0-1-2-3-py3-none-any.whl"},
        {"filename": "solo-1.0+local.tar.gz"},
        {"filename": "solo-1.0-cp399-cp399-linux_x86_64.whl"},
    ],
    ids=str,
)
def test_a_file_that_is_not_as_it_should_be_is_left_to_pip(file: dict[str, Any]) -> None:
    with pytest.raises(NotCertainError):
        best_file(pin("solo==1.0"), [page(file)], MACHINE)


@pytest.mark.parametrize("version", ["2.0", "", "x"])
def test_an_api_version_nobody_knows(version: str) -> None:
    with pytest.raises(NotCertainError):
        read_page(INDEX, "https://h/", json.dumps({"meta": {"api-version": version}, "files": []}).encode(), MACHINE)


def chosen(name: str, version: str = "1.0") -> Chosen:
    return Chosen(pin(f"{name}==1").name, Version(version), SHA, f"https://h/{name}.whl", INDEX, "")


@given(st.lists(names, min_size=2, max_size=6, unique=True), st.data())
def test_leaving_out_what_something_needs_makes_it_uncertain(projects: list[str], data: st.DataObject) -> None:
    """A chain: each needs the next. Without any one of the later ones there is no proof."""
    said = {name: metadata(name, "1.0", *projects[at + 1 : at + 2]) for at, name in enumerate(projects)}
    files = {name: chosen(name) for name in projects}
    wanted = [pin(f"{name}==1.0") for name in projects]
    decisions = conclude(wanted, files, said, {}, MACHINE)
    assert [one.spelling for one in decisions] == [f"{name}-1.0" for name in projects]
    gone = data.draw(st.sampled_from(projects[1:]))
    kept = [one for one in wanted if one.name != gone]
    with pytest.raises(NotCertainError):
        conclude(
            kept,
            {name: file for name, file in files.items() if name != gone},
            {name: one for name, one in said.items() if name != gone},
            {},
            MACHINE,
        )


def test_what_is_installed_counts_with_what_it_needs() -> None:
    wanted, files, said = [pin("top==1.0")], {"top": chosen("top")}, {"top": metadata("top", "1.0", "below>=2")}
    assert conclude(wanted, files, said, {"below": metadata("below", "2.5")}, MACHINE)
    for installed in ({}, {"below": metadata("below", "1.0")}, {"below": metadata("below", "2.5", "gone")}):
        with pytest.raises(NotCertainError):
            conclude(wanted, files, said, installed, MACHINE)


@pytest.mark.parametrize(
    "said",
    [
        metadata("other", "1.0"),
        metadata("solo", "2.0"),
        metadata("solo", "not a version"),
        metadata("solo", "1.0", lines=["Requires-Python: <3"]),
        metadata("solo", "1.0", lines=["Requires-Python: no specifier"]),
        metadata("solo", "1.0", "x @ https://h/x.whl"),
        metadata("solo", "1.0", "x"),
    ],
    ids=lambda said: f"{said.name} {said.version} {said.requires_python} {said.requires}",
)
def test_metadata_that_does_not_fit_its_file(said: Metadata) -> None:
    with pytest.raises(NotCertainError):
        conclude([pin("solo==1.0")], {"solo": chosen("solo")}, {"solo": said}, {}, MACHINE)


@pytest.mark.parametrize(
    "content",
    [b"", b"Name: a\n", b"Version: 1\n", b"Name: a\nName: b\nVersion: 1\n", b"Name: a\nVersion: 1\nRequires-Dist: =\n"],
)
def test_metadata_that_is_none(content: bytes) -> None:
    with pytest.raises(NotCertainError):
        read_metadata(content)
