"""Identity through the official SDK: who am I, SCIM, tokens, permissions, OAuth and the probes nobody asked for."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import (
    BadRequest,
    NotFound,
    PermissionDenied,
    ResourceConflict,
    Unauthenticated,
)
from databricks.sdk.oauth import OAuthClient
from databricks.sdk.service.iam import (
    AccessControlRequest,
    ComplexValue,
    Patch,
    PatchOp,
    PatchSchema,
    PermissionLevel,
)

if TYPE_CHECKING:
    from tests.conftest import Workspace

OPERATIONS = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]


def _member(principal_id: str | None) -> ComplexValue:
    assert principal_id is not None
    return ComplexValue(value=principal_id)


def test_who_am_i(workspace: Workspace, client: WorkspaceClient) -> None:
    """GET /.well-known/databricks-config, GET /api/2.0/preview/scim/v2/Me"""
    me = workspace.client().current_user.me()
    assert me.id is not None
    assert me.id.isdigit()
    assert "admins" in {group.display for group in me.groups or ()}
    assert client.get_workspace_id() == int(workspace.workspace_id)
    answer = workspace.request("GET", "/.well-known/databricks-config", token="")
    assert (answer.status, answer.json["workspace_id"]) == (200, workspace.workspace_id)
    assert answer.json["oidc_endpoint"] == f"{workspace.host}/oidc"


def test_users(client: WorkspaceClient, unique: str) -> None:
    """GET /api/2.0/preview/scim/v2/Users, POST /api/2.0/preview/scim/v2/Users,
    GET /api/2.0/preview/scim/v2/Users/{id}, PUT /api/2.0/preview/scim/v2/Users/{id},
    PATCH /api/2.0/preview/scim/v2/Users/{id}, DELETE /api/2.0/preview/scim/v2/Users/{id}"""
    name = f"{unique}@example.com"
    made = client.users.create(user_name=name, display_name="Ana")
    assert made.id is not None
    assert made.id.isdigit()
    assert [each.id for each in client.users.list(filter=f'userName eq "{name}"')] == [made.id]
    assert name in {each.user_name for each in client.users.list()}, "the list ends"
    client.users.update(made.id, user_name=name, display_name="Ana Bo")
    assert client.users.get(made.id).display_name == "Ana Bo"
    rename = Patch(op=PatchOp.REPLACE, path="displayName", value="Ana B.")
    client.users.patch(made.id, operations=[rename], schemas=OPERATIONS)
    assert client.users.get(made.id).display_name == "Ana B."
    with pytest.raises(ResourceConflict):
        client.users.create(user_name=name)
    client.users.delete(made.id)
    with pytest.raises(NotFound):
        client.users.get(made.id)


def test_groups(client: WorkspaceClient, unique: str) -> None:
    """GET /api/2.0/preview/scim/v2/Groups, POST /api/2.0/preview/scim/v2/Groups,
    GET /api/2.0/preview/scim/v2/Groups/{id}, PUT /api/2.0/preview/scim/v2/Groups/{id},
    PATCH /api/2.0/preview/scim/v2/Groups/{id}, DELETE /api/2.0/preview/scim/v2/Groups/{id}"""
    user = client.users.create(user_name=f"{unique}@example.com")
    inner = client.groups.create(display_name=f"inner-{unique}", members=[_member(user.id)])
    outer = client.groups.create(display_name=f"outer-{unique}")
    assert outer.id is not None
    assert inner.id is not None
    add = Patch(op=PatchOp.ADD, path="members", value=[{"value": inner.id}])
    client.groups.patch(outer.id, operations=[add], schemas=OPERATIONS)
    members = client.groups.get(outer.id).members or []
    assert [(each.value, each.display) for each in members] == [(inner.id, f"inner-{unique}")]
    groups = {group.display: group.type for group in client.users.get(user.id or "").groups or ()}
    assert set(groups) >= {f"inner-{unique}", f"outer-{unique}"}
    client.groups.update(inner.id, display_name=f"inner2-{unique}")
    assert [each.id for each in client.groups.list(filter=f'displayName eq "inner2-{unique}"')] == [inner.id]
    assert {"admins", "users"} <= {each.display_name for each in client.groups.list()}
    client.groups.delete(outer.id)
    with pytest.raises(NotFound):
        client.groups.get(outer.id)
    (admins,) = client.groups.list(filter='displayName eq "admins"')
    with pytest.raises(BadRequest):
        client.groups.delete(admins.id or "")


def test_service_principals(client: WorkspaceClient, unique: str) -> None:
    """GET /api/2.0/preview/scim/v2/ServicePrincipals, POST /api/2.0/preview/scim/v2/ServicePrincipals,
    GET /api/2.0/preview/scim/v2/ServicePrincipals/{id}, PUT /api/2.0/preview/scim/v2/ServicePrincipals/{id},
    PATCH /api/2.0/preview/scim/v2/ServicePrincipals/{id}, DELETE /api/2.0/preview/scim/v2/ServicePrincipals/{id}"""
    made = client.service_principals.create(display_name=unique)
    assert made.id is not None
    assert str(uuid.UUID(made.application_id)) == made.application_id
    found = client.service_principals.list(filter=f'applicationId eq "{made.application_id}"')
    assert [each.id for each in found] == [made.id]
    client.service_principals.update(made.id, application_id=made.application_id, display_name=f"{unique}-2")
    assert client.service_principals.get(made.id).display_name == f"{unique}-2"
    rename = Patch(op=PatchOp.REPLACE, path="displayName", value=f"{unique}-3")
    client.service_principals.patch(made.id, operations=[rename], schemas=OPERATIONS)
    assert client.service_principals.get(made.id).display_name == f"{unique}-3"
    client.service_principals.delete(made.id)
    assert list(client.service_principals.list(filter=f'applicationId eq "{made.application_id}"')) == []


def test_scim_lists_stop_and_errors_are_scims(workspace: Workspace) -> None:
    users = "/api/2.0/preview/scim/v2/Users"
    assert workspace.request("GET", f"{users}?startIndex=100000&count=10000").json["Resources"] == []
    missing = workspace.request("GET", f"{users}/1")
    assert (missing.status, missing.json["status"]) == (404, "404")
    assert missing.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_only_admins_write_identities(workspace: Workspace) -> None:
    _name, token = workspace.user()
    theirs = workspace.client(token)
    assert list(theirs.groups.list())
    for call in (
        lambda: theirs.users.create(user_name="x@example.com"),
        lambda: theirs.groups.create(display_name="x"),
    ):
        with pytest.raises(PermissionDenied):
            call()


def test_own_tokens(workspace: Workspace, client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.0/token/create, GET /api/2.0/token/list, POST /api/2.0/token/delete"""
    made = client.tokens.create(comment=unique, lifetime_seconds=600)
    assert made.token_value is not None
    assert made.token_info is not None
    assert made.token_value.startswith("dapi")
    token_id = made.token_info.token_id or ""
    listed = {each.token_id: each for each in client.tokens.list()}
    assert listed[token_id].comment == unique
    assert isinstance(listed[token_id].expiry_time, int)
    theirs = workspace.client(made.token_value)
    assert theirs.current_user.me().user_name == client.current_user.me().user_name
    client.tokens.delete(token_id)
    with pytest.raises(NotFound):
        client.tokens.delete(token_id)
    with pytest.raises((Unauthenticated, PermissionDenied)):
        theirs.current_user.me()


def test_a_token_without_an_end_says_so(workspace: Workspace) -> None:
    infos = workspace.request("GET", "/api/2.0/token/list").json["token_infos"]
    assert all(info["expiry_time"] == -1 or info["expiry_time"] > info["creation_time"] for info in infos)


def test_everybodys_tokens(workspace: Workspace, client: WorkspaceClient, unique: str) -> None:
    """GET /api/2.0/token-management/tokens, GET /api/2.0/token-management/tokens/{token_id},
    DELETE /api/2.0/token-management/tokens/{token_id}, POST /api/2.0/token-management/on-behalf-of/tokens"""
    application_id, _token = workspace.service_principal()
    made = client.token_management.create_obo_token(application_id, comment=unique, lifetime_seconds=600)
    assert made.token_info is not None
    token_id = made.token_info.token_id or ""
    theirs = workspace.client(made.token_value)
    assert theirs.current_user.me().user_name == application_id
    assert token_id in {each.token_id for each in client.token_management.list()}
    got = client.token_management.get(token_id)
    assert got.token_info is not None
    assert got.token_info.comment == unique
    with pytest.raises(PermissionDenied):
        list(theirs.token_management.list())
    client.token_management.delete(token_id)
    with pytest.raises((Unauthenticated, PermissionDenied)):
        theirs.current_user.me()


def test_object_permissions(workspace: Workspace, client: WorkspaceClient, unique: str) -> None:
    """GET /api/2.0/permissions/{object_type}/{object_id}, PUT /api/2.0/permissions/{object_type}/{object_id},
    PATCH /api/2.0/permissions/{object_type}/{object_id},
    GET /api/2.0/permissions/{object_type}/{object_id}/permissionLevels"""
    client.workspace.mkdirs(f"/Shared/{unique}")
    object_id = str(client.workspace.get_status(f"/Shared/{unique}").object_id)
    name, _token = workspace.user()
    entry = AccessControlRequest(user_name=name, permission_level=PermissionLevel.CAN_RUN)
    client.permissions.update("directories", object_id, access_control_list=[entry])
    got = client.permissions.get("directories", object_id)
    assert (got.object_id, got.object_type) == (f"/directories/{object_id}", "directory")
    by_user = {each.user_name: each.all_permissions or [] for each in got.access_control_list or () if each.user_name}
    assert [(each.permission_level, each.inherited) for each in by_user[name]] == [(PermissionLevel.CAN_RUN, False)]
    client.permissions.set("directories", object_id, access_control_list=[])
    after = client.permissions.get("directories", object_id).access_control_list or ()
    assert name not in {each.user_name for each in after}
    levels = client.permissions.get_permission_levels("directories", object_id).permission_levels or ()
    assert {each.permission_level for each in levels} == {
        PermissionLevel.CAN_READ,
        PermissionLevel.CAN_RUN,
        PermissionLevel.CAN_EDIT,
        PermissionLevel.CAN_MANAGE,
    }


def test_a_service_principal_signs_in_with_a_secret(workspace: Workspace, client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets,
    GET /api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets,
    DELETE /api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets/{secret_id},
    GET /oidc/.well-known/oauth-authorization-server, POST /oidc/v1/token"""
    principal = client.service_principals.create(display_name=unique)
    proxy, principal_id = client.service_principal_secrets_proxy, principal.id or ""
    made = proxy.create(principal_id)

    def sign_in(secret: str | None) -> str | None:
        config = Config(
            host=workspace.host,
            client_id=principal.application_id,
            client_secret=secret,
            auth_type="oauth-m2m",
            retry_timeout_seconds=10,
        )
        return WorkspaceClient(config=config).current_user.me().user_name

    assert sign_in(made.secret) == principal.application_id
    assert [each.id for each in proxy.list(principal_id)] == [made.id]
    proxy.delete(principal_id, made.id or "")
    for secret in (made.secret, "dose-wrong"):
        with pytest.raises(Exception, match=r"invalid_client|[Cc]lient") as caught:
            sign_in(secret)
        assert str(secret) not in str(caught.value)


def test_a_person_signs_in_by_browser(workspace: Workspace, client: WorkspaceClient) -> None:
    """GET /oidc/v1/authorize, POST /oidc/v1/authorize, POST /oidc/v1/token"""
    token = client.tokens.create(comment="pasted").token_value or ""
    consent = OAuthClient.from_host(workspace.host, "databricks-cli", "http://localhost:8020").initiate_consent()
    assert requests.get(consent.authorization_url, timeout=30).status_code == 200
    asked = dict(parse_qsl(urlsplit(consent.authorization_url).query))
    url = consent.authorization_url.partition("?")[0]
    answer = requests.post(url, {**asked, "token": token}, allow_redirects=False, timeout=30)
    credentials = consent.exchange_callback_parameters(dict(parse_qsl(urlsplit(answer.headers["location"]).query)))
    for access in (credentials.token(), credentials.refresh()):
        mine = WorkspaceClient(config=Config(host=workspace.host, token=access.access_token)).current_user.me()
        assert mine.user_name == client.current_user.me().user_name


def test_telemetry_is_counted_and_forgotten(client: WorkspaceClient) -> None:
    """POST /telemetry-ext"""
    body: dict[str, Any] = {"uploadTime": 1, "items": [], "protoLogs": ["{}", "{}"]}
    answer = client.api_client.do("POST", "/telemetry-ext", body=body)
    assert answer == {"errors": [], "numProtoSuccess": 2}


@pytest.mark.parametrize("token", ["dapi0000", "not a token", "dapi" + "0" * 32])
def test_a_wrong_token_is_refused_and_not_repeated(workspace: Workspace, token: str) -> None:
    with pytest.raises((Unauthenticated, PermissionDenied)) as caught:
        workspace.client(token).current_user.me()
    assert token not in str(caught.value)


def test_unknown_paths(workspace: Workspace, client: WorkspaceClient) -> None:
    with pytest.raises(NotFound) as caught:
        client.api_client.do("POST", "/api/2.0/nothing/here")
    assert (caught.value.error_code, str(caught.value)) == (
        "ENDPOINT_NOT_FOUND",
        "No API found for 'POST /api/2.0/nothing/here'",
    )
    assert workspace.request("GET", "/api/2.0/nothing", token="").status == 401


def test_every_api_version_reaches_the_same_row(workspace: Workspace) -> None:
    for version in ("2.0", "2.1", "2.2"):
        assert workspace.request("GET", f"/api/{version}/secrets/scopes/list").status == 200


def test_the_header_that_clients_read(workspace: Workspace) -> None:
    answer = workspace.request("GET", "/api/2.0/preview/scim/v2/Me?excludedAttributes=entitlements")
    assert answer.headers["X-Databricks-Org-Id"] == workspace.workspace_id
