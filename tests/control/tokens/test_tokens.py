from __future__ import annotations

import re
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied
from databricks.sdk.errors import Unauthenticated as SdkUnauthenticated
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.tokens.value import TOKEN_PATTERN, new_value, public_id_of
from wheelyard.core.errors import Unauthenticated
from wheelyard.core.redaction import Secret

Workspace = Any
TWO_YEARS_MS = 2 * 365 * 24 * 3600 * 1000
DAY = 24 * 3600


class TestOwnTokens:
    def test_life_of_a_token(self, identity: Workspace) -> None:
        client = identity.client(identity.user().token)
        made = client.tokens.create(comment="ci", lifetime_seconds=3600)
        assert made.token_value is not None
        assert made.token_info is not None
        assert made.token_value.startswith("dapi")
        assert made.token_info.comment == "ci"
        assert identity.client(made.token_value).current_user.me().id == client.current_user.me().id
        listed = {info.token_id: info for info in client.tokens.list()}
        info = listed[made.token_info.token_id]
        assert (info.expiry_time or 0) - (info.creation_time or 0) == 3600 * 1000
        client.tokens.delete(made.token_info.token_id)
        assert made.token_info.token_id not in {info.token_id for info in client.tokens.list()}
        with pytest.raises(SdkUnauthenticated) as refused:
            identity.client(made.token_value).current_user.me()
        assert "Invalid access token." in str(refused.value)

    def test_two_years_without_a_lifetime(self, identity: Workspace) -> None:
        made = identity.request("POST", "/api/2.0/token/create", body={}).json["token_info"]
        assert made["expiry_time"] - made["creation_time"] == TWO_YEARS_MS

    def test_minus_one_for_a_token_without_expiry(self, identity: Workspace) -> None:
        person = identity.user()
        infos = identity.request("GET", "/api/2.0/token/list", token=person.token).json["token_infos"]
        assert [info["expiry_time"] for info in infos] == [-1]

    @pytest.mark.parametrize("lifetime", [0, -1, 2**62, "soon", 1.5])
    def test_odd_lifetimes_are_refused(self, identity: Workspace, lifetime: Any) -> None:
        answer = identity.request("POST", "/api/2.0/token/create", body={"lifetime_seconds": lifetime})
        assert answer.status == 400
        assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"
        assert "lifetime_seconds" in answer.json["message"]

    def test_expired_token_is_refused_also_when_known_before(self, identity: Workspace) -> None:
        person = identity.user()
        value = identity.request(
            "POST", "/api/2.0/token/create", token=person.token, body={"lifetime_seconds": 60}
        ).json["token_value"]
        assert identity.request("GET", "/api/2.0/token/list", token=value).status == 200
        identity.clock.advance(61)
        answer = identity.request("GET", "/api/2.0/token/list", token=value)
        assert (answer.status, answer.json["message"]) == (401, "Access token has expired.")
        listed = identity.request("GET", "/api/2.0/token/list", token=person.token).json["token_infos"]
        assert len(listed) == 1

    def test_anothers_token_is_not_there(self, identity: Workspace) -> None:
        one, two = identity.user(), identity.user()
        made = identity.client(one.token).tokens.create()
        assert made.token_info is not None
        with pytest.raises(NotFound):
            identity.client(two.token).tokens.delete(made.token_info.token_id)
        with pytest.raises(NotFound):
            identity.client(two.token).tokens.delete("nothing")
        assert identity.request("GET", "/api/2.0/token/list", token=made.token_value).status == 200

    def test_six_hundred_and_no_more(self, identity: Workspace) -> None:
        person = identity.user()
        for _ in range(599):
            identity.tokens.issue(person.principal_id, kind="pat")
        answer = identity.request("POST", "/api/2.0/token/create", token=person.token, body={})
        assert (answer.status, answer.json["error_code"]) == (400, "QUOTA_EXCEEDED")
        with pytest.raises(BadRequest):
            identity.client(person.token).tokens.create()


class TestManagement:
    def test_admin_sees_and_revokes_everybodys(self, identity: Workspace) -> None:
        person, admin = identity.user(), identity.client()
        made = identity.client(person.token).tokens.create(comment="mine")
        assert made.token_info is not None
        token_id = made.token_info.token_id
        assert token_id is not None
        mine = list(admin.token_management.list(created_by_username=person.name))
        assert token_id in {info.token_id for info in mine}
        assert {info.created_by_username for info in mine} == {person.name}
        by_id = list(admin.token_management.list(created_by_id=int(person.principal_id)))
        assert len(by_id) == len(mine)
        shown = admin.token_management.get(token_id).token_info
        assert shown is not None
        assert shown.owner_id == int(person.principal_id)
        admin.token_management.delete(token_id)
        with pytest.raises(NotFound):
            admin.token_management.get(token_id)
        assert identity.request("GET", "/api/2.0/token/list", token=made.token_value).status == 401

    def test_on_behalf_of_a_service_principal(self, identity: Workspace) -> None:
        principal = identity.service_principal()
        made = identity.client().token_management.create_obo_token(
            application_id=principal.name, comment="obo", lifetime_seconds=600
        )
        assert identity.client(made.token_value).current_user.me().user_name == principal.name
        with pytest.raises(NotFound):
            identity.client().token_management.create_obo_token(application_id="admin@example.com")

    def test_not_for_others(self, identity: Workspace) -> None:
        client = identity.client(identity.user().token)
        with pytest.raises(PermissionDenied):
            list(client.token_management.list())


class TestKinds:
    def test_session_tokens_end_with_their_session(self, identity: Workspace) -> None:
        person = identity.user()
        one = identity.tokens.issue(person.principal_id, kind="session", session_id="s1").value
        two = identity.tokens.issue(person.principal_id, kind="session", session_id="s2").value
        assert identity.tokens.authenticate(one).session_id == "s1"
        identity.tokens.revoke_session("s1")
        with pytest.raises(Unauthenticated):
            identity.tokens.authenticate(one)
        identity.tokens.authenticate(two)
        identity.tokens.revoke_session("")
        identity.tokens.recover()
        with pytest.raises(Unauthenticated):
            identity.tokens.authenticate(two)

    def test_feed_tokens_open_no_rest_call(self, identity: Workspace) -> None:
        issued = identity.tokens.issue(identity.user().principal_id, kind="feed", feed_scope="org/team:read")
        assert identity.tokens.authenticate(issued.value).feed_scope == "org/team:read"
        answer = identity.request("GET", "/api/2.0/token/list", token=issued.value.reveal())
        assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")

    def test_only_pats_are_listed(self, identity: Workspace) -> None:
        person = identity.user()
        identity.tokens.issue(person.principal_id, kind="feed", feed_scope="org/team:read")
        session = identity.tokens.issue(person.principal_id, kind="session", session_id="listed")
        infos = identity.request("GET", "/api/2.0/token/list", token=person.token).json["token_infos"]
        assert len(infos) == 1
        assert identity.request("DELETE", f"/api/2.0/token-management/tokens/{session.token_id}").status == 404

    def test_revoke_by_id(self, identity: Workspace) -> None:
        issued = identity.tokens.issue(identity.user().principal_id, kind="feed", feed_scope="a/b:read")
        assert identity.tokens.revoke_token(issued.token_id) is True
        assert identity.tokens.revoke_token(issued.token_id) is False


class TestRecognising:
    def test_group_changes_count_at_once(self, identity: Workspace) -> None:
        person = identity.user()
        assert not identity.authenticate(person.token).is_admin
        admins = next(iter(identity.client().groups.list(filter='displayName eq "admins"')))
        body = {"Operations": [{"op": "add", "path": "members", "value": [{"value": person.principal_id}]}]}
        identity.request("PATCH", f"/api/2.0/preview/scim/v2/Groups/{admins.id}", body=body)
        assert identity.authenticate(person.token).is_admin

    def test_the_stored_hash_is_no_token(self, identity: Workspace) -> None:
        from sqlalchemy import text

        person = identity.user()
        rows = identity.database.read(lambda tx: [tuple(row) for row in tx.execute(text("select * from token"))])
        everything = repr(rows)
        assert person.token not in everything
        assert person.token[20:72] not in everything

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t[:-1],
            lambda t: t + "a",
            lambda t: t[:30] + ("b" if t[30] == "a" else "a") + t[31:],
            lambda _: "",
            lambda _: "dapi",
            lambda _: "é" * 79,
            lambda t: t.upper(),
        ],
    )
    def test_changed_tokens_are_unknown(self, identity: Workspace, change: Any) -> None:
        with pytest.raises(Unauthenticated):
            identity.authenticate(change(identity.admin.token))


@given(st.binary(min_size=32, max_size=32))
def test_values_are_url_safe_and_checked(seed: bytes) -> None:
    value = new_value(lambda size: seed[:size])
    assert re.fullmatch(r"[a-z0-9]+", value.reveal())
    assert TOKEN_PATTERN.fullmatch(value.reveal())
    assert public_id_of(value) == value.reveal()[4:20]


@given(st.text(max_size=100))
def test_other_texts_are_no_tokens(text: str) -> None:
    assert public_id_of(Secret(text)) is None
