"""Sends, and what is made of issues before them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from newsletter.model.send import Accepted, Delivery, Rejected, RetryLater, Send
from newsletter.operations.records.base import JsonObject, time

if TYPE_CHECKING:
    from newsletter.model.approval import Approval
    from newsletter.notices.testing import Trial
    from newsletter.operations.propose import Proposal
    from newsletter.sending.state import Activity, WorkerActivity


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


def approval(given: "Approval", subject: str) -> JsonObject:
    return {
        "slug": given.slug,
        "content_hash": given.content_hash,
        "subject": subject,
        "approved_by": str(given.editor),
        "approved_at": time(given.at),
    }
