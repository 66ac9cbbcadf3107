"""X.509 certificates in words: whose they are, who signed them, until when they hold, and whether they form a chain.

What core sees without a certificate library (keys, paths, cut text, broken base64) it says itself, in
`core/package_sources.py`; here is what takes reading the certificate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from wheelyard.control.package_repositories.plain import Plain
from wheelyard.core.package_sources import CERTIFICATE_KEY, Problem, problems_of

__all__ = [
    "CertificateInWords",
    "certificate_problems",
    "chain_in_words",
    "day",
    "described",
    "is_authority",
    "is_expired",
    "is_not_yet_valid",
    "is_self_signed",
    "issued",
    "issuer_of",
    "names_of",
    "readable_certificates",
    "subject_of",
]

_BLOCK: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?(?:-----END CERTIFICATE-----|(?=-----BEGIN)|\Z)", re.DOTALL)
_MOST_IN_WORDS: Final = 20
_MOST_NAMES: Final = 50
_PLAIN: Final = Plain()

_Numbered = tuple[int, x509.Certificate]


@dataclass(frozen=True, slots=True)
class CertificateInWords:
    """One certificate of a text.

    Args:
        number: its place in the text, counted from 1; certificates that cannot be read are counted too.
        subject, issuer: the common name first, the organisation behind it in brackets.
        not_before, not_after: aware, UTC.
        signed_by: the number of the certificate in the same text that signed it; None when that is not among them, and
            for one signed by itself.
        names: host names and addresses it is for; none for an authority.
        words: all of it in one line.
    """

    number: int
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    is_expired: bool
    is_ca: bool
    is_self_signed: bool
    signed_by: int | None
    names: tuple[str, ...]
    words: str


def described(text: str, now: datetime) -> tuple[CertificateInWords, ...]:
    """Every certificate of a PEM text that can be read, in its order; text around the certificates is passed over."""
    found = _numbered(text)
    return tuple(_in_words(one, _signer(one, found), now) for one in found)


def chain_in_words(certificates: Sequence[CertificateInWords]) -> str:
    """Which certificate of `described` signs which, and where a signer is missing. Empty without any certificate.

    Which comes first does not matter to pip: it takes all of them as authorities.
    """
    sentences = [_place_in_chain(one) for one in certificates[:_MOST_IN_WORDS]]
    if len(certificates) > _MOST_IN_WORDS:
        sentences.append(f"and {len(certificates) - _MOST_IN_WORDS} more")
    return "; ".join(sentences)


def certificate_problems(text: str, now: datetime) -> tuple[Problem, ...]:
    """What is wrong or doubtful about the certificates of a text beyond what core sees, errors first."""
    problems = [
        problem for number, block in enumerate(_blocks(text), start=1) for problem in _unreadable(number, block)
    ]
    problems += [problem for one in _numbered(text) for problem in _problems_of_content(*one, now)]
    return tuple(sorted(problems, key=lambda problem: problem.level))


def readable_certificates(text: str) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text, those left out that cannot be read."""
    return tuple(certificate for _number, certificate in _numbered(text))


def subject_of(certificate: x509.Certificate) -> str:
    """Whom a certificate is about, as people name it; never empty."""
    return _name(certificate, "subject") or next(iter(names_of(certificate)), "a certificate without a name")


def issuer_of(certificate: x509.Certificate) -> str:
    """Who signed it, as people name them; never empty."""
    return _name(certificate, "issuer") or "an authority without a name"


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses a server may use it for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = found.get_values_for_type(x509.DNSName)
        addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError, UnsupportedAlgorithm):
        return ()
    return tuple(_PLAIN(name) for name in [*dns, *addresses][:_MOST_NAMES])


def is_authority(certificate: x509.Certificate) -> bool:
    """May it sign others? Version 1 certificates cannot say so; a self-signed one is taken as one, as OpenSSL does."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1 and is_self_signed(certificate)
    except (x509.DuplicateExtension, ValueError, UnsupportedAlgorithm):
        return False
    return found.ca


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Is it its own issuer, as roots are?"""
    return issued(certificate, certificate)


def issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Do the name and the signature of `certificate` say that `issuer` signed it?"""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_expired(certificate: x509.Certificate, now: datetime) -> bool:
    """`now` is aware."""
    return certificate.not_valid_after_utc < now


def is_not_yet_valid(certificate: x509.Certificate, now: datetime) -> bool:
    """`now` is aware."""
    return certificate.not_valid_before_utc > now


def day(moment: datetime) -> str:
    """A date as every reader understands it.

    >>> day(datetime(2027, 3, 4, 23, 59, tzinfo=UTC))
    '2027-03-04'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def _blocks(text: str) -> list[str]:
    return _BLOCK.findall(text)


def _certificate(block: str) -> x509.Certificate | None:
    """None for what cannot be read; the library decodes names and dates only when they are asked for."""
    try:
        certificate = x509.load_pem_x509_certificate(block.encode("utf-8", "replace"))
        _ = certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None
    return certificate


def _numbered(text: str) -> list[_Numbered]:
    read = ((number, _certificate(block)) for number, block in enumerate(_blocks(text), start=1))
    return [(number, certificate) for number, certificate in read if certificate is not None]


def _in_words(one: _Numbered, signed_by: int | None, now: datetime) -> CertificateInWords:
    number, certificate = one
    return CertificateInWords(
        number=number,
        subject=subject_of(certificate),
        issuer=issuer_of(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_expired=is_expired(certificate, now),
        is_ca=is_authority(certificate),
        is_self_signed=is_self_signed(certificate),
        names=names_of(certificate),
        signed_by=signed_by,
        words=", ".join(_words(certificate, now)),
    )


def _words(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    if is_self_signed(certificate):
        yield f"`{subject_of(certificate)}`, signed by itself"
    else:
        yield f"`{subject_of(certificate)}`, signed by `{issuer_of(certificate)}`"
    yield "an authority" if is_authority(certificate) else "no authority"
    if is_expired(certificate, now):
        yield f"expired on {day(certificate.not_valid_after_utc)}"
    elif is_not_yet_valid(certificate, now):
        yield f"valid from {day(certificate.not_valid_before_utc)}"
    else:
        yield f"valid until {day(certificate.not_valid_after_utc)}"


def _signer(one: _Numbered, found: Sequence[_Numbered]) -> int | None:
    """The number of the certificate that signed this one; of several with the same name and key the first."""
    number, certificate = one
    return next((other for other, candidate in found if other != number and issued(candidate, certificate)), None)


def _place_in_chain(one: CertificateInWords) -> str:
    if one.is_self_signed:
        return f"{one.number} is `{one.subject}`, signed by itself"
    if one.signed_by is not None:
        return f"{one.signed_by} signs {one.number}, `{one.subject}`"
    return f"the issuer `{one.issuer}` of certificate {one.number}, `{one.subject}`, is not among them"


def _unreadable(number: int, block: str) -> Iterator[Problem]:
    """What core lets pass, because it is base64 of one DER sequence, and what is no certificate all the same."""
    core_says = any(problem.level == "error" for problem in problems_of(CERTIFICATE_KEY, block))
    if _certificate(block) is None and not core_says:
        yield Problem(
            "certificate-unreadable",
            f"certificate {number} of the text is no X.509 certificate that can be read",
            "export it again as PEM",
            number,
        )


def _problems_of_content(number: int, certificate: x509.Certificate, now: datetime) -> Iterator[Problem]:
    if is_expired(certificate, now):
        yield Problem(
            "certificate-expired",
            f"certificate {number} of the text expired on {day(certificate.not_valid_after_utc)}, and what it signed is"
            " refused",
            "replace it by the one that is in use now",
            number,
        )
    elif is_not_yet_valid(certificate, now):
        yield Problem(
            "certificate-not-yet-valid",
            f"certificate {number} of the text is valid from {day(certificate.not_valid_before_utc)} on, and until then"
            " whatever it signed is refused",
            "keep the previous one beside it until then, or look at the clock of the machine that made it",
            number,
        )
    if not is_authority(certificate):
        yield Problem(
            "certificate-is-no-authority",
            f"certificate {number} of the text is no authority, so it vouches for no other certificate",
            "store the certificate of the authority that signed it, its root included",
            number,
        )


_NAME_PARTS: Final = (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME)


def _name(certificate: x509.Certificate, whose: Literal["subject", "issuer"]) -> str:
    """The common name, or the unit, with the organisation behind it; without all three, whatever there is."""
    name = certificate.subject if whose == "subject" else certificate.issuer
    common, unit, organisation = (_attribute(name, part) for part in _NAME_PARTS)
    first = common or unit or organisation
    if not first:
        return _PLAIN(name.rfc4514_string())
    return first if organisation in {"", first} else f"{first} ({organisation})"


def _attribute(name: x509.Name, part: x509.ObjectIdentifier) -> str:
    return next((_PLAIN(str(found.value), 80) for found in name.get_attributes_for_oid(part)), "")
