"""A body part for many readers: shared text is encoded once, each reader's values are spliced in.

Encoding a whole mail for each reader takes longer than handing it over.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from newsletter.model.email import MergeField, MergeText, escaped

_NOT_ASCII = bytes(range(128, 256))
_DENSE = 6  # beyond one octet in six, base64 is shorter than quoted-printable
_LINE = 76  # RFC 2045, 6.7 and 6.8
_LINE_OCTETS = _LINE // 4 * 3


class Body(Protocol):
    """A part in its transfer encoding, its merge fields open."""

    encoding: str

    def filled(self, values: Mapping[str, str]) -> str: ...


@lru_cache(maxsize=8)
def encoded(template: MergeText) -> Body:
    """The body of a template; base64 where most of it is not ASCII, as Chinese is."""
    pieces = [_octets(piece) if isinstance(piece, str) else piece for piece in template]
    shared = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    dense = (len(shared) - len(shared.translate(None, _NOT_ASCII))) * _DENSE > len(shared)
    return _Base64(pieces) if dense else _QuotedPrintable(pieces)


def _octets(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _value(field: MergeField, values: Mapping[str, str]) -> bytes:
    return _octets(escaped(field, values.get(field.name) or field.default))


class _Base64:
    """Base64 in groups of three octets: a shared piece is encoded for each way to begin one."""

    encoding = "base64"

    def __init__(self, pieces: Sequence[bytes | MergeField]) -> None:
        self._pieces = [_Shared(p) if isinstance(p, bytes) else p for p in pieces]

    def filled(self, values: Mapping[str, str]) -> str:
        lines: list[str] = []
        rest = b""
        for piece in self._pieces:
            if isinstance(piece, _Shared):
                rest = piece.append_to(lines, rest)
                continue
            octets = rest + _value(piece, values)
            whole = len(octets) // 3 * 3
            lines += _base64_lines(octets[:whole])
            rest = octets[whole:]
        lines += _base64_lines(rest)
        return "\r\n".join(lines)


class _Shared:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._from: dict[int, tuple[list[str], bytes]] = {}

    def append_to(self, lines: list[str], rest: bytes) -> bytes:
        """Add the piece behind `rest`, the octets of a group not yet full; returns its own rest."""
        missing = -len(rest) % 3
        if len(self._octets) < missing:
            return rest + self._octets
        if rest:
            lines += _base64_lines(rest + self._octets[:missing])
        if missing not in self._from:
            end = missing + (len(self._octets) - missing) // 3 * 3
            whole = "\r\n".join(_base64_lines(self._octets[missing:end]))
            self._from[missing] = ([whole] if whole else [], self._octets[end:])
        ready, tail = self._from[missing]
        lines += ready
        return tail


def _base64_lines(octets: bytes) -> list[str]:
    return [
        base64.b64encode(octets[start : start + _LINE_OCTETS]).decode("ascii")
        for start in range(0, len(octets), _LINE_OCTETS)
    ]


class _QuotedPrintable:
    """Quoted-printable, with a soft line break between the pieces."""

    encoding = "quoted-printable"

    def __init__(self, pieces: Sequence[bytes | MergeField]) -> None:
        self._pieces = [_quoted(p) if isinstance(p, bytes) else p for p in pieces]

    def filled(self, values: Mapping[str, str]) -> str:
        pieces = (
            piece if isinstance(piece, str) else _quoted(_value(piece, values))
            for piece in self._pieces
        )
        return "=\r\n".join(piece for piece in pieces if piece)


def _quoted(octets: bytes) -> str:
    """Octets in quoted-printable, with room for a soft break at the end of the last line."""
    text = binascii.b2a_qp(octets.replace(b"\r\n", b"\n"), istext=True).decode("ascii")
    above, line_end, last = text.rpartition("\n")
    if len(last) == _LINE:
        cut = _LINE - 3
        cut = last.rfind("=", cut - 2, cut) if "=" in last[cut - 2 : cut] else cut
        last = f"{last[:cut]}=\n{last[cut:]}"
    return f"{above}{line_end}{last}".replace("\n", "\r\n")
