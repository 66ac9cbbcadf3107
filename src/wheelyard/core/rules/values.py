"""What can be wrong with a value of the reserved scope, one row each: how bad it is, what goes wrong, and who says so.

A row holds what is true of every case; a `Problem` is one case of it, worded where the value is looked at
(`core/package_sources.py`, `core/certificate_text.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from wheelyard.core.rules.runtimes import Confidence

__all__ = ["VALUE_RULES", "Level", "Problem", "ValueRule", "value_rule"]

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ValueRule:
    """One row.

    Args:
        id: kebab-case; the reference of the refusal too.
        level: an error is not stored, a warning is.
        why: one sentence: what goes wrong, and for whom.
        on_page: what to do where a form is, when that differs from the command line's hint.
        sees: what has to be looked at to know: the text of the value, the certificates in it, or the form it was typed
            into beside what is stored.
    """

    id: str
    level: Level
    why: str
    source: str
    confidence: Confidence
    sees: Literal["text", "certificate", "form"] = "text"
    on_page: str = ""


_DELIVERY = "facts/delivery.md"
_PACKAGING = "facts/packaging.md"
_BOTH_PIPS = "measured with pip 23.2.1 and 26.3"

VALUE_RULES: tuple[ValueRule, ...] = (
    ValueRule(
        "value-too-long",
        "error",
        "a secret holds at most 128 KB, so no workspace takes the value",
        f"{_DELIVERY} 1.5",
        "documented",
    ),
    ValueRule(
        "value-is-empty",
        "error",
        "pip takes an empty value as not set and asks the next place, in the end the public index, and tells nobody",
        f"{_DELIVERY} 0.2-9",
        "measured",
    ),
    ValueRule(
        "secret-has-trailing-newline",
        "error",
        "the newline becomes part of the URL, so pip asks for an address that nobody serves and every install fails",
        f"{_DELIVERY} 0.2-8 and 1.7",
        "measured",
    ),
    ValueRule(
        "secret-has-white-space",
        "error",
        "white space behind a URL becomes part of it (`/simple%20/…`), and before it old pips ignore the whole URL",
        f"{_BOTH_PIPS}; {_DELIVERY} 1.7",
        "measured",
    ),
    ValueRule(
        "control-character",
        "error",
        "pip escapes the character and asks for an address that nobody serves, and no output shows the difference",
        f"{_BOTH_PIPS}; RFC 3986 2",
        "measured",
    ),
    ValueRule(
        "value-is-quoted",
        "error",
        "the quotation mark becomes part of the URL, so pip calls it invalid and every install fails",
        f"{_DELIVERY} 0.2-10",
        "measured",
    ),
    ValueRule(
        "url-is-certificate",
        "error",
        "installers would take the certificate for the index's URL, and every install would fail",
        f"{_DELIVERY} 1.1",
        "documented",
        on_page="put it into the field for the certificate",
    ),
    ValueRule(
        "index-url-has-white-space",
        "error",
        "pip takes everything as one URL (`/simple%20https://…`) and asks for an address that nobody serves",
        f"{_BOTH_PIPS}; {_DELIVERY} 1.1",
        "measured",
        on_page="put further URLs into fields of their own; inside a password write `%20`",
    ),
    ValueRule(
        "extras-comma",
        "error",
        "only white space separates extra indexes: with a comma pip reads one broken URL and asks none of them",
        f"{_DELIVERY} 0.2-7",
        "measured",
    ),
    ValueRule(
        "index-url-without-scheme",
        "error",
        "pip takes the text for a path that does not exist and ignores it, so every install finds nothing",
        f"{_BOTH_PIPS}; {_DELIVERY} 0.2-10",
        "measured",
    ),
    ValueRule(
        "url-too-long",
        "error",
        "servers and proxies should take 8,000 characters of address; many refuse a longer one, so installs fail",
        "RFC 9110 4.1 and RFC 9112 3",
        "documented",
    ),
    ValueRule(
        "raw-character-in-password",
        "error",
        "the raw character ends the host part early, and pip prints the whole URL with its password and then fails",
        f"{_PACKAGING} A5",
        "measured",
    ),
    ValueRule(
        "bad-escape",
        "error",
        "`%` begins an escape of two hexadecimal digits, so programs disagree about which password is meant",
        "RFC 3986 2.1",
        "documented",
    ),
    ValueRule(
        "raw-at-in-password",
        "warning",
        "pip splits at the last `@`; a program that splits at the first sends a part of the password as a host name",
        f"{_BOTH_PIPS}; {_PACKAGING} A5; RFC 3986 3.2.1",
        "measured",
    ),
    ValueRule(
        "bad-host",
        "error",
        "without a host and a port that can be read there is nobody to ask, and pip ends in an error",
        _BOTH_PIPS,
        "measured",
    ),
    ValueRule(
        "credentials-over-http",
        "warning",
        "everybody on the way can read the credentials and exchange the packages",
        "RFC 7617 4",
        "documented",
    ),
    ValueRule(
        "too-many-extras",
        "error",
        "pip asks every extra index for every project, which slows installs down, and passes over one that fails",
        f"{_PACKAGING} A3",
        "measured",
    ),
    ValueRule(
        "extras-asked-equally",
        "warning",
        "pip asks the index and every extra index equally and takes the highest version, so a public project with the "
        "name of one of yours can win (dependency confusion)",
        f"{_DELIVERY} 0.2-4; {_PACKAGING} A3; pip documentation, `--extra-index-url`",
        "measured",
    ),
    ValueRule(
        "certificate-is-key",
        "error",
        "every user of the workspace may read the value, and whoever has the private key can pass for its owner",
        f"{_DELIVERY} 1.1 and 1.4",
        "documented",
    ),
    ValueRule(
        "certificate-is-der",
        "error",
        "installers read PEM text: binary DER, or its base64 without BEGIN and END lines, is no certificate to them",
        f"{_DELIVERY} 1.1; RFC 7468 2",
        "documented",
    ),
    ValueRule(
        "cert-is-path",
        "error",
        "the value is the certificate itself, and a path names nothing on the machine where the install runs",
        f"{_DELIVERY} 1.1",
        "documented",
        on_page="choose the file below the field, or paste its text",
    ),
    ValueRule(
        "not-a-certificate",
        "error",
        "installers find no certificate in the value, so no connection to an index behind a private CA succeeds",
        f"{_DELIVERY} 1.1; RFC 7468 5",
        "documented",
    ),
    ValueRule(
        "certificate-line-breaks",
        "error",
        "PEM text has real line breaks; where they are written out nothing can be decoded",
        "RFC 7468 2",
        "documented",
    ),
    ValueRule(
        "certificate-is-cut",
        "error",
        "a certificate without its end cannot be decoded, and those behind it are lost with it",
        "RFC 7468 2",
        "documented",
    ),
    ValueRule(
        "too-many-certificates",
        "error",
        "a private CA needs a root and a few intermediates; a longer list is most likely a copy of the public roots, "
        "which installers get anyway and which nobody would keep up to date here",
        f"{_DELIVERY} 4.5; {_PACKAGING} A6",
        "inferred",
    ),
    ValueRule(
        "certificate-unreadable",
        "error",
        "one block that is no certificate makes OpenSSL refuse the whole list, so no connection at all can be proved",
        "measured with Python's ssl and OpenSSL 3",
        "measured",
        sees="certificate",
    ),
    ValueRule(
        "certificate-expired",
        "error",
        "a connection that is proved by an expired certificate is refused, so every install from that index fails",
        "RFC 5280 6.1.3",
        "documented",
        sees="certificate",
    ),
    ValueRule(
        "certificate-not-yet-valid",
        "warning",
        "until its first day a certificate proves nothing, so installs from that index fail till then",
        "RFC 5280 6.1.3",
        "documented",
        sees="certificate",
    ),
    ValueRule(
        "certificate-is-no-authority",
        "warning",
        "installers take the value as a list of authorities: a server's own certificate proves no other, and itself "
        "only when it is self-signed",
        "RFC 5280 6.1.4; measured with Python's ssl and OpenSSL 3",
        "measured",
        sees="certificate",
    ),
    ValueRule(
        "mask-without-credential",
        "error",
        "the mask is shown in place of a credential, and no credential goes to a user or host it was not stored for",
        "a rule of the settings page",
        "documented",
        sees="form",
    ),
    ValueRule(
        "certificate-given-twice",
        "error",
        "only one certificate text can be stored, and guessing which one was meant could store the wrong one",
        "the form itself",
        "measured",
        sees="form",
    ),
)
"""In the order in which a page of rules reads best: any value, URLs, extra indexes, certificates."""

_BY_ID = MappingProxyType({row.id: row for row in VALUE_RULES})


def value_rule(rule_id: str) -> ValueRule:
    """The row of this id.

    Raises:
        KeyError: no row has it; a problem without a row is a mistake of whoever reports it.
    """
    return _BY_ID[rule_id]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a value. The text never holds any of the value.

    Args:
        rule_id: its row, which says how bad it is, why, and who says so.
        number: which URL or certificate of the value, from 1; 0 for the value as a whole.
    """

    rule_id: str
    text: str
    hint: str = ""
    number: int = 0

    @property
    def level(self) -> Level:
        return value_rule(self.rule_id).level

    @property
    def why(self) -> str:
        return value_rule(self.rule_id).why

    @property
    def next_on_page(self) -> str:
        """What to do next where a form is."""
        return value_rule(self.rule_id).on_page or self.hint

    @property
    def source(self) -> str:
        return value_rule(self.rule_id).source

    @property
    def confidence(self) -> Confidence:
        return value_rule(self.rule_id).confidence
