"""A workspace to look at, and browsers to look with.

One workspace serves all tests of a worker; its compute starts at once and runs nothing, because most pages only talk
about clusters (`test_six_steps_in_browser.py` has real ones). Playwright keeps an event loop running in the thread that
uses it, so it ends with each file: other tests of the worker may need a loop of their own.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.conftest import as_workspace, settings_for
from tests.control.instant_engine import InstantEngine
from tests.pages.watched_browser import Visitor, WatchedBrowser, chromium_arguments
from tests.pages.yard import Yard

from wheelyard.cli import main
from wheelyard.serving import RunningWorkspace

if TYPE_CHECKING:
    from tests.security.token_leak_sweep import Sweep  # at run time pytest loads it, as a plugin


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own download is not to be had everywhere."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(chromium_arguments(is_root=os.geteuid() == 0))
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def no_name_service() -> Iterator[None]:
    """Names of examples have no address, whatever name service this machine asks: nothing leaves it."""
    ask = socket.getaddrinfo

    def known_only(host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).rstrip(".").endswith((".example.com", ".example.org", ".example")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask(host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", known_only)
        yield


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory, leak_sweep: Sweep, no_name_service: None) -> Iterator[Yard]:
    """A workspace of this worker's own."""
    engine, folder = InstantEngine(), tmp_path_factory.mktemp("yard")
    leak_sweep.watch(folder)
    with RunningWorkspace(settings_for(folder), engine=lambda _settings: engine) as running:
        yield Yard(as_workspace(running, folder), engine)


@pytest.fixture
def browsers(
    chromium: Browser, yard: Yard, leak_sweep: Sweep, request: pytest.FixtureRequest
) -> Iterator[WatchedBrowser]:
    """Opens browsers; the test fails when something happened in one of them that must not."""
    opened = WatchedBrowser(chromium, yard.host, lambda text: leak_sweep.output(request.node.name, text))
    yield opened
    incidents = opened.close()
    assert not incidents, "\n".join(incidents)


@pytest.fixture
def admin(browsers: WatchedBrowser, yard: Yard) -> Visitor:
    """An admin in a wide window, signed in."""
    visitor = browsers.open()
    visitor.sign_in(yard.admin_token)
    return visitor


@pytest.fixture
def plain_admin(browsers: WatchedBrowser, yard: Yard) -> Visitor:
    """An admin whose browser runs no scripts, signed in."""
    visitor = browsers.open(java_script=False)
    visitor.sign_in(yard.admin_token)
    return visitor


@pytest.fixture
def wheelyard(yard: Yard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run one command line against the workspace, as its first admin; returns what it printed."""
    monkeypatch.setenv("DATABRICKS_HOST", yard.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", yard.admin_token)

    def run(*words: str) -> str:
        capsys.readouterr()
        code = main(list(words))
        shown = capsys.readouterr()
        assert code == 0, shown.err
        return shown.out

    return run
