"""What `explain` says: the answer for one compute and one command, the ladder of layers, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wheelyard.core.compute import ComputeView
from wheelyard.core.pip.answer import PUBLIC_INDEX, EffectiveOptions
from wheelyard.core.pip.command import parse_command
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import effective_options
from wheelyard.core.pip.requirements import requirements_layers
from wheelyard.core.pip.uv_form import uv_form
from wheelyard.core.redaction import SafeUrl, mask_urls
from wheelyard.core.rules.facts import Facts
from wheelyard.core.rules.lints import Warned, warnings_about
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, Order

__all__ = ["Explanation", "Warned", "explain"]

_COMMAND_LINE = LayerKind.COMMAND_LINE
_OF_A_COMMAND = frozenset({LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS, LayerKind.LIBRARY_REPO})


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer for one compute, installer and command. Everything in it prints with credentials masked."""

    compute: str
    installer: str
    options: EffectiveOptions
    warnings: tuple[Warned, ...]

    def to_json(self) -> dict[str, Any]:
        """The contract of `explain --output json`; every credential is masked.

        `index_url` is null when no index is asked, and the words `public index` where nothing names an address for it.
        `error` is null, or what the installer stops with before it asks anything.
        """
        options = self.options
        refusal = options.refusal
        return {
            "compute": self.compute,
            "installer": self.installer,
            "index_url": None if options.index is None else str(options.index.value),
            "extra_index_urls": [str(source.value) for source in options.extra_indexes],
            "cert": None if options.certificate is None else _shown(options.certificate.value),
            "layers": [
                {
                    "origin": verdict.origin,
                    "option": verdict.option,
                    "value": _shown(verdict.value),
                    "wins": verdict.wins,
                    "why": mask_urls(verdict.why),
                    "kind": str(verdict.kind),
                }
                for verdict in options.verdicts
            ],
            "warnings": [
                {
                    "id": w.id,
                    "text": mask_urls(w.text),
                    "confidence": w.confidence,
                    "level": w.level,
                    "source": w.source,
                }
                for w in self.warnings
            ],
            "error": None
            if refusal is None
            else {"text": mask_urls(refusal.text), "origin": refusal.origin, "exit_code": refusal.exit_code},
        }


def explain(
    compute: ComputeView,
    layers: Iterable[Layer],
    command: Sequence[str] = (),
    requirements: Mapping[str, str] | None = None,
    *,
    order: Order = CLUSTER_ABOVE_DEFAULT.chosen,
    public_index: SafeUrl | None = None,
    facts: Facts | None = None,
) -> Explanation:
    """Say which index wins on this compute for this command.

    Args:
        compute: its name, installer and variables count here; its settings come as layers.
        layers: `delivery.layers_of(compute)`, or what `client.local.local_layers` found.
        command: the installer's own command line without the program (`install -r requirements.txt --index-url URL`);
            leave it out when `layers` already holds one. With a command, lines that belong to the compute's own
            installations (a library's `repo`, a serverless environment's dependencies) have no say.
        requirements: text of requirements and constraints files by the path the command names them with; variables are
            expanded from `compute.variables`.
        order: who wins of cluster variables and workspace default.
        public_index: address to show for the public index where nothing else names one.
        facts: what else is known (init scripts, libraries, ACLs), for lints; answer and layers are filled in here.
    """
    known = tuple(layer for layer in layers if not command or layer.kind not in _OF_A_COMMAND)
    if compute.installer.name == "uv" and compute.kind != "local" and compute.uv_form:
        known = (*known, _uv_form(known, order))
    if command:
        known = (*known, parse_command(command, compute.installer))
    options = effective_options(known, compute.installer, order=order)
    in_files = _layers_in_files(options, compute, requirements or {}) if command else ()
    if in_files:
        known = (*known, *in_files)
        options = effective_options(known, compute.installer, order=order)
    line = next((layer for layer in known if layer.kind is _COMMAND_LINE), None)
    filled_in: dict[str, Any] = {"compute": compute, "options": options, "layers": known, "command": line}
    gathered = replace(facts, **filled_in) if facts else Facts(**filled_in)
    shown = _with_address(options, public_index)
    return Explanation(compute.name, str(compute.installer), shown, warnings_about(gathered))


def _layers_in_files(named: EffectiveOptions, compute: ComputeView, files: Mapping[str, str]) -> tuple[Layer, ...]:
    """What stands in the requirements and constraints files that command line, variables and files name."""
    if not (named.requirements or named.constraints):
        return ()
    variables = {name: value.reveal() for name, value in compute.variables.items()}
    constraints = [source.value for source in named.constraints]
    wanted = [source.value for source in named.requirements]
    found = requirements_layers(constraints, wanted, files.get, variables, compute.installer)
    return tuple(_unseen(layer, files) for layer in found)


def _unseen(layer: Layer, files: Mapping[str, str]) -> Layer:
    """A file nobody gave us may well be there on the compute: no refusal of pip's."""
    if layer.refusal is not None and layer.origin not in files and "line" not in layer.origin:
        return replace(layer, refusal=None, state="not seen")
    return layer


def _uv_form(layers: tuple[Layer, ...], order: Order) -> Layer:
    own = tuple(layer for layer in layers if layer.kind not in _OF_A_COMMAND)
    return uv_form(effective_options(own, Installer.parse("pip"), order=order), own)


def _with_address(options: EffectiveOptions, public_index: SafeUrl | None) -> EffectiveOptions:
    if public_index is None or options.index is None or options.index.value != PUBLIC_INDEX:
        return options
    return replace(options, index=replace(options.index, value=public_index))


def _shown(value: SafeUrl | str) -> str:
    return str(value) if isinstance(value, SafeUrl) else mask_urls(value)
