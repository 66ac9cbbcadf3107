"""Certificates of every kind a server may show, made here."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Made:
    """A certificate with its key and the one that signed it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    signer: Made | None = None

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def server(self, folder: Path, *sent: Made) -> ssl.SSLContext:
        """A context that shows this certificate, and behind it those named, in that order."""
        path = folder / f"{self.certificate.serial_number}.pem"
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        path.write_text(key + "".join(one.pem for one in (self, *sent)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def made(
    common_name: str,
    signer: Made | None = None,
    *,
    organisation: str = "",
    names: tuple[str, ...] = (),
    is_authority: bool = False,
    start: datetime = NOW - YEAR,
    end: datetime = NOW + YEAR,
) -> Made:
    """A certificate; without a signer it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    subject = x509.Name(parts)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), False)
    return Made(builder.sign(signer.key if signer else key, SHA256()), key, signer)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def authority(
    common_name: str,
    signer: Made | None = None,
    organisation: str = "Corp",
    *,
    start: datetime = NOW - YEAR,
    end: datetime = NOW + YEAR,
) -> Made:
    return made(common_name, signer, organisation=organisation, is_authority=True, start=start, end=end)


def leaf(signer: Made | None, *names: str, start: datetime = NOW - YEAR, end: datetime = NOW + YEAR) -> Made:
    """A server's certificate, for these names."""
    return made(names[0], signer, names=names, start=start, end=end)
