"""A send dies or falls asleep at a chosen point; docs/reliability.md names each fault."""

import signal

import pytest

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.kills import Found, Settlement, settle
from tests.crash.rivals import POINTS, Waking, asleep
from tests.crash.stage import Play, Stage, falls_asleep

CLAIMED = "after the commit in sending.core._claim"
# A call is written in two pieces, head and body; the fourth ends the second call.
WRITTEN = ("after a write to the socket in sending.core._deliver", 4)


def die(play: Play, point: str, which: int = 1) -> None:
    command = play.stage.call(*play.next_command(), at=(point, which))
    assert command.was_killed, command.said
    play.stage.quieten()


def attempts(play: Play) -> set[int]:
    return {row.attempts for row in play.ledger().rows}


def ends_well(play: Play, known: Known | None = None) -> bool:
    """Resume to the end; whether it and what is unknown then come out as promised."""
    play.finish()
    faults = checker.faults_of_the_end(play.ledger(), play.taken(), known or Known())
    faults += settle(play, Settlement.EVENTS, known)
    assert faults == []
    return True


def test_a_kill_before_the_audience_is_frozen_leaves_nothing(play: Play) -> None:
    die(play, "before the commit in sending.plan.plan")

    assert play.send_id is None
    assert play.taken() == []
    assert ends_well(play)
    assert attempts(play) == {1}


def test_a_kill_in_the_middle_of_freezing_leaves_no_half_of_an_audience(play: Play) -> None:
    die(play, "at a change in store.ledger.partitions._insert")

    assert play.send_id is None
    assert ends_well(play)
    assert play.ledger().recipients == 10


@pytest.mark.parametrize("step", ["plan.plan", "tenure.take"])
def test_a_kill_before_the_first_claim_costs_nobody(play: Play, step: str) -> None:
    die(play, f"after the commit in sending.{step}")
    queued = play.ledger().numbers("queued")

    last = play.finish()

    assert len(queued) == 10
    assert (last.code, last.json["accepted"], last.json["unknown"]) == (0, 10, 0)
    assert len(play.taken()) == 10


def test_what_was_claimed_and_never_left_is_unknown_and_reaches_each_once(play: Play) -> None:
    """Nobody can tell it from what was sent; no event comes, so the operator has it sent again."""
    die(play, CLAIMED, 2)
    claimed = play.ledger().numbers("sending")

    play.finish()
    unknown = play.ledger().numbers("unknown")
    settled = settle(play, Settlement.EVENTS)

    assert claimed == unknown == {3, 4}
    assert settled == []
    assert len(play.taken()) == len(play.ledger().numbers("accepted")) == 10


def test_what_was_written_without_an_answer_is_settled_by_its_events(play: Play) -> None:
    die(play, *WRITTEN)

    last = play.finish()
    unknown = play.ledger().numbers("unknown")
    play.replay()
    ledger = play.ledger()

    assert last.code == 4
    assert unknown == {3, 4}
    assert ledger.status == "finished"
    assert checker.faults_of_the_end(ledger, play.taken(), Known(reported=True)) == []
    assert len(play.taken()) == 10


@pytest.mark.parametrize(
    "point",
    ["after the answer in sending.core._deliver", "before the commit in sending.core._record"],
)
def test_an_answer_that_was_not_recorded_is_as_good_as_none(play: Play, point: str) -> None:
    die(play, point, 2)

    assert play.finish().json["unknown"] == 2
    assert ends_well(play)
    assert len(play.taken()) == 10


@pytest.mark.parametrize("change", ["_close", "record"])
def test_a_batch_is_recorded_whole_or_not_at_all(play: Play, change: str) -> None:
    """Of the two changes that record the second batch, neither stays without the other."""
    die(play, f"at a change in store.ledger.recording.{change}", 2)

    assert play.ledger().numbers("sending") == {3, 4}
    assert ends_well(play)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_send_that_was_killed_while_it_ended_is_counted_again(play: Play, moment: str) -> None:
    die(play, f"{moment} the commit in sending.tenure.leave")
    status = play.ledger().status

    last = play.finish()

    assert status == ("sending" if moment == "before" else "finished")
    assert (last.code, last.json["accepted"]) == (0, 10)
    assert ends_well(play)


def test_a_worker_lost_on_another_machine_is_waited_for_and_given_up(play: Play) -> None:
    """Whether it lives, nobody here can see; its lease ends, and what it held is unknown."""
    point = (CLAIMED, 2)
    lost = play.stage.call(*play.next_command(), host="one", at=point)
    play.stage.quieten()

    other = play.stage.start(*play.next_command(), host="two")
    other.says("waiting for its lease to end")
    play.end_lease("one")

    assert lost.was_killed
    assert "waiting for its lease to end" in other.said
    assert (other.code, other.json["accepted"], other.json["unknown"]) == (4, 8, 2)
    assert ends_well(play)


@pytest.mark.parametrize("waking", Waking)
def test_a_sleeper_records_its_own_batch_and_claims_no_more(stage: Stage, waking: Waking) -> None:
    """It slept with an answer that it had not read; another machine has given it up since."""
    found = Found()

    asleep(stage, "after a write to the socket in sending.core._deliver", waking, found)

    assert found.faults == []


def test_a_sleeper_whose_late_call_is_refused_leaves_its_batch_to_resume(play: Play) -> None:
    """The other machine ended the send meanwhile; a refused call was certainly not sent."""
    assert play.stage.standin is not None
    sleeper = play.stage.start(
        *play.next_command(),
        host="one",
        lease_seconds=1.0,
        at=("before the delivery in sending.core._deliver", 2),
        signal=signal.SIGSTOP,
    )
    falls_asleep(sleeper)
    other = play.stage.call(*play.next_command(), host="two", lease_seconds=1.0)
    play.stage.standin.configure(too_many_requests=1)

    sleeper.wake()
    put_back = play.ledger()
    last = play.finish()

    assert other.json["status"] == "unresolved"
    assert put_back.status == "paused"
    assert put_back.numbers("queued") == {3, 4}
    assert (last.code, last.json["accepted"]) == (0, 10)
    assert ends_well(play, Known(put_back=True))


def test_every_point_of_falling_asleep_is_one_that_is_passed(play: Play) -> None:
    """A renamed function would leave the campaign asleep at no point at all."""
    command = play.stage.call(*play.next_command())

    assert set(POINTS) <= set(command.points)
