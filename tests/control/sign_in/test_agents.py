from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.sign_in.agents import in_words

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36", "Chrome or Chromium on Linux"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/142.0 Safari/537.36", "Headless Chromium on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36 OPR/120.0", "Opera on Windows"),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} CriOS/142.0 Mobile Safari/604.1",
            "Chrome on iOS",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/142.0 Mobile Safari/537.36",
            "Chrome or Chromium on Android",
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 16000.0) {WEBKIT} Chrome/142.0 Safari/537.36",
            "Chrome or Chromium on ChromeOS",
        ),
        ("Mozilla/5.0 (Unheard-of)", "an unknown browser"),
        ("python-requests/2.32", "python-requests"),
        ("<script>alert(1)</script>", "an unknown browser"),
        ("", "an unknown browser"),
    ],
)
def test_in_words(user_agent: str, words: str) -> None:
    assert in_words(user_agent) == words


@given(st.text(max_size=300))
def test_words_are_short_and_plain(user_agent: str) -> None:
    words = in_words(user_agent)
    assert 0 < len(words) <= 60
    assert words.isprintable()
    assert not set(words) & set("<>&\"'")
