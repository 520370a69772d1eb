"""A model of the ledger: every order in which workers, faults and reports can meet.

Workers join a send, claim recipients, call the provider, record its answers, crash, sleep and
leave; others give up what was lost. The explorer walks each state that can be reached. It looks for
one that breaks a promise, or from which the send can never end. docs/model/README.md says what of
the code each action stands for.
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

NOBODY = -1
NOTHING = -1


class Recipient(NamedTuple):
    """`batch` is the worker whose open batch it is in; `mailed` counts what the provider took, and
    `allowed` how often it may: once, and once more for each time that a person asked for it;
    `reported` says that the provider has told of it."""

    status: str = "queued"
    batch: int = NOBODY
    mailed: int = 0
    allowed: int = 1
    reported: bool = False


class Worker(NamedTuple):
    """`phase` is what the process does, `holds` the recipient that it does it for, and `takes_part`
    whether it has a tenure."""

    phase: str = "out"
    holds: int = NOTHING
    asleep: bool = False
    takes_part: bool = False


class State(NamedTuple):
    """`faults` are how many crashes, sleeps, lost answers, resends and pauses may still come."""

    send: str
    recipients: tuple[Recipient, ...]
    workers: tuple[Worker, ...]
    faults: tuple[int, ...]


CRASH, SLEEP, LOSS, RESEND, PAUSE = range(5)

GUARDS = {
    "claim-before-call": "a claim is committed before the call",
    "claim-fence": "who was given up claims nothing",
    "record-fence": "a worker records its own batch alone",
    "lost-is-unknown": "what a lost worker held is unknown, and not queued",
    "no-retry-of-unknown": "a call without an answer is not made again",
    "put-back-fence": "only a batch that is still one's own is queued again",
    "rescue": "somebody gives up what a lost worker held",
    "count-before-settling": "a send is over only if nothing is queued or in flight",
    "late-reopens": "what a lost worker queues again takes its send up again, in one step",
    "events-stop-a-resend": "a report that a mail was sent takes it out of the queue",
}


class Step(NamedTuple):
    action: str
    state: State
    is_fault: bool = False


def steps(state: State, guards: frozenset[str]) -> Iterator[Step]:
    """All that can happen next."""
    for index, worker in enumerate(state.workers):
        if worker.phase == "dead":
            yield from _of_the_dead(state, index)
        elif worker.asleep:
            yield Step(f"worker {index} wakes", _with(state, index, worker._replace(asleep=False)))
        else:
            yield from _of_the_living(state, index, guards)
        if worker.takes_part and (worker.asleep or worker.phase == "dead") and "rescue" in guards:
            yield Step(f"worker {index} is given up", _given_up(state, index, guards))
    yield from _of_the_provider(state, guards)
    yield from _of_people(state)


def _of_the_dead(state: State, index: int) -> Iterator[Step]:
    if not state.workers[index].takes_part:
        free = _released(state, index)
        yield Step(f"another worker {index} starts", _with(free, index, Worker()))


def _of_the_living(state: State, index: int, guards: frozenset[str]) -> Iterator[Step]:
    worker = state.workers[index]
    match worker.phase:
        case "out" if state.send == "sending" and not worker.takes_part:
            takes_part = worker._replace(phase="idle", takes_part=True)
            yield Step(f"worker {index} joins", _with(state, index, takes_part))
        case "idle":
            yield from _claims(state, index, guards)
            yield from _leaves(state, index, guards)
        case "claimed":
            yield from _calls(state, index)
        case "unsure" | "accepted" | "unanswered" | "refused":
            yield Step(f"worker {index} records", _recorded(state, index, guards))
        case "uncommitted":  # only where a claim is not committed before the call
            yield Step(f"worker {index} records", _recorded(state, index, guards))
    if state.faults[CRASH]:
        dead = worker._replace(phase="dead")
        yield Step(f"worker {index} crashes", _spent(_with(state, index, dead), CRASH), True)
    if state.faults[SLEEP] and worker.phase != "out":
        asleep = worker._replace(asleep=True)
        yield Step(f"worker {index} sleeps", _spent(_with(state, index, asleep), SLEEP), True)


def _claims(state: State, index: int, guards: frozenset[str]) -> Iterator[Step]:
    worker = state.workers[index]
    if state.send != "sending" or ("claim-fence" in guards and not worker.takes_part):
        return
    for number, recipient in enumerate(state.recipients):
        if recipient.status != "queued":
            continue
        if "claim-before-call" not in guards:
            mailed = recipient._replace(mailed=recipient.mailed + 1)
            called = _with(state, index, worker._replace(phase="uncommitted", holds=number))
            yield Step(f"worker {index} calls for {number}", _changed(called, number, mailed))
            continue
        taken = _changed(state, number, recipient._replace(status="sending", batch=index))
        claimed = worker._replace(phase="claimed", holds=number)
        yield Step(f"worker {index} claims {number}", _with(taken, index, claimed))
        if state.faults[LOSS]:
            unsure = _spent(_with(taken, index, claimed._replace(phase="unsure")), LOSS)
            yield Step(f"worker {index} claims {number} and is not answered", unsure, True)


def _calls(state: State, index: int) -> Iterator[Step]:
    worker = state.workers[index]
    recipient = state.recipients[worker.holds]
    taken = _changed(state, worker.holds, recipient._replace(mailed=recipient.mailed + 1))

    def now(phase: str, after: State) -> State:
        return _with(after, index, worker._replace(phase=phase))

    yield Step(f"worker {index} is told accepted", now("accepted", taken))
    if state.faults[LOSS]:
        lost = _spent(now("unanswered", taken), LOSS)
        yield Step(f"worker {index} is not told accepted", lost, True)
        away = _spent(now("unanswered", state), LOSS)
        yield Step(f"worker {index} calls in vain and is not told", away, True)
        refused = _spent(now("refused", state), LOSS)
        yield Step(f"worker {index} is refused", refused, True)


def _recorded(state: State, index: int, guards: frozenset[str]) -> State:
    """What a worker writes of its own batch; a claim that was not answered is put back."""
    worker = state.workers[index]
    recipient = state.recipients[worker.holds]
    idle = _with(state, index, worker._replace(phase="idle", holds=NOTHING))
    back = worker.phase in ("refused", "unsure")
    fence = "put-back-fence" if back else "record-fence"
    is_ours = recipient.batch == index and recipient.status in ("sending", "unknown")
    if fence in guards and not is_ours and worker.phase != "uncommitted":
        return idle
    if back or (worker.phase == "unanswered" and "no-retry-of-unknown" not in guards):
        status = "queued"
    else:
        status = "unknown" if worker.phase == "unanswered" else "accepted"
    recorded = _changed(idle, worker.holds, recipient._replace(status=status, batch=NOBODY))
    if status == "queued" and recorded.send == "unresolved" and "late-reopens" in guards:
        return recorded._replace(send="paused")
    return _settled(recorded, guards) if recorded.send == "unresolved" else recorded


def _leaves(state: State, index: int, guards: frozenset[str]) -> Iterator[Step]:
    """A worker leaves when it holds nothing: because all is done, or because it is asked to."""
    gone = _with(state, index, state.workers[index]._replace(phase="out", takes_part=False))
    yield Step(f"worker {index} leaves", _settled(gone, guards))


def _settled(state: State, guards: frozenset[str]) -> State:
    """Who leaves, is given up, or records late settles the send if nothing is left of it."""
    statuses = {recipient.status for recipient in state.recipients}
    if state.send not in ("sending", "unresolved"):
        return state
    if "count-before-settling" in guards and statuses & {"queued", "sending"}:
        return state
    return state._replace(send="unresolved" if "unknown" in statuses else "finished")


def _given_up(state: State, index: int, guards: frozenset[str]) -> State:
    """The lease of a worker ended: what it held is in doubt, and it claims nothing more."""
    ended = _with(state, index, state.workers[index]._replace(takes_part=False))
    number = ended.workers[index].holds
    if number != NOTHING:
        recipient = ended.recipients[number]
        if recipient.batch == index and recipient.status == "sending":
            status = "unknown" if "lost-is-unknown" in guards else "queued"
            ended = _changed(ended, number, recipient._replace(status=status))
    if any(worker.takes_part for worker in ended.workers):
        return ended
    return _settled(ended, guards)


def _of_the_provider(state: State, guards: frozenset[str]) -> Iterator[Step]:
    """A report that a mail was taken; it comes late, or never."""
    for number, recipient in enumerate(state.recipients):
        if not recipient.mailed or recipient.reported or recipient.status == "sending":
            continue
        proved = ("unknown", "queued") if "events-stop-a-resend" in guards else ("unknown",)
        status = "accepted" if recipient.status in proved else recipient.status
        told = _changed(state, number, recipient._replace(status=status, reported=True))
        yield Step(
            f"{number} is reported", _settled(told, guards) if told.send == "unresolved" else told
        )


def _of_people(state: State) -> Iterator[Step]:
    if state.send == "paused":
        yield Step("the send is resumed", state._replace(send="sending"))
    if state.send == "sending" and state.faults[PAUSE]:
        paused = state._replace(send="paused")
        yield Step("the send is paused", _spent(paused, PAUSE), True)
    if state.send == "unresolved" and state.faults[RESEND]:
        for number, recipient in enumerate(state.recipients):
            if recipient.status == "unknown":
                again = recipient._replace(status="queued", allowed=recipient.allowed + 1)
                resent = _changed(state, number, again)._replace(send="sending")
                yield Step(f"{number} is to be sent again", _spent(resent, RESEND), True)


def _with(state: State, index: int, worker: Worker) -> State:
    workers = state.workers
    return state._replace(workers=(*workers[:index], worker, *workers[index + 1 :]))


def _changed(state: State, number: int, recipient: Recipient) -> State:
    recipients = state.recipients
    return state._replace(recipients=(*recipients[:number], recipient, *recipients[number + 1 :]))


def _spent(state: State, fault: int) -> State:
    faults = state.faults
    return state._replace(faults=(*faults[:fault], faults[fault] - 1, *faults[fault + 1 :]))


def _released(state: State, index: int) -> State:
    number = state.workers[index].holds
    if number == NOTHING or state.recipients[number].batch != index:
        return state
    return _changed(state, number, state.recipients[number]._replace(batch=NOBODY))


def broken(state: State) -> str | None:
    """The promise that a state breaks, if it breaks one."""
    for recipient in state.recipients:
        if recipient.mailed > recipient.allowed:
            return "somebody was mailed twice"
        if recipient.status == "queued" and recipient.mailed >= recipient.allowed:
            return "somebody who was mailed is queued"
        if recipient.status == "queued" and recipient.reported:
            return "somebody who is known to have it is queued"
        if recipient.status == "accepted" and not recipient.mailed:
            return "somebody counts as accepted and was not mailed"
    statuses = {recipient.status for recipient in state.recipients}
    if state.send == "finished" and statuses != {"accepted"}:
        return "the send is finished, and somebody is lost"
    is_quiet = all(worker.phase in ("out", "dead") for worker in state.workers)
    if state.send == "unresolved" and is_quiet and statuses & {"queued", "sending"}:
        return "the send is over, and somebody waits"
    return None


def canonical(state: State) -> State:
    """The same state for all that differ only in which worker and which recipient is which."""
    holders: list[list[tuple[object, ...]]] = [[] for _ in state.recipients]
    for index, worker in enumerate(state.workers):
        if worker.holds != NOTHING:
            is_batch = state.recipients[worker.holds].batch == index
            holders[worker.holds].append((worker.phase, worker.asleep, worker.takes_part, is_batch))
    order = sorted(
        range(len(state.recipients)),
        key=lambda number: (
            state.recipients[number]._replace(batch=NOBODY),
            sorted(holders[number]),
        ),
    )
    place = {number: at for at, number in enumerate(order)} | {NOTHING: NOTHING}
    held = [worker._replace(holds=place[worker.holds]) for worker in state.workers]
    owner = {number: state.recipients[number].batch for number in order}
    ranked = sorted(
        range(len(held)),
        key=lambda index: (held[index], owner.get(state.workers[index].holds) == index),
    )
    rank = {index: at for at, index in enumerate(ranked)} | {NOBODY: NOBODY}
    recipients = tuple(
        state.recipients[number]._replace(batch=rank[owner[number]]) for number in order
    )
    return state._replace(recipients=recipients, workers=tuple(held[index] for index in ranked))


class Result(NamedTuple):
    """`fault` names the broken promise, and `trace` is the shortest way to it."""

    states: int
    transitions: int
    fault: str | None
    trace: tuple[str, ...]


def explore(workers: int, recipients: int, faults: tuple[int, ...], without: str = "") -> Result:
    """Walk all states, the nearest first; stop at the first that breaks a promise."""
    guards = frozenset(GUARDS) - {without}
    first = State("sending", (Recipient(),) * recipients, (Worker(),) * workers, faults)
    came_from: dict[State, tuple[State, str] | None] = {first: None}
    before: dict[State, list[State]] = {}
    waiting, transitions = deque([first]), 0
    while waiting:
        state = waiting.popleft()
        if fault := broken(state):
            return Result(len(came_from), transitions, fault, _trace(came_from, state))
        for step in steps(state, guards):
            transitions += 1
            after = canonical(step.state)
            if after not in came_from:
                came_from[after] = (state, step.action)
                waiting.append(after)
            if not step.is_fault:
                before.setdefault(after, []).append(state)
    stuck = _never_ending(came_from, before)
    fault = "the send can never end" if stuck else None
    trace = _trace(came_from, stuck) if stuck else ()
    return Result(len(came_from), transitions, fault, trace)


def _never_ending(
    came_from: dict[State, tuple[State, str] | None], before: dict[State, list[State]]
) -> State | None:
    """The nearest state from which no way without further faults leads to an end."""
    ends = [state for state in came_from if state.send in ("finished", "unresolved")]
    ending, waiting = set(ends), deque(ends)
    while waiting:
        for state in before.get(waiting.popleft(), ()):
            if state not in ending:
                ending.add(state)
                waiting.append(state)
    return next((state for state in came_from if state not in ending), None)


def _trace(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    actions: list[str] = []
    while (origin := came_from[state]) is not None:
        state, action = origin
        actions.append(action)
    return tuple(reversed(actions))


_SMALL = (2, 2, (1, 1, 1, 1, 1))  # it is enough to miss each guard


def main(show: Callable[[str], None] = print) -> int:
    """Explore with all guards, and without each: returns 0 where all is as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--recipients", type=int, default=4)
    parser.add_argument("--faults", type=int, nargs=5, default=(1, 1, 1, 1, 1))
    chosen = parser.parse_args()
    size = (chosen.workers, chosen.recipients, tuple(chosen.faults))
    began = time.monotonic()
    whole = explore(*size)
    seconds = time.monotonic() - began
    show(
        f"{whole.states:,} states, {whole.transitions:,} transitions, {seconds:.0f} seconds: "
        f"{whole.fault or 'every promise is kept, and every send can end'}"
    )
    for action in whole.trace:
        show(f"  {action}")
    missed = 0
    for name, what in GUARDS.items():
        found = explore(*_SMALL, without=name)
        missed += found.fault is None
        show(f"without {name} ({what}): {found.fault or 'NOTHING IS FOUND'}")
        for action in found.trace:
            show(f"  {action}")
    return int(whole.fault is not None or missed > 0)


if __name__ == "__main__":
    sys.exit(main())
