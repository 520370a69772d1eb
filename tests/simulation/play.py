"""One schedule: a world that its choices make, with faults; then calm, and all must come right.

Real are the sending core, the threads' loops and their watch, tenures and leases, claims, records,
the limiter, the balance, the operator's decisions, the application of events, and the store below
them. Not real are the threads themselves, the processes and machines, the time, the provider, and
the network: the real transport with its SDK takes no part, nor do the commands around it.
"""

import gc
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.simulation import people
from tests.simulation.checker import ACCEPT, REJECT, RESEND, Broken
from tests.simulation.choices import Choices
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Endless, Scheduler
from tests.simulation.store import Database
from tests.simulation.surroundings import simulated
from tests.simulation.world import Plan, World, prepare

_TURMOIL_SECONDS = 600.0
_IDLE_LEAPS = 10  # after which nothing more will happen: more than a lease takes
_ROUND_SECONDS = 3600.0
_LEASES_SECONDS = 180.0
_ROUNDS = 8
_ENDED = ("finished", "cancelled")


@dataclass
class Played:
    """What became of a schedule: its choices, and the promise that it broke, if it did."""

    choices: list[int]
    fault: str | None = None
    trace: Sequence[tuple[float, str, str]] = ()
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    seconds: float = 0.0


def play(database: Database, choices: Choices, *, traced: bool = False) -> Played:
    """Play the schedule of these choices."""
    plan = Plan.of(choices)
    scheduler = Scheduler(choices, choices.pick((0.1, 0.3, 0.7)), [] if traced else None)
    scheduler.note(str(plan))
    world = World(choices, scheduler, database, Faults.of(choices), plan)
    database.reset(plan.size, partial(prepare, size=plan.size))
    world.checker.begin()
    fault = None
    is_over: list[bool] = []

    def story() -> None:
        _turmoil(world)
        _calm(world)
        is_over.append(True)

    with database.playing(scheduler), simulated(scheduler, world.processes):
        scheduler.start("the operator", world.outside, story)
        try:
            scheduler.run(lambda: bool(is_over))
        except (Broken, Endless) as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 -- an error that nobody foresaw is a fault
            fault = f"{type(error).__name__}: {error} ({_place(error)})"
        finally:
            scheduler.end()
    return Played(
        choices=choices.taken,
        fault=fault,
        trace=scheduler.trace or (),
        faults=world.faults.counts,
        points=scheduler.points,
        steps=scheduler.steps,
        seconds=scheduler.now,
    )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-4:])


def _turmoil(world: World) -> None:
    """Processes begin, and people live; until all rests, or for a while."""
    choices, scheduler = world.choices, world.scheduler
    ids = [send.id for send in sorted(world.checker.sends.values())]
    for number in range(world.plan.processes):
        if choices.sometimes(0.3):
            world.begin("worker", world.attend)
        else:
            send_id = ids[number % len(ids)]
            world.begin("resume", partial(world.resume, send_id))
    living = scheduler.start("people", world.outside, lambda: people.live(world))
    if choices.below(2):
        scheduler.start("reports", world.outside, lambda: people.report(world))
    scheduler.wait(
        _TURMOIL_SECONDS,
        lambda: (
            not scheduler.is_running(living)
            and (_are_over(world) or _is_quiet(world) or scheduler.leaps >= _IDLE_LEAPS)
        ),
    )


def _is_quiet(world: World) -> bool:
    return not world.is_anybody_at_work()


def _are_over(world: World) -> bool:
    return all(send.status in _ENDED for send in world.checker.sends.values())


def _calm(world: World) -> None:
    """No more faults: who still runs is asked to stop, then a healthy worker goes on until all has
    ended, and a person decides what remains unknown."""
    scheduler = world.scheduler
    scheduler.note("from here on all goes well")
    world.faults.stop()
    for worker in world.workers.values():
        worker.stop.set()
    _wait_until_quiet(world)
    if world.plan.all_is_reported:
        people.report_all(world)
    for _ in range(_ROUNDS):
        for send in sorted(world.checker.sends.values()):
            if send.status == "unresolved" or (send.status == "cancelled" and send.unknown):
                among = (RESEND, ACCEPT, REJECT) if send.status == "unresolved" else (ACCEPT,)
                people.resolve(world, send.id, world.choices.pick(among))
            elif send.status not in _ENDED:
                world.begin("resume", partial(world.resume, send.id))
        _wait_until_quiet(world)
        if _are_over(world):
            break
    if world.plan.all_is_reported:
        people.report_all(world)
    _let_go_of_leases(world)
    world.checker.finished()


def _let_go_of_leases(world: World) -> None:
    """A worker that attends gives up those who were lost, also of sends that have ended."""
    if not world.checker.tenures:
        return
    worker = world.begin("worker", world.attend)
    world.scheduler.wait(_LEASES_SECONDS, lambda: not world.checker.tenures)
    worker.stop.set()
    _wait_until_quiet(world)


def _wait_until_quiet(world: World) -> None:
    world.scheduler.wait(_ROUND_SECONDS, lambda: _is_quiet(world))
    if not _is_quiet(world):
        raise Endless(f"a worker does not come to its end within {_ROUND_SECONDS:.0f} seconds")


def settle_memory() -> None:
    """What was loaded stays: the collector need not look at it for each schedule."""
    gc.collect()
    gc.freeze()
