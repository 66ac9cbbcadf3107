"""Package sources that need no pip to be read: settings that say where the indexes are, and nothing else.

Who wins among them is decided by `effective_options`, as everywhere. What is judged here is only whether anything could
make pip do more than ask those indexes; where there is a doubt, there is no answer.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from wheelyard.core.pip.answer import EffectiveOptions
from wheelyard.core.pip.conf import parse_conf
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import effective_options
from wheelyard.core.pip.variables import environment_layer
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.url_masking import split_url

__all__ = ["PlainSources", "authorization", "page_of", "plain_sources"]

_PLAIN = frozenset({"index-url", "extra-index-url", "cert"})

_MEDDLES = re.compile(
    r"_?PIP_(?!INDEX_URL$|EXTRA_INDEX_URL$|CERT$).*|PYTHON.*|LD_.*|XDG_.*|OPENSSL_.*|NETRC|SSL_CERT_DIR"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|\w*_PROXY",
    re.IGNORECASE,
)
"""Variables that could make pip, or the Python it runs on, do something else."""

_SECURE_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_HARMLESS = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""What compute always sets."""


@dataclass(frozen=True, slots=True)
class PlainSources:
    """The indexes that pip asks, and the path of the certificate bundle it trusts."""

    indexes: tuple[SafeUrl, ...]
    certificate: str


def page_of(index: SafeUrl, project: str) -> str:
    """The address of a project's simple page, without credentials."""
    return f"{_bare(index).rstrip('/')}/{project}/"


def authorization(index: SafeUrl, url: str) -> Secret[str] | None:
    """The header pip sends for what this index listed: its credentials are for everything on its host."""
    if index.user_info is None or urlsplit(_bare(index)).netloc != urlsplit(url).netloc:
        return None
    user, _, password = index.user_info.reveal().partition(":")
    words = f"{unquote(user)}:{unquote(password)}".encode("latin-1")
    return Secret("Basic " + base64.b64encode(words).decode())


def plain_sources(
    variables: Mapping[str, Secret[str]], conf: Secret[str], index_url: Secret[str] | None, pip: str
) -> PlainSources | None:
    """What this pip asks with these variables and this global file; None where anything else is set.

    Args:
        variables: the whole environment of pip's process.
        conf: text of its global file; there is no other one.
        index_url: a library's own `repo`, which pip is given on its command line.
        pip: its version.
    """
    layers = [parse_conf(conf.reveal(), "the global file", LayerKind.GLOBAL_FILE), environment_layer(variables)]
    if index_url is not None:
        layers.append(Layer.of(LayerKind.COMMAND_LINE, "the library's repo", {"index-url": index_url}))
    if any(_meddles(name, value.reveal()) for name, value in variables.items()) or _says_more(layers[0]):
        return None
    sources = _sources(effective_options(layers, Installer.parse(f"pip=={pip}")))
    own_store = variables.get("SSL_CERT_FILE")
    if sources is None or (own_store is not None and own_store.reveal() != sources.certificate):
        return None
    return sources


def _meddles(name: str, value: str) -> bool:
    return _HARMLESS.get(name) != value and _MEDDLES.fullmatch(name) is not None


def _says_more(file: Layer) -> bool:
    return file.refusal is not None or any(file.option_name(setting) not in _PLAIN for setting in file.settings)


def _sources(answer: EffectiveOptions) -> PlainSources | None:
    others = (answer.find_links, answer.trusted_hosts, answer.client_certificate, answer.requirements)
    if answer.refusal or answer.index is None or answer.certificate is None or any(others) or answer.constraints:
        return None
    indexes = tuple(source.value for source in answer.indexes)
    return PlainSources(indexes, answer.certificate.value) if all(map(_is_plain, indexes)) else None


def _is_plain(index: SafeUrl) -> bool:
    """An address pip asks without being told to trust it, written so that nobody reads it differently."""
    try:
        text = index.reveal()
        parts = urlsplit(text)
        text.encode("ascii")
        unquote(parts.netloc).encode("latin-1")
        known_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    if not host or not known_port or parts.query or parts.fragment or "\\" in text or any(map(str.isspace, text)):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_secure_without_tls(host))


def _is_secure_without_tls(host: str) -> bool:
    """Source: pip, `SECURE_ORIGINS`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return any(address in network for network in _SECURE_NETWORKS)


def _bare(index: SafeUrl) -> str:
    before, _user_info, rest = split_url(index.reveal())
    return before + rest.removeprefix("@")
