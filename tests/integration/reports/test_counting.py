"""A report says what the store knows, on both stores, whatever became of the send."""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.config import NewsletterSettings, Settings
from newsletter.config.settings import SesSettings, TransportSettings
from newsletter.errors import Interrupted
from newsletter.model.email import Message
from newsletter.model.event import Cause
from newsletter.model.send import Accepted, Outcome, Rejected, Unknown
from newsletter.model.subscriber import Consent, ConsentHow
from newsletter.operations import archiving
from newsletter.operations.archives import Format
from newsletter.reports import counting, recipients
from newsletter.reports.figures import (
    LinkClicks,
    Provider,
    Reason,
    ReportedCause,
    SendReport,
    Tracked,
)
from newsletter.sending import control
from newsletter.sending.plan import Order, plan
from newsletter.sending.run import run
from newsletter.store import Store
from newsletter.store.people import lists, subscribing
from newsletter.store.schema import subscribers
from newsletter.transports.memory import Memory
from tests.integration.reporting import BOUNCE, COMPLAINT, DELIVERY, SOFT, replay, told
from tests.integration.sending import EMAIL, NOW, FixedClock, fill_list, leave, order, worker

HOUR = dt.timedelta(hours=1)
LINK = "https://example.com/looms"
LINKED = replace(EMAIL, html=(f'<a href="{LINK}">x</a> <a href="', *EMAIL.html[1:2], '">'))
SETTINGS = Settings(
    newsletter=NewsletterSettings(
        name="Daily",
        sender="daily@news.example.com",
        base_url="https://news.example.com",
        postal_address="1 Example Street",
    ),
    transport=TransportSettings(kind="ses", ses=SesSettings(region="eu-west-1")),
)


class Tracking(Memory):
    tracks_opens = tracks_clicks = True


def some_fail(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    """r2 is refused, and nobody knows about r3."""
    answers: dict[str, Outcome] = {
        "r2": Rejected("no such mailbox: <r2@gmail.com>"),
        "r3": Unknown("no answer"),
    }
    return [answers.get(one.to.text.partition("@")[0], Accepted(one.ref)) for one in batch]


def count(store: Store, send_id: str, *, compared: int = 0) -> SendReport:
    return counting.count(store, SETTINGS, send_id, NOW + 30 * HOUR, compared=compared)


def moved(store: Store, **domains: str) -> None:
    """Give people addresses elsewhere."""
    with store.write() as connection:
        for name, domain in domains.items():
            key = subscribers.c.address_key == f"{name}@example.com"
            new = f"{name}@{domain}"
            connection.execute(
                sa.update(subscribers).where(key).values(address=new, address_key=new)
            )


@pytest.fixture
def sent(store: Store) -> str:
    """A send to ten, of whom one leaves before it and one after it, with all kinds of reports."""
    fill_list(store, 10)
    moved(store, r1="gmail.com", r2="gmail.com", r3="gmail.com", r4="hotmail.co.uk", r5="msn.com")
    send_id = plan(store, Order("news", LINKED, "readers"), NOW)
    leave(store, "r10@example.com")
    run(worker(store, Tracking(some_fail), clock=FixedClock()), send_id)
    later = NOW + 2 * HOUR
    replay(
        store,
        *(told(send_id, number, DELIVERY, NOW + dt.timedelta(seconds=9)) for number in (1, 4, 6)),
        told(send_id, 5, BOUNCE, NOW + HOUR),
        told(send_id, 5, BOUNCE, NOW + 2 * HOUR),  # once more: one recipient
        told(send_id, 7, SOFT, NOW + HOUR),
        told(send_id, 6, COMPLAINT, later),
        *(told(send_id, 1, "event-open.json", later, open__isBotEvent=bot) for bot in ["Likely"]),
        told(send_id, 1, "event-open.json", later + HOUR, open__isBotEvent="Unlikely"),
        told(send_id, 4, "event-open.json", later),
        told(send_id, 4, "event-click.json", later, click__isBotEvent="Unlikely"),
        told(send_id, 4, "event-click.json", later + HOUR, click__isBotEvent="Unlikely"),
        told(
            send_id,
            *(1, "event-click.json", later),
            click__isBotEvent="Likely",
            click__link="https://news.example.com/u/1-1-1.abc",
        ),
    )
    with store.write() as connection:
        said = Consent(later, ConsentHow.ONE_CLICK, "link", delivery=(1, 8))
        subscribing.leave(connection, 8, lists.id_of(connection, "readers"), said)
    return send_id


def test_a_report_says_what_became_of_everybody(
    store: Store, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "_PIECE", 4)  # as if they were many
    report = count(store, sent)

    assert (report.send.counts.accepted, report.send.unsubscribed) == (7, 1)
    assert (report.hard, report.soft, report.unreported) == (1, 1, 2)
    assert report.rejected == (Reason("no such mailbox: <r…@g…>", 1),)
    assert report.skipped == (Reason("unsubscribed", 1),)
    assert report.bounces == (
        ReportedCause(Cause.HARD, "Bounce/Permanent/General", 1),
        ReportedCause(Cause.SOFT, "Bounce/Transient/MailboxFull", 1),
    )
    assert [(c.cause, c.recipients) for c in report.complaints] == [(Cause.COMPLAINT, 1)]
    assert report.providers == (
        Provider("Gmail", 3, 1, 1, 0, 0, 0, 0, 1),
        Provider("Microsoft", 2, 2, 1, 0, 1, 1, 0, 0),
        Provider("other domains", 5, 4, 0, 0, 1, 0, 1, 0),
    )
    assert any("resolve" in note for note in report.notes)


def test_a_report_says_when_it_was(store: Store, sent: str) -> None:
    report = count(store, sent)

    assert report.sending is not None
    assert sum(step.accepted for step in report.sending.steps) == 7
    assert report.after is not None
    assert report.after.step == dt.timedelta(hours=1)
    by_hour = [(s.delivered, s.bounced, s.complained, s.unsubscribed) for s in report.after.steps]
    assert by_hour[:4] == [(3, 0, 0, 0), (0, 2, 0, 0), (0, 0, 1, 1), (0, 0, 0, 0)]
    assert not any(map(any, by_hour[3:]))


def test_what_was_tracked_is_told_apart_by_who_did_it(store: Store, sent: str) -> None:
    report = count(store, sent)

    assert report.opens == Tracked(1, 1, 1, 1, 1, 1)
    assert report.clicks == Tracked(1, 1, 0, 2, 1, 0)
    assert report.links == (
        LinkClicks(LINK, Tracked(1, 0, 0, 2, 0, 0)),
        LinkClicks("{{unsubscribe_url}}", Tracked(0, 1, 0, 0, 1, 0)),
    )


def test_nothing_is_told_of_opens_where_nobody_switched_tracking_on(store: Store) -> None:
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    run(worker(store, Memory(), clock=FixedClock()), send_id)
    replay(store, told(send_id, 1, "event-open.json", NOW + HOUR))

    report = count(store, send_id)

    assert (report.opens, report.clicks, report.links) == (None, None, ())


def test_an_archived_send_is_reported_as_before(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the reasons of rejections, which are in its archive."""
    monkeypatch.setattr("newsletter.store.ledger.archived.SIZE", 4)
    clock = FixedClock(NOW + 20 * HOUR)
    control.resolve(store, sent, control.Decision.ACCEPT, clock)
    before = count(store, sent)
    archiving.archive(store, before.send, tmp_path, Format.JSONL, clock)

    after = count(store, sent)

    assert after.rejected == (Reason("no reason is kept", 1),)
    assert "It is archived" in after.notes[-1]
    same = replace(after, rejected=before.rejected, notes=before.notes, send=before.send)
    assert same == before


def test_erased_people_are_counted_and_domains_of_few_are_not_named(
    store: Store, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.write() as connection:
        gone = sa.update(subscribers).where(subscribers.c.id == 9)
        connection.execute(gone.values(address=None, address_key=None))

    named = [(p.name, p.recipients) for p in count(store, sent).providers]
    assert named == [("Gmail", 3), ("Microsoft", 2), ("other domains", 4), ("erased people", 1)]

    monkeypatch.setattr(recipients, "NAMED_FROM", 4)
    assert ("example.com", 4) in [(p.name, p.recipients) for p in count(store, sent).providers]


def test_many_domains_of_few_take_no_room(
    store: Store, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = count(store, sent).providers
    monkeypatch.setattr(recipients, "_PIECE", 2)
    monkeypatch.setattr(recipients, "_MOST_DOMAINS", 2)

    assert count(store, sent).providers == before


def test_who_counts_can_be_stopped(store: Store, sent: str) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        counting.count(store, SETTINGS, sent, NOW, stop=stop)


def test_a_send_is_reported_before_amid_and_after_its_time(store: Store) -> None:
    fill_list(store, 3)
    at = NOW + HOUR
    waiting = plan(store, replace(order(), scheduled_at=at), NOW)
    assert "Nothing was sent yet: it waits for its time." in count(store, waiting).notes
    control.cancel(store, waiting, FixedClock())
    assert count(store, waiting).send.counts.recipients == 0

    paused = plan(store, order("two"), NOW)
    assert count(store, paused).notes[0].startswith("It is not over")
    control.cancel(store, paused, FixedClock())

    report = count(store, paused)
    assert report.skipped == (Reason("cancelled", 3),)
    assert (report.sending, report.after, report.speed) == (None, None, None)


def test_a_send_is_compared_with_those_to_the_same_people_before_it(store: Store) -> None:
    fill_list(store, 2)
    fill_list(store, 2, "others", first=3)
    ids = []
    for slug, name in (("a", "readers"), ("b", "others"), ("c", "readers"), ("d", "readers")):
        ids.append(plan(store, order(slug, name), NOW))
        run(worker(store, Memory(), clock=FixedClock()), ids[-1])

    assert [row.slug for row in count(store, ids[3], compared=5).compared] == ["a", "c", "d"]
    assert [row.slug for row in count(store, ids[3], compared=1).compared] == ["c", "d"]
    assert [row.slug for row in count(store, ids[0], compared=5).compared] == ["a"]
    assert count(store, ids[3]).compared == ()


def test_of_a_big_send_arrivals_are_estimated(
    store: Store, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.reports.timelines.SAMPLE", 5)  # 1, 3, 5 …

    report = count(store, sent)

    assert any("estimated" in note for note in report.notes)
    assert report.after is not None
    assert report.after.steps[0].delivered == report.send.reports.delivered
