"""What text can be told to be, or not to be, without reading the certificates in it.

People paste what their tools give them: a key, a path, binary DER that an editor or a browser has turned into text, the
base64 of a certificate without the lines around it. Each is named for what it is.

Source: RFC 7468 (PEM), X.690 8.1 (DER), RFC 5280 4.1; keys begin with a version number: RFC 5958 2, RFC 8017 A.1.2,
RFC 5915 3, RFC 7292 4.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from wheelyard.core.rules.values import Problem

__all__ = ["MOST_CERTIFICATES", "certificate_text_problems", "is_binary_der"]

MOST_CERTIFICATES: Final = 10

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_BLOCK = re.compile(rf"{_BEGIN}(.*?)(?:{_END}|(?=-----BEGIN)|$)", re.DOTALL)

# DER of this size begins with the bytes 0x30 and 0x81 or 0x82: read as Latin-1, as UTF-8 with replacement or with
# escapes, and as Windows-1252. A key, or a PKCS #12 file that holds one, goes on with a version number, a certificate
# with a sequence.
_BINARY_DER = re.compile("0[\x81\x82\ufffd\udc81\udc82\u201a]")
_BINARY_KEY = re.compile("0.{1,3}\x02\x01[\x00\x01\x03]", re.DOTALL)
_PATH = re.compile(r"(~?\.{0,2}/|[A-Za-z]:\\|file:|dbfs:)\S*|\S+\.(pem|crt|cer|der)")


def certificate_text_problems(value: str) -> Iterator[Problem]:
    """What is wrong with a value that should be PEM certificates; nothing for an empty one."""
    text = value.strip()
    if "PRIVATE KEY-----" in text or _BINARY_KEY.match(text):
        yield _key()
    elif _BEGIN in text:
        yield from _blocks(text)
    elif is_binary_der(text):
        yield Problem(
            "certificate-is-der",
            "the value is binary (DER), and PEM text is needed",
            "openssl x509 -inform der -in FILE -out ca.pem, then store ca.pem",
        )
    elif _PATH.fullmatch(text):
        yield Problem(
            "cert-is-path",
            "the value looks like a path, and the certificate itself is needed",
            "databricks secrets put-secret … pip-cert < FILE",
        )
    elif text:
        yield from _neither(text)


def is_binary_der(value: str) -> bool:
    """Whether the text is what a decoder makes of binary DER."""
    text = value.lstrip()
    return bool(_BINARY_DER.match(text) or _BINARY_KEY.match(text))


def _key() -> Problem:
    return Problem(
        "certificate-is-key", "the value holds a private key", "store the certificate only, and replace the key"
    )


def _neither(text: str) -> Iterator[Problem]:
    content = _sequence_content("".join(text.split()))
    if content is None:
        yield Problem(
            "not-a-certificate", f"the value holds no `{_BEGIN}`", "give the whole PEM file, that line included"
        )
    elif content[:2] == b"\x02\x01":
        yield _key()
    else:
        yield Problem(
            "certificate-is-der",
            "the value is the base64 of a certificate without its BEGIN and END lines",
            f"put `{_BEGIN}` before it and `{_END}` behind it, each on a line of its own",
        )


def _blocks(text: str) -> Iterator[Problem]:
    begins, ends = text.count(_BEGIN), text.count(_END)
    if begins > MOST_CERTIFICATES:
        yield Problem(
            "too-many-certificates",
            f"the value holds {begins} certificates, {MOST_CERTIFICATES} are the most",
            "keep the root of your own CA and its intermediates; installers bring the public roots",
        )
    elif "\\n" in text:
        yield Problem(
            "certificate-line-breaks",
            "the line breaks are written as `\\n`",
            "store the file as it is, with real line breaks",
        )
    elif begins != ends:
        yield Problem(
            "certificate-is-cut",
            f"a certificate has no `{_END}`: the text is cut off",
            "give the whole PEM file, its last line included",
        )
    else:
        yield from _undecodable(text)


def _undecodable(text: str) -> Iterator[Problem]:
    for number, block in enumerate(_BLOCK.findall(text), start=1):
        if _sequence_content("".join(block.split())) is None:
            yield Problem("not-a-certificate", f"certificate {number} of the text cannot be decoded", "", number)


def _sequence_content(text: str) -> bytes | None:
    """What is inside base64 of one DER sequence with nothing behind it, as every certificate is; None for the rest."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) < 4 or data[0] != 0x30:
        return None
    if data[1] < 0x80:
        start, size = 2, data[1]
    else:
        start = 2 + (data[1] & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    return data[start:] if len(data) == start + size else None
