"""A mail as its reader's program decodes it."""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage


@dataclass(frozen=True)
class Mail:
    """`raw` is what travelled; the rest is what the standard library reads in it."""

    raw: bytes
    headers: EmailMessage
    subject: str
    html: str
    text: str


def opened(raw: bytes) -> Mail:
    """Read the bytes of a mail, which must be free of defects."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return Mail(
        raw, message, str(message["Subject"]), _part(message, "html"), _part(message, "plain")
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    assert not part.defects
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")
