"""Checks of the sender's identity at SES."""

from collections.abc import Iterator

from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    fail,
    ok,
    skipped,
    warn,
)
from newsletter.doctor.ses.asking import SETUP, known_identity, sender_identity
from newsletter.provision.ses import wanted

_DKIM = f"{SETUP} --check-dns"


def verified(exam: Examination) -> Iterator[Diagnosis]:
    found = sender_identity(exam)
    if found is None:
        yield fail(f"SES does not know {exam.from_domain} in this region", SETUP)
        return
    name, identity = found
    if identity.get("VerifiedForSendingStatus"):
        yield ok(f"{name} is verified")
        return
    info = identity.get("VerificationInfo", {})
    reason = f": {info['ErrorType']}" if info.get("ErrorType") else ""
    status = identity.get("VerificationStatus", "not verified")
    yield fail(f"{name} is {status}{reason}", _DKIM)


def dkim_key(exam: Examination) -> Iterator[Diagnosis]:
    name, identity = known_identity(exam)
    dkim = identity.get("DkimAttributes", {})
    length = str(dkim.get("CurrentSigningKeyLength", ""))
    if not dkim.get("SigningEnabled"):
        yield fail(f"SES does not sign for {name}", SETUP)
    elif dkim.get("Status") != "SUCCESS":
        yield fail(f"SES has not found the keys of {name}: {dkim.get('Status')}", _DKIM)
    elif not length:
        yield ok(f"SES signs for {name}")
    elif length != wanted.DKIM_KEY_LENGTH:
        yield warn(f"its key has {_bits(length)} bits, of which 2048 are advised", SETUP)
    else:
        yield ok(f"SES signs for {name} with {_bits(length)} bits")


def mail_from(exam: Examination) -> Iterator[Diagnosis]:
    name, identity = known_identity(exam)
    attributes = identity.get("MailFromAttributes", {})
    domain, status = attributes.get("MailFromDomain"), attributes.get("MailFromDomainStatus")
    if not domain:
        yield fail(f"{name} has no MAIL FROM domain: SPF is that of amazonses.com", SETUP)
    elif status != "SUCCESS":
        yield fail(f"SES has not found the records of {domain}: {status}", _DKIM)
    elif attributes.get("BehaviorOnMxFailure") != wanted.ON_MX_FAILURE:
        yield warn(
            f"if the MX of {domain} fails, mail leaves from amazonses.com, and SPF is not aligned",
            SETUP,
        )
    else:
        yield ok(f"the envelope is of {domain}")


def forwarding(exam: Examination) -> Iterator[Diagnosis]:
    name, identity = known_identity(exam)
    if not exam.settings.transport.ses.configuration_set:
        yield skipped("nothing else reports bounces")
    elif identity.get("FeedbackForwardingStatus"):
        yield warn(f"SES mails each bounce to {name}, beside its event", SETUP)
    else:
        yield ok("bounces come as events alone")


def _bits(length: str) -> str:
    return length.removeprefix("RSA_").removesuffix("_BIT")


CHECKS = (
    Check(
        "sender", CheckGroup.TRANSPORT, verified, "SES refuses mail of a sender it does not know."
    ),
    Check(
        "dkim-key",
        CheckGroup.TRANSPORT,
        dkim_key,
        "Gmail takes keys of 1024 bits, and advises 2048.",
    ),
    Check(
        "mail-from", CheckGroup.TRANSPORT, mail_from, "SPF counts for DMARC under one's own domain."
    ),
    Check(
        "feedback-forwarding", CheckGroup.TRANSPORT, forwarding, "Every bounce would come twice."
    ),
)
