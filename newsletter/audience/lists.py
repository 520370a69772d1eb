"""Lists: making one, saying what it is, and deleting one that nothing depends on."""

import datetime as dt
import re

from newsletter.errors import Refused, UsageError
from newsletter.gate import visible
from newsletter.store import Store
from newsletter.store.people import lists
from newsletter.store.people.lists import ListCounts

_NAME = re.compile(r"[a-z0-9-]{1,63}")
LONGEST_TITLE = 80  # characters: as the phrase of List-Id it fits in one line of a header
LONGEST_DESCRIPTION = 300


def check_name(name: str, kind: str = "list") -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a {kind}",
            hint="Use up to 63 lower-case letters, digits and hyphens: ai-daily",
        )


def create(
    store: Store, name: str, now: dt.datetime, *, title: str = "", description: str = ""
) -> bool:
    """Make a list; False if it is there already, and then it stays as it is."""
    check_name(name)
    title, description = _title(title), _description(description)
    with store.write() as connection:
        return lists.create(connection, name, now, title=title, description=description)


def edit(
    store: Store, name: str, *, title: str | None = None, description: str | None = None
) -> ListCounts:
    """Give a list another title or description, which may be empty; None leaves it as it is.

    Sends that were planned before keep their title. Raises UsageError for an
    unknown list, and for words that cannot stand in a header and on a page.
    """
    if title is None and description is None:
        raise UsageError(
            "nothing to change", hint="Name --title or --description; an empty one removes it."
        )
    title = None if title is None else _title(title)
    description = None if description is None else _description(description)
    with store.write() as connection:
        list_id = lists.id_of(connection, name)
        lists.describe(connection, list_id, title, description)
        (counts,) = lists.newest_first(connection, name)
    return counts


def _title(text: str) -> str:
    return _line(text, "--title", LONGEST_TITLE)


def _description(text: str) -> str:
    return _line(text, "--description", LONGEST_DESCRIPTION)


def _line(text: str, option: str, longest: int) -> str:
    """Words for a header or a page. Raises UsageError for what would break either."""
    text = text.strip()
    kind = option.removeprefix("--")
    if len(text) > longest:
        raise UsageError(
            f"this {kind} has {len(text):,} characters",
            where=option,
            hint=f"Shorten it to {longest} or fewer.",
        )
    if bad := next((sign for sign in text if sign == "\t" or visible(sign) != sign), None):
        raise UsageError(
            f"this {kind} holds a sign that nobody sees (U+{ord(bad):04X}): a control character, "
            "a line break, or a mark of text direction",
            where=option,
            hint="Write it without that, in one line.",
        )
    return text


def find(store: Store, name: str) -> ListCounts:
    """Raises UsageError for an unknown list."""
    with store.read() as connection:
        lists.id_of(connection, name)
        (counts,) = lists.newest_first(connection, name)
    return counts


def delete(store: Store, name: str, *, confirmed: bool) -> ListCounts:
    """Delete a list; its people stay. Returns its last counts.

    Raises Refused for a list that was ever mailed, since the ledger needs it; for one that a
    segment names; and, unless `confirmed`, for one with members, since the proof of who said yes
    and who left goes with it.
    """
    from newsletter.store.segments import segments  # noqa: PLC0415 -- a parser that segments alone need

    with store.write() as connection:
        list_id = lists.id_of(connection, name)
        (counts,) = lists.newest_first(connection, name)
        if counts.sends:
            raise Refused(
                f"{name!r} has {counts.sends:,} sends, and their ledger needs it",
                hint="A list that was mailed stays; its members can be removed.",
            )
        if user := segments.naming(connection, name):
            raise Refused(
                f"the rule of {user!r} names {name!r}",
                hint="Give that segment another rule, or end that send, first.",
            )
        if counts.members and not confirmed:
            raise Refused(
                f"{name!r} has {counts.members:,} members, of whom {counts.unsubscribed:,} left",
                hint="With it goes its part of the consent log: who said yes, and who left. Export "
                "it first, then delete it with --yes.",
            )
        lists.delete(connection, list_id)
    return counts
