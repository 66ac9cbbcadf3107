"""Bodies of `/api/2.0/secrets/*`, spelled as the API spells them.

Source: databricks-sdk-py `service/workspace.py`; workspace-api facts 4.1.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wheelyard.control.operation import Empty

__all__ = [
    "AclItem",
    "Acls",
    "CreateScope",
    "Empty",
    "KeyVault",
    "OnAcl",
    "OnScope",
    "OnSecret",
    "Permission",
    "PutAcl",
    "PutSecret",
    "Scope",
    "Scopes",
    "SecretItem",
    "SecretValue",
    "Secrets",
]

BackendType = Literal["DATABRICKS", "AZURE_KEYVAULT"]
Permission = Literal["READ", "WRITE", "MANAGE"]


class KeyVault(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an Azure Key Vault is; an empty object is refused by the service, not by its shape."""

    resource_id: str = ""
    dns_name: str = ""
    tenant_id: str = ""


class CreateScope(msgspec.Struct, frozen=True, omit_defaults=True):
    """`initial_manage_principal` may only be `users`."""

    scope: str
    initial_manage_principal: str = ""
    scope_backend_type: BackendType = "DATABRICKS"
    backend_azure_keyvault: KeyVault | None = None


class OnScope(msgspec.Struct, frozen=True):
    """The body of every call that names one scope."""

    scope: str


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """A scope in the spelling it was made with."""

    name: str
    backend_type: BackendType
    keyvault_metadata: KeyVault | None = None


class Scopes(msgspec.Struct, frozen=True):
    """All of them: this list has no pages."""

    scopes: list[Scope]


class PutSecret(OnScope, frozen=True, omit_defaults=True):
    """Exactly one of the two values; `bytes_value` is base64."""

    key: str
    string_value: str | None = None
    bytes_value: str | None = None


class OnSecret(OnScope, frozen=True):
    """The body of a call that names one secret."""

    key: str


class SecretValue(msgspec.Struct, frozen=True):
    """`value` is padded standard base64 of the bytes, whichever way they came."""

    key: str
    value: str


class SecretItem(msgspec.Struct, frozen=True):
    """Milliseconds since the epoch, as a number."""

    key: str
    last_updated_timestamp: int


class Secrets(msgspec.Struct, frozen=True):
    """All of a scope's: this list has no pages."""

    secrets: list[SecretItem]


class PutAcl(OnScope, frozen=True):
    """A user name, application id or group name, and what it shall hold."""

    principal: str
    permission: Permission


class OnAcl(OnScope, frozen=True):
    """The body of a call that names one principal's entry."""

    principal: str


class AclItem(msgspec.Struct, frozen=True):
    """One entry."""

    principal: str
    permission: Permission


class Acls(msgspec.Struct, frozen=True):
    """The published example says `acls`; every SDK reads `items` only."""

    items: list[AclItem]
