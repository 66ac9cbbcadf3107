from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied

Workspace = Any
TOKEN = "/oidc/v1/token"


def _post(identity: Workspace, fields: dict[str, str], *, basic: str = "") -> Any:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if basic:
        headers["Authorization"] = f"Basic {base64.b64encode(basic.encode()).decode()}"
    return identity.request("POST", TOKEN, token="", body=urlencode(fields).encode(), headers=headers)


def _secret(identity: Workspace, principal_id: str, **more: Any) -> Any:
    return identity.client().service_principal_secrets_proxy.create(principal_id, **more)


def test_machine_signs_in_with_the_sdk(identity: Workspace) -> None:
    principal = identity.service_principal()
    secret = _secret(identity, principal.principal_id).secret
    client = WorkspaceClient(
        config=Config(host=identity.url, client_id=principal.name, client_secret=secret, retry_timeout_seconds=5)
    )
    assert client.current_user.me().user_name == principal.name
    assert client.config.auth_type == "oauth-m2m"


def test_discovery_is_under_the_host_the_client_used(identity: Workspace) -> None:
    answer = identity.request("GET", "/oidc/.well-known/oauth-authorization-server", token="")
    assert answer.status == 200
    assert answer.json["token_endpoint"] == f"{identity.url}/oidc/v1/token"
    assert answer.json["authorization_endpoint"] == f"{identity.url}/oidc/v1/authorize"


def test_credentials_as_basic_or_in_the_form(identity: Workspace) -> None:
    principal = identity.service_principal()
    secret = _secret(identity, principal.principal_id).secret
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    by_basic = _post(identity, form, basic=f"{principal.name}:{secret}")
    by_form = _post(identity, {**form, "client_id": principal.name, "client_secret": secret})
    for answer in (by_basic, by_form):
        assert answer.status == 200
        assert answer.json["token_type"] == "Bearer"
        assert answer.json["expires_in"] == 3600
        assert answer.json["scope"] == "all-apis"
        assert identity.authenticate(answer.json["access_token"]).name == principal.name


def test_access_tokens_last_an_hour(identity: Workspace) -> None:
    principal = identity.service_principal()
    secret = _secret(identity, principal.principal_id).secret
    token = _post(identity, {"grant_type": "client_credentials"}, basic=f"{principal.name}:{secret}").json[
        "access_token"
    ]
    assert identity.request("GET", "/api/2.0/preview/scim/v2/Me", token=token).status == 200
    identity.clock.advance(3601)
    assert identity.request("GET", "/api/2.0/preview/scim/v2/Me", token=token).status == 401


@pytest.mark.parametrize("who", ["wrong secret", "no secret", "unknown", "user", "nobody"])
def test_bad_clients_get_one_answer(identity: Workspace, who: str) -> None:
    principal = identity.service_principal()
    secret = _secret(identity, principal.principal_id).secret
    credentials = {
        "wrong secret": f"{principal.name}:{secret}x",
        "no secret": f"{principal.name}:",
        "unknown": f"7f2c0f43-5dd7-4f64-8b0e-000000000000:{secret}",
        "user": f"admin@example.com:{secret}",
        "nobody": "",
    }
    answer = _post(identity, {"grant_type": "client_credentials"}, basic=credentials[who])
    assert answer.status == 401
    assert answer.json == {"error": "invalid_client", "error_description": "Client authentication failed."}
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "sql"}, "invalid_scope"),
    ],
)
def test_refusals_in_the_words_of_oauth(identity: Workspace, fields: dict[str, str], error: str) -> None:
    answer = _post(identity, fields, basic="a:b")
    assert answer.status == 400
    assert answer.json["error"] == error
    assert answer.json["error_description"]


def test_life_of_a_secret(identity: Workspace) -> None:
    principal, api = identity.service_principal(), identity.client().service_principal_secrets_proxy
    made = _secret(identity, principal.principal_id, lifetime="60s")
    listed = list(api.list(principal.principal_id))
    assert [one.id for one in listed] == [made.id]
    assert listed[0].status == "ACTIVE"
    assert (
        "secret"
        not in identity.request(
            "GET", f"/api/2.0/accounts/servicePrincipals/{principal.principal_id}/credentials/secrets"
        ).json["secrets"][0]
    )
    identity.clock.advance(61)
    assert next(iter(api.list(principal.principal_id))).status == "EXPIRED"
    assert _post(identity, {"grant_type": "client_credentials"}, basic=f"{principal.name}:{made.secret}").status == 401
    api.delete(principal.principal_id, made.id)
    assert not list(api.list(principal.principal_id))
    with pytest.raises(NotFound):
        api.delete(principal.principal_id, made.id)


def test_rotating_keeps_the_other_secret(identity: Workspace) -> None:
    principal, api = identity.service_principal(), identity.client().service_principal_secrets_proxy
    old, new = _secret(identity, principal.principal_id), _secret(identity, principal.principal_id)
    api.delete(principal.principal_id, old.id)
    form = {"grant_type": "client_credentials"}
    assert _post(identity, form, basic=f"{principal.name}:{old.secret}").status == 401
    assert _post(identity, form, basic=f"{principal.name}:{new.secret}").status == 200


def test_limits_and_odd_requests(identity: Workspace) -> None:
    principal, api = identity.service_principal(), identity.client().service_principal_secrets_proxy
    with pytest.raises(InvalidParameterValue):
        api.create(principal.principal_id, lifetime="a while")
    with pytest.raises(NotFound):
        api.create(identity.admin.principal_id)
    for _ in range(5):
        api.create(principal.principal_id)
    with pytest.raises(BadRequest):
        api.create(principal.principal_id)
    with pytest.raises(PermissionDenied):
        identity.client(principal.token).service_principal_secrets_proxy.create(principal.principal_id)


def test_removed_or_deactivated_principal_signs_in_no_more(identity: Workspace) -> None:
    form, path = {"grant_type": "client_credentials"}, "/api/2.0/preview/scim/v2/ServicePrincipals"
    first, second = identity.service_principal(), identity.service_principal()
    secrets = [_secret(identity, one.principal_id).secret for one in (first, second)]
    body = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert identity.request("PATCH", f"{path}/{first.principal_id}", body=body).status == 200
    assert identity.request("DELETE", f"{path}/{second.principal_id}").status == 204
    for one, secret in zip((first, second), secrets, strict=True):
        assert _post(identity, form, basic=f"{one.name}:{secret}").status == 401
