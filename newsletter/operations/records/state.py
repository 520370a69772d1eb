"""What a project has and does beside sends and people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from newsletter.model.webhook import WebhookMessage
from newsletter.operations.records.base import JsonObject, time

if TYPE_CHECKING:
    from newsletter.desk.themes import ThemeEntry
    from newsletter.doctor import CheckLine
    from newsletter.model.audit import Deed
    from newsletter.operations.told import ToldEndpoint
    from newsletter.store.reported.unreadable import SetAside


def examination(lines: "Sequence[CheckLine]", counts: Mapping[str, int]) -> JsonObject:
    """What the doctor found; `counts` are those of all lines, these too that are not shown."""
    return {
        "ok": not counts.get("fail"),
        "checks": [
            {
                "check": line.check.id,
                "group": str(line.check.group),
                "verdict": str(line.verdict),
                "found": line.diagnosis.found,
                "why": line.check.why,
                "cure": line.diagnosis.cure,
            }
            for line in lines
        ],
        "counts": {name: counts.get(name, 0) for name in ("ok", "skipped", "warn", "fail")},
    }


def set_aside(message: "SetAside") -> JsonObject:
    return {"at": time(message.at), "reason": message.reason, "payload": message.payload}


def deed(done: "Deed") -> JsonObject:
    return {
        "at": time(done.at),
        "who": done.who,
        "kind": done.kind,
        "subject": done.subject,
        "detail": done.detail,
    }


def theme(entry: "ThemeEntry") -> JsonObject:
    return {
        "name": entry.name,
        "description": entry.description,
        "folder": str(entry.folder),
        "own": entry.is_own,
        "extends": entry.extends,
        "default": entry.is_usual,
        "issues": entry.issues,
        "fault": entry.fault,
    }


def webhook_endpoint(endpoint: "ToldEndpoint") -> JsonObject:
    return {
        "name": endpoint.name,
        "host": endpoint.host or None,
        "events": list(endpoint.events),
        "include_address": endpoint.include_address,
        "waiting": endpoint.waiting,
        "oldest_at": time(endpoint.oldest_at),
        "given_up": endpoint.given_up,
        "delivered": endpoint.delivered,
    }


def webhook_message(message: WebhookMessage) -> JsonObject:
    return {
        "id": message.id,
        "endpoint": message.endpoint,
        "event": message.event,
        "at": time(message.at),
        "state": message.state,
        "attempts": message.attempts,
        "next_at": time(message.next_at),
        "delivered_at": time(message.delivered_at),
        "status": message.status,
    }
