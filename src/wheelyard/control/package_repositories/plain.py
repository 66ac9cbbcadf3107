"""Words from outside as they may be shown: without secrets, control characters and length.

Certificates, page titles and headers are written by whoever runs the server, which may send back what it was sent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wheelyard.core.redaction import Redactor

__all__ = ["Fact", "Phrase", "Plain", "said"]

_LONGEST: Final = 120
_READ_AT_MOST: Final = 4096


@dataclass(frozen=True, slots=True)
class Phrase:
    """Our own words with places for facts; `Plain` puts them together.

    A fact is text from outside, a number, several texts (each in backticks), or a further phrase.
    """

    words: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def said(text: str) -> Phrase:
    """A finished sentence of our own, in which nothing is to be filled."""
    return Phrase(text.replace("{", "{{").replace("}", "}}"))


Fact = str | int | tuple[str, ...] | Phrase


class Plain:
    r"""Makes text from outside fit to be shown.

    >>> from wheelyard.core.redaction import Redactor, Secret
    >>> Plain(Redactor([Secret("hunter22")]))("Hello\x1b[2J `hunter22`\n\u202ewelcome")
    "Hello[2J '[REDACTED]' welcome"
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()

    def __call__(self, text: str, longest: int = _LONGEST) -> str:
        """One line without secrets, at most `longest` characters.

        Redacted before it is cut, so that no half of a secret is left, and again after control characters have gone,
        which may have stood inside one.
        """
        shown = self._redactor.redact(_clean(self._redacted(text)))
        return shown if len(shown) <= longest else shown[: longest - 1] + "…"

    def fill(self, phrase: Phrase) -> str:
        """The phrase with its facts. Only facts are redacted: our own words hold no secret, and must stay readable."""
        return phrase.words.format_map({name: self._filled(fact) for name, fact in phrase.facts.items()})

    def _filled(self, fact: Fact) -> str:
        if isinstance(fact, Phrase):
            return self.fill(fact)
        if isinstance(fact, int):
            return f"{fact:,}"
        if isinstance(fact, str):
            return self(fact)
        return ", ".join(f"`{self(one)}`" for one in fact)

    def _redacted(self, text: str) -> str:
        """Of a very long text its beginning; what may be the beginning of a secret at its end is left out."""
        if len(text) <= _READ_AT_MOST:
            return self._redactor.redact(text)
        begun = text[:_READ_AT_MOST].encode("utf-8", "replace")
        return self._redactor.stream().feed(begun).decode("utf-8", "replace")


def _clean(text: str) -> str:
    """White space becomes one space, a backtick a quotation mark; control, format and private characters go."""
    line = " ".join(text.replace("`", "'").split())
    return "".join(character for character in line if unicodedata.category(character)[0] != "C")
