"""What Gmail, Yahoo and Microsoft ask of those who send in bulk, point by point.

Nothing is looked up here: each point stands on checks that were made already.

https://support.google.com/a/answer/81126
https://senders.yahooinc.com/best-practices/
https://techcommunity.microsoft.com/blog/microsoftdefenderforoffice365blog/4399730
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from newsletter.doctor.base import (
    Check,
    CheckGroup,
    CheckLine,
    CheckVerdict,
    Diagnosis,
    Examination,
    ok,
    skipped,
    worst,
)


@dataclass(frozen=True, slots=True)
class BulkRule:
    """One point of one provider, and the checks that it stands on."""

    id: str
    asks: str
    stands_on: tuple[str, ...]


_SPF = ("spf", "spf-lookups", "mail-exchange")
_DKIM = ("dkim", "dkim-key")
_ALIGNED = ("dkim-alignment",)
_ONE_CLICK = ("one-click", "tls")

RULES = (
    BulkRule(
        "gmail-authentication", "Gmail asks for SPF and DKIM, with keys of 1024 bits.", _SPF + _DKIM
    ),
    BulkRule(
        "gmail-dmarc", "Gmail asks for DMARC and a From that is aligned.", ("dmarc", *_ALIGNED)
    ),
    BulkRule("gmail-one-click", "Gmail asks for one-click unsubscribe (RFC 8058).", _ONE_CLICK),
    BulkRule("gmail-tls", "Gmail asks for mail over TLS.", ("tls-policy",)),
    BulkRule(
        "gmail-spam-rate",
        "Gmail asks for complaints below 0.1 %, never 0.3 %.",
        ("complaint-rate",),
    ),
    BulkRule("yahoo-authentication", "Yahoo asks for SPF and DKIM.", _SPF + _DKIM),
    BulkRule(
        "yahoo-dmarc", "Yahoo asks for DMARC and a From that is aligned.", ("dmarc", *_ALIGNED)
    ),
    BulkRule("yahoo-one-click", "Yahoo asks for one click, obeyed within 2 days.", _ONE_CLICK),
    BulkRule("yahoo-spam-rate", "Yahoo asks for complaints below 0.3 %.", ("complaint-rate",)),
    BulkRule(
        "microsoft-authentication",
        "Microsoft asks that SPF and DKIM both pass, or rejects with 550 5.7.515.",
        (*_SPF, *_DKIM, "mail-from"),
    ),
    BulkRule(
        "microsoft-dmarc",
        "Microsoft asks for DMARC, aligned with SPF or DKIM.",
        ("dmarc", *_ALIGNED),
    ),
    BulkRule("microsoft-sender", "Microsoft asks for a sender that takes replies.", ("replies",)),
    BulkRule(
        "microsoft-unsubscribe",
        "Microsoft asks for an unsubscribe link that works.",
        ("site", "tls"),
    ),
    BulkRule(
        "microsoft-hygiene", "Microsoft asks for lists without dead addresses.", ("bounce-rate",)
    ),
)


def groups_of(checks: Iterable[Check]) -> set[CheckGroup]:
    """The groups that must be looked at for the rules."""
    needed = {name for rule in RULES for name in rule.stands_on}
    return {check.group for check in checks if check.id in needed}


def judge(rule: BulkRule, lines: Sequence[CheckLine]) -> Diagnosis:
    """A point is as good as the worst check that it stands on; where one of them was not looked at,
    nobody can say that the point holds."""
    found = [line for line in worst(lines) if line.check.id in rule.stands_on]
    if not found:
        return skipped("nothing here looks at it")
    bad = max(found, key=lambda line: line.verdict.weight)
    if bad.verdict is CheckVerdict.OK:
        return ok(f"by {', '.join(line.check.id for line in found)}")
    return Diagnosis(bad.verdict, f"{bad.check.id}: {bad.diagnosis.found}", bad.diagnosis.cure)


def _judged_last(exam: Examination) -> Iterator[Diagnosis]:
    """Rules are no looks of their own: `newsletter.doctor.examine` judges them."""
    yield from ()


CHECKS = tuple(Check(rule.id, CheckGroup.RULES, _judged_last, rule.asks) for rule in RULES)
