"""What admins type and choose that cannot be stored, and what the page must say to it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from tests.control.package_repositories.authorities import Made
from tests.pages.certificates_made import authority, der_of, key_der_of, key_pem_of

__all__ = ["BAD", "Bad", "good_authority"]

LONG = "https://pkgs.example.com/simple/"


@dataclass(frozen=True)
class Bad:
    """One mistake.

    Args:
        place: where it is made: index_url, extras or certificate.
        says: words of the message next to that field, and of its reason.
        make: the text, or the content of the file that is chosen.
        is_file: the certificate is chosen as a file.
        shown_back: False for what must not stand in a page: it is dropped, and the message says so.
    """

    id: str
    place: str
    says: tuple[str, ...]
    make: Callable[[], str | bytes] = field(repr=False)
    is_file: bool = False
    shown_back: bool = True


@cache
def good_authority() -> Made:
    return authority()


@cache
def _expired() -> Made:
    return authority("Example Corp Old Root", days=(-4000, -12))


def _twenty() -> str:
    return good_authority().pem * 20


def _much() -> str:
    return "\n".join(["# our own authorities, all of them", good_authority().pem, "# " + "x" * 76]) + (
        "\n# " + "y" * 77
    ) * (200 * 1024 // 80)


BAD: tuple[Bad, ...] = (
    Bad(
        "key",
        "certificate",
        ("holds a private key", "replace the key"),
        lambda: key_pem_of(good_authority()),
        shown_back=False,
    ),
    Bad(
        "key as DER",
        "certificate",
        ("holds a private key",),
        lambda: key_der_of(good_authority()),
        is_file=True,
        shown_back=False,
    ),
    Bad("expired", "certificate", ("expired on",), lambda: _expired().pem),
    Bad("DER", "certificate", ("binary (DER)", "PEM text is needed"), lambda: der_of(good_authority()), is_file=True),
    Bad(
        "base64 without its lines",
        "certificate",
        ("base64 of a certificate without its BEGIN and END lines",),
        lambda: base64.b64encode(der_of(good_authority())).decode(),
    ),
    Bad("twenty", "certificate", ("20 certificates", "10 are the most"), _twenty),
    Bad("200 KB", "certificate", ("at most 131072",), _much),
    Bad("200 KB in a file", "certificate", ("at most 131072",), lambda: _much().encode(), is_file=True),
    Bad("path", "certificate", ("looks like a path", "the certificate itself"), lambda: "/etc/ssl/certs/example.pem"),
    Bad("cut", "certificate", ("cut off",), lambda: good_authority().pem[:200]),
    Bad("10,000 characters", "index_url", ("at most 8000",), lambda: LONG + "a" * (10_000 - len(LONG))),
    Bad(
        "a hundred",
        "extras",
        ("holds 100 extra index URLs", "20 are the most"),
        lambda: " ".join(f"https://pkgs.example.com/{number}/simple/" for number in range(100)),
    ),
    Bad(
        "white space inside",
        "index_url",
        ("holds white space", "one URL is needed"),
        lambda: "https://pkgs.example.com/simple/ https://other.example.com/simple/",
    ),
    Bad(
        "comma",
        "extras",
        ("separated by a comma", "one broken URL"),
        lambda: "https://pkgs.example.com/a/simple/,https://pkgs.example.com/b/simple/",
    ),
    Bad("quotes", "index_url", ("quotation mark",), lambda: '"https://pkgs.example.com/simple/"'),
    Bad("PEM as URL", "index_url", ("PEM text, and a URL is needed",), lambda: good_authority().pem),
    Bad(
        "raw characters in a password",
        "index_url",
        ("hold a raw", "and pip would print them in clear"),
        lambda: "https://build:pa/ss#word-of-9f2c@pkgs.example.com/simple/",
    ),
    Bad("no scheme", "index_url", ("does not start with",), lambda: "pkgs.example.com/simple/"),
    Bad("no host", "index_url", ("names no host",), lambda: "https:///simple/"),
    Bad("bad escape", "index_url", ("that no two hexadecimal digits follow",), lambda: "https://pkgs.example.com/%zz/"),
)
