"""One JSON shape for each noun: that of every --json and of every view. Times are ISO 8601."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from newsletter.model.send import Accepted, Delivery, Rejected, RetryLater, Send
from newsletter.model.subscriber import Subscription, Suppression
from newsletter.model.webhook import WebhookMessage
from newsletter.reports.tables import figures, tables

if TYPE_CHECKING:
    from newsletter.audience.explaining import Explanation
    from newsletter.audience.segments import Members
    from newsletter.audience.tally import Sample
    from newsletter.desk.themes import ThemeEntry
    from newsletter.doctor import CheckLine
    from newsletter.model.approval import Approval
    from newsletter.model.audit import Deed
    from newsletter.model.segment import Segment
    from newsletter.notices.testing import Trial
    from newsletter.operations.propose import Proposal
    from newsletter.operations.told import ToldEndpoint
    from newsletter.reports.figures import SendReport
    from newsletter.sending.state import Activity, WorkerActivity
    from newsletter.store.people.imports import Import
    from newsletter.store.people.lists import ListCounts
    from newsletter.store.people.people import Person
    from newsletter.store.reported.unreadable import SetAside

JsonObject = dict[str, Any]


def part(taken: "WorkerActivity") -> JsonObject:
    """One worker's part in a send."""
    return {
        "worker": taken.worker,
        "state": taken.state,
        "since": time(taken.since),
        "waiting_for": taken.waiting_for,
        "until": time(taken.until),
        "rate": None if taken.rate is None else round(taken.rate, 1),
    }


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


def trial(mailed: "Trial") -> JsonObject:
    """One test mail and what became of it."""
    match mailed.outcome:
        case Accepted():
            status = "accepted"
        case Rejected() | RetryLater():
            status = "rejected"
        case _:
            status = "unknown"
    return {
        "address": mailed.to.text,
        "status": status,
        "message_id": getattr(mailed.outcome, "message_id", None),
        "reason": getattr(mailed.outcome, "reason", None),
    }


def send(
    sent: Send,
    now: "Activity",
    *,
    alarm: str | None = None,
    unknown_words: Mapping[str, int] | None = None,
    warning: str | None = None,
) -> JsonObject:
    """A send and where it stands `now`; only `status` gives the last three."""
    balance, time_left = sent.counts, now.time_left
    return {
        "send_id": sent.id,
        "status": sent.status,
        "recipients": balance.recipients,
        "accepted": balance.accepted,
        "rejected": balance.rejected,
        "skipped": balance.skipped,
        "unknown": balance.unknown,
        "queued": balance.queued,
        "state": now.state,
        "waiting_for": now.waiting_for,
        "until": time(now.until),
        "owner": now.workers,
        "running_since": time(now.since),
        "workers": [part(each) for each in now.parts],
        "rate": None if now.rate is None else round(now.rate, 1),
        "time_left_seconds": None if time_left is None else round(time_left.total_seconds()),
        "delivered": sent.reports.delivered,
        "bounced": sent.reports.bounced,
        "complained": sent.reports.complained,
        "unsubscribed": sent.unsubscribed,
        "slug": sent.slug,
        "list": sent.list,
        "segment": sent.segment,
        "subject": sent.subject,
        "from": sent.sender,
        "content_hash": sent.content_hash,
        "git_commit": sent.git_commit,
        "branch": sent.branch,
        "approved_by": sent.approved_by,
        "approved_at": time(sent.approved_at),
        "again": sent.again,
        "rate_asked": sent.rate,
        "stopped_by": sent.stopped_by,
        "pause_reason": sent.pause_reason,
        "resume_at": time(sent.resume_at),
        "created_at": time(sent.created_at),
        "scheduled_at": time(sent.scheduled_at),
        "finished_at": time(sent.finished_at),
        "archived_at": time(sent.archived_at),
        "archive_file": sent.archive_file,
        "alarm": alarm,
        "unknown_words": dict(unknown_words or {}),
        "warning": warning,
    }


def proposal(proposed: "Proposal") -> JsonObject:
    """A send that was not made: what `--dry-run` says."""
    order, forecast = proposed.order, proposed.forecast
    provenance = order.provenance
    approval = provenance.approval
    return {
        "send_id": None,
        "status": "dry_run",
        "recipients": forecast.recipients,
        "accepted": 0,
        "rejected": 0,
        "skipped": sum(forecast.skipped.values()),
        "unknown": 0,
        "queued": forecast.queued,
        "had_it": forecast.had_it,
        "slug": order.slug,
        "list": order.list_name,
        "segment": order.segment or None,
        "subject": proposed.subject,
        "from": order.email.sender,
        "content_hash": order.email.content_hash,
        "branch": provenance.branch,
        "approved_by": str(approval.editor) if approval else None,
        "scheduled_at": time(order.scheduled_at),
        "days": proposed.days,
    }


def report(counted: "SendReport") -> JsonObject:
    """A report with all its tables: each of them a list of objects."""
    sent = counted.send
    return {
        "send_id": sent.id,
        "status": sent.status,
        "final": counted.is_final,
        "slug": sent.slug,
        "subject": sent.subject,
        "list": sent.list,
        "segment": sent.segment,
        "counted_at": time(counted.at),
        "began_at": time(counted.began_at),
        "last_at": time(counted.last_at),
        "finished_at": time(sent.finished_at),
        **{figure.name: figure.number for figure in figures(counted)},
        "half_arrived_seconds": counted.speed and round(counted.speed.half, 3),
        "most_arrived_seconds": counted.speed and round(counted.speed.most, 3),
        "opens_tracked": counted.opens is not None,
        "clicks_tracked": counted.clicks is not None,
        "notes": list(counted.notes),
        "tables": {
            table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in tables(counted)
        },
    }


def approval(given: "Approval", subject: str) -> JsonObject:
    return {
        "slug": given.slug,
        "content_hash": given.content_hash,
        "subject": subject,
        "approved_by": str(given.editor),
        "approved_at": time(given.at),
    }


def delivery(delivered: Delivery) -> JsonObject:
    return {
        "address": delivered.address,
        "subscriber_id": delivered.subscriber_id,
        "status": delivered.status,
        "message_id": delivered.message_id,
        "attempts": delivered.attempts,
        "reason": delivered.reason,
        "at": time(delivered.at),
        "delivery": delivered.id,
        "reported": delivered.reported,
    }


def person(profile: "Person") -> JsonObject:
    subscriber = profile.subscriber
    return {
        "id": subscriber.id,
        "address": subscriber.address.text,
        "name": subscriber.name,
        "attributes": dict(subscriber.attributes),
        "created_at": time(profile.created_at),
        "subscriptions": [subscription(joined) for joined in profile.subscriptions],
    }


def subscription(joined: Subscription) -> JsonObject:
    consent = joined.consent
    return {
        "list": joined.list,
        "status": joined.status,
        "consent": {"at": time(consent.at), "how": consent.how, "source": consent.source},
        "updated_at": time(joined.updated_at),
    }


def suppression(suppressed: Suppression) -> JsonObject:
    return {
        "address": suppressed.address,
        "reason": suppressed.reason,
        "source": suppressed.source,
        "created_at": time(suppressed.created_at),
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


def mailing_list(counts: "ListCounts") -> JsonObject:
    return {
        "name": counts.name,
        "confirmed": counts.confirmed,
        "pending": counts.pending,
        "unsubscribed": counts.unsubscribed,
        "sends": counts.sends,
        "created_at": time(counts.created_at),
        "title": counts.title,
        "description": counts.description,
    }


def segment(saved: "Segment") -> JsonObject:
    return {
        "name": saved.name,
        "rule": saved.rule,
        "created_at": time(saved.created_at),
        "updated_at": time(saved.updated_at),
    }


def members(chosen: "Members", list_name: str | None) -> JsonObject:
    """Who would get a send to a segment of a list, or of any where none is named."""
    return {
        "list": list_name,
        "count": chosen.count,
        "sample": list(chosen.sample),
        "warnings": list(chosen.warnings),
    }


def sample(row: "Sample") -> JsonObject:
    """A row of a file as an import would take it."""
    return {
        "file": row.file,
        "line": row.line,
        "address": row.address,
        "name": row.name,
        "standing": row.standing,
        "attributes": dict(row.attributes),
        "consent_at": time(row.consent_at),
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


def import_(past: "Import") -> JsonObject:
    return {
        "import_id": past.id,
        "at": time(past.at),
        "file": past.file,
        "system": past.system,
        "counts": dict(past.counts),
        "undone_at": time(past.undone_at),
    }


def explanation(story: "Explanation") -> JsonObject:
    facts = [
        {"at": time(fact.at), "kind": fact.kind, "text": fact.text, **fact.details}
        for fact in story.facts
    ]
    return {
        "address": story.address,
        "summary": story.summary,
        "subscriptions": [subscription(joined) for joined in story.subscriptions],
        "suppression": None if story.suppression is None else suppression(story.suppression),
        "facts": facts,
    }


def time(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat()
