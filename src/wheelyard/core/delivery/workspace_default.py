"""The workspace default: three keys in the reserved scope, read for everything that runs in the workspace."""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery.method import DeliveryMethod
from wheelyard.core.pip.layer import Layer, LayerKind

__all__ = ["CERTIFICATE_BUNDLE", "METHOD", "ORIGIN"]

ORIGIN = "workspace default"
CERTIFICATE_BUNDLE = "system certificates and `pip-cert`"
"""What `cert` is until there is a path: the bundle the engine writes."""


def _layers(compute: ComputeView) -> Iterable[Layer]:
    sources = compute.workspace_default
    if sources is None:
        return
    options: dict[str, str] = {}
    if sources.index_url is not None:
        options["index-url"] = sources.index_url.reveal()
    if sources.extra_index_urls:
        options["extra-index-url"] = " ".join(url.reveal() for url in sources.extra_index_urls)
    if sources.certificate is not None:
        options["cert"] = CERTIFICATE_BUNDLE
    if options:
        yield Layer.of(LayerKind.WORKSPACE_DEFAULT, ORIGIN, options, certificate=sources.certificate)


METHOD = DeliveryMethod(
    "workspace-default",
    "Workspace default package repositories",
    _layers,
    token_seen_by="every principal with READ on the reserved scope: normally all users, through dbutils.secrets.get",  # noqa: S106  words
    takes_effect="serverless: on re-attach or re-run; classic: on restart; pipelines: on the next run",
    fails_silently="a missing key or a closed workspace switch leaves the public index in force",
    rating="B",
    source="Configure default Python package repositories, facts/delivery.md 1",
    confidence="documented",
)
