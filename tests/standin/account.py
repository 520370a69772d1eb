"""The account: who may send, how much and how fast; what becomes of each entry of a call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.standin.calls import Call, Entry
from tests.standin.configuration import SUPPRESSED_REASONS, reasons
from tests.standin.http import Refusal
from tests.standin.limits import members
from tests.standin.settings import Settings

SUCCESS = "SUCCESS"
RATE = "Maximum sending rate exceeded."
QUOTA = "Daily message quota exceeded."
PAUSED = "Sending paused for this account."
SUSPENDED = "Account suspended."
SIMULATOR = "simulator.amazonses.com"

STATUSES: Mapping[str, tuple[int, str, str]] = {
    "MESSAGE_REJECTED": (400, "MessageRejected", "Email address is not verified."),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": (
        400,
        "MailFromDomainNotVerifiedException",
        "Custom MAIL FROM domain is not verified.",
    ),
    "CONFIGURATION_SET_NOT_FOUND": (
        404,
        "NotFoundException",
        "Configuration set does not exist.",
    ),
    "TEMPLATE_NOT_FOUND": (404, "NotFoundException", "Template does not exist."),
    "ACCOUNT_SUSPENDED": (400, "AccountSuspendedException", SUSPENDED),
    "ACCOUNT_THROTTLED": (429, "TooManyRequestsException", RATE),
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": (400, "Throttling", QUOTA),
    "INVALID_SENDING_POOL_NAME": (400, "BadRequestException", "Invalid sending pool name."),
    "ACCOUNT_SENDING_PAUSED": (400, "SendingPausedException", PAUSED),
    "CONFIGURATION_SET_SENDING_PAUSED": (
        400,
        "SendingPausedException",
        "Sending paused for the configuration set.",
    ),
    "INVALID_PARAMETER": (400, "BadRequestException", "Invalid parameter."),
    "TRANSIENT_FAILURE": (500, "InternalServiceErrorException", "Try again."),
    "FAILED": (500, "InternalServiceErrorException", "Failed."),
}
"""What keeps an entry of a bulk call from being sent, each with what SendEmail says instead."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What SES decides about one entry; a status that nobody knows is an acceptance too."""

    status: str
    error: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status not in STATUSES


_YES = Verdict(SUCCESS)


class Bucket:
    """Tokens for recipients: `rate` a second, at most one second's worth at once."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._tokens = self._capacity = max(1.0, rate)
        self._at = 0.0

    def left(self, monotonic: float) -> float:
        gained = (monotonic - self._at) * self.rate
        self._tokens, self._at = min(self._capacity, self._tokens + gained), monotonic
        return self._tokens

    def take(self, tokens: float) -> None:
        self._tokens -= tokens


class Account:
    def __init__(
        self, settings: Settings, is_verified: Callable[[str], bool], sent: int = 0
    ) -> None:
        self.settings = settings
        self.verified = is_verified
        self.suppressed_reasons = sorted(SUPPRESSED_REASONS)
        self.sending_enabled = settings.sending_enabled
        self.enforcement_status = settings.enforcement_status
        self.sandbox = settings.sandbox
        self.max_24_hour_send = 200.0 if settings.sandbox else settings.max_24_hour_send
        self.sent_last_24_hours = float(sent + settings.sent_last_24_hours)
        self.described: dict[str, Any] = {}
        self.recommendations: list[dict[str, Any]] = []
        self.reputation_entities: list[dict[str, Any]] = []
        self._bucket = Bucket(1.0 if settings.sandbox else settings.max_send_rate)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set some of the fields of `describe` that the stand-in lets change; ValueError if not."""
        for name, value in changes.items():
            if name == "max_send_rate":
                self._bucket = Bucket(float(value))
            elif name in _CHANGEABLE:
                setattr(self, name, value)
            else:
                raise ValueError(f"unknown: {name}")

    def describe(self) -> dict[str, object]:
        """The answer to GetAccount."""
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": self.enforcement_status,
            "ProductionAccessEnabled": not self.sandbox,
            "SendQuota": {
                "Max24HourSend": float(self.max_24_hour_send),
                "MaxSendRate": self._bucket.rate,
                "SentLast24Hours": float(self.sent_last_24_hours),
            },
            "SendingEnabled": self.sending_enabled,
            "SuppressionAttributes": {"SuppressedReasons": self.suppressed_reasons},
            **self.described,
        }

    def list_recommendations(self, body: object) -> dict[str, object]:
        """The answer to ListRecommendations."""
        allowed = frozenset({"Filter", "NextToken", "PageSize"})
        given = members(body, "request", allowed)
        wanted = members(given.get("Filter", {}), "Filter", frozenset({"STATUS", "TYPE", "IMPACT"}))
        status = wanted.get("STATUS")
        found = [one for one in self.recommendations if status in (None, one["Status"])]
        return {"Recommendations": found}

    def list_reputations(self, body: object) -> dict[str, object]:
        """The answer to ListReputationEntities."""
        members(body, "request", frozenset({"Filter", "NextToken", "PageSize"}))
        return {"ReputationEntities": self.reputation_entities}

    def put_suppression(self, body: object) -> dict[str, object]:
        """The answer to PutAccountSuppressionAttributes."""
        allowed = frozenset({"SuppressedReasons", "ValidationAttributes"})
        given = members(body, "request", allowed)
        self.suppressed_reasons = reasons(given.get("SuppressedReasons", []))
        return {}

    def admit(self, call: Call, forced: Mapping[int, str], monotonic: float) -> list[Verdict]:
        """A verdict on each entry; what is accepted is counted. Refusal of the whole call."""
        if not self.sending_enabled:
            raise Refusal(400, "SendingPausedException", PAUSED)
        if self.enforcement_status == "SHUTDOWN":
            raise Refusal(400, "AccountSuspendedException", SUSPENDED)
        for sender in call.senders:
            if not self.verified(sender):
                raise Refusal(400, "MessageRejected", _not_verified(sender))
        verdicts = [
            self._judge(entry, forced.get(number)) for number, entry in enumerate(call.entries)
        ]
        return self._ration(call.entries, verdicts, monotonic)

    def _judge(self, entry: Entry, forced: str | None) -> Verdict:
        if entry.fault is not None:
            return Verdict("INVALID_PARAMETER", entry.fault)
        if forced is not None:
            return Verdict(forced, STATUSES[forced][2] if forced in STATUSES else None)
        if self.sandbox:
            for recipient in entry.recipients:
                if not (self.verified(recipient) or recipient.lower().endswith(f"@{SIMULATOR}")):
                    return Verdict("MESSAGE_REJECTED", _not_verified(recipient))
        return _YES

    def _ration(
        self, entries: Sequence[Entry], verdicts: list[Verdict], monotonic: float
    ) -> list[Verdict]:
        """Give what quota and rate have left to the entries in their order."""
        quota = float("inf") if self.max_24_hour_send < 0 else float(self.max_24_hour_send)
        quota -= self.sent_last_24_hours
        tokens = self._bucket.left(monotonic)
        taken, short = 0, 0
        rationed = []
        for entry, verdict in zip(entries, verdicts, strict=True):
            granted = verdict
            if verdict.accepted:
                needed = taken + len(entry.recipients)
                if needed > quota:
                    granted = Verdict("ACCOUNT_DAILY_QUOTA_EXCEEDED", QUOTA)
                elif needed > tokens + 1e-9:
                    granted = Verdict("ACCOUNT_THROTTLED", RATE)
                else:
                    taken = needed
                short += not granted.accepted
            rationed.append(granted)
        if short and (taken == 0 or self.settings.bulk_shortage == "call"):
            if any(verdict.error == QUOTA for verdict in rationed):
                raise Refusal(400, "Throttling", QUOTA)
            raise self.throttled()
        self._bucket.take(taken)
        self.sent_last_24_hours += taken
        return rationed

    def throttled(self) -> Refusal:
        code = self.settings.throttle_code
        return Refusal(429 if code == "TooManyRequestsException" else 400, code, RATE)


_CHANGEABLE = frozenset(
    {
        "sending_enabled",
        "enforcement_status",
        "sandbox",
        "max_24_hour_send",
        "sent_last_24_hours",
        "described",
        "recommendations",
        "reputation_entities",
        "suppressed_reasons",
    }
)


def _not_verified(address: str) -> str:
    return (
        "Email address is not verified. The following identities failed the check in region "
        f"US-EAST-1: {address}"
    )
