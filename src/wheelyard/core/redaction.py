"""Secrets have their own type, and text loses them before it is shown.

`Secret` cannot be formatted, logged, compared loosely or serialised by accident; `SafeUrl` is a URL that prints masked.
`Redactor` replaces every form a secret can take in text (`secret_forms`), then masks the user-info of every URL
(`url_masking`).

A stream may be cut anywhere. The rule that makes a cut invisible: text is final once no pattern that begins in it can
still be completed, so only a suffix that is a proper prefix of a pattern is held back. Every byte that a pattern covers
is masked, also where patterns overlap; masks that touch become one.
"""

from __future__ import annotations

import hmac
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, Generic, NoReturn, TypeVar

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from wheelyard.core.secret_forms import LONGEST_PATTERN, SHORTEST_SECRET, patterns
from wheelyard.core.url_masking import UrlMasker, mask_url_bytes, mask_urls, mask_user_info, split_url

__all__ = ["MASK", "RedactingStream", "Redactor", "SafeUrl", "Secret", "mask_urls"]

MASK = "[REDACTED]"

T = TypeVar("T", str, bytes)


class Secret(Generic[T]):
    """One secret value. Only `reveal()` gives it out, so a reader can find every place that does.

    >>> f"{Secret('hunter2')}"
    '[REDACTED]'
    >>> Secret("a") == Secret("a")
    True
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_as_bytes(self._value), _as_bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised; call reveal() where the value must leave")

    def __copy__(self) -> Secret[T]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret[T]:
        return self


def _as_bytes(value: str | bytes) -> bytes:
    return _encoded(value) if isinstance(value, str) else value


class SafeUrl:
    """A URL that cannot print its credentials. Nothing is validated: what was stored must be shown as it is, masked.

    >>> url = SafeUrl("https://build:s3cret@pkgs.example.com/simple/")
    >>> str(url), url.host
    ('https://build:****@pkgs.example.com/simple/', 'pkgs.example.com')
    >>> url.reveal()
    'https://build:s3cret@pkgs.example.com/simple/'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def user_info(self) -> Secret[str] | None:
        """What stands before the `@`, as written; None when nothing does."""
        user_info = split_url(self._text)[1]
        return Secret(user_info) if user_info else None

    @property
    def has_credentials(self) -> bool:
        return self.user_info is not None

    @property
    def host(self) -> str:
        """Host and port as written, without credentials; empty when the text holds none."""
        rest = split_url(self._text)[2].removeprefix("@")
        return rest.partition("/")[0].partition("?")[0].partition("#")[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SafeUrl):
            return NotImplemented
        return hmac.compare_digest(_encoded(self._text), _encoded(other._text))

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        before, user_info, rest = split_url(self._text)
        return before + _decoded(mask_user_info(_encoded(user_info))) + rest if user_info else self._text

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"SafeUrl({str(self)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SafeUrl is not serialised; call reveal() where the value must leave")

    def __copy__(self) -> SafeUrl:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SafeUrl:
        return self


class Redactor:
    """Replaces secrets in text. Safe to share between threads; secrets may be added while streams are open.

    Values below four bytes are not searched for (`secret_forms.SHORTEST_SECRET`).

    >>> redactor = Redactor([Secret("https://build:s3cret@pkgs.example.com/simple/"), Secret("hunter22")])
    >>> redactor.redact("s3cret and hunter22 for https://build:s3cret@pkgs.example.com/simple/six/")
    '[REDACTED] and [REDACTED] for https://build:****@pkgs.example.com/simple/six/'
    """

    def __init__(self, secrets: Iterable[Secret[str] | Secret[bytes]] = ()) -> None:
        self._lock = threading.Lock()
        self._known: set[bytes] = set()
        self._waiting: set[bytes] = set()
        self._layers: tuple[_Layer, ...] = ()
        self.add(*secrets)

    def add(self, *secrets: Secret[str] | Secret[bytes]) -> None:
        """From the next `feed` or `redact` on these are hidden too; what a stream holds back is searched for them."""
        wanted: set[bytes] = set()
        for secret in secrets:
            wanted |= patterns(_as_bytes(secret.reveal()))
        with self._lock:
            wanted -= self._known
            self._known |= wanted
            self._waiting |= wanted

    def redact(self, text: str) -> str:
        data = _encoded(text)
        redacted = self.redact_bytes(data)
        return text if redacted is data else _decoded(redacted)

    def redact_bytes(self, data: bytes) -> bytes:
        found = any(layer.matches(data) for layer in self.layers())
        return mask_url_bytes(_Exact(self).flush(data) if found else data)

    def redact_json(self, value: Any) -> Any:
        """The same value with every string redacted, keys too."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {self.redact_json(key): self.redact_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.redact_json(item) for item in value)
        return value

    def stream(self) -> RedactingStream:
        return RedactingStream(self)

    def layers(self) -> tuple[_Layer, ...]:
        """What to search for. New patterns make a layer, which takes in those that are not much larger than itself.

        So a secret that is added does not cost a new automaton of all of them, and there are never many layers.
        """
        if self._waiting:
            with self._lock:
                layers, new = list(self._layers), self._waiting
                while layers and len(layers[-1]) <= _GROWTH * len(new):
                    new |= set(layers.pop())
                self._layers, self._waiting = (*layers, _Layer(new)) if new else self._layers, set()
        return self._layers


class RedactingStream:
    """One stream of bytes, redacted as it passes. Fed in pieces or at once, it gives the same bytes.

    It has one owner; two threads need two streams. `flush` gives up what is held back, so call it where the stream
    ends: a secret that continues behind a flush is not recognised.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._exact = _Exact(redactor)
        self._urls = UrlMasker()

    def feed(self, data: bytes) -> bytes:
        return self._urls.feed(self._exact.feed(data))

    def flush(self) -> bytes:
        return self._urls.feed(self._exact.flush(b"")) + self._urls.flush()


class _Layer:
    """An immutable set of patterns: where they match, and where one may have begun."""

    def __init__(self, wanted: Iterable[bytes]) -> None:
        self._sorted = sorted(wanted)
        self._automaton = BytesAhoCorasick(self._sorted, MatchKind.LeftmostLongest)
        longest: dict[bytes, int] = {}
        for pattern in self._sorted:
            head = pattern[:SHORTEST_SECRET]
            longest[head] = max(longest.get(head, 0), len(pattern))
        self._heads = BytesAhoCorasick(list(longest), MatchKind.Standard)
        self._longest = list(longest.values())
        self._half_heads = {head[:length] for head in longest for length in range(1, SHORTEST_SECRET)}

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._sorted)

    def matches(self, data: bytes) -> bool:
        """Whether any pattern is in it."""
        return bool(self._automaton.find_matches_as_indexes(data))

    def settled(self, data: bytes, *, final: bool) -> tuple[list[_Span], int]:
        """What patterns cover that no further byte can change, and where the text begins that one can."""
        limit = len(data) if final else self._begun_at(data)
        return [span for span in self._covered(data) if span[0] < limit], limit

    def _covered(self, data: bytes) -> list[_Span]:
        """Matches that touch as one, which makes a text of nothing but matches cheap."""
        stretches: list[_Span] = []
        for _pattern, begin, end in self._automaton.find_matches_as_indexes(data):
            if stretches and stretches[-1][1] == begin:
                stretches[-1] = (stretches[-1][0], end)
            else:
                stretches.append((begin, end))
        return [(begin, self._reach(data, begin, end)) for begin, end in stretches]

    def _reach(self, data: bytes, begin: int, end: int) -> int:
        """The end of a stretch of matches, or of a pattern that begins in it and ends behind it.

        The automaton passes over such a one: it uses each byte once.
        """
        first = max(begin + 1, end - LONGEST_PATTERN + 1)
        for head, place, _end in self._heads.find_matches_as_indexes(
            data[first : end + SHORTEST_SECRET - 1], overlapping=True
        ):
            start = first + place
            if start + self._longest[head] > end:
                found = self._automaton.find_matches_as_indexes(data[start : start + self._longest[head]])
                if found and found[0][1] == 0:
                    end = max(end, start + found[0][2])
        return end

    def _begun_at(self, data: bytes) -> int:
        """The first place whose rest is a proper prefix of a pattern; the end when there is none."""
        first = max(0, len(data) - LONGEST_PATTERN + 1)
        tail = data[first:]
        for _head, place, _end in self._heads.find_matches_as_indexes(tail, overlapping=True):
            if self._is_proper_prefix(tail[place:]):
                return first + place
        for place in range(max(0, len(tail) - SHORTEST_SECRET + 1), len(tail)):
            if tail[place:] in self._half_heads:
                return first + place
        return len(data)

    def _is_proper_prefix(self, rest: bytes) -> bool:
        index = bisect_left(self._sorted, rest)
        if index < len(self._sorted) and self._sorted[index] == rest:
            index += 1
        return index < len(self._sorted) and self._sorted[index].startswith(rest)


class _Exact:
    """The first net, as a stream: exact values in all their forms. Every byte that any pattern covers is masked."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._masked_to = 0
        self._held = b""
        self._just_masked = False

    def feed(self, data: bytes) -> bytes:
        return self._pass(self._held + data, final=False)

    def flush(self, data: bytes) -> bytes:
        return self._pass(self._held + data, final=True)

    def _pass(self, data: bytes, *, final: bool) -> bytes:
        settled = [layer.settled(data, final=final) for layer in self._redactor.layers()]
        limit = min((limit for _spans, limit in settled), default=len(data))
        self._held = data[limit:]
        given_out = sorted(span for spans, _limit in settled for span in spans if span[0] < limit)
        return b"".join(self._masked(data, given_out, limit))

    def _masked(self, data: bytes, spans: list[_Span], limit: int) -> Iterator[bytes]:
        """The text up to `limit`, every stretch of touching spans as one mask."""
        done = self._masked_to
        for start, end in spans:
            if start > done:
                self._just_masked = False
                yield data[done:start]
            if not self._just_masked:
                self._just_masked = True
                yield _MASK_BYTES
            done = max(done, end)
        if done < limit:
            self._just_masked = False
            yield data[done:limit]
        self._masked_to = max(0, done - limit)


_GROWTH = 8
_Span = tuple[int, int]
_MASK_BYTES = MASK.encode()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(data: bytes) -> str:
    """Back to text; a secret that was half a character leaves a replacement mark."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
