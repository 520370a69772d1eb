"""Signed links: purpose-bound tokens, several keys, the newest signs.

Tokens are stateless, so that an unsubscribe link works for ever and in a restored store.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import HMACAlgorithm, Signer

from newsletter.errors import ConfigurationError
from newsletter.files import make_folder, write_new

_MINIMUM_LENGTH = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{1,200}", re.ASCII)


class Purpose(StrEnum):
    """What a token may be used for, and nothing else."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    FORM = "f"


class _Signer(Signer):
    """Derives each key once: that takes longer than the signing, and each message has two links."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._derived: dict[Any, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        if secret_key not in self._derived:
            self._derived[secret_key] = super().derive_key(secret_key)
        return self._derived[secret_key]


class Links:
    """Makes and checks the links that readers get; `keys` newest first."""

    def __init__(self, base_url: str, keys: tuple[str, ...]) -> None:
        self._base_url = base_url
        self._serializers = {
            purpose: URLSafeSerializer(
                list(reversed(keys)),  # itsdangerous signs with the last
                salt=f"newsletter.{purpose}",
                signer=_Signer,
                signer_kwargs={
                    "algorithm": HMACAlgorithm(hashlib.sha256),
                    "key_derivation": "hmac",
                },
            )
            for purpose in Purpose
        }
        self._signers = {
            purpose: serializer.make_signer(serializer.salt)
            for purpose, serializer in self._serializers.items()
        }
        self.keys = keys

    def unsubscribe_url(self, subscriber_id: int, list_id: int) -> str:
        return f"{self._base_url}/u/{self._token(Purpose.UNSUBSCRIBE, subscriber_id, list_id)}"

    def preferences_url(self, subscriber_id: int, list_id: int) -> str:
        token = self._token(Purpose.PREFERENCES, subscriber_id, list_id)
        return f"{self._base_url}/preferences/{token}"

    def web_url(self, slug: str) -> str:
        return f"{self._base_url}/archive/{quote(slug, safe='')}/"

    def confirm_url(self, request_id: int, list_id: int) -> str:
        """The link of a mail that asks whether a request was really made."""
        return f"{self._base_url}/confirm/{self._token(Purpose.CONFIRM, request_id, list_id)}"

    def subscribe_url(self, list_name: str) -> str:
        return f"{self._base_url}/subscribe/{list_name}"

    def form_token(self, issued: int, list_id: int) -> str:
        """What a form carries to tell when it was fetched, in seconds since 1970."""
        return self._token(Purpose.FORM, issued, list_id)

    def read(self, purpose: Purpose, token: str) -> tuple[int, int] | None:
        """The two numbers of a token of this purpose, None for any other text.

        They are a subscriber and a list, of CONFIRM a request and a list, of FORM a time and a
        list. Only the very text that was made counts: base64 has several for the same bytes.
        """
        if not _TOKEN.fullmatch(token):
            return None
        try:
            first, second = self._serializers[purpose].loads(token)
        except (BadData, ValueError, TypeError):
            return None
        if any(base64_encode(base64_decode(part)).decode() != part for part in token.split(".")):
            return None
        return int(first), int(second)

    def address_hashes(self, address_key: str) -> tuple[str, ...]:
        """Keyed hashes of an address, the newest key first: what stays of an erased person."""
        return tuple(
            hmac.new(
                key.encode(), b"newsletter.erased:" + address_key.encode(), "sha256"
            ).hexdigest()
            for key in self.keys
        )

    def _token(self, purpose: Purpose, first: int, second: int) -> str:
        payload = self._serializers[purpose].dump_payload([first, second])
        return self._signers[purpose].sign(payload).decode()


def load_keys(root: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The signing keys, newest first: NEWSLETTER_SECRET (comma-separated), else the key file."""
    if text := environment.get("NEWSLETTER_SECRET", "").strip():
        return _checked(text.split(","), "NEWSLETTER_SECRET")
    path = key_file(root)
    try:
        text = path.read_text("utf-8-sig")  # some editors put a byte order mark in front
    except FileNotFoundError as error:
        raise ConfigurationError(
            "there is no signing secret",
            where=str(path),
            hint="Run `newsletter db upgrade` to make one for a new newsletter; for one that has "
            "sent before, bring back its key, or old unsubscribe links stop working.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the signing secret cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}",
            where=str(path),
            hint="Let the user who runs this read the file. A new key would end the links in old "
            "mails.",
        ) from error
    return _checked(text.splitlines(), str(path))


def make_keys(root: Path) -> Path:
    """Write a new key file, readable by its owner only; an existing one is left alone."""
    path = key_file(root)
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
