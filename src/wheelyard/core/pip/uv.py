"""uv's rules. uv reads nothing of pip's, and where both know a word they mean different things by it.

uv makes one list of indexes: what the command line or the environment says (one value for each option, the command
line first), then what the files say, then the option lines of requirements files. Within each part the order is:
`default-index`, `index`, `extra-index-url`, `index-url`. The first entry that is a default is *the* default and is
asked last; the other entries are asked in the order of the list, and the first index that knows the name decides. That
is why `--index-url` loses to `UV_DEFAULT_INDEX`: it stands behind it in the same list.

Source: facts/packaging.md B1, facts/delivery.md 0.3; measured by the differential test with uv 0.13.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wheelyard.core.pip.answer import PUBLIC_INDEX, EffectiveOptions, Sourced, Strategy, Verdict
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Setting
from wheelyard.core.pip.options import option_named, truth_of, values_of
from wheelyard.core.redaction import SafeUrl
from wheelyard.core.rules.ranks import Order, rank_numbers

__all__ = ["UV_FILES", "UV_VARIABLES", "effective", "index_url_of"]

UV_VARIABLES = {
    "default-index": "UV_DEFAULT_INDEX",
    "index": "UV_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "index-url": "UV_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "constraints": "UV_CONSTRAINT",
    "index-strategy": "UV_INDEX_STRATEGY",
}
"""The variable behind each option; the option on the command line takes its place."""

UV_FILES = (LayerKind.UV_CONFIG_FILE, LayerKind.UV_PROJECT_FILE, LayerKind.UV_USER_FILE, LayerKind.UV_SYSTEM_FILE)
"""Nearest first: lists are joined in this order, of single values the nearest counts."""

_DEFAULTS = frozenset({"default-index", "index-url"})
_COMMAND_LINE, _ENVIRONMENT, _REQUIREMENTS = LayerKind.COMMAND_LINE, LayerKind.ENVIRONMENT, LayerKind.REQUIREMENTS
_SEARCHED = ("default-index", "index", "extra-index-url", "index-url")
_COMMA = frozenset({"find-links"})
_UV_KINDS = frozenset({LayerKind.ENVIRONMENT, LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS, *UV_FILES})
_BUNDLED = "certificates that uv brings along"
_ROOTS = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PIP_ONLY = "ignored: uv reads no pip settings"


@dataclass(slots=True)
class _Entry:
    """One value uv has found; `rank` puts the verdicts in order."""

    option: str
    text: str
    origin: str
    kind: LayerKind
    why: str = ""
    wins: bool = True

    def lose(self, why: str) -> None:
        self.wins, self.why = False, why

    def verdict(self) -> Verdict:
        value: SafeUrl | str = SafeUrl(index_url_of(self.text)) if "index" in self.option else self.text
        return Verdict(self.kind, self.origin, self.option, value, self.wins, self.why or "wins")


def index_url_of(text: str) -> str:
    """The URL of `name=url`.

    >>> index_url_of("ours=https://pkgs.example.com/simple?a=b"), index_url_of("https://pkgs.example.com/?a=b")
    ('https://pkgs.example.com/simple?a=b', 'https://pkgs.example.com/?a=b')
    """
    name, equals, url = text.partition("=")
    return url if equals and ":" not in name and "/" not in name else text


def _index_name(text: str) -> str:
    url = index_url_of(text)
    return text.removesuffix(url).removesuffix("=") if url != text else ""


def effective(layers: tuple[Layer, ...], installer: Installer, order: Order) -> EffectiveOptions:
    """Uv's answer. See `layers.effective_options`."""
    return _Search(layers, installer, order).answer()


class _Search:
    def __init__(self, layers: tuple[Layer, ...], installer: Installer, order: Order) -> None:
        self.installer = installer
        self.order: Order = order
        self.read = sorted((layer for layer in layers if not layer.ignored), key=lambda layer: layer.position)
        self.entries: list[_Entry] = []
        self.named: dict[tuple[LayerKind, str], list[tuple[Layer, Setting]]] = {}
        self.filed: dict[str, list[tuple[Layer, Setting]]] = {}
        self._sort_out()
        self.refusal = next((layer.refusal for layer in self.read if layer.refusal and layer.kind in _UV_KINDS), None)
        self._note_blind(layers)

    def answer(self) -> EffectiveOptions:
        rank = rank_numbers(self.order)
        no_index = self._no_index()
        listed = [*self._given(), *self._filed(), *self._required()]
        index, extras = self._chosen(listed, no_index)
        certificate, trust = self._trust()
        return EffectiveOptions(
            index=index,
            extra_indexes=extras,
            find_links=tuple(Sourced(SafeUrl(e.text), e.origin, e.kind) for e in self._all_of("find-links")),
            trusted_hosts=tuple(Sourced(e.text, e.origin, e.kind) for e in self._all_of("allow-insecure-host")),
            certificate=certificate,
            trust=trust,
            requirements=tuple(Sourced(e.text, e.origin, e.kind) for e in self._all_of("requirements")),
            constraints=tuple(Sourced(e.text, e.origin, e.kind) for e in self._all_of("constraints")),
            verdicts=tuple(
                entry.verdict() for entry in sorted(self.entries, key=lambda entry: rank[entry.kind], reverse=True)
            ),
            refusal=self.refusal,
            strategy=self._strategy(),
        )

    # The parts of the list

    def _given(self) -> list[_Entry]:
        """The command line, and for each option it does not give, the environment."""
        return [entry for name in _SEARCHED for entry in self._option(name)]

    def _option(self, name: str) -> list[_Entry]:
        given = [
            self._enter(name, text, layer, s)
            for layer, s in self._settings(_COMMAND_LINE, name)
            for text in _words(name, s)
        ]
        variable = UV_VARIABLES.get(name, "")
        found = [
            self._enter(name, text, layer, setting, variable)
            for layer, setting in self._settings(_ENVIRONMENT, variable)
            for text in _words(name, setting)
        ]
        if self._settings(_COMMAND_LINE, name):
            for entry in found:
                entry.lose(f"replaced by `--{name}` on the command line: uv takes one of the two")
            return [entry for entry in given if entry.text]
        return [entry for entry in found if entry.text]

    def _filed(self) -> list[_Entry]:
        indexes: list[_Entry] = []
        for section in ("pip", "global"):
            indexes += self._from_files(("index", "default-index", "explicit-index"), section)
        extras = [entry for section in ("pip", "global") for entry in self._from_files(("extra-index-url",), section)]
        urls = [entry for section in ("pip", "global") for entry in self._from_files(("index-url",), section)]
        for entry in urls[1:]:
            entry.lose(f"replaced by {urls[0].origin}")
        return [*indexes, *extras, *urls[:1]]

    def _from_files(self, names: tuple[str, ...], section: str) -> list[_Entry]:
        found = self._filed_settings(names, section)
        return [self._enter(setting.name, setting.text.reveal(), layer, setting) for layer, setting in found]

    def _filed_settings(self, names: tuple[str, ...], section: str) -> list[tuple[Layer, Setting]]:
        """What the files say, nearest first."""
        return [(layer, s) for layer, s in self.filed.get(section, ()) if s.name in names]

    def _required(self) -> list[_Entry]:
        """Option lines of requirements files, behind everything else: extra ones first, then the one index."""
        lines = [(layer, s) for layer in self.read if layer.kind is _REQUIREMENTS for s in layer.settings]
        extras = [self._enter(s.name, s.text.reveal(), layer, s) for layer, s in lines if s.name == "extra-index-url"]
        urls = [self._enter(s.name, s.text.reveal(), layer, s) for layer, s in lines if s.name == "index-url"]
        for layer, s in lines:
            if s.name in {"find-links", "trusted-host"}:
                self._enter(s.name, s.text.reveal(), layer, s)
        return [*extras, *urls[:1]]

    # The choice

    def _chosen(
        self, listed: list[_Entry], no_index: str
    ) -> tuple[Sourced[SafeUrl] | None, tuple[Sourced[SafeUrl], ...]]:
        if no_index:
            for entry in listed:
                entry.lose(f"dropped: `no-index` is set by {no_index}")
            return None, ()
        named = list(_first_of_each_name(listed))
        defaults = [entry for entry in named if entry.option in _DEFAULTS]
        for entry in defaults[1:]:
            entry.lose(f"replaced by {defaults[0].origin}: of several defaults uv takes the first it finds")
        extras = [entry for entry in named if entry.option not in _DEFAULTS and _asked(entry)]
        for entry in extras:
            entry.why = "wins: asked before the default index"
        seen = {entry.text: entry for entry in reversed(extras)}
        unique = tuple(_sourced(entry) for entry in extras if seen[entry.text] is entry)
        return (_sourced(defaults[0]) if defaults else Sourced(PUBLIC_INDEX, "no layer sets it")), unique

    def _no_index(self) -> str:
        """Who says so, empty for nobody. Of several files the nearest speaks, and may say no for all of them."""
        for kind in (_COMMAND_LINE, _REQUIREMENTS):
            for layer, setting in self._settings(kind, "no-index"):
                return layer.origin_of(setting)
        filed = [found for section in ("pip", "global") for found in self._filed_settings(("no-index",), section)]
        said_no = not filed or not truth_of(filed[0][1].text.reveal())
        return "" if said_no else filed[0][0].origin_of(filed[0][1])

    def _strategy(self) -> Strategy:
        found = [
            *self._option("index-strategy"),
            *self._from_files(("index-strategy",), "pip"),
            *self._from_files(("index-strategy",), "global"),
        ]
        best = bool(found) and found[0].text == "unsafe-best-match"
        return "best version, first wins ties" if best else "first index"

    def _trust(self) -> tuple[Sourced[str] | None, tuple[Sourced[str], ...]]:
        """`--cert` and `SSL_CERT_FILE` replace the certificates uv brings along, entirely."""
        given = self._option("cert")
        roots = [
            self._enter("cert", setting.text.reveal(), layer, setting, name)
            for name in _ROOTS
            for layer, setting in self._settings(_ENVIRONMENT, name)
            if setting.text
        ]
        if given:
            for entry in roots:
                entry.lose("replaced by `--cert` on the command line")
        stand = given[-1:] or roots
        if not stand:
            return None, (Sourced(_BUNDLED, self.installer.name),)
        sources = tuple(Sourced(entry.text, entry.origin, entry.kind) for entry in stand)
        return sources[0], sources

    # Bookkeeping

    def _sort_out(self) -> None:
        """By place and name, and what files say by section, nearest file first."""
        for layer in self.read:
            for setting in layer.settings:
                self.named.setdefault((layer.kind, setting.name), []).append((layer, setting))
        for layer in (layer for kind in UV_FILES for layer in self.read if layer.kind is kind):
            for setting in layer.settings:
                if setting.text:
                    self.filed.setdefault(setting.section, []).append((layer, setting))

    def _settings(self, kind: LayerKind, name: str) -> Sequence[tuple[Layer, Setting]]:
        return self.named.get((kind, name), ()) if name else ()

    def _enter(self, option: str, text: str, layer: Layer, setting: Setting, origin: str = "") -> _Entry:
        entry = _Entry(option, text, setting.origin or origin or layer.origin, layer.kind)
        self.entries.append(entry)
        return entry

    def _all_of(self, name: str) -> Iterator[_Entry]:
        yield from self._option(name)
        for section in ("pip", "global"):
            yield from self._from_files((name,), section)
        yield from (entry for entry in self.entries if entry.option == name and entry.kind is _REQUIREMENTS)

    def _note_blind(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            for setting in layer.settings:
                foreign = layer.kind not in _UV_KINDS or setting.name.startswith("PIP_")
                option = option_named(layer.option_name(setting)) if foreign else None
                if option is not None:
                    for value in values_of(option, setting.text):
                        text = value.reveal() if isinstance(value, SafeUrl) else value
                        why = f"ignored: {layer.ignored}" if layer.ignored else _PIP_ONLY
                        entry = _Entry(option.name, text, layer.origin_of(setting), layer.kind)
                        entry.lose(why)
                        self.entries.append(entry)


def _words(name: str, setting: Setting) -> list[str]:
    text = setting.text.reveal()
    if name in _COMMA:
        return text.split(",")
    if name in {"index", "extra-index-url", "constraints"}:
        return text.split()
    return [text.strip()]


def _first_of_each_name(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    seen: dict[str, _Entry] = {}
    for entry in entries:
        name = _index_name(entry.text)
        if name and seen.setdefault(name, entry) is not entry:
            entry.lose(f"replaced by {seen[name].origin}: the first index named `{name}` counts")
        else:
            yield entry


def _asked(entry: _Entry) -> bool:
    if entry.option == "explicit-index":
        entry.lose("ignored: an explicit index is asked only for packages bound to it")
    return entry.option != "explicit-index"


def _sourced(entry: _Entry) -> Sourced[SafeUrl]:
    return Sourced(SafeUrl(index_url_of(entry.text)), entry.origin, entry.kind)
