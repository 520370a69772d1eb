"""Lists: making one, and deleting one that nothing depends on."""

import datetime as dt
import re

from newsletter.errors import Refused, UsageError
from newsletter.store import Store, lists
from newsletter.store.lists import ListCounts

_NAME = re.compile(r"[a-z0-9-]{1,63}")


def check_name(name: str, what: str = "list") -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a {what}",
            hint="Use up to 63 lower-case letters, digits and hyphens: ai-daily",
        )


def create(store: Store, name: str, now: dt.datetime) -> bool:
    """Make a list; False if it is there already."""
    check_name(name)
    with store.write() as connection:
        return lists.create(connection, name, now)


def find(store: Store, name: str) -> ListCounts:
    """Raises UsageError for an unknown list."""
    with store.read() as connection:
        lists.id_of(connection, name)
        (found,) = lists.newest_first(connection, name)
    return found


def delete(store: Store, name: str, *, confirmed: bool) -> ListCounts:
    """Delete a list; its people stay. Returns what it was.

    Raises Refused for a list that was ever mailed, whose ledger needs it, for one that a segment
    names, and unless `confirmed` for one with members, for with it goes the proof of who said yes
    and of who left.
    """
    from newsletter.store import segments  # noqa: PLC0415 -- a parser that segments alone need

    with store.write() as connection:
        list_id = lists.id_of(connection, name)
        (found,) = lists.newest_first(connection, name)
        if found.sends:
            raise Refused(
                f"{name!r} has {found.sends:,} sends, and their ledger needs it",
                hint="A list that was mailed stays; its members can be removed.",
            )
        if user := segments.naming(connection, name):
            raise Refused(
                f"the rule of {user!r} names {name!r}",
                hint="Give that segment another rule, or end that send, first.",
            )
        if found.members and not confirmed:
            raise Refused(
                f"{name!r} has {found.members:,} members, of whom {found.unsubscribed:,} left",
                hint="With it goes its part of the consent log: who said yes, and who left. Export "
                "it first, then delete it with --yes.",
            )
        lists.delete(connection, list_id)
    return found
