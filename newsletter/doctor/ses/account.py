"""Checks of the SES account: what it may send, what AWS thinks of it, what it costs."""

from collections.abc import Iterator

from newsletter.doctor.base import (
    Check,
    CheckGroup,
    CheckLook,
    Diagnosis,
    Examination,
    Unseen,
    fail,
    listed,
    ok,
    skipped,
    warn,
)
from newsletter.doctor.ses.asking import SETUP, account, ask_ses, known_account, region
from newsletter.errors import NewsletterError
from newsletter.provision.ses import wanted

_MORE = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-request-increase.html"
_CONSOLE = "https://console.aws.amazon.com/ses/home#/account"
_REPUTATION = "https://console.aws.amazon.com/ses/home#/reputation"
_HOURS = 6  # after which news of the morning are those of yesterday
_NEARLY = 0.9
# Dollars for 1,000 mails, of 2026-07: https://aws.amazon.com/ses/pricing/
_PRICES = {"NONE": 0.10, "ESSENTIALS": 0.16}


def access(exam: Examination) -> Iterator[Diagnosis]:
    try:
        account(exam)
    except Unseen as error:
        yield warn(error.message, error.hint)
    except NewsletterError as error:
        yield fail(error.message, error.hint)
    else:
        yield ok(f"SES answers in {region(exam)}")


def production(exam: Examination) -> Iterator[Diagnosis]:
    if known_account(exam).get("ProductionAccessEnabled"):
        yield ok("it may mail everybody")
    else:
        yield fail(
            "the account is in the sandbox: it mails verified addresses alone, 200 a day",
            f"Ask for production access: {wanted.SANDBOX_URL}",
        )


def sending(exam: Examination) -> Iterator[Diagnosis]:
    if known_account(exam).get("SendingEnabled"):
        yield ok("sending is switched on")
    else:
        yield fail(
            "sending is switched off for this account",
            "aws sesv2 put-account-sending-attributes --sending-enabled",
        )


def enforcement(exam: Examination) -> Iterator[Diagnosis]:
    match status := str(known_account(exam).get("EnforcementStatus", "")):
        case "HEALTHY" | "":
            yield ok("AWS has no objection")
        case "SHUTDOWN":
            yield fail("AWS has shut down sending", f"Answer the case of AWS: {_CONSOLE}")
        case _:
            yield warn(f"AWS calls its state {status}", f"See why, and answer: {_REPUTATION}")


def quota(exam: Examination) -> Iterator[Diagnosis]:
    limits = known_account(exam).get("SendQuota", {})
    most, sent = float(limits.get("Max24HourSend", 0)), float(limits.get("SentLast24Hours", 0))
    readers = _largest_list(exam)
    found = f"{sent:,.0f} of {most:,.0f} in 24 hours"
    if most < 0:
        yield ok("it may send any number in 24 hours")
    elif sent >= most:
        yield fail(f"{found}: nothing more goes out now", f"Ask for more: {_MORE}")
    elif readers > most:
        yield warn(
            f"the largest list has {readers:,} readers, and it may send {most:,.0f} in 24 hours",
            f"Send with --spread, or ask for more: {_MORE}",
        )
    elif sent > _NEARLY * most:
        yield warn(f"{found}: hardly anything more goes out now", f"Ask for more: {_MORE}")
    else:
        yield ok(found)


def rate(exam: Examination) -> Iterator[Diagnosis]:
    allowed = float(known_account(exam).get("SendQuota", {}).get("MaxSendRate", 0))
    own = exam.settings.transport.max_rate
    used = min(allowed, own) if own else allowed
    readers = _largest_list(exam)
    if used <= 0:
        yield fail("it may send nothing a second", f"Ask for more: {_MORE}")
    elif readers / used > _HOURS * 3600:
        cure = (
            "Raise [transport.ses] max_rate." if own and own < allowed else f"Ask for more: {_MORE}"
        )
        yield warn(f"the largest list takes {readers / used / 3600:,.0f} hours", cure)
    elif own > allowed:
        yield warn(
            f"[transport.ses] max_rate is {own:,}, and the account allows {allowed:,.0f} a second",
            f"Set [transport.ses] max_rate = {allowed:.0f}, or 0 for what the account allows.",
        )
    else:
        yield ok(f"{used:,.0f} a second")


def plan(exam: Examination) -> Iterator[Diagnosis]:
    """What a mail costs is for people to know: no plan is a fault."""
    prices = known_account(exam).get("PricingAttributes", {})
    current, coming = prices.get("CurrentPlan"), prices.get("NextPlan")
    if current is None:
        yield skipped("SES does not name it")
        return
    price, readers = _PRICES.get(current), _largest_list(exam)
    costs = f", about ${price * readers / 1000:,.2f} for {readers:,} readers" if price else ""
    if coming and coming != current:
        yield warn(f"{current}, and {coming} from its next period on", f"See: {_CONSOLE}")
    else:
        yield ok(f"{current}{costs}")


def reputation(exam: Examination) -> Iterator[Diagnosis]:
    """That of the tenant, if there is one; else of all that SES keeps a reputation of."""
    name = exam.settings.transport.ses.tenant
    if name:
        tenant = ask_ses(exam, "GetTenant", TenantName=name)
        if tenant is None:
            yield fail(
                f"there is no tenant {name!r}", "Set [transport.ses] tenant to one that exists."
            )
            return
        answer = ask_ses(
            exam,
            "GetReputationEntity",
            ReputationEntityType="RESOURCE",
            ReputationEntityReference=str(tenant["Tenant"]["TenantArn"]),
        )
        entities = [answer["ReputationEntity"]] if answer else []
    else:
        entities = (ask_ses(exam, "ListReputationEntities") or {}).get("ReputationEntities", [])
    stopped = [one for one in entities if one.get("SendingStatusAggregate") == "DISABLED"]
    high = [one for one in entities if one.get("ReputationImpact") == "HIGH"]
    if stopped:
        yield fail(f"sending is switched off for {_names(stopped)}", f"See why: {_REPUTATION}")
    elif high:
        yield warn(f"SES has grave findings about {_names(high)}", f"See which: {_REPUTATION}")
    else:
        yield ok("SES has no grave findings")


def recommendations(exam: Examination) -> Iterator[Diagnosis]:
    answer = ask_ses(exam, "ListRecommendations", Filter={"STATUS": "OPEN"}) or {}
    still = [one for one in answer.get("Recommendations", []) if one.get("Status") != "FIXED"]
    if not still:
        yield ok("SES recommends nothing")
        return
    texts = listed(f"{one.get('Type')}: {one.get('Description')}" for one in still)
    yield warn(texts, f"See what it takes: {_REPUTATION}")


def suppression(exam: Examination) -> Iterator[Diagnosis]:
    attributes = known_account(exam).get("SuppressionAttributes", {})
    missing = sorted(set(wanted.SUPPRESSED_REASONS) - set(attributes.get("SuppressedReasons", [])))
    if missing:
        yield warn(f"SES does not suppress after {', '.join(missing)}", SETUP)
    else:
        yield ok("SES keeps a second list of who bounced or complained")


def validation(exam: Examination) -> Iterator[Diagnosis]:
    from_account = known_account(exam).get("SuppressionAttributes", {}).get("ValidationAttributes")
    threshold = (from_account or {}).get("ConditionThreshold", {})
    if threshold.get("ConditionThresholdEnabled") == "ENABLED":
        yield warn(
            "SES guesses which addresses exist, and does not mail the others; it bills for both",
            "Switch Auto Validation off: " + _CONSOLE,
        )
    else:
        yield ok("SES mails every address that it is given")


def _names(entities: list[dict[str, object]]) -> str:
    return listed(str(one.get("ReputationEntityReference", "?")) for one in entities)


def _largest_list(exam: Examination) -> int:
    """How many confirmed readers the largest list has; 0 where nobody can say."""
    try:
        return max((one.confirmed for one in exam.lists), default=0)
    except Unseen:
        return 0


def _check(name: str, look: CheckLook, why: str) -> Check:
    return Check(name, CheckGroup.TRANSPORT, look, why)


CHECKS = (
    _check("access", access, "Every send begins with a question to the account."),
    _check("production", production, "In the sandbox no reader is mailed."),
    _check("sending", sending, "Nothing leaves an account that is switched off."),
    _check("enforcement", enforcement, "AWS reviews accounts, and shuts them down."),
    _check("quota", quota, "What is above it waits for the next day."),
    _check("rate", rate, "It decides how long a send takes."),
    _check("plan", plan, "Plans differ in what a mail costs."),
    _check("reputation", reputation, "SES stops what it holds for a bad sender."),
    _check("recommendations", recommendations, "SES sees faults before mailbox providers act."),
    _check("account-suppression", suppression, "It holds where this list was lost."),
    _check("validation", validation, "An address that is judged away gets no mail, by a guess."),
)
