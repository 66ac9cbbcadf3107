"""Which certificates are believed: an index behind a private authority answers when the prediction trusts it."""

from __future__ import annotations

import itertools
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.differential.conftest import installer_names
from tests.differential.index_server import PROJECT, IndexServer
from tests.differential.runners import Runner

from wheelyard.client.local import local_layers
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layers import effective_options

_numbers = itertools.count()


@dataclass(frozen=True)
class Authority:
    """A private authority, another one nobody needs, and an index behind the first."""

    path: Path
    other: Path
    index: IndexServer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("authority")
    ours, other = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(folder / "ours.pem"))
    other.cert_pem.write_to_path(str(folder / "other.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("localhost").configure_cert(tls)
    server = IndexServer(tls)
    yield Authority(folder / "ours.pem", folder / "other.pem", server)
    server.close()


SETTINGS: dict[str, dict[str, str]] = {
    "nothing": {},
    "PIP_CERT": {"PIP_CERT": "ours"},
    "other-PIP_CERT": {"PIP_CERT": "other"},
    "REQUESTS-over-PIP_CERT": {"PIP_CERT": "other", "REQUESTS_CA_BUNDLE": "ours"},
    "PIP_CERT-under-REQUESTS": {"PIP_CERT": "ours", "REQUESTS_CA_BUNDLE": "other"},
    "CURL": {"CURL_CA_BUNDLE": "ours"},
    "REQUESTS-over-CURL": {"REQUESTS_CA_BUNDLE": "other", "CURL_CA_BUNDLE": "ours"},
    "SSL_CERT_FILE": {"SSL_CERT_FILE": "ours"},
    "SSL_CERT_FILE-with-PIP_CERT": {"SSL_CERT_FILE": "ours", "PIP_CERT": "other"},
    "legacy-certs": {"SSL_CERT_FILE": "ours", "PIP_USE_DEPRECATED": "legacy-certs"},
    "truststore": {"SSL_CERT_FILE": "ours", "PIP_USE_FEATURE": "truststore"},
    "no-proxy-env": {"REQUESTS_CA_BUNDLE": "ours", "PIP_NO_PROXY_ENV": "1"},
    "pip.conf": {"file": "ours"},
    "command-line": {"argument": "ours", "PIP_CERT": "other"},
    "command-line-under-REQUESTS": {"argument": "ours", "REQUESTS_CA_BUNDLE": "other"},
}


@pytest.mark.parametrize("name", installer_names())
@pytest.mark.parametrize("case", SETTINGS)
def test_an_index_behind_a_private_authority(
    name: str, case: str, authority: Authority, runner_of: Callable[[str], Runner], tmp_path: Path
) -> None:
    installer = Installer.parse(name)
    if case == "legacy-certs" and name in {"pip==23.2.1", "pip==24.0"}:
        pytest.skip("this pip does not know the feature: it stops at the value")
    paths = {"ours": str(authority.path), "other": str(authority.other)}
    words = SETTINGS[case]
    variables = {key: paths.get(value, value) for key, value in words.items() if key.isupper()}
    for folder in ("config/pip", "prefix", "cwd"):
        (tmp_path / folder).mkdir(parents=True)
    if "file" in words:
        (tmp_path / "config/pip/pip.conf").write_text(f"[global]\ncert = {paths[words['file']]}\n")
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CONFIG_DIRS": str(tmp_path / "none"),
        **variables,
    }
    index = f"https://localhost:{authority.index.server_address[1]}/c{next(_numbers)}/i0-v1/simple"
    arguments = ["install", "--index-url", index]
    if "argument" in words:
        arguments += ["--cert", paths[words["argument"]]]
    if installer.name == "uv":
        arguments = ["pip", *arguments]
    places = {"cwd": tmp_path / "cwd", "home": tmp_path, "prefix": tmp_path / "prefix"}
    layers = local_layers(installer, [*arguments, PROJECT], environ=environ, etc_dir=tmp_path / "etc", **places)
    predicted = effective_options(layers, installer)
    trusted = str(authority.path) in {source.value for source in predicted.trust}
    quick = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_HTTP_RETRIES": "0"}
    fast = (
        ["--dry-run", "--python", sys.executable, "--target", str(tmp_path / "target"), PROJECT]
        if installer.name == "uv"
        else [
            "--dry-run",
            "--no-deps",
            "--no-input",
            "--retries",
            "0",
            "--disable-pip-version-check",
            "--no-cache-dir",
            PROJECT,
        ]
    )
    ran = runner_of(name).run([*arguments, *fast], environ | quick, tmp_path / "cwd", tmp_path / "prefix")
    assert (ran.exit_code == 0) == trusted, f"\n{predicted.trust}\n{ran.output}"
