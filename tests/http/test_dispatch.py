from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

Server = Any
ECHO = "/api/2.0/demo/echo"


class TestPaths:
    @pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
    def test_all_versions_reach_the_row(self, demo: Server, version: str) -> None:
        assert demo.request("POST", f"/api/{version}/demo/echo", body={"name": "a"}).status == 200
        assert demo.request("DELETE", f"/api/{version}/demo/echo?name=a", token="admin-token").status == 200

    @pytest.mark.parametrize("version", ["2.3", "2", "1.2", "3.0", "2.00"])
    def test_other_versions_do_not(self, demo: Server, version: str) -> None:
        assert demo.request("POST", f"/api/{version}/demo/echo", body={"name": "a"}).status == 404

    @pytest.mark.parametrize(
        ("raw", "decoded"),
        [
            ("Workspace%2FUsers%2Fana@example.com%2Fa%20b", "Workspace/Users/ana@example.com/a b"),
            ("Workspace/Users/ana", "Workspace/Users/ana"),
            ("%E2%82%AC/%25", "€/%"),
            ("a+b", "a+b"),
            ("a%0Ab", "a\nb"),
            ("a//b", "a//b"),
            ("../b", "../b"),
        ],
    )
    def test_rest_of_the_path_is_matched_raw_and_decoded_after(self, demo: Server, raw: str, decoded: str) -> None:
        answer = demo.request("POST", f"/api/2.0/demo/files/{raw}?overwrite=True", body=b"\x00\xff")
        assert answer.json["body"] == {
            "path": decoded,
            "content": base64.b64encode(b"\x00\xff").decode(),
            "overwrite": True,
        }

    def test_escaped_slash_stays_in_its_segment(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/one/a%2Fb")
        assert (answer.json["path"], answer.json["body"]) == ("echo", {"name": "a/b"})
        assert demo.request("GET", "/api/2.0/demo/one/a/b").status == 404
        assert demo.request("GET", "/api/2.0/demo/one/a%2Fb/more").json["path"] == "other"

    def test_written_segments_come_before_fields(self, demo: Server) -> None:
        assert demo.request("GET", "/api/2.0/demo/one/special").json["path"] == "other"

    def test_path_fields_win_over_query(self, demo: Server) -> None:
        assert demo.request("GET", "/api/2.0/demo/one/a?name=b").json["body"] == {"name": "a"}

    def test_escapes_that_are_no_utf8(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/one/%FF")
        assert (answer.status, answer.json["error_code"]) == (400, "MALFORMED_REQUEST")

    def test_unknown_paths(self, demo: Server) -> None:
        answer = demo.request("POST", "/api/2.0/nothing?x=1", body={})
        assert (answer.status, answer.json["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
        assert answer.json["message"] == "No API found for 'POST /api/2.0/nothing'"
        assert demo.request("PATCH", ECHO, body={}).json["message"] == f"No API found for 'PATCH {ECHO}'"
        assert demo.request("GET", "/somewhere", token="").status == 404

    def test_head_is_answered_without_body(self, demo: Server) -> None:
        answer = demo.request("HEAD", "/api/2.0/demo/raw")
        assert (answer.status, answer.content, answer.headers["content-length"]) == (200, b"", "2")


class TestWhoCalls:
    def test_anonymous_learns_no_paths(self, demo: Server) -> None:
        for path in (ECHO, "/api/2.0/nothing"):
            answer = demo.request("GET", path, token="")
            assert (answer.status, answer.json["error_code"]) == (401, "UNAUTHENTICATED")
            assert answer.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        "header", ["Basic dXNlcjp1c2VyLXRva2Vu", "Bearer", "Bearer ", "Digest x", "user-token", "Bearer unknown", ""]
    )
    def test_only_a_known_bearer_gets_in(self, demo: Server, header: str) -> None:
        answer = demo.request("GET", "/api/2.0/demo/raw", token="", headers={"Authorization": header})
        assert (answer.status, answer.json["error_code"]) == (401, "UNAUTHENTICATED")

    def test_bearer_in_any_case(self, demo: Server) -> None:
        headers = {"authorization": "bearer  user-token"}
        assert demo.request("GET", "/api/2.0/demo/raw", token="", headers=headers).status == 200

    def test_rows_for_anyone_do_not_look_at_tokens(self, demo: Server) -> None:
        for token in ("", "unknown"):
            assert demo.request("GET", "/api/2.0/demo/anyone", token=token).status == 200

    def test_rows_for_admins(self, demo: Server) -> None:
        refused = demo.request("DELETE", f"{ECHO}?name=a")
        assert (refused.status, refused.json["error_code"]) == (403, "PERMISSION_DENIED")
        assert demo.request("DELETE", f"{ECHO}?name=a", token="admin-token").status == 200

    def test_feed_tokens_open_no_rest_call(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/raw", token="feed-token")
        assert (answer.status, answer.json["details"][0]["reason"]) == (403, "feed-token-on-rest")

    def test_large_bodies_of_strangers_are_not_read(self, demo: Server) -> None:
        answer = demo.request("POST", "/api/2.0/demo/files/a", token="", body=b"x" * 150_000)
        assert answer.status == 401


class TestDecoding:
    def test_json(self, demo: Server) -> None:
        body = {"name": "ä", "number": 2**53 + 1, "tags": ["x"], "limits": {"a": "b"}, "items": [{"size": 1}]}
        assert demo.request("POST", ECHO, body=body).json["body"].items() >= {"name": "ä", "number": 2**53 + 1}.items()

    def test_unknown_fields_and_nulls_do_not_matter(self, demo: Server) -> None:
        body: dict[str, Any] = {"name": "a", "number": None, "filter_by": {"is_pinned": None, "new": {}}, "future": [1]}
        answer = demo.request("POST", ECHO, body=body).json["body"]
        assert (answer["number"], answer["filter_by"]["is_pinned"]) == (0, None)

    def test_numbers_and_booleans_may_be_texts(self, demo: Server) -> None:
        answer = demo.request("POST", ECHO, body={"name": "a", "number": "5", "flag": "True"}).json["body"]
        assert (answer["number"], answer["flag"]) == (5, True)

    def test_query_as_the_sdks_send_it(self, demo: Server) -> None:
        query = (
            "name=a&flag=True&number=5&tags=x&tags=y&limits.k=v&no.such=1"
            "&filter_by.is_pinned=False&filter_by.sources=UI"
        )
        answer = demo.request("GET", f"{ECHO}?{query}").json["body"]
        assert answer["flag"] is True
        assert answer["number"] == 5
        assert answer["tags"] == ["x", "y"]
        assert answer["limits"] == {"k": "v"}
        assert answer["filter_by"] == {"is_pinned": False, "sources": ["UI"]}

    def test_one_value_is_a_list_of_one(self, demo: Server) -> None:
        assert demo.request("GET", f"{ECHO}?name=a&tags=x").json["body"]["tags"] == ["x"]

    def test_last_of_repeated_values_counts(self, demo: Server) -> None:
        assert demo.request("GET", f"{ECHO}?name=a&name=b").json["body"]["name"] == "b"

    def test_texts_that_look_like_something_else_stay_texts(self, demo: Server) -> None:
        for text in ("null", "true", "5", "1e3", " ", "+"):
            assert demo.request("GET", f"{ECHO}?name={quote(text)}").json["body"]["name"] == text

    def test_form_and_multipart(self, demo: Server) -> None:
        form = demo.request(
            "POST",
            "/api/2.0/demo/form",
            body=b"name=a+b%26&flag=true&tags=x&tags=y",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (form.json["body"]["name"], form.json["body"]["tags"]) == ("a b&", ["x", "y"])
        parts = (
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xc3\xa4\r\n'
            b'--b\r\nContent-Disposition: form-data; name="flag"\r\n\r\ntrue\r\n'
            b'--b\r\nContent-Disposition: form-data; name="content"; filename="content"\r\n\r\n\x00\xff--b\r\n'
            b"--b--\r\n"
        )
        headers = {"Content-Type": 'multipart/form-data; boundary="b"'}
        answer = demo.request("POST", "/api/2.0/demo/form", body=parts, headers=headers).json["body"]
        assert (answer["name"], answer["flag"]) == ("ä", True)
        assert base64.b64decode(answer["content"]) == b"\x00\xff--b"

    def test_json_on_a_form_row(self, demo: Server) -> None:
        content = base64.b64encode(b"bytes").decode()
        body = {"name": "a", "content": content}
        assert demo.request("POST", "/api/2.0/demo/form", body=body).json["body"]["content"] == content

    @pytest.mark.parametrize(
        "content_type",
        [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-8",
            "application/scim+json",
        ],
    )
    def test_json_by_other_names(self, demo: Server, content_type: str) -> None:
        answer = demo.request("POST", ECHO, body={"name": "a"}, headers={"Content-Type": content_type})
        assert answer.json["body"]["name"] == "a"

    @pytest.mark.parametrize("content", [b"", b"{}", b"  {}"])
    def test_empty_bodies_lack_their_fields(self, demo: Server, content: bytes) -> None:
        answer = demo.request("POST", ECHO, body=content)
        assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"
        assert answer.json["message"] == "Missing required field: name"

    @pytest.mark.parametrize(
        "content",
        [
            b"[]",
            b"null",
            b"1",
            b'"a"',
            b"{",
            b"{}x",
            b"\xff",
            b'{"name": "\xff"}',
            b"[" * 200 + b"]" * 200,
            b'{"name":' * 100 + b"1" + b"}" * 100,
            b'{"limits":' + b'{"a":' * 90 + b"1" + b"}" * 91,
            b'{"a": NaN}',
            b'{"name": "\\ud800"}',
            b"<xml/>",
            b"[" * 90_000,
        ],
    )
    def test_what_is_no_json_object(self, demo: Server, content: bytes) -> None:
        answer = demo.request("POST", ECHO, body=content, headers={"Content-Type": "application/json"})
        assert (answer.status, answer.json["error_code"]) == (400, "MALFORMED_REQUEST")
        assert answer.json["message"].startswith("Could not parse request object")

    def test_wrong_content_type(self, demo: Server) -> None:
        answer = demo.request("POST", ECHO, body={"name": "a"}, headers={"Content-Type": "text/csv"})
        assert answer.json["error_code"] == "MALFORMED_REQUEST"
        assert "text/csv" in answer.json["message"]

    @pytest.mark.parametrize(
        ("content_type", "content"),
        [
            ("multipart/form-data", b"--b--"),
            ("multipart/form-data; boundary=b", b"garbage"),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--b--\r\n',
            ),
            ("application/x-www-form-urlencoded", b"name=%FF"),
            ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(5000))),
        ],
    )
    def test_broken_forms(self, demo: Server, content_type: str, content: bytes) -> None:
        answer = demo.request("POST", "/api/2.0/demo/form", body=content, headers={"Content-Type": content_type})
        assert (answer.status, answer.json["error_code"]) == (400, "MALFORMED_REQUEST")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": 5}, "name"),
            ({"name": "a", "number": "x"}, "number"),
            ({"name": "a", "number": 1.5}, "number"),
            ({"name": "a", "flag": "maybe"}, "flag"),
            ({"name": "a", "kind": "C"}, "kind"),
            ({"name": "a", "tags": "x"}, "tags"),
            ({"name": "a", "tags": ["x", 1]}, "tags[1]"),
            ({"name": "a", "filter_by": []}, "filter_by"),
            ({"name": "a", "filter_by": {"is_pinned": "x"}}, "filter_by.is_pinned"),
            ({"name": "a", "items": [{"size": "x"}]}, "items[0].size"),
            ({"name": "a", "content": "not base64!"}, "content"),
            ({"name": "a\0b"}, "name"),
            ({"name": "a", "limits": {"k": "\0"}}, "limits.k"),
            ({"name": "a", "limits": {"\0": "v"}}, "limits"),
            ({"name": "a", "number": 2**63}, "number"),
            ({"name": "a", "number": -(2**63) - 1}, "number"),
        ],
    )
    def test_the_field_is_named(self, demo: Server, body: dict[str, Any], field: str) -> None:
        answer = demo.request("POST", ECHO, body=body)
        assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert f"'{field}'" in answer.json["message"]

    @pytest.mark.parametrize("number", ["99999999999999999999", "x", "", "1_000", "٣", "0x10", "1e400", "nan"])
    def test_odd_numbers_in_a_query(self, demo: Server, number: str) -> None:
        answer = demo.request("GET", f"{ECHO}?name=a&number={quote(number)}")
        assert answer.status == 400
        assert "number" in answer.json["message"]

    def test_query_that_is_no_utf8(self, demo: Server) -> None:
        assert demo.request("GET", f"{ECHO}?name=%FF").json["error_code"] == "MALFORMED_REQUEST"


class TestSizes:
    def test_limit_of_json(self, demo: Server) -> None:
        fits = json.dumps({"name": "a" * 99_000}).encode()
        assert demo.request("POST", ECHO, body=fits).status == 200
        answer = demo.request("POST", ECHO, body=json.dumps({"name": "a" * 100_000}).encode())
        assert (answer.status, answer.json["error_code"]) == (400, "RESOURCE_LIMIT_EXCEEDED")
        assert "100000 bytes" in answer.json["message"]

    def test_limit_of_raw_bytes_is_its_own(self, demo: Server) -> None:
        assert demo.request("POST", "/api/2.0/demo/files/a", body=b"x" * 150_000).status == 200
        assert demo.request("POST", "/api/2.0/demo/files/a", body=b"x" * 200_001).status == 400

    def test_limit_without_declared_size(self, demo: Server) -> None:
        chunks = (b"x" * 10_000 for _ in range(15))
        assert demo.request("POST", ECHO, body=chunks).status == 400
        assert demo.request("POST", "/api/2.0/demo/files/a", body=(b"x" * 10_000 for _ in range(15))).status == 200


class TestAnswers:
    def test_every_answer_names_workspace_and_request(self, demo: Server) -> None:
        requests = [
            ("GET", "/api/2.0/demo/raw", ""),
            ("GET", "/nothing", ""),
            ("GET", "/api/2.0/demo/raw", "user-token"),
            ("DELETE", "/api/2.0/demo/nothing", "user-token"),
        ]
        seen = set()
        for method, path, token in requests:
            answer = demo.request(method, path, token=token)
            assert answer.headers["x-databricks-org-id"] == "1234567890123456"
            seen.add(answer.headers["x-request-id"])
        assert len(seen) == len(requests)

    def test_raw_answers_leave_as_they_are(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/raw")
        assert answer.content == b"\x00\x01"
        assert answer.headers["content-type"] == "application/x-demo"
        assert answer.headers["x-more"] == "1"

    def test_no_content(self, demo: Server) -> None:
        answer = demo.request("DELETE", "/api/2.0/demo/nothing")
        assert (answer.status, answer.content) == (204, b"")

    def test_handlers_know_the_url_the_client_used(self, demo: Server) -> None:
        answer = demo.request("GET", f"{ECHO}?name=a", headers={"Host": "workspace.example:8443"})
        assert answer.json["base_url"] == "http://workspace.example:8443"


class TestAround:
    def test_health_readiness_and_metrics_need_no_token(self, demo: Server) -> None:
        assert demo.request("GET", "/healthz", token="").json == {"status": "alive"}
        assert [demo.request("GET", "/readyz", token="").status for _ in range(2)] == [503, 200]
        demo.request("GET", "/api/2.0/demo/one/some-name?secret=hunter2")
        text = demo.request("GET", "/metrics", token="").content.decode()
        assert 'wheelyard_requests_total{method="GET",operation="/api/2.0/demo/one/{name}",status="200"}' in text
        assert "hunter2" not in text
        assert "some-name" not in text

    @pytest.mark.parametrize(
        ("path", "is_feed"),
        [
            ("/org/_packaging/team/pypi/simple/", True),
            ("/org/project/_packaging/team/pypi/simple/numpy/", True),
            ("/org/project/folder/_packaging/team/", False),
            ("/api/2.0/_packaging/x", False),
            ("/api/_packaging/x", False),
            ("/_packaging/team/pypi/", False),
            ("/org/x_packaging/y", False),
        ],
    )
    def test_feed_is_in_front(self, demo: Server, path: str, *, is_feed: bool) -> None:
        assert ("x-feed" in demo.request("GET", path).headers) is is_feed

    def test_two_rows_for_one_path_are_refused(self) -> None:
        from wheelyard.control.caller import Caller
        from wheelyard.control.operation import SIGNED_IN, Empty, Operation, Room
        from wheelyard.http.dispatch import bind
        from wheelyard.http.routes import RouteTable

        class Service:
            def do(self, _caller: Caller, _body: Empty) -> Empty:
                return Empty()

        rows = tuple(
            Operation("GET", path, Empty, Empty, Service.do, needs=SIGNED_IN)
            for path in ("/api/2.0/x/{a}", "/api/2.1/x/{b}")
        )
        with pytest.raises(ValueError, match="two rows answer GET"):
            RouteTable(bind([(Room("x", Service, rows), Service())]))
