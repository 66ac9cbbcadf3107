"""Signing in by browser with the real SDK, where a plain HTTP client is the browser."""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import json
import logging
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import structlog
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.oauth import Consent, OAuthClient, SessionCredentials, Token

from wheelyard.control.caller import ANONYMOUS
from wheelyard.control.oauth import OAuth
from wheelyard.control.oauth.authorization import Authorization, authorization_of
from wheelyard.control.oauth.codes import Codes
from wheelyard.control.oauth.wire import Authorize, TokenRequest

Workspace = Any
PAGE = "/oidc/v1/authorize"
REDIRECT = "http://localhost:8020"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REQUEST = {
    "response_type": "code",
    "client_id": "databricks-cli",
    "redirect_uri": REDIRECT,
    "state": "st&te\"'<>",
    "scope": "all-apis offline_access",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Form(HTMLParser):
    """The fields of the page's form, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.action = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "form":
            self.action = known["action"] or ""
        if tag == "input":
            self.fields[known["name"] or ""] = known.get("value") or ""


class Browser:
    """Does not follow redirects, and keeps all that it saw."""

    def __init__(self, identity: Workspace) -> None:
        self.identity = identity

    def send(self, method: str, target: str, body: bytes | None = None) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(urlsplit(self.identity.url).netloc, timeout=30)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def get(self, fields: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        return self.send("GET", f"{PAGE}?{urlencode(fields)}")

    def post(self, fields: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        return self.send("POST", PAGE, urlencode(fields).encode())

    def exchange(self, fields: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        status, headers, text = self.send("POST", "/oidc/v1/token", urlencode(fields).encode())
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-store"
        return status, json.loads(text)

    def callback(self, url: str, token: str) -> dict[str, str]:
        """Open the page, fill in the form, and return the query that the program hears."""
        _, _, page = self.send("GET", url.removeprefix(self.identity.url))
        form = Form(page)
        assert form.action == "authorize"
        status, headers, text = self.post({**form.fields, "token": token})
        assert (status, text) == (303, "")
        assert token not in headers["location"]
        return dict(parse_qsl(urlsplit(headers["location"]).query))

    def code(self, token: str, **more: str) -> str:
        status, headers, _ = self.post({**REQUEST, "token": token, **more})
        assert status == 303
        return dict(parse_qsl(urlsplit(headers["location"]).query))["code"]

    def tokens(self, token: str, **more: str) -> dict[str, Any]:
        status, answer = self.exchange(redeem(self.code(token, **more)))
        assert status == 200, answer
        return answer

    def refresh(self, value: str, **more: str) -> tuple[int, dict[str, Any]]:
        fields = {"grant_type": "refresh_token", "refresh_token": value, "client_id": "databricks-cli", **more}
        return self.exchange(fields)


@pytest.fixture
def browser(identity: Workspace) -> Browser:
    return Browser(identity)


def redeem(code: str, **more: str) -> dict[str, str]:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    return {**fields, "client_id": "databricks-cli", "code_verifier": VERIFIER, **more}


def consent(identity: Workspace, redirect_url: str = REDIRECT) -> Consent:
    return OAuthClient.from_host(identity.url, "databricks-sdk-python", redirect_url).initiate_consent()


def me(identity: Workspace, token: str | None) -> str | None:
    return WorkspaceClient(config=Config(host=identity.url, token=token)).current_user.me().user_name


@pytest.mark.parametrize("redirect", [REDIRECT, "http://127.0.0.1:40123/callback", "http://localhost/"])
def test_sdk_signs_in_and_refreshes(identity: Workspace, browser: Browser, redirect: str) -> None:
    person, asked = identity.user(), consent(identity, redirect)
    credentials = asked.exchange_callback_parameters(browser.callback(asked.authorization_url, person.token))
    first = credentials.token()
    assert me(identity, first.access_token) == person.name
    assert first.refresh_token
    renewed = credentials.refresh()
    assert me(identity, renewed.access_token) == person.name
    assert renewed.refresh_token not in {None, first.refresh_token}
    again = SessionCredentials(
        Token("", refresh_token=renewed.refresh_token), f"{identity.url}/oidc/v1/token", "databricks-sdk-python"
    )
    assert me(identity, again.refresh().access_token) == person.name


def test_sdk_hears_that_a_person_cancelled(identity: Workspace, browser: Browser) -> None:
    asked = consent(identity)
    _, _, page = browser.send("GET", asked.authorization_url.removeprefix(identity.url))
    found = re.search(r'<a href="([^"]+)"', page)
    assert found
    query = dict(parse_qsl(urlsplit(found[1].replace("&amp;", "&")).query))
    with pytest.raises(ValueError, match="access_denied"):
        asked.exchange_callback_parameters(query)


def test_answer_of_the_token_endpoint(identity: Workspace, browser: Browser) -> None:
    answer = browser.tokens(identity.user().token)
    assert {*answer} == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert answer["scope"] == "all-apis offline_access"
    assert "refresh_token" not in browser.tokens(identity.user().token, scope="all-apis")


def test_page_names_the_client_and_is_locked_down(browser: Browser) -> None:
    status, headers, page = browser.get(REQUEST)
    assert status == 200
    assert "<strong>databricks-cli</strong>" in page
    assert Form(page).fields == {**REQUEST, "token": ""}
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {REDIRECT};" in policy
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    for expected in ('type="password"', 'for="token"', "autofocus"):
        assert expected in page
    assert "role=" not in page
    assert "<script" not in page


@pytest.mark.parametrize(
    "redirect",
    [
        "",
        "https://evil.example/",
        "http://evil.example:8020",
        "https://localhost:8020",
        "http://localhost.evil.example",
        "http://localhost:8020@evil.example/",
        "http://user@localhost:8020",
        "http://localhost:99999",
        "http://localhost:0",
        "http://localhost:8020\\@evil.example",
        "http://localhost:8020/\r\nSet-Cookie: a=b",
        "http://localhost:8020\n",
        "http://localhost:8020#fragment",
        "http://localhost:8020?x=y",
        "//localhost:8020",
        "javascript:alert(1)",
        "http://127.0.0.1.evil.example",
        "http://[::1]:8020",
        "http://localhost;:8020",
    ],
)
def test_nobody_is_redirected_elsewhere(identity: Workspace, browser: Browser, redirect: str) -> None:
    fields = {**REQUEST, "redirect_uri": redirect}
    for status, headers, page in (browser.get(fields), browser.post({**fields, "token": identity.admin.token})):
        assert status == 400
        assert "location" not in headers
        assert 'role="alert"' in page
        assert "evil" not in page
        assert "form-action 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("client_id", ["", "<script>", "x" * 129, "two words"])
def test_a_client_without_an_acceptable_name_is_not_answered(browser: Browser, client_id: str) -> None:
    status, headers, page = browser.get({**REQUEST, "client_id": client_id})
    assert (status, "location" in headers) == (400, False)
    assert "<script" not in page


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "sql"}, "invalid_scope"),
    ],
)
def test_other_faults_are_told_to_the_client(
    identity: Workspace, browser: Browser, fields: dict[str, str], error: str
) -> None:
    for status, headers, _ in (
        browser.get({**REQUEST, **fields}),
        browser.post({**REQUEST, **fields, "token": identity.admin.token}),
    ):
        assert status == 303
        assert headers["location"].startswith(f"{REDIRECT}?")
        query = dict(parse_qsl(urlsplit(headers["location"]).query))
        assert (query["error"], query["state"]) == (error, REQUEST["state"])


def test_only_personal_access_tokens_sign_in(identity: Workspace, browser: Browser) -> None:
    person = identity.user()
    issue = identity.tokens.issue
    others = [
        issue(person.principal_id, kind="feed", feed_scope="main/feed:read", lifetime_seconds=60),
        issue(person.principal_id, kind="session", session_id="s-1", lifetime_seconds=60),
        issue(person.principal_id, kind="oauth", lifetime_seconds=60),
    ]
    wrong = [other.value.reveal() for other in others] + ["", "dapi", "x" * 100]
    for token in wrong:
        status, headers, page = browser.post({**REQUEST, "token": token})
        assert (status, "location" in headers) == (400, False)
        assert 'role="alert"' in page
        assert not token or token == "dapi" or token not in page
        assert Form(page).fields["token"] == ""
    identity.clock.advance(61)


def test_wrong_tokens_are_limited(identity: Workspace, browser: Browser) -> None:
    person = identity.user()
    statuses = [browser.post({**REQUEST, "token": "wrong"})[0] for _ in range(11)]
    assert statuses == [400] * 10 + [429]
    status, headers, page = browser.post({**REQUEST, "token": person.token})
    assert status == 429
    assert 1 <= int(headers["retry-after"]) <= 60
    assert person.token not in page
    identity.clock.advance(61)
    for _ in range(12):
        assert browser.code(person.token)


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "http://localhost:8021"},
        {"client_id": "other"},
        {"client_id": ""},
        {"code": "other"},
        {"code": ""},
    ],
)
def test_a_code_is_bound(identity: Workspace, browser: Browser, change: dict[str, str]) -> None:
    code = browser.code(identity.user().token)
    status, answer = browser.exchange(redeem(code) | change)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert code not in answer["error_description"]


def test_a_wrong_verifier_spends_the_code(identity: Workspace, browser: Browser) -> None:
    code = browser.code(identity.user().token)
    assert browser.exchange(redeem(code, code_verifier="w" * 43))[0] == 400
    assert browser.exchange(redeem(code))[0] == 400


def test_a_code_used_twice_takes_back_what_it_gave(identity: Workspace, browser: Browser) -> None:
    code = browser.code(identity.user().token)
    status, answer = browser.exchange(redeem(code))
    assert status == 200
    assert browser.exchange(redeem(code))[1]["error"] == "invalid_grant"
    assert browser.refresh(answer["refresh_token"])[0] == 400
    assert identity.request("GET", "/api/2.0/token/list", token=answer["access_token"]).status == 401


def test_a_code_lives_a_minute(identity: Workspace, browser: Browser) -> None:
    code = browser.code(identity.user().token)
    identity.clock.advance(60)
    assert browser.exchange(redeem(code))[1]["error"] == "invalid_grant"


def test_a_refresh_token_used_twice_ends_the_sign_in(identity: Workspace, browser: Browser) -> None:
    person = identity.user()
    first, other = browser.tokens(person.token), browser.tokens(person.token)
    status, second = browser.refresh(first["refresh_token"])
    assert status == 200
    status, answer = browser.refresh(first["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert browser.refresh(second["refresh_token"])[0] == 400
    assert identity.request("GET", "/api/2.0/token/list", token=second["access_token"]).status == 401
    assert browser.refresh(other["refresh_token"])[0] == 200, "another sign-in goes on"


def test_a_refresh_token_opens_no_call(identity: Workspace, browser: Browser) -> None:
    answer = browser.tokens(identity.user().token)
    assert identity.request("GET", "/api/2.0/token/list", token=answer["refresh_token"]).status == 401
    assert browser.post({**REQUEST, "token": answer["refresh_token"]})[0] == 400
    assert browser.post({**REQUEST, "token": answer["access_token"]})[0] == 400
    identity.clock.advance(61)


def test_a_refresh_token_is_bound_to_client_and_scope(identity: Workspace, browser: Browser) -> None:
    value = browser.tokens(identity.user().token)["refresh_token"]
    assert browser.refresh(value, client_id="other")[1]["error"] == "invalid_grant"
    assert browser.refresh(value, scope="sql")[1]["error"] == "invalid_scope"
    assert browser.refresh(value, scope="all-apis")[0] == 200


def test_refresh_tokens_outlive_the_hour_and_end(identity: Workspace, browser: Browser) -> None:
    answer = browser.tokens(identity.user().token)
    identity.clock.advance(24 * 3600)
    assert identity.request("GET", "/api/2.0/token/list", token=answer["access_token"]).status == 401
    status, answer = browser.refresh(answer["refresh_token"])
    assert status == 200
    identity.clock.advance(90 * 24 * 3600)
    assert browser.refresh(answer["refresh_token"])[0] == 400


@pytest.mark.parametrize("how", ["delete user", "deactivate user", "delete token"])
def test_what_ends_a_sign_in(identity: Workspace, browser: Browser, how: str) -> None:
    person = identity.user()
    token = identity.client(person.token).tokens.create(comment="for the browser")
    answer, code = browser.tokens(token.token_value), browser.code(token.token_value)
    if how == "delete user":
        identity.client().users.delete(person.principal_id)
    elif how == "deactivate user":
        body = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
        assert (
            identity.request("PATCH", f"/api/2.0/preview/scim/v2/Users/{person.principal_id}", body=body).status == 200
        )
    else:
        identity.client(person.token).tokens.delete(token.token_info.token_id)
    assert browser.refresh(answer["refresh_token"])[1]["error"] == "invalid_grant"
    assert browser.exchange(redeem(code))[1]["error"] == "invalid_grant"


def test_an_access_token_does_not_outlive_the_token_behind_it(identity: Workspace, browser: Browser) -> None:
    person = identity.user()
    token = identity.client(person.token).tokens.create(lifetime_seconds=600)
    assert browser.tokens(token.token_value)["expires_in"] <= 600


def test_sign_ins_survive_a_restart(identity: Workspace, browser: Browser) -> None:
    value = browser.tokens(identity.user().token)["refresh_token"]
    identity.tokens.recover()
    restarted = OAuth(
        database=identity.database,
        barrier=identity.barrier,
        directory=identity.directory,
        tokens=identity.tokens,
        clock=identity.clock,
    )
    request = TokenRequest(grant_type="refresh_token", refresh_token=value, client_id="databricks-cli")
    assert restarted.token(ANONYMOUS, request).refresh_token


def test_no_secret_is_logged(identity: Workspace, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    person = identity.user()
    with structlog.testing.capture_logs() as logged, caplog.at_level(logging.DEBUG):
        browser.post({**REQUEST, "token": person.token + "x"})
        code = browser.code(person.token)
        answer = browser.exchange(redeem(code))[1]
        browser.refresh(answer["refresh_token"])
        browser.refresh(answer["refresh_token"])
    text = json.dumps(logged, default=repr) + caplog.text
    assert PAGE in text
    for secret in (person.token, code, VERIFIER, answer["access_token"], answer["refresh_token"]):
        assert secret not in text
    content = json.dumps([[repr(cell) for cell in row] for row in _dump(identity)])
    for secret in (person.token, code, answer["access_token"], answer["refresh_token"]):
        assert secret not in content


def _dump(identity: Workspace) -> list[Any]:
    read = identity.database.read
    return [*read(lambda tx: tx.exec_driver_sql("SELECT * FROM browser_sign_in").all())]


def test_codes_are_bounded(identity: Workspace) -> None:
    numbers = itertools.count(1)
    codes = Codes(
        keyed_hash=lambda value: value.reveal().encode(),
        clock=identity.clock,
        randomness=lambda size: next(numbers).to_bytes(size, "big"),
        size=2,
    )
    asked = authorization_of(Authorize(**REQUEST))
    assert isinstance(asked, Authorization)
    made = [codes.make(asked, principal_id="1", pat_id="", sign_in_id="") for _ in range(3)]
    assert [codes.use(value)[0] is None for value in made] == [True, False, False]
    codes.forget_principal("1")
    assert codes.use(made[2]) == (None, False)
