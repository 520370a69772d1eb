"""A point of a provider is as good as the worst check that it stands on."""

import pytest

from newsletter.doctor.base import (
    Check,
    CheckGroup,
    CheckLine,
    CheckVerdict,
    Diagnosis,
    fail,
    ok,
    skipped,
    warn,
)
from newsletter.doctor.rules import RULES, BulkRule, judge

RULE = BulkRule("gmail-x", "Gmail asks for x.", ("spf", "dkim"))
GOOD, NOT_SEEN = ok("it is there"), skipped("no answer")
WEAK, BAD = warn("it is weak", "Strengthen it."), fail("it is gone", "Bring it back.")


def line(name: str, diagnosis: Diagnosis) -> CheckLine:
    return CheckLine(Check(name, CheckGroup.DOMAIN, lambda _: (), "It matters."), diagnosis)


@pytest.mark.parametrize(
    ("spf", "dkim", "expected"),
    [
        (GOOD, GOOD, CheckVerdict.OK),
        (GOOD, WEAK, CheckVerdict.WARN),
        (WEAK, BAD, CheckVerdict.FAIL),
        (GOOD, NOT_SEEN, CheckVerdict.SKIPPED),
        (NOT_SEEN, BAD, CheckVerdict.FAIL),
    ],
)
def test_the_worst_check_decides(spf: Diagnosis, dkim: Diagnosis, expected: CheckVerdict) -> None:
    others = line("dmarc", BAD)

    verdict = judge(RULE, [line("spf", spf), line("dkim", dkim), others]).verdict

    assert verdict is expected


def test_the_cure_is_that_of_the_worst_check() -> None:
    judged = judge(RULE, [line("spf", GOOD), line("dkim", BAD)])

    assert (judged.found, judged.cure) == ("dkim: it is gone", "Bring it back.")


def test_of_several_lines_of_a_check_the_worst_counts() -> None:
    judged = judge(RULE, [line("spf", BAD), line("spf", GOOD), line("dkim", GOOD)])

    assert judged.verdict is CheckVerdict.FAIL


def test_what_nothing_looks_at_is_not_judged() -> None:
    assert judge(RULE, [line("disk", BAD)]).verdict is CheckVerdict.SKIPPED


def test_microsoft_wants_spf_of_ones_own_and_gmail_one_click() -> None:
    stands = {rule.id: rule.stands_on for rule in RULES}

    assert {"spf", "dkim", "mail-from"} <= set(stands["microsoft-authentication"])
    assert "one-click" in stands["gmail-one-click"]
