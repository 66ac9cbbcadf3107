"""Each thing a check can meet, met for real: servers on loopback, real TLS, real sockets."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from tests.conftest import Workspace
from tests.control.package_repositories.authorities import NOW, Made, authority, leaf, made
from tests.control.package_repositories.servers import HTML, JSON, Index, Reply, Request, index, raw_server
from tests.feed.conftest import multipart, upload_fields, wheel
from tests.security.secrets_made import remember

from wheelyard.control.package_repositories.addresses import AddressRules
from wheelyard.control.package_repositories.index_check import OUTCOMES, CheckResult, IndexCheck
from wheelyard.control.package_repositories.outcomes import outcome
from wheelyard.core.errors import Unavailable
from wheelyard.core.redaction import SafeUrl

TOKEN = "Zk4/p+q:r@s%t-w0rd"
USER_INFO = f"build:{quote(TOKEN, safe='')}"
HOSTS = dict.fromkeys(("localhost", "pkgs.example.com", "pkgs.example.com.", "cdn.example.com"), ("127.0.0.1",))


remember(f"https://{USER_INFO}@pkgs.example.com/")


def resolver(host: str, port: int) -> Sequence[str]:
    """Names of examples lie on loopback; numbers are read by the system."""
    if host in HOSTS:
        return HOSTS[host]
    numeric = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(found[4][0]) for found in numeric]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this machine trusts: one authority nobody uses."""
    path = tmp_path_factory.mktemp("roots") / "machine.pem"
    path.write_text(authority("Machine Root", organisation="Machine").pem)
    return path


Check = Callable[..., CheckResult]


@pytest.fixture
def check(roots: Path) -> Check:
    def check(
        url: str,
        certificate: str | None = None,
        project: str = "",
        *,
        allowed: Sequence[str] = (),
        seconds: float = 10,
        most_bytes: int = 64 * 1024 * 1024,
        machine_roots: Path = roots,
        resolve: Callable[[str, int], Sequence[str]] = resolver,
    ) -> CheckResult:
        asked = IndexCheck(AddressRules.parse(allowed), machine_roots, seconds, resolver=resolve, most_bytes=most_bytes)
        result = asked.check(SafeUrl(url), certificate, project)
        assert outcome(result.outcome).is_fine == result.is_fine
        assert_well_said(result)
        return result

    return check


def everything(result: CheckResult) -> str:
    return "\n".join([result.url, result.text, result.because, result.hint, *result.seen])


def assert_well_said(result: CheckResult) -> None:
    """Whatever was met: finished words on one line each, of bounded length, without a trace of a credential."""
    for words in (result.url, result.text, result.because, result.hint, *result.seen):
        assert words.isprintable(), words
        assert len(words) < 1200, words
    assert result.text
    shown = everything(result)
    for encoded in (TOKEN, quote(TOKEN, safe=""), quote(TOKEN), base64.b64encode(f"build:{TOKEN}".encode()).decode()):
        assert encoded not in shown
    assert "Zk4" not in shown


def listing(*names: str) -> bytes:
    links = "".join(f'<a href="/simple/{name}/">{name}</a><br>\n' for name in names)
    return f"<!DOCTYPE html><html><head><title>Simple index</title></head><body>{links}</body></html>".encode()


def page(*filenames: str) -> bytes:
    links = "".join(f'<a href="../../files/{name}#sha256=00">{name}</a><br>\n' for name in filenames)
    return f"<!DOCTYPE html><html><head><title>Links for x</title></head><body>{links}</body></html>".encode()


# -- fine


def test_a_list_of_projects_in_html(check: Check) -> None:
    with index({"/simple/": Reply(body=listing("numpy", "acme-lib", "Zope.Interface"))}) as server:
        result = check(server.url())
    assert (result.outcome, result.project_count, result.file_count) == ("fine-with-projects", 3, None)
    assert result.text == f"`127.0.0.1:{server.port}` is a package index and lists 3 projects"
    assert result.url == server.url()
    assert result.seen[-1] == "it answers 200 with `text/html; charset=utf-8`"


def test_one_project_is_not_many(check: Check) -> None:
    with index({"/simple/": Reply(body=listing("numpy"))}) as server:
        assert check(server.url()).text.endswith("lists 1 project")


@pytest.mark.parametrize("form", ["numpy/", "./numpy/", "numpy", "/simple/numpy/", "//127.0.0.1:{port}/simple/numpy/"])
def test_links_may_be_written_in_every_way(check: Check, form: str) -> None:
    def reply(_request: Request) -> Reply:
        href = form.format(port=server.port)
        return Reply(body=f'<html><a href="../">up</a><a class="x" href="{href}">numpy</a></html>'.encode())

    with index(reply) as server:
        assert check(server.url()).project_count == 1


def test_a_list_of_projects_in_json(check: Check) -> None:
    body = json.dumps({"meta": {"api-version": "1.1"}, "projects": [{"name": "a"}, {"name": "b", "_x": 1}]}).encode()
    with index({"/simple/": Reply(body=body, kind=JSON)}) as server:
        result = check(server.url())
    assert (result.outcome, result.project_count) == ("fine-with-projects", 2)


def test_the_final_slash_is_added(check: Check) -> None:
    with index({"/simple/": Reply(body=listing("numpy"))}) as server:
        result = check(server.url(path="/simple"))
    assert result.is_fine
    assert result.url.endswith("/simple/")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(listing(), HTML), (b'{"meta":{"api-version":"1.0"},"projects":[]}', JSON)],
)
def test_an_empty_index_is_one(check: Check, body: bytes, kind: str) -> None:
    with index({"/simple/": Reply(body=body, kind=kind)}) as server:
        result = check(server.url())
    assert (result.outcome, result.is_fine, result.project_count) == ("fine-without-projects", True, 0)


def test_the_page_of_a_project_is_asked_for_by_its_normalised_name(check: Check) -> None:
    body = page("acme_lib-1.0-py3-none-any.whl", "acme_lib-1.0.tar.gz")
    with index({"/simple/acme-lib/": Reply(body=body)}) as server:
        result = check(server.url(), project=" Acme__LIB ")
    assert (result.outcome, result.file_count, result.project_count) == ("fine-with-project", 2, None)
    assert result.text.endswith("has 2 files of project `acme-lib`")
    assert [one.path for one in server.requests] == ["/simple/acme-lib/"]


def test_the_page_of_a_project_in_json(check: Check) -> None:
    body = json.dumps({"meta": {}, "name": "x", "files": [{"filename": "x-1.tar.gz", "url": "u", "hashes": {}}]})
    with index({"/simple/x/": Reply(body=body.encode(), kind=JSON)}) as server:
        assert check(server.url(), project="x").text.endswith("has 1 file of project `x`")


def test_a_project_without_files_is_not_fine(check: Check) -> None:
    with index({"/simple/x/": Reply(body=page())}) as server:
        result = check(server.url(), project="x")
    assert (result.outcome, result.is_fine) == ("project-without-files", False)


def test_a_list_of_hundreds_of_thousands(check: Check) -> None:
    names = [f"project-{number}" for number in range(200_000)]
    body = json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": name} for name in names]}).encode()
    with index({"/simple/": Reply(body=body, kind=JSON)}) as server:
        assert check(server.url(), seconds=60).text.endswith("lists 200,000 projects")
    with index({"/simple/": Reply(body=listing(*names))}) as server:
        assert check(server.url(), seconds=120).project_count == 200_000


def test_it_asks_as_pip_does_and_takes_nothing_along(
    check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    replies = {
        "/simple/": Reply(302, headers={"Location": "/moved/", "Set-Cookie": "a=b; Path=/"}),
        "/moved/": Reply(body=listing("numpy").replace(b"/simple/", b"/moved/")),
    }
    with index(replies) as server:
        assert check(server.url()).is_fine
    first, second = server.requests
    assert first.headers["Accept"].startswith("application/vnd.pypi.simple.v1+json, ")
    assert first.headers["Host"] == f"127.0.0.1:{server.port}"
    for name in ("Authorization", "Cookie", "Proxy-Authorization"):
        assert first.headers[name] is None
        assert second.headers[name] is None


# -- what cannot be asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pkgs.example.com/simple",
        "ftp://pkgs.example.com/simple/",
        "file:///srv/simple/",
        "https://",
        "https:///simple/",
        f"https://build:{TOKEN}@pkgs.example.com/simple/",
        "https://pkgs.example.com:port/simple/",
        "https://pkgs.example.com:99999/simple/",
        "https://one.example https://two.example",
        "https://pkgs.example.com/%zz/",
        "https://pkgs.example.com/\x00/",
        "https://[::1/simple/",
        "javascript:alert(1)",
        "https://pkgs.example.com/" + "x" * 10_000,
    ],
)
def test_a_url_that_cannot_be_used(check: Check, url: str) -> None:
    result = check(url)
    assert result.outcome == "bad-url"
    assert result.because


def test_white_space_around_a_url_does_not_count(check: Check) -> None:
    with index({"/simple/": Reply(body=listing("numpy"))}) as server:
        assert check(f" {server.url()}\n").is_fine


@pytest.mark.parametrize("project", ["numpy[extra]", "numpy==1.0", "../../etc", "a/b", "ü", "x" * 200 + "!", "a\nb"])
def test_what_is_no_project_name(check: Check, project: str) -> None:
    assert check("http://127.0.0.1:9/simple/", project=project).outcome == "bad-project-name"


@pytest.mark.parametrize(
    "text",
    ["not PEM at all", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "/etc/ssl/corp.pem"],
)
def test_a_certificate_that_cannot_be_read(check: Check, text: str) -> None:
    result = check("https://127.0.0.1:9/simple/", text)
    assert result.outcome == "certificate-given-unreadable"
    assert result.because
    assert result.hint


def test_one_broken_certificate_among_good_ones_is_named(check: Check) -> None:
    broken = base64.b64encode(b"\x30\x03\x02\x01\x05").decode()
    text = f"{authority('A').pem}-----BEGIN CERTIFICATE-----\n{broken}\n-----END CERTIFICATE-----\n"
    result = check("https://127.0.0.1:9/simple/", text)
    assert result.outcome == "certificate-given-unreadable"
    assert "certificate 2" in result.because


def test_the_machines_own_list_must_be_readable(check: Check, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        check("https://127.0.0.1:9/simple/", machine_roots=tmp_path / "gone.pem")
    assert str(tmp_path) not in caught.value.what + caught.value.hint
    assert str(tmp_path) in caught.value.log


# -- names and addresses


def failing(number: int) -> Callable[[str, int], Sequence[str]]:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(number, "as the system says")

    return resolve


def test_a_name_that_is_not_known(check: Check) -> None:
    result = check("https://pgks.example.com/simple/", resolve=failing(socket.EAI_NONAME))
    assert result.outcome == "name-not-found"
    assert result.text == "No address is known for `pgks.example.com`"


def test_a_name_service_that_fails(check: Check) -> None:
    result = check("https://pkgs.example.com/simple/", resolve=failing(socket.EAI_AGAIN))
    assert result.outcome == "name-service-failed"


def test_a_name_without_addresses_and_a_name_that_is_none(check: Check) -> None:
    assert check("https://pkgs.example.com/", resolve=lambda _host, _port: []).outcome == "name-not-found"
    assert check(f"https://{'x' * 70}.example.com/").outcome == "name-not-found"


def test_a_name_service_that_never_answers_is_not_waited_for(check: Check) -> None:
    is_over = threading.Event()

    def resolve(_host: str, _port: int) -> Sequence[str]:
        is_over.wait(60)
        return []

    result = check("https://pkgs.example.com/simple/", resolve=resolve, seconds=0.2)
    is_over.set()
    assert result.outcome == "timed-out"
    assert result.because == "the name service gave no answer"


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3",
        "167838211",
        "0xa010203",
        "0xA.0x1.0x2.0x3",
        "0xa.1.515",
        "[::ffff:10.1.2.3]",
        "[::ffff:a01:203]",
        "[64:ff9b::10.1.2.3]",
        "[2002:a01:203::1]",
    ],
)
def test_a_private_address_is_refused_in_every_spelling(check: Check, host: str) -> None:
    result = check(f"http://{host}/simple/")
    assert result.outcome == "address-not-allowed"
    assert "is a private address" in result.because
    assert "`wheelyard up --check-network 10.1.2.3/32`" in result.hint


@pytest.mark.parametrize("host", ["10.1.2.3.", "012.1.2.3", "[::ffff:10.1.2.3%25lo]", "\uff110.1.2.3", "10\u30021.2.3"])
def test_what_not_every_resolver_reads_is_not_reached_either(check: Check, host: str) -> None:
    assert check(f"http://{host}/simple/").outcome in {"address-not-allowed", "bad-url", "name-not-found"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cloud_metadata_is_refused(check: Check, scheme: str) -> None:
    result = check(f"{scheme}://169.254.169.254/latest/", resolve=lambda _host, _port: ["169.254.169.254"])
    assert result.outcome == "address-not-allowed"
    assert "link-local" in result.because


def test_one_private_address_among_public_ones_is_enough_to_refuse(check: Check) -> None:
    result = check("https://pkgs.example.com/", resolve=lambda _host, _port: ["127.0.0.1", "10.0.0.1", "8.8.8.8"])
    assert result.outcome == "address-not-allowed"


def test_the_name_is_asked_once_so_a_second_answer_leads_nowhere(check: Check) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]])
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    replies = {"/simple/": Reply(301, headers={"Location": "/a/"}), "/a/": Reply(body=listing("numpy"))}
    with index(replies) as server:
        replies["/a/"] = Reply(body=listing("numpy").replace(b"/simple/", b"/a/"))
        result = check(server.url("pkgs.example.com"), resolve=rebinding)
    assert result.is_fine
    assert asked == ["pkgs.example.com"]
    assert "`pkgs.example.com` is at `127.0.0.1`" in result.seen


def test_a_network_the_operator_named_is_reached(check: Check) -> None:
    """Of the refused addresses one is this machine, so that a test can stay on it."""

    def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["0.0.0.0"]  # noqa: S104

    with index({"/simple/": Reply(body=listing("numpy"))}) as server:
        url = server.url("pkgs.example.com")
        assert check(url, resolve=resolve).outcome == "address-not-allowed"
        assert check(url, resolve=resolve, allowed=["pkgs.example.com"]).outcome == "address-not-allowed"
        assert check(url, resolve=resolve, allowed=["0.0.0.0/32"]).is_fine


def test_a_way_that_does_not_exist(check: Check) -> None:
    """A zone that this machine does not have: the system says no before anything is sent."""
    result = check("http://pkgs.example.com/", resolve=lambda _host, _port: ["fe80::1%nozone"], allowed=["fe80::/10"])
    assert result.outcome == "unreachable"


# -- connections


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_refused_connection(check: Check) -> None:
    port = free_port()
    result = check(f"https://127.0.0.1:{port}/simple/")
    assert result.outcome == "refused"
    assert result.text == f"`127.0.0.1` refused the connection on port {port}"
    assert result.seen == ("`127.0.0.1`: connection refused",)


def test_the_next_address_is_tried(check: Check) -> None:
    with index({"/simple/": Reply(body=listing("numpy"))}) as server:
        result = check(server.url("pkgs.example.com"), resolve=lambda _host, _port: ["::1", "127.0.0.1"])
    assert result.is_fine


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing(check: Check, scheme: str) -> None:
    with raw_server(drain) as port:
        result = check(f"{scheme}://127.0.0.1:{port}/simple/", seconds=0.3)
    assert result.outcome == "timed-out"
    assert "within 0.3 seconds" in result.text
    assert ("TLS was not agreed" in result.because) == (scheme == "https")


def drain(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.01)

    return talk


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", b"<a href='x/'>x</a>"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.simple.v1+json\r\n\r\n", b" "),
    ],
)
def test_a_server_that_drips_is_left_when_the_time_is_up(check: Check, head: bytes, drop: bytes) -> None:
    with raw_server(dripping(head, drop)) as port:
        result = check(f"http://127.0.0.1:{port}/simple/", seconds=0.5)
    assert result.outcome == "timed-out"


def closing(*said: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        for one in said:
            connection.sendall(one)
        connection.shutdown(socket.SHUT_WR)
        drain(connection)

    return talk


def test_a_server_that_hangs_up(check: Check) -> None:
    with raw_server(closing()) as port:
        result = check(f"http://127.0.0.1:{port}/simple/")
        encrypted = check(f"https://127.0.0.1:{port}/simple/")
    assert result.outcome == encrypted.outcome == "closed-without-answer"
    assert "when the request had been sent" in result.because
    assert "while TLS was being agreed on" in encrypted.because


def test_a_connection_that_is_reset(check: Check) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with raw_server(reset) as port:
        assert check(f"http://127.0.0.1:{port}/simple/").outcome == "closed-without-answer"
        assert check(f"https://127.0.0.1:{port}/simple/").outcome == "closed-without-answer"


def test_an_answer_that_breaks_off(check: Check) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n"
    with raw_server(closing(head, b"<html>")) as port:
        result = check(f"http://127.0.0.1:{port}/simple/")
    assert result.outcome == "answer-cut"
    assert "after 6 bytes" in result.because


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example.com ESMTP\r\n", b"\x00" * 50, b"HTTP/1.1 999999 x\r\n\r\n"],
)
def test_what_is_not_http(check: Check, said: bytes) -> None:
    with raw_server(closing(said)) as port:
        assert check(f"http://127.0.0.1:{port}/simple/").outcome == "not-http"


def test_a_head_without_end(check: Check) -> None:
    with raw_server(closing(b"HTTP/1.1 200 OK\r\n", *[b"X-Filler: " + b"x" * 1000 + b"\r\n"] * 500)) as port:
        assert check(f"http://127.0.0.1:{port}/simple/").outcome == "not-http"


# -- TLS

ROOT = authority("Corp Root")
ISSUING = authority("Corp Issuing", ROOT)
PKGS = leaf(ISSUING, "pkgs.example.com", "localhost", "127.0.0.1")


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Callable[..., Index]]:
    """Serve one project behind a certificate: `tls(leaf, *what is sent behind it)`."""
    opened: list[object] = []

    def serve(shown: Made, *sent: Made, replies: Mapping[str, Reply] | None = None) -> Index:
        context = index(replies or {"/simple/": Reply(body=listing("numpy"))}, shown.server(tmp_path, *sent))
        opened.append(context)
        return context.__enter__()

    yield serve
    for context in opened:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


Tls = Callable[..., Index]


@pytest.mark.parametrize("host", ["pkgs.example.com", "localhost", "127.0.0.1", "pkgs.example.com."])
def test_a_complete_chain_with_the_root_given(check: Check, tls: Tls, host: str) -> None:
    result = check(tls(PKGS, ISSUING).url(host), ROOT.pem)
    assert result.outcome == "fine-with-projects"
    (words,) = [one for one in result.seen if "certificate" in one]
    assert words.startswith("its certificate is `pkgs.example.com`, signed by `Corp Issuing (Corp)`, valid until ")


def test_text_around_the_given_certificate_does_not_matter(check: Check, tls: Tls) -> None:
    text = f"# our root\r\n{ROOT.pem}\nthat was it".replace("\n", "\r\n")
    assert check(tls(PKGS, ISSUING).url(), text).is_fine


def test_old_pips_that_believe_the_given_certificate_alone_are_told_of(check: Check, tls: Tls, tmp_path: Path) -> None:
    machine = tmp_path / "roots.pem"
    machine.write_text(ROOT.pem)
    server = tls(PKGS, ISSUING)
    both = check(server.url(), authority("Another").pem, machine_roots=machine)
    assert both.is_fine
    (note,) = [one for one in both.seen if "24.2" in one]
    assert note.endswith("its certificate rests on `Corp Root (Corp)`")
    for given in (None, ROOT.pem):
        assert "24.2" not in everything(check(server.url(), given, machine_roots=machine))


def test_a_missing_intermediate(check: Check, tls: Tls) -> None:
    result = check(tls(PKGS).url("pkgs.example.com"), ROOT.pem)
    assert result.outcome == "tls-chain-incomplete"
    assert "does not send the certificate of `Corp Issuing (Corp)`" in result.text
    assert result.because == ("the server sends 1 certificate: `pkgs.example.com`, signed by `Corp Issuing (Corp)`")
    assert "Custom SSL certificate" in result.hint


def test_a_gap_in_the_chain(check: Check, tls: Tls) -> None:
    lower = authority("Corp Lower", ISSUING)
    result = check(tls(leaf(lower, "127.0.0.1"), ISSUING).url(), None)
    assert result.outcome == "tls-chain-incomplete"
    assert "`Corp Lower (Corp)`" in result.text
    assert check(tls(leaf(lower, "127.0.0.1"), lower, ISSUING).url(), ROOT.pem).is_fine


def test_a_missing_intermediate_can_be_given(check: Check, tls: Tls) -> None:
    assert check(tls(PKGS).url(), ROOT.pem + ISSUING.pem).is_fine


def test_a_private_authority_that_is_not_given(check: Check, tls: Tls) -> None:
    result = check(tls(PKGS, ISSUING).url("pkgs.example.com"))
    assert result.outcome == "tls-unknown-authority"
    assert "it rests on the authority `Corp Root (Corp)`, which is not trusted here" in result.text
    assert "there is no Custom SSL certificate" in result.because
    assert result.hint.startswith("put the certificate of `Corp Root (Corp)` into Custom SSL certificate")


def test_a_private_authority_that_signs_directly(check: Check, tls: Tls) -> None:
    result = check(tls(leaf(ROOT, "127.0.0.1")).url())
    assert result.outcome == "tls-unknown-authority"
    assert "if `Corp Root (Corp)` is an intermediate" in result.hint


def test_another_authority_was_given(check: Check, tls: Tls) -> None:
    result = check(tls(PKGS, ISSUING, ROOT).url(), authority("Other Root", organisation="Other").pem)
    assert result.outcome == "tls-unknown-authority"
    assert "the Custom SSL certificate holds `Other Root (Other)`" in result.because


def test_an_authority_that_was_made_anew_under_its_name(check: Check, tls: Tls) -> None:
    result = check(tls(PKGS, ISSUING).url(), authority("Corp Root").pem)
    assert result.outcome == "tls-unknown-authority"
    assert "with another key" in result.because


def test_the_intermediate_alone_is_not_enough(check: Check, tls: Tls) -> None:
    result = check(tls(PKGS).url(), ISSUING.pem)
    assert result.outcome == "tls-unknown-authority"
    assert "holds `Corp Issuing (Corp)`, and not the root that signed it" in result.because
    assert "`Corp Root (Corp)`" in result.hint


def test_the_servers_own_certificate_proves_no_other_and_itself_only_when_self_signed(check: Check, tls: Tls) -> None:
    assert not check(tls(PKGS, ISSUING).url(), PKGS.pem).is_fine
    alone = made("127.0.0.1", names=("127.0.0.1",))
    assert check(tls(alone).url(), alone.pem).is_fine


def test_a_self_signed_certificate(check: Check, tls: Tls) -> None:
    result = check(tls(made("old-box", names=("127.0.0.1",))).url())
    assert result.outcome == "tls-unknown-authority"
    assert "it is signed by itself (`old-box`)" in result.text
    assert "`old-box`" in result.hint


def test_an_expired_certificate(check: Check, tls: Tls) -> None:
    ended = NOW - timedelta(days=3)
    result = check(tls(leaf(ISSUING, "127.0.0.1", end=ended), ISSUING).url(), ROOT.pem)
    assert result.outcome == "tls-expired"
    assert result.text.endswith(f"it (`127.0.0.1`) expired on {ended.strftime('%Y-%m-%d')}")
    assert "renewed" in result.hint


def test_an_expired_intermediate_and_an_expired_given_root(check: Check, tls: Tls) -> None:
    ended = NOW - timedelta(days=3)
    old = authority("Corp Old", ROOT, end=ended)
    result = check(tls(leaf(old, "127.0.0.1"), old).url(), ROOT.pem)
    assert result.outcome == "tls-expired"
    assert "`Corp Old (Corp)`, which it rests on, expired" in result.text
    old_root = authority("Corp Old Root", end=ended)
    result = check(tls(leaf(old_root, "127.0.0.1")).url(), old_root.pem)
    assert result.outcome == "tls-expired"
    assert "`Corp Old Root (Corp)` in the Custom SSL certificate expired" in result.text
    assert "Custom SSL certificate" in result.hint


def test_a_certificate_that_is_not_valid_yet(check: Check, tls: Tls) -> None:
    begins = NOW + timedelta(days=3)
    result = check(tls(leaf(ROOT, "127.0.0.1", start=begins)).url(), ROOT.pem)
    assert result.outcome == "tls-not-yet-valid"
    assert begins.strftime("from %Y-%m-%d") in result.text


@pytest.mark.parametrize("host", ["127.0.0.1", "cdn.example.com"])
def test_a_certificate_for_another_name(check: Check, tls: Tls, host: str) -> None:
    result = check(tls(leaf(ROOT, "pkgs.example.com", "*.pkgs.example.com")).url(host), ROOT.pem)
    assert result.outcome == "tls-wrong-name"
    assert result.because == "it is for `pkgs.example.com`, `*.pkgs.example.com`"


def test_a_certificate_for_many_names_and_one_for_none(check: Check, tls: Tls) -> None:
    many = leaf(ROOT, *(f"h{number}.example.com" for number in range(40)))
    assert check(tls(many).url(), ROOT.pem).because.endswith("`h5.example.com` and 34 more")
    nameless = check(tls(made("old.example.com", ROOT)).url("pkgs.example.com"), ROOT.pem)
    assert nameless.outcome == "tls-wrong-name"
    assert nameless.because == "it names no host but its subject `old.example.com`"


def test_a_name_in_the_subject_alone_is_enough_for_pip_and_here(check: Check, tls: Tls) -> None:
    assert check(tls(made("pkgs.example.com", ROOT)).url("pkgs.example.com"), ROOT.pem).is_fine


def test_a_certificate_of_a_purpose_of_its_own(check: Check, tls: Tls, tmp_path: Path) -> None:
    below_leaf = leaf(made("no authority", ROOT), "127.0.0.1")
    assert below_leaf.signer is not None
    result = check(tls(below_leaf, below_leaf.signer).url(), ROOT.pem)
    assert result.outcome == "tls-certificate-refused"
    assert "CA certificate" in result.because


def test_trustmes_authorities_work_too(check: Check) -> None:
    ours = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.create_child_ca().issue_cert("127.0.0.1").configure_cert(context)
    with index({"/simple/": Reply(body=listing("numpy"))}, context) as server:
        assert check(server.url(), ours.cert_pem.bytes().decode()).is_fine
        assert check(server.url()).outcome == "tls-unknown-authority"


def pip_trusts(server: Index, host: str, certificate: str, folder: Path) -> bool:
    """Did a real pip, with nothing but this certificate, get as far as asking for the page?"""
    (folder / "given.pem").write_text(certificate)
    asked = len(server.requests)
    words = ["download", "--no-deps", "--no-input", "--no-cache-dir", "--retries", "0", "--disable-pip-version-check"]
    places = ["--index-url", server.url(host), "--cert", str(folder / "given.pem"), "--dest", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, *places, "acme-lib"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        check=False,
    )
    return len(server.requests) > asked


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        ([PKGS, ISSUING], [ROOT]),
        ([PKGS], [ROOT]),
        ([PKGS], [ROOT, ISSUING]),
        ([PKGS], [ISSUING]),
        ([PKGS, ISSUING], [PKGS]),
        ([PKGS, ISSUING], [authority("Corp Root")]),
        ([made("localhost", names=("localhost",))], []),
        ([made("localhost", ROOT)], [ROOT]),
        ([leaf(ROOT, "localhost", end=NOW - timedelta(days=1))], [ROOT]),
        ([leaf(ROOT, "pkgs.example.com")], [ROOT]),
    ],
)
def test_pip_decides_the_same(check: Check, tls: Tls, shown: list[Made], given: list[Made], tmp_path: Path) -> None:
    server = tls(*shown, replies={"/simple/acme-lib/": Reply(body=page("acme_lib-1.0.tar.gz"))})
    certificate = "".join(one.pem for one in given or shown)
    result = check(server.url("localhost"), certificate, "acme-lib")
    assert pip_trusts(server, "localhost", certificate, tmp_path) == result.is_fine, result


def test_nothing_is_sent_to_a_server_that_did_not_prove_itself(check: Check, tmp_path: Path) -> None:
    context = leaf(ROOT, "127.0.0.1").server(tmp_path)
    received: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            received.append(encrypted.recv(4096))

    with raw_server(talk) as port:
        result = check(f"https://{USER_INFO}@127.0.0.1:{port}/simple/")
    assert result.outcome == "tls-unknown-authority"
    assert set(received) <= {b""}


def test_https_where_plain_text_is_spoken(check: Check) -> None:
    with raw_server(closing(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as port:
        result = check(f"https://127.0.0.1:{port}/simple/")
    assert result.outcome == "tls-not-spoken"
    assert result.text == f"`127.0.0.1` speaks without TLS on port {port}, and the URL says https"
    assert "`http://`" in result.hint


def test_http_where_tls_is_spoken(check: Check) -> None:
    with raw_server(closing(b"\x15\x03\x01\x00\x02\x02\x46")) as port:
        result = check(f"http://127.0.0.1:{port}/simple/")
    assert result.outcome == "tls-not-spoken"
    assert result.text.endswith("and the URL says http")
    said = b"<html>The plain HTTP request was sent to HTTPS port</html>"
    with index({"/simple/": Reply(400, said)}) as server:
        assert check(server.url()).outcome == "tls-not-spoken"


def test_http_to_pythons_own_tls_server(check: Check, tls: Tls) -> None:
    server = tls(PKGS)
    result = check(server.url().replace("https://", "http://"))
    assert result.outcome in {"tls-not-spoken", "closed-without-answer"}


def test_a_server_that_wants_another_tls(check: Check, tmp_path: Path) -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x28"
    with raw_server(closing(alert)) as port:
        result = check(f"https://127.0.0.1:{port}/simple/")
    assert result.outcome == "tls-failed"
    assert "handshake failure" in result.because


def test_a_server_that_wants_a_client_certificate(check: Check, tmp_path: Path) -> None:
    context = leaf(ROOT, "127.0.0.1").server(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ROOT.pem)
    with index({"/simple/": Reply(body=listing("numpy"))}, context) as server:
        result = check(server.url(), ROOT.pem)
    assert result.outcome in {"tls-failed", "closed-without-answer"}


# -- statuses


@pytest.mark.parametrize(
    ("status", "user_info", "project", "expected"),
    [
        (401, "", "", "credentials-missing"),
        (401, USER_INFO, "", "credentials-refused"),
        (403, USER_INFO, "", "forbidden"),
        (403, "", "", "forbidden-without-credentials"),
        (404, "", "", "not-found"),
        (410, "", "", "not-found"),
        (404, "", "numpy", "project-not-found"),
        (429, "", "", "too-many-requests"),
        (500, "", "", "server-error"),
        (503, "", "", "server-error"),
        (599, "", "", "server-error"),
        (400, "", "", "unexpected-status"),
        (405, "", "", "unexpected-status"),
        (418, USER_INFO, "", "unexpected-status"),
        (301, "", "", "unexpected-status"),
        (304, "", "", "unexpected-status"),
    ],
)
def test_what_a_status_means(check: Check, status: int, user_info: str, project: str, expected: str) -> None:
    with index(lambda _request: Reply(status, b"<title>no</title>")) as server:
        result = check(server.url(user_info=user_info), project=project)
    assert result.outcome == expected
    assert result.project_count is None
    assert str(status) in everything(result)


def test_credentials_are_sent_as_pip_sends_them(check: Check) -> None:
    with index({"/simple/": Reply(body=listing("numpy"))}) as server:
        for user_info, sent in [
            (USER_INFO, f"build:{TOKEN}"),
            ("onlytoken", "onlytoken:"),
            (":onlypassword", ":onlypassword"),
            ("a:b:c", "a:b:c"),
            ("us@er:pass", "us@er:pass"),
        ]:
            result = check(server.url(user_info=user_info))
            assert result.is_fine
            assert server.requests[-1].headers["Authorization"] == f"Basic {base64.b64encode(sent.encode()).decode()}"
        assert "****@" in result.url


def test_what_a_401_asks_for_is_told(check: Check) -> None:
    reply = Reply(401, headers={"WWW-Authenticate": 'Bearer realm="x"'})
    with index({"/simple/": reply}) as server:
        assert "it asks for credentials by `Bearer`; pip gives them by `Basic`" in check(server.url()).seen


def test_how_long_to_wait_is_told_when_it_is_a_number(check: Check) -> None:
    with index({"/simple/": Reply(429, headers={"Retry-After": "30"})}) as server:
        assert check(server.url()).because == "it answered 429 and asks to wait 30 seconds"
    with index({"/simple/": Reply(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})}) as server:
        assert check(server.url()).because == "it answered 429"


def test_a_missing_list_says_that_a_project_may_help(check: Check) -> None:
    with index({}) as server:
        assert "give the name of a project" in check(server.url()).hint


# -- not an index


@pytest.mark.parametrize(
    ("body", "kind", "in_because", "in_hint"),
    [
        (
            b"<html><title>Welcome to nginx!</title><h1>It works</h1></html>",
            HTML,
            "title `Welcome to nginx!`",
            "/simple/",
        ),
        (b"<html><a href='/help'>Help</a><a href='/about'>About</a></html>", HTML, "`text/html", "/simple/"),
        (
            b"<html><title>Sign in</title><form><input type=password></form><a href='help'>help</a></html>",
            HTML,
            "title `Sign in`",
            "sign in",
        ),
        (b'{"status": "ok"}', "application/json", "which pip passes over", "/simple/"),
        (b'{"projects": [{"name": "x"}]}', "application/json", "which pip passes over", "/simple/"),
        (b'{"ok": true}', JSON, f"it sent `{JSON}`", "/simple/"),
        (b"[[[", JSON, f"it sent `{JSON}`", "/simple/"),
        (b"[" * 100_000, JSON, f"it sent `{JSON}`", "/simple/"),
        (b'{"projects": 7}', JSON, f"it sent `{JSON}`", "/simple/"),
        (b'{"projects": [{"name": "\xff"}]}', JSON, f"it sent `{JSON}`", "/simple/"),
        (b"", HTML, "`text/html", "/simple/"),
        (b"<html></html>", "", "content without a type", "/simple/"),
        (page("x-1.0.tar.gz"), HTML, "Links for x", "leave its name out"),
        (b"\x89PNG", "image/png", "`image/png`, which pip passes over", "/simple/"),
        (b"<!--" * 100_000, HTML, "`text/html", "/simple/"),
        (b"<a href='" + b"x" * 400_000, HTML, "`text/html", "/simple/"),
        (b"<![CDATA[<!DOCTYPE<?" * 5_000, HTML, "`text/html", "/simple/"),
        (b"<![made up[ ]]>", HTML, "`text/html", "/simple/"),
    ],
)
def test_what_is_no_index(check: Check, body: bytes, kind: str, in_because: str, in_hint: str) -> None:
    with index({"/simple/": Reply(body=body, kind=kind)}) as server:
        result = check(server.url())
    assert (result.outcome, result.project_count) == ("not-an-index", None)
    assert in_because in result.because
    assert in_hint in result.hint


def test_a_sign_in_page_with_203_is_recognised(check: Check) -> None:
    with index({"/simple/": Reply(203, b"<title>Azure DevOps Services | Sign In</title>")}) as server:
        result = check(server.url(user_info=USER_INFO))
    assert result.outcome == "not-an-index"
    assert "sign in" in result.hint


def test_the_list_instead_of_a_page(check: Check) -> None:
    body = json.dumps({"meta": {}, "projects": [{"name": "x"}]}).encode()
    with index(lambda _request: Reply(body=body, kind=JSON)) as server:
        result = check(server.url(), project="x")
    assert result.outcome == "not-an-index"
    assert "list of projects" in result.hint


# -- redirects


def test_a_redirect_on_the_same_origin_keeps_the_credentials(check: Check) -> None:
    replies = {
        "/simple/x": Reply(308, headers={"Location": "/simple/x/"}),
        "/simple/": Reply(301, headers={"Location": "other/"}),
        "/simple/other/": Reply(body=page("x-1.0.tar.gz")),
    }
    with index(replies) as server:
        check(server.url(user_info=USER_INFO))
    assert len({one.headers["Authorization"] for one in server.requests}) == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("secret_in", ["", f"user:{quote(TOKEN, safe='')}@"])
def test_credentials_never_go_to_another_origin(check: Check, secret_in: str) -> None:
    with index({"/simple/": Reply(401)}) as other:
        location = other.url("cdn.example.com").replace("://", f"://{secret_in}")
        with index({"/simple/": Reply(302, headers={"Location": location})}) as server:
            result = check(server.url(user_info=USER_INFO))
    assert server.requests[0].headers["Authorization"]
    assert [one.headers["Authorization"] for one in other.requests] == [None]
    assert result.outcome == "redirected-elsewhere"
    assert f"`http://cdn.example.com:{other.port}`" in result.text
    assert result.because == "there, it answered 401"


def test_credentials_do_not_come_back_with_a_redirect_back(check: Check) -> None:
    def reply(request: Request) -> Reply:
        if request.path == "/simple/":
            return Reply(302, headers={"Location": other.url()})
        return Reply(401)

    with index(reply) as server, index({"/simple/": Reply(302, headers={"Location": server.url(path="/a/")})}) as other:
        result = check(server.url(user_info=USER_INFO))
    assert [bool(one.headers["Authorization"]) for one in server.requests] == [True, False]
    assert result.outcome == "credentials-missing"


def test_another_port_is_another_origin(check: Check) -> None:
    with (
        index({"/simple/": Reply(body=listing("numpy"))}) as other,
        index({"/simple/": Reply(307, headers={"Location": other.url()})}) as server,
    ):
        result = check(server.url(user_info=USER_INFO))
    assert other.requests[0].headers["Authorization"] is None
    assert result.outcome == "fine-with-projects"
    assert f"it redirects to `http://127.0.0.1:{other.port}`" in result.seen


def test_a_redirect_to_a_page_for_people(check: Check) -> None:
    with (
        index(lambda _request: Reply(body=b"<title>Log in</title><input type=password>")) as other,
        index({"/simple/": Reply(302, headers={"Location": other.url(path="/login?next=x")})}) as server,
    ):
        result = check(server.url(user_info=USER_INFO))
    assert result.outcome == "redirected-elsewhere"
    assert "title `Log in`" in result.because


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://169.254.169.254/latest/", "https://[fd00::1]/"])
def test_a_redirect_into_the_network_is_refused(check: Check, target: str) -> None:
    with index({"/simple/": Reply(302, headers={"Location": target})}) as server:
        result = check(server.url())
    assert result.outcome == "address-not-allowed"


def test_a_redirect_to_a_name_that_lies_inside_is_refused(check: Check) -> None:
    with index({"/simple/": Reply(302, headers={"Location": "https://inside.example.com/"})}) as server:
        result = check(server.url(), resolve=lambda host, _port: ["10.0.0.1"] if "inside" in host else ["127.0.0.1"])
    assert result.outcome == "address-not-allowed"
    assert "`inside.example.com`" in result.text


def test_from_https_to_http_is_refused(check: Check, tls: Tls) -> None:
    server = tls(PKGS, ISSUING, replies={"/simple/": Reply(301, headers={"Location": "http://127.0.0.1:9/"})})
    result = check(server.url(), ROOT.pem)
    assert result.outcome == "redirected-to-http"


def test_from_http_to_https_asks_for_the_right_url(check: Check, tls: Tls) -> None:
    encrypted = tls(PKGS, ISSUING, replies={"/simple/": Reply(401)})
    with index({"/simple/": Reply(301, headers={"Location": encrypted.url()})}) as server:
        result = check(server.url(user_info=USER_INFO), ROOT.pem)
    assert result.outcome == "redirected-to-https"
    assert "`https://`" in result.hint


def test_redirects_end(check: Check) -> None:
    with index(lambda request: Reply(302, headers={"Location": request.path + "x"})) as server:
        result = check(server.url())
    assert result.outcome == "redirected-too-often"
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "location",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "https://", "http://[::1", "http://127.0.0.1:99999/", "gopher:x"],
)
def test_a_redirect_to_nowhere(check: Check, location: str) -> None:
    with index({"/simple/": Reply(302, headers={"Location": location})}) as server:
        result = check(server.url())
    assert result.outcome == "unexpected-status"
    assert "cannot be asked" in result.because


# -- bounds


def test_a_page_that_is_too_large(check: Check) -> None:
    with index({"/simple/": Reply(body=listing(*(f"p{number}" for number in range(10_000))))}) as server:
        result = check(server.url(), most_bytes=100_000)
    assert result.outcome == "too-large"
    assert "name of a project" in result.hint


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("kind", [HTML, JSON])
def test_a_bomb_is_counted_unpacked(check: Check, encoding: str, kind: str) -> None:
    content = b" " * (80 * 1024 * 1024)
    body = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    assert len(body) < 1024 * 1024
    with index({"/simple/": Reply(body=body, kind=kind, headers={"Content-Encoding": encoding})}) as server:
        result = check(server.url(), seconds=60)
    assert result.outcome == "too-large"
    assert "64 MB" in result.because


def test_packed_pages_are_read(check: Check) -> None:
    reply = Reply(body=gzip.compress(listing("numpy")), headers={"Content-Encoding": "gzip"})
    with index({"/simple/": reply}) as server:
        assert check(server.url()).project_count == 1
    broken = Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"})
    with index({"/simple/": broken}) as server:
        assert check(server.url()).outcome == "answer-cut"


def test_a_stream_without_end(check: Check) -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(b"<p>more</p>" * 5000)

    with raw_server(flood) as port:
        assert check(f"http://127.0.0.1:{port}/simple/", most_bytes=300_000, seconds=60).outcome == "too-large"


# -- what a server sends back


def echoes(authorization: str) -> Iterator[Reply]:
    """The credentials in every place and form a hostile or careless server could put them."""
    decoded = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    for form in (
        authorization,
        decoded,
        TOKEN,
        quote(TOKEN),
        quote(TOKEN, safe=""),
        TOKEN.encode().hex(),
        base64.b64encode(TOKEN.encode()).decode(),
        "\u200b".join(TOKEN),
        "x" * 75 + TOKEN,
        "x" * 4090 + TOKEN,
        TOKEN * 400,
    ):
        html = form.replace("&", "&amp;").replace("<", "&lt;")
        yield Reply(body=f"<title>{html}</title>".encode())
        header = form.encode("ascii", "ignore").decode()
        yield Reply(body=b"x", kind=f"text/plain; x={header}")
        yield Reply(302, headers={"Location": f"http://127.0.0.1:9/{quote(header)}"})
        yield Reply(401, headers={"WWW-Authenticate": header.replace(" ", "")[:30]})
        yield Reply(429, headers={"Retry-After": header})


def test_credentials_that_come_back_are_not_shown(check: Check) -> None:
    sent = base64.b64encode(f"build:{TOKEN}".encode()).decode()
    replies = list(echoes(f"Basic {sent}"))
    with index(lambda _request: replies.pop()) as server:
        while replies:
            result = check(server.url(user_info=USER_INFO))
            shown = everything(result)
            assert sent not in shown
            assert sent[4:20] not in shown
            assert TOKEN.encode().hex() not in shown


def test_foreign_words_are_short_and_harmless(check: Check) -> None:
    title = "\x1b]0;owned\x07\u202e<script>alert(1)</script>`{host}` " + "long " * 1000
    body = f"<title>{title.replace('<', '&lt;')}</title>".encode()
    with index({"/simple/": Reply(body=body)}) as server:
        because = check(server.url()).because
    assert "]0;owned<script>alert(1)</script>'{host}' long" in because
    assert len(because) < 300


# -- our own feed


def test_a_feed_of_a_workspace(check: Check, workspace: Workspace) -> None:
    feed = workspace.request("POST", "/api/2.0/wheelyard/feeds", body={"name": f"feed-{uuid.uuid4().hex[:8]}"}).json
    url = feed["index_url"]
    with_token = url.replace("://", f"://any:{workspace.admin_token}@")
    assert check(url).outcome == "credentials-missing"
    wrong = check(url.replace("://", "://any:dapi0000wrong@"))
    assert wrong.outcome == "credentials-refused"
    assert "dapi0000wrong" not in everything(wrong)
    assert check(with_token).outcome == "fine-without-projects"
    filename, content = wheel("acme-lib", "1.0")
    kind, body = multipart(upload_fields(filename, content), filename, content)
    path = feed["upload_url"].removeprefix(workspace.host)
    assert workspace.request("POST", path, body=body, headers={"Content-Type": kind}).status == 200
    listed = check(with_token)
    assert (listed.outcome, listed.project_count) == ("fine-with-projects", 1)
    assert check(with_token, project="Acme.Lib").text.endswith("has 1 file of project `acme-lib`")
    assert check(with_token, project="nothing-here").outcome == "project-not-found"
    assert check(url.replace("/simple/", "/elsewhere/"), project="x").outcome != "fine-with-project"
    assert check(workspace.host + "/").outcome in {"not-an-index", "not-found", "redirected-elsewhere"}
    assert workspace.admin_token not in everything(listed)
    _name, other = workspace.user()
    refused = check(url.replace("://", f"://any:{other}@"))
    assert refused.outcome in {"forbidden", "not-found"}


# -- the table


def test_every_row_is_met_by_a_test_above_and_has_words() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    ids = [row.id for row in OUTCOMES]
    assert len(set(ids)) == len(ids)
    assert [row.id for row in OUTCOMES if f'"{row.id}"' not in text] == []
    for row in OUTCOMES:
        assert row.words
        assert row.is_fine or row.hint, row.id


def test_a_result_is_plain_data(check: Check) -> None:
    result = check(f"http://127.0.0.1:{free_port()}/simple/")
    assert set(asdict(result)) == {
        "url",
        "outcome",
        "is_fine",
        "text",
        "because",
        "hint",
        "project_count",
        "seen",
        "file_count",
    }
