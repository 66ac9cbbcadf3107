"""The demo's wheels install, and its search for tokens finds them."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.cli.demo import programs, proof
from wheelyard.cli.demo.wheels import Project, build_wheel
from wheelyard.client.feeds import read_distribution
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.redaction import Secret

TOKENS = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=48)
AROUND = st.binary(max_size=7)


@given(TOKENS, AROUND, AROUND)
def test_base64_is_found_at_every_alignment(token: str, before: bytes, after: bytes) -> None:
    forms = proof.forms_of(Secret(token), "build")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + token.encode() + after)
        assert list(proof.search(forms, [("here", text)]))


@given(TOKENS)
def test_each_plain_writing_is_found(token: str) -> None:
    forms = proof.forms_of(Secret(token), "build")
    writings = [token.encode(), quote(token, safe="").encode(), token.encode().hex().encode(), token.encode()[::-1]]
    writings.append(base64.b64encode(f"build:{token}".encode()))
    for text in writings:
        assert list(proof.search(forms, [("here", b"before " + text + b" after")]))


def test_nothing_is_found_where_nothing_is() -> None:
    forms = proof.forms_of(Secret("dapi0123456789abcdef"), "build")
    assert not list(proof.search(forms, [("here", b"dapi0123456789abcde and more"), ("there", b"")]))


def test_files_and_command_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.log").write_text("x")
    assert list(proof.files_below(tmp_path)) == [("deep/a.log", b"x")]
    assert any(b"python" in content for _place, content in proof.command_lines())


def test_wheels_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for project in programs.projects(needs_public=True):
        first, second = (build_wheel(project, tmp_path / name) for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_a_wheels_metadata_becomes_the_upload_form(tmp_path: Path) -> None:
    wheel = build_wheel(Project("a-b", "1.0", "a_b", "", "Words.", ("six>=1",)), tmp_path)
    found = dict(read_distribution(wheel).metadata)
    assert found["name"] == "a-b"
    assert found["version"] == "1.0"
    assert found["requires_dist"] == "six>=1"
    assert (found["filetype"], found["pyversion"]) == ("bdist_wheel", "py3")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(("name", "content"), [("a-1.0-py3-none-any.whl", b"no zip"), ("a-1.0.tar.gz", b"no tar")])
def test_what_is_no_distribution_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidParameter) as raised:
        read_distribution(path)
    assert raised.value.reference == "not-a-distribution"
