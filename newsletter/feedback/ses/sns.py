"""A request that claims to come from SNS -> a proven envelope, or why it is refused.

Pure except for `key_of`, which may fetch the certificate that the request names, and is only asked
about places where SNS keeps them. The string to sign is that of
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_BYTES = 256 * 1024

_NOTIFICATION = "Notification"
_SUBSCRIPTION = "SubscriptionConfirmation"
# The fields that are signed, in their order, for each type; `Subject` only where there is one.
_SIGNED = {
    _NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    _SUBSCRIPTION: (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED[_SUBSCRIPTION]
_OPTIONAL = ("Subject",)
_TOPIC = re.compile(r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[\w.-]+")
_HASHES = {"1": hashes.SHA1, "2": hashes.SHA256}

KeyOf = Callable[[str], RSAPublicKey]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request that provably came from SNS, for one of our topics.

    `message` is what the topic carries; `token` confirms a subscription. The certificate at
    `certificate_url` is what proved it.
    """

    type: str
    topic_arn: str
    message_id: str
    message: str
    token: str
    certificate_url: str

    @property
    def is_notification(self) -> bool:
        return self.type == _NOTIFICATION

    @property
    def asks_for_confirmation(self) -> bool:
        return self.type == _SUBSCRIPTION


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not believed; `status` is the answer's: 400 malformed, 403 not proven."""

    status: int
    reason: str


def prove(body: bytes, topic_arns: Collection[str], key_of: KeyOf) -> Envelope | Refusal:
    """The envelope in the body of a request, once all of it is proven.

    What `key_of` raises where a certificate is not available passes through: then nothing is known.
    """
    fields = _fields(body)
    if isinstance(fields, Refusal):
        return fields
    topic = fields.get("TopicArn", "")
    if topic not in topic_arns:
        return Refusal(403, "a topic that is not in topic_arns")
    signed = _SIGNED.get(fields.get("Type", ""))
    if signed is None:
        return Refusal(400, "no type of SNS")
    missing = [name for name in signed if name not in fields and name not in _OPTIONAL]
    if missing:
        return Refusal(400, f"without {missing[0]}")
    url = fields.get("SigningCertURL", "")
    if not is_of_sns(url, topic):
        return Refusal(403, "a certificate from elsewhere")
    algorithm = _HASHES.get(fields.get("SignatureVersion", ""))
    if algorithm is None:
        return Refusal(400, "no known version of signatures")
    try:
        signature = base64.b64decode(fields.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return Refusal(403, "no signature")
    text = "".join(f"{name}\n{fields[name]}\n" for name in signed if name in fields)
    try:
        # Version 1 is SHA-1; to avoid it, set version 2 at the topic.
        key_of(url).verify(signature, text.encode(), padding.PKCS1v15(), algorithm())
    except InvalidSignature:
        return Refusal(403, "a signature that is not of SNS")
    return Envelope(
        type=fields["Type"],
        topic_arn=topic,
        message_id=fields["MessageId"],
        message=fields["Message"],
        token=fields.get("Token", ""),
        certificate_url=url,
    )


def is_of_sns(url: str, topic_arn: str) -> bool:
    """Whether a certificate's URL is exactly one of SNS, in the region of the topic: nothing is
    parsed that others could parse differently."""
    topic = _TOPIC.fullmatch(topic_arn)
    if topic is None:
        return False
    ending = "com.cn" if topic["partition"] == "aws-cn" else "com"
    host = re.escape(f"sns.{topic['region']}.amazonaws.{ending}")
    return bool(re.fullmatch(rf"https://{host}/SimpleNotificationService-[0-9a-f]+\.pem", url))


class _Malformed(ValueError):
    """The body is not a flat object of texts."""


def _fields(body: bytes) -> dict[str, str] | Refusal:
    """The fields of a flat JSON object, all of them texts, none of them twice."""
    if len(body) > MAX_BYTES:
        return Refusal(413, "too large")
    try:
        fields: object = json.loads(body.decode(), object_pairs_hook=_texts)
    except (ValueError, RecursionError):
        return Refusal(400, "no flat JSON object of texts")
    return fields if isinstance(fields, dict) else Refusal(400, "no JSON object")


def _texts(pairs: list[tuple[str, Any]]) -> dict[str, str]:
    """An object's fields; raises where one is not text, or stands there twice."""
    fields = dict(pairs)
    if len(fields) != len(pairs) or not all(isinstance(value, str) for value in fields.values()):
        raise _Malformed
    for value in fields.values():
        value.encode()  # half a character could not be signed
    return fields
