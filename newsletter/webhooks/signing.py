"""The secrets of an endpoint, and the headers that prove who posts.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path

from newsletter.config.values import webhook_key
from newsletter.errors import ConfigurationError

_HINT = (
    "Write one into it, readable by its owner alone: whsec_ and what `openssl rand -base64 32` "
    "prints. The endpoint needs the same."
)


def key_file(root: Path, name: str) -> Path:
    """The file of an endpoint's secrets, one a line, the newest first."""
    return root / "subscribers" / f"webhook-{name}.key"


def load_keys(root: Path, name: str, secret: str) -> tuple[bytes, ...]:
    """The keys of an endpoint, newest first: those of the environment, else those of its file.

    Raises ConfigurationError where there is none.
    """
    if secret:
        return tuple(map(webhook_key, secret.split(",")))
    file = key_file(root, name)
    try:
        lines = file.read_text("utf-8-sig").split()
    except FileNotFoundError as error:
        reason = f"the webhook {name!r} has no secret"
        raise ConfigurationError(reason, where=str(file), hint=_HINT) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = f"the secret of the webhook {name!r} cannot be read"
        raise ConfigurationError(reason, where=str(file), hint=_HINT) from error
    try:
        keys = tuple(map(webhook_key, lines))
    except ValueError as error:
        raise ConfigurationError(f"each line {error}", where=str(file), hint=_HINT) from None
    if not keys:
        raise ConfigurationError("it holds no secret", where=str(file), hint=_HINT)
    return keys


def headers(
    message_id: str, at: dt.datetime, body: bytes, keys: Sequence[bytes]
) -> Mapping[str, str]:
    """What goes with a body: its id, the time of this attempt, and a signature by each key."""
    time = int(at.timestamp())
    signed = f"{message_id}.{time}.".encode() + body
    signatures = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(time),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(signature).decode()}" for signature in signatures
        ),
    }
