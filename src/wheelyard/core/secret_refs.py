"""Secret references: `{{secrets/scope/key}}` as the whole value of an environment variable or Spark setting.

Inside the braces there is no white space, and nothing stands around them: whether a platform would replace a reference
in the middle of a longer text is not documented, so it is refused, as is whatever looks like a misspelt reference.
Other templates, such as `{{job.id}}`, are plain text here.

Source: facts/delivery.md 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wheelyard.core.errors import InvalidParameter
from wheelyard.core.names import ScopeName, SecretKey

__all__ = ["SecretReference", "parse_reference", "references_in"]

_WHOLE = re.compile(r"\{\{secrets/([^/{}\s]+)/([^/{}\s]+)\}\}")
_RESEMBLES = re.compile(r"\{\s*secrets?\s*[/.:]", re.IGNORECASE)
_HINT = "store the whole value as one secret and refer to it as `{{secrets/<scope>/<key>}}`"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Which secret is meant. Its text form is what is stored in specs.

    >>> str(SecretReference("analytics", "token"))
    '{{secrets/analytics/token}}'
    """

    scope: str
    key: str

    def __str__(self) -> str:
        return f"{{{{secrets/{self.scope}/{self.key}}}}}"


def parse_reference(text: str) -> SecretReference | None:
    """Read a value that may be a reference; None when it is plain text.

    >>> parse_reference("{{secrets/analytics/token}}")
    SecretReference(scope='analytics', key='token')
    >>> parse_reference("https://pkgs.example.com/simple/") is None
    True

    Raises:
        InvalidParameter: the value holds a reference and other text, or something that resembles a reference.
    """
    whole = _WHOLE.fullmatch(text)
    if whole:
        return SecretReference(ScopeName.parse(whole[1]), SecretKey.parse(whole[2]))
    if _WHOLE.search(text):
        raise InvalidParameter(
            "A secret reference must be the whole value; here other text stands before or after it",
            reference="partial-secret-reference",
            because=_surroundings(text),
            hint=_HINT,
        )
    resembling = _RESEMBLES.search(text)
    if resembling:
        raise InvalidParameter(
            "The value resembles a secret reference and is none: the form is `{{secrets/<scope>/<key>}}`, no spaces",
            reference="malformed-secret-reference",
            because=f"it holds `{resembling[0]}`",
            hint=_HINT,
        )
    return None


def references_in(values: Mapping[str, str]) -> dict[str, SecretReference]:
    """The references among named values (environment variables, Spark settings), by name.

    Raises:
        InvalidParameter: as `parse_reference`, naming the value.
    """
    found: dict[str, SecretReference] = {}
    for name, value in values.items():
        try:
            reference = parse_reference(value)
        except InvalidParameter as error:
            raise InvalidParameter(
                f"`{name}`: {error.what}", reference=error.reference, because=error.because, hint=error.hint
            ) from None
        if reference is not None:
            found[name] = reference
    return found


def _surroundings(text: str) -> str:
    """Says where the other text is, not what: it may be half of a credential."""
    found = _WHOLE.search(text)
    assert found is not None
    before, after = found.start(), len(text) - found.end()
    return f"{before} characters before it, {after} after it"
