"""What the SES account allows right now, by GetAccount.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
"""

import math
from collections.abc import Mapping
from typing import Any

from newsletter.aws.faults import line_of
from newsletter.model.send import Allowance

_CONSOLE = "See the SES console."
_SANDBOX = "Ask AWS for production access; newsletter test reaches verified addresses."
_SHARE = 0.95  # of the account's rate: SES counts by the second, and so do others who send


def allowance(reply: Mapping[str, Any], *, is_shared: bool = False) -> Allowance:
    """The allowance that GetAccount tells; recipients, not calls, are counted by SES.

    Where the account `is_shared` with other programs, its count says nothing of this newsletter.

    Raises LookupError, TypeError or ValueError for a reply that is no answer of GetAccount.
    """
    quota = reply["SendQuota"]
    most, rate, sent = (
        _number(quota[name]) for name in ("Max24HourSend", "MaxSendRate", "SentLast24Hours")
    )
    problem = _problem(reply, most, rate)
    return Allowance(
        rate=rate * _SHARE if rate > 0 else None,
        remaining=None if most < 0 else max(0, int(most - sent)),
        daily=None if most < 0 else int(most),
        sent=None if is_shared else int(sent),
        sandbox=not reply["ProductionAccessEnabled"],
        problem=problem,
        warning=_warning(reply),
        service="SES",
        hint=_CONSOLE if problem else _SANDBOX,
        if_shared="set shared_account = true in [transport.ses]",
    )


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return float(value)


def _warning(reply: Mapping[str, Any]) -> str:
    match reply.get("EnforcementStatus"):
        case "HEALTHY" | "SHUTDOWN" | None:
            return ""
        case "PROBATION":
            return "AWS has put this SES account on probation: bounces or complaints are too many"
        case word:
            return f"AWS calls the state of this SES account {line_of(str(word), 40)}"


def _problem(reply: Mapping[str, Any], most: float, rate: float) -> str:
    if not reply["SendingEnabled"]:
        return "sending is switched off for this SES account"
    if reply.get("EnforcementStatus") == "SHUTDOWN":
        return "AWS has shut down sending of this SES account"
    if most == 0 or rate <= 0:
        return "this SES account may send nothing: its quota is 0"
    return ""
