"""The secrets API through the official SDK: the eleven endpoints, their texts, and who may."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import AclPermission, AzureKeyVaultSecretScopeMetadata, ScopeBackendType

if TYPE_CHECKING:
    from tests.conftest import Workspace

READ, WRITE, MANAGE = AclPermission.READ, AclPermission.WRITE, AclPermission.MANAGE


@pytest.fixture
def scope(client: WorkspaceClient, unique: str) -> str:
    """A scope of this test's own."""
    client.secrets.create_scope(unique)
    return unique


def _value(client: WorkspaceClient, scope: str, key: str) -> bytes:
    got = client.secrets.get_secret(scope, key)
    assert got.key == key
    assert got.value is not None
    return base64.b64decode(got.value, validate=True)


def test_the_life_of_a_scope(client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.0/secrets/scopes/create, GET /api/2.0/secrets/scopes/list, POST /api/2.0/secrets/scopes/delete"""
    name = f"Team.{unique}"
    client.secrets.create_scope(name)
    listed = {each.name: each.backend_type for each in client.secrets.list_scopes()}
    assert listed[name] is ScopeBackendType.DATABRICKS
    for taken in (name, name.lower()):
        with pytest.raises(ResourceAlreadyExists, match=rf"^Scope {taken} already exists!$"):
            client.secrets.create_scope(taken)
    client.secrets.delete_scope(name)
    assert name not in {each.name for each in client.secrets.list_scopes()}
    with pytest.raises(ResourceDoesNotExist, match=rf"^Scope {name} does not exist$"):
        client.secrets.delete_scope(name)


def test_values_in_and_out(client: WorkspaceClient, scope: str) -> None:
    """POST /api/2.0/secrets/put, GET /api/2.0/secrets/get, GET /api/2.0/secrets/list, POST /api/2.0/secrets/delete"""
    client.secrets.put_secret(scope, "text", string_value="ä\n")
    encoded = base64.b64encode(b"\x00\xff").decode()
    client.secrets.put_secret(scope, "bytes", bytes_value=encoded)
    assert _value(client, scope, "text") == b"\xc3\xa4\n"
    assert client.secrets.get_secret(scope, "bytes").value == encoded
    listed = {each.key: each.last_updated_timestamp for each in client.secrets.list_secrets(scope)}
    assert set(listed) == {"text", "bytes"}
    assert all(isinstance(time, int) and time > 1_600_000_000_000 for time in listed.values())
    client.secrets.delete_secret(scope, "text")
    missing = rf"^Secret does not exist with scope: {scope} and key: text$"
    with pytest.raises(ResourceDoesNotExist, match=missing):
        client.secrets.get_secret(scope, "text")
    with pytest.raises(ResourceDoesNotExist, match=missing):
        client.secrets.delete_secret(scope, "text")


def test_acls(client: WorkspaceClient, scope: str) -> None:
    """POST /api/2.0/secrets/acls/put, GET /api/2.0/secrets/acls/get, GET /api/2.0/secrets/acls/list,
    POST /api/2.0/secrets/acls/delete"""
    me = client.current_user.me().user_name
    for permission in (READ, MANAGE, WRITE):
        client.secrets.put_acl(scope, "users", permission)
        assert client.secrets.get_acl(scope, "users").permission is permission
    assert {(each.principal, each.permission) for each in client.secrets.list_acls(scope)} == {
        (me, MANAGE),
        ("users", WRITE),
    }
    client.secrets.delete_acl(scope, "users")
    for call in (client.secrets.get_acl, client.secrets.delete_acl):
        with pytest.raises(NotFound):
            call(scope, "users")
    with pytest.raises(InvalidParameterValue, match=r"nobody@example\.com"):
        client.secrets.put_acl(scope, "nobody@example.com", READ)


def test_acls_hold_for_users_nested_groups_and_service_principals(
    workspace: Workspace, client: WorkspaceClient, scope: str, unique: str
) -> None:
    client.secrets.put_secret(scope, "k", string_value="v")
    inner, outer = f"inner-{unique}"[:50], f"outer-{unique}"[:50]
    callers = {
        "user": workspace.user(),
        "member": workspace.user(groups=(inner,)),
        "service principal": workspace.service_principal(),
    }
    (inner_group,) = client.groups.list(filter=f'displayName eq "{inner}"')
    outer_group = client.groups.create(display_name=outer)
    client.api_client.do(
        "PATCH",
        f"/api/2.0/preview/scim/v2/Groups/{outer_group.id}",
        body={
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": inner_group.id}]}],
        },
    )
    for who, principal in (("user", callers["user"][0]), ("member", outer), ("service principal", None)):
        name, token = callers[who]
        theirs = workspace.client(token)
        assert scope in {each.name for each in theirs.secrets.list_scopes()}, "names of scopes are no secret"
        refused = rf"^{name} does not have READ permission on scope {scope} to perform this action\."
        with pytest.raises(PermissionDenied, match=refused):
            theirs.secrets.get_secret(scope, "k")
        client.secrets.put_acl(scope, principal or name, READ)
        assert _value(theirs, scope, "k") == b"v"
        with pytest.raises(PermissionDenied, match="WRITE"):
            theirs.secrets.put_secret(scope, "k", string_value="mine")
        client.secrets.put_acl(scope, principal or name, WRITE)
        theirs.secrets.put_secret(scope, f"of-{who.replace(' ', '-')}", string_value="x")
        with pytest.raises(PermissionDenied, match="MANAGE"):
            list(theirs.secrets.list_acls(scope))
        client.secrets.put_acl(scope, principal or name, MANAGE)
        assert any(each.principal == (principal or name) for each in theirs.secrets.list_acls(scope))


def test_an_admin_reaches_a_scope_without_an_entry(workspace: Workspace, client: WorkspaceClient, unique: str) -> None:
    name, token = workspace.user()
    workspace.client(token).secrets.create_scope(unique)
    assert [each.principal for each in client.secrets.list_acls(unique)] == [name]
    client.secrets.put_secret(unique, "k", string_value="v")


def test_with_users_as_first_manager(client: WorkspaceClient, unique: str) -> None:
    client.secrets.create_scope(unique, initial_manage_principal="users")
    assert [(each.principal, each.permission) for each in client.secrets.list_acls(unique)] == [("users", MANAGE)]
    with pytest.raises(BadRequest, match=r"^Cannot specify admins as initial_manage_principal\.$"):
        client.secrets.create_scope(f"{unique}-2", initial_manage_principal="admins")


def test_key_vault_scopes_are_refused_in_known_words(client: WorkspaceClient, unique: str) -> None:
    kind = ScopeBackendType.AZURE_KEYVAULT
    with pytest.raises(InvalidParameterValue, match=r"^Missing required fields: backend_azure_keyvault\.resource_id, "):
        client.secrets.create_scope(unique, scope_backend_type=kind)
    vault = AzureKeyVaultSecretScopeMetadata(resource_id="/subscriptions/1", dns_name="https://v.example.com")
    with pytest.raises(InvalidParameterValue, match=r"^Scope with Azure KeyVault must have userAADToken defined!$"):
        client.secrets.create_scope(unique, scope_backend_type=kind, backend_azure_keyvault=vault)


def test_bad_input_has_a_code_and_a_text(workspace: Workspace, client: WorkspaceClient, scope: str) -> None:
    put = "/api/2.0/secrets/put"
    cases = (
        ({"scope": scope, "key": "k"}, "INVALID_PARAMETER_VALUE"),
        ({"scope": scope, "key": "k", "string_value": "a", "bytes_value": "YQ=="}, "INVALID_PARAMETER_VALUE"),
        ({"scope": scope, "key": "k", "bytes_value": "not base64"}, "INVALID_PARAMETER_VALUE"),
        ({"scope": scope, "key": "k" * 129, "string_value": "a"}, "INVALID_PARAMETER_VALUE"),
        ({"scope": scope, "key": "k", "string_value": "x" * 131_073}, "INVALID_PARAMETER_VALUE"),
        ({"scope": scope, "key": "k", "string_value": 7}, "INVALID_PARAMETER_VALUE"),
        ({"key": "k", "string_value": "a"}, "INVALID_PARAMETER_VALUE"),
        ({"scope": "no/slash", "key": "k", "string_value": "a"}, "INVALID_PARAMETER_VALUE"),
        (b"{not json", "MALFORMED_REQUEST"),
        (b"[]", "MALFORMED_REQUEST"),
    )
    for body, code in cases:
        answer = workspace.request("POST", put, body=body)
        assert (answer.status, answer.json["error_code"]) == (400, code), body
        assert answer.json["message"]
    acl = {"scope": scope, "principal": "users", "permission": "OWN"}
    answer = workspace.request("POST", "/api/2.0/secrets/acls/put", body=acl)
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert list(client.secrets.list_secrets(scope)) == [], "nothing was written"


def test_the_documented_steps_word_for_word(workspace: Workspace, client: WorkspaceClient) -> None:
    """The requests that the official documentation's commands send, in their order."""
    scope = "databricks-package-management"
    steps = (
        ("scopes/create", {"scope": scope}),
        ("acls/put", {"scope": scope, "principal": "admins", "permission": "MANAGE"}),
        ("acls/put", {"scope": scope, "principal": "users", "permission": "READ"}),
        ("put", {"scope": scope, "key": "pip-index-url", "string_value": "https://u:p@pkgs.example.com/simple"}),
        ("put", {"scope": scope, "key": "pip-extra-index-urls", "string_value": "https://a.example https://b.example"}),
        ("put", {"scope": scope, "key": "pip-cert", "string_value": "-----BEGIN CERTIFICATE-----\nAA==\n"}),
        ("delete", {"scope": scope, "key": "pip-cert"}),
    )
    try:
        for path, body in steps:
            answer = workspace.request("POST", f"/api/2.0/secrets/{path}", body=body)
            assert (answer.status, answer.json) == (200, {}), path
        _name, token = workspace.user()
        assert _value(workspace.client(token), scope, "pip-index-url") == b"https://u:p@pkgs.example.com/simple"
    finally:
        client.secrets.delete_scope(scope)


def test_dbutils_outside_of_compute_reads_the_same(client: WorkspaceClient, scope: str) -> None:
    client.secrets.put_secret(scope, "k", string_value="v")
    assert client.dbutils.secrets.get(scope, "k") == "v"
    assert [each.key for each in client.dbutils.secrets.list(scope)] == ["k"]
    assert scope in {each.name for each in client.dbutils.secrets.listScopes()}
