"""Several at one send: one that sleeps while others go on, and races."""

import signal
from collections import Counter
from enum import StrEnum
from typing import Any

from tests.crash import checker, driver
from tests.crash.checker import Known
from tests.crash.kills import Found, Settlement, settle
from tests.crash.points import LOST
from tests.crash.stage import Play, Stage, falls_asleep
from tests.waiting import until

_LEASE_SECONDS, _LONG_LEASE_SECONDS = 1.0, 60.0


class Waking(StrEnum):
    """When a sleeper wakes that was given up: while the other still sends, after it, or when the
    operator has also had sent again what was unknown."""

    DURING = "during"
    AFTER = "after"
    AFTER_RESENDING = "after resending"


# Between transactions: within one, a sleeper holds locks, and the other waits for it.
POINTS = (
    "after the commit in sending.core._wait_for_slot",
    "after the commit in sending.core._claim",
    "before the delivery in sending.core._deliver",
    "before a write to the socket in sending.core._deliver",
    "after a write to the socket in sending.core._deliver",
    "after the answer in sending.core._deliver",
    "after the delivery in sending.core._deliver",
    "after the commit in sending.core._record",
)


def asleep(stage: Stage, point: str, waking: Waking, found: Found) -> None:
    """One machine falls asleep within a send; another sends the rest, and gives it up in time."""
    found.sends += 1
    what = f"asleep {point}, wakes {waking}"
    play = stage.new_play()
    lease_seconds = _LEASE_SECONDS if waking is not Waking.DURING else _LONG_LEASE_SECONDS
    lease: dict[str, Any] = {"lease_seconds": lease_seconds}
    first = stage.start(
        *play.next_command(), host="one", at=(point, 2), signal=signal.SIGSTOP, **lease
    )
    falls_asleep(first)
    found.kills += 1
    resent: Counter[int] = Counter()
    if waking is Waking.DURING:
        claimed = ("after the commit in sending.core._claim", 1)
        second = stage.start(
            *play.next_command(), host="two", at=claimed, signal=signal.SIGSTOP, **lease
        )
        falls_asleep(second)
        play.end_lease("one")
        play.give_up_lost()
        slept = _last_of_each_epoch(play)
        first.stir()
        left = "after the commit in sending.tenure.leave"
        until(lambda: first.is_over or left in first.points or bool(_late(play, slept)))
        second.wake()
    else:
        second = stage.call(*play.next_command(), host="two", **lease)
        if waking is Waking.AFTER_RESENDING:
            unknown = play.ledger().numbers("unknown")
            resent += Counter(unknown)
            stage.call("resolve", str(play.send_id), "--unknown", "resend", host="two", **lease)
            second = stage.call(*play.next_command(), host="two", **lease)
        found.check(what, [] if second.code in (0, 4) else [f"the second left with {second.code}"])
        slept = _last_of_each_epoch(play)
        first.wake()
    stage.quieten()
    found.check(what, _late(play, slept))
    ledger, known = play.ledger(), Known(resent=resent)
    found.recipients += ledger.recipients
    found.unknown += len(ledger.numbers("unknown"))
    found.check(what, checker.faults_of_kills(ledger, 0, stage.batch_size, known))
    found.check(what, checker.faults_of_the_end(ledger, play.taken(), known))
    found.check(f"{what}, events", settle(play, Settlement.EVENTS, known))


def _last_of_each_epoch(play: Play) -> dict[int, int]:
    return {batch.epoch: batch.id for batch in play.ledger().batches}


def _late(play: Play, slept: dict[int, int]) -> list[str]:
    """The sleeper has the first epoch in which something was claimed; it claims no more."""
    last = slept[min(slept)]
    late = [
        batch.id for batch in play.ledger().batches if batch.epoch == min(slept) and batch.id > last
    ]
    return [f"{len(late)} batches were claimed by a worker that was given up"] if late else []


# --- races ----------------------------------------------------------------------------------------


def race(stage: Stage, processes: int, seed: int, found: Found) -> None:
    """Several processes send or resume one issue at once: one of the sends does, resumes share."""
    found.sends += 1
    play = stage.new_play()
    resumes, elsewhere = seed % 2 == 1, seed % 5 == 4
    what = f"seed {seed}, {processes} {'resumes' if resumes else 'sends'} at once"
    if resumes:
        lost = {**_on_host("lost", elsewhere), "lease_seconds": _LEASE_SECONDS}
        stage.call(*play.next_command(), at=LOST[stage.kind], **lost)
        found.kills += 1
        stage.quieten()
    in_doubt, earlier = _state(play) if resumes else (0, set[int]())
    codes = _at_once(stage, play, processes, elsewhere)
    stage.quieten()
    in_doubt_now, epochs = _state(play)
    if (amount := len(epochs - earlier)) != 1 and not (resumes and amount):
        found.check(what, [f"{amount} of them sent"])
    if in_doubt_now > in_doubt:
        found.check(what, [f"{in_doubt_now} are in doubt, {in_doubt} before"])
    if not set(codes) & {0, 4} or not set(codes) <= {0, 4, 5}:
        found.check(what, [f"they left with {codes}"])
    found.refused += codes.count(5)
    play.finish()
    ledger = play.ledger()
    found.recipients += ledger.recipients
    found.check(what, checker.faults_of_the_end(ledger, play.taken(), Known()))


def _state(play: Play) -> tuple[int, set[int]]:
    """How many are in doubt, and the epochs in which something was claimed."""
    ledger = play.ledger()
    return ledger.in_doubt, {batch.epoch for batch in ledger.batches}


def _at_once(stage: Stage, play: Play, processes: int, elsewhere: bool) -> list[int]:
    """Run the next command of a play several times at once, maybe on several machines."""
    gate = driver.gate(processes)
    arguments = play.next_command()
    commands = [
        stage.start(*arguments, gate=gate, **_on_host(f"host-{number}", elsewhere))
        for number in range(processes)
    ]
    return [command.code for command in commands]


def _on_host(name: str, elsewhere: bool) -> dict[str, Any]:
    """Orders with a lease that even a busy machine renews in time."""
    return {"host": name} if elsewhere else {}
