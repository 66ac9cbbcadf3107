"""Which authorities a check believes, and why a server's certificate was not believed.

OpenSSL says no with a number. The reason in words needs the certificates the server sent, and a refused handshake does
not give them away; so a second one is made without verification, on which nothing is sent, and the certificates are
read from there. What is decided, OpenSSL has decided; here it is only said.

Source: facts/packaging.md A6: pip 24.2 and newer believe the machine's authorities and the given ones, older pips the
given ones alone.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wheelyard.control.package_repositories.certificates import (
    day,
    is_authority,
    is_expired,
    is_not_yet_valid,
    is_self_signed,
    issued,
    issuer_of,
    names_of,
    readable_certificates,
    subject_of,
)
from wheelyard.control.package_repositories.outcomes import Met
from wheelyard.control.package_repositories.plain import Fact, Phrase
from wheelyard.core.errors import Unavailable

__all__ = ["Trust", "chain_phrase", "reason_refused", "sent_chain", "unverified_context", "verified_chain"]

_MOST_SHOWN: Final = 6
_LONGEST_PATH: Final = 10


@dataclass(frozen=True)
class Trust:
    """Whom a check believes: the machine's authorities and those of the Custom SSL certificate, as pip does from 24.2.

    Args:
        machine_roots: PEM file of the machine's authorities.
        given: PEM text, every certificate of which can be read; empty for none.
    """

    machine_roots: Path
    given: str = ""

    def context(self) -> ssl.SSLContext:
        """What verifies. Flags as pip's own context has them up to Python 3.12: a path goes up to a root.

        Raises:
            Unavailable: the machine's file cannot be read; TLS without it would be another check.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cafile=str(self.machine_roots))
        except OSError as error:
            raise Unavailable(
                "The index was not asked: the list of authorities this machine trusts cannot be read",
                reference="machine-roots-unreadable",
                unchanged="no connection was made",
                hint="look at SSL_CERT_FILE of the workspace's process, or install the system's CA certificates",
                log=f"{self.machine_roots}: {error}",
            ) from error
        if self.given_certificates:
            context.load_verify_locations(cadata=b"".join(one.public_bytes(_DER) for one in self.given_certificates))
        return context

    @cached_property
    def given_certificates(self) -> tuple[x509.Certificate, ...]:
        """The certificates of the given text."""
        return readable_certificates(self.given)

    @cached_property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Everything believed, the given certificates first."""
        machine = self.machine_roots.read_text(encoding="utf-8", errors="replace")
        return (*self.given_certificates, *readable_certificates(machine))

    def is_given(self, certificate: x509.Certificate) -> bool:
        return certificate in self.given_certificates


_DER: Final = Encoding.DER


def unverified_context() -> ssl.SSLContext:
    """For the handshake that only reads what the server sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def sent_chain(connection: ssl.SSLSocket) -> tuple[x509.Certificate, ...]:
    """What the server sent, in its order; what cannot be read is left out."""
    return _chain(connection, "get_unverified_chain")


def verified_chain(connection: ssl.SSLSocket) -> tuple[x509.Certificate, ...]:
    """What OpenSSL believed, from the server's certificate up to the authority."""
    return _chain(connection, "get_verified_chain")


def _chain(connection: ssl.SSLSocket, method: str) -> tuple[x509.Certificate, ...]:
    """Public from Python 3.13 on; before that there is the same method below the socket, and PEM text comes from it."""
    public: Any = getattr(connection, method, None)
    if public is not None:
        return _read(public())
    below: Any = getattr(connection._sslobj, method, None)  # type: ignore[attr-defined]  # noqa: SLF001
    if below is not None:
        return readable_certificates("\n".join(one.public_bytes() for one in below()))
    leaf = connection.getpeercert(binary_form=True)
    return _read([leaf] if leaf else [])


def _read(encoded: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    return readable_certificates("\n".join(ssl.DER_cert_to_PEM_cert(one) for one in encoded))


def chain_phrase(chain: Sequence[x509.Certificate]) -> Phrase:
    """What the server sent, in words."""
    if not chain:
        return Phrase("the server sent no certificate that can be read")
    words, facts = [], dict[str, Fact]()
    for number, one in enumerate(chain[:_MOST_SHOWN]):
        self_signed = is_self_signed(one)
        words.append(f"`{{subject{number}}}`, signed by " + ("itself" if self_signed else f"`{{issuer{number}}}`"))
        facts |= {f"subject{number}": subject_of(one), f"issuer{number}": issuer_of(one)}
    count = "1 certificate" if len(chain) == 1 else f"{len(chain)} certificates"
    return Phrase(f"the server sends {count}: " + "; ".join(words), facts)


def reason_refused(
    error: ssl.SSLCertVerificationError, chain: Sequence[x509.Certificate], trust: Trust, host: str, now: datetime
) -> Met:
    """What was wrong with a chain that OpenSSL did not accept.

    Args:
        error: its answer; the number decides what is looked for.
        chain: what the server sent on a second handshake.
        trust: whom it was to be believed by.
        host: the name it was to prove.
        now: aware; what dates are judged by.
    """
    if chain:
        path = _path(chain, trust)
        if error.verify_code in _NAME_DIFFERS:
            return _wrong_name(chain[0], host)
        if error.verify_code in _OUT_OF_TIME:
            return _out_of_time(path, chain, trust, host, now) or _refused(error, host)
        if error.verify_code in _NO_AUTHORITY or _is_signed_by_a_namesake(path[-1], trust):
            return _no_authority(path, chain, trust, host) or _refused(error, host)
    return _refused(error, host)


_NAME_DIFFERS: Final = {62, 64}
_OUT_OF_TIME: Final = {9, 10}
_NO_AUTHORITY: Final = {2, 18, 19, 20, 21, 27}
"""Numbers of `X509_V_ERR_…` in OpenSSL's x509_vfy.h, which do not change."""


def _is_signed_by_a_namesake(top: x509.Certificate, trust: Trust) -> bool:
    """OpenSSL finds the authority by its name, and then that the signature is another's."""
    return not is_self_signed(top) and any(one.subject == top.issuer for one in trust.authorities)


def _refused(error: ssl.SSLCertVerificationError, host: str) -> Met:
    return Met("tls-certificate-refused", host=host, reason=error.verify_message)


def _path(chain: Sequence[x509.Certificate], trust: Trust) -> list[x509.Certificate]:
    """From the server's certificate as far up as signatures lead, first among what is believed, then what was sent."""
    path = [chain[0]]
    while len(path) < _LONGEST_PATH and not is_self_signed(path[-1]):
        signers = (one for one in (*trust.authorities, *chain[1:]) if one not in path and issued(one, path[-1]))
        signer = next(signers, None)
        if signer is None:
            break
        path.append(signer)
    return path


def _wrong_name(leaf: x509.Certificate, host: str) -> Met:
    names = names_of(leaf)
    if not names:
        words = "it names no host but its subject `{subject}`"
        return Met("tls-wrong-name", host=host, names=Phrase(words, {"subject": subject_of(leaf)}))
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return Met("tls-wrong-name", host=host, names=Phrase("it is for {names}" + more, {"names": names[:_MOST_SHOWN]}))


def _out_of_time(
    path: Sequence[x509.Certificate], chain: Sequence[x509.Certificate], trust: Trust, host: str, now: datetime
) -> Met | None:
    """The first certificate on the way up that is not valid now; None when by our clock all are."""
    for one in path:
        which = _which(one, chain, trust)
        if is_expired(one, now):
            facts: dict[str, Fact] = {
                "day": day(one.not_valid_after_utc),
                "today": day(now),
                "hint": _renewal(one, trust),
            }
            return Met("tls-expired", host=host, which=which, **facts)
        if is_not_yet_valid(one, now):
            return Met("tls-not-yet-valid", host=host, which=which, day=day(one.not_valid_before_utc), today=day(now))
    return None


def _which(one: x509.Certificate, chain: Sequence[x509.Certificate], trust: Trust) -> Phrase:
    facts = {"subject": subject_of(one)}
    if one == chain[0]:
        return Phrase("it (`{subject}`)", facts)
    if trust.is_given(one):
        return Phrase("`{subject}` in the Custom SSL certificate", facts)
    return Phrase("`{subject}`, which it rests on,", facts)


def _renewal(one: x509.Certificate, trust: Trust) -> Phrase:
    if trust.is_given(one):
        return Phrase("put the certificate that is in use now into Custom SSL certificate")
    return Phrase("have the certificate of the index renewed, with those it rests on")


def _no_authority(
    path: Sequence[x509.Certificate], chain: Sequence[x509.Certificate], trust: Trust, host: str
) -> Met | None:
    top = path[-1]
    if is_self_signed(top):
        return None if top in trust.authorities else _unknown_root(top, chain, trust, host)
    if top not in trust.authorities and _is_incomplete(path, chain, trust):
        return Met("tls-chain-incomplete", host=host, authority=issuer_of(top), sent=chain_phrase(chain))
    return _unknown_issuer(top, path, trust, host)


def _unknown_root(top: x509.Certificate, chain: Sequence[x509.Certificate], trust: Trust, host: str) -> Met:
    facts: dict[str, Fact] = {"authority": subject_of(top)}
    words = "it is signed by itself (`{authority}`)" if top == chain[0] else "it rests on the authority `{authority}`"
    return Met(
        "tls-unknown-authority",
        host=host,
        authority=subject_of(top),
        signed=Phrase(words, facts),
        known=_known(top.subject, trust),
        also="",
    )


def _unknown_issuer(top: x509.Certificate, path: Sequence[x509.Certificate], trust: Trust, host: str) -> Met:
    """Its signer was neither sent nor is it believed, and is most likely a root: servers leave theirs out."""
    authority = issuer_of(top)
    known, also = _known(top.issuer, trust), Phrase("")
    if trust.is_given(top):
        words = "the Custom SSL certificate holds `{held}`, and not the root that signed it"
        known = Phrase(words, {"held": subject_of(top)})
    elif len(path) == 1:
        also = Phrase("; if `{authority}` is an intermediate, have the server send it", {"authority": authority})
    signed = Phrase("it rests on the authority `{authority}`", {"authority": authority})
    return Met("tls-unknown-authority", host=host, authority=authority, signed=signed, known=known, also=also)


def _known(name: x509.Name, trust: Trust) -> Phrase:
    """Where the authority of this name was looked for."""
    if any(one.subject == name for one in trust.authorities):
        return Phrase("one of the same name is trusted, with another key: the authority was most likely made anew")
    if not trust.given_certificates:
        return Phrase("this machine does not know it, and there is no Custom SSL certificate")
    held = tuple(subject_of(one) for one in trust.given_certificates[:_MOST_SHOWN])
    return Phrase("this machine does not know it, and the Custom SSL certificate holds {held}", {"held": held})


def _is_incomplete(path: Sequence[x509.Certificate], chain: Sequence[x509.Certificate], trust: Trust) -> bool:
    """Is an intermediate missing rather than a root? Nothing in a certificate says so; these are the signs.

    Authorities were sent that the path does not reach; or the server's certificate stands alone and is a public one
    (logged in Certificate Transparency), or of the same organisation as the given authority, which did not sign it.
    """
    if any(is_authority(one) for one in chain if one not in path):
        return True
    if len(path) > 1:
        return False
    issuer = _organisations(path[0].issuer)
    given = [one for one in trust.given_certificates if is_authority(one)]
    return _is_logged(path[0]) or any(issuer & _organisations(one.subject) for one in given)


def _organisations(name: x509.Name) -> set[str]:
    """The organisations of a name, and its domain, by which directories name theirs."""
    found = {str(part.value).casefold() for part in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}
    domain = [str(part.value).casefold() for part in name.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT)]
    return found | ({".".join(domain)} if domain else set())


def _is_logged(certificate: x509.Certificate) -> bool:
    with contextlib.suppress(x509.ExtensionNotFound, x509.DuplicateExtension, ValueError, UnsupportedAlgorithm):
        certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
        return True
    return False
