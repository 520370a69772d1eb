"""The events that SES publishes about accepted mail, told from the log when somebody asks.

Nothing is kept but where each record stands, so a million recipients cost a few megabytes.
"""

import datetime as dt
import hashlib
import heapq
import random
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.standin import log
from tests.standin.log import Record
from tests.standin.settings import Settings

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "Delivery": ("Send", "Delivery"),
    "Bounce": ("Send", "Bounce"),
    "SoftBounce": ("Send", "Bounce"),
    "Suppressed": ("Send", "Bounce"),
    "OnAccountSuppressionList": ("Send", "Bounce"),
    "OnTenantSuppressionList": ("Send", "Bounce"),
    "EmailValidationSuppressed": ("Send", "Bounce"),
    "CustomTimeoutExceeded": ("Send", "Bounce"),
    "NewBounce": ("Send", "Bounce"),
    "Complaint": ("Send", "Delivery", "Complaint"),
    "DeliveryDelay": ("Send", "DeliveryDelay", "Delivery"),
    "Reject": ("Send", "Reject"),
    "Rendering Failure": ("Rendering Failure",),
    "Silence": ("Send",),
}
"""What becomes of an accepted recipient, and the events that tell of it, in their order."""

_SIMULATOR = {
    "bounce": "Bounce",
    "complaint": "Complaint",
    "suppressionlist": "Suppressed",
}
_BOUNCES = {
    "Bounce": ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
    "SoftBounce": ("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full"),
    "Suppressed": ("Permanent", "Suppressed", "5.1.1", "Amazon SES has suppressed sending"),
    "OnAccountSuppressionList": (
        "Permanent",
        "OnAccountSuppressionList",
        "5.1.1",
        "Amazon SES did not send to this address: it is on your account's suppression list",
    ),
    "OnTenantSuppressionList": (
        "Permanent",
        "OnTenantSuppressionList",
        "5.1.1",
        "Amazon SES did not send to this address: it is on your tenant's suppression list",
    ),
    "EmailValidationSuppressed": (
        "Permanent",
        "EmailValidationSuppressed",
        "5.1.1",
        "Amazon SES did not send to this address: its validation judged it unlikely",
    ),
    "CustomTimeoutExceeded": ("Transient", "CustomTimeoutExceeded", "4.4.7", "Time ran out"),
    "NewBounce": ("Permanent", "SomethingNew", "5.9.9", "smtp; 550 5.9.9 something new"),
}
_MTA = "a8-50.smtp-out.amazonses.com"
_EVENTS_PER_RECORD = 16


def simulated(recipient: str) -> str | None:
    """The outcome that an address of SES's mailbox simulator asks for."""
    local, _, domain = recipient.lower().rpartition("@")
    if domain != "simulator.amazonses.com":
        return None
    return _SIMULATOR.get(local.partition("+")[0], "Delivery")


class Publisher(Protocol):
    def publishes(self, name: str | None, event_type: str) -> bool:
        """Whether a configuration set publishes this type, in the API's spelling."""
        ...


class Feed:
    """The events of a log, in the order in which they come; event N stays event N."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        publisher: Publisher,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._settings, self._publisher = path, settings, publisher
        self._clock = clock
        self._read = 0
        self._come = array("Q")
        self._waiting: list[tuple[float, int]] = []

    def since(self, number: int, limit: int) -> list[dict[str, Any]]:
        """At most `limit` events that have come by now, from event `number` on."""
        self._catch_up()
        codes = self._come[number : number + limit]
        offsets = [code // _EVENTS_PER_RECORD for code in codes]
        return [
            event(record, OUTCOMES[record["status"]][code % _EVENTS_PER_RECORD])
            for code, record in zip(codes, log.read_at(self._path, offsets), strict=True)
        ]

    def _catch_up(self) -> None:
        for start, after, record in log.read(self._path, self._read):
            self._read = after
            if record["kind"] == "accepted":
                for place, code in enumerate(self._published(start, record)):
                    heapq.heappush(self._waiting, (self._due(record, place), code))
        due = []
        while self._waiting and self._waiting[0][0] <= self._clock():
            due.append(heapq.heappop(self._waiting)[1])
        if self._settings.events_shuffled:
            random.Random(f"{self._settings.seed} {len(self._come)}").shuffle(due)
        self._come.extend(due)

    def _published(self, start: int, record: Record) -> Iterator[int]:
        """A code for each event of a record: none if it is lost, two if it comes twice."""
        for place, kind in enumerate(OUTCOMES[record["status"]]):
            if kind == "Send" and record["to"] != record["destination"][0]:
                continue  # one for the message, not one for each recipient
            if not self._publisher.publishes(record["configuration_set"], _api_name(kind)):
                continue
            if self._chance("lost", record, place) < self._settings.events_lost:
                continue
            twice = self._chance("twice", record, place) < self._settings.events_duplicated
            yield from [start * _EVENTS_PER_RECORD + place] * (2 if twice else 1)

    def _due(self, record: Record, place: int) -> float:
        delay_seconds = self._settings.events_delay_seconds
        accepted_at: float = record["at"]
        return accepted_at + self._chance("late", record, place) * delay_seconds

    def _chance(self, purpose: str, record: Record, place: int) -> float:
        """From 0 to 1, the same in each run for a recipient and an attempt, not for an id."""
        attempt = record["tags"].get("attempt", "")
        key = f"{self._settings.seed} {purpose} {record['to']} {attempt} {place}"
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64


def _api_name(kind: str) -> str:
    """An event type as configuration sets spell it."""
    spelt = {"Rendering Failure": "RENDERING_FAILURE", "DeliveryDelay": "DELIVERY_DELAY"}
    return spelt.get(kind, kind.upper())


def event(record: Record, kind: str) -> dict[str, Any]:
    """An event in the form of event publishing, with its `eventType`."""
    name, detail = _detail(record, kind)
    return {"eventType": kind, "mail": _mail(record), name: detail}


def _mail(record: Record) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in record["headers"]]
    first = {name.lower(): value for name, value in reversed(record["headers"])}
    source = record["from"]
    tags = {
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [source.rpartition("@")[2].rstrip(">")],
        "ses:caller-identity": ["stand-in"],
    }
    if record["configuration_set"] is not None:
        tags["ses:configuration-set"] = [record["configuration_set"]]
    return {
        "timestamp": _iso(record["at"]),
        "source": source,
        "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/stand-in",
        "sendingAccountId": "123456789012",
        "messageId": record["message_id"],
        "destination": record["destination"],
        "headersTruncated": False,
        "headers": headers,
        "commonHeaders": {
            "from": [first.get("from", source)],
            "to": [first["to"]] if "to" in first else [],
            "messageId": record["message_id"],
            "subject": first.get("subject", ""),
        },
        "tags": tags | {name: [value] for name, value in record["tags"].items()},
    }


def _detail(record: Record, kind: str) -> tuple[str, dict[str, Any]]:
    recipient, at = record["to"], record["at"] + 1
    feedback_id = hashlib.sha256(f"{record['message_id']} {recipient} {kind}".encode()).hexdigest()
    match kind:
        case "Send":
            return "send", {}
        case "Delivery":
            return "delivery", {
                "timestamp": _iso(at),
                "processingTimeMillis": 1000,
                "recipients": [recipient],
                "smtpResponse": "250 2.0.0 OK",
                "reportingMTA": _MTA,
                "remoteMtaIp": "127.0.0.1",
            }
        case "Bounce":
            bounce_type, sub_type, status, code = _BOUNCES[record["status"]]
            return "bounce", {
                "feedbackId": feedback_id,
                "bounceType": bounce_type,
                "bounceSubType": sub_type,
                "bouncedRecipients": [
                    {
                        "emailAddress": recipient,
                        "action": "failed",
                        "status": status,
                        "diagnosticCode": code,
                    }
                ],
                "timestamp": _iso(at),
                "reportingMTA": f"dns; {_MTA}",
                "remoteMtaIp": "127.0.0.1",
            }
        case "Complaint":
            return "complaint", {
                "feedbackId": feedback_id,
                "complaintSubType": None,
                "complainedRecipients": [{"emailAddress": recipient}],
                "timestamp": _iso(at + 60),
                "userAgent": "Amazon SES Mailbox Simulator",
                "complaintFeedbackType": "abuse",
                "arrivalDate": _iso(at + 59),
            }
        case "DeliveryDelay":
            return "deliveryDelay", {
                "timestamp": _iso(at),
                "delayType": "MailboxFull",
                "expirationTime": _iso(at + 50_400),
                "delayedRecipients": [
                    {
                        "emailAddress": recipient,
                        "status": "4.2.2",
                        "diagnosticCode": "smtp; 452 4.2.2 mailbox full",
                    }
                ],
                "reportingMTA": _MTA,
            }
        case "Reject":
            return "reject", {"reason": "Bad content"}
        case "Rendering Failure":
            return "failure", {
                "templateName": "inline",
                "errorMessage": f"Attribute '{record['missing']}' is not present in the rendering "
                "data.",
            }
    raise AssertionError(kind)


def _iso(at: float) -> str:
    text = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
