"""The one wall that holds the keys: behind it plaintext, in front of it untrusted bytes.

A sealed value is `format (1 byte) | key id (8) | nonce (12) | ciphertext and tag`, AES-256-GCM. The header and the
`context` (workspace/scope/key, or whatever names the place) are associated data, so a ciphertext that somebody moves to
another row, or under another key id, does not open.

The key ring is a JSON file that only its owner can read. Rotation puts a new key first and keeps the old ones, so
nothing has to be rewritten at once; `needs_reseal` and `reseal` move values over at leisure.

Source: NIST SP 800-38D (96-bit random nonces, at most 2^32 values a key); RFC 5869 (HKDF).
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hmac
import json
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wheelyard.core.errors import InvalidState, Unavailable
from wheelyard.core.redaction import Secret
from wheelyard.storage.durable_files import write_durably

__all__ = ["Barrier", "KeyRing"]

_FORMAT: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_HEADER_BYTES: Final = len(_FORMAT) + _KEY_ID_BYTES
_TAG_BYTES: Final = 16
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class _Key:
    key_id: bytes
    material: Secret[bytes]
    cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cipher", AESGCM(self.material.reveal()))

    def to_json(self) -> dict[str, str]:
        return {"id": self.key_id.hex(), "key": base64.b64encode(self.material.reveal()).decode()}


class KeyRing:
    """The keys, newest first, in one file of mode 0600.

    The last key of the file never changes: it is the root of the keyed hashes, which must stay comparable after a
    rotation.
    """

    def __init__(self, path: Path, keys: tuple[_Key, ...], random_bytes: Callable[[int], bytes]) -> None:
        self._path = path
        self._keys = keys
        self._random_bytes = random_bytes
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> KeyRing:
        """Read the key ring, or make one when the file does not exist.

        Raises:
            InvalidState: others may read or change the file, it is somebody else's, or its content is damaged. Nothing
                is changed: a lost key cannot be made again.
            Unavailable: the file cannot be read or written.
        """
        ring = cls(path, (), random_bytes)
        with _explained(path), ring._alone():
            if not path.exists():
                ring._write((ring._new_key(),))
            ring._keys = _read(path)
        return ring

    @property
    def primary(self) -> _Key:
        return self._keys[0]

    @property
    def root(self) -> _Key:
        return self._keys[-1]

    def find(self, key_id: bytes) -> _Key | None:
        for key in self._keys:
            if key.key_id == key_id:
                return key
        return None

    def rotate(self) -> str:
        """Put a new key first; it is on disk before it is used. Returns its id."""
        with self._lock, _explained(self._path), self._alone():
            keys = _read(self._path)
            self._write((self._new_key(), *keys))
            self._keys = _read(self._path)
            return self.primary.key_id.hex()

    def _new_key(self) -> _Key:
        return _Key(self._random_bytes(_KEY_ID_BYTES), Secret(self._random_bytes(32)))

    def _write(self, keys: tuple[_Key, ...]) -> None:
        document = {"version": _VERSION, "keys": [key.to_json() for key in keys]}
        write_durably(self._path, json.dumps(document, indent=2).encode() + b"\n", mode=0o600)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two processes must not both make the first key, nor lose each other's rotation."""
        descriptor = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class Barrier:
    """Seals and opens values, and hashes with a key.

    >>> barrier = Barrier(KeyRing.open(getfixture("tmp_path") / "keys.json"))
    >>> sealed = barrier.seal(b"hunter22", "workspace/scope/key")
    >>> barrier.open(sealed, "workspace/scope/key").reveal()
    b'hunter22'
    """

    def __init__(self, key_ring: KeyRing, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._ring = key_ring
        self._random_bytes = random_bytes
        self._keyed: dict[str, hmac.HMAC] = {}

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt under the newest key. `context` names the place the value is kept at, and is needed to open it."""
        key = self._ring.primary
        header = _FORMAT + key.key_id
        nonce = self._random_bytes(_NONCE_BYTES)
        return header + nonce + key.cipher.encrypt(nonce, plaintext, header + context.encode())

    def open(self, sealed: bytes, context: str) -> Secret[bytes]:
        """Decrypt.

        Raises:
            InvalidState: the bytes are damaged, were sealed for another context, or their key is not in the key ring.
        """
        header, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        if len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES or header[:1] != _FORMAT:
            raise _cannot_open("damaged-sealed-value", "the stored bytes are damaged")
        key = self._ring.find(header[1:])
        if key is None:
            raise _cannot_open("unknown-key", f"the key ring holds no key `{header[1:].hex()}`")
        try:
            plaintext = key.cipher.decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], header + context.encode())
        except InvalidTag:
            raise _cannot_open("damaged-sealed-value", "the stored bytes are damaged or belong elsewhere") from None
        return Secret(plaintext)

    def keyed_hash(self, data: bytes, purpose: str) -> bytes:
        """HMAC-SHA256 under a key of its own for each purpose: 32 bytes, the same after a rotation."""
        keyed = self._keyed.get(purpose)
        if keyed is None:
            derivation = HKDF(SHA256(), 32, salt=None, info=b"wheelyard keyed hash: " + purpose.encode())
            subkey = derivation.derive(self._ring.root.material.reveal())
            keyed = self._keyed[purpose] = hmac.new(subkey, digestmod=sha256)
        copied = keyed.copy()
        copied.update(data)
        return copied.digest()

    def rotate(self) -> str:
        """Seal with a new key from now on; what was sealed before still opens. Returns the new key's id."""
        return self._ring.rotate()

    def needs_reseal(self, sealed: bytes) -> bool:
        return sealed[1:_HEADER_BYTES] != self._ring.primary.key_id

    def reseal(self, sealed: bytes, context: str) -> bytes:
        """The same value under the newest key; unchanged when it already is."""
        if not self.needs_reseal(sealed):
            return sealed
        return self.seal(self.open(sealed, context).reveal(), context)


def _read(path: Path) -> tuple[_Key, ...]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _refuse_if_open_to_others(path, os.fstat(descriptor))
        content = file.read()
    try:
        document = json.loads(content)
        version, entries = document["version"], document["keys"]
        keys = tuple(_Key(bytes.fromhex(entry["id"]), Secret(_key_material(entry["key"]))) for entry in entries)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise _broken(path, "its content is damaged") from None
    if version != _VERSION:
        raise _broken(path, f"it has version {version!r}, and this program reads version {_VERSION}")
    if not keys or any(len(key.key_id) != _KEY_ID_BYTES for key in keys):
        raise _broken(path, "it holds no usable key")
    return keys


def _key_material(text: str) -> bytes:
    material = base64.b64decode(text, validate=True)
    if len(material) != 32:
        raise ValueError("a key has 32 bytes")
    return material


def _refuse_if_open_to_others(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise InvalidState(
            f"The key ring `{path.name}` was not opened: its mode is {mode:04o}, and only its owner may read it",
            reference="key-ring-open-to-others",
            unchanged="nothing was changed",
            hint=f"chmod 600 {path}, then rotate the keys if others could log in",
        )
    if status.st_uid != os.geteuid():
        raise InvalidState(
            f"The key ring `{path.name}` was not opened: it belongs to another user (uid {status.st_uid})",
            reference="key-ring-of-another-user",
            unchanged="nothing was changed",
            hint="start as the user who made the data folder",
        )


def _broken(path: Path, because: str) -> InvalidState:
    return InvalidState(
        f"The key ring `{path.name}` cannot be used: {because}",
        reference="key-ring-broken",
        because=because,
        unchanged="nothing was changed; stored secrets are intact and open again with the right key ring",
        hint=f"put back the backup of {path}",
    )


def _cannot_open(reference: str, because: str) -> InvalidState:
    return InvalidState(
        "A stored secret cannot be decrypted", reference=reference, because=because, hint="put back the right key ring"
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"The key ring `{path.name}` cannot be used: {(error.strerror or 'unknown reason').lower()}",
            reference="key-ring-unreadable",
            unchanged="nothing was changed",
            log=str(error),
        ) from error
