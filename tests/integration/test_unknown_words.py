"""Words of SES that this version does not know: recorded and shown, and no reader pays for them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import PolicySettings
from newsletter.feedback.apply import Applied
from newsletter.model.event import Cause
from newsletter.model.send import SendStatus
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.store.figures import EventCounts, events_since
from newsletter.store.ledger import sends
from newsletter.store.people import suppressions
from newsletter.store.reported import events
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call
from tests.integration.reporting import BOUNCE, COMPLAINT, SOFT, event, logged, replay
from tests.integration.sending import NOW, FixedClock, alter, fill_list, order, worker

# Each unknown in another place: the subtype, the type, the words of a complaint, the kind of event.
NEW_WORDS: Sequence[tuple[str, dict[str, Any], str]] = [
    (BOUNCE, {"bounce__bounceSubType": "PolicyOfTomorrow"}, "Bounce/Permanent/PolicyOfTomorrow"),
    (BOUNCE, {"bounce__bounceType": "Eternal"}, "Bounce/Eternal/General"),
    (SOFT, {"bounce__bounceSubType": "Tired"}, "Bounce/Transient/Tired"),
    (COMPLAINT, {"complaint__complaintSubType": "Annoyed"}, "Complaint/Annoyed/abuse"),
    (COMPLAINT, {"complaint__complaintFeedbackType": "dull"}, "Complaint/dull"),
    ("event-delivery.json", {"eventType": "Carrier Pigeon"}, "Carrier?Pigeon"),
]
STRICT = PolicySettings(
    complaint_pause=0.000001, bounce_pause=0.000001, soft_bounce_limit=1, bounce_warn=0.000001
)


def sent(store: Store, people: int) -> str:
    fill_list(store, people)
    send_id = plan(store, order("news"), NOW)
    run.run(worker(store, Memory(), clock=FixedClock()), send_id)
    return send_id


def reported(store: Store, send_id: str, people: int, policy: PolicySettings) -> Applied:
    """Every new word about each of the people."""
    texts = [
        event(send_id, number, name, **parts, mail__messageId=f"m{number}-{place}")
        for number in range(1, people + 1)
        for place, (name, parts, _) in enumerate(NEW_WORDS)
    ]
    return replay(store, *texts, policy=policy)


def test_they_suppress_nobody_and_count_in_no_rate(store: Store) -> None:
    """Under a policy that acts upon the very first bounce or complaint."""
    send_id = sent(store, 4)

    total = reported(store, send_id, 4, STRICT)

    with store.read() as connection:
        number = sends.number_of(connection, send_id)
        listed = list(suppressions.counts(connection).items())
        causes = events.caused(connection, number, None)
        words = events.unknown_words(connection, number)
    assert total.applied == 4 * len(NEW_WORDS)
    assert listed == []
    assert causes == {Cause.UNKNOWN: 4}
    assert words == {word: 4 for _, _, word in NEW_WORDS}
    assert total.unknown_words == words


def test_a_running_send_goes_on(store: Store) -> None:
    fill_list(store, 300)
    send_id = plan(store, order("news"), NOW)
    one = worker(store, Memory(), clock=FixedClock())
    run.run(one, send_id)
    with store.write() as connection:
        number = sends.number_of(connection, send_id)
        alter(connection, number, status=SendStatus.SENDING)

    reported(store, send_id, 300, STRICT)

    with store.read() as connection:
        assert sends.record(connection, number).status is SendStatus.SENDING


def test_known_words_beside_them_still_count(store: Store) -> None:
    send_id = sent(store, 2)

    reported(store, send_id, 2, PolicySettings())
    replay(store, event(send_id, 1, BOUNCE, mail__messageId="m1-known"))

    with store.read() as connection:
        assert suppressions.counts(connection) == {"hard_bounce": 1}


def test_the_raw_text_and_the_word_are_kept(store: Store) -> None:
    send_id = sent(store, 1)
    reported(store, send_id, 1, PolicySettings())

    rows = {row.word: row for row in logged(store)}

    assert set(rows) == {word for _, _, word in NEW_WORDS}
    assert "PolicyOfTomorrow" in rows["Bounce/Permanent/PolicyOfTomorrow"].payload
    assert {row.verdict for row in rows.values()} == {"applied"}


def test_figures_count_each_once(store: Store) -> None:
    send_id = sent(store, 2)
    reported(store, send_id, 2, PolicySettings())
    with store.read() as connection:
        first = events_since(connection, EventCounts({}, 0))
    replay(store, event(send_id, 1, BOUNCE, mail__messageId="m9", bounce__bounceSubType="Tired"))
    with store.read() as connection:
        second = events_since(connection, first)

    assert first.unknown_words == {word: 2 for _, _, word in NEW_WORDS}
    assert second.unknown_words == {**first.unknown_words, "Bounce/Permanent/Tired": 1}


@pytest.fixture
def told(call: Call, readers: str, project: Path) -> str:
    """A send to three readers of which one is reported in new words; returns its id."""
    send_id = str(
        call("send", "2026-01-07-valley", "--list", readers, "--yes", "--json").json["send_id"]
    )
    bounce = event(send_id, 1, BOUNCE, bounce__bounceSubType="PolicyOfTomorrow")
    (project / "events.jsonl").write_text(bounce)
    return send_id


def test_status_and_the_commands_of_events_show_them(call: Call, told: str, project: Path) -> None:
    word = "Bounce/Permanent/PolicyOfTomorrow"

    replayed = call("events", "replay", "events.jsonl")
    shown = call("status", told)
    as_json = call("status", told, "--json").json
    [listed] = call("events", "unknown-words", "--json").lines

    assert f"{word} (1)" in " ".join(replayed.err.split())
    assert word in "".join(shown.out.split())
    assert as_json["unknown_words"] == {word: 1}
    assert (listed["word"], listed["events"]) == (word, 1)
    assert json.loads(listed["payload"])["bounce"]["bounceSubType"] == "PolicyOfTomorrow"
    assert word in call("events", "unknown-words").out
    assert call("suppressions", "list", "--json").lines == []


def test_explain_says_that_nothing_follows(call: Call, told: str) -> None:
    call("events", "replay", "events.jsonl")
    delivery = next(
        d for d in call("deliveries", told, "--json").lines if d["delivery"] == f"{told}-1"
    )

    facts = call("explain", delivery["address"], "--json").json["facts"]

    [reported] = [fact for fact in facts if fact["kind"] == "event"]
    assert "not known here" in reported["text"]
    assert reported["cause"] == "unknown"


def test_where_every_word_is_known_that_is_said(call: Call, readers: str) -> None:
    assert "known" in call("events", "unknown-words").out
    assert call("events", "unknown-words", "--json").lines == []


def test_many_hard_bounces_are_a_warning_of_status(call: Call, told: str, project: Path) -> None:
    bounces = [event(told, number, BOUNCE) for number in (1, 2, 3)]
    (project / "hard.jsonl").write_text("\n".join(bounces))

    before = call("status", told, "--json").json["warning"]
    call("events", "replay", "hard.jsonl")

    assert before is None
    assert "3 hard bounces of 3 accepted" in call("status", told, "--json").json["warning"]
    assert "Warning: 3 hard bounces of" in " ".join(call("status", told).out.split())
