"""Signed links: purpose-bound tokens, several keys, the newest signs.

Tokens are stateless, so that an unsubscribe link works for ever and in a restored store. A token is
its values as text, a dot, and a signature of them; before schema 0005 it was two numbers as JSON in
base64, and such links are still read.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from itsdangerous import BadData, BadSignature
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import HMACAlgorithm, Signer

from newsletter.errors import ConfigurationError
from newsletter.files import make_folder, part_of, read_ordinary, write_new

_MINIMUM_LENGTH = 16
_BLOCK_BYTES = 64  # of SHA-256, beyond which no derived key goes
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{43}", re.ASCII)
_NUMBERS = re.compile(r"\d{1,19}(?:-\d{1,19}){0,2}", re.ASCII)
_PERSONAL = re.compile(
    r"(\d{1,19})-(\d{1,19})-([0-9a-f]{1,16})(?:-(\d{8}-[a-z0-9]{6})-(\d{1,10}))?", re.ASCII
)


class Purpose(StrEnum):
    """What a token may be used for, and nothing else."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    PERSONAL = "d"  # what a personal link may only ask for: data, another address, erasing
    UNDO = "b"  # to take back a move to another address
    FORM = "f"


class PersonalLink(NamedTuple):
    """Whose link it is, and of which list: both are 0 in a test mail.

    `link_key` is that of the person at the address that was mailed, 0 from before schema 0005.
    `send_id` and `number` are the delivery that brought the link, empty where that is not known.
    """

    subscriber_id: int
    list_id: int
    link_key: int = 0
    send_id: str = ""
    number: int = 0

    @property
    def text(self) -> str:
        """What a token of it signs."""
        whose = f"{self.subscriber_id}-{self.list_id}-{self.link_key:x}"
        return f"{whose}-{self.send_id}-{self.number}" if self.send_id else whose


def issue_url(base_url: str, slug: str) -> str:
    """Where the web shows an issue."""
    return f"{base_url}/archive/{quote(slug, safe='')}/"


class Links:
    """Makes and checks the links that readers get; `keys` newest first."""

    def __init__(self, base_url: str, keys: tuple[str, ...]) -> None:
        self._base_url = base_url
        self._signers = {purpose: _Signer(keys, f"newsletter.{purpose}") for purpose in Purpose}
        self.keys = keys
        self.host = urlsplit(base_url).hostname or "localhost"  # names lists in headers, too

    def of_mail(self, link: PersonalLink) -> tuple[str, str]:
        """The two links that every mail has: to leave, and to the preferences."""
        text = link.text
        leave = self._signers[Purpose.UNSUBSCRIBE].token(text)
        prefer = self._signers[Purpose.PREFERENCES].token(text)
        return f"{self._base_url}/u/{leave}", f"{self._base_url}/preferences/{prefer}"

    def unsubscribe_url(self, link: PersonalLink) -> str:
        return self.of_mail(link)[0]

    def preferences_url(self, link: PersonalLink) -> str:
        return self.of_mail(link)[1]

    def web_url(self, slug: str) -> str:
        return issue_url(self._base_url, slug)

    def confirm_url(self, purpose: Purpose, request_id: int, list_id: int) -> str:
        """The link of a mail that asks whether a request was really made."""
        token = self._signers[purpose].token(f"{request_id}-{list_id}")
        return f"{self._base_url}/confirm/{token}"

    def subscribe_url(self, list_name: str) -> str:
        return f"{self._base_url}/subscribe/{quote(list_name, safe='')}"

    def form_token(self, issued: int, list_id: int, nonce: int) -> str:
        """What a form carries: when it was fetched, in seconds since 1970, and its own number,
        since each is good for one request."""
        return self._signers[Purpose.FORM].token(f"{issued}-{list_id}-{nonce}")

    def read_personal(self, purpose: Purpose, token: str) -> PersonalLink | None:
        """What a personal link of this purpose says, None for any other text."""
        payload = self._payload(purpose, token)
        if payload is None:
            return None
        if match := _PERSONAL.fullmatch(payload):
            subscriber_id, list_id, link_key, send_id, number = match.groups()
            return PersonalLink(
                int(subscriber_id), int(list_id), int(link_key, 16), send_id or "", int(number or 0)
            )
        old = _old_numbers(payload)
        return None if old is None else PersonalLink(*old)

    def read_numbers(self, purpose: Purpose, token: str) -> tuple[int, ...] | None:
        """The numbers of another token of this purpose, None for any other text.

        For FORM they are a time, a list and the form's own number; for the others, a request and a
        list.
        """
        payload = self._payload(purpose, token)
        if payload is None:
            return None
        if _NUMBERS.fullmatch(payload):
            return tuple(map(int, payload.split("-")))
        return _old_numbers(payload)

    def address_hashes(self, address_key: str) -> tuple[str, ...]:
        """Keyed hashes of an address, the newest key first: what stays of an erased person."""
        return tuple(
            hmac.new(
                key.encode(), b"newsletter.erased:" + address_key.encode(), "sha256"
            ).hexdigest()
            for key in self.keys
        )

    def _payload(self, purpose: Purpose, token: str) -> str | None:
        return self._signers[purpose].payload(token) if _TOKEN.fullmatch(token) else None


class _Signer(Signer):
    """Signs with the newest key, and accepts all.

    Each key is derived once, and each signature starts from copies of the two hashes that an HMAC
    is made of, once the key is in them (RFC 2104): every message has two links.
    """

    def __init__(self, keys: tuple[str, ...], salt: str) -> None:
        super().__init__(
            list(reversed(keys)),  # itsdangerous signs with the last
            salt=salt,
            key_derivation="hmac",
            algorithm=HMACAlgorithm(hashlib.sha256),
        )
        self._derived = {key: super(_Signer, self).derive_key(key) for key in self.secret_keys}
        key = self._derived[self.secret_keys[-1]].ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        return self._derived[self.secret_keys[-1] if secret_key is None else bytes(secret_key)]  # type: ignore[arg-type]

    def token(self, payload: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(payload.encode())
        outer.update(inner.digest())
        return f"{payload}.{base64_encode(outer.digest()).decode()}"

    def payload(self, token: str) -> str | None:
        """What was signed, None if it was not. Only the exact text of a token counts, since base64
        has several texts for the same bytes."""
        try:
            payload = self.unsign(token).decode()
        except BadSignature:
            return None
        signature = token.rpartition(".")[2]
        return payload if base64_encode(base64_decode(signature)).decode() == signature else None


def _old_numbers(payload: str) -> tuple[int, int] | None:
    """The two numbers of a token from before schema 0005."""
    try:
        first, second = json.loads(base64_decode(payload))
        return int(first), int(second)
    except (BadData, ValueError, TypeError):
        return None


def are_given(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the keys come from outside, so that the folder needs none."""
    return bool(environment.get("NEWSLETTER_SECRET", "").strip())


def load_keys(root: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The signing keys, newest first: NEWSLETTER_SECRET (comma-separated), else the key file."""
    if text := environment.get("NEWSLETTER_SECRET", "").strip():
        return _checked(text.split(","), "NEWSLETTER_SECRET")
    path = key_file(root)
    try:
        text = read_ordinary(path).decode("utf-8-sig")  # some editors put a byte order mark there
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _unreadable(path, "it is a link to a file that is missing") from error
        raise ConfigurationError(
            "there is no signing secret",
            where=str(path),
            hint="Run `newsletter db upgrade` to make one for a new newsletter; for one that has "
            "sent before, bring back its key, or old unsubscribe links stop working.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not UTF-8")
        raise _unreadable(path, reason, is_denied=isinstance(error, PermissionError)) from error
    return _checked(text.splitlines(), str(path))


def _unreadable(path: Path, reason: str, *, is_denied: bool = False) -> ConfigurationError:
    remedy = "Let the user who runs this read the file." if is_denied else "Bring back its file."
    return ConfigurationError(
        f"the signing secret cannot be read: {reason}",
        where=str(path),
        hint=f"{remedy} A new key would end the links in old mails.",
    )


def make_keys(root: Path) -> Path:
    """Write a new key file, readable by its owner only; an existing one is left alone."""
    path = key_file(root)
    if os.path.lexists(path):
        with suppress(OSError):
            part_of(path).unlink(missing_ok=True)  # the same key, where a kill came right after it
        return path
    make_folder(path.parent, private=True)
    with suppress(FileExistsError):
        write_new(path, f"{secrets.token_urlsafe(32)}\n".encode(), private=True)
    return path


def key_file(root: Path) -> Path:
    return root / "subscribers" / "secret.key"


def _checked(candidates: list[str], where: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in candidates if key.strip())
    if not keys or any(len(key) < _MINIMUM_LENGTH for key in keys):
        raise ConfigurationError(
            f"the signing secret needs at least {_MINIMUM_LENGTH} characters in each key",
            where=where,
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return keys
