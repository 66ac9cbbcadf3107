from __future__ import annotations

import json
from typing import Any

import pytest

from wheelyard.compute.report import UnreadableReportError, read_report

HASH = "ab" * 32


def report(**item: Any) -> bytes:
    metadata = {"name": "Some.Name", "version": "1.0"}
    return json.dumps({"version": "1", "install": [{"metadata": metadata, **item}]}).encode()


def test_the_form_of_today() -> None:
    url = "https://index.example/files/some_name-1.0-py3-none-any.whl"
    info = {"url": url, "archive_info": {"hash": "sha256=old", "hashes": {"sha256": HASH}}}
    [one] = read_report(report(download_info=info, is_direct=False))
    assert (one.name, one.spelling, one.sha256, one.direct, one.wheel) == (
        "some-name",
        "Some.Name-1.0",
        HASH,
        False,
        True,
    )
    assert (one.origin, one.local_path) == (url, "")


def test_the_form_before_23_1() -> None:
    info = {"url": "https://index.example/some_name-1.0.tar.gz", "archive_info": {"hash": f"sha256={HASH}"}}
    [one] = read_report(report(download_info=info))
    assert (one.sha256, one.wheel) == (HASH, False)


def test_another_hash_is_none() -> None:
    info = {"url": "https://index.example/x.whl", "archive_info": {"hash": "md5=abc"}}
    assert read_report(report(download_info=info))[0].sha256 == ""


def test_a_repository_and_a_file() -> None:
    repository = {"url": "https://user:word@git.example/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}
    [one] = read_report(report(download_info=repository, is_direct=True))
    assert (one.direct, one.wheel, one.sha256) == (True, False, "")
    assert one.origin == "https://user:****@git.example/x.git"
    local = {"url": "file:///Workspace/a%20b/x-1.0-py3-none-any.whl", "archive_info": {}}
    assert (
        read_report(report(download_info=local, is_direct=True))[0].local_path
        == "/Workspace/a b/x-1.0-py3-none-any.whl"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {"name": "a\n--index-url http://evil.example", "version": "1"}},
        {"metadata": {"name": "a\n", "version": "1"}},
        {"metadata": {"name": "../../a", "version": "1"}},
        {"metadata": {"name": "a", "version": "1\nb @ file:///b.whl"}},
        {"metadata": {"name": "a", "version": None}},
        {"metadata": {}},
        {"download_info": {"url": "file:///Workspace/a.whl\nb @ file:///b-1-py3-none-any.whl"}},
        {"download_info": {"url": 7}},
        {"download_info": {"url": "https://x/a.whl", "archive_info": {"hashes": {"sha256": f"{HASH}\nb==1"}}}},
        {"download_info": {"url": "https://x/a.whl", "archive_info": {"hashes": ["sha256"]}}},
        {"download_info": None},
    ],
)
def test_what_pip_never_writes_is_refused(changed: dict[str, Any]) -> None:
    info = {"url": "https://index.example/a-1-py3-none-any.whl", "archive_info": {"hashes": {"sha256": HASH}}}
    with pytest.raises(UnreadableReportError):
        read_report(report(**{"download_info": info, **changed}))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"install": 5}', b'{"install": [1]}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableReportError):
        read_report(content)
