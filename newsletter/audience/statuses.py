"""Columns that say whether somebody wants mail, by their names: for files of no known system."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from newsletter.audience.vocabulary import COMMON, EMPTY, NAMES, NO, YES, Words
from newsletter.model.standing import Standing

_SENSES = tuple((re.compile("|".join(patterns)), standing) for standing, patterns in NAMES.items())
_STATUS = re.compile(
    r"(.*[ _-])?(state|standing|estado|stato)|subscriber[ _-]?type|"
    r".*(status|statut|状态)([ _-]?(code|id|text|name|label))?"
)
_TIME = re.compile(r".*([ _-](at|time|date|on|since)|ed(at|on)|date|time|时间|日期)")
# Columns about another way to reach somebody than by mail, or about a mere detail of a consent.
_CHANNEL = re.compile(
    r"(?<![a-z])(sms|mms|phone|mobile|push|whats?app|calls?|fax|postal|telegram|wechat)(?![a-z])|"
    r"短信|微信"
)
_PART = re.compile(
    r".*[ _-](url|link|token|hash|code|id|text|wording|version|form)|last[ _-].*activ.*"
)
_DATE = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}([T ].*)?")
_TIME_OF_A_COUNTRY = re.compile(
    r"\d{1,2}([-/.])\d{1,2}\1(\d{4}|\d{2})( .*)?|\d{10}|\d{13}|\d{4}年\d{1,2}月\d{1,2}日.*|"
    r"([a-z]+,? )?([a-z]{3,9}\.? \d{1,2},?|\d{1,2}\.? [a-z]{3,9}\.?) \d{4}.*"
)


class Said(NamedTuple):
    """What a cell says: a standing, or None; and since when, if it says so."""

    standing: Standing | None
    at: dt.datetime | None = None


NOTHING = Said(None)


# The meaning of a cell in lower case; None for an unknown word.
StatusReader = Callable[[str], Said | None]


@dataclass(slots=True)
class StatusColumn:
    """How the cells of one column are read, with the meanings of those read before."""

    index: int
    name: str
    meaning: StatusReader
    known: dict[str, Said] = field(default_factory=dict)

    def read(self, cell: str) -> Said | None:
        """The meaning of a cell that is not `known` yet; None for a word without one."""
        meaning = self.meaning(unicodedata.normalize("NFC", cell.strip().lower()))
        if meaning and len(self.known) < _MOST_WORDS:  # dates are endless
            self.known[cell] = meaning
        return meaning


_MOST_WORDS = 10_000


def by_words(words: Words) -> StatusReader:
    """A column that may only have the words of a table."""

    def meaning(cell: str) -> Said | None:
        return Said(words[cell]) if cell in words else None

    return meaning


def if_filled(standing: Standing) -> StatusReader:
    """A column in which any value, usually a time, says that something happened."""

    def meaning(cell: str) -> Said | None:
        return NOTHING if cell in EMPTY else Said(standing, moment(cell))

    return meaning


def by_name(name: str) -> StatusReader | None:
    """How to read a column of this name, in lower case; None if it looks like neither a status nor
    a consent."""
    if _CHANNEL.search(name) and "mail" not in name:
        return None
    if _STATUS.fullmatch(name):
        return status_word
    if _PART.fullmatch(name):
        return None
    for pattern, standing in _SENSES:
        if pattern.search(name):
            if standing is not Standing.CONFIRMED:
                return _refused(standing)
            may_be_unknown = bool(_TIME.fullmatch(name)) and "confirmed" not in name
            return _agreed(NOTHING if may_be_unknown else Said(Standing.PENDING))
    return None


def status_word(cell: str) -> Said | None:
    """A word of the common vocabulary. An empty cell is not a yes, so its person is pending."""
    if cell in EMPTY:
        return Said(Standing.PENDING)
    return Said(COMMON[cell]) if cell in COMMON else None


def _agreed(empty: Said) -> StatusReader:
    """A column such as `subscribed` or `opted_in`; `empty` is the meaning of an empty cell."""

    def meaning(cell: str) -> Said | None:
        if cell in YES:
            return Said(Standing.CONFIRMED)
        if cell in EMPTY:
            return empty
        if cell in NO:
            return Said(Standing.UNSUBSCRIBED)
        if is_time(cell):
            return Said(Standing.CONFIRMED, moment(cell))
        return Said(COMMON[cell]) if cell in COMMON else None

    return meaning


def _refused(standing: Standing) -> StatusReader:
    """A column such as `unsubscribed` or `bounced`, in which a yes or a time says no."""

    def meaning(cell: str) -> Said | None:
        if cell in NO or cell in EMPTY:
            return NOTHING
        if cell in YES:
            return Said(standing)
        if is_time(cell):
            return Said(standing, moment(cell))
        word = COMMON.get(cell)
        return Said(word) if word not in (None, Standing.CONFIRMED) else None

    return meaning


def is_time(cell: str) -> bool:
    """Whether this is a time, even one that `moment` cannot read for certain, such as
    05/06/2024."""
    if _DATE.match(cell):
        return moment(cell) is not None
    return bool(_TIME_OF_A_COUNTRY.fullmatch(cell))


def moment(cell: str) -> dt.datetime | None:
    """A time as exports write them, ISO 8601 or nearly; in UTC where no zone is given.

    None for a text that cannot be read, and for a time before e-mail existed.
    """
    text = cell.strip().upper()
    if not _DATE.match(text):
        return None
    text = text.removesuffix(" UTC").replace("/", "-").replace(" +", "+")
    try:
        at = dt.datetime.fromisoformat(text)
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year > _FIRST_YEAR else None


_FIRST_YEAR = 1970
