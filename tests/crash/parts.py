"""The parts of the campaign, and which of them must fail without a guard."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from tests.crash.crews import Tolls, share_a_send
from tests.crash.driver import Orders
from tests.crash.kills import Found, Moments, at_random
from tests.crash.points import at_every_point
from tests.crash.rivals import POINTS, Waking, asleep, race
from tests.crash.stage import Stage

_LATENCY_MS = 10.0

Play = Callable[[Stage, float, int], Found]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the campaign: where it is played and how. `play` gets the stage, the share of the
    counts that is wanted, and the seed."""

    group: str
    store: str
    kind: str
    recipients: int
    orders: Orders
    play: Play
    latency_ms: float = _LATENCY_MS

    @property
    def name(self) -> str:
        threads = "" if self.kind == "outbox" else f" × {self.orders.threads}"
        return f"{self.group}: {self.kind}{threads}, {self.store}"


def parts() -> Iterator[Part]:
    for store, threads in product(("sqlite", "postgresql"), (1, 4)):
        orders = Orders(threads=threads)
        seconds = 2.0 if threads == 1 else 1.5
        yield Part("random", store, "bulk", 20_000, orders, _randomly(55, seconds))
        yield Part("lost answers", store, "bulk", 5_000, orders, _losing_answers(10))
    for store in ("sqlite", "postgresql"):
        yield Part("random", store, "raw", 4_000, Orders(threads=4), _randomly(15, 1.5))
        yield Part("random", store, "outbox", 10_000, Orders(), _randomly(15, 2.0))
    yield Part("slow", "sqlite", "bulk", 400, Orders(threads=4), _slowly(10), 200.0)
    for store, kind in (
        ("sqlite", "bulk"),
        ("postgresql", "bulk"),
        ("sqlite", "raw"),
        ("sqlite", "outbox"),
    ):
        orders = Orders(threads=1, batch_size=2)
        yield Part("every point", store, kind, 6, orders, _everywhere, 0.0)
    for store in ("sqlite", "postgresql"):
        orders = Orders(threads=1, batch_size=2)
        yield Part("asleep", store, "bulk", 10, orders, _asleep, 0.0)
        yield Part("races", store, "bulk", 10, orders, _races(60), 100.0)
    crew = Orders(threads=2)
    yield Part("many workers", "server", "bulk", 10_000, crew, _shared("many workers", 300), 40.0)
    yield Part("two hosts", "server", "bulk", 10_000, crew, _shared("two hosts", 300), 40.0)


def _randomly(kills: int, seconds: float) -> Play:
    def play(stage: Stage, share: float, seed: int) -> Found:
        return at_random(stage, Moments(some(kills, share), seconds, seed))

    return play


def _losing_answers(kills: int) -> Play:
    """SES takes every twentieth call and does not answer."""

    def play(stage: Stage, share: float, seed: int) -> Found:
        assert stage.standin is not None
        stage.standin.configure(drop_after=0.05)
        return at_random(stage, Moments(some(kills, share), 1.0, seed))

    return play


def _slowly(kills: int) -> Play:
    """At 100 recipients a second a call carries 10, and no more than that may be in doubt."""

    def play(stage: Stage, share: float, seed: int) -> Found:
        slow = Moments(some(kills, share), 2.0, seed, ("--rate", "100"), batch_size=10)
        return at_random(stage, slow)

    return play


def _everywhere(stage: Stage, share: float, seed: int) -> Found:
    return at_every_point(stage, share, seed)


def _asleep(stage: Stage, share: float, seed: int) -> Found:
    """At each point between transactions, and for each way to wake."""
    chosen = list(product(POINTS, Waking))
    found = Found()
    for point, waking in random.Random(seed).sample(chosen, some(len(chosen), share)):
        asleep(stage, point, waking, found)
    return found


def _races(amount: int) -> Play:
    def play(stage: Stage, share: float, seed: int) -> Found:
        found = Found()
        for number in range(some(amount, share)):
            race(stage, 2 + number % 2, seed + number, found)
        return found

    return play


def _shared(crew: str, kills: int) -> Play:
    def play(stage: Stage, share: float, seed: int) -> Found:
        return share_a_send(stage, crew, Tolls(some(kills, share), 0.7, seed))

    return play


def some(amount: int, share: float) -> int:
    return max(1, round(amount * share))


# --- without a guard ------------------------------------------------------------------------------


def proof(guard: str) -> Part:
    """The part that must find faults where this guard is switched off."""
    part = _proof(guard)
    return replace(part, orders=replace(part.orders, without=guard))


def _proof(guard: str) -> Part:
    match guard:
        case "no-sdk-retries" | "no-retry-of-unknown":
            return Part("lost answers", "sqlite", "bulk", 5_000, Orders(4), _losing_answers(3))
        case "claim-before-send" | "lost-is-unknown":
            # Most of the time a call is under way, on the slowest machine too: kills meet one.
            return Part("random", "sqlite", "bulk", 1_000, Orders(1), _randomly(10, 1.5), 200.0)
        case "one-transaction":
            return Part("random", "sqlite", "bulk", 5_000, Orders(1), _randomly(10, 1.5))
        case "small-calls":
            return Part("slow", "sqlite", "bulk", 400, Orders(4), _slowly(5), 200.0)
        case "claim-fence":
            play = _asleep_at("after the commit in sending.core._record", Waking.DURING)
        case "record-fence":
            play = _asleep_at("after the delivery in sending.core._deliver", Waking.AFTER_RESENDING)
        case _:
            raise ValueError(f"there is no guard {guard!r}")
    return Part("asleep", "sqlite", "bulk", 10, Orders(1, 2), play, 0.0)


def _asleep_at(point: str, waking: Waking) -> Play:
    def play(stage: Stage, share: float, seed: int) -> Found:
        found = Found()
        asleep(stage, point, waking, found)
        return found

    return play
