"""pip in several versions and uv install from a feed, knowing nothing but its URL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.feed.conftest import ADMIN, Served, metadata_text, sdist, wheel

from wheelyard.control.feeds import wire

ROOT = Path(__file__).resolve().parents[2]
WHEELHOUSE = Path(os.environ.get("WHEELYARD_WHEELHOUSE") or ROOT / ".tools" / "wheelhouse")
UV = Path(sys.executable).with_name("uv")
PIPS = ("23.2.1", "24.0", "25.3", "newest")

Environment = Callable[..., dict[str, str]]


def pip_wheel(version: str, folder: Path) -> Path:
    """The wheel of a pip, which runs from where it lies; fetched once if it is not there."""
    if version == "newest":
        found = sorted(WHEELHOUSE.glob("pip-2[6-9]*.whl"))
        if found:
            return found[-1]
    elif (path := WHEELHOUSE / f"pip-{version}-py3-none-any.whl").exists():
        return path
    wanted = "pip" if version == "newest" else f"pip=={version}"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, wanted], check=True)
    return next(folder.glob("pip-*.whl"))


def run(command: Sequence[str | Path], environment: dict[str, str], *, succeeds: bool = True) -> str:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    output = done.stdout + done.stderr
    assert (done.returncode == 0) is succeeds, output
    return output


def pip(version: str, tmp_path: Path) -> list[str | Path]:
    return [sys.executable, pip_wheel(version, tmp_path) / "pip"]


@pytest.fixture
def stocked(served: Served) -> Served:
    """`acme-app` needs `acme-lib`; `acme-lib` has a newer yanked release and a newer one for a later Python."""
    for filename, content in (
        wheel("acme-app", "1.0", extra="Requires-Dist: acme-lib>=1\n"),
        wheel("acme-lib", "1.0"),
        wheel("acme-lib", "1.1", extra="Requires-Python: >=3.8\n"),
        wheel("acme-lib", "1.2"),
        wheel("acme-lib", "2.0", extra="Requires-Python: >=3.99\n"),
    ):
        assert served.upload(filename, content).status == 200
    return served


def yank(served: Served, version: str) -> None:
    served.world.feeds.yank(ADMIN, wire.Yank(served.feed.feed_id, "acme-lib", version, "broken"))


@pytest.mark.parametrize("version", PIPS)
def test_pip_installs_with_dependencies_and_passes_over_yanked_and_too_new(
    version: str, stocked: Served, bare_environment: Environment, tmp_path: Path
) -> None:
    yank(stocked, "1.2")
    target = tmp_path / "site"
    output = run(
        [*pip(version, tmp_path), "install", "--target", target, "acme-app"],
        bare_environment(PIP_INDEX_URL=stocked.index_url),
    )
    assert sorted(path.name for path in target.glob("*.dist-info")) == [
        "acme_app-1.0.dist-info",
        "acme_lib-1.1.dist-info",
    ]
    assert stocked.token not in output


@pytest.mark.parametrize("version", PIPS)
def test_pip_refuses_without_the_right_token(
    version: str, stocked: Served, bare_environment: Environment, tmp_path: Path
) -> None:
    url = stocked.with_credentials(stocked.feed.index_url, token="dapiwrong")
    output = run(
        [*pip(version, tmp_path), "install", "--target", tmp_path / "site", "acme-lib"],
        bare_environment(PIP_INDEX_URL=url),
        succeeds=False,
    )
    assert "No matching distribution" in output or "401" in output


def test_pip_takes_a_yanked_release_that_is_pinned(
    stocked: Served, bare_environment: Environment, tmp_path: Path
) -> None:
    yank(stocked, "1.2")
    output = run(
        [*pip("25.3", tmp_path), "install", "--target", tmp_path / "site", "acme-lib==1.2"],
        bare_environment(PIP_INDEX_URL=stocked.index_url),
    )
    assert "broken" in output


def test_pip_resolves_from_metadata_alone_and_the_age_gate_reads_upload_times(
    stocked: Served, bare_environment: Environment, tmp_path: Path
) -> None:
    """`--uploaded-prior-to` makes a page without upload times an error."""
    environment = bare_environment(PIP_INDEX_URL=stocked.index_url)
    dry: list[str | Path] = [*pip("newest", tmp_path), "install", "--dry-run", "--target", tmp_path / "site"]
    assert "Would install acme-app-1.0 acme-lib-1.2" in run([*dry, "acme-app"], environment)
    output = run([*dry, "--uploaded-prior-to", "2020-01-01T00:00:00Z", "acme-app"], environment, succeeds=False)
    assert "No matching distribution" in output
    run([*dry, "--uploaded-prior-to", "2100-01-01T00:00:00Z", "acme-app"], environment)


def test_pip_sees_an_upload_at_once_although_it_caches_pages(
    stocked: Served, bare_environment: Environment, tmp_path: Path
) -> None:
    environment = bare_environment(PIP_INDEX_URL=stocked.index_url, PIP_CACHE_DIR=str(tmp_path / "pip-cache"))
    command: list[str | Path] = [
        *pip("newest", tmp_path),
        "install",
        "--dry-run",
        "--target",
        tmp_path / "site",
        "acme-lib",
    ]
    assert "acme-lib-1.2" in run(command, environment)
    assert stocked.upload(*wheel("acme-lib", "1.3")).status == 200
    assert "acme-lib-1.3" in run(command, environment)


def test_pip_builds_from_an_sdist(served: Served, bare_environment: Environment, tmp_path: Path) -> None:
    back_end = f"""
import pathlib, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "acme_source-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        archive.writestr("acme_source.py", "")
        archive.writestr("acme_source-1.0.dist-info/METADATA", {metadata_text("acme-source", "1.0").decode()!r})
        archive.writestr("acme_source-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        archive.writestr("acme_source-1.0.dist-info/RECORD", "")
    return name
"""
    assert (
        served.upload(*sdist("acme-source", "1.0", members={"acme_source-1.0/back.py": back_end.encode()})).status
        == 200
    )
    run(
        [*pip("25.3", tmp_path), "install", "--target", tmp_path / "site", "acme-source"],
        bare_environment(PIP_INDEX_URL=served.index_url),
    )
    assert (tmp_path / "site" / "acme_source.py").exists()


@pytest.mark.parametrize("where", ["url", "netrc"])
def test_uv_installs(where: str, stocked: Served, bare_environment: Environment, tmp_path: Path) -> None:
    environment = bare_environment(UV_DEFAULT_INDEX=stocked.index_url)
    if where == "netrc":
        (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login any password {stocked.token}\n")
        environment = bare_environment(
            UV_DEFAULT_INDEX=stocked.origin + stocked.feed.index_url, NETRC=str(tmp_path / "netrc")
        )
    target = tmp_path / "site"
    command: list[str | Path] = [UV, "pip", "install", "--python", sys.executable, "--target", target, "acme-app"]
    output = run(command, environment)
    assert "acme-lib==1.2" in output
    assert sorted(path.name for path in target.glob("*.dist-info")) == [
        "acme_app-1.0.dist-info",
        "acme_lib-1.2.dist-info",
    ]


def test_uv_stops_when_the_token_is_wrong(stocked: Served, bare_environment: Environment, tmp_path: Path) -> None:
    url = stocked.with_credentials(stocked.feed.index_url, token="dapiwrong")
    command: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--python",
        sys.executable,
        "--target",
        tmp_path / "site",
        "acme-lib",
    ]
    output = run(command, bare_environment(UV_DEFAULT_INDEX=url), succeeds=False)
    assert "401" in output or "credentials" in output


def test_uv_honours_upload_times(stocked: Served, bare_environment: Environment, tmp_path: Path) -> None:
    command: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--dry-run",
        "--python",
        sys.executable,
        "--target",
        tmp_path / "site",
        "acme-lib",
    ]
    environment = bare_environment(UV_DEFAULT_INDEX=stocked.index_url)
    output = run([*command, "--exclude-newer", "2020-01-01"], environment, succeeds=False)
    assert "acme-lib" in output
    run(command, environment)
