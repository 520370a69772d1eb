"""Identities as SES describes them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.standin.limits import Invalid, string

_KEY_LENGTHS = frozenset({"RSA_1024_BIT", "RSA_2048_BIT"})


def key_length(signing: Mapping[str, object]) -> str:
    length = string(signing.get("NextSigningKeyLength", "RSA_2048_BIT"), "NextSigningKeyLength")
    if length not in _KEY_LENGTHS:
        raise Invalid(f"NextSigningKeyLength {length!r}")
    return length


def new_identity(name: str, key_length: str) -> dict[str, Any]:
    """As SES describes one that waits for its records."""
    seed = hashlib.sha256(name.encode()).hexdigest()
    return {
        "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": False,
        "VerificationStatus": "PENDING",
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": "PENDING",
            "Tokens": [seed[start : start + 16] for start in (0, 16, 32)],
            "SigningAttributesOrigin": "AWS_SES",
            "NextSigningKeyLength": key_length,
            "CurrentSigningKeyLength": key_length,
        },
        "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
    }


def settled(name: str, status: str) -> dict[str, Any]:
    """An identity with a MAIL FROM domain, for both of which SES has come to `status`."""
    mail_from = {"MailFromDomain": f"bounce.{name}", "MailFromDomainStatus": status}
    changes = {
        "VerifiedForSendingStatus": status == "SUCCESS",
        "VerificationStatus": status,
        "DkimAttributes": {"Status": status},
        "MailFromAttributes": mail_from,
    }
    return merged(new_identity(name, "RSA_2048_BIT"), changes)


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Structures member by member, all else as a whole; null takes a member away."""
    after = dict(before)
    for name, value in changes.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            after[name] = merged(after.get(name, {}), value)
        else:
            after[name] = value
    return after
