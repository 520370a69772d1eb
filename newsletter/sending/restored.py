"""What shows that a store was restored from a copy, and how a person goes on with it.

Such a store does not know what was sent since the copy was made, nor who left. Nothing is sent from
it before it is adopted. Copies that `db backup` made know what they are; others are recognised by
the newsletter's folder.
"""

import datetime as dt
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.errors import Refused
from newsletter.sending import generation
from newsletter.store import Store, deliveries, requests, sends, state

ADVICE = "Replay the events since then if you have them, then: newsletter db adopt"
_REASON = "the store was restored from a backup: it may have been sent since"


def sign(connection: Connection, file: Path | None) -> str:
    """What shows that the store was restored, empty where nothing does.

    `file` is that of newsletter.sending.generation; it is not needed for copies of `db backup`.
    """
    if copied_at := state.time(connection, state.COPIED_AT):
        return (
            f"the store was restored from a backup of {copied_at:%Y-%m-%d %H:%M} UTC, "
            "and does not know what was sent since, nor who left"
        )
    if file is not None and generation.is_behind(connection, file):
        return (
            "the store is older than this newsletter: it was restored from a backup, "
            "and does not know what was sent since, nor who left"
        )
    return ""


def check(connection: Connection, file: Path | None) -> None:
    """Raises Refused where the store was restored and not adopted."""
    if found := sign(connection, file):
        raise Refused(found, hint=f"Nothing was sent. {ADVICE}")


def adopt(store: Store, file: Path, now: dt.datetime) -> int:
    """Go on with a restored store; returns how many deliveries are unknown now.

    Whatever was still queued in it may have been sent after the copy was made, so all of that
    becomes unknown, for events to settle or the operator to decide; schedules are paused. What
    visitors asked for before is not mailed: they can ask again. From now on it is another store
    than the one that it was copied from.
    """
    with store.write() as connection:
        unknown = 0
        for number in sends.open_numbers(connection):
            unknown += deliveries.make_unknown(connection, number, _REASON, now)
            sends.adopt(connection, number, _REASON)
            sends.settle(connection, number, now)
        requests.give_up(connection, state.time(connection, state.COPIED_AT) or now)
        former = state.store_id(connection)
        current = generation.raise_above(connection, generation.known(file, former))
        state.renew_id(connection)
        state.remove(connection, state.COPIED_AT)
        renewed = state.store_id(connection)
    for store_id in (former, renewed):  # further copies of the former one are behind as well
        generation.note(file, store_id, current)
    return unknown
