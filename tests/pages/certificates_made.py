"""Certificates and keys as admins have them: good, expired, in the wrong form."""

from __future__ import annotations

from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.control.package_repositories.authorities import NOW, Made, made

__all__ = ["authority", "der_of", "key_der_of", "key_pem_of"]


def authority(
    name: str = "Example Corp Root CA",
    signer: Made | None = None,
    *,
    days: tuple[int, int] = (-30, 3650),
    organization: str = "Example Corp",
    names: tuple[str, ...] = (),
) -> Made:
    """A new authority, valid between these days from now."""
    return made(
        name,
        signer,
        organisation=organization,
        names=names,
        is_authority=True,
        start=NOW + timedelta(days=days[0]),
        end=NOW + timedelta(days=days[1]),
    )


def der_of(one: Made) -> bytes:
    return one.certificate.public_bytes(Encoding.DER)


def key_pem_of(one: Made) -> str:
    return one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_der_of(one: Made) -> bytes:
    return one.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
