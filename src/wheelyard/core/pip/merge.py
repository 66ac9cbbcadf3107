"""pip's own merge: files, variables, command line and requirements lines to one answer, with every loser's reason.

The steps are those of pip. Files and variables are pooled per section, `[global]` is applied first, then the
command's own section, then the variables; each application *replaces*. The command line replaces single values and
*adds* to lists. Option lines of constraints and requirements files come last, in reading order: `--index-url` there
drops everything.

Source: facts/packaging.md A1, A2, A4, A9; measured by the differential test.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from wheelyard.core.pip.answer import PUBLIC_INDEX, EffectiveOptions, Sourced
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import FileState, Layer, LayerKind, Refusal
from wheelyard.core.pip.ledger import Entry, Ledger
from wheelyard.core.pip.options import PIP_PREFIX, Option, canonical_name, normalise, option_named, truth_of, values_of
from wheelyard.core.pip.placement import USER_FILES, Placed, PlacedFile, Placement, cluster_in_file, place
from wheelyard.core.pip.trust import trust_of
from wheelyard.core.redaction import SafeUrl, mask_urls
from wheelyard.core.rules.installers import behaviour
from wheelyard.core.rules.pip_options import MAIN_PROGRAM, takes_of
from wheelyard.core.rules.ranks import Order

__all__ = ["effective"]

USAGE_ERROR = 2
BAD_VALUE = 3
"""Exit codes of pip. Source: facts/packaging.md A1; 3 read from pip's option parser."""

_VARIABLES = ":env:"
_CONFIG_FILE, _ENVIRONMENT = LayerKind.CONFIG_FILE, LayerKind.ENVIRONMENT
_COMMAND_LINE, _REQUIREMENTS = LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS
_TYPED = (LayerKind.LIBRARY_REPO, LayerKind.COMMAND_LINE)
"""In the order in which they are applied."""
_NOT_OPTIONS = frozenset({"version", "help", "config-file"})
_OF_A_COMMAND = frozenset({LayerKind.LIBRARY_REPO, LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS})
_FILE_KINDS = frozenset(
    {
        LayerKind.PUBLIC_INDEX,
        LayerKind.XDG_FILE,
        LayerKind.GLOBAL_FILE,
        LayerKind.WORKSPACE_DEFAULT,
        LayerKind.LEGACY_USER_FILE,
        LayerKind.USER_FILE,
        LayerKind.SITE_FILE,
        LayerKind.CONFIG_FILE,
    }
)
_IN_FILES = {False: _FILE_KINDS, True: _FILE_KINDS | {LayerKind.CLUSTER_VARIABLES}}
"""What stands in files, by whether cluster variables do."""


def effective(layers: tuple[Layer, ...], installer: Installer, command: str, order: Order) -> EffectiveOptions:
    """Pip's answer. See `layers.effective_options`."""
    merge = _Merge(layers, installer, command, order)
    answer = merge.answer()
    if answer.refusal is None and not merge.isolated:
        return answer
    return replace(answer, refusal=_first_reading(layers, installer, order) or answer.refusal)


def _first_reading(layers: tuple[Layer, ...], installer: Installer, order: Order) -> Refusal | None:
    """What already stops pip when it reads its settings for itself, before any command and without `--isolated`."""
    settings = tuple(layer for layer in layers if layer.kind not in _OF_A_COMMAND)
    return _Merge(settings, installer, MAIN_PROGRAM, order).answer().refusal


def _isolated(layers: Iterable[Layer]) -> bool:
    lines = (layer for layer in layers if layer.kind is _COMMAND_LINE)
    return any(line.option_name(setting) == "isolated" for line in lines for setting in line.settings)


class _Merge:
    """One question: the layers that count, the book of who won, and the first thing that would stop pip."""

    def __init__(self, layers: tuple[Layer, ...], installer: Installer, command: str, order: Order) -> None:
        self.installer = installer
        self.order: Order = order
        self.layers = layers
        self.isolated = _isolated(layers)
        self.command = next((layer.command for layer in layers if layer.command), command)
        self.takes = takes_of(self.command, installer.version)
        self.book = Ledger()
        self.refusal: Refusal | None = None

    def answer(self) -> EffectiveOptions:
        read = self._layers_read()
        self._refuse_bad_files(read)
        placement = place(read, self.order)
        self._apply_configuration(placement)
        for kind in _TYPED:
            for layer in _of_kind(read, kind):
                self._apply_command_line(layer)
        self._clear_indexes(self.book.truth("no-index"))
        for layer in _of_kind(read, _REQUIREMENTS):
            self._apply_requirements(layer)
        certificate, trust = trust_of(self.book, placement.variables, self.installer)
        return EffectiveOptions(
            index=self._index(),
            extra_indexes=self.book.urls("extra-index-url"),
            find_links=self.book.urls("find-links"),
            trusted_hosts=self.book.texts("trusted-host"),
            certificate=certificate,
            client_certificate=self.book.last_text("client-cert"),
            trust=trust,
            requirements=self.book.texts("requirement"),
            constraints=self.book.texts("constraint"),
            verdicts=self.book.verdicts(self.order),
            refusal=self.refusal,
        )

    # What pip looks at

    def _layers_read(self) -> list[Layer]:
        named = [layer for layer in self.layers if layer.kind is _CONFIG_FILE]
        null_device = any(layer.state == "null device" for layer in named)
        config_file = next((layer for layer in named if _exists(layer)), None)
        in_files = _IN_FILES[cluster_in_file(self.order)]
        read: list[Layer] = []
        for layer in self.layers:
            why = layer.ignored or _why_unread(
                layer, in_files, null_device=null_device, config_file=config_file, isolated=self.isolated
            )
            if why:
                self._note_unread(layer, why)
            else:
                read.append(layer)
        return read

    def _note_unread(self, layer: Layer, why: str) -> None:
        for setting in layer.settings:
            option = option_named(layer.option_name(setting))
            if option is not None:
                for entry in self.book.enter(
                    option, values_of(option, setting.text), layer.origin_of(setting), layer.kind
                ):
                    entry.lose(f"ignored: {why}")

    def _refuse_bad_files(self, read: list[Layer]) -> None:
        for layer in read:
            if layer.refusal is not None and layer.kind is not _REQUIREMENTS:
                self._stop(layer.refusal)

    def _refuse_two_spellings(self, file: PlacedFile) -> None:
        seen: set[tuple[str, str]] = set()
        for placed in file.settings:
            key = (placed.setting.section, normalise(placed.name))
            if key in seen:
                found = f"option '{key[1]}' in section '{key[0]}' already exists"
                text = f"Configuration file {file.path} could not be loaded: {found}"
                self._stop(Refusal(USAGE_ERROR, text, file.path))
            seen.add(key)

    def _stop(self, refusal: Refusal) -> None:
        self.refusal = self.refusal or refusal

    # Files and variables

    def _apply_configuration(self, placement: Placement) -> None:
        for weaker, stronger in placement.beaten:
            self._lost(weaker, f"replaced by {stronger.origin}")
        if behaviour("two-spellings", "pip", self.installer.version) == "one-key-twice":
            for file in placement.files:
                self._refuse_two_spellings(file)
        files = self._files_once(placement.files)
        variables = PlacedFile(
            "", _ENVIRONMENT, tuple(placed for placed in placement.variables if _is_pip_variable(placed))
        )
        pooled = behaviour("files-pool", "pip", self.installer.version) == "by-key"
        for section in ("global", self.command, _VARIABLES):
            sources = [variables] if section == _VARIABLES else files
            wanted = [_in_section(source, section) for source in sources]
            items = self._pool(wanted) if pooled else [item for source in wanted for item in self._pool([source])]
            for name, placed in items:
                self._apply(name, placed)

    def _files_once(self, files: tuple[PlacedFile, ...]) -> list[PlacedFile]:
        """A file named twice counts once, at the place its version says."""
        weakest = behaviour("file-named-twice", "pip", self.installer.version) == "weakest-place"
        first: dict[str, PlacedFile] = {}
        for file in files:
            if weakest:
                first.setdefault(file.path, file)
            else:
                first.pop(file.path, None)
                first[file.path] = file
        return list(first.values())

    def _pool(self, sources: list[list[tuple[str, Placed]]]) -> list[tuple[str, Placed]]:
        """Later values of a key take the place of earlier ones, where the earlier ones stood; then empty ones go."""
        kept: dict[str, Placed] = {}
        for source in sources:
            for name, placed in source:
                if name in kept:
                    self._lost(kept[name], _replaced(name, placed))
                kept[name] = placed
        for placed in kept.values():
            if not placed.text:
                self._lost(placed, "ignored: the value is empty", empty=True)
        return [(name, placed) for name, placed in kept.items() if placed.text]

    def _lost(self, placed: Placed, why: str, *, empty: bool = False) -> None:
        option = option_named(canonical_name(_option_part(placed)))
        if option is not None and (placed.text or empty):
            values = values_of(option, placed.setting.text) or ("",)
            for entry in self.book.enter(option, values, placed.origin, placed.layer.kind):
                entry.lose(why)

    def _apply(self, name: str, placed: Placed) -> None:
        self._check_value(name, placed)
        option = option_named(name)
        if option is None:
            return
        values = values_of(option, placed.setting.text)
        if option.holds == "flag":
            truth = truth_of(placed.text)
            values = ("true" if truth else "false",)
        made = self.book.enter(option, values, placed.origin, placed.layer.kind)
        self.book.replace(option, made, _replaced(name, placed))

    def _check_value(self, name: str, placed: Placed) -> None:
        takes = self.takes.get(name, "value")
        if takes in {"value", "plain"}:
            return
        text = placed.text
        if takes == "flag" and truth_of(text) is None:
            words = (
                f"{mask_urls(text)} is not a valid value for {name} option, please specify a boolean value like yes/no"
            )
            self._stop(Refusal(USAGE_ERROR, words, placed.origin))
        elif takes == "count" and truth_of(text) is None and not text.strip().isdigit():
            words = (
                f"{mask_urls(text)} is not a valid value for {name} option, please specify a number or a boolean value"
            )
            self._stop(Refusal(USAGE_ERROR, words, placed.origin))
        elif takes in {"int", "float"} and not _is_number(text, takes):
            words = f"option {name}: invalid {takes} value: {mask_urls(text)!r}"
            self._stop(Refusal(BAD_VALUE, words, placed.origin))

    # Command line and requirements lines

    def _apply_command_line(self, layer: Layer) -> None:
        if layer.refusal is not None:
            self._stop(layer.refusal)
        for setting in layer.settings:
            option = option_named(layer.option_name(setting))
            if option is None:
                continue
            origin = layer.origin_of(setting)
            made = self.book.enter(option, _one_value(option, setting.text.reveal()), origin, layer.kind)
            if option.is_list:
                self.book.add(option, made, "added: the command line adds to lists")
            else:
                self.book.replace(option, made, f"replaced by {origin}")

    def _apply_requirements(self, layer: Layer) -> None:
        if layer.refusal is not None:
            self._stop(layer.refusal)
        no_index = self.book.truth("no-index")
        for setting in sorted(layer.settings, key=lambda setting: setting.name != "no-index"):
            option = option_named(layer.option_name(setting))
            if option is None:
                continue
            origin = layer.origin_of(setting)
            made = self.book.enter(option, _one_value(option, setting.text.reveal()), origin, layer.kind)
            if option.name == "no-index":
                self.book.replace(option, made, f"replaced by {origin}")
                no_index = self.book.truth("no-index")
                self._clear_indexes(no_index)
            elif option.name in {"index-url", "extra-index-url"} and no_index is not None:
                _lose_all(made, f"ignored: `no-index` is set by {no_index.origin}")
            elif option.name == "index-url":
                self._reset_indexes(option, made, origin)
            elif option.is_list:
                self.book.add(option, made, "added: a requirements line adds to lists")

    def _reset_indexes(self, option: Option, made: list[Entry], origin: str) -> None:
        why = f"dropped: `--index-url` in {origin} replaces the index and every extra index"
        self.book.drop("extra-index-url", why)
        self.book.replace(option, made, why)

    def _clear_indexes(self, no_index: Sourced[str] | None) -> None:
        if no_index is not None:
            for name in ("index-url", "extra-index-url"):
                self.book.drop(name, f"dropped: `no-index` is set by {no_index.origin}")

    def _index(self) -> Sourced[SafeUrl] | None:
        if self.book.truth("no-index"):
            return None
        found = self.book.urls("index-url")
        return found[-1] if found else Sourced(PUBLIC_INDEX, "no layer sets it")


def _why_unread(
    layer: Layer, in_files: AbstractSet[LayerKind], *, null_device: bool, config_file: Layer | None, isolated: bool
) -> str:
    if null_device and layer.kind in in_files:
        return "`PIP_CONFIG_FILE` is the null device, so no file is read"
    if isolated and layer.kind in _NOT_ISOLATED - in_files | USER_FILES:
        return "`--isolated` leaves out variables and user files"
    if config_file is not None and layer.kind in USER_FILES:
        return f"user files are not read because `PIP_CONFIG_FILE` names an existing file, {config_file.origin}"
    return _STATES.get(layer.state, "")


_STATES: dict[FileState, str] = {
    "missing": "`PIP_CONFIG_FILE` names no existing file, and pip says nothing",
}


_NOT_ISOLATED = frozenset({LayerKind.ENVIRONMENT, LayerKind.CLUSTER_VARIABLES})


def _exists(layer: Layer) -> bool:
    return layer.state in {"read", "not seen"} and not layer.ignored


def _of_kind(layers: Iterable[Layer], kind: LayerKind) -> list[Layer]:
    return sorted((layer for layer in layers if layer.kind is kind), key=lambda layer: layer.position)


def _is_pip_variable(placed: Placed) -> bool:
    return placed.name.startswith(PIP_PREFIX) and normalise(placed.name.removeprefix(PIP_PREFIX)) not in _NOT_OPTIONS


def _option_part(placed: Placed) -> str:
    return placed.name.removeprefix("DATABRICKS_").removeprefix(PIP_PREFIX)


def _in_section(source: PlacedFile, section: str) -> list[tuple[str, Placed]]:
    """The settings of one section, by name as pip compares names: aliases stay apart until they are applied."""
    if section == _VARIABLES:
        return [(normalise(_option_part(placed)), placed) for placed in source.settings]
    return [(normalise(placed.name), placed) for placed in source.settings if placed.setting.section == section]


def _replaced(name: str, placed: Placed) -> str:
    option = option_named(name)
    if not placed.text:
        return f"cleared by {placed.origin}, which sets it empty"
    if option is not None and option.is_list:
        return f"replaced by {placed.origin}: list options replace each other between files and environment"
    return f"replaced by {placed.origin}"


def _one_value(option: Option, text: str) -> list[SafeUrl | str]:
    """The command line and requirements lines give one value a time, white space included."""
    if option.holds == "flag":
        return ["true"]
    return [SafeUrl(text) if option.holds == "url" else text]


def _lose_all(entries: Iterable[Entry], why: str) -> None:
    for entry in entries:
        entry.lose(why)


def _is_number(text: str, kind: str) -> bool:
    try:
        int(text) if kind == "int" else float(text)
    except ValueError:
        return False
    return True
