"""Pictures of every page in the states worth seeing: `make screenshots` writes them to `screenshots/`.

A workspace starts in a temporary folder with invented data; its compute starts at once and runs nothing, and the name
service knows example hosts, which are all one small index on this machine. Each state is reached once, by clicking and
typing, and then photographed wide and narrow, in light and in dark. With `--readme` the two pictures of the README are
written to `docs/images/` as well.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.conftest import Workspace  # noqa: E402
from tests.control.instant_engine import InstantEngine  # noqa: E402 # the tests lie beside, not in, the package
from tests.control.package_repositories.authorities import leaf  # noqa: E402
from tests.control.package_repositories.servers import JSON, Index, Reply, Request  # noqa: E402
from tests.pages.certificates_made import authority  # noqa: E402
from tests.pages.sources_page import SourcesPage  # noqa: E402
from tests.pages.watched_browser import NARROW, WIDE, Visitor, WatchedBrowser, chromium_arguments  # noqa: E402
from tests.pages.yard import PAGE, Yard, fresh_token  # noqa: E402

from wheelyard.embedded import Settings  # noqa: E402
from wheelyard.logs import configure_logging  # noqa: E402
from wheelyard.serving import RunningWorkspace  # noqa: E402

ANA, BEN, CEM = "ana@example.com", "ben@example.com", "cem@example.com"
HTTPS = 443
PASSWORD = "seven wheels on a yard"  # noqa: S105 # invented
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
)
ROOT_AUTHORITY = authority()
ISSUING = authority("Example Corp Issuing CA 2", ROOT_AUTHORITY, days=(-30, 1200))
CHAIN = ISSUING.pem + ROOT_AUTHORITY.pem
PROJECTS = 214
REVOKED = "a-token-of-last-year"


@dataclass
class Studio:
    """The workspace, its browsers, and the folder for pictures."""

    yard: Yard
    browsers: WatchedBrowser
    folder: Path
    port: int
    for_readme: bool
    written: list[Path] = field(default_factory=list)

    def url(self, feed: str = "team-a", *, token: str = "") -> str:
        """An index of the example company, with a credential of its own."""
        port = "" if self.port == HTTPS else f":{self.port}"
        return f"https://build:{token or fresh_token()}@pkgs.example.com{port}/{feed}/simple/"

    def shoot_for_readme(self, visitor: Visitor, name: str, *, until: str) -> None:
        """The upper part of a page, wide and light, down to the end of an element."""
        if not self.for_readme:
            return
        visitor.page.wait_for_timeout(400)
        box = visitor.page.locator(until).bounding_box()
        assert box is not None
        path = ROOT / "docs" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        height = box["y"] + box["height"] + 12
        clip = {"x": 0, "y": 0, "width": WIDE, "height": height}
        visitor.page.screenshot(path=path, full_page=True, animations="disabled", clip=clip)  # type: ignore[arg-type]

    def shoot(self, visitor: Visitor, name: str, *, whole: bool = True) -> None:
        """One state in four pictures; the visitor's window is wide and light before and after."""
        page = visitor.page
        page.wait_for_timeout(400)  # what fades in has faded in
        for width in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": 900 if width == WIDE else 780})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of its two words
                page.evaluate("window.scrollTo(0, 0)")
                page.wait_for_timeout(200)  # colours have changed
                path = self.folder / f"{name}-{width}-{scheme}.png"
                page.screenshot(path=path, full_page=whole, animations="disabled")
                self.written.append(path)
        page.set_viewport_size({"width": WIDE, "height": 900})
        page.emulate_media(color_scheme="light")

    def signed_in(self, token: str) -> Visitor:
        visitor = self.browsers.open()
        visitor.sign_in(token)
        return visitor


def main() -> int:
    parser = argparse.ArgumentParser(description="write pictures of every page")
    parser.add_argument("--readme", action="store_true", help="write the README's two pictures too")
    parser.add_argument("--only", default="", help="scenes whose names hold this word")
    asked = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print(
            "error: no-chromium\n  no picture was written: Chromium is not installed\n  hint: apt-get install chromium"
        )
        return 1
    configure_logging("error", sys.stderr)
    folder = ROOT / "screenshots"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        engine = InstantEngine()
        settings = Settings(data_dir=Path(data) / "workspace", cache_dir=Path(data) / "cache", admin=ANA)
        arguments = list(chromium_arguments(is_root=os.geteuid() == 0))
        with (
            example_index(Path(data)) as port,
            RunningWorkspace(settings, engine=lambda _settings: engine) as running,
        ):
            token = running.workspace.admin_token.reveal()
            workspace = Workspace(running.url, token, running.workspace.workspace_id, settings.data_dir, running)
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            opened = WatchedBrowser(browser, running.url, lambda _text: None)
            studio = Studio(Yard(workspace, engine), opened, folder, port, asked.readme)
            for scene in SCENES:
                if asked.only in scene.__name__:
                    scene(studio)
            incidents = studio.browsers.close()
            browser.close()
    for incident in incidents:
        print(f"seen, and not meant to happen: {incident}")
    print(f"{len(studio.written)} pictures in {folder.name}/")
    return 1 if incidents else 0


# Scenes, in the order of a visit ------------------------------------------------------------------------------------


def signing_in(studio: Studio) -> None:
    link = studio.yard.workspace.running.workspace.sign_in_link()  # type: ignore[union-attr] # it runs
    visitor = studio.browsers.open()
    visitor.go("/sign-in")
    studio.shoot(visitor, "01-sign-in")
    visitor.page.get_by_text("Use a personal access token instead").click()
    studio.shoot(visitor, "02-sign-in-by-token")
    visitor.page.goto(link.reveal())
    visitor.page.get_by_label("New password").fill("too short")
    visitor.page.get_by_label("The same again").fill("too short")
    visitor.page.get_by_role("button", name="Set the password").click()
    studio.shoot(visitor, "03-choose-a-password")
    for label in ("New password", "The same again"):
        visitor.page.get_by_label(label).fill(PASSWORD)
    visitor.page.get_by_role("button", name="Set the password").click()
    studio.shoot(visitor, "04-overview")
    visitor.page.get_by_role("button", name=ANA).click()
    studio.shoot(visitor, "05-menu", whole=False)
    visitor.page.get_by_role("button", name="Sign out").click()
    studio.shoot(visitor, "06-signed-out")
    visitor.page.get_by_label("User name").fill(ANA)
    visitor.page.get_by_label("Password").fill("not my password")
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    studio.shoot(visitor, "07-sign-in-refused")
    visitor.page.goto(link.reveal())
    studio.shoot(visitor, "08-link-used")


def people(studio: Studio) -> None:
    """Somebody else, so that it is seen who did what."""
    for name, shown, groups in ((BEN, "Ben Adeyemi", ("admins",)), (CEM, "Cem Aydin", ())):
        made: Any = studio.yard.client().api_client.do(
            "POST", "/api/2.0/preview/scim/v2/Users", body={"userName": name, "displayName": shown}
        )
        TOKENS[name] = studio.yard.workspace._token_for(str(made["id"]), groups)  # noqa: SLF001 # the tests' own
    TOKENS[ANA] = studio.yard.admin_token


def first_value(studio: Studio) -> None:
    visitor = studio.signed_in(TOKENS[ANA])
    visitor.go("/settings/compute")
    studio.shoot(visitor, "10-compute-settings")
    page = SourcesPage(visitor)
    studio.shoot(visitor, "11-repositories-empty")
    page.index_url.fill(studio.url())
    page.type_extras(studio.url("research"))
    expect(visitor.page.get_by_text("dependency confusion").first).to_be_visible()
    studio.shoot(visitor, "12-warning-while-typing")
    page.certificate.fill(CHAIN)
    expect(visitor.page.get_by_text("Example Corp Issuing CA").first).to_be_visible()
    studio.shoot(visitor, "13-certificate-in-words")
    page.saved()
    expect(visitor.page.locator(".result")).to_have_count(2)
    studio.shoot(visitor, "14-repositories-saved")
    SourcesPage(visitor)
    studio.shoot(visitor, "15-repositories-filled")
    studio.shoot_for_readme(visitor, "settings-page.png", until="#sources")
    visitor.go("/settings/compute")
    studio.shoot(visitor, "16-compute-settings-filled")
    visitor.go("/")
    studio.shoot(visitor, "17-overview-filled")


def refusals(studio: Studio) -> None:
    visitor = studio.signed_in(TOKENS[ANA])
    page = SourcesPage(visitor)
    page.index_url.fill("https://build:pa/ss#word@pkgs.example.com/simple/")
    page.type_extras(
        "https://pkgs.example.com/one/simple/,https://pkgs.example.com/two/simple/", "pkgs.example.com/three"
    )
    page.certificate.fill("/etc/ssl/certs/example-corp.pem")
    page.refused()
    visitor.page.evaluate("scrollTo(0, 0)")
    studio.shoot(visitor, "20-refused")
    expired = authority("Example Corp Old Root", days=(-4000, -12)).pem
    page = SourcesPage(visitor)
    page.certificate.fill(expired)
    page.index_url.fill("https://build:****@elsewhere.example.com/simple/")
    page.refused()
    studio.shoot(visitor, "21-refused-mask-and-expired")
    page = SourcesPage(visitor)
    page.delete_button("index URL").click()
    studio.shoot(visitor, "22-delete-asks", whole=False)


def two_admins(studio: Studio) -> None:
    ana, ben = studio.signed_in(TOKENS[ANA]), studio.signed_in(TOKENS[BEN])
    hers, his = SourcesPage(ana), SourcesPage(ben)
    hers.index_url.fill(studio.url("platform"))
    hers.saved()
    his.index_url.fill(studio.url("data"))
    his.save()
    expect(ben.page.get_by_text("somebody else saved first")).to_be_visible()
    studio.shoot(ben, "23-conflict")


def check(studio: Studio) -> None:
    visitor = studio.signed_in(TOKENS[ANA])
    page = SourcesPage(visitor)
    page.type_extras(studio.url("research", token=REVOKED), "https://packages.example.com/simple/")
    page.check()
    studio.shoot(visitor, "30-check")
    page = SourcesPage(visitor)
    page.certificate.fill("")
    page.extras.first.fill("https://127.0.0.1:9/simple/")
    page.check()
    studio.shoot(visitor, "31-check-without-the-certificate")
    page = SourcesPage(visitor)
    page.project.fill("acme-forecast")
    page.check()
    visitor.page.get_by_text("What was seen").first.click()
    studio.shoot(visitor, "32-check-with-a-project")


def clusters(studio: Studio) -> None:
    yard = studio.yard
    names = ("etl-nightly", "ml-training", "bi-serving")
    ids = [
        yard.cluster(name, spark_env_vars=VARIABLES.get(name, {}), data_security_mode="USER_ISOLATION")
        for name in names
    ]
    visitor = studio.signed_in(TOKENS[BEN])
    page = SourcesPage(visitor)
    page.index_url.fill(studio.url())
    page.saved()
    expect(visitor.page.locator(".result")).to_have_count(2)
    studio.shoot(visitor, "40-clusters-with-an-old-value")
    yard.engine.hold_starts.set()
    visitor.page.get_by_role("button", name="Restart etl-nightly").click()
    expect(visitor.page.get_by_role("progressbar")).to_be_visible()
    time.sleep(1.5)
    studio.shoot(visitor, "41-cluster-restarting")
    yard.engine.hold_starts.clear()
    yard.until(lambda: yard.state(ids[0]) == "RUNNING")
    expect(visitor.page.get_by_text("Restarted: it has the present value.", exact=True)).to_be_visible()
    studio.shoot(visitor, "42-cluster-restarted")


def which_index_wins(studio: Studio) -> None:
    visitor = studio.signed_in(TOKENS[ANA])
    visitor.go(f"{PAGE}/which-index-wins")
    studio.shoot(visitor, "50-which-index-wins-serverless")
    asking = visitor.page
    asking.get_by_label("On", exact=True).select_option(label="ml-training")
    asking.get_by_role("button", name="Explain").click()
    expect(asking.get_by_role("heading", name="ml-training")).to_be_visible()
    studio.shoot(visitor, "51-which-index-wins-cluster")
    asking.get_by_label("Command").fill("%pip install acme-forecast --index-url https://mirror.example.com/simple/")
    asking.get_by_role("button", name="Explain").click()
    expect(asking.get_by_text("mirror.example.com").first).to_be_visible()
    studio.shoot(visitor, "52-which-index-wins-command")
    studio.shoot_for_readme(visitor, "which-index-wins.png", until="#answer")


def sessions(studio: Studio) -> None:
    for browser in BROWSERS:
        elsewhere = studio.browsers.open()
        answer = elsewhere.post(
            "/sign-in", {"by": "token", "token": TOKENS[ANA], "to": "/"}, headers={"User-Agent": browser}
        )
        assert answer.status == 303
    visitor = studio.signed_in(TOKENS[ANA])
    visitor.go("/settings/sessions")
    studio.shoot(visitor, "60-sessions")


def session_over(studio: Studio) -> None:
    visitor, elsewhere = studio.signed_in(TOKENS[BEN]), studio.signed_in(TOKENS[BEN])
    page = SourcesPage(visitor)
    page.index_url.fill(studio.url())
    elsewhere.go("/settings/sessions")
    elsewhere.page.get_by_role("button", name="Sign out everywhere else").click()
    elsewhere.page.get_by_text("You are signed out everywhere else").wait_for()
    page.save()
    expect(visitor.page.get_by_text("Sign in again to go on")).to_be_visible()
    studio.shoot(visitor, "61-session-over", whole=False)
    plain = studio.browsers.open(java_script=False)
    plain.sign_in(TOKENS[BEN])
    page = SourcesPage(plain)
    page.index_url.fill(studio.url())
    elsewhere.go("/settings/sessions")
    elsewhere.page.get_by_role("button", name="Sign out everywhere else").click()
    elsewhere.page.get_by_text("You are signed out everywhere else").wait_for()
    page.save()
    studio.shoot(plain, "62-session-over-without-scripts")


def not_an_admin(studio: Studio) -> None:
    visitor = studio.signed_in(TOKENS[CEM])
    visitor.go(PAGE)
    studio.shoot(visitor, "70-not-an-admin")
    visitor.go("/")
    studio.shoot(visitor, "71-overview-of-a-user")
    visitor.go("/nowhere")
    studio.shoot(visitor, "72-no-such-page")


# The example company ------------------------------------------------------------------------------------------------


class ExampleIndex(Index):
    """The company's index, on the port that needs no mention where that is to be had."""

    def server_bind(self) -> None:
        self.server_address = ("127.0.0.1", HTTPS)
        try:
            super().server_bind()
        except OSError:
            self.server_address = ("127.0.0.1", 0)
            super().server_bind()


@contextmanager
def example_index(folder: Path) -> Iterator[int]:
    """Answers as `pkgs.example.com`, with a certificate of the company's authority; yields its port."""
    tls = leaf(ISSUING, "pkgs.example.com", "mirror.example.com").server(folder, ISSUING)
    server = ExampleIndex(answer, tls)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ask = socket.getaddrinfo

    def answered_here(host: Any, *rest: Any, **more: Any) -> Any:
        known = host in {"pkgs.example.com", "mirror.example.com"}
        if not known and str(host).endswith(".example.com"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask("127.0.0.1" if known else host, *rest, **more)

    socket.getaddrinfo = answered_here
    try:
        yield server.port
    finally:
        socket.getaddrinfo = ask
        server.shutdown()
        server.server_close()


def answer(request: Request) -> Reply:
    if REVOKED in base64.b64decode(request.headers.get("Authorization", "").partition(" ")[2]).decode():
        return Reply(401)
    if request.path.endswith("/simple/"):
        names = [{"name": f"acme-{number}"} for number in range(PROJECTS)]
        return Reply(body=json.dumps({"meta": {"api-version": "1.1"}, "projects": names}).encode(), kind=JSON)
    project = request.path.strip("/").rpartition("/")[2]
    files = [
        {"filename": f"{project.replace('-', '_')}-{version}-py3-none-any.whl", "url": "x", "hashes": {}}
        for version in ("1.0.0", "1.1.0", "1.2.0")
    ]
    body = {"meta": {"api-version": "1.1"}, "name": project, "files": files}
    return Reply(body=json.dumps(body).encode(), kind=JSON)


TOKENS: dict[str, str] = {}
VARIABLES: dict[str, dict[str, str]] = {
    "ml-training": {"DATABRICKS_PIP_INDEX_URL": "https://models.example.com/simple/"},
}
SCENES: tuple[Callable[[Studio], None], ...] = (
    signing_in,
    people,
    first_value,
    refusals,
    two_admins,
    check,
    clusters,
    which_index_wins,
    sessions,
    session_over,
    not_an_admin,
)

if __name__ == "__main__":
    sys.exit(main())
