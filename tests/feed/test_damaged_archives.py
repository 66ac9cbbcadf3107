"""Whatever an archive's bytes are, it is taken or refused in words: no other error comes out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.feed.conftest import sdist, wheel

from wheelyard.feed.form import FormReader
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.refusals import TooLarge, UploadRefused
from wheelyard.feed.sdists import read_sdist
from wheelyard.feed.wheels import read_wheel

LIMITS = UploadLimits(expansion_from_bytes=1_000_000, file_bytes=10_000, field_bytes=10_000, fields=20)
WHEEL_NAME, WHEEL = wheel(extra="Requires-Python: >=3.8\nRequires-Dist: acme>1\n")
SDIST_NAME, SDIST = sdist()
SDIST_TAR = gzip.decompress(SDIST)

damage = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8)
quick = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damaged(content: bytes, hits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for place, value in hits:
        changed[place % len(changed)] = value
    return bytes(changed)


def looked_into(read: Callable[..., object], path: Path, name: str, content: bytes) -> None:
    path.write_bytes(content)
    try:
        read(path, name, LIMITS)
    except UploadRefused as refusal:
        if name not in refusal.what or not refusal.reference:
            pytest.fail(f"a refusal without its file: {refusal}")


@given(hits=damage)
@quick
def test_damaged_wheels(hits: list[tuple[int, int]], tmp_path: Path) -> None:
    looked_into(read_wheel, tmp_path / "x", WHEEL_NAME, damaged(WHEEL, hits))


@given(hits=damage)
@quick
def test_damaged_directories_of_wheels(hits: list[tuple[int, int]], tmp_path: Path) -> None:
    start = WHEEL.index(b"PK\x01\x02")
    looked_into(read_wheel, tmp_path / "x", WHEEL_NAME, WHEEL[:start] + damaged(WHEEL[start:], hits))


@given(hits=damage)
@quick
def test_damaged_sdists(hits: list[tuple[int, int]], tmp_path: Path) -> None:
    looked_into(read_sdist, tmp_path / "x", SDIST_NAME, damaged(SDIST, hits))


@given(hits=damage)
@quick
def test_damaged_tars(hits: list[tuple[int, int]], tmp_path: Path) -> None:
    looked_into(read_sdist, tmp_path / "x", SDIST_NAME, gzip.compress(damaged(SDIST_TAR, hits), 1))


@given(body=st.binary(max_size=600), piece=st.integers(1, 80))
@quick
def test_any_body_is_a_form_or_refused(body: bytes, piece: int, tmp_path: Path) -> None:
    read_form(tmp_path, b"--x\r\nContent-Disposition: form-data; name=" + body, piece)
    read_form(tmp_path, body, piece)


def read_form(folder: Path, body: bytes, piece: int) -> None:
    try:
        with FormReader(b"x", folder, LIMITS) as reader:
            for start in range(0, len(body), piece):
                reader.write(body[start : start + piece])
            reader.finish()
    except (UploadRefused, TooLarge):
        pass
    assert not list(folder.iterdir())


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 100_000])
def test_a_form_in_any_pieces_is_one_form(piece: int, tmp_path: Path) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nacme\r\n'
        b'--x\r\nContent-Disposition: form-data; name="classifiers"\r\n\r\na\r\n'
        b'--x\r\nContent-Disposition: form-data; name="classifiers"\r\n\r\nb\r\n'
        b'--x\r\nContent-Disposition: form-data; name="content"; filename="f.whl"\r\n\r\n'
        b"\r\n--x\r\r\n-\r\n--y\r\n--x--\r\n"
    )
    with FormReader(b"x", tmp_path, LIMITS) as reader:
        for start in range(0, len(body), piece):
            reader.write(body[start : start + piece])
        form = reader.finish()
        assert form.fields == {"name": ("acme",), "classifiers": ("a", "b")}
        assert form.file.path.read_bytes() == b"\r\n--x\r\r\n-\r\n--y"
        assert (form.file.filename, form.file.size_bytes) == ("f.whl", 14)
