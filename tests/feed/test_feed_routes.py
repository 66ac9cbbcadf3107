"""What a feed answers, byte by byte: credentials, redirects, caching, parts of files."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.feed.conftest import (
    ADMIN,
    USER,
    Served,
    Server,
    basic,
    build_world,
    multipart,
    sdist,
    upload_fields,
    wheel,
)

from wheelyard.control.feeds import wire
from wheelyard.feed.limits import UploadLimits

JSON = "application/vnd.pypi.simple.v1+json"
FILENAME, CONTENT = wheel(extra="Requires-Python: >=3.8\n")
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = f"files/{SHA256[:2]}/{SHA256}/{FILENAME}"
EVERYWHERE = ("simple/", "simple/acme/", "simple/nope/", FILE, f"{FILE}.metadata", "upload/", "nowhere", "")


@pytest.fixture
def stocked(served: Served) -> Served:
    assert served.upload(FILENAME, CONTENT).status == 200
    return served


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One feed for all tests that change nothing."""
    world = build_world(tmp_path_factory.mktemp("reading"))
    server = Server(world.app)
    served = Served(world, server.port, world.create(), world.token())
    assert served.upload(FILENAME, CONTENT).status == 200
    yield served
    server.close()
    world.app.close()
    world.database.close()


# Credentials -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:\xfe").decode(),
        "Bearer",
        "Bearer nope",
        "Digest x=1",
    ],
)
def test_no_or_bad_credentials_are_401_everywhere(path: str, header: str, reading: Served) -> None:
    answer = reading.request(path, token="", headers={"Authorization": header} if header else {})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="')
    assert answer.content


def test_an_unknown_feed_is_401_to_strangers_and_404_to_those_signed_in(reading: Served) -> None:
    for address in ("/wheelyard/_packaging/other/pypi/simple/", "/other/_packaging/team-a/pypi/simple/"):
        assert reading.request(address=address, token="").status == 401
        answer = reading.request(address=address)
        assert answer.status == 404
        assert "Feed" in answer.text


@pytest.mark.parametrize(
    "form", ["x:TOKEN", ":TOKEN", "TOKEN:", "__token__:TOKEN", "TOKEN:x-oauth-basic", "TOKEN:TOKEN"]
)
def test_the_token_goes_in_either_field(form: str, reading: Served) -> None:
    user, _, password = form.replace("TOKEN", reading.token).partition(":")
    answer = reading.request("simple/acme/", token="", headers={"Authorization": basic(user, password)})
    assert answer.status == 200


def test_a_bearer_token(reading: Served) -> None:
    headers = {"Authorization": f"Bearer {reading.token}"}
    assert reading.request("simple/acme/", token="", headers=headers).status == 200


def test_a_token_without_a_role_is_403_in_words(reading: Served) -> None:
    answer = reading.request("simple/acme/", token=reading.world.token(USER))
    assert answer.status == 403
    assert "READER" in answer.text


def test_a_reader_cannot_upload(stocked: Served) -> None:
    stocked.world.feeds.put_role(ADMIN, wire.PutRole(stocked.feed.feed_id, USER.name, "READER"))
    token = stocked.world.token(USER)
    assert stocked.request("simple/acme/", token=token).status == 200
    answer = stocked.upload(*wheel(version="2.0"), token=token)
    assert answer.status == 403
    assert "CONTRIBUTOR" in answer.text
    assert "2.0" not in stocked.request("simple/acme/").text


def test_a_role_of_a_group_counts_and_ends_at_once(stocked: Served) -> None:
    token = stocked.world.token(USER)
    stocked.world.feeds.put_role(ADMIN, wire.PutRole(stocked.feed.feed_id, "users", "CONTRIBUTOR"))
    assert stocked.upload(*wheel(version="2.0"), token=token).status == 200
    stocked.world.feeds.delete_role(ADMIN, wire.OnRole(stocked.feed.feed_id, "users"))
    assert stocked.request("simple/acme/", token=token).status == 403


def test_a_feed_token_opens_its_feed_only_and_gives_its_scope_only(stocked: Served) -> None:
    world = stocked.world
    other = world.create("team-b")
    issued = world.feeds.create_token(ADMIN, wire.CreateToken(stocked.feed.feed_id, scope="read"))
    read = issued.token_value
    assert stocked.request("simple/acme/", token=read).status == 200
    assert stocked.upload(*wheel(version="2.0"), token=read).status == 403
    assert stocked.request(address=other.index_url, token=read).status == 403
    write = world.feeds.create_token(ADMIN, wire.CreateToken(stocked.feed.feed_id, scope="write")).token_value
    assert stocked.upload(*wheel(version="2.0"), token=write).status == 200
    world.feeds.revoke_token(ADMIN, wire.OnToken(stocked.feed.feed_id, issued.token_info.token_id))
    assert stocked.request("simple/acme/", token=read).status == 401
    assert stocked.request("simple/acme/", token=write).status == 200


def test_a_deleted_feed_is_gone_with_its_tokens_and_files(stocked: Served) -> None:
    world = stocked.world
    token = world.feeds.create_token(ADMIN, wire.CreateToken(stocked.feed.feed_id)).token_value
    assert stocked.request(FILE, token=token).status == 200
    world.feeds.delete(ADMIN, wire.OnFeed(stocked.feed.feed_id))
    assert stocked.request(FILE, token=token).status == 401
    assert stocked.request(FILE).status == 404
    assert not [path for path in (world.folder / "blobs").rglob("*") if path.is_file()]
    world.create()
    assert stocked.request("simple/acme/").status == 404


def test_names_in_a_feeds_address_have_no_case(reading: Served) -> None:
    assert reading.request(address="/WheelYard/_packaging/TEAM-A/pypi/simple/acme/").status == 200


def test_a_feed_of_a_project(served: Served) -> None:
    feed = served.world.create("pypi", project="pypi", organization="pypi")
    assert feed.index_url == "/pypi/pypi/_packaging/pypi/pypi/simple/"
    assert served.request(address=feed.index_url).status == 200
    assert served.request(address="/pypi/_packaging/pypi/pypi/simple/").status == 404


# Pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("simple", "simple/"),
        ("simple/acme", "acme/"),
        ("simple/Acme", "acme/"),
        ("simple/ACME/", "../acme/"),
        ("simple/a_c.me/", "../a-c-me/"),
        ("simple/A--b", "a-b/"),
    ],
)
def test_redirects_are_relative(path: str, location: str, reading: Served) -> None:
    answer = reading.request(path)
    assert (answer.status, answer.headers["location"]) == (301, location)
    assert answer.headers["content-length"] == "0"


@pytest.mark.parametrize(
    "path", ["simple/nope/", "simple/-a-/", "simple/a/b/", "simple//", "simple/%2e%2e/", "nowhere"]
)
def test_what_is_not_there_is_404(path: str, reading: Served) -> None:
    assert reading.request(path).status == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
        (JSON, JSON),
        (f"{JSON}, text/html;q=0.1", JSON),
        ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+html"),
    ],
)
@pytest.mark.parametrize("path", ["simple/", "simple/acme/"])
def test_content_types_and_headers(path: str, accept: str | None, expected: str, reading: Served) -> None:
    answer = reading.request(path, headers={"Accept": accept} if accept else {})
    assert answer.status == 200
    assert answer.headers["content-type"] == expected
    assert answer.headers["cache-control"] == "private, no-cache"
    assert {"Accept", "Authorization"} <= set(answer.headers["vary"].split(", "))
    assert not answer.headers["etag"].startswith("W/")


def test_a_format_in_the_address_is_stronger_than_accept(reading: Served) -> None:
    answer = reading.request(f"simple/acme/?format={JSON.replace('+', '%2B')}", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == JSON
    assert reading.request("simple/acme/?format=xml").status == 406
    assert reading.request("simple/acme/?other=1").status == 200


@pytest.mark.parametrize("path", ["simple/", "simple/acme/"])
@pytest.mark.parametrize("accept", [JSON, "text/html"])
def test_gzip_holds_the_same_bytes_under_another_etag(path: str, accept: str, reading: Served) -> None:
    plain = reading.request(path, headers={"Accept": accept, "Accept-Encoding": "identity"})
    packed = reading.request(path, headers={"Accept": accept, "Accept-Encoding": "gzip, deflate"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize("path", ["simple/", "simple/acme/", FILE, f"{FILE}.metadata"])
def test_what_the_client_has_is_not_sent_again(path: str, reading: Served) -> None:
    etag = reading.request(path).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = reading.request(path, headers={"If-None-Match": known})
        assert (answer.status, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert reading.request(path, headers={"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize("path", ["simple/", "simple/acme/", FILE, f"{FILE}.metadata"])
def test_head_is_get_without_the_body(path: str, reading: Served) -> None:
    get, head = reading.request(path), reading.request(path, method="HEAD")
    assert head.status == 200
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


def test_a_page_tells_of_an_upload_at_once_and_its_etag_moves_on(stocked: Served) -> None:
    before = stocked.request("simple/acme/")
    assert stocked.upload(*wheel(version="2.0")).status == 200
    after = stocked.request("simple/acme/", headers={"If-None-Match": before.headers["etag"]})
    assert after.status == 200
    assert "acme-2.0" in after.text
    assert stocked.upload(*wheel("new-one")).status == 200
    assert "new-one" in stocked.request("simple/").text


def test_the_json_page_says_everything(reading: Served) -> None:
    (entry,) = reading.request("simple/acme/", headers={"Accept": JSON}).json["files"]
    metadata = reading.request(f"{FILE}.metadata").content
    assert entry["hashes"] == {"sha256": SHA256}
    assert entry["size"] == len(CONTENT)
    assert entry["requires-python"] == ">=3.8"
    assert entry["core-metadata"] == {"sha256": hashlib.sha256(metadata).hexdigest()}
    assert entry["yanked"] is False
    assert entry["upload-time"].endswith("Z")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_and_files_are_only_read(method: str, reading: Served) -> None:
    for path in ("simple/", "simple/acme/", FILE):
        answer = reading.request(path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_upload_address_takes_posts_only_and_never_redirects(reading: Served) -> None:
    for path in ("upload", "upload/"):
        answer = reading.request(path)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


# Files -------------------------------------------------------------------------------------------------------------


def test_a_file_and_its_headers(reading: Served) -> None:
    answer = reading.request(FILE, headers={"Accept-Encoding": "gzip"})
    assert answer.content == CONTENT
    assert answer.headers["etag"] == f'"{SHA256}"'
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        f"files/{SHA256[:2]}/{SHA256}/other-1.0-py3-none-any.whl",
        f"files/{SHA256[:2]}/{'0' * 64}/{FILENAME}",
        f"files/zz/{SHA256}/{FILENAME}",
        f"files/{SHA256}/{FILENAME}",
        f"{FILE}.metadata.metadata",
        f"{FILE}.asc",
        f"{FILE}%00",
        "files/../simple/",
        "files/",
    ],
)
def test_files_that_are_not_there(path: str, reading: Served) -> None:
    assert reading.request(path).status == 404


def test_an_sdist_has_no_metadata_file(stocked: Served) -> None:
    filename, content = sdist("other", "1.0")
    assert stocked.upload(filename, content).status == 200
    digest = hashlib.sha256(content).hexdigest()
    path = f"files/{digest[:2]}/{digest}/{filename}"
    assert stocked.request(path).content == content
    assert stocked.request(f"{path}.metadata").status == 404


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999", slice(5, None)),
    ],
)
def test_a_range(header: str, expected: slice, reading: Served) -> None:
    answer = reading.request(FILE, headers={"Range": header})
    part = CONTENT[expected]
    start = CONTENT.index(part)
    assert (answer.status, answer.content) == (206, part)
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{len(CONTENT)}"


def test_ranges_behind_the_end_and_ranges_that_are_ignored(reading: Served) -> None:
    answer = reading.request(FILE, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    for headers in (
        {"Range": "bytes=0-1,3-4"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=0-1", "If-Range": '"other"'},
    ):
        assert reading.request(FILE, headers=headers).status == 200
    answer = reading.request(FILE, headers={"Range": "bytes=0-1", "If-Range": f'"{SHA256}"'})
    assert answer.status == 206
    assert reading.request(FILE, method="HEAD", headers={"Range": "bytes=0-1"}).status == 200


@pytest.fixture(params=["folder", "memory", "s3"])
def on_blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A feed whose files lie in a folder, or in a store that is not a folder of this machine."""
    url = request.getfixturevalue("s3")() if request.param == "s3" else {"memory": "memory://"}.get(request.param, "")
    world = build_world(tmp_path, blobs_url=url)
    server = Server(world.app)
    yield Served(world, server.port, world.create(), world.token())
    server.close()
    world.app.close()
    world.database.close()


@pytest.mark.parametrize("noise_bytes", [0, 3_300_000, 11_000_000])
def test_a_file_of_any_size_in_pieces(on_blobs: Served, noise_bytes: int) -> None:
    filename, content = wheel("large", more={"large/noise.bin": os.urandom(noise_bytes)})
    assert on_blobs.upload(filename, content).status == 200
    assert on_blobs.upload(filename, content).status == 200, "the same again"
    digest = hashlib.sha256(content).hexdigest()
    path = f"files/{digest[:2]}/{digest}/{filename}"
    assert on_blobs.request(path).content == content
    for first, last in ((0, 0), (500, 2_500_000), (len(content) - 1, len(content)), (4 << 20, (4 << 20) + 1)):
        answer = on_blobs.request(path, headers={"Range": f"bytes={first}-{last}"})
        assert answer.status == (206 if first < len(content) else 416)
        assert answer.status == 416 or answer.content == content[first : last + 1]
    head = on_blobs.request(path, method="HEAD")
    assert (head.status, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
    assert on_blobs.request(f"{path}.metadata").status == 200


def test_a_deleted_version_leaves_no_bytes_and_lost_bytes_are_503(on_blobs: Served) -> None:
    assert on_blobs.upload(FILENAME, CONTENT).status == 200
    blobs = on_blobs.world.blobs
    (key,) = blobs.keys("feeds/")
    content = blobs.get(key)
    blobs.delete(key)
    assert on_blobs.request(FILE).status == 503
    blobs.put(key, content)
    assert on_blobs.request(FILE).status == 200
    on_blobs.world.feeds.delete_version(ADMIN, wire.OnVersion(on_blobs.feed.feed_id, "acme", "1.0"))
    assert list(blobs.keys("feeds/")) == []


def test_a_file_that_is_lost_is_503_and_not_404(stocked: Served) -> None:
    for path in (stocked.world.folder / "blobs").rglob("*.whl"):
        path.unlink()
    answer = stocked.request(FILE)
    assert answer.status == 503
    assert str(stocked.world.folder) not in answer.text


# Uploads -----------------------------------------------------------------------------------------------------------


def test_unknown_minor_metadata_versions_and_attestations_are_taken(served: Served) -> None:
    filename, content = wheel(metadata_version="2.99", extra="Import-Name: acme\nNew-Field: x\n")
    fields = upload_fields(filename, content) | {"metadata_version": "2.99", "attestations": '[{"version": 1}]'}
    assert served.upload(filename, content, fields=fields).status == 200


def test_spellings_of_one_release_do_not_pile_up(served: Served) -> None:
    assert served.upload(*wheel("Acme.Lib", "1.0")).status == 200
    answer = served.upload(*wheel("acme-lib", "1.0.0"))
    assert answer.status == 400
    assert answer.text.startswith("File already exists")
    assert "acme_lib-1.0-py3-none-any.whl" in answer.text
    answer = served.upload(*sdist("acme-lib", "1.0"))
    assert answer.status == 200
    answer = served.upload(*sdist("Acme_Lib", "1.0", members={"acme_lib-1.0/x": b""}))
    assert answer.status == 400
    assert answer.text.startswith("File already exists")


def test_a_deleted_version_stays_away(stocked: Served) -> None:
    body = wire.OnVersion(stocked.feed.feed_id, "ACME", "1.0.0")
    stocked.world.feeds.delete_version(ADMIN, body)
    assert stocked.request(FILE).status == 404
    assert stocked.request("simple/acme/").text.count("<a ") == 0
    answer = stocked.upload(FILENAME, CONTENT)
    assert answer.status == 400
    assert "already exist" not in answer.text
    assert stocked.upload(*wheel(version="1.1")).status == 200


def test_one_of_many_uploads_of_a_name_wins_and_equal_ones_all_do(served: Served) -> None:
    different = [wheel("race", more={"race/n.py": f"{n}".encode()}) for n in range(12)]
    equal = [wheel("same")] * 12
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda one: served.upload(*one), different))
        assert [answer.status for answer in pool.map(lambda one: served.upload(*one), equal)] == [200] * 12
    assert sorted(answer.status for answer in answers) == [200] + [400] * 11
    winner = different[[answer.status for answer in answers].index(200)]
    (entry,) = served.request("simple/race/", headers={"Accept": JSON}).json["files"]
    assert entry["hashes"]["sha256"] == hashlib.sha256(winner[1]).hexdigest()
    assert served.request(entry["url"].removeprefix("../../")).content == winner[1]
    assert len([path for path in (served.world.folder / "blobs").rglob("*") if path.is_file()]) == 2


def test_every_upload_is_on_the_pages_of_those_who_were_told(served: Served) -> None:
    """Uploads and readers at once: nobody who saw a 200 sees a page without the file."""
    missed: list[str] = []

    def work(worker: int) -> None:
        for number in range(10):
            version = f"{worker}.{number}"
            assert served.upload(*wheel("busy", version)).status == 200
            if f"busy-{version}-" not in served.request("simple/busy/").text:
                missed.append(version)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missed == []
    assert len(served.request("simple/busy/", headers={"Accept": JSON}).json["files"]) == 60


def test_a_client_that_goes_away_leaves_nothing(served: Served) -> None:
    filename, content = wheel("gone")
    kind, body = multipart(upload_fields(filename, content), filename, content)
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.putrequest("POST", served.feed.upload_url)
    for name, value in (
        ("Authorization", basic("x", served.token)),
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body[: len(body) // 2])
    connection.close()
    assert served.request("simple/gone/").status == 404
    assert served.upload(filename, content).status == 200
    assert not list((served.world.folder / "incoming").iterdir())


@pytest.mark.parametrize("token", ["dapiwrong", None])
def test_a_refusal_reaches_a_client_that_is_still_sending(token: str | None, tmp_path: Path) -> None:
    """The rest of a large body is read and dropped: a closed connection would hide the answer."""
    world = build_world(tmp_path, limits=UploadLimits(file_bytes=1_000_000))
    server = Server(world.app)
    served = Served(world, server.port, world.create(), world.token())
    answer = served.upload(FILENAME, bytes(40_000_000), token=token, fields={":action": "file_upload"})
    assert answer.status == (401 if token else 413)
    assert answer.content
    server.close()
    world.app.close()
    world.database.close()


def test_what_a_crash_left_while_coming_in_is_removed_at_start(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "upload-left").write_bytes(b"x")
    world = build_world(tmp_path)
    assert not list((tmp_path / "incoming").iterdir())
    world.app.close()
    world.database.close()
