"""What happened when: while a send went out, and in the days after it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping

from sqlalchemy.engine import Connection

from newsletter.model.event import EventType
from newsletter.reports.figures import Speed, TimeLine, TimeStep
from newsletter.store.ledger import reporting
from newsletter.store.people import consents
from newsletter.store.reported import counted

_STEPS = tuple(
    dt.timedelta(seconds=seconds)
    for seconds in (
        *(1, 2, 5, 10, 15, 30),
        *(60, 120, 300, 600, 900, 1_800),
        *(3_600, 7_200, 10_800, 21_600, 43_200),
        *(86_400, 172_800, 604_800, 2_592_000),
    )
)
_MOST_STEPS = 48  # in a picture
_AFTER = dt.timedelta(days=3)  # how long what follows a send is drawn
SAMPLE = 10_000  # deliveries of which the arrival is looked up
_AT_ONCE = 500
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def step_for(span: dt.timedelta) -> dt.timedelta:
    """The length of steps that a span is drawn in."""
    return next((step for step in _STEPS if span < step * _MOST_STEPS), _STEPS[-1])


def floor(at: dt.datetime, step: dt.timedelta) -> dt.datetime:
    """The beginning of a step: a whole one of its kind, or a whole hour where it is longer."""
    return at - (at - _EPOCH) % min(step, dt.timedelta(hours=1))


def sending(
    connection: Connection, number: int, claims: reporting.Claims, arrived: "Arrived"
) -> TimeLine | None:
    """How many recipients were accepted in each step of a send, and how many mails arrived."""
    if claims.first is None or claims.last is None:
        return None
    until = max(
        claims.last,
        min(arrived.mostly_until(claims.last), claims.last + (claims.last - claims.first)),
    )
    step = step_for(until - claims.first)
    since = floor(claims.first, step)
    accepted = reporting.accepted_over_time(connection, number, since, step)
    last = (until - since) // step
    line = _drawn(
        since, step, last, {"accepted": accepted, "delivered": arrived.over_time(since, step)}
    )
    return line if accepted else None


def after(
    connection: Connection, number: int, began_at: dt.datetime, now: dt.datetime, arrived: "Arrived"
) -> TimeLine | None:
    """What was reported, and who left, in the first days from the beginning of a send on."""
    until = min(now, began_at + _AFTER)
    step = step_for(max(until - began_at, dt.timedelta(minutes=1)))
    since = floor(began_at, step)
    caused = counted.caused_over_time(connection, number, since, step)
    left = consents.left_over_time(connection, number, since, step)
    amounts: Mapping[str, Mapping[int, int]] = {
        "delivered": arrived.over_time(since, step),
        "bounced": _of(caused, EventType.BOUNCE),
        "complained": _of(caused, EventType.COMPLAINT),
        "unsubscribed": left,
    }
    if not any(amounts.values()):
        return None
    return _drawn(since, step, max(0, (until - since) // step), amounts)


def _drawn(
    since: dt.datetime,
    step: dt.timedelta,
    last: int,
    amounts: Mapping[str, Mapping[int, int]],
) -> TimeLine:
    """Amounts by step, from the first step on to the `last`."""
    placed: Counter[tuple[str, int]] = Counter()
    later = 0
    for name, by_step in amounts.items():
        for place, amount in by_step.items():
            if place > last:
                later += amount
            else:
                placed[name, max(0, place)] += amount  # a clock elsewhere may be slow
    steps = (
        TimeStep(since + n * step, **{name: placed[name, n] for name in amounts})
        for n in range(last + 1)
    )
    return TimeLine(step, tuple(steps), later)


def _of(caused: Mapping[tuple[EventType, int], int], kind: EventType) -> dict[int, int]:
    return {place: amount for (type_, place), amount in caused.items() if type_ is kind}


class Arrived:
    """When the mails of a send arrived: of a big one, of some that are spread evenly over it."""

    def __init__(self, delivered: int) -> None:
        self._delivered = delivered
        self._times: list[dt.datetime] = []
        self._seconds: list[float] = []
        self.is_estimate = False

    def look(self, connection: Connection, number: int, recipients: int) -> None:
        """Look up the arrivals of some of the recipients, or of all where they are few."""
        stride = max(1, -(-recipients // SAMPLE))
        self.is_estimate = stride > 1
        for first in range(1, recipients + 1, stride * _AT_ONCE):
            some = range(first, min(first + stride * _AT_ONCE, recipients + 1), stride)
            for arrival in counted.arrivals(connection, number, some):
                self._times.append(arrival.at)
                if arrival.sent_at is not None:
                    passed = (arrival.at - arrival.sent_at).total_seconds()
                    self._seconds.append(max(0.0, passed))

    def mostly_until(self, default: dt.datetime) -> dt.datetime:
        """When 95 of 100 had arrived."""
        return sorted(self._times)[len(self._times) * 95 // 100] if self._times else default

    def over_time(self, since: dt.datetime, step: dt.timedelta) -> dict[int, int]:
        """How many arrived in each step, of all that were delivered."""
        found = Counter((at - since) // step for at in self._times)
        if not self.is_estimate:
            return dict(found)
        share = self._delivered / max(1, len(self._times))
        return {place: round(amount * share) for place, amount in found.items()}

    @property
    def speed(self) -> Speed | None:
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        return Speed(ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100])
