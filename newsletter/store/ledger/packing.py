"""Deliveries of an archived send as a few bytes: who they were, and how each ended.

Neighbours are alike, as a rule: the next person, accepted at the first attempt, reported as
delivered. So a packed delivery takes about a byte, where its row took some hundreds.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from newsletter.model.send import DeliveryStatus, Reported, SkipReason

# The place of a word in these is what is written: a new one goes to the end.
_STATUSES = (
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.REJECTED,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.UNKNOWN,
)
_REPORTS = (
    None,
    Reported.DELIVERED,
    Reported.DELAYED,
    Reported.BOUNCED,
    Reported.COMPLAINED,
    Reported.REJECTED,
    Reported.RENDERING_FAILED,
)
_REASONS = (
    None,
    SkipReason.SUPPRESSED,
    SkipReason.UNSUBSCRIBED,
    SkipReason.ALREADY_RECEIVED,
    SkipReason.CANCELLED,
    SkipReason.ERASED,
    SkipReason.PAUSED,
)
_BASE = 16  # more than any of them has
_MOST_ATTEMPTS = 255


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a delivery: `reason` is why it was skipped, if it was."""

    number: int
    subscriber_id: int
    status: DeliveryStatus
    attempts: int
    reported: Reported | None
    reason: SkipReason | None


def pack(rows: Sequence[Kept]) -> bytes:
    """The bytes of deliveries with numbers in a row."""
    steps = [
        after - before for before, after in pairwise([0, *(row.subscriber_id for row in rows)])
    ]
    ends = [
        (_STATUSES.index(row.status) * _BASE + _REPORTS.index(row.reported)) * _BASE
        + _REASONS.index(row.reason)
        for row in rows
    ]
    attempts = [min(row.attempts, _MOST_ATTEMPTS) for row in rows]
    return zlib.compress(struct.pack(_layout(len(rows)), *steps, *ends, *attempts))


def unpack(content: bytes, first: int, size: int) -> Iterator[Kept]:
    """The deliveries from the number `first` on."""
    values = struct.unpack(_layout(size), zlib.decompress(content))
    people = accumulate(values[:size])
    for number, person, end, attempts in zip(
        range(first, first + size),
        people,
        values[size : 2 * size],
        values[2 * size :],
        strict=True,
    ):
        rest, reason = divmod(end, _BASE)
        status, reported = divmod(rest, _BASE)
        yield Kept(
            number,
            person,
            _STATUSES[status],
            attempts,
            _REPORTS[reported],
            _REASONS[reason],
        )


def _layout(size: int) -> str:
    return f"<{size}q{size}H{size}B"
