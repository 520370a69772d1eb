"""Sending to a segment: who is frozen, under which rule, and what a second send skips."""

import dataclasses
import datetime as dt

import pytest

from newsletter.errors import Refused, UsageError
from newsletter.model.address import Address
from newsletter.model.send import DeliveryStatus, SendStatus, SkipReason
from newsletter.sending.plan import Order, change_since_last, forecast, plan, rule_of
from newsletter.sending.run import run
from newsletter.store import Store
from newsletter.store.ledger import freezing, sends
from newsletter.store.people import lists, people
from newsletter.store.segments import segments
from newsletter.store.segments.conditions import Moment
from newsletter.transports.memory import Memory
from tests.integration.sending import (
    NOW,
    FixedClock,
    addresses,
    fill_list,
    leave,
    ledger,
    order,
    worker,
)
from tests.integration.statements import statements

ZONE = "Asia/Shanghai"


def aimed(
    rule: str, segment: str = "some", slug: str = "news", at: dt.datetime | None = None
) -> Order:
    return dataclasses.replace(
        order(slug), segment=segment, rule=rule, timezone=ZONE, scheduled_at=at
    )


def change(store: Store, address: str, **attributes: str) -> None:
    with store.write() as connection:
        person = people.find(connection, Address(address))
        assert person is not None
        people.update(connection, person.id, person.name, attributes, NOW)


def pause(store: Store, address: str, until: dt.datetime | None) -> None:
    with store.write() as connection:
        person = people.find(connection, Address(address))
        assert person is not None
        people.pause(connection, person.id, until)


def everybody(store: Store, send_id: str) -> set[str]:
    return set(ledger(store, send_id))


@pytest.fixture
def readers(store: Store) -> Store:
    """Five readers, the first two of them in Berlin."""
    fill_list(store, 5)
    for number in (1, 2):
        change(store, f"r{number}@example.com", city="Berlin")
    return store


BERLIN = {"r1@example.com", "r2@example.com"}


def test_only_the_segment_is_frozen_and_sent_to(readers: Store) -> None:
    memory = Memory()
    wanted = aimed('city = "Berlin"')

    expected = forecast(readers, wanted, NOW)
    send_id = plan(readers, wanted, NOW)
    after = run(worker(readers, memory), send_id)

    assert expected.recipients == expected.queued == 2
    assert after.status is SendStatus.FINISHED
    assert after.segment == "some"
    assert (
        {message.to.text for message in memory.delivered} == everybody(readers, send_id) == BERLIN
    )


def test_a_segment_that_nobody_is_in_is_refused_by_name(readers: Store) -> None:
    with pytest.raises(Refused, match="segment some"):
        forecast(readers, aimed('city = "Paris"'), NOW)
    with pytest.raises(Refused, match="segment some"):
        plan(readers, aimed('city = "Paris"'), NOW)

    with readers.read() as connection:
        assert sends.newest(connection) is None


def test_who_moves_out_of_the_segment_after_planning_still_gets_it(readers: Store) -> None:
    """The audience is frozen; a claim looks at consent alone."""
    memory = Memory()
    send_id = plan(readers, aimed('city = "Berlin"'), NOW)
    change(readers, "r1@example.com", city="Paris")
    leave(readers, "r2@example.com")

    run(worker(readers, memory), send_id)

    assert [message.to.text for message in memory.delivered] == ["r1@example.com"]
    assert ledger(readers, send_id)["r2@example.com"].reason == SkipReason.UNSUBSCRIBED


def test_a_schedule_keeps_its_rule_and_takes_whom_it_holds_for_at_its_time(
    readers: Store,
) -> None:
    """The rule is sealed as the bytes are, whatever becomes of the segment; the people are not."""
    start = NOW + dt.timedelta(hours=1)
    with readers.write() as connection:
        segments.create(connection, "some", 'city = "Berlin"', NOW)
    wanted = aimed(rule_of(readers, "some"), at=start)
    send_id = plan(readers, wanted, NOW)
    with readers.write() as connection:
        segments.update(connection, "some", 'city = "Paris"', NOW)
    change(readers, "r1@example.com", city="Paris")
    change(readers, "r5@example.com", city="Berlin")

    run(worker(readers, Memory(), clock=FixedClock(start)), send_id)

    assert everybody(readers, send_id) == {"r2@example.com", "r5@example.com"}


def test_days_are_those_of_the_newsletter_also_when_a_schedule_starts(readers: Store) -> None:
    """They joined at 8:00 UTC on the 7th, when it was still the 6th in Honolulu."""
    start = NOW + dt.timedelta(hours=1)
    sender = worker(readers, Memory(), clock=FixedClock(start))
    honolulu = dataclasses.replace(aimed("joined on 2026-01-06"), timezone="Pacific/Honolulu")
    now = plan(readers, honolulu, NOW)
    later = plan(readers, dataclasses.replace(honolulu, slug="other", scheduled_at=start), NOW)

    run(dataclasses.replace(sender, timezone="Pacific/Honolulu"), later)

    assert len(everybody(readers, now)) == len(everybody(readers, later)) == 5
    with pytest.raises(Refused):
        plan(readers, aimed("joined on 2026-01-06", slug="third"), NOW)


def test_the_same_issue_to_the_same_segment_is_refused_and_to_another_is_not(
    readers: Store,
) -> None:
    plan(readers, aimed('city = "Berlin"'), NOW)

    with pytest.raises(Refused, match="some of readers"):
        plan(readers, aimed("city is set"), NOW)
    plan(readers, aimed("city is not set", segment="others"), NOW)
    plan(readers, order(), NOW)


def test_who_has_the_issue_through_a_segment_is_skipped_in_the_rest_of_the_list(
    readers: Store,
) -> None:
    """Also across two segments that overlap: nobody gets an issue twice."""
    memory = Memory()
    run(worker(readers, memory), plan(readers, aimed('city = "Berlin"'), NOW))
    overlap = aimed('name in ("Reader 2", "Reader 3")', segment="two")
    run(worker(readers, memory), plan(readers, overlap, NOW))
    rest = forecast(readers, order(), NOW)
    send_id = plan(readers, order(), NOW)
    run(worker(readers, memory), send_id)

    got = sorted(message.to.text for message in memory.delivered)
    assert got == [f"r{number}@example.com" for number in range(1, 6)]
    assert rest.skipped == {SkipReason.ALREADY_RECEIVED: 3}
    skipped = addresses(readers, send_id, DeliveryStatus.SKIPPED)
    assert skipped == {*BERLIN, "r3@example.com"}


def test_who_paused_is_frozen_as_skipped(readers: Store) -> None:
    """Until their day has come, and no longer."""
    pause(readers, "r1@example.com", NOW + dt.timedelta(seconds=1))
    pause(readers, "r2@example.com", NOW)

    expected = forecast(readers, order(), NOW)
    send_id = plan(readers, order(), NOW)

    assert expected.skipped == {SkipReason.PAUSED: 1}
    assert expected.recipients == 5
    frozen = ledger(readers, send_id)
    assert frozen["r1@example.com"].status is DeliveryStatus.SKIPPED
    assert frozen["r1@example.com"].reason == SkipReason.PAUSED
    assert frozen["r2@example.com"].status is DeliveryStatus.QUEUED


def test_the_change_since_the_last_send_is_that_of_the_segment(readers: Store) -> None:
    wanted = aimed('city = "Berlin"')
    assert change_since_last(readers, wanted, NOW) is None
    plan(readers, wanted, NOW)
    change(readers, "r1@example.com", city="Paris")
    for number in (3, 4):
        change(readers, f"r{number}@example.com", city="Berlin")

    found = change_since_last(readers, aimed('city = "Berlin"', slug="next"), NOW)

    assert found == (2, 1)


def test_a_rule_about_a_list_that_is_gone_is_refused(readers: Store) -> None:
    """Or `not on list` would mean everybody."""
    with readers.write() as connection:
        lists.create(connection, "never", NOW)
        segments.create(connection, "some", "not on list never", NOW)
        lists.delete(connection, lists.id_of(connection, "never"))

    with pytest.raises(UsageError, match="no list 'never'"):
        rule_of(readers, "some")


def test_freezing_is_one_statement(readers: Store) -> None:
    """A million rows are never brought here."""
    rule = 'city = "Berlin" and not opened within 90 days and delivered at most 3 times'
    wanted = aimed(rule, at=NOW + dt.timedelta(hours=1))
    send_id = plan(readers, wanted, NOW)

    with statements(readers) as asked, readers.write() as connection:
        number = sends.number_of(connection, send_id)
        freezing.freeze(connection, number, Moment(NOW))

    written = [text for text in asked if text.startswith("INSERT")]
    assert len(written) == 1
    assert "SELECT" in written[0]
    assert not any(text.startswith("SELECT") and "json_each" in text for text in asked)
