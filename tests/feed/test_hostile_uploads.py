"""What a feed does not take: each is refused in words, and leaves nothing behind."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator

import pytest
from tests.feed.conftest import (
    Answer,
    Served,
    Server,
    build_world,
    metadata_text,
    record_of,
    sdist,
    tarred,
    upload_fields,
    wheel,
    zipped,
)

from wheelyard.feed.limits import UploadLimits

INFO = "acme-1.0.dist-info"
NAME = "acme-1.0-py3-none-any.whl"

LIMITS = UploadLimits(
    file_bytes=2_000_000,
    field_bytes=100_000,
    fields=50,
    expansion_from_bytes=1_000_000,
    members=200,
    metadata_bytes=50_000,
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A feed with small limits; one for all, because each refusal must leave it empty."""
    world = build_world(tmp_path_factory.mktemp("guarded"), limits=LIMITS)
    server = Server(world.app)
    yield Served(world, server.port, world.create(), world.token())
    server.close()
    world.app.close()
    world.database.close()


def refused(served: Served, answer: Answer, *words: str, status: int = 400) -> None:
    assert answer.status == status, answer
    for word in words:
        assert word in answer.text
    assert "nothing was stored" in answer.text
    assert served.request("simple/").text.count("<a ") == 0
    assert not list((served.world.folder / "incoming").iterdir())
    assert not [path for path in (served.world.folder / "blobs").rglob("*") if path.is_file()]


Wheel = tuple[str, bytes]
BROKEN_WHEELS: dict[str, tuple[Callable[[], Wheel], str]] = {
    "not a zip": (lambda: (NAME, b"PK\x03\x04 but no more"), "not a zip archive"),
    "empty": (lambda: (NAME, b""), "not a zip archive"),
    "cut short": (lambda: (NAME, wheel()[1][:-30]), "not a zip archive"),
    "no METADATA": (lambda: wheel(replace={f"{INFO}/METADATA": None}), "no `acme-1.0.dist-info/METADATA`"),
    "no WHEEL": (lambda: wheel(replace={f"{INFO}/WHEEL": None}), "no `acme-1.0.dist-info/WHEEL`"),
    "no RECORD": (lambda: wheel(replace={f"{INFO}/RECORD": None}), "no `acme-1.0.dist-info/RECORD`"),
    "no dist-info": (lambda: (NAME, zipped({"acme/__init__.py": b""})), "0 .dist-info folders"),
    "two dist-infos": (lambda: wheel(more={"other-1.0.dist-info/METADATA": b""}), "2 .dist-info folders"),
    "other dist-info": (lambda: ("acme-1.0-py3-none-any.whl", wheel("else", "1.0")[1]), "does not belong"),
    "other version": (lambda: ("acme-1.0-py3-none-any.whl", wheel("acme", "2.0")[1]), "does not belong"),
    "metadata names another project": (
        lambda: wheel(replace={f"{INFO}/METADATA": metadata_text("else", "1.0")}),
        "name `else`",
    ),
    "metadata has another version": (
        lambda: wheel(replace={f"{INFO}/METADATA": metadata_text("acme", "1.1")}),
        "version `1.1`",
    ),
    "metadata version 3": (lambda: wheel(metadata_version="3.0"), "`3.0`"),
    "metadata version is a word": (lambda: wheel(metadata_version="new"), "`new`"),
    "bad requirement": (lambda: wheel(extra="Requires-Dist: not a requirement ==\n"), "Requires-Dist"),
    "bad Requires-Python": (lambda: wheel(extra="Requires-Python: three\n"), "Requires-Python"),
    "changed file": (lambda: wheel(replace={"acme/__init__.py": b"evil"}), "does not have the hash"),
    "extra file": (lambda: wheel(replace={"acme/evil.py": b"evil"}), "not in RECORD"),
    "missing file": (lambda: wheel(more={"acme/a.py": b""}, replace={"acme/a.py": None}), "not in the archive"),
    "RECORD without hashes": (
        lambda: wheel(replace={f"{INFO}/RECORD": b"acme/__init__.py,,\n"}),
        "no sha256, sha384 or sha512",
    ),
    "RECORD is not CSV of three": (lambda: wheel(replace={f"{INFO}/RECORD": b"acme\n"}), "RECORD is not lines"),
    "RECORD is not text": (lambda: wheel(replace={f"{INFO}/RECORD": b"\xff\xfe"}), "broken one"),
    "licence file missing": (
        lambda: wheel(metadata_version="2.4", extra="License-File: LICENSE\n"),
        "License-File `LICENSE`",
    ),
    "path escapes upwards": (lambda: wheel(more={"../evil.py": b""}), "path that leaves"),
    "path escapes inside": (lambda: wheel(more={"acme/../../evil.py": b""}), "path that leaves"),
    "absolute path": (lambda: wheel(more={"/etc/evil": b""}), "path that leaves"),
    "backslash": (lambda: wheel(more={"acme\\..\\evil": b""}), "path that leaves"),
    "drive": (lambda: wheel(more={"C:evil": b""}), "path that leaves"),
    "bomb": (lambda: wheel(more={"acme/zeros": bytes(60_000_000)}), "unpacks to"),
    "too many files": (lambda: wheel(more={f"acme/{n}": b"" for n in range(300)}), "more than 200 files"),
    "huge METADATA": (lambda: wheel(extra="Summary: " + "x" * 60_000 + "\n"), "larger than 50,000"),
}


@pytest.mark.parametrize("case", BROKEN_WHEELS)
def test_broken_wheels(case: str, guarded: Served) -> None:
    make, words = BROKEN_WHEELS[case]
    refused(guarded, guarded.upload(*make()), words)


@pytest.mark.parametrize(
    "filename",
    [
        "acme-1.0.whl",
        "acme-1.0-py3-none.whl",
        "acme-x.y-py3-none-any.whl",
        "acme-1.0-build-py3-none-any.whl",
        "acme.tar.gz",
        "acme-1.0.zip",
        "acme-1.0.tar.bz2",
        "acme-1.0.egg",
        "acme-1.0-py3-none-any.whl.exe",
        "-1.0-py3-none-any.whl",
        "",
        "../../acme-1.0-py3-none-any.whl",
        "acme/acme-1.0-py3-none-any.whl",
        "..%2facme-1.0-py3-none-any.whl",
        "acmé-1.0-py3-none-any.whl",
        "a" * 300 + "-1.0-py3-none-any.whl",
    ],
)
def test_bad_file_names(filename: str, guarded: Served) -> None:
    _, content = wheel()
    fields = {":action": "file_upload", "protocol_version": "1"}
    refused(guarded, guarded.upload(filename, content, fields=fields))


def test_an_encrypted_member(guarded: Served) -> None:
    filename, content = wheel()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.infolist()[0].header_offset
    directory = content.index(b"PK\x01\x02")
    flagged = bytearray(content)
    for offset in (start + 6, directory + 8):
        struct.pack_into("<H", flagged, offset, 1)
    refused(guarded, guarded.upload(filename, bytes(flagged)), "packed in a way")


def test_a_symbolic_link_in_a_wheel(guarded: Served) -> None:
    members = {f"{INFO}/METADATA": metadata_text("acme", "1.0"), f"{INFO}/WHEEL": b"Wheel-Version: 1.0\n"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in members.items():
            archive.writestr(path, content)
        link = zipfile.ZipInfo("acme/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"{INFO}/RECORD", record_of({**members, "acme/link": b"/etc/passwd"}, f"{INFO}/RECORD"))
    refused(guarded, guarded.upload(NAME, buffer.getvalue()), "is a link")


def test_the_same_member_twice(guarded: Served) -> None:
    filename, content = wheel()
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("acme/__init__.py", b"evil")
    refused(guarded, guarded.upload(filename, buffer.getvalue()), "twice")


def tar_with(*entries: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        content = metadata_text("acme", "1.0", metadata_version="2.2")
        info = tarfile.TarInfo("acme-1.0/PKG-INFO")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


BROKEN_SDISTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "not gzip": (lambda: b"not gzip at all", "not a gzipped tar"),
    "cut short": (lambda: sdist()[1][:60], "not a gzipped tar"),
    "no PKG-INFO": (lambda: tarred({"acme-1.0/setup.py": b""}), "no PKG-INFO"),
    "PKG-INFO elsewhere": (lambda: tarred({"acme-1.0/acme/PKG-INFO": metadata_text("acme", "1.0")}), "no PKG-INFO"),
    "two folders": (lambda: sdist(members={"other/x": b""})[1], "two top folders"),
    "other name": (lambda: tarred({"acme-1.0/PKG-INFO": metadata_text("else", "1.0")}), "name `else`"),
    "other version": (lambda: tarred({"acme-1.0/PKG-INFO": metadata_text("acme", "2.0")}), "version `2.0`"),
    "licence file missing": (
        lambda: tarred(
            {"acme-1.0/PKG-INFO": metadata_text("acme", "1.0", metadata_version="2.4", extra="License-File: L\n")}
        ),
        "License-File `L`",
    ),
    "path escapes": (lambda: tar_with(entry("acme-1.0/../../evil")), "path that leaves"),
    "absolute path": (lambda: tar_with(entry("/etc/evil")), "path that leaves"),
    "link outside": (lambda: tar_with(entry("acme-1.0/link", tarfile.SYMTYPE, "../../etc/passwd")), "unsafe"),
    "absolute link": (lambda: tar_with(entry("acme-1.0/link", tarfile.SYMTYPE, "/etc/passwd")), "unsafe"),
    "hard link outside": (lambda: tar_with(entry("acme-1.0/link", tarfile.LNKTYPE, "../../etc/passwd")), "unsafe"),
    "device": (lambda: tar_with(entry("acme-1.0/zero", tarfile.CHRTYPE)), "unsafe"),
    "bomb": (lambda: tar_with(entry("acme-1.0/zeros", size=60_000_000)), "unpacks to"),
    "too many files": (lambda: tar_with(*[entry(f"acme-1.0/{n}") for n in range(300)]), "more than 200 files"),
    "huge PKG-INFO": (
        lambda: tarred({"acme-1.0/PKG-INFO": metadata_text("acme", "1.0", extra="Summary: " + "x" * 60_000 + "\n")}),
        "larger than 50,000",
    ),
}


@pytest.mark.parametrize("case", BROKEN_SDISTS)
def test_broken_sdists(case: str, guarded: Served) -> None:
    make, words = BROKEN_SDISTS[case]
    refused(guarded, guarded.upload("acme-1.0.tar.gz", make()), words)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("sha256_digest", "0" * 64, "another `sha256_digest`"),
        ("blake2_256_digest", "0" * 64, "another `blake2_256_digest`"),
        ("name", "other", "the form says name `other`"),
        ("version", "9", "the form says version `9`"),
        ("metadata_version", "3.1", "`3.1`"),
        ("filetype", "sdist", "takes wheels"),
        ("filetype", "bdist_egg", "takes wheels"),
        (":action", "submit", "`:action`"),
        ("protocol_version", "2", "`:action`"),
    ],
)
def test_forms_that_contradict_the_file(field: str, value: str, words: str, guarded: Served) -> None:
    filename, content = wheel()
    fields = upload_fields(filename, content) | {field: value}
    refused(guarded, guarded.upload(filename, content, fields=fields), words)


def test_an_md5_alone_is_checked(guarded: Served) -> None:
    filename, content = wheel()
    fields = {":action": "file_upload", "md5_digest": "0" * 32}
    refused(guarded, guarded.upload(filename, content, fields=fields), "another `md5_digest`")


def test_a_file_that_is_too_large(guarded: Served) -> None:
    refused(guarded, guarded.upload(NAME, bytes(2_000_001)), "larger than this feed takes", status=413)


def test_fields_that_are_too_large_or_too_many(guarded: Served) -> None:
    filename, content = wheel()
    fields = upload_fields(filename, content)
    refused(guarded, guarded.upload(filename, content, fields=fields | {"description": "x" * 200_000}), status=413)
    refused(guarded, guarded.upload(filename, content, fields={f"f{n}": "" for n in range(60)}), status=413)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"nothing of the kind"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x"),
        ("", b"x"),
    ],
)
def test_bodies_that_are_no_form(kind: str, body: bytes, guarded: Served) -> None:
    answer = guarded.request("upload/", method="POST", headers={"Content-Type": kind}, body=body)
    refused(guarded, answer) if "nothing was stored" in answer.text else pytest.fail(answer.text)


def test_two_files_in_one_form(guarded: Served) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a-1-py3-none-any.whl"\r\n\r\nz\r\n'
    answer = guarded.request(
        "upload/",
        method="POST",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        body=part + part + b"--x--\r\n",
    )
    refused(guarded, answer, "more than one file")


def test_a_problem_for_clients_that_ask_for_json(guarded: Served) -> None:
    answer = guarded.request(
        "upload/", method="POST", headers={"Accept": "application/json;q=0.9, text/plain;q=0.8"}, body=b"{}"
    )
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) == {"title", "status", "detail", "code"}
    assert answer.json["code"] == "upload-not-a-form"
