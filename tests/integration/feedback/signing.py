"""SNS as a sender: its certificates, its signatures, and requests that only look like its own."""

import base64
import datetime as dt
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from newsletter.feedback.ses.certificates import NoCertificate
from tests.integration.sending import NOW

TOPIC = "arn:aws:sns:us-east-1:123456789012:newsletter-events"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-010a507c1833636cd94bdb98bd93083a.pem"
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

Fields = dict[str, Any]


@cache
def key_number(number: int) -> rsa.RSAPrivateKey:
    """A key, made once: that takes its time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    key: rsa.RSAPrivateKey,
    begins: dt.datetime = NOW - dt.timedelta(days=1),
    ends: dt.datetime = NOW + dt.timedelta(days=1),
) -> bytes:
    """A certificate as PEM, as SNS publishes it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@dataclass
class Certificates:
    """What stands at URLs, and which were fetched."""

    at: Mapping[str, bytes] = field(
        default_factory=lambda: {CERTIFICATE_URL: certificate(key_number(0))}
    )
    fetched: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.at:
            raise NoCertificate("nothing stands there")
        return self.at[url]


def notification(message: str, **changes: str) -> Fields:
    """The fields that SNS sends, not signed yet."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": "2026-01-07T08:30:03.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
        **changes,
    }


def subscription(**changes: str) -> Fields:
    fields = notification(
        "You have chosen to subscribe to the topic.",
        Type="SubscriptionConfirmation",
        Token="2336412f37fb687f5d51e6e241d09c80",
        SubscribeURL="http://169.254.169.254/latest/meta-data/",
    )
    del fields["Subject"]
    return fields | changes


def signed(fields: Fields, key: rsa.RSAPrivateKey | None = None) -> Fields:
    """Fields with the signature of their version, by SNS's key or another one."""
    names = _NOTIFICATION if fields.get("Type") == "Notification" else _CONFIRMATION
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    algorithm = hashes.SHA1() if fields.get("SignatureVersion") == "1" else hashes.SHA256()
    signature = (key or key_number(0)).sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**fields, "Signature": base64.b64encode(signature).decode()}


def body(fields: Fields) -> bytes:
    return json.dumps(fields).encode()


# --- forgeries ------------------------------------------------------------------------------------

BAD_URLS = (
    "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.evil.com/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0a.pem",
    "https://evil.example/sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://evil.example#sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://evil.example\\@sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://user@sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com:443/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com//SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com/x/../SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com/%53impleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem?x",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem#x",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem.txt",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a%0a.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem\n",
    "https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes",
    "https://SNS.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "HTTPS://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com.cn/SimpleNotificationService-0a.pem",
    "https://s3.us-east-1.amazonaws.com/sns/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.s3.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://snsxus-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1xamazonaws.com/SimpleNotificationService-0a.pem",
    "https://169.254.169.254/SimpleNotificationService-0a.pem",
    "https://[::1]/SimpleNotificationService-0a.pem",
    "file:///etc/passwd",
    "//sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https:sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    " https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.us\u2010east-1.amazonaws.com/SimpleNotificationService-0a.pem",
    "https://sns.us-east-1.amazonaws.com\uff0fSimpleNotificationService-0a.pem",
    "",
)
BAD_TOPICS = (
    "arn:aws:sns:us-east-1:999999999999:newsletter-events",
    "arn:aws:sns:eu-west-1:123456789012:newsletter-events",
    "arn:aws:sns:us-east-1:123456789012:newsletter-events2",
    "arn:aws:sns:us-east-1:123456789012:Newsletter-events",
    f"{TOPIC} ",
    f" {TOPIC}",
    f"{TOPIC}\n",
    f"{TOPIC}\0",
    "*",
    "",
)


def forgeries(count: int, seed: int, message: str) -> Iterator[bytes]:
    """Bodies of requests that SNS never sent, or not so; the same ones for a seed.

    Each is wrong in one way that is drawn, and signed, by somebody, as well as its way allows.
    """
    random_ = random.Random(seed)
    ways = list(_WAYS)
    for number in range(count):
        fields = notification(message) if random_.random() < 0.8 else subscription()
        fields["MessageId"] = f"forged-{seed}-{number}"
        fields["SignatureVersion"] = random_.choice("12")
        yield _WAYS[ways[number % len(ways)]](fields, random_)


def _changed(fields: Fields, random_: random.Random) -> bytes:
    """Signed by SNS, then changed in a part that is signed."""
    fields = signed(fields)
    name = random_.choice([name for name in _NOTIFICATION if name in fields and name != "Type"])
    value = list(fields[name])
    place = random_.randrange(len(value))
    value[place] = "x" if value[place] != "x" else "y"
    return body({**fields, name: "".join(value)})


def _bad_signature(fields: Fields, random_: random.Random) -> bytes:
    signature = base64.b64decode(signed(fields)["Signature"])
    place = random_.randrange(len(signature))
    flipped = bytes([signature[place] ^ (1 << random_.randrange(8))])
    broken = random_.choice(
        [
            base64.b64encode(signature[:place] + flipped + signature[place + 1 :]).decode(),
            base64.b64encode(signature[:place]).decode(),
            base64.b64encode(random_.randbytes(256)).decode(),
            base64.b64encode(signature + b"\0").decode(),
            "",
            "====",
            "EXAMPLEpH+..",
        ]
    )
    return body({**fields, "Signature": broken})


def _without(fields: Fields, random_: random.Random) -> bytes:
    """Without a field that SNS always sends; one that is signed is missing in what is signed."""
    name = random_.choice([name for name in (*fields, "Signature") if name != "Subject"])
    left = signed({key: value for key, value in fields.items() if key != name})
    left.pop(name, None)
    return body(left)


def _bad_value(fields: Fields, random_: random.Random) -> bytes:
    name = random_.choice([*signed(fields)])
    value = random_.choice([None, 5, True, 1.5, [], ["x"], {}, {"a": "b"}, float("nan")])
    return body({**signed(fields), name: value})


def _twice(fields: Fields, random_: random.Random) -> bytes:
    """A key twice: whoever looks at the first and whoever looks at the last see two requests."""
    text = json.dumps(signed(fields))
    name = random_.choice([*fields])
    return f'{{"{name}": "x", {text[1:]}'.encode()


def _raw(fields: Fields, random_: random.Random) -> bytes:
    whole = body(signed(fields))
    return random_.choice(
        [
            whole[: random_.randrange(len(whole) - 1)],
            whole + b"}",
            b"[" + whole + b"]",
            b"[" * random_.randrange(1, 100_000),
            b'{"a":' * random_.randrange(1, 40_000),
            b"\xff\xfe" + whole,
            whole.replace(b'"Notification"', b'"\xff"').replace(b'"Subscription', b'"\xff'),
            random_.randbytes(200),
            b"",
        ]
    )


_WAYS: Mapping[str, Callable[[Fields, random.Random], bytes]] = {
    "by another key": lambda fields, random_: body(signed(fields, key_number(1))),
    "changed": _changed,
    "a bad signature": _bad_signature,
    "a certificate from elsewhere": lambda fields, random_: body(
        signed({**fields, "SigningCertURL": random_.choice(BAD_URLS)})
    ),
    "another topic": lambda fields, random_: body(
        signed({**fields, "TopicArn": random_.choice(BAD_TOPICS)})
    ),
    "another version": lambda fields, random_: body(
        signed({**fields, "SignatureVersion": random_.choice(["3", "0", "", "1 ", "SHA1", "²"])})
    ),
    "the other version": lambda fields, random_: body(
        signed(fields) | {"SignatureVersion": "2" if fields["SignatureVersion"] == "1" else "1"}
    ),
    "another type": lambda fields, random_: body(
        signed(fields) | {"Type": random_.choice(["notification", "Event", "", "Notification "])}
    ),
    "without a field": _without,
    "a value that is not text": _bad_value,
    "a key twice": _twice,
    "no such JSON": _raw,
}
