"""What lint rows ask, one small question each.

An answer is the things found, as words for the row's text; none means "fine".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from packaging.specifiers import SpecifierSet

from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.options import CLUSTER_PREFIX, PIP_PREFIX
from wheelyard.core.redaction import SafeUrl
from wheelyard.core.rules.deliveries import runtime_number
from wheelyard.core.rules.facts import Facts, InitScript, LibrarySpec
from wheelyard.core.rules.installers import behaviour
from wheelyard.core.url_masking import user_infos

__all__ = ["Found", "Predicate"]

Found = tuple[str, ...]
Predicate = Callable[[Facts], Found]

_CONFIG_FILE, _COMMAND_LINE, _REQUIREMENTS = LayerKind.CONFIG_FILE, LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS
_OF_A_COMMAND = frozenset({LayerKind.COMMAND_LINE, LayerKind.LIBRARY_REPO, LayerKind.REQUIREMENTS})
_VARIABLES = frozenset({LayerKind.ENVIRONMENT, LayerKind.CLUSTER_VARIABLES})
_CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def yes(applies: bool, word: str) -> Found:  # noqa: FBT001  one question, one answer
    return (word,) if applies else ()


def runtime_is(facts: Facts, versions: str) -> bool:
    return _within(runtime_number(facts.compute.runtime_version), versions)


@lru_cache(maxsize=256)
def _within(number: str, versions: str) -> bool:
    return bool(number) and SpecifierSet(versions).contains(number)


def cluster_variables_too_early(facts: Facts) -> Found:
    if facts.compute.kind != "classic" or not runtime_is(facts, "<15.1"):
        return ()
    return tuple(name for name in facts.compute.variables if name.startswith(CLUSTER_PREFIX))


def pip_variables_on_serverless(facts: Facts) -> Found:
    if facts.compute.kind != "serverless":
        return ()
    return tuple(name for name in facts.compute.variables if name.startswith((CLUSTER_PREFIX, PIP_PREFIX)))


def scripts(wanted: Callable[[Facts, InitScript], bool]) -> Predicate:
    return lambda facts: tuple(script.path for script in facts.init_scripts if wanted(facts, script))


def libraries(wanted: Callable[[Facts, LibrarySpec], bool]) -> Predicate:
    return lambda facts: tuple(SafeUrl(spec.text).__str__() for spec in facts.libraries if wanted(facts, spec))


def not_allowed(facts: Facts, script: InitScript) -> bool:
    """A cluster-scoped script in standard mode that no allowlist prefix covers; an unread allowlist accuses nobody."""
    if facts.access_mode != "standard" or script.scope != "cluster" or not runtime_is(facts, ">=13.3"):
        return False
    return facts.allowlist is not None and not script.path.startswith(facts.allowlist)


def default_switched_off(facts: Facts) -> Found:
    applies = (
        facts.compute.kind == "classic" and facts.compute.workspace_default is not None and facts.switch_on is False
    )
    return yes(applies, f"clusters created through the {facts.compute.created_through}")


def inherited_extras(facts: Facts) -> Found:
    """Extra indexes that stay although a command line or library names an index of its own."""
    options = facts.options
    if options is None or options.strategy != "best version" or options.index is None:
        return ()
    if options.index.kind not in _OF_A_COMMAND or options.index.kind is _REQUIREMENTS:
        return ()
    kept = [source for source in options.extra_indexes if source.kind not in _OF_A_COMMAND]
    return tuple(dict.fromkeys(source.origin for source in kept))


def several_indexes(facts: Facts) -> Found:
    """Any extra index beside a private one: whoever owns a name on one of them can win it on all."""
    options = facts.options
    if options is None or options.strategy != "best version" or not options.extra_indexes:
        return ()
    return (str(len(options.indexes)),)


def requirements_reset(facts: Facts) -> Found:
    options = facts.options
    if options is None or options.index is None or options.index.kind is not _REQUIREMENTS:
        return ()
    if facts.compute.installer.name != "pip":
        return ()
    return (options.index.origin,)


def requirements_lose(facts: Facts) -> Found:
    """With uv an `--index-url` line that did not win."""
    if facts.options is None or facts.compute.installer.name != "uv":
        return ()
    return tuple(
        verdict.origin
        for verdict in facts.options.verdicts
        if verdict.kind is _REQUIREMENTS and verdict.option == "index-url" and not verdict.wins
    )


def trailing_space(facts: Facts) -> Found:
    stored = [key for key, value in facts.stored.items() if value != value.rstrip() and not key.endswith("cert")]
    variables = [
        setting.name
        for layer in facts.layers
        if layer.kind in _VARIABLES
        for setting in layer.settings
        if setting.name.endswith("INDEX_URL")
        and "EXTRA" not in setting.name
        and _ends_with_space(setting.text.reveal())
    ]
    return tuple(dict.fromkeys([*stored, *variables]))


def comma_in_extras(facts: Facts) -> Found:
    stored = [key for key, value in facts.stored.items() if "extra-index" in key and "," in value]
    layers = [
        layer.origin_of(setting)
        for layer in facts.layers
        for setting in layer.settings
        if layer.option_name(setting) == "extra-index-url" and "," in setting.text.reveal()
    ]
    return tuple(dict.fromkeys([*stored, *layers]))


def certificate_is_path(facts: Facts) -> Found:
    value = facts.stored.get("pip-cert", "").strip()
    sources = facts.compute.workspace_default
    value = value or (sources.certificate or "" if sources else "").strip()
    return yes(bool(value) and "-----BEGIN" not in value and "\n" not in value, "pip-cert")


def variable_is_pem(facts: Facts) -> Found:
    found = (name for name in _CERTIFICATE_VARIABLES if name in facts.compute.variables)
    return tuple(name for name in found if "-----BEGIN" in facts.compute.variables[name].reveal())


def bundle_replaces(facts: Facts) -> Found:
    options = facts.options
    installer = facts.compute.installer
    if (
        options is None
        or options.certificate is None
        or installer.name != "pip"
        or facts.bundle_has_public_roots is not False
    ):
        return ()
    replaces = behaviour("system-certificates", "pip", installer.version) == "opt-in"
    return yes(replaces and options.asks_public_index, options.certificate.value)


def uv_is_blind(facts: Facts) -> Found:
    """uv, with index settings that only pip reads, and none of uv's own."""
    if facts.compute.installer.name != "uv" or facts.options is None:
        return ()
    unread = [v for v in facts.options.verdicts if "uv reads no pip settings" in v.why and "index" in v.option]
    own = facts.options.index is not None and facts.options.index.kind not in {None, LayerKind.PUBLIC_INDEX}
    return () if own or facts.options.extra_indexes else tuple(dict.fromkeys(verdict.origin for verdict in unread))


def uv_command_loses(facts: Facts) -> Found:
    if facts.compute.installer.name != "uv" or facts.options is None:
        return ()
    lost = (v for v in facts.options.verdicts if v.kind is _COMMAND_LINE and v.option == "index-url" and not v.wins)
    return tuple(verdict.why for verdict in lost)


def tokens_in_specs(facts: Facts) -> Found:
    places = [place for place, texts in facts.texts.items() if any(_has_credentials(text) for text in texts)]
    if any(_has_credentials(line) for line in facts.compute.dependencies):
        places.append("dependencies")
    if facts.compute.library_repo is not None and facts.compute.library_repo.has_credentials:
        places.append("pypi.repo")
    return tuple(dict.fromkeys(places))


def users_may_write(facts: Facts) -> Found:
    held = (facts.scope_acl or {}).get("users", "")
    return yes(held in {"MANAGE", "WRITE"}, held)


def run_as_cannot_read(facts: Facts) -> Found:
    return yes(facts.run_as_reads_scope is False, facts.compute.name)


def quote_in_value(facts: Facts) -> Found:
    if facts.compute.kind != "classic":
        return ()
    return tuple(name for name, value in facts.compute.variables.items() if "'" in value.reveal())


def mode_absent(facts: Facts) -> Found:
    return yes(facts.compute.kind == "classic" and not facts.compute.access_mode, facts.compute.name)


def config_file_missing(facts: Facts) -> Found:
    return _config_files(facts.layers, "missing")


def config_file_not_seen(facts: Facts) -> Found:
    return _config_files(facts.layers, "not seen")


def quotes_in_index(facts: Facts) -> Found:
    return tuple(
        dict.fromkeys(
            layer.origin_of(setting)
            for layer in facts.layers
            if layer.kind is not _COMMAND_LINE
            for setting in layer.settings
            if layer.option_name(setting) in {"index-url", "extra-index-url"}
            and setting.text.reveal()[:1] in {"'", '"'}
        )
    )


def unreadable(facts: Facts) -> Found:
    return facts.compute.unreadable


def requests_bundle_wins(facts: Facts) -> Found:
    options = facts.options
    if options is None or options.certificate is None:
        return ()
    lost = [v for v in options.verdicts if v.option == "cert" and not v.wins and "HTTP library" in v.why]
    return tuple(dict.fromkeys(verdict.origin for verdict in lost))


def _config_files(layers: Iterable[Layer], state: str) -> Found:
    return tuple(layer.origin for layer in layers if layer.kind is _CONFIG_FILE and layer.state == state)


def _has_credentials(text: str) -> bool:
    return bool(user_infos(text.encode("utf-8", "surrogatepass")))


def _ends_with_space(text: str) -> bool:
    return text != text.rstrip()
