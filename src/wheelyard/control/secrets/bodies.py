"""Request bodies, checked at the door: a value's bytes, a scope's key vault, its first manager."""

from __future__ import annotations

import base64
import binascii

from wheelyard.control.caller import USERS, Caller
from wheelyard.control.secrets import wire
from wheelyard.core.errors import BadRequest, InvalidParameter

__all__ = ["VALUE_BYTES", "first_manager", "value_of", "vault_of"]

VALUE_BYTES = 128 * 1024
"""Source: workspace-api facts 4.2: 128 KB after decoding."""


def vault_of(body: wire.CreateScope, *, accepted: bool) -> wire.KeyVault:
    """The key vault a scope is to be backed by; an empty one for our own scopes."""
    if body.scope_backend_type == "DATABRICKS":
        if body.backend_azure_keyvault is not None:
            raise InvalidParameter(
                f"Scope {body.scope} was not created: backend_azure_keyvault needs scope_backend_type AZURE_KEYVAULT.",
                reference="keyvault-without-backend-type",
            )
        return wire.KeyVault()
    vault = body.backend_azure_keyvault or wire.KeyVault()
    missing = [name for name in ("resource_id", "dns_name") if not getattr(vault, name)]
    if missing:
        names = ", ".join(f"backend_azure_keyvault.{name}" for name in missing)
        raise InvalidParameter(f"Missing required fields: {names}", reference="keyvault-fields-missing")
    if not accepted:
        raise InvalidParameter(
            "Scope with Azure KeyVault must have userAADToken defined!", reference="keyvault-needs-entra-token"
        )
    return vault


def first_manager(caller: Caller, initial_manage_principal: str) -> str:
    """Who gets the first MANAGE entry: the creator, or `users` when that is asked for."""
    if initial_manage_principal not in ("", USERS):
        raise BadRequest(
            f"Cannot specify {initial_manage_principal} as initial_manage_principal.",
            reference="initial-manage-principal",
            hint="databricks secrets put-acl SCOPE PRINCIPAL MANAGE, after the scope is created",
        )
    return initial_manage_principal or caller.name


def value_of(body: wire.PutSecret) -> bytes:
    """The bytes to store, from whichever of the two fields is given."""
    if (body.string_value is None) == (body.bytes_value is None):
        raise InvalidParameter(
            "Exactly one of string_value and bytes_value must be given.",
            reference="secret-value-count",
            unchanged="nothing was written",
        )
    value = body.string_value.encode() if body.string_value is not None else _decoded(body.bytes_value or "")
    if len(value) > VALUE_BYTES:
        raise InvalidParameter(
            f"Secret {body.key} was not stored: its value has {len(value)} bytes, {VALUE_BYTES} are allowed.",
            reference="secret-too-large",
            unchanged="the previous value is still in place",
        )
    return value


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter(
            "bytes_value is not valid base64.", reference="bad-base64", unchanged="nothing was written"
        ) from None
