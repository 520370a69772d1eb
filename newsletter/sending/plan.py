"""Planning a send: who gets it, which bytes, and whether it may be sent at all."""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from newsletter.config import WebSettings
from newsletter.errors import Refused
from newsletter.model.approval import Provenance
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.email import Email, fill
from newsletter.model.listing import Listing
from newsletter.model.send import ENDED, Foot, Send, SkipReason
from newsletter.sending.foot import foot_of
from newsletter.store import Store, audit, jobs, locks
from newsletter.store.ledger import deliveries, freezing, plans, sends, tenures, workers
from newsletter.store.ledger.freezing import Audience
from newsletter.store.ledger.plans import Content
from newsletter.store.people import lists
from newsletter.store.segments.conditions import Moment
from newsletter.times import time_text

_ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def audience_told(list_name: str, segment: str) -> str:
    """The audience as people call it."""
    return f"{segment} of {list_name}" if segment else list_name


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for."""

    slug: str
    email: Email
    list_name: str
    segment: str = ""
    rule: str = ""  # of the segment; it holds even if the segment changes
    timezone: str = "UTC"  # whose days a rule means
    web: WebSettings = field(default_factory=WebSettings)  # who may join, what is public
    again: str | None = None
    only_missing: bool = False  # with `again`: not to those who had it by an earlier send
    spread: bool = False
    rate: int | None = None
    canary: float | None = None  # the share that goes first
    scheduled_at: dt.datetime | None = None
    provenance: Provenance = field(default_factory=Provenance)
    source_hash: str = ""
    listing: Listing = field(default_factory=Listing)
    who: str = ""  # for the audit log

    @property
    def audience(self) -> str:
        return audience_told(self.list_name, self.segment)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An issue as it was rendered, the hash of its source, what stands for it, and what the archive
    shows beside it."""

    email: Email
    source_hash: str
    provenance: Provenance = field(default_factory=Provenance)
    listing: Listing = field(default_factory=Listing)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a send would do if it were planned now."""

    queued: int
    skipped: dict[SkipReason, int]
    had_it: int = 0  # of the queued, by an earlier send to the same audience

    @property
    def recipients(self) -> int:
        return self.queued + sum(self.skipped.values())


def rule_of(store: Store, segment: str) -> str:
    """The rule of a segment.

    Raises UsageError where there is no such segment, or where it names a list that is gone.
    """
    from newsletter.store.segments import segments  # noqa: PLC0415 -- a parser that segments alone need

    with store.read() as connection:
        saved = segments.find(connection, segment)
        segments.check_lists(connection, segments.rule_of(saved))
    return saved.rule


def forecast(store: Store, order: Order, now: dt.datetime) -> Forecast:
    """Count the audience without writing anything; refuses what `plan` would refuse."""
    with store.read() as connection:
        audience = _audience(connection, order)
        earlier = sends.same_audience(connection, order.slug, audience.list_id, order.segment)
        _refuse_repeat(earlier, order)
        moment = Moment(now, order.timezone)
        counts = freezing.audience_counts(connection, audience, moment)
        asks_again = order.again is not None and not order.only_missing
        had_it = freezing.count_received(connection, audience, moment) if asks_again else 0
    skipped = {reason: amount for reason, amount in counts.items() if reason is not None}
    result = Forecast(counts.get(None, 0), skipped, had_it)
    if not order.scheduled_at:
        _refuse_empty(result.recipients, order)
        if not result.queued:
            raise _all_skipped(order, skipped)
    return result


def change_since_last(store: Store, order: Order, now: dt.datetime) -> tuple[int, int] | None:
    """How many joined, and how many left, since the last send to this audience; None if none was.

    It counts the audience twice, half a second for a million: only where a person is asked.
    """
    with store.read() as connection:
        audience = _audience(connection, order)
        last = sends.last_to(connection, audience.list_id, order.segment)
        if last is None:
            return None
        moment = Moment(now, order.timezone)
        return freezing.change_since(connection, last, audience, moment)


def plan(store: Store, order: Order, now: dt.datetime, worker: str | None = None) -> str:
    """Write a send with its frozen bytes and, unless it is scheduled, its audience; returns its id.

    `worker` is the process that is about to run it: its tenure is reserved. Workers are woken for
    one that is not scheduled. One transaction: a crash leaves nothing. Raises Refused where this
    audience has this issue already, or where there is nobody.
    """
    with store.write() as connection:
        locks.issue(connection, order.slug)
        list_id = lists.id_of(connection, order.list_name)
        earlier = sends.same_audience(connection, order.slug, list_id, order.segment)
        _refuse_repeat(earlier, order)
        send_id = _new_id(now)
        new = plans.Plan(
            id=send_id,
            slug=order.slug,
            list_id=list_id,
            segment=order.segment,
            segment_rule=order.rule,
            repeat=len(earlier),
            again=order.again,
            only_missing=order.only_missing,
            spread=order.spread,
            rate=order.rate,
            canary=order.canary,
            scheduled_at=order.scheduled_at,
            content=content(
                Rendered(order.email, order.source_hash, order.provenance, order.listing),
                foot_of(connection, order.list_name, order.slug, order.web),
            ),
        )
        number = plans.insert(connection, new, now)
        audience = order.list_name + (f", segment {order.segment}" if order.segment else "")
        detail = f"{order.slug} to {audience}"
        audit.append(connection, Deed(now, order.who, DeedKind.SEND, send_id, detail))
        if not order.scheduled_at:
            moment = Moment(now, order.timezone)
            _refuse_empty(freezing.freeze(connection, number, moment), order)
            if not deliveries.is_anybody_queued(connection, number):
                raise _all_skipped(order, deliveries.skipped(connection, number))
            if worker is not None:
                tenures.begin(connection, number, worker, now, now + tenures.RESERVED)
            jobs.defer(connection, send_id, len(workers.heard_of(connection, now)))
    return send_id


def content(issue: Rendered, foot: Foot) -> Content:
    """What a send seals: the email with all that its mails have in common."""
    return Content(
        subject=fill(issue.email.subject, {}),
        sender=issue.email.sender,
        email=issue.email.to_json(),
        content_hash=issue.email.content_hash,
        source_hash=issue.source_hash,
        provenance=issue.provenance,
        foot=foot,
        listing=issue.listing,
    )


def _audience(connection: Connection, order: Order) -> Audience:
    list_id = lists.id_of(connection, order.list_name)
    return Audience(order.slug, list_id, order.segment, order.rule, order.only_missing)


def _refuse_repeat(earlier: Sequence[Send], order: Order) -> None:
    earlier = [send for send in earlier if not send.is_as_if_never_made]
    if not earlier:
        return
    last = earlier[0]
    if last.status not in ENDED:
        raise Refused(
            f"{order.slug!r} is already being sent to {order.audience}: {last.id} is {last.status}",
            hint=f"Go on with it: newsletter resume {last.id}",
        )
    if order.again is None:
        when = time_text(last.created_at, order.timezone)
        raise Refused(
            f"{order.slug!r} was already sent to {order.audience}: {last.id} of {when} "
            f"is {last.status}",
            hint='Nothing was sent. To send it once more: --again "the reason", and with '
            "--only-missing only to those who have not had it.",
        )


def _refuse_empty(recipients: int, order: Order) -> None:
    if recipients:
        return
    if order.segment:
        raise Refused(
            f"nobody on list {order.list_name} is in segment {order.segment}",
            hint=f"See: newsletter segments show {order.segment} --list {order.list_name}",
        )
    raise Refused(
        f"list {order.list_name} has no confirmed subscriber",
        hint=f"Import some: newsletter subscribers import FILE --list {order.list_name}",
    )


def _all_skipped(order: Order, skipped: Mapping[SkipReason, int]) -> Refused:
    return Refused(
        nobody_gets_it(order.audience, skipped),
        hint="Nothing was sent. newsletter explain ADDRESS tells why somebody is skipped.",
    )


def nobody_gets_it(audience: str, skipped: Mapping[SkipReason, int]) -> str:
    """Why no mail of a send would leave: it has no recipients, or all are skipped."""
    if not skipped:
        return f"nobody of {audience} would get it: nobody is in it"
    reasons = ", ".join(f"{amount:,} {reason}" for reason, amount in skipped.items())
    return f"nobody of {audience} would get it: everybody is skipped ({reasons})"


def _new_id(now: dt.datetime) -> str:
    """Sorts by day, safe in file names and SES tags, and new even in a restored store."""
    return f"{now:%Y%m%d}-" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(6))
