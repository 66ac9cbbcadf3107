from __future__ import annotations

import json
from typing import Any

from wheelyard.compute.report import read_report


def report(**item: Any) -> str:
    return json.dumps({"version": "1", "install": [{"metadata": {"name": "Some.Name", "version": "1.0"}, **item}]})


def test_the_form_of_today() -> None:
    url = "https://index.example/files/some_name-1.0-py3-none-any.whl"
    info = {"url": url, "archive_info": {"hash": "sha256=old", "hashes": {"sha256": "abc"}}}
    [one] = read_report(report(download_info=info, is_direct=False))
    assert (one.name, one.spelling, one.sha256, one.direct, one.wheel) == (
        "some-name",
        "Some.Name-1.0",
        "abc",
        False,
        True,
    )
    assert (one.origin, one.local_path) == (url, "")


def test_the_form_before_23_1() -> None:
    info = {"url": "https://index.example/some_name-1.0.tar.gz", "archive_info": {"hash": "sha256=abc"}}
    [one] = read_report(report(download_info=info))
    assert (one.sha256, one.wheel) == ("abc", False)


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
