from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from wheelyard.control.caller import Caller
from wheelyard.control.operation import RawAnswer
from wheelyard.control.workspace import ROOM, wire
from wheelyard.control.workspace.access import Level
from wheelyard.control.workspace.notebook_source import NotebookSource
from wheelyard.control.workspace.service import NotebookExists, ProtectedDirectory
from wheelyard.core.errors import (
    AlreadyExists,
    BadRequest,
    DirectoryNotEmpty,
    InvalidParameter,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    WheelyardError,
)
from wheelyard.storage.backends import open_blobs

if TYPE_CHECKING:
    from tests.control.workspace.conftest import Bench

HOME = "/Users/ana@example.com"
HEADER = b"# Databricks notebook source\n"
NOTEBOOK = HEADER + b"# MAGIC %pip install acme\n\n# COMMAND ----------\n\nimport acme\n"


def _import(bench: Bench, path: str, content: bytes, **more: Any) -> None:
    body, who = wire.Import(path, content, **more), bench.people.ana
    bench.service.require_import(who, body)
    bench.service.import_object(who, body)


def _upload(bench: Bench, path: str, content: bytes, *, overwrite: bool = False, caller: Caller | None = None) -> None:
    body = wire.ImportFile(path.removeprefix("/"), content, overwrite)
    who = caller or bench.people.ana
    bench.service.require_import_file(who, body)
    bench.service.import_file(who, body)


def _mkdirs(bench: Bench, path: str, caller: Caller | None = None) -> None:
    who = caller or bench.people.ana
    bench.service.require_mkdirs(who, path)
    bench.service.mkdirs(who, wire.OnPath(path))


def _status(bench: Bench, path: str, caller: Caller | None = None) -> wire.ObjectInfo:
    who = caller or bench.people.ana
    bench.service.require(who, path, "CAN_READ")
    return bench.service.get_status(who, wire.GetStatus(path, return_export_info=True))


def _paths(bench: Bench, path: str, caller: Caller | None = None) -> list[str]:
    who = caller or bench.people.ana
    bench.service.require(who, path, "CAN_READ")
    return [each.path for each in bench.service.list_objects(who, wire.ListObjects(path)).objects]


def _delete(bench: Bench, path: str, *, recursive: bool = False, caller: Caller | None = None) -> None:
    who = caller or bench.people.ana
    bench.service.require(who, path, "CAN_MANAGE")
    bench.service.delete(who, wire.Delete(path, recursive))


def _exported(bench: Bench, path: str, export_as: wire.ExportFormat = "SOURCE") -> tuple[bytes, str]:
    answer = bench.service.export(bench.people.ana, wire.Export(path, export_as))
    assert isinstance(answer, wire.Exported)
    return answer.content, answer.file_type


class TestTree:
    def test_standard_directories_and_homes_are_there(self, bench: Bench) -> None:
        for path in ("/", "/Users", "/Shared", HOME):
            assert _status(bench, path).object_type == "DIRECTORY"
        _mkdirs(bench, f"/Users/{bench.people.pipeline.name}/run", bench.people.pipeline)

    @pytest.mark.parametrize("name", ["nobody@example.com", "team", "users", "ANA@example.com"])
    def test_a_home_is_for_people_and_service_principals_only(self, bench: Bench, name: str) -> None:
        with pytest.raises(NotFound, match=r"^Path \(/Users/.*\) doesn't exist\.$"):
            _status(bench, f"/Users/{name}")

    def test_mkdirs_makes_parents_and_may_be_repeated(self, bench: Bench) -> None:
        for _ in range(2):
            _mkdirs(bench, f"{HOME}/a/b/c")
        assert _paths(bench, f"{HOME}/a") == [f"{HOME}/a/b"]
        assert _paths(bench, f"{HOME}/a/b/c") == []

    def test_a_file_is_no_parent(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f", b"x")
        for path in (f"{HOME}/f", f"{HOME}/f/g"):
            with pytest.raises(AlreadyExists, match=r"^Path \(/Users/ana@example\.com/f\) already exists\.$"):
                _mkdirs(bench, path)
        with pytest.raises(NotFound, match="parent folder"):
            _upload(bench, f"{HOME}/f/g", b"x")

    def test_the_long_spelling_is_answered_in_kind(self, bench: Bench) -> None:
        _mkdirs(bench, f"/Workspace{HOME}/a/")
        assert _status(bench, f"{HOME}/a").path == f"{HOME}/a"
        assert _status(bench, f"/Workspace{HOME}/a").path == f"/Workspace{HOME}/a"
        assert _paths(bench, f"/Workspace{HOME}") == [f"/Workspace{HOME}/a"]
        assert _status(bench, "/Workspace").path == "/Workspace"

    @pytest.mark.parametrize("path", ["", "a", "Users/x", "/a//b", "/a/../b", "/a/.", "/a\nb", "/" + "a" * 5000])
    def test_a_bad_path_is_refused(self, bench: Bench, path: str) -> None:
        with pytest.raises(InvalidParameter, match="Path"):
            _status(bench, path)

    def test_listing_a_file_lists_the_file(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f.txt", b"abc")
        (listed,) = bench.service.list_objects(bench.people.ana, wire.ListObjects(f"{HOME}/f.txt")).objects
        assert (listed.path, listed.object_type, listed.size) == (f"{HOME}/f.txt", "FILE", 3)

    def test_listing_can_leave_old_notebooks_out(self, bench: Bench) -> None:
        _import(bench, f"{HOME}/n", NOTEBOOK)
        _mkdirs(bench, f"{HOME}/d")
        for since, expected in ((1_699_999_999_999, [f"{HOME}/d", f"{HOME}/n"]), (1_700_000_000_000, [f"{HOME}/d"])):
            body = wire.ListObjects(HOME, notebooks_modified_after=since)
            assert [each.path for each in bench.service.list_objects(bench.people.ana, body).objects] == expected

    def test_deleting(self, bench: Bench) -> None:
        _mkdirs(bench, f"{HOME}/a/b")
        _upload(bench, f"{HOME}/a/b/big", b"x" * 100_000)
        with pytest.raises(DirectoryNotEmpty):
            _delete(bench, f"{HOME}/a")
        assert _status(bench, f"{HOME}/a/b/big").size == 100_000
        file_id = _status(bench, f"{HOME}/a/b/big").object_id
        assert "ana@example.com" in bench.holders(bench.people.ana, "files", file_id)
        _delete(bench, f"{HOME}/a", recursive=True)
        with pytest.raises(NotFound):
            _delete(bench, f"{HOME}/a")
        assert list(bench.blobs.keys("")) == []
        with pytest.raises(NotFound):
            bench.holders(bench.people.admin, "files", file_id)

    @pytest.mark.parametrize("path", ["/", "/Users", "/Shared", "/Repos", HOME, f"/Workspace{HOME}/"])
    def test_standard_and_home_directories_stay(self, bench: Bench, path: str) -> None:
        with pytest.raises(ProtectedDirectory, match="is protected"):
            _delete(bench, path, recursive=True, caller=bench.people.admin)

    def test_an_object_id_is_never_given_again(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f", b"x")
        first = _status(bench, f"{HOME}/f").object_id
        _delete(bench, f"{HOME}/f")
        _upload(bench, f"{HOME}/f", b"x")
        assert _status(bench, f"{HOME}/f").object_id > first


class TestImport:
    @pytest.mark.parametrize(
        ("path", "content", "options", "becomes"),
        [
            ("n", b"print(1)", {"language": "PYTHON"}, ("n", "NOTEBOOK", "PYTHON", "SOURCE")),
            ("n.py", b"print(1)", {}, ("n.py", "NOTEBOOK", "PYTHON", "SOURCE")),
            ("n.py", NOTEBOOK, {}, ("n", "NOTEBOOK", "PYTHON", "SOURCE")),
            ("n.py", NOTEBOOK, {"format": "AUTO"}, ("n", "NOTEBOOK", "PYTHON", "SOURCE")),
            ("n", NOTEBOOK, {}, ("n", "NOTEBOOK", "PYTHON", "SOURCE")),
            (
                "n.sql",
                b"-- Databricks notebook source\nselect 1",
                {"format": "AUTO"},
                ("n", "NOTEBOOK", "SQL", "SOURCE"),
            ),
            ("n.R", b"# Databricks notebook source\n1", {"format": "AUTO"}, ("n", "NOTEBOOK", "R", "SOURCE")),
            ("m.py", b"print(1)", {"format": "AUTO"}, ("m.py", "FILE", None, None)),
            ("m.txt", NOTEBOOK, {"format": "AUTO"}, ("m.txt", "FILE", None, None)),
            ("n.py", NOTEBOOK, {"format": "RAW"}, ("n.py", "FILE", None, None)),
            ("n.ipynb", b'{"nbformat": 4, "cells": []}', {"format": "AUTO"}, ("n", "NOTEBOOK", "PYTHON", "JUPYTER")),
            ("n", b'{"nbformat": 4, "cells": []}', {"format": "JUPYTER"}, ("n", "NOTEBOOK", "PYTHON", "JUPYTER")),
        ],
    )
    def test_what_an_import_becomes(
        self,
        bench: Bench,
        path: str,
        content: bytes,
        options: dict[str, Any],
        becomes: tuple[str, str, str | None, str | None],
    ) -> None:
        _import(bench, f"{HOME}/{path}", content, **options)
        got = _status(bench, f"{HOME}/{becomes[0]}")
        assert (got.path, got.object_type, got.language, got.repos_export_format) == (
            f"{HOME}/{becomes[0]}",
            *becomes[1:],
        )

    @pytest.mark.parametrize(
        ("options", "content", "error"),
        [
            ({}, b"print(1)", InvalidParameter),
            ({"format": "JUPYTER"}, b"print(1)", InvalidParameter),
            ({"language": "PYTHON"}, b"\xff", InvalidParameter),
            ({"format": "DBC"}, b"", BadRequest),
            ({"format": "HTML"}, b"", BadRequest),
        ],
    )
    def test_what_is_refused(
        self, bench: Bench, options: dict[str, Any], content: bytes, error: type[WheelyardError]
    ) -> None:
        with pytest.raises(error):
            _import(bench, f"{HOME}/n", content, **options)
        assert _paths(bench, HOME) == []

    def test_taken_names(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f.txt", b"1")
        _upload(bench, f"{HOME}/n.py", NOTEBOOK)
        for error, path, content in ((AlreadyExists, "f.txt", b"2"), (NotebookExists, "n.py", NOTEBOOK)):
            with pytest.raises(error, match=r"^Path \(/Users/ana@example\.com/(f\.txt|n)\) already exists\.$"):
                _upload(bench, f"{HOME}/{path}", content)
        before = _status(bench, f"{HOME}/f.txt")
        _upload(bench, f"{HOME}/f.txt", b"22", overwrite=True)
        assert _status(bench, f"{HOME}/f.txt").object_id == before.object_id
        assert bench.service.read_file(bench.people.ana, f"{HOME}/f.txt") == b"22"

    def test_a_notebook_does_not_overwrite_a_directory(self, bench: Bench) -> None:
        _mkdirs(bench, f"{HOME}/d")
        with pytest.raises(InvalidParameter, match="due to type mismatch"):
            _import(bench, f"{HOME}/d", NOTEBOOK, overwrite=True)

    def test_a_missing_parent_is_not_found(self, bench: Bench) -> None:
        with pytest.raises(NotFound, match=r"^The parent folder \(/Users/ana@example\.com/no\) does not exist\.$"):
            _upload(bench, f"{HOME}/no/f", b"1")

    def test_limits(self, bench: Bench) -> None:
        small = bench.another(notebook_limit_bytes=len(NOTEBOOK), file_limit_bytes=100)
        ana = bench.people.ana
        small.import_object(ana, wire.Import(f"{HOME}/n", NOTEBOOK))
        with pytest.raises(LimitExceeded, match="a notebook may have"):
            small.import_object(ana, wire.Import(f"{HOME}/m", NOTEBOOK + b"#"))
        with pytest.raises(LimitExceeded, match="a file may have"):
            small.import_file(ana, wire.ImportFile(f"{HOME}/f"[1:], b"x" * 101))
        assert _paths(bench, HOME) == [f"{HOME}/n"]
        tiny = bench.another(notebook_limit_bytes=10)
        with pytest.raises(LimitExceeded, match="can be exported"):
            tiny.export(ana, wire.Export(f"{HOME}/n"))

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
    def test_content_of_any_size_survives_a_restart(self, bench: Bench, size: int) -> None:
        content = bytes(index % 251 for index in range(size))
        _upload(bench, f"{HOME}/f", b"first" * 20_000)
        _upload(bench, f"{HOME}/f", content, overwrite=True)
        restarted = bench.another()
        restarted.recover()
        assert restarted.read_file(bench.people.ana, f"{HOME}/f") == content
        assert len(list(bench.blobs.keys(""))) == (1 if size > 65_536 else 0), "no old bytes are left behind"

    @pytest.mark.parametrize("store", ["memory", "s3"])
    def test_large_contents_in_an_object_store(self, bench: Bench, store: str, request: pytest.FixtureRequest) -> None:
        url = request.getfixturevalue("s3")() if store == "s3" else "memory://"
        remote = replace(bench, blobs=open_blobs(url))
        service, content = remote.another(), os.urandom(6_000_000)
        ana = bench.people.ana
        for body in (b"x" * 100_000, content):
            service.import_file(ana, wire.ImportFile(f"{HOME}/f"[1:], body, overwrite=True))
            assert remote.another().read_file(ana, f"{HOME}/f") == body
            assert [path for path, _ in service.readable_files(ana)] == [f"{HOME}/f"]
        assert len(list(remote.blobs.keys("workspace/"))) == 1
        service.delete(ana, wire.Delete(f"{HOME}/f"))
        assert list(remote.blobs.keys("workspace/")) == []

    def test_only_what_a_crash_left_is_swept_away(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f", b"first" * 20_000)
        bench.blobs.put("workspace/orphan", b"x")
        soon = time.time() + 60
        assert bench.service.sweep(stored_before=soon - 3600, stopped=lambda: False) == 0, "too young"
        assert bench.service.sweep(stored_before=soon, stopped=lambda: True) == 0, "told to stop"
        assert bench.service.sweep(stored_before=soon, stopped=lambda: False) == 1
        assert not bench.blobs.exists("workspace/orphan")
        assert bench.service.read_file(bench.people.ana, f"{HOME}/f") == b"first" * 20_000


class TestExport:
    def test_source_comes_back_as_it_was_written(self, bench: Bench) -> None:
        content = HEADER + b"# DBTITLE 1,Kept\nprint(1)   \n"
        _import(bench, f"{HOME}/n.py", content)
        assert _exported(bench, f"{HOME}/n") == (content, "py")
        assert _exported(bench, f"{HOME}/n", "AUTO") == (content, "py")

    def test_a_program_without_the_first_line_gets_one(self, bench: Bench) -> None:
        _import(bench, f"{HOME}/n", b"print(1)", language="PYTHON")
        assert _exported(bench, f"{HOME}/n") == (HEADER + b"print(1)\n", "py")

    def test_into_jupyter_and_back(self, bench: Bench) -> None:
        _import(bench, f"{HOME}/n", NOTEBOOK)
        exported, kind = _exported(bench, f"{HOME}/n", "JUPYTER")
        assert kind == "ipynb"
        assert [cell["source"] for cell in json.loads(exported)["cells"]] == ["%pip install acme", "import acme"]
        _import(bench, f"{HOME}/m.ipynb", exported, format="AUTO")
        assert _exported(bench, f"{HOME}/m", "JUPYTER") == (exported, "ipynb")
        assert _exported(bench, f"{HOME}/m")[0] == NOTEBOOK
        assert _exported(bench, f"{HOME}/m", "AUTO")[1] == "ipynb"

    def test_html_is_escaped(self, bench: Bench) -> None:
        _import(bench, f"{HOME}/n", HEADER + b"print('<script>')\n")
        content, kind = _exported(bench, f"{HOME}/n", "HTML")
        assert kind == "html"
        assert b"&lt;script&gt;" in content
        assert b"<script>" not in content

    def test_files(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/a.whl", b"PK")
        for export_as in ("SOURCE", "RAW", "AUTO"):
            assert _exported(bench, f"{HOME}/a.whl", export_as) == (b"PK", "whl")
        with pytest.raises(BadRequest, match="is a file"):
            _exported(bench, f"{HOME}/a.whl", "JUPYTER")
        got = bench.service.export(bench.people.ana, wire.Export(f"{HOME}/a.whl", "AUTO", direct_download=True))
        assert got == RawAnswer(b"PK")
        assert bench.service.get_file(bench.people.ana, wire.OnPath(f"{HOME}/a.whl"[1:])) == RawAnswer(b"PK")

    def test_directories_and_unknown_formats_are_refused(self, bench: Bench) -> None:
        with pytest.raises(BadRequest, match="is a directory"):
            _exported(bench, HOME)
        _import(bench, f"{HOME}/n", NOTEBOOK)
        with pytest.raises(BadRequest, match="cannot be exported"):
            _exported(bench, f"{HOME}/n", "DBC")


class TestWhoMay:
    def test_a_home_is_its_owners(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f", b"1")
        for path in (HOME, f"{HOME}/f"):
            with pytest.raises(
                PermissionDenied, match=r"^ben@example\.com does not have CAN_READ permissions on /Users/a"
            ):
                _status(bench, path, bench.people.ben)
            assert _status(bench, path, bench.people.admin).path == path
        with pytest.raises(PermissionDenied):
            _upload(bench, f"{HOME}/g", b"1", caller=bench.people.ben)
        with pytest.raises(PermissionDenied):
            _mkdirs(bench, f"{HOME}/d", bench.people.ben)
        with pytest.raises(PermissionDenied):
            _delete(bench, f"{HOME}/f", caller=bench.people.ben)

    def test_what_is_missing_in_a_strangers_home_looks_like_what_is_there(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/there", b"1")
        refusals = []
        for name in ("there", "not-there", "not/there"):
            with pytest.raises(PermissionDenied) as caught:
                _status(bench, f"{HOME}/{name}", bench.people.ben)
            refusals.append(caught.value.what.replace(name, "NAME"))
            with pytest.raises(PermissionDenied):
                _upload(bench, f"{HOME}/{name}", b"1", caller=bench.people.ben)
        assert len(set(refusals)) == 1

    def test_shared_is_everybodys(self, bench: Bench) -> None:
        _mkdirs(bench, "/Shared/x")
        _upload(bench, "/Shared/x/f", b"1")
        _upload(bench, "/Shared/x/f", b"2", overwrite=True, caller=bench.people.ben)
        _delete(bench, "/Shared/x", recursive=True, caller=bench.people.pipeline)

    @pytest.mark.parametrize("path", ["/new", "/Users/new", "/Repos/new"])
    def test_the_top_is_the_admins(self, bench: Bench, path: str) -> None:
        with pytest.raises(PermissionDenied):
            _mkdirs(bench, path)
        with pytest.raises(PermissionDenied):
            _upload(bench, path, b"1")
        _mkdirs(bench, path, bench.people.admin)
        with pytest.raises(PermissionDenied):
            _status(bench, path)

    def test_users_shows_the_homes_one_may_read(self, bench: Bench) -> None:
        _status(bench, "/Users/ben@example.com", bench.people.admin)
        assert _paths(bench, "/Users") == [HOME]
        assert _paths(bench, "/Users", bench.people.admin) == [
            "/Users/admin@example.com",
            HOME,
            "/Users/ben@example.com",
        ]

    @pytest.mark.parametrize("level", ["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"])
    def test_a_grant_on_a_directory_holds_for_what_is_below(self, bench: Bench, level: Level) -> None:
        _mkdirs(bench, f"{HOME}/a/b")
        _upload(bench, f"{HOME}/a/b/f", b"1")
        ben = bench.people.ben
        bench.grant("directories", _status(bench, f"{HOME}/a").object_id, level, group="team")
        assert _paths(bench, f"{HOME}/a/b", ben) == [f"{HOME}/a/b/f"]
        assert [path for path, _ in bench.service.readable_files(ben)] == [f"{HOME}/a/b/f"]
        may_edit = level in ("CAN_EDIT", "CAN_MANAGE")
        acts: tuple[tuple[bool, Callable[[], None]], ...] = (
            (may_edit, lambda: _upload(bench, f"{HOME}/a/b/f", b"2", overwrite=True, caller=ben)),
            (may_edit, lambda: _upload(bench, f"{HOME}/a/b/g", b"2", caller=ben)),
            (may_edit, lambda: _mkdirs(bench, f"{HOME}/a/c/d", ben)),
            (level == "CAN_MANAGE", lambda: _delete(bench, f"{HOME}/a/b", recursive=True, caller=ben)),
        )
        for allowed, act in acts:
            if allowed:
                act()
            else:
                with pytest.raises(PermissionDenied):
                    act()
        with pytest.raises(PermissionDenied):
            _status(bench, HOME, ben)

    def test_a_grant_on_one_file_is_for_that_file(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/f", b"1")
        _upload(bench, f"{HOME}/g", b"1")
        bench.grant("files", _status(bench, f"{HOME}/f").object_id, "CAN_EDIT", user="ben@example.com")
        _upload(bench, f"{HOME}/f", b"2", overwrite=True, caller=bench.people.ben)
        with pytest.raises(PermissionDenied):
            _upload(bench, f"{HOME}/g", b"2", overwrite=True, caller=bench.people.ben)

    def test_an_import_that_lands_elsewhere_is_checked_there(self, bench: Bench) -> None:
        """`f.py` may be edited; a notebook uploaded as `f.py` would be made at `f`, in the directory that may not."""
        _import(bench, f"{HOME}/f.py", b"1", format="RAW")
        bench.grant("files", _status(bench, f"{HOME}/f.py").object_id, "CAN_EDIT", user="ben@example.com")
        with pytest.raises(PermissionDenied):
            _upload(bench, f"{HOME}/f.py", NOTEBOOK, overwrite=True, caller=bench.people.ben)

    def test_permissions_show_what_holds(self, bench: Bench) -> None:
        _mkdirs(bench, f"{HOME}/a")
        on_child = bench.holders(bench.people.ana, "directories", _status(bench, f"{HOME}/a").object_id)
        assert on_child == {"ana@example.com": {"CAN_MANAGE"}, "admins": {"CAN_MANAGE"}}
        shared = _status(bench, "/Shared").object_id
        assert bench.holders(bench.people.ana, "directories", shared)["users"] == {"CAN_MANAGE"}
        with pytest.raises(PermissionDenied):
            bench.holders(bench.people.ana, "directories", _status(bench, "/Users").object_id)

    def test_every_row_asks(self) -> None:
        assert all(row.needs.check is not None for row in ROOM.operations)


class TestForOtherRooms:
    def test_read_notebook(self, bench: Bench) -> None:
        _import(bench, f"{HOME}/n.py", NOTEBOOK)
        expected = NotebookSource("PYTHON", ("%pip install acme", "import acme"))
        assert bench.service.read_notebook(bench.people.ana, f"/Workspace{HOME}/n") == expected
        with pytest.raises(PermissionDenied):
            bench.service.read_notebook(bench.people.ben, f"{HOME}/n")
        with pytest.raises(InvalidParameter, match="is not a notebook but a directory"):
            bench.service.read_notebook(bench.people.ana, HOME)

    def test_readable_files_and_how_to_read_them(self, bench: Bench) -> None:
        _upload(bench, f"{HOME}/mine.txt", b"1")
        _upload(bench, "/Shared/ours.txt", b"2")
        _import(bench, "/Shared/n", NOTEBOOK)
        _upload(bench, "/Users/ben@example.com/his.txt", b"3", caller=bench.people.ben)
        files = {path: read() for path, read in bench.service.readable_files(bench.people.ana)}
        assert files == {f"{HOME}/mine.txt": b"1", "/Shared/ours.txt": b"2"}
        assert len(list(bench.service.readable_files(bench.people.admin))) == 3

    def test_the_change_count_grows_with_every_change_only(self, bench: Bench) -> None:
        counts = [bench.service.change_count()]
        changes: tuple[Callable[[], None], ...] = (
            lambda: _mkdirs(bench, f"{HOME}/a"),
            lambda: _upload(bench, f"{HOME}/a/f", b"1"),
            lambda: _upload(bench, f"{HOME}/a/f", b"2", overwrite=True),
            lambda: _delete(bench, f"{HOME}/a/f"),
        )
        for change in changes:
            change()
            counts.append(bench.service.change_count())
        assert counts == sorted(set(counts))
        _mkdirs(bench, f"{HOME}/a")
        with pytest.raises(NotFound):
            _delete(bench, f"{HOME}/none")
        assert bench.service.change_count() == counts[-1]
