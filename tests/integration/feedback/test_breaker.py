"""Too much that is bad pauses a running send."""

import datetime as dt
from collections.abc import Sequence

import pytest

from newsletter.audience import subscribers
from newsletter.config import PolicySettings
from newsletter.feedback.consequences import undo_bounces
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome, Send, SendStatus
from newsletter.model.subscriber import SuppressionAction, SuppressionReason
from newsletter.sending import control, run
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store
from newsletter.store.people import suppressions
from newsletter.transports.memory import Memory
from tests.integration.reporting import BOUNCE, COMPLAINT, LISTED, SOFT, counts, replay, told
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker

PEOPLE = 400
SMALL = PolicySettings(complaint_pause=0.01, bounce_pause=0.05)


class Reporting(Memory):
    """Accepts all; SES reports `texts` while the batch with the message number `after` is sent."""

    def __init__(self, store: Store, after: int, texts: Sequence[str], clock: FixedClock) -> None:
        super().__init__(self._answer)
        self.concurrency = 1
        self._store, self._after, self._texts, self._clock = store, after, texts, clock
        self._sent = 0

    def _answer(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        before = self._sent
        self._sent += len(batch)
        if before < self._after <= self._sent:
            replay(self._store, *self._texts, now=self._clock(), policy=SMALL)
        return [Accepted(f"m-{send_id}-{message.to.text}") for message in batch]


def going(store: Store, people: int = PEOPLE) -> str:
    fill_list(store, people)
    return plan(store, order(), NOW)


def reports(send_id: str, name: str, numbers: range, at: dt.datetime = NOW) -> list[str]:
    return [told(send_id, number, name, at) for number in numbers]


def running(store: Store, send_id: str, texts: Sequence[str], clock: FixedClock) -> Send:
    """Run a send; after 300 mails SES reports what is given."""
    transport = Reporting(store, 300, texts, clock)
    return run.run(worker(store, transport, clock=clock), send_id)


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [
        (COMPLAINT, 3, "3 complaints of"),
        (BOUNCE, 20, "20 hard bounces of"),
    ],
)
def test_a_spike_pauses_the_send_and_says_why(
    store: Store, name: str, count: int, said: str
) -> None:
    send_id, clock = going(store), FixedClock()

    after = running(store, send_id, reports(send_id, name, range(1, count + 1)), clock)

    assert after.status is SendStatus.PAUSED
    assert (after.pause_reason or "").startswith(said)
    assert 0 < after.counts.queued < 200


@pytest.mark.parametrize(
    ("name", "count"), [(COMPLAINT, 2), (BOUNCE, 9), (LISTED, 200), (SOFT, 200)]
)
def test_less_and_what_does_not_count_pauses_nothing(store: Store, name: str, count: int) -> None:
    send_id, clock = going(store), FixedClock()

    after = running(store, send_id, reports(send_id, name, range(1, count + 1)), clock)

    assert after.status is SendStatus.FINISHED


def test_who_resumes_has_seen_what_came_before(store: Store) -> None:
    """The same reports do not pause it again, new ones do."""
    send_id, clock = going(store), FixedClock()
    first = reports(send_id, COMPLAINT, range(1, 4))
    running(store, send_id, first, clock)
    clock.forward(60)
    control.reopen(store, send_id, clock)

    replay(store, *first, *reports(send_id, BOUNCE, range(10, 12)), now=clock(), policy=SMALL)
    assert read(store, send_id).status is SendStatus.SENDING

    clock.forward(60)
    replay(store, *reports(send_id, COMPLAINT, range(4, 7)), now=clock(), policy=SMALL)
    assert read(store, send_id).status is SendStatus.PAUSED


@pytest.mark.parametrize(
    ("complaints", "said"),
    [
        (range(301, 304), "since it was resumed, 3 complaints of 50 accepted"),
        (range(4, 7), None),
        (range(4, 10), "6 complaints of 350 accepted"),
    ],
    ids=["about the mails since", "few about those before", "many about those before"],
)
def test_what_went_well_before_a_resume_hides_nothing_of_what_follows(
    store: Store, complaints: range, said: str | None
) -> None:
    """Of the mails since then alone it may be too much, or with late reports of all."""
    send_id, clock = going(store, people=600), FixedClock()
    paused = running(store, send_id, reports(send_id, COMPLAINT, range(1, 4)), clock)
    assert paused.counts.accepted == 300
    clock.forward(60)
    control.reopen(store, send_id, clock)
    clock.forward(60)
    transport = Reporting(store, 100, reports(send_id, COMPLAINT, complaints), clock)

    after = run.run(worker(store, transport, clock=clock), send_id)

    assert after.status is (SendStatus.PAUSED if said else SendStatus.FINISHED)
    assert (after.pause_reason or "").startswith(said or "")


def test_one_reader_who_complains_often_is_one(store: Store) -> None:
    send_id, clock = going(store), FixedClock()
    often = [told(send_id, 1, COMPLAINT, NOW + dt.timedelta(hours=hour)) for hour in range(20)]

    assert running(store, send_id, often, clock).status is SendStatus.FINISHED


def test_only_a_running_send_is_paused(store: Store) -> None:
    send_id, clock = going(store), FixedClock()
    running(store, send_id, (), clock)

    total = replay(store, *reports(send_id, COMPLAINT, range(1, 100)), policy=SMALL)

    assert counts(total) == (99, 0, 0, 0)
    assert read(store, send_id).status is SendStatus.FINISHED


def test_bounces_of_a_whole_campaign_are_all_obeyed_and_pause_it(store: Store) -> None:
    send_id, clock = going(store), FixedClock()

    after = running(store, send_id, reports(send_id, BOUNCE, range(1, 251)), clock)

    assert after.status is SendStatus.PAUSED
    with store.read() as connection:
        assert suppressions.counts(connection) == {"hard_bounce": 250}


def test_bounces_of_a_send_can_be_undone_at_once(store: Store) -> None:
    """A provider refuses everybody by mistake; what readers and persons decided stays."""
    send_id, clock = going(store), FixedClock()
    running(store, send_id, (), clock)
    other = plan(store, order("more-news"), NOW)
    run.run(worker(store, Memory(), clock=clock), other)
    manual = Address("r250@example.com")
    subscribers.suppress(store, manual, NOW)
    bounces = reports(send_id, BOUNCE, range(1, 251))
    replay(store, *bounces, *reports(send_id, COMPLAINT, range(240, 250)), now=NOW)
    replay(store, *reports(other, BOUNCE, range(260, 263)), now=NOW)
    clock.forward(60)

    assert undo_bounces(store, send_id, clock()) == 239
    assert undo_bounces(store, send_id, clock()) == 0

    replay(store, *bounces, now=clock())
    with store.read() as connection:
        left = {entry.address for entry in suppressions.newest_first(connection)}
        changes = suppressions.history(connection, "r1@example.com")
    assert left == {f"r{number}@example.com" for number in (*range(240, 251), *range(260, 263))}
    assert [(change.action, change.reason) for change in changes] == [
        (SuppressionAction.ADDED, SuppressionReason.HARD_BOUNCE),
        (SuppressionAction.REMOVED, SuppressionReason.HARD_BOUNCE),
    ]

    replay(store, *reports(send_id, BOUNCE, range(1, 2), clock() + dt.timedelta(minutes=1)))
    with store.read() as connection:
        assert suppressions.find(connection, Address("r1@example.com")) is not None
