"""The recipients of a send, counted by provider and by reason.

They are read in pieces, each in a transaction of its own: what takes seconds in a send of millions
holds nobody up.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from newsletter.errors import Interrupted
from newsletter.gate import masked, visible
from newsletter.model.event import Cause, EventType
from newsletter.model.send import DeliveryStatus, Reported
from newsletter.reports.figures import Provider, Reason
from newsletter.reports.providers import PROVIDERS, provider_of
from newsletter.store import Store
from newsletter.store.ledger import archived, reporting
from newsletter.store.ledger.reporting import Alike
from newsletter.store.reported.counted import Caused

NAMED_FROM = 20  # people at a domain, below which it is not named
OTHER = "other domains"
ERASED = "erased people"
_MOST_PROVIDERS = 15
_MOST_REASONS = 10
_OTHER_REASONS = "other reasons"
_NO_REASON = "no reason is kept"
_REASON_CHARACTERS = 120
_PIECE = 100_000  # deliveries
_MOST_DOMAINS = 50_000  # that are told apart while they are counted

_HARD = "hard"


class Recipients:
    """What is counted of them: by domain, and why some were rejected or skipped."""

    def __init__(self) -> None:
        self._domains: dict[str, Counter[str]] = defaultdict(Counter)
        self._reasons: dict[DeliveryStatus, Counter[str]] = defaultdict(Counter)
        self.delayed = 0

    def add(self, some: Alike) -> None:
        at_domain = self._domains[provider_of(some.domain) or some.domain]
        at_domain[""] += some.amount
        at_domain[some.status] += some.amount
        if some.reported is not None:
            at_domain[f"reported {some.reported}"] += some.amount
        if some.reported is Reported.DELAYED:
            self.delayed += some.amount
        if some.status in (DeliveryStatus.REJECTED, DeliveryStatus.SKIPPED):
            reasons = self._reasons[some.status]
            reason = visible(masked(some.reason or _NO_REASON))[:_REASON_CHARACTERS]
            is_room = reason in reasons or len(reasons) < _MOST_REASONS * 100
            reasons[reason if is_room else _OTHER_REASONS] += some.amount

    def fold(self) -> None:
        """Count all but the biggest domains together, where they get too many: a domain that is
        to be named is among these in each piece."""
        if len(self._domains) > _MOST_DOMAINS:
            names = sorted(self._domains, key=lambda name: -self._domains[name][""])
            others = self._domains[OTHER]
            for name in names[_MOST_DOMAINS // 10 :]:
                if name not in (OTHER, "") and name not in PROVIDERS:
                    others.update(self._domains.pop(name))

    def add_causes(self, caused: Collection[Caused]) -> None:
        """Count the hard ones among the bounces of each domain."""
        for some in caused:
            if some.type is EventType.BOUNCE and some.cause is Cause.HARD:
                self._domains[provider_of(some.domain) or some.domain][_HARD] += some.amount

    def reasons(self, status: DeliveryStatus) -> tuple[Reason, ...]:
        """The most frequent first."""
        counted = Counter(self._reasons[status])
        rest = counted.pop(_OTHER_REASONS, 0)
        top = counted.most_common(_MOST_REASONS)
        rest += counted.total() - sum(amount for _, amount in top)
        return tuple(Reason(*pair) for pair in (*top, *([(_OTHER_REASONS, rest)] if rest else ())))

    def providers(self) -> tuple[Provider, ...]:
        """Those with the most recipients first, then all others together, and erased people."""
        big = [
            (amounts[""], name)
            for name, amounts in self._domains.items()
            if name in PROVIDERS or (amounts[""] >= NAMED_FROM and name not in (OTHER, ""))
        ]
        named = [name for _, name in sorted(big, key=lambda pair: (-pair[0], pair[1]))]
        named = named[:_MOST_PROVIDERS]
        others: Counter[str] = Counter()
        for name in self._domains.keys() - {*named, ""}:
            others.update(self._domains[name])
        rows = [(name, self._domains[name]) for name in named]
        rows += [(OTHER, others), (ERASED, self._domains.get("", Counter()))]
        return tuple(_provider(name, amounts) for name, amounts in rows if amounts[""])


def _provider(name: str, amounts: Counter[str]) -> Provider:
    return Provider(
        name=name,
        recipients=amounts[""],
        accepted=amounts[DeliveryStatus.ACCEPTED],
        delivered=amounts[f"reported {Reported.DELIVERED}"],
        delayed=amounts[f"reported {Reported.DELAYED}"],
        bounced=amounts[f"reported {Reported.BOUNCED}"],
        hard=amounts[_HARD],
        complained=amounts[f"reported {Reported.COMPLAINED}"],
        unknown=amounts[DeliveryStatus.UNKNOWN],
    )


def count(store: Store, number: int, stop: threading.Event | None = None) -> Recipients:
    """All recipients of a send: those that the ledger holds, and those that were archived. Raises
    Interrupted where it is asked to stop."""
    found = Recipients()
    for piece in _pieces(store, number):
        if stop is not None and stop.is_set():
            raise Interrupted("interrupted")
        for some in piece:
            found.add(some)
        found.fold()
    return found


def _pieces(store: Store, number: int) -> Iterator[Sequence[Alike]]:
    yield from _archived(store, number)
    with store.read() as connection:
        after = archived.next_number(connection, number) - 1
        last = reporting.last_number(connection, number)
    while after < last:
        with store.read() as connection:
            piece = reporting.alike(connection, number, after, after + _PIECE)
        yield piece
        after += _PIECE


def _archived(store: Store, number: int) -> Iterator[Sequence[Alike]]:
    """The archived recipients of a send, counted where they are alike, a pack at a time."""
    after = 0
    while True:
        with store.read() as connection:
            kept = archived.next_of(connection, number, after)
            if not kept:
                return
            people = kept[0].subscriber_id, kept[-1].subscriber_id
            domains = reporting.domains(connection, *people)
        alike = Counter(
            (domains.get(one.subscriber_id, ""), one.status, one.reported, one.reason)
            for one in kept
        )
        yield [Alike(*what, amount) for what, amount in alike.items()]
        after = kept[-1].number
