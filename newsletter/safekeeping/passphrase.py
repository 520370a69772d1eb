"""Encryption by a passphrase, as the program `age` writes and reads it, a piece at a time.

The library that encrypts for keys takes whole files into memory where a passphrase is given, and a
store may be larger than that. The format: https://c2sp.org/age, version 1, recipient type scrypt.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"age-encryption.org/v1\n"

_WORK = 17  # as a power of two: 128 MB for half a second, on a small server too
_MOST_WORK = 20
_LABEL = b"age-encryption.org/v1/scrypt"
_KEY_BYTES = 16
_NONCE_BYTES = 16
_TAG_BYTES = 16
_PIECE_BYTES = 64 * 1024
_HEADER = re.compile(
    rb"age-encryption\.org/v1\n"
    rb"-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n---"
    rb" ([A-Za-z0-9+/]{43})\n"
)
_LONGEST_HEADER = 200


class Unopened(Exception):
    """It is not encrypted by this passphrase, or was altered, or has lost its end."""


def encrypt(source: IO[bytes], target: IO[bytes], passphrase: str) -> None:
    """Write all of `source` encrypted. Raises OSError."""
    file_key, salt, nonce = (os.urandom(size) for size in (_KEY_BYTES, 16, _NONCE_BYTES))
    wrapped = ChaCha20Poly1305(_stretched(passphrase, salt, _WORK)).encrypt(
        bytes(12), file_key, None
    )
    header = MAGIC + b"-> scrypt %s %d\n%s\n---" % (_base64(salt), _WORK, _base64(wrapped))
    target.write(header + b" " + _base64(_authentication(file_key, header)) + b"\n" + nonce)
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    for counter, piece in _pieces(source, _PIECE_BYTES):
        target.write(cipher.encrypt(counter, piece, None))


def decrypt(source: IO[bytes], target: IO[bytes], passphrase: str) -> None:
    """Write all of `source` decrypted. Raises Unopened, perhaps after a part was written, and
    OSError."""
    start = _read(source, _LONGEST_HEADER)
    match = _HEADER.match(start)
    if match is None or int(match[2]) > _MOST_WORK:
        raise Unopened
    salt, wrapped, authentication = (base64.b64decode(match[n] + b"==") for n in (1, 3, 4))
    wrapping_key = _stretched(passphrase, salt, int(match[2]))
    rest = _Rest(start[match.end() :], source)
    nonce = rest.read(_NONCE_BYTES)
    try:
        file_key = ChaCha20Poly1305(wrapping_key).decrypt(bytes(12), wrapped, None)
        header = start[: match.start(4) - 1]
        if not hmac.compare_digest(_authentication(file_key, header), authentication):
            raise Unopened
        cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
        for counter, piece in _pieces(rest, _PIECE_BYTES + _TAG_BYTES):
            target.write(cipher.decrypt(counter, piece, None))
    except InvalidTag as error:
        raise Unopened from error


def _pieces(source: "IO[bytes] | _Rest", size: int) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of one size, the last of any, each with its counter, which says which one is last."""
    number, piece = 0, _read(source, size)
    while True:
        following = _read(source, size)
        yield number.to_bytes(11, "big") + bytes([not following]), piece
        if not following:
            return
        number, piece = number + 1, following


class _Rest:
    """What was read already, and then what follows it."""

    def __init__(self, start: bytes, source: IO[bytes]) -> None:
        self._start, self._source = start, source

    def read(self, size: int) -> bytes:
        piece, self._start = self._start[:size], self._start[size:]
        return piece + _read(self._source, size - len(piece))


def _read(source: "IO[bytes] | _Rest", size: int) -> bytes:
    """As many bytes as there are, up to a size: a pipe gives fewer at a time."""
    parts = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _stretched(passphrase: str, salt: bytes, work: int) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(),
        salt=_LABEL + salt,
        n=2**work,
        r=8,
        p=1,
        maxmem=2 ** (work + 11),
        dklen=32,
    )


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=salt, info=info).derive(key)


def _authentication(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")


def _base64(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")
