"""uv's own form of package sources: the answer pip would give, in variables that uv reads.

`UV_DEFAULT_INDEX` and `UV_INDEX` are uv's present names; an extra index given by `--index` takes the place of
`UV_INDEX`, one given by `--extra-index-url` is added. What the user has set for uv stays untouched, option by option.
"""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.pip.answer import EffectiveOptions, Sourced
from wheelyard.core.pip.layer import Layer, LayerKind, Setting
from wheelyard.core.redaction import SafeUrl, Secret

__all__ = ["uv_form"]

_SAME = {
    "UV_DEFAULT_INDEX": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "UV_INDEX": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "SSL_CERT_FILE": ("SSL_CERT_FILE", "SSL_CERT_DIR"),
}
"""Which of the user's own variables make ours superfluous."""


def uv_form(answer: EffectiveOptions, layers: Iterable[Layer]) -> Layer:
    """The environment layer that gives uv what pip gets by itself.

    Args:
        answer: pip's, without command line and requirements lines.
        layers: all of them; the user's own variables are looked up there.
    """
    taken = {s.name for layer in layers if layer.kind is LayerKind.ENVIRONMENT for s in layer.settings if s.text}
    settings: list[Setting] = []
    if answer.index is not None and answer.index.kind is not None:
        settings.append(_setting("UV_DEFAULT_INDEX", [answer.index]))
    if answer.extra_indexes:
        settings.append(_setting("UV_INDEX", answer.extra_indexes))
    if answer.certificate is not None:
        origin = f"{answer.certificate.origin}, given to uv as SSL_CERT_FILE"
        settings.append(Setting("SSL_CERT_FILE", Secret(answer.certificate.value), origin=origin))
    wanted = tuple(setting for setting in settings if not taken.intersection(_SAME[setting.name]))
    return Layer(LayerKind.ENVIRONMENT, "uv's form of the package sources", wanted, position=-1)


def _setting(variable: str, sources: Iterable[Sourced[SafeUrl]]) -> Setting:
    found = list(sources)
    origins = ", ".join(dict.fromkeys(source.origin for source in found))
    return Setting(
        variable, Secret(" ".join(s.value.reveal() for s in found)), origin=f"{origins}, given to uv as {variable}"
    )
