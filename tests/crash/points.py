"""A kill at every point of a small send in turn: each change, commit, write, answer, rename."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.kills import Found, Settlement, settle
from tests.crash.stage import Command, Play, Stage

At = int | tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Step:
    """A command in the life of a send, which `run` lets die at a point."""

    name: str
    run: Callable[[Play, At], Command]


@dataclass(frozen=True, slots=True)
class Life:
    """What goes before (with the point at which each died), and the step that dies everywhere."""

    before: tuple[tuple[Step, At], ...]
    step: Step

    def begin(self, play: Play) -> Known:
        """Live up to the step; returns what is known then."""
        for step, at in self.before:
            step.run(play, at)
            play.stage.quieten()
        resent = play.ledger().numbers("unknown") if self.step is RESOLVE else ()
        return Known(
            resent=Counter(resent),
            put_back=play.stage.standin is not None,
            reported=self.step is REPLAY,
        )

    @property
    def kills(self) -> int:
        return 1 + sum(at is not None for _, at in self.before)


def _go_on(play: Play, at: At) -> Command:
    return play.stage.call(*play.next_command(), at=at)


def _resolve(play: Play, at: At) -> Command:
    return play.stage.call("resolve", str(play.send_id), "--unknown", "resend", at=at)


def _replay(play: Play, at: At) -> Command:
    return play.replay(at=at)


SEND = Step("send", _go_on)
RESUME = Step("resume", _go_on)
RESOLVE = Step("resolve", _resolve)
REPLAY = Step("events replay", _replay)

# Where a first run dies with a batch that has left, so that the steps after it have work to do.
LOST: dict[str, At] = {
    "bulk": ("after a write to the socket in sending.core._deliver", 4),
    "raw": ("after a write to the socket in sending.core._deliver", 4),
    "outbox": ("after the rename in sending.core._deliver", 3),
}


def lives(stage: Stage) -> Iterator[Life]:
    lost = LOST[stage.kind]
    yield Life((), SEND)
    yield Life(((SEND, lost),), RESUME)
    yield Life(((SEND, lost), (RESUME, None)), RESOLVE)
    if stage.standin is not None:
        yield Life(((SEND, lost), (RESUME, None)), REPLAY)


def at_every_point(stage: Stage, share: float = 1.0, seed: int = 0) -> Found:
    """Kill each command of a send's life at each of its points, or a seeded share of them."""
    found = Found()
    chance = random.Random(seed)
    for life in lives(stage):
        points = _points_of(stage, life)
        numbers = range(1, len(points) + 1)
        amount = max(1, round(len(points) * share))
        for number in sorted(chance.sample(numbers, amount)):
            _die(stage, life, number, found)
    return found


def _points_of(stage: Stage, life: Life) -> Sequence[str]:
    play = _play(stage)
    life.begin(play)
    return life.step.run(play, None).points


def _play(stage: Stage) -> Play:
    """A play in whose second call SES says that it was too fast, so that a batch is put back."""
    if stage.standin is not None:
        stage.standin.configure(too_many_requests={"next": 1, "skip": 1})
    return stage.new_play()


def _die(stage: Stage, life: Life, number: int, found: Found) -> None:
    play = _play(stage)
    known = life.begin(play)
    command = life.step.run(play, number)
    if not command.was_killed:
        return  # a life with a point less than the one that was counted: SES's rate is remembered
    found.kills += 1
    name = command.points[-1]
    found.points[name] += 1
    what = f"{life.step.name}, point {number}, {name}"
    stage.quieten()
    if play.send_id is None:
        found.check(what, [f"{len(play.taken())} mails of no send"] if play.taken() else [])
    else:
        ledger = play.ledger()
        found.in_flight += bool(ledger.numbers("sending"))
        found.check(what, checker.faults(ledger, play.taken(), known))
        in_flight = stage.threads * stage.batch_size
        found.check(what, checker.faults_of_kills(ledger, in_flight, life.kills * in_flight, known))
    if life.step in (RESOLVE, REPLAY):
        life.step.run(play, None)
    play.finish()
    ledger = play.ledger()
    found.check(what, checker.faults_of_the_end(ledger, play.taken(), known))
    found.unknown += len(ledger.numbers("unknown"))
    found.sends += 1
    found.recipients += ledger.recipients
    settlement = Settlement.RESEND if stage.standin is None else Settlement.EVENTS
    found.check(f"{what}, {settlement}", settle(play, settlement, known))
