"""The domain that mail is sent from: its DKIM key, its MAIL FROM domain, its feedback.

What could stop or change mail of others who send from a verified domain is left alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from newsletter.provision.base import Action, Component, Difference
from newsletter.provision.ses import wanted
from newsletter.provision.ses.target import SesTarget

_EASY = "AWS_SES"
_USE_DEFAULT = "USE_DEFAULT_VALUE"
_SHORT_KEY = "RSA_1024_BIT"


def described(target: SesTarget) -> Mapping[str, Any] | None:
    return target.aws.find(
        "ses:GetEmailIdentity", "VerifiedForSendingStatus", EmailIdentity=target.names.domain
    )


def identity(target: SesTarget) -> Component:
    domain = target.names.domain
    found = described(target)
    if found is None:
        mail_from = _mail_from(target, {}, wanted.ON_MX_FAILURE)
        actions = (_creation(target), mail_from, _no_forwarding(target))
        return Component(f"identity {domain}", actions)
    repairs, left_alone = tuple(_repairs(target, found)), tuple(_left_alone(target, found))
    return Component(f"identity {domain}", repairs, left_alone)


def _repairs(target: SesTarget, found: Mapping[str, Any]) -> Iterator[Action]:
    dkim = found.get("DkimAttributes", {})
    if _has_easy_key(dkim):
        length = dkim.get("NextSigningKeyLength") or dkim.get("CurrentSigningKeyLength")
        if not dkim.get("Tokens") or length == _SHORT_KEY:
            yield _signing(target, str(dkim.get("CurrentSigningKeyLength") or "none"))
    if dkim.get("SigningEnabled") is False:
        yield Action(
            f"sign the mails of {target.names.domain} with DKIM",
            lambda: _put(target, "DkimAttributes", SigningEnabled=True),
            (Difference("SigningEnabled", "false", "true"),),
        )
    held = found.get("MailFromAttributes", {})
    if not _has_other_mail_from(target, found):
        behaviour = _behaviour(found)
        is_stricter = held.get("BehaviorOnMxFailure") != wanted.ON_MX_FAILURE == behaviour
        if held.get("MailFromDomain") != target.names.mail_from or is_stricter:
            yield _mail_from(target, held, behaviour)
    if _forwards(found) and not found["VerifiedForSendingStatus"]:
        yield _no_forwarding(target)


def _left_alone(target: SesTarget, found: Mapping[str, Any]) -> Iterator[str]:
    dkim = found.get("DkimAttributes", {})
    origin = dkim.get("SigningAttributesOrigin", _EASY)
    if origin == "EXTERNAL":
        yield "it signs with a key of your own (BYODKIM); that key is yours to renew"
    elif origin != _EASY:
        yield f"it signs with the key of the same identity in another region ({origin})"
    elif dkim.get("Status") == "FAILED":
        yield (
            "SES no longer looks for its DKIM records: put them into the DNS, then edit and save "
            "its DKIM settings in the SES console"
        )
    if _has_other_mail_from(target, found):
        yield (
            f"its MAIL FROM domain is {found['MailFromAttributes']['MailFromDomain']}, not "
            f"{target.names.mail_from}: change it in the SES console if nobody else needs it"
        )
    if _behaviour(found) == _USE_DEFAULT:
        yield (
            "its mails leave from amazonses.com while the MX record of the MAIL FROM domain is "
            "missing: they go out already, and refusing them now would stop them. Run this again "
            "once SES has found the record"
        )
    if _forwards(found) and found["VerifiedForSendingStatus"]:
        yield (
            "bounces and complaints are also forwarded by mail, and others may rely on that: "
            "switch feedback forwarding off in the SES console if nobody does"
        )


def _has_other_mail_from(target: SesTarget, found: Mapping[str, Any]) -> bool:
    """Whether mails go out now that use another MAIL FROM domain than the one that is wanted."""
    held = found.get("MailFromAttributes", {}).get("MailFromDomain", target.names.mail_from)
    return bool(found["VerifiedForSendingStatus"]) and held != target.names.mail_from


def _behaviour(found: Mapping[str, Any]) -> str:
    """Mails without an MX record are refused, but not where that would stop what goes out now."""
    held = found.get("MailFromAttributes", {})
    is_found = held.get("MailFromDomainStatus") == "SUCCESS"
    is_strict = held.get("BehaviorOnMxFailure") == wanted.ON_MX_FAILURE
    if found["VerifiedForSendingStatus"] and not is_found and not is_strict:
        return _USE_DEFAULT
    return wanted.ON_MX_FAILURE


def _has_easy_key(dkim: Mapping[str, Any]) -> bool:
    return bool(dkim.get("SigningAttributesOrigin", _EASY) == _EASY)


def _forwards(found: Mapping[str, Any]) -> bool:
    return bool(found.get("FeedbackForwardingStatus"))


def _creation(target: SesTarget) -> Action:
    domain = target.names.domain
    return Action(
        f"make the identity {domain}, with DKIM keys of 2048 bits that SES renews",
        lambda: target.aws.make(
            "ses:CreateEmailIdentity",
            EmailIdentity=domain,
            DkimSigningAttributes={"NextSigningKeyLength": wanted.DKIM_KEY_LENGTH},
        ),
    )


def _signing(target: SesTarget, length: str) -> Action:
    return Action(
        f"let SES sign the mails of {target.names.domain} with a key of 2048 bits",
        lambda: _put(
            target,
            "DkimSigningAttributes",
            SigningAttributesOrigin=_EASY,
            SigningAttributes={"NextSigningKeyLength": wanted.DKIM_KEY_LENGTH},
        ),
        (Difference("NextSigningKeyLength", length, wanted.DKIM_KEY_LENGTH),),
    )


def _mail_from(target: SesTarget, held: Mapping[str, Any], behaviour: str) -> Action:
    wishes = {"MailFromDomain": target.names.mail_from, "BehaviorOnMxFailure": behaviour}
    return Action(
        f"use {target.names.mail_from} as the MAIL FROM domain of {target.names.domain}",
        lambda: _put(target, "MailFromAttributes", **wishes),
        tuple(
            Difference(key, str(held.get(key, "none")), value)
            for key, value in wishes.items()
            if held.get(key) != value
        ),
    )


def _no_forwarding(target: SesTarget) -> Action:
    return Action(
        f"switch off the forwarding of feedback about {target.names.domain} by mail",
        lambda: _put(target, "FeedbackAttributes", EmailForwardingEnabled=False),
        (Difference("FeedbackForwardingStatus", "true", "false"),),
    )


def _put(target: SesTarget, attributes: str, **values: Any) -> None:
    target.aws.ask(f"ses:PutEmailIdentity{attributes}", EmailIdentity=target.names.domain, **values)
