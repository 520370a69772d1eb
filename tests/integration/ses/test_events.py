"""What events settle in the ledger, in whichever order they come, and however often."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import OutcomeUnknown
from newsletter.model.email import Message
from newsletter.model.event import EventType
from newsletter.model.send import (
    Accepted,
    Delivery,
    DeliveryStatus,
    Outcome,
    Reported,
    SendStatus,
    Unknown,
)
from newsletter.sending import control, run
from newsletter.sending.control import Decision
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store, schema
from newsletter.store.ledger import balance, claims, recording, sends, tenures, transitions
from newsletter.store.ledger.claims import Claim
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call, lose, plan_send
from tests.integration.reporting import counts, event, logged, replay
from tests.integration.sending import NOW, fill_list, ledger, order, resume, worker
from tests.integration.ses.stage import Stage
from tests.share import examples
from tests.unit.feedback.payloads import changed, payload

MINUTE = dt.timedelta(minutes=1)


def lost(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
    raise OutcomeUnknown("the connection was lost")


def unknown_send(store: Store, people: int = 1, slug: str = "news") -> str:
    """A send of which nobody knows whether anything went out; returns its id."""
    fill_list(store, people)
    send_id = plan(store, order(slug), NOW)
    run.run(worker(store, Memory(lost)), send_id)
    return send_id


def only(store: Store, send_id: str) -> Delivery:
    [delivery] = ledger(store, send_id).values()
    return delivery


# --- what is unknown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("event-send.json", None),
        ("event-delivery.json", Reported.DELIVERED),
        ("event-bounce-permanent.json", Reported.BOUNCED),
        ("event-complaint.json", Reported.COMPLAINED),
        ("event-complaint-not-spam.json", None),
        ("event-delivery-delay.json", Reported.DELAYED),
        ("event-open.json", None),
        ("event-click.json", None),
    ],
)
def test_any_event_proves_that_ses_took_the_message(
    store: Store, name: str, reported: Reported | None
) -> None:
    """Unknown becomes accepted, and the send, of which nothing else is unknown, is finished."""
    send_id = unknown_send(store)

    total = replay(store, event(send_id, name=name))

    row = only(store, send_id)
    assert counts(total) == (1, 0, 0, 0)
    assert (row.status, row.reported, row.message_id) == (DeliveryStatus.ACCEPTED, reported, "m1")
    assert (row.reason or "").startswith("SES reported ")
    assert read(store, send_id).status is SendStatus.FINISHED


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("event-reject.json", Reported.REJECTED),
        ("event-rendering-failure.json", Reported.RENDERING_FAILED),
    ],
)
def test_what_ses_took_and_never_sent_is_rejected(
    store: Store, name: str, reported: Reported
) -> None:
    send_id = unknown_send(store)

    replay(store, event(send_id, name=name))

    row = only(store, send_id)
    assert (row.status, row.reported) == (DeliveryStatus.REJECTED, reported)
    assert read(store, send_id).status is SendStatus.FINISHED


def test_the_send_is_finished_with_its_last_unknown_delivery(store: Store) -> None:
    send_id = unknown_send(store, 3)

    replay(store, event(send_id, 1), event(send_id, 2))
    assert read(store, send_id).status is SendStatus.UNRESOLVED

    replay(store, event(send_id, 3))
    send = read(store, send_id)
    assert (send.status, send.counts.accepted) == (SendStatus.FINISHED, 3)
    assert send.finished_at is not None


def test_a_header_settles_where_tags_are_missing(store: Store) -> None:
    send_id = unknown_send(store)

    total = replay(store, event(send_id, mail__tags=None))

    assert counts(total) == (1, 0, 0, 0)
    assert only(store, send_id).status is DeliveryStatus.ACCEPTED


def test_a_message_id_alone_is_enough_for_what_was_accepted(store: Store) -> None:
    """The older notifications have no tags, and headers only if asked for."""
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory()), send_id)
    rows = ledger(store, send_id)
    message_id = rows["r2@example.com"].message_id

    total = replay(
        store, changed("notification-bounce-without-headers.json", mail__messageId=message_id)
    )

    assert counts(total) == (1, 0, 0, 0)
    reported = {address: row.reported for address, row in ledger(store, send_id).items()}
    assert reported == {"r1@example.com": None, "r2@example.com": Reported.BOUNCED}


def test_a_message_id_is_remembered_until_another_event_says_whose_it_is(store: Store) -> None:
    send_id = unknown_send(store)
    bounce = changed("notification-bounce-without-headers.json", mail__messageId="m1")

    first = replay(store, bounce)
    assert counts(first) == (0, 0, 1, 0)
    replay(store, event(send_id))

    assert only(store, send_id).reported is Reported.BOUNCED
    assert counts(replay(store, bounce)) == (0, 1, 0, 0)


def test_what_was_ignored_is_applied_when_it_comes_again_and_is_known(store: Store) -> None:
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    bounce = changed("notification-bounce-without-headers.json", mail__messageId="late")
    replay(store, bounce)
    run.run(worker(store, Memory(lambda _, batch: [Accepted("late")])), send_id)

    total = replay(store, bounce)

    assert counts(total) == (1, 0, 0, 0)
    assert only(store, send_id).reported is Reported.BOUNCED
    assert [row.verdict for row in logged(store)] == ["applied"]


# --- before and after our own word ----------------------------------------------------------------


@pytest.mark.parametrize("answer", [Accepted("m1"), Unknown("the connection was lost")])
def test_an_event_before_our_own_commit_is_kept(store: Store, answer: Outcome) -> None:
    """SES can report before we have recorded its answer, or report what no answer said."""
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        epoch = tenures.begin(connection, number, "worker", NOW, NOW + MINUTE)
        transitions.begin(connection, sends.record(connection, number))
        claim = claims.claim(
            connection,
            number,
            worker="worker",
            epoch=epoch,
            size=10,
            now=NOW,
        )
    assert isinstance(claim, Claim)

    replay(store, event(send_id, name="event-bounce-permanent.json"))
    with store.write() as connection:
        answers = [(row, answer) for row in claim.rows]
        recording.record(connection, number, claim.batch, answers, NOW, NOW)

    row = only(store, send_id)
    assert (row.status, row.reported) == (DeliveryStatus.ACCEPTED, Reported.BOUNCED)
    assert row.message_id == "m1"


def test_what_turns_out_to_be_sent_is_not_sent_again(store: Store) -> None:
    """The operator has decided to resend, and the event of the first attempt comes before that."""
    send_id = unknown_send(store, 2)
    control.resolve(store, send_id, Decision.RESEND, worker(store, Memory()).clock)
    second = Memory()

    replay(store, event(send_id, 1))
    after = resume(worker(store, second), send_id)

    assert [message.to.text for message in second.delivered] == ["r2@example.com"]
    assert after.status is SendStatus.FINISHED
    assert after.counts.accepted == 2


@pytest.mark.parametrize("decision", [Decision.REJECT, Decision.ACCEPT])
def test_the_provider_knows_better_than_the_operator(store: Store, decision: Decision) -> None:
    send_id = unknown_send(store)
    control.resolve(store, send_id, decision, worker(store, Memory()).clock)

    replay(store, event(send_id, name="event-delivery.json"))

    assert only(store, send_id).status is DeliveryStatus.ACCEPTED


def test_a_bounce_does_not_undo_what_we_did(store: Store) -> None:
    """`accepted` is about us, `reported` about them."""
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory()), send_id)

    replay(store, event(send_id, name="event-bounce-permanent.json"))

    row = only(store, send_id)
    assert (row.status, row.reported) == (DeliveryStatus.ACCEPTED, Reported.BOUNCED)
    assert read(store, send_id).counts.accepted == 1


# --- again, and in any order ----------------------------------------------------------------------


def test_an_event_that_comes_again_changes_nothing(store: Store) -> None:
    send_id = unknown_send(store)
    text = event(send_id, name="event-bounce-permanent.json")
    replay(store, text)
    before = only(store, send_id)

    total = replay(store, *[text] * 1_000)

    assert counts(total) == (0, 1_000, 0, 0)
    assert only(store, send_id) == before
    assert len(logged(store)) == 1


TYPES = [
    "event-send.json",
    "event-delivery.json",
    "event-bounce-permanent.json",
    "event-complaint.json",
    "event-reject.json",
    "event-rendering-failure.json",
    "event-delivery-delay.json",
    "event-open.json",
    "notification-bounce-without-headers.json",
]
STATUSES = [status for status in DeliveryStatus if status is not DeliveryStatus.SENDING]


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[DeliveryStatus], list[tuple[int, str, int, bool]]]:
    """How two deliveries stand, and what is reported of them: number, type, attempt, named."""
    told = st.tuples(st.integers(1, 2), st.sampled_from(TYPES), st.integers(1, 3), st.booleans())
    return (
        draw(st.lists(st.sampled_from(STATUSES), min_size=2, max_size=2)),
        draw(st.lists(told, min_size=2, max_size=7)),
    )


@settings(max_examples=examples(60))
@given(stories(), st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_in_the_same_state(
    sqlite_store: Store, story: Any, random: Any
) -> None:
    """Statuses, reports, message ids, balance: whichever came first, and however often."""
    store = sqlite_store
    with store.read() as connection:
        newest = sends.newest(connection)
    send_id = newest.id if newest else unknown_send(store, 2)
    statuses, told = story
    texts = [_told(send_id, *one) for one in told]
    shuffled = texts + random.choices(texts, k=len(texts))
    random.shuffle(shuffled)

    ends = []
    for order_of_events in (texts, shuffled):
        _stand(store, statuses)
        for chunk in (order_of_events[:3], order_of_events[3:]):
            replay(store, *chunk)
        ends.append(_state(store, send_id))

    assert ends[0] == ends[1]


def _told(send_id: str, number: int, name: str, attempt: int, named: bool) -> str:
    taken_at = (NOW + dt.timedelta(minutes=7 * number - attempt)).isoformat()
    parts: dict[str, Any] = {
        "mail__messageId": f"m{number}-{attempt}",
        "mail__timestamp": taken_at,
    }
    if name.startswith("notification"):
        return changed(name, **parts)
    if not named:
        parts |= {"mail__tags": None, "mail__headers": None}
    return event(send_id, number, name, attempt=attempt, **parts)


def _stand(store: Store, statuses: Sequence[DeliveryStatus]) -> None:
    with store.write() as connection:
        for table in (schema.suppression_log, schema.suppressions, schema.events):
            connection.execute(sa.delete(table))
        table = schema.deliveries
        for number, status in enumerate(statuses, start=1):
            connection.execute(
                sa.update(table)
                .where(table.c.number == number)
                .values(status=status, reported=None, message_id=None, reason=None, at=NOW)
            )
        queued = DeliveryStatus.QUEUED in statuses  # the operator has decided to resend
        stands = SendStatus.PAUSED if queued else SendStatus.UNRESOLVED
        # As if no batch had been recorded.
        connection.execute(sa.update(schema.batches).values(dict.fromkeys(balance.OF_BATCHES, 0)))
        aside = {
            column: list(statuses).count(DeliveryStatus(name))
            for name, column in balance.ASIDE.items()
        }
        connection.execute(sa.update(schema.sends).values(status=stands, **aside))


def _state(store: Store, send_id: str) -> Any:
    send = read(store, send_id)
    rows = ledger(store, send_id).values()
    return send.status, send.counts, list(rows)


# --- what is not ours -----------------------------------------------------------------------------


def test_an_event_about_another_newsletter_changes_nothing(store: Store) -> None:
    """An account may have other senders, and a message may be forged."""
    send_id = unknown_send(store)
    other = send_id[:-1] + ("x" if send_id[-1] != "x" else "y")
    before = only(store, send_id)

    total = replay(
        store,
        event(other),
        event(send_id, 2),
        event(send_id, 999_999_999),
        payload("notification-bounce-without-headers.json"),
        event(send_id, mail__tags={"delivery": ["test-abc-1-00000000"]}, mail__headers=None),
    )

    assert counts(total) == (0, 0, 5, 0) or counts(total) == (0, 1, 4, 0)
    assert only(store, send_id) == before
    assert {row.verdict for row in logged(store)} == {"ignored"}
    assert {row.send for row in logged(store)} == {None}


def test_who_was_skipped_stays_skipped(store: Store) -> None:
    fill_list(store, 1)
    send_id = plan(store, order(), NOW)
    run.run(worker(store, Memory(lost)), send_id)
    with store.write() as connection:
        skipped = sa.update(schema.deliveries).values(status=DeliveryStatus.SKIPPED)
        connection.execute(skipped)

    replay(store, event(send_id, name="event-delivery.json"))

    row = only(store, send_id)
    assert (row.status, row.message_id) == (DeliveryStatus.SKIPPED, None)


# --- what cannot be read --------------------------------------------------------------------------


def test_what_cannot_be_read_is_set_aside_with_its_place(store: Store) -> None:
    send_id = unknown_send(store)

    total = replay(store, "{", event(send_id), "[" * 5_000, payload("validated.txt"), "{")

    assert counts(total) == (1, 1, 1, 2)
    assert total.samples == [
        ("events.jsonl:1", "no JSON object"),
        ("events.jsonl:3", "no JSON object"),
    ]
    aside = [row for row in logged(store) if row.verdict == "set_aside"]
    assert [(row.detail, row.payload[:1]) for row in aside] == [
        ("no JSON object", "{"),
        ("no JSON object", "["),
    ]


@pytest.mark.parametrize("text", ["\0", "{\ud83d", "x" * 300_000, '{"a": "\\u0000'])
def test_what_no_database_keeps_is_set_aside_all_the_same(store: Store, text: str) -> None:
    total = replay(store, text)

    assert counts(total) == (0, 0, 0, 1)
    [row] = logged(store)
    assert len(row.payload) <= 262_144


def test_an_event_that_no_database_keeps_as_it_is_settles_too(store: Store) -> None:
    """PostgreSQL refuses NUL, and no encoding has half a character: one such event stopped all."""
    send_id = unknown_send(store)
    hostile: dict[str, Any] = {
        "bounce__feedbackId": "a\0b\ud83d",
        "bounce__bounceSubType": "\0\udc00",
    }

    total = replay(store, event(send_id, name="event-bounce-permanent.json", **hostile))

    assert counts(total) == (1, 0, 0, 0)
    assert only(store, send_id).status is DeliveryStatus.ACCEPTED


def test_a_type_from_the_future_is_recorded(store: Store) -> None:
    send_id = unknown_send(store)

    replay(store, event(send_id, eventType="Teleportation"))

    [row] = logged(store)
    assert (row.type, row.verdict) == (EventType.OTHER, "applied")
    assert only(store, send_id).status is DeliveryStatus.ACCEPTED


# --- the whole way --------------------------------------------------------------------------------


def test_the_events_of_ses_settle_what_a_lost_answer_left(stage: Stage) -> None:
    """Plan, send, lose the answer, replay what SES published: the ledger says what SES did."""
    stage.standin.configure(
        drop_after=1, outcomes={"r2@example.com": "Bounce", "r3@example.com": "Reject"}
    )
    already = len(stage.standin.events())
    send = stage.send(4)
    assert send.counts.unknown == 4

    texts = [json.dumps(event) for event in stage.standin.events()[already:]]
    total = replay(stage.store, *reversed(texts), *texts)

    rows = stage.rows(send.id)
    assert total.duplicate == len(texts) == 8
    assert {address: row.reported for address, row in rows.items()} == {
        "r1@example.com": Reported.DELIVERED,
        "r2@example.com": Reported.BOUNCED,
        "r3@example.com": Reported.REJECTED,
        "r4@example.com": Reported.DELIVERED,
    }
    assert read(stage.store, send.id).status is SendStatus.FINISHED
    assert stage.statuses(send.id) == {"accepted": 4}


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def unknown(call: Call, project: Path, readers: str) -> str:
    """A send of the project of which all three are unknown; its id."""
    send_id = plan_send(project, "2026-01-07-valley", readers)
    lose(project, send_id)
    return send_id


def test_replay_counts_what_it_read(call: Call, project: Path, unknown: str) -> None:
    lines = [
        event(unknown, 1),
        event(unknown, 1),
        json.dumps({"Type": "Notification", "Message": event(unknown, 2), "MessageId": "1"}),
        "",
        payload("validated.txt"),
        event("20200101-zzzzzz", 1, mail__messageId="other"),
        "{nonsense",
    ]
    (project / "events.jsonl").write_text("\n".join(lines), "utf-8")

    answer = call("events", "replay", "events.jsonl", "--json")

    assert answer.code == 0
    assert answer.json == {
        "read": 6,
        "applied": 2,
        "duplicate": 1,
        "ignored": 2,
        "set_aside": 1,
    }
    assert "events.jsonl:7: set aside: no JSON object" in answer.err
    status = call("status", unknown, "--json").json
    assert (status["accepted"], status["unknown"], status["status"]) == (2, 1, "unresolved")


def test_replay_is_shown_to_people_as_a_table(call: Call, project: Path, unknown: str) -> None:
    (project / "events.jsonl").write_text(event(unknown, 1) + "\n", "utf-8")

    answer = call("events", "replay", "events.jsonl")

    assert answer.code == 0
    assert "set aside" in answer.out
    assert not answer.err.strip()


def test_replay_of_what_is_no_text_sets_it_aside(call: Call, project: Path, readers: str) -> None:
    (project / "events.jsonl").write_bytes(b"\xff\xfe\x00{\n\x80\x81\n")

    answer = call("events", "replay", "events.jsonl", "--json")

    assert answer.code == 0
    assert answer.json["set_aside"] == answer.json["read"] == 2


def test_replay_sets_a_line_without_end_aside_and_goes_on(
    call: Call, project: Path, unknown: str
) -> None:
    long = "x" * 2_000_000
    (project / "events.jsonl").write_text(f"{long}\n{event(unknown, 1)}\n{long}", "utf-8")

    answer = call("events", "replay", "events.jsonl", "--json")

    assert (answer.json["read"], answer.json["applied"]) == (3, 1)
    assert answer.json["set_aside"] + answer.json["duplicate"] == 2
    assert "events.jsonl:1: set aside: longer than" in answer.err


@pytest.mark.parametrize("name", ["missing.jsonl", "issues"])
def test_replay_without_a_file_is_a_wrong_call(call: Call, project: Path, name: str) -> None:
    answer = call("events", "replay", name, "--json")

    assert answer.code == 2
    assert name in answer.error["message"]
