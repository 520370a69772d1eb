"""What people and the provider do while sends run: the operator, readers, reports."""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial

from newsletter.errors import NewsletterError
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import Incoming
from newsletter.model.address import Address
from newsletter.model.event import Event
from newsletter.model.subscriber import Consent, SuppressionReason
from newsletter.sending import control
from newsletter.sending.control import Decision
from newsletter.store.people import lists, subscribing, suppressing
from tests.simulation.checker import ACCEPT, REJECT, RESEND
from tests.simulation.world import World, readers_of

_PAUSES = (0.0, 0.2, 1.0, 5.0, 65.0)
_MOST = 6
_STEPS = (-7200, -90, 90, 7200)  # of the clock, in seconds
_DECISIONS = {RESEND: Decision.RESEND, ACCEPT: Decision.ACCEPT, REJECT: Decision.REJECT}


def live(world: World) -> None:
    """Do some things, with some time between them."""
    choices = world.choices
    things = (
        *(_pause, _resume, _take_up, _leave, _suppress, _resolve, _ask_to_stop, _interrupt),
        *(_cancel, _set_clock),
    )
    for _ in range(choices.sometimes(0.7, _MOST)):
        world.scheduler.sleep(choices.pick(_PAUSES))
        world.scheduler.progress()
        things[choices.below(len(things))](world)


def _send_id(world: World) -> str:
    sends = sorted(world.checker.sends.values())
    return world.choices.pick(sends).id


def _do(world: World, action: str, step: Callable[[], object]) -> None:
    """Something that may be refused."""
    task = world.scheduler.current
    world.scheduler.note(action)
    task.action = action
    try:
        step()
    except NewsletterError:
        world.scheduler.note("is refused")
    finally:
        task.action = ""


def _pause(world: World) -> None:
    send_id = _send_id(world)
    _do(world, "pauses", lambda: control.pause(world.store, send_id, world.clock))


def _cancel(world: World) -> None:
    """Rarely for good: most of what is cancelled is taken up again."""
    send_id = _send_id(world)
    _do(world, "cancels", lambda: control.cancel(world.store, send_id, world.clock))
    if not world.choices.sometimes(0.2):
        again = partial(control.reopen, world.store, send_id, world.clock, cancelled=True)
        _do(world, "takes back the cancel", again)


def _resume(world: World) -> None:
    world.begin("resume", partial(world.resume, _send_id(world)))


def _take_up(world: World) -> None:
    world.begin("worker", world.attend)


def resolve(world: World, send_id: str, action: str) -> None:
    _do(
        world,
        action,
        lambda: control.resolve(world.store, send_id, _DECISIONS[action], world.clock),
    )


def _resolve(world: World) -> None:
    resolve(world, _send_id(world), world.choices.pick((RESEND, ACCEPT, REJECT)))


def _leave(world: World) -> None:
    reader, _ = world.choices.pick(readers_of(world.database))

    def leave() -> None:
        with world.store.write() as connection:
            for name in ("readers", "others") if world.plan.size.others else ("readers",):
                consent = Consent(world.clock(), "test", "test")
                list_id = lists.id_of(connection, name)
                subscribing.leave(connection, reader, list_id, consent)
        world.checker.gone.setdefault(reader, world.scheduler.steps)

    _do(world, f"reader {reader} leaves", leave)


def _suppress(world: World) -> None:
    reader, address = world.choices.pick(readers_of(world.database))

    def suppress() -> None:
        with world.store.write() as connection:
            key = Address(address).key
            suppressing.add(
                connection, key, SuppressionReason.MANUAL, "by the operator", world.clock()
            )
        world.checker.gone.setdefault(reader, world.scheduler.steps)

    _do(world, f"reader {reader} is suppressed", suppress)


def _ask_to_stop(world: World) -> None:
    _end_one(world, by_person=False)


def _interrupt(world: World) -> None:
    _end_one(world, by_person=True)


def _end_one(world: World, *, by_person: bool) -> None:
    process = world.choices.pick(world.processes)
    worker = world.workers[process.name]
    how = "interrupts" if by_person else "asks to stop"
    world.scheduler.note(f"{how} {process.title}")
    if by_person:
        worker.by_person.set()
    world.checker.suspects.add(worker.name)
    worker.stop.set()


def _set_clock(world: World) -> None:
    if world.choices.sometimes(0.3):
        world.step_clock(dt.timedelta(seconds=world.choices.pick(_STEPS)))


def report(world: World) -> None:
    """Bring in some of what the provider reports: late, twice, in any order."""
    while True:
        world.scheduler.wait(20.0, lambda: bool(world.ses.unreported))
        world.scheduler.sleep(world.choices.pick((0.1, 3.0, 90.0)))
        report_some(world)


def report_some(world: World) -> None:
    waiting = world.ses.unreported
    if not waiting:
        return
    amount = 1 + world.choices.below(min(4, len(waiting)))
    some = [world.choices.pick(waiting) for _ in range(amount)]
    for one in some:
        if one in waiting and not world.choices.sometimes(0.2):  # else it comes again
            waiting.remove(one)
    _apply(world, some)


def report_all(world: World) -> None:
    waiting, world.ses.unreported = world.ses.unreported, []
    _apply(world, waiting)


def _apply(world: World, some: Sequence[Incoming]) -> None:
    apply(world.store, some, world.clock(), Applied())
    for one in some:
        event = one.report
        if isinstance(event, Event) and event.ref is not None and not event.type.says_never_sent:
            world.checker.is_reported(event.ref.send_id, event.ref.number)
