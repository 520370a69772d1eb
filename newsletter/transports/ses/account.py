"""What the SES account allows right now, by GetAccount."""

from collections.abc import Mapping
from typing import Any

from newsletter.model.send import Allowance

_SHARE = 0.95  # of the account's rate: SES counts by the second, and so do others who send


def allowance(reply: Mapping[str, Any]) -> Allowance:
    """The allowance that GetAccount tells; recipients, not calls, are counted by SES."""
    quota = reply.get("SendQuota") or {}
    most = float(quota.get("Max24HourSend", 0))
    rate = float(quota.get("MaxSendRate", 0))
    sent = float(quota.get("SentLast24Hours", 0))
    return Allowance(
        rate=rate * _SHARE if rate > 0 else None,
        remaining=None if most < 0 else max(0, int(most - sent)),
        daily=None if most < 0 else int(most),
        sandbox=not reply.get("ProductionAccessEnabled", False),
        problem=_problem(reply),
    )


def _problem(reply: Mapping[str, Any]) -> str:
    if not reply.get("SendingEnabled", False):
        return "sending is switched off for this SES account"
    if reply.get("EnforcementStatus") == "SHUTDOWN":
        return "AWS has shut down sending of this SES account"
    return ""
