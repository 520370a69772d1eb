"""What only rows of our own export say."""

import datetime as dt
from collections.abc import Sequence

from newsletter.audience import ownlayout
from newsletter.audience.cells import at, past
from newsletter.audience.ownlayout import REASONS, STATUSES, OwnColumns
from newsletter.audience.statuses import moment
from newsletter.model.subscriber import SuppressionReason
from newsletter.store.people.staging import StagedFormer, StagedSaid, StagedSuppression
from newsletter.store.schema import microseconds


def history(
    own: OwnColumns, cells: Sequence[str], place: int, *, may_be_cut: bool
) -> tuple[list[StagedSaid], list[StagedFormer]]:
    """What a row of our own export says about the past. Raises ValueError where a spreadsheet has
    cut a long cell, unless the row `may_be_cut`: its no is kept then."""
    try:
        lines = list(ownlayout.read(at(cells, own.consents), place))
        return lines, list(ownlayout.read_former(at(cells, own.former_addresses), place))
    except ValueError:
        if not may_be_cut:
            raise
        return [], []


def suppression(
    own: OwnColumns, cells: Sequence[str], place: int, key: str, reason: str, now: dt.datetime
) -> StagedSuppression:
    source, when = at(cells, own.suppression_source), moment(at(cells, own.suppressed_at))
    suppressed_at = microseconds(past(when, now))
    return StagedSuppression(place, key, SuppressionReason(reason), source, suppressed_at)


def unknown_word(status: str, reason: str) -> tuple[str, str] | None:
    """The column and the word of a row that our export would not write, if there is one."""
    for word, words, column in ((status, STATUSES, "status"), (reason, REASONS, "suppression")):
        if word not in words:
            return column, word
    return None
