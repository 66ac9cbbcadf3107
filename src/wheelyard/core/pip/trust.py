"""Whose certificates an installer believes, and which setting decided it."""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.pip.answer import Sourced
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.ledger import Ledger
from wheelyard.core.pip.options import option_named
from wheelyard.core.pip.placement import Placed
from wheelyard.core.rules.installers import behaviour

__all__ = ["BROUGHT_ALONG", "BUNDLE_VARIABLES", "STORE_VARIABLES", "SYSTEM_STORE", "trust_of"]

BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Stronger than `cert`, in this order. Source: facts/packaging.md A6."""

STORE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where OpenSSL looks instead of the system's own store."""

SYSTEM_STORE = "system certificates"
BROUGHT_ALONG = "certificates that pip brings along"


def trust_of(
    book: Ledger, variables: Iterable[Placed], installer: Installer
) -> tuple[Sourced[str] | None, tuple[Sourced[str], ...]]:
    """The bundle in force, and everything pip trusts, strongest first. A bundle that replaces the rest stands alone.

    Source: facts/packaging.md A6.
    """
    found = {placed.name: placed for placed in variables if placed.text}
    option = option_named("cert")
    assert option is not None
    chosen = book.last_text("cert")
    if not _switched_off(book, installer):
        for name in BUNDLE_VARIABLES:
            if name in found:
                bundle = found[name]
                made = book.enter(option, (bundle.text,), name, bundle.layer.kind)
                book.replace(option, made, f"replaced by variable {name}, which pip's HTTP library puts above `cert`")
                chosen = book.last_text("cert")
                break
    if not _looks_at_system(book, installer):
        return chosen, (chosen or Sourced(BROUGHT_ALONG, installer.name),)
    store = tuple(Sourced(found[name].text, name) for name in STORE_VARIABLES if name in found)
    trusted = (
        *((chosen,) if chosen else ()),
        *(store or (Sourced(SYSTEM_STORE, "system"),)),
        Sourced(BROUGHT_ALONG, installer.name),
    )
    return chosen or next(iter(store), None), trusted


def _switched_off(book: Ledger, installer: Installer) -> bool:
    rule = behaviour("proxy-and-ca-variables", "pip", installer.version)
    proxy = book.last_text("proxy")
    if rule == "variables-count" or (proxy is None and rule == "proxy-switches-off"):
        return False
    if rule == "proxy-switches-off":
        return bool(proxy and proxy.value)
    return proxy is not None or book.truth("no-proxy-env") is not None


def _looks_at_system(book: Ledger, installer: Installer) -> bool:
    if behaviour("system-certificates", "pip", installer.version) == "opt-in":
        return any(feature.value == "truststore" for feature in book.texts("use-feature"))
    return all(feature.value != "legacy-certs" for feature in book.texts("use-deprecated"))
