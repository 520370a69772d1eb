"""How a store that was restored from a copy is recognised, and how a person goes on with it.

Such a store does not know what was sent since the copy was made, nor who left. Nothing is sent from
it before it is adopted. Copies that `db backup` made know what they are. Others are recognised by
the generation file, by reports of mails that the store should know but does not, and by what the
provider has counted.
"""

import datetime as dt
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.errors import Refused
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.send import Allowance, SendStatus, StoppedBy
from newsletter.sending import generation
from newsletter.store import Store, audit, state
from newsletter.store.ledger import (
    deliveries,
    recording,
    reporting,
    sends,
    tenures,
    transitions,
)
from newsletter.store.people import requesting, requests
from newsletter.store.relocation import relocations
from newsletter.store.reported import events
from newsletter.times import time_text

ADVICE = "Replay the events since then if you have them, then: newsletter db adopt"
_COUNTED = dt.timedelta(hours=25)  # a provider's 24 begin a little later than our claim
_MARGIN = 100  # tests, say
_REASON = "the store was restored from a backup: it may have been sent since"


def sign(connection: Connection, file: Path | None, timezone: str) -> str:
    """The sign that the store was restored, empty where there is none; times are in `timezone`.

    `file` is that of newsletter.sending.generation; it is not needed for copies of `db backup`.
    """
    if copied_at := state.time(connection, state.COPIED_AT):
        return (
            f"the store was restored from a backup of {time_text(copied_at, timezone)}, "
            "and does not know what was sent since, nor who left"
        )
    if forgot_at := state.time(connection, state.FORGOT_AT):
        return (
            f"since {time_text(forgot_at, timezone)} {events.last_reporter(connection)} reports of "
            "mails that this store should know and does not: it was restored from a backup, or "
            "lost what it had written"
        )
    if file is not None and generation.is_behind(connection, file):
        return (
            "the store is older than this newsletter: it was restored from a backup, "
            "and does not know what was sent since, nor who left"
        )
    return ""


def check(connection: Connection, file: Path | None, timezone: str) -> None:
    """Raises Refused where the store was restored and not adopted, StoreClosed where it moved."""
    relocations.check_open(connection)
    if reason := sign(connection, file, timezone):
        raise Refused(reason, hint=f"Nothing was sent. {ADVICE}")


def compare(store: Store, allowance: Allowance, now: dt.datetime) -> None:
    """Raises Refused where the account has mailed far more than this store can have sent.

    Others may use the account: their number of mails is remembered from the last run, and up to
    about twice as many are no reason to stop. A store that never sent refuses nothing.
    """
    with store.read() as connection:
        usual = state.find(connection, state.OTHERS)
        others = _others(connection, allowance, now)
    if usual is None or others is None or others <= 2 * usual + _MARGIN:
        return
    assert allowance.sent is not None
    raise Refused(
        f"{allowance.service} has taken {allowance.sent:,} mails of this account in 24 hours, and "
        f"this store knows of {allowance.sent - others:,}: it may have been restored from a backup",
        hint="Nothing was sent. If it was: newsletter db adopt --yes. If another program sends "
        f"from this account: {allowance.if_shared}.",
    )


def note_others(store: Store, allowance: Allowance, now: dt.datetime) -> None:
    """Remember how many of the account's mails are not this store's."""
    with store.read() as connection:
        others = _others(connection, allowance, now)
    if others is not None:
        with store.write() as connection:
            state.put(connection, state.OTHERS, others)


def _others(connection: Connection, allowance: Allowance, now: dt.datetime) -> int | None:
    """How many of the account's mails of a day this store cannot have sent."""
    if allowance.sent is None:
        return None
    since = now - _COUNTED
    mine = recording.claimed_since(connection, since) + requests.since(connection, since)
    return max(0, allowance.sent - mine)


def adopt(store: Store, file: Path, now: dt.datetime, who: str = "") -> int:
    """Go on with a restored store; returns how many deliveries are unknown now.

    Whatever was still queued in it may have been sent after the copy was made, so all of that
    becomes unknown, for events to settle or the operator to decide; schedules are paused. What
    visitors asked for before is not mailed: they can ask again; nor are reports on what has ended.
    From now on it is another store than the one that it was copied from. `who` is the person that
    decides, for the audit log. Raises ConfigurationError where that could not be noted in `file`.
    """
    generation.check_place(file)
    with store.write() as connection:
        reporting.take_all(connection, now)
        unknown = 0
        for number in sends.open_numbers(connection):
            unknown += deliveries.make_unknown(connection, number, _REASON, now)
            workers = tenures.of(connection, [number])[number]  # of the original
            tenures.end(connection, number, [tenure.epoch for tenure in workers], now)
            send = sends.record(connection, number, lock=True)
            sends.advance(connection, number, send.recipients)
            if send.status is SendStatus.SCHEDULED:  # a person is asked first
                transitions.pause(connection, send, _REASON, StoppedBy.STORE)
            else:
                transitions.settle(connection, send, now)
        requesting.give_up(connection, state.time(connection, state.COPIED_AT) or now)
        former = state.store_id(connection)
        current = generation.raise_above(connection, generation.remembered(file, former))
        state.renew_id(connection)
        for name in (state.COPIED_AT, state.FORGOT_AT, state.OTHERS):
            state.remove(connection, name)
        renewed = state.store_id(connection)
        detail = f"{unknown:,} deliveries became unknown" if unknown else ""
        audit.append(connection, Deed(now, who, DeedKind.ADOPT, "the store", detail))
    for store_id in (former, renewed):  # further copies of the former one are behind as well
        generation.note(file, store_id, current)
    return unknown
