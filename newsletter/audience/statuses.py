"""Columns that say whether somebody wants mail, and what their words mean.

The vocabulary for files of no known system. A word that is not in it is never guessed: whoever
reads the file refuses it, for a no that is taken for a yes mails somebody who left.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from newsletter.model.standing import Standing

Words = Mapping[str, Standing | None]  # lower case; None: it says nothing of the person


def _table(words: Mapping[Standing, str]) -> Words:
    return {word.strip(): standing for standing, text in words.items() for word in text.split(",")}


COMMON = _table(
    {
        Standing.CONFIRMED: "confirmed, subscribed, active, enabled, opted in, opted-in, opted_in, "
        "opt-in, optin, verified, yes, y, true, t, 1, on",
        Standing.PENDING: "pending, unconfirmed, not confirmed, not_confirmed, unverified, "
        "unactivated, awaiting confirmation, waiting, requested, invited, never confirmed, "
        "non-subscribed, nonsubscribed",
        Standing.UNSUBSCRIBED: "unsubscribed, unsubscribe, unsub, opted out, opted-out, opted_out, "
        "opt-out, optout, left, removed, inactive, cancelled, canceled, deleted, archived, "
        "not subscribed, no, n, false, f, 0, off",
        Standing.MANUAL: "blocked, blocklisted, blacklisted, banned, disabled, suppressed, "
        "manual, do not mail, do not email, never mail",
        Standing.SOFT_BOUNCE: "soft bounced, soft_bounced, soft bounce, soft_bounce, soft-bounced",
        Standing.HARD_BOUNCE: "bounced, bounce, hard bounced, hard_bounced, hard bounce, "
        "hard_bounce, hard-bounced, cleaned, undeliverable, invalid",
        Standing.COMPLAINT: "complained, complaint, spam, marked as spam, marked_as_spam, "
        "spam complaint, spam_complaint, abuse, reported as spam, reported spam",
    }
)
_YES = frozenset({"yes", "y", "true", "t", "1", "on", "x"})
_NO = frozenset({"no", "n", "false", "f", "0", "off", "", "never"})

# The senses of a column by its name; the first that fits. `unsubscribed` holds `subscribed`, so
# those that say no stand first.
_SENSES = tuple(
    (re.compile(pattern), standing)
    for pattern, standing in (
        (r"unconfirmed|unverified|unactivated", Standing.PENDING),
        (r"complain|spam|abuse", Standing.COMPLAINT),
        (r"soft.?bounce", Standing.SOFT_BOUNCE),
        (r"bounce|cleaned|clean_time|undeliverable", Standing.HARD_BOUNCE),
        (r"block|blacklist|banned|suppress", Standing.MANUAL),
        (
            r"unsub|opt(ed)?[ _-]?out|disabled|(in|de)activ|do[ _-]?not[ _-]?e?mail",
            Standing.UNSUBSCRIBED,
        ),
        (
            r"subscribed|confirmed|opt(ed)?[ _-]?in(?![a-z])|consent|active|enabled|accepts",
            Standing.CONFIRMED,
        ),
    )
)
_STATUS = re.compile(r"(.*[ _-])?(status|state|standing)|subscriber[ _-]?type")
_TIME = re.compile(r".*([ _-](at|time|date|on|since)|(date|time))|last[ _-].*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


class Said(NamedTuple):
    """What a cell says: a standing, None for nothing; and when that came to be, if it tells."""

    standing: Standing | None
    at: dt.datetime | None = None


NOTHING = Said(None)


# What a cell, in lower case, says; None for a word that is not known.
Meaning = Callable[[str], Said | None]


@dataclass(slots=True)
class StatusColumn:
    """How the cells of one column are read, and what those said that were read before."""

    index: int
    name: str
    meaning: Meaning
    known: dict[str, Said] = field(default_factory=dict)

    def read(self, cell: str) -> Said | None:
        """What a cell says that is not `known` yet; None for a word without a meaning."""
        said = self.meaning(cell.strip().lower())
        if said and len(self.known) < _MOST_WORDS:  # dates are endless
            self.known[cell] = said
        return said


_MOST_WORDS = 10_000


def by_words(words: Words) -> Meaning:
    """A column whose words are those of a table, and no others."""

    def meaning(cell: str) -> Said | None:
        return Said(words[cell]) if cell in words else None

    return meaning


def if_filled(standing: Standing) -> Meaning:
    """A column in which anything, usually a time, says that it happened."""

    def meaning(cell: str) -> Said | None:
        return Said(standing, moment(cell)) if cell else NOTHING

    return meaning


def by_name(name: str) -> Meaning | None:
    """How a column of this name is read, None if it does not look like a status or a consent."""
    name = name.strip().lower()
    if _STATUS.fullmatch(name):
        return status_word
    for pattern, standing in _SENSES:
        if pattern.search(name):
            if standing is not Standing.CONFIRMED:
                return _refused(standing)
            may_be_unknown = bool(_TIME.fullmatch(name)) and "confirmed" not in name
            return _agreed(NOTHING if may_be_unknown else Said(Standing.PENDING))
    return None


def status_word(cell: str) -> Said | None:
    """A word of the common vocabulary. An empty cell is no yes, so its person is pending."""
    if not cell:
        return Said(Standing.PENDING)
    return Said(COMMON[cell]) if cell in COMMON else None


def _agreed(empty: Said) -> Meaning:
    """A column such as `subscribed` or `opted_in`; `empty` is what a cell without a word says."""

    def meaning(cell: str) -> Said | None:
        if cell in _YES:
            return Said(Standing.CONFIRMED)
        if not cell:
            return empty
        if cell in _NO:
            return Said(Standing.UNSUBSCRIBED)
        if _DATE.match(cell) and (at := moment(cell)):
            return Said(Standing.CONFIRMED, at)
        return Said(COMMON[cell]) if cell in COMMON else None

    return meaning


def _refused(standing: Standing) -> Meaning:
    """A column such as `unsubscribed` or `bounced`, in which a yes or a time says no."""

    def meaning(cell: str) -> Said | None:
        if cell in _NO:
            return NOTHING
        if cell in _YES:
            return Said(standing)
        if _DATE.match(cell) and (at := moment(cell)):
            return Said(standing, at)
        word = COMMON.get(cell)
        return Said(word) if word not in (None, Standing.CONFIRMED) else None

    return meaning


def moment(cell: str) -> dt.datetime | None:
    """A time as exports write them, ISO 8601 or nearly; in UTC where no zone is given.

    None for what cannot be read, and for a time before there was e-mail.
    """
    text = cell.strip().upper()
    if not _DATE.match(text):
        return None
    try:
        at = dt.datetime.fromisoformat(text.removesuffix(" UTC"))
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year > _FIRST_YEAR else None


_FIRST_YEAR = 1970
