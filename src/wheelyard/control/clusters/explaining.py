"""Which index wins on compute of this workspace: the view a launch would start from, given to the one function.

The page, `wheelyard explain` and the launch agree because there is one view and one function that decides. An answer is
for people who may attach to the compute and need not hold READ on the secrets its owner put there, and a requirements
file can name any variable: so the values of secret references are taken out of the answer wherever they come up. An
index URL stays, without its user-info.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from wheelyard.control.clusters.launch import environment_version
from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.explanation import Explanation, explain
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer
from wheelyard.core.redaction import Redactor, SafeUrl, Secret
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS, EnvironmentVersion

__all__ = ["explained", "required_version"]

_WORDS_OF_OURS = frozenset(
    {"compute", "installer", "option", "kind", "strategy", "id", "confidence", "level", "source"}
)
"""Fields of an explanation that hold no text from a value."""


def explained(
    view: ComputeView, words: Sequence[str], requirements: Mapping[str, str], installer: Installer | None
) -> Explanation:
    """The answer for a view and one command line of its installer, or of another one; it holds no secret at all."""
    seen = view if installer is None else replace(view, installer=installer)
    layers = layers_of(seen)
    answer = explain(seen, layers, words, requirements)
    return cast("Explanation", _without(answer, Redactor(_hidden(seen, layers)).redact))


def required_version(number: str) -> EnvironmentVersion:
    """The row of an environment version; the newest for an empty one.

    Raises:
        InvalidParameter: there is none.
    """
    row = environment_version(number)
    if row is None:
        raise InvalidParameter(
            f"There is no serverless environment version `{number}`",
            reference="environment-version-unknown",
            because=f"known are {', '.join(row.version for row in ENVIRONMENT_VERSIONS)}",
        )
    return row


def _hidden(view: ComputeView, layers: Sequence[Layer]) -> Iterator[Secret[str]]:
    """What secret references stand for, word by word; not an index URL without credentials, which is the answer."""
    settings = {setting.name for layer in layers for setting in layer.settings}
    for name in view.references.keys() & view.variables.keys():
        for word in view.variables[name].reveal().split():
            if name not in settings or "://" not in word or SafeUrl(word).has_credentials:
                yield Secret(word)


def _without(value: Any, redact: Callable[[str], str]) -> Any:
    """The same value with the text of values redacted."""
    if type(value) is str:
        return redact(value)
    if isinstance(value, SafeUrl):
        return SafeUrl(redact(value.reveal()))
    if isinstance(value, tuple):
        return tuple(_without(item, redact) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value) if field.name not in _WORDS_OF_OURS)
        return replace(value, **{name: _without(getattr(value, name), redact) for name in names})
    return value
