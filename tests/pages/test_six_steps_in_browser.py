"""The documentation's six steps, by mouse and keyboard, on a workspace with real compute, to a real `pip install`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from databricks.sdk.service.compute import Language, ResultType
from playwright.sync_api import Page, expect
from tests.pages.certificates_made import authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import WatchedBrowser
from tests.pages.yard import (
    CERTIFICATE_KEY,
    EXTRA_INDEX_URLS_KEY,
    INDEX_URL_KEY,
    PAGE,
    RUNTIME,
    Yard,
    private_feed,
    with_credentials,
)

if TYPE_CHECKING:
    from tests.conftest import Workspace

PATIENCE = timedelta(minutes=4)
STARTS_SECONDS = 240
PASSWORD = "four wheels and a spare"


@pytest.fixture(scope="module")
def real(start_workspace: Callable[..., Workspace]) -> Yard:
    """A workspace whose clusters really run."""
    return Yard(start_workspace())


@pytest.fixture(scope="module")
def starting(real: Yard) -> Iterator[str]:
    """A cluster on its way up, before anybody has set anything."""
    client = real.client()
    made = client.clusters.create(
        spark_version=RUNTIME,
        cluster_name="etl-nightly",
        node_type_id=client.clusters.select_node_type(local_disk=True),
        num_workers=0,
        autotermination_minutes=60,
    )
    yield str(made.cluster_id)
    client.clusters.permanent_delete(str(made.cluster_id))


def test_the_six_steps(browsers: WatchedBrowser, real: Yard, starting: str) -> None:
    first, second, third = (f"acme-{uuid.uuid4().hex[:8]}" for _ in range(3))
    index_url, extra_url, moved_url = (
        with_credentials(*private_feed(real.workspace, one)) for one in (first, second, third)
    )
    certificate = authority().pem
    visitor = browsers.open(host=real.host)
    page = visitor.page

    # 1. Sign in as an admin: by the link that `up` prints.
    assert real.workspace.running is not None
    link = real.workspace.running.workspace.sign_in_link()
    assert link is not None
    page.goto(link.reveal())
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password and sign in").click()
    # 2. Click the user name at the top, then Settings.
    page.get_by_role("banner").get_by_role("button", name=real.admin_name).click()
    page.get_by_role("link", name="Settings", exact=True).click()
    # 3. Compute.
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="Compute").click()
    # 4. Manage, next to Default Package Repositories.
    row = page.get_by_role("region", name="Settings of compute")
    expect(row.get_by_role("heading", name="Default Package Repositories")).to_be_visible()
    row.get_by_role("link", name="Manage").click()
    # 5. The values.
    page.wait_for_url(real.host + PAGE)
    form = SourcesPage(visitor, "")
    form.index_url.fill(index_url)
    form.extras.first.fill(extra_url)
    form.certificate.fill(certificate)
    expect(page.locator("#certificate-words")).to_contain_text("Example Corp Root CA")
    real.client().clusters.wait_get_cluster_running(starting, PATIENCE)
    # 6. Save.
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("1 running cluster below still has the old value")).to_be_visible()
    assert real.stored() == {
        INDEX_URL_KEY: index_url,
        EXTRA_INDEX_URLS_KEY: extra_url,
        CERTIFICATE_KEY: certificate.strip(),
    }

    restart_by_button(page)
    run = runner(real, starting)
    run(f"%pip install {first} {second}\nimport {module(first)}, {module(second)}")

    # Changed by page, the running cluster keeps the old value until its button is pressed.
    form = SourcesPage(visitor)
    form.index_url.fill(moved_url)
    form.saved()
    listed = page.locator("#clusters")
    expect(listed).to_contain_text("etl-nightly")
    expect(listed).to_contain_text("old: Index URL")
    assert "No matching distribution" in run(f"%pip install {third}", fails=True)
    restart_by_button(page)
    runner(real, starting)(f"%pip install {third}\nimport {module(third)}")
    for seen in visitor.received:
        assert index_url.split("@")[0] not in seen


def test_a_password_leads_to_where_the_visitor_wanted_to_go(browsers: WatchedBrowser, real: Yard) -> None:
    real.set_password(real.admin_name, PASSWORD)
    visitor = browsers.open(host=real.host)
    visitor.go(PAGE)
    assert visitor.path == "/sign-in"
    visitor.page.get_by_label("User name").fill(real.admin_name)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(visitor.page.get_by_role("heading", name="Default Package Repositories")).to_be_visible()
    assert visitor.path == PAGE


def restart_by_button(page: Page) -> None:
    """Press Restart, see how far it is, and wait until it says that it is done."""
    page.get_by_role("button", name="Restart etl-nightly").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("Restarted: it has the present value.", exact=True)).to_be_visible(
        timeout=STARTS_SECONDS * 1000
    )
    expect(page.locator("#live")).to_have_text("etl-nightly restarted: it has the present value")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("button", name="Restart etl-nightly")).to_have_count(0)


def runner(real: Yard, cluster_id: str) -> Callable[..., str]:
    """Runs cells on the cluster, through the SDK."""
    commands = real.client().command_execution
    context_id = commands.create(cluster_id=cluster_id, language=Language.PYTHON).result(PATIENCE).id

    def run(cell: str, *, fails: bool = False) -> str:
        done = commands.execute(
            cluster_id=cluster_id, context_id=context_id, language=Language.PYTHON, command=cell
        ).result(PATIENCE)
        assert done.results is not None
        text = f"{done.results.data} {done.results.cause} {done.results.summary}"
        assert (done.results.result_type is ResultType.ERROR) == fails, text
        return text

    return run


def module(package: str) -> str:
    return package.replace("-", "_")
