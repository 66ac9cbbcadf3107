"""The grammar of requirements files, where our way of reading differs from pip's and the outcome may not."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from wheelyard.core.pip.command import parse_command
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.requirements_text import split_as_shell

PIP = Installer.parse("pip")


def either(text: str, split: Callable[[str], list[str]]) -> list[str] | str:
    try:
        return split(text)
    except ValueError as error:
        return str(error)


@given(st.text(st.sampled_from("ab- \t\n\r'\"\\#=\x0b\xa0\u2003;|$")))
def test_words_are_those_of_a_shell(text: str) -> None:
    assert either(text, split_as_shell) == either(text, shlex.split)


def test_threads_share_a_grammar_and_nothing_of_what_they_read() -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(200):
            url = f"https://t{number}.example/{turn}"
            found = parse_command(["install", "--index-url", url, "six"], PIP)
            wrong.extend(s.text.reveal() for s in found.settings if s.text.reveal() != url)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
