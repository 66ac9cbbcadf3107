"""twine, uv publish and poetry upload to a feed, and show why when it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import requests
from tests.feed.conftest import ADMIN, Served, multipart, sdist, upload_fields, wheel
from twine.commands.upload import skip_upload
from twine.package import PackageFile

from wheelyard.control.feeds import wire

BIN = Path(sys.executable).parent
Environment = Callable[..., dict[str, str]]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for filename, content in (wheel("acme-tool", "1.0", metadata_version="2.4"), sdist("acme-tool", "1.0")):
        (folder / filename).write_bytes(content)
    return folder


def other_content(dist: Path) -> None:
    """The same file names again, with other files in them."""
    filename, content = wheel("acme-tool", "1.0", metadata_version="2.4", more={"acme_tool/more.py": b"MORE = 1\n"})
    (dist / filename).write_bytes(content)


def run(command: Sequence[str | Path], environment: dict[str, str], *, cwd: Path | None = None) -> tuple[int, str]:
    done = subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout + done.stderr


def twine(served: Served, dist: Path, environment: Environment, *flags: str, url: str = "") -> tuple[int, str]:
    settings = environment(
        TWINE_REPOSITORY_URL=url or served.upload_url,
        TWINE_USERNAME="__token__",
        TWINE_PASSWORD=served.token,
        TWINE_NON_INTERACTIVE="1",
        COLUMNS="400",
    )
    command: list[str | Path] = [BIN / "twine", "upload", "--disable-progress-bar", *flags, *sorted(dist.iterdir())]
    return run(command, settings)


def uv_publish(served: Served, dist: Path, environment: Environment, *flags: str) -> tuple[int, str]:
    command: list[str | Path] = [
        BIN / "uv",
        "publish",
        "--publish-url",
        served.upload_url,
        *flags,
        *sorted(dist.iterdir()),
    ]
    return run(command, environment(UV_PUBLISH_TOKEN=served.token))


def listed(served: Served) -> list[str]:
    page = served.request("simple/acme-tool/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    return [file["filename"] for file in page.json["files"]]


@pytest.mark.parametrize("slash", ["/", ""])
def test_twine_uploads_with_and_without_the_final_slash(
    slash: str, served: Served, dist: Path, bare_environment: Environment
) -> None:
    status, output = twine(served, dist, bare_environment, url=served.upload_url.removesuffix("/") + slash)
    assert status == 0, output
    assert sorted(listed(served)) == ["acme_tool-1.0-py3-none-any.whl", "acme_tool-1.0.tar.gz"]


def test_twine_uploads_the_same_files_again_in_silence(
    served: Served, dist: Path, bare_environment: Environment
) -> None:
    assert twine(served, dist, bare_environment)[0] == 0
    status, output = twine(served, dist, bare_environment)
    assert status == 0, output


def test_twine_shows_why(served: Served, dist: Path, bare_environment: Environment) -> None:
    assert twine(served, dist, bare_environment)[0] == 0
    other_content(dist)
    status, output = twine(served, dist, bare_environment, "--verbose")
    assert status != 0
    assert "File already exists" in output


def skips(served: Served, file: Path) -> bool:
    """What twine's own `--skip-existing` makes of our answer; its command line keeps the flag for the public index."""
    kind, body = multipart(upload_fields(file.name, file.read_bytes()), file.name, file.read_bytes())
    answer = requests.post(
        served.upload_url, data=body, headers={"Content-Type": kind}, auth=("any", served.token), timeout=60
    )
    assert answer.status_code == 400
    return skip_upload(answer, True, PackageFile.from_filename(str(file), None))  # twine's signature


def test_twine_would_skip_what_exists_and_not_what_was_deleted(
    served: Served, dist: Path, bare_environment: Environment
) -> None:
    assert twine(served, dist, bare_environment)[0] == 0
    other_content(dist)
    (file,) = dist.glob("*.whl")
    assert skips(served, file)
    served.world.feeds.delete_version(ADMIN, wire.OnVersion(served.feed.feed_id, "acme-tool", "1.0"))
    assert not skips(served, file)
    status, output = twine(served, dist, bare_environment, "--verbose")
    assert status != 0
    assert "was deleted from this feed" in output


def test_uv_publishes_and_says_why_not(served: Served, dist: Path, bare_environment: Environment) -> None:
    status, output = uv_publish(served, dist, bare_environment)
    assert status == 0, output
    assert len(listed(served)) == 2
    other_content(dist)
    status, output = uv_publish(served, dist, bare_environment)
    assert status != 0
    assert "File already exists" in output


def test_uv_publish_with_a_check_url_skips_equal_files_and_refuses_others(
    served: Served, dist: Path, bare_environment: Environment
) -> None:
    check = ("--check-url", served.index_url)
    assert uv_publish(served, dist, bare_environment, *check)[0] == 0
    status, output = uv_publish(served, dist, bare_environment, *check)
    assert status == 0, output
    assert "skipping" in output.lower()
    other_content(dist)
    status, output = uv_publish(served, dist, bare_environment, *check)
    assert status != 0
    assert "acme_tool-1.0-py3-none-any.whl" in output


def test_uv_publish_shows_a_missing_permission(served: Served, dist: Path, bare_environment: Environment) -> None:
    reader = served.world.token(feed_scope="wheelyard/team-a:read")
    command: list[str | Path] = [BIN / "uv", "publish", "--publish-url", served.upload_url, *sorted(dist.iterdir())]
    status, output = run(command, bare_environment(UV_PUBLISH_TOKEN=reader))
    assert status != 0
    assert "CONTRIBUTOR" in output


@pytest.fixture
def poetry_project(served: Served, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "acme_poem").mkdir(parents=True)
    (folder / "acme_poem" / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(
        f"""
[project]
name = "acme-poem"
version = "1.0"
description = "A test."
requires-python = ">=3.11"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[[tool.poetry.source]]
name = "private"
url = "{served.origin}{served.feed.index_url}"
priority = "primary"
"""
    )
    return folder


def poetry(environment: Environment, served: Served, folder: Path, *arguments: str) -> tuple[int, str]:
    settings = environment(
        POETRY_REPOSITORIES_PRIVATE_URL=served.upload_url,
        POETRY_HTTP_BASIC_PRIVATE_USERNAME="any",
        POETRY_HTTP_BASIC_PRIVATE_PASSWORD=served.token,
        POETRY_VIRTUALENVS_IN_PROJECT="true",
        POETRY_KEYRING_ENABLED="false",
        POETRY_CACHE_DIR=str(folder.parent / "poetry-cache"),
        PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
    )
    return run([BIN / "poetry", "--no-interaction", *arguments], settings, cwd=folder)


def test_poetry_publishes_and_shows_why_not(
    served: Served, poetry_project: Path, bare_environment: Environment
) -> None:
    status, output = poetry(bare_environment, served, poetry_project, "publish", "--build", "--repository", "private")
    assert status == 0, output
    assert served.request("simple/acme-poem/").status == 200
    (poetry_project / "acme_poem" / "more.py").write_text("MORE = 1\n")
    again = ("publish", "--build", "--repository", "private")
    status, output = poetry(bare_environment, served, poetry_project, *again)
    assert status != 0
    assert "File already exists" in output
    status, output = poetry(bare_environment, served, poetry_project, *again, "--skip-existing")
    assert status == 0, output


def test_poetry_adds_and_installs_from_the_feed(
    served: Served, poetry_project: Path, bare_environment: Environment
) -> None:
    assert served.upload(*wheel("acme-lib", "1.0")).status == 200
    status, output = poetry(bare_environment, served, poetry_project, "add", "acme-lib")
    assert status == 0, output
    assert list(poetry_project.glob(".venv/lib/python*/site-packages/acme_lib"))
    status, output = poetry(bare_environment, served, poetry_project, "sync", "--no-root")
    assert status == 0, output
