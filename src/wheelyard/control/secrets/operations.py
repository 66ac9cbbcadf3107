"""The eleven endpoints of the secrets API, and who may call each.

Source: workspace-api facts 4.1 and 4.3.
"""

from __future__ import annotations

from wheelyard.control.caller import Caller
from wheelyard.control.operation import SIGNED_IN, Need, Operation
from wheelyard.control.secrets import wire
from wheelyard.control.secrets.service import Secrets

__all__ = ["OPERATIONS", "on_scope"]


def on_scope(permission: wire.Permission) -> Need:
    """The caller, or one of their groups, must hold at least `permission` on the scope that the body names."""

    def check(service: Secrets, caller: Caller, body: wire.OnScope) -> None:
        service.require(caller, body.scope, permission)

    return Need(f"{permission} on the scope", check)


READ, WRITE, MANAGE = on_scope("READ"), on_scope("WRITE"), on_scope("MANAGE")

_BASE = "/api/2.0/secrets"

OPERATIONS = (
    Operation("POST", f"{_BASE}/scopes/create", wire.CreateScope, wire.Empty, Secrets.create_scope, SIGNED_IN),
    Operation("GET", f"{_BASE}/scopes/list", wire.Empty, wire.Scopes, Secrets.list_scopes, SIGNED_IN),
    Operation("POST", f"{_BASE}/scopes/delete", wire.OnScope, wire.Empty, Secrets.delete_scope, MANAGE),
    Operation("POST", f"{_BASE}/put", wire.PutSecret, wire.Empty, Secrets.put, WRITE),
    Operation("GET", f"{_BASE}/get", wire.OnSecret, wire.SecretValue, Secrets.get, READ, at_once=True),
    Operation("GET", f"{_BASE}/list", wire.OnScope, wire.Secrets, Secrets.list_secrets, READ),
    Operation("POST", f"{_BASE}/delete", wire.OnSecret, wire.Empty, Secrets.delete, WRITE),
    Operation("POST", f"{_BASE}/acls/put", wire.PutAcl, wire.Empty, Secrets.put_acl, MANAGE),
    Operation("GET", f"{_BASE}/acls/get", wire.OnAcl, wire.AclItem, Secrets.get_acl, MANAGE),
    Operation("GET", f"{_BASE}/acls/list", wire.OnScope, wire.Acls, Secrets.list_acls, MANAGE),
    Operation("POST", f"{_BASE}/acls/delete", wire.OnAcl, wire.Empty, Secrets.delete_acl, MANAGE),
)
