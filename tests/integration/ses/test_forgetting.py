"""A store that was copied by other means than `db backup`: SES knows what it has forgotten."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import Refused
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses.events import parse
from newsletter.model.email import Message
from newsletter.model.event import Event
from newsletter.model.send import Accepted, Counts, Outcome, SendStatus, StoppedBy
from newsletter.sending import restored, run
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store, open_store, state
from newsletter.transports.memory import Memory
from newsletter.transports.ses.account import allowance
from tests.integration.sending import NOW, fill_list, order
from tests.integration.ses.stage import Stage
from tests.waiting import until


def tags_of(stage: Stage, send_id: str) -> list[dict[str, str]]:
    return [record["tags"] for record in stage.accepted(send_id)]


def event(tags: dict[str, str], number: int = 1) -> str:
    """What SES publishes of a mail with these tags."""
    listed = {name: [value] for name, value in tags.items()}
    mail = {"messageId": f"m-{number}", "timestamp": "2026-01-07T08:00:00Z", "tags": listed}
    return json.dumps({"eventType": "Delivery", "mail": mail})


def tell(store: Store, *texts: str) -> Applied:
    total = Applied()
    apply(store, incoming(parse, [("line 1", text) for text in texts]), NOW, total)
    return total


def sign(store: Store, timezone: str = "UTC") -> str:
    with store.read() as connection:
        return restored.sign(connection, None, timezone)


# --- by a later event -----------------------------------------------------------------------------


def test_each_mail_says_which_store_sent_it(quick: Stage) -> None:
    after = quick.send(2)

    with quick.store.read() as connection:
        own = state.store_id(connection)
    assert [tags["store"] for tags in tags_of(quick, after.id)] == [own, own]
    parsed = parse(event(tags_of(quick, after.id)[0]))
    assert isinstance(parsed, Event)
    assert parsed.store == own


def test_reports_of_what_it_knows_are_no_sign(stage: Stage) -> None:
    after = stage.send(3)

    tell(stage.store, *(event(tags, n) for n, tags in enumerate(tags_of(stage, after.id))))

    assert sign(stage.store) == ""


def test_a_report_of_a_send_that_it_does_not_know_is_one(stage: Stage) -> None:
    after = stage.send(1)
    [tags] = tags_of(stage, after.id)
    lost = {**tags, "send": "20260106-abcdef", "delivery": "20260106-abcdef-1"}

    tell(stage.store, event(lost))

    found = sign(stage.store, "Asia/Tokyo")
    assert found.startswith("since 2026-01-07 17:00 Asia/Tokyo (08:00 UTC) SES reports of mails")
    assert "that this store should know and does not" in found
    with pytest.raises(Refused, match="SES reports of mails"):
        run.run(stage.worker(), plan(stage.store, order("other"), NOW))
    assert len(stage.calls) == 1


def test_a_report_of_what_it_never_tried_is_one(stage: Stage) -> None:
    """Also without the tag of the store, as of mails from before there was one."""
    send_id = stage.plan(2)

    tell(stage.store, event({"delivery": f"{send_id}-2", "attempt": "1"}))

    with pytest.raises(Refused, match="SES reports of mails"):
        stage.resume(send_id)
    assert stage.calls == []


def test_a_report_of_another_attempt_than_it_knows_is_one(stage: Stage) -> None:
    after = stage.send(1)

    tell(stage.store, event({"delivery": f"{after.id}-1", "attempt": "2"}))

    assert sign(stage.store)


@pytest.mark.parametrize(
    "tags",
    [
        {"store": "1f", "delivery": "20260106-abcdef-1", "attempt": "1"},
        {"delivery": "20260106-abcdef-1", "attempt": "1"},
        {"delivery": "test-0123abcd-1-9f9f9f9f", "attempt": "1"},
        {"send": "confirm"},
    ],
    ids=["another store's", "no store's", "a test", "a confirmation"],
)
def test_reports_of_others_are_no_sign(quick: Stage, tags: dict[str, str]) -> None:
    quick.send(1)

    tell(quick.store, event(tags))

    assert sign(quick.store) == ""


def test_an_adopted_store_does_not_mind_what_was_sent_before(quick: Stage, tmp_path: Path) -> None:
    """The operator has been told that sends after the copy are unknown here."""
    after = quick.send(1)
    [tags] = tags_of(quick, after.id)
    lost = {**tags, "delivery": "20260106-abcdef-1"}
    tell(quick.store, event(lost))

    restored.adopt(quick.store, tmp_path / "generation", NOW)
    tell(quick.store, event(lost, 2), event({**lost, "delivery": "20260106-abcdef-2"}, 3))

    assert sign(quick.store) == ""


def test_a_send_that_runs_pauses_at_such_a_report(stage: Stage) -> None:
    """Whoever runs it notices while it renews its lease."""
    before = stage.send(1)
    [tags] = tags_of(stage, before.id)
    fill_list(stage.store, 9, first=2)
    send_id = plan(stage.store, order("other"), NOW)

    def answer(_: str, batch: Sequence[Message]) -> list[Outcome]:
        tell(stage.store, event({**tags, "delivery": "20260106-abcdef-1"}))
        until(lambda: read(stage.store, send_id).status is SendStatus.PAUSED)
        return [Accepted(message.ref) for message in batch]

    transport = Memory(answer, concurrency=1)
    transport.batch_size = 2
    after = run.run(stage.worker(transport), send_id)

    assert after.stopped_by is StoppedBy.STORE
    assert "SES reports of mails that this store should know" in (after.pause_reason or "")
    assert restored.ADVICE in (after.pause_reason or "")
    assert after.counts == Counts(accepted=2, queued=8)


def test_a_canary_that_is_reported_on_so_lets_nobody_follow(quick: Stage) -> None:
    send_id = quick.plan(10, canary=0.2)

    def poll() -> None:
        texts = [event(tags, n) for n, tags in enumerate(tags_of(quick, send_id))]
        tell(quick.store, *texts, event({"delivery": f"{send_id}-9", "attempt": "1"}, 9))

    after = run.run(replace(quick.worker(), poll_events=poll), send_id)

    assert after.stopped_by is StoppedBy.STORE
    assert len(quick.accepted(send_id)) == 2


# --- by what SES has counted ----------------------------------------------------------------------


def counted(stage: Stage, amount: int) -> None:
    stage.standin.account(sent_last_24_hours=amount)


def test_a_copy_is_recognised_by_what_ses_has_counted(quick: Stage, tmp_path: Path) -> None:
    """The original sent to 300 since; SES has counted them, and the copy knows of none."""
    quick.send(2)
    quick.store.checkpoint()
    shutil.copy(tmp_path / "store.db", tmp_path / "copy.db")
    copy = open_store(f"sqlite:///{tmp_path / 'copy.db'}", Path())
    before, elsewhere = len(quick.calls), replace(quick.worker(), store=copy)
    counted(quick, 302)
    send_id = plan(copy, order("other"), NOW)

    with pytest.raises(Refused, match="SES has taken 302 mails") as refused:
        run.run(elsewhere, send_id)

    assert "shared_account = true" in refused.value.hint
    assert len(quick.calls) == before
    restored.adopt(copy, tmp_path / "generation", NOW)
    other = run.run(elsewhere, plan(copy, order("third"), NOW))
    assert other.status is SendStatus.FINISHED
    copy.close()


def test_what_this_store_sent_is_no_surplus(quick: Stage) -> None:
    quick.clock.now = NOW
    quick.send(40)
    counted(quick, 40)

    assert run.run(quick.worker(), plan(quick.store, order("other"), NOW)).counts.accepted == 40


def test_others_who_send_as_usual_are_no_surplus(quick: Stage) -> None:
    """A store that starts beside another program learns how much that sends."""
    counted(quick, 5_000)
    quick.send(1)
    counted(quick, 9_000)

    assert run.run(quick.worker(), plan(quick.store, order("more"), NOW)).counts.accepted == 1


def test_a_store_that_never_sent_refuses_nothing(quick: Stage) -> None:
    counted(quick, 50_000)

    assert quick.send(1).status is SendStatus.FINISHED


def test_an_account_that_is_shared_is_not_compared() -> None:
    reply = {
        "SendQuota": {"Max24HourSend": 100.0, "MaxSendRate": 1.0, "SentLast24Hours": 7.0},
        "ProductionAccessEnabled": True,
        "SendingEnabled": True,
    }

    assert allowance(reply).sent == 7
    assert allowance(reply, is_shared=True).sent is None
