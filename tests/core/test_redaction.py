"""Laws of redaction: whatever the secret, the form, the surroundings and the cuts, the value does not get through."""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import itertools
import json
import os
import pickle
import re
import shlex
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from wheelyard.core.redaction import MASK, Redactor, SafeUrl, Secret, mask_urls
from wheelyard.core.secret_forms import LONGEST_PATTERN, SHORTEST_SECRET, patterns
from wheelyard.core.url_masking import LONGEST_RUN

PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="[]*")
VALUES = st.text(PRINTABLE, min_size=4, max_size=300).filter(
    lambda text: len(text.strip().encode()) >= SHORTEST_SECRET and text.strip() not in MASK
)
TOKENS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_."), min_size=4, max_size=80).filter(
    lambda text: text not in MASK
)
PASSWORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="[]*"), min_size=4, max_size=60
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="[]"), max_size=60)
LONG = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def lower_escapes(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "percent": lambda value: quote(value, safe=""),
    "percent, lower case": lambda value: lower_escapes(quote(value, safe="")),
    "percent, path": quote,
    "percent, form": quote_plus,
    "percent, user-info": lambda value: quote(value, safe="!$&'()*+,;="),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64, no padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
    "base64, url-safe": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "Basic, as user": lambda value: base64.b64encode(f"{value}:".encode()).decode(),
    "Basic, as password": lambda value: base64.b64encode(f":{value}".encode()).decode(),
    "Basic, with a user": lambda value: base64.b64encode(f"build:{value}".encode()).decode(),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda value: json.dumps(value, ensure_ascii=False),
    "repr": repr,
    "repr of bytes": lambda value: repr(value.encode()),
    "shell": shlex.quote,
    "HTML": html.escape,
    "hex": lambda value: value.encode().hex(),
}


def some_bytes(length: int) -> bytes:
    return hashlib.shake_256(b"fixed").digest(length)


def cut(data: bytes, edges: list[int]) -> list[bytes]:
    places = [0, *sorted({min(edge, len(data)) for edge in edges}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


def streamed(redactor: Redactor, pieces: list[bytes]) -> bytes:
    stream = redactor.stream()
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.flush()])


@pytest.mark.parametrize("form", FORMS)
@LONG
@given(value=VALUES, before=TEXTS, after=TEXTS)
@example(value="s3cret/+=", before="", after="")
def test_no_form_of_a_value_gets_through(form: str, value: str, before: str, after: str) -> None:
    value = value.strip()
    written = FORMS[form](value)
    shown = Redactor([Secret(value)]).redact(before + written + after)
    assert written not in shown
    assert value not in shown


@LONG
@given(value=VALUES, before=TEXTS, after=TEXTS, offset=st.integers(0, 2))
@example(value=f"00{chr(0xA0) * 28}{chr(0x800) * 13}", before="0", after="0", offset=2)
def test_base64_of_a_text_around_the_value_does_not_give_it_away(
    value: str, before: str, after: str, offset: int
) -> None:
    value = value.strip()
    whole = before.encode() + b"x" * offset + value.encode() + after.encode()
    shown = Redactor([Secret(value)]).redact_bytes(base64.b64encode(whole))
    kept = shown.replace(MASK.encode(), b"")
    assert (
        len(kept) <= len(base64.b64encode(whole)) - (len(value.encode()) * 8 // 6 - 2)
        or value.encode() in before.encode()
    )


@LONG
@given(
    values=st.lists(st.one_of(VALUES, TOKENS), min_size=1, max_size=5),
    texts=st.lists(TEXTS, min_size=1, max_size=5),
    edges=st.lists(st.integers(0, 600), max_size=20),
    form=st.sampled_from(sorted(FORMS)),
)
def test_a_stream_gives_what_the_whole_gives(values: list[str], texts: list[str], edges: list[int], form: str) -> None:
    redactor = Redactor([Secret(value) for value in values])
    pieces = [text + FORMS[form](value) for text, value in zip(texts, values, strict=False)]
    data = "".join([*pieces, *texts]).encode()
    whole = redactor.redact_bytes(data)
    assert streamed(redactor, cut(data, edges)) == whole
    assert streamed(redactor, [bytes([byte]) for byte in data]) == whole


@LONG
@given(
    password=PASSWORDS,
    user=st.sampled_from(["", "build", "a b", "ü"]),
    edges=st.lists(st.integers(0, 300), max_size=10),
    style=st.sampled_from(["quoted", "raw-at"]),
)
def test_the_password_inside_a_url_secret_is_hidden_alone_too(
    password: str, user: str, edges: list[int], style: str
) -> None:
    written = quote(password, safe="" if style == "quoted" else "@")
    url = f"https://{quote(user)}:{written}@pkgs.example.com/simple/"
    assume(all(part not in url.replace(written, "", 1) for part in (password, written)))
    redactor = Redactor([Secret(url)])
    for text in (url, password, written, f"{user}:{password}", repr(url), quote(url, safe=""), f"{url}six/six.whl"):
        for shown in (redactor.redact(text), streamed(redactor, cut(text.encode(), edges)).decode()):
            assert password not in shown
            assert written not in shown
    assert redactor.redact(f"Looking in indexes: {url}six/") == (
        f"Looking in indexes: https://{quote(user)}:****@pkgs.example.com/simple/six/"
    )
    for basic in (f"{user}:{password}", f":{password}", f"{password}:"):
        assert base64.b64encode(basic.encode()).decode() not in redactor.redact(
            f"Authorization: Basic {base64.b64encode(basic.encode()).decode()}"
        )


@LONG
@given(token=TOKENS)
def test_a_token_alone_in_a_url_is_hidden(token: str) -> None:
    assume(token not in "https://@pkgs.example.com")
    redactor = Redactor([Secret(f"https://{token}@pkgs.example.com/simple/")])
    assert redactor.redact(f"https://{token}@pkgs.example.com/simple/") == "https://****@pkgs.example.com/simple/"
    assert redactor.redact(f"token={token};") == f"token={MASK};"


@LONG
@given(text=st.text(max_size=200), edges=st.lists(st.integers(0, 200), max_size=10))
def test_text_without_secrets_passes_unchanged(text: str, edges: list[int]) -> None:
    assume("@" not in text or "://" not in text)
    redactor = Redactor([Secret("a-value-that-occurs-nowhere"), Secret("https://u:another-such-value@h.example/")])
    assert redactor.redact(text) == text
    data = text.encode()
    assert streamed(redactor, cut(data, edges)) == data


@LONG
@given(data=st.binary(max_size=300), edges=st.lists(st.integers(0, 300), max_size=10))
def test_any_bytes_pass(data: bytes, edges: list[int]) -> None:
    redactor = Redactor([Secret(b"\xff\xfe\x00\x01\x02\x03")])
    assert streamed(redactor, cut(data, edges)) == redactor.redact_bytes(data)


URLISH = st.lists(
    st.sampled_from(
        [
            "https://",
            "://",
            ":",
            "/",
            "@",
            "user",
            "p%40ss",
            "[::1]",
            "h.example",
            "80",
            " ",
            "\n",
            '"',
            "?",
            "#",
            "x" * 50,
        ]
    ),
    max_size=120,
).map("".join)


@LONG
@given(text=URLISH, edges=st.lists(st.integers(0, 3000), max_size=20))
def test_url_masking_in_a_stream_gives_what_the_whole_gives(text: str, edges: list[int]) -> None:
    redactor = Redactor()
    assert streamed(redactor, cut(text.encode(), edges)).decode() == redactor.redact(text) == mask_urls(text)
    assert streamed(redactor, [bytes([byte]) for byte in text.encode()]).decode() == mask_urls(text)
    assert mask_urls(mask_urls(text)) == mask_urls(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://bob:s3cret@h.example/simple", "https://bob:****@h.example/simple"),
        ("https://tok@h.example/simple", "https://****@h.example/simple"),
        ("https://:tok@h.example/simple", "https://:****@h.example/simple"),
        ("https://tok:@h.example/simple", "https://****@h.example/simple"),
        ("git+https://tok@h.example/r.git@v1", "git+https://****@h.example/r.git@v1"),
        ("https://bob:a@b@h.example/", "https://bob:****@h.example/"),
        ("https://bob:a/b@h.example/", "https://bob:****@h.example/"),
        ("https://bob:a?b@h.example/", "https://bob:****@h.example/"),
        ("https://bob:a#b@h.example/", "https://bob:****@h.example/"),
        ("https://a:b@one.example,https://c:d@two.example", "https://a:****@one.example,https://c:****@two.example"),
        ("http://a://b:c@h.example", "http://a://b:****@h.example"),
        ("https://h.example/@scope/name", "https://h.example/@scope/name"),
        ("http://localhost:8080/@scope/name", "http://localhost:8080/@scope/name"),
        ("http://[::1]:8080/x@y", "http://[::1]:8080/x@y"),
        ("git+https://h.example/r.git@v1.0", "git+https://h.example/r.git@v1.0"),
        ("https://h.example/?mail=a@b.example", "https://h.example/?mail=a@b.example"),
        ("https://h.example a@b.example", "https://h.example a@b.example"),
        ("<https://bob:pw@h.example>", "<https://bob:****@h.example>"),
        ("no URL, but a@b.example", "no URL, but a@b.example"),
    ],
)
def test_the_second_net_masks_any_url(text: str, shown: str) -> None:
    assert mask_urls(text) == shown


def test_a_url_without_an_end_is_released_after_a_bounded_run() -> None:
    stream = Redactor().stream()
    out = stream.feed(b"https://") + b"".join(stream.feed(b"x") for _ in range(2 * LONGEST_RUN))
    assert len(out) > LONGEST_RUN


def covered(values: list[bytes], text: bytes) -> bytes:
    """What has to come out: each pattern looked for at each place, however it overlaps with others."""
    inside = bytearray(len(text))
    for pattern in {pattern for value in values for pattern in patterns(value)}:
        for place in range(len(text)):
            if text.startswith(pattern, place):
                inside[place : place + len(pattern)] = b"\1" * len(pattern)
    runs = itertools.groupby(zip(inside, text, strict=True), key=lambda byte: byte[0])
    return b"".join(MASK.encode() if hidden else bytes(byte for _, byte in run) for hidden, run in runs)


@LONG
@given(
    values=st.lists(st.text(st.sampled_from("ab"), min_size=4, max_size=9).map(str.encode), min_size=1, max_size=4),
    text=st.text(st.sampled_from("abc "), max_size=60).map(str.encode),
    edges=st.lists(st.integers(0, 60), max_size=4),
)
@example(values=[b"abaa", b"aabb"], text=b"abaabb", edges=[5])
@example(values=[b"abaabaa"], text=b"abaabaabaa b", edges=[8])
def test_every_byte_of_every_match_is_hidden_and_no_other(values: list[bytes], text: bytes, edges: list[int]) -> None:
    redactor = Redactor([Secret(value) for value in values])
    assert redactor.redact_bytes(text) == covered(values, text)
    assert streamed(redactor, cut(text, edges)) == covered(values, text)


def test_touching_masks_become_one() -> None:
    redactor = Redactor([Secret("first-value"), Secret("other-value")])
    assert redactor.redact("first-valueother-value first-value") == f"{MASK} {MASK}"


def test_values_that_overlap_are_both_hidden() -> None:
    shown = Redactor([Secret("abcdef"), Secret("abcdefgh"), Secret("cdefgh")]).redact("xabcdefghx abcdefx cdefghx")
    assert shown == f"x{MASK}x {MASK}x {MASK}x"


@pytest.mark.parametrize("value", ["", " ", "\n", "abc", "a\n", "  abc\n"])
def test_values_too_short_to_search_for_destroy_nothing(value: str) -> None:
    assert Redactor([Secret(value)]).redact("abc a b c\n") == "abc a b c\n"


def test_white_space_around_a_value_does_not_protect_it() -> None:
    assert Redactor([Secret("s3cret-token\n")]).redact("is s3cret-token.") == f"is {MASK}."


def pem(lines: int) -> str:
    body = base64.b64encode(some_bytes(48 * lines)).decode()
    rows = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *rows, "-----END PRIVATE KEY-----", ""])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n    "])
def test_each_line_of_a_long_text_is_hidden(end: str) -> None:
    value = pem(40)
    shown = Redactor([Secret(value)]).redact(value.replace("\n", end))
    assert all(row not in shown for row in value.splitlines() if "-----" not in row)
    assert "-----BEGIN PRIVATE KEY-----" in shown


def test_a_single_line_of_it_is_hidden() -> None:
    value = pem(40)
    assert Redactor([Secret(value)]).redact(f"key: {value.splitlines()[17]}!") == f"key: {MASK}!"


def test_short_lines_are_hidden_with_their_neighbours() -> None:
    value = "\n".join(str(number) for number in range(100, 190))
    assert value not in Redactor([Secret(value)]).redact(f"<{value}>")
    assert "100\n101\n102" not in Redactor([Secret(value)]).redact(f"<{value}>")


@pytest.mark.parametrize("wrap", [64, 76])
def test_wrapped_base64_is_hidden(wrap: int) -> None:
    value = some_bytes(200).hex()
    text = base64.b64encode(value.encode()).decode()
    rows = [text[start : start + wrap] for start in range(0, len(text), wrap)]
    shown = Redactor([Secret(value)]).redact("\n".join(rows))
    assert all(row not in shown for row in rows if len(row) >= 16)


def test_a_value_of_128_kilobytes_is_hidden_and_little_is_held_back() -> None:
    value = some_bytes(64 * 1024).hex()
    redactor = Redactor([Secret(value)])
    for form in ("plain", "base64", "base64, url-safe", "percent"):
        assert redactor.redact(f"<{FORMS[form](value)}>") == f"<{MASK}>"
    pieces = [value[start : start + 1000].encode() for start in range(0, len(value), 1000)]
    assert streamed(redactor, [*pieces, b" and more"]) == f"{MASK} and more".encode()
    assert all(len(pattern) <= LONGEST_PATTERN for pattern in patterns(value.encode()))


def test_nothing_is_held_back_that_cannot_become_a_secret() -> None:
    stream = Redactor([Secret("dapi0123456789")]).stream()
    assert stream.feed(b"progress 10%\r") == b"progress 10%\r"
    assert stream.feed(b"word dapi") == b"word "
    assert stream.feed(b"x") == b"dapix"
    assert stream.feed(b"https://pkgs.example.com/ ") == b"https://pkgs.example.com/ "


def test_a_value_split_inside_a_character_is_hidden() -> None:
    value = "schlüssel-€-🔑"
    redactor = Redactor([Secret(value)])
    data = f"<{value}>".encode()
    for place in range(len(data) + 1):
        assert streamed(redactor, [data[:place], data[place:]]) == f"<{MASK}>".encode()


def test_a_secret_added_while_a_stream_is_open_is_hidden() -> None:
    redactor = Redactor()
    stream = redactor.stream()
    assert stream.feed(b"late-value ") == b"late-value "
    redactor.add(Secret("late-value"))
    assert stream.feed(b"late-value ") == f"{MASK} ".encode()


def test_adding_and_redacting_in_many_threads() -> None:
    redactor = Redactor()
    failures: list[str] = []

    def work(number: int) -> None:
        for turn in range(30):
            value = f"value-{number}-{turn}-end"
            redactor.add(Secret(value))
            if value in redactor.redact(f"<{value}>"):
                failures.append(value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_json_values_are_redacted_everywhere() -> None:
    redactor = Redactor([Secret("s3cret-token")])
    value = {"s3cret-token": ["a s3cret-token", 1, None, True, {"x": ("s3cret-token",)}]}
    assert redactor.redact_json(value) == {MASK: [f"a {MASK}", 1, None, True, {"x": (MASK,)}]}


def test_lone_surrogates_survive() -> None:
    text = os.fsdecode(b"caf\xe9 s3cret-token \xff")
    assert Redactor([Secret("s3cret-token")]).redact(text) == text.replace("s3cret-token", MASK)


@pytest.mark.parametrize("secret", [Secret("s3cret-token"), SafeUrl("https://u:s3cret-token@h.example/")])
def test_secret_types_do_not_print_pickle_or_copy_out(secret: Secret[str] | SafeUrl) -> None:
    for text in (str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{[secret]}"):
        assert "s3cret" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert copy.deepcopy([secret]) == [secret]


@pytest.mark.parametrize(
    ("text", "shown", "host", "user_info"),
    [
        ("https://u:p@h.example:8443/s/", "https://u:****@h.example:8443/s/", "h.example:8443", "u:p"),
        ("https://h.example/s/", "https://h.example/s/", "h.example", None),
        ("u:p@h.example/s", "u:****@h.example/s", "h.example", "u:p"),
        ("https://u:it's a/b@h.example/s", "https://u:****@h.example/s", "h.example", "u:it's a/b"),
        ("https://u:a/b@h.example/s", "https://u:****@h.example/s", "h.example", "u:a/b"),
        ("", "", "", None),
    ],
)
def test_a_safe_url(text: str, shown: str, host: str, user_info: str | None) -> None:
    url = SafeUrl(text)
    assert (str(url), url.host, url.reveal()) == (shown, host, text)
    assert (url.user_info.reveal() if url.user_info else None) == user_info
    assert url == SafeUrl(text)
    assert hash(url) == hash(SafeUrl(text))
    assert url != SafeUrl(f"{text}x")


NESTED = st.lists(st.sampled_from("ab"), min_size=4, max_size=9).map("".join)


@LONG
@given(
    values=st.lists(NESTED, min_size=1, max_size=12),
    text=st.lists(st.sampled_from("abc"), max_size=80).map("".join),
    edges=st.lists(st.integers(0, 80), max_size=10),
)
def test_secrets_added_one_by_one_and_overlapping_are_hidden_alike(
    values: list[str], text: str, edges: list[int]
) -> None:
    redactor = Redactor()
    for value in values:
        redactor.add(Secret(value))
        redactor.redact("")
    whole = redactor.redact_bytes(text.encode())
    assert streamed(redactor, cut(text.encode(), edges)) == whole
    assert streamed(redactor, [bytes([byte]) for byte in text.encode()]) == whole
    assert not any(value in part for value in values for part in whole.decode().split(MASK))
    assert len(redactor.layers()) <= 5


def seconds_for_adding(count: int) -> float:
    start = time.process_time()
    redactor = Redactor()
    for number in range(count):
        redactor.add(Secret(f"token-{hashlib.sha256(str(number).encode()).hexdigest()[:24]}"))
        redactor.redact("a line of the log")
    return time.process_time() - start


def test_adding_secrets_one_by_one_costs_about_the_same_for_each() -> None:
    ratio = seconds_for_adding(1600) / seconds_for_adding(400)
    print(f"four times the secrets take {ratio:.1f} times as long")  # noqa: T201
    assert ratio < 10


def seconds_for(redactor: Redactor, data: bytes) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        redactor.redact_bytes(data)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("kind", ["log lines", "near misses", "URLs", "all one letter"])
def test_twice_the_text_takes_about_twice_the_time(kind: str, record_property: Callable[[str, object], None]) -> None:
    digits = some_bytes(200 * 16).hex()
    tokens = [f"dapi{digits[start : start + 32]}" for start in range(0, len(digits), 32)]
    redactor = Redactor([*(Secret(token) for token in tokens), Secret("a" * 200)])
    line = {
        "log lines": f"2026-03-04 09:00:00 INFO Downloading six-1.17.0-py2.py3-none-any.whl (11 kB) {tokens[3]}\n",
        "near misses": " ".join(token[:-1] for token in tokens) + "\n",
        "URLs": "Looking in indexes: https://build:pw@pkgs.example.com/simple/ https://other.example/simple/\n",
        "all one letter": "a" * 4000,
    }[kind].encode()
    once = line * (1_000_000 // len(line))
    redactor.redact_bytes(line)
    single, double = seconds_for(redactor, once), seconds_for(redactor, once * 2)
    ratio = double / single
    record_property("ratio", ratio)
    print(f"{kind}: {len(once) / single / 1e6:.0f} MB/s, twice the text takes {ratio:.2f} times as long")  # noqa: T201
    assert ratio < 3.5
