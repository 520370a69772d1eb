"""Our suppressions and those of the SES account, each told what the other learned."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.model.subscriber import Suppression, SuppressionReason
from newsletter.store import Store, state, suppressions
from newsletter.store.staging import Hashes
from newsletter.transports.ses import AccountList, Listed

SOURCE = "SES account list"
_PULLED = "ses_suppressions_pulled"  # in the store: when the list was last read, Unix seconds
_OVERLAP = dt.timedelta(days=1)  # clocks differ, and SES may show a change late
_PUSHED = (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT)  # what SES has reasons for
_PAGE = 1000


@dataclass
class Synced:
    """What changed on either side, and how many addresses needed nothing."""

    from_ses: int = 0
    to_ses: int = 0
    removed_at_ses: int = 0
    unchanged: int = 0


def sync(store: Store, account: AccountList, hashes: Hashes, now: dt.datetime) -> Synced:
    """Read the account's whole list, take over what is new, and put there what it lacks.

    What was removed here since SES listed it is deleted there instead of coming back. Manual and
    soft-bounce suppressions stay ours, and of an erased person nothing is told. Each page is a
    transaction: after a failure, which is raised, another run goes on where this one ended.
    """
    total = Synced()
    there: set[str] = set()  # of our own, what SES has already
    for page in account.pages():
        with store.write() as connection:
            found = _take(connection, page, hashes, now, total)
        there |= found.ours
        for address in found.removed:
            account.delete(address)
        total.removed_at_ses += len(found.removed)
    for entry in _lacking(store, there):
        account.put(entry.address, entry.reason)
        total.to_ses += 1
    _note(store, now)
    return total


def pull(store: Store, account: AccountList, hashes: Hashes, now: dt.datetime) -> int:
    """Take over what SES has listed since the last time; returns how many are new here.

    The first time this reads the whole list. It changes nothing at SES.
    """
    with store.read() as connection:
        last = state.value(connection, _PULLED)
    since = dt.datetime.fromtimestamp(last, dt.UTC) - _OVERLAP if last else None
    total = Synced()
    for page in account.pages(since):
        with store.write() as connection:
            _take(connection, page, hashes, now, total)
    _note(store, now)
    return total.from_ses


@dataclass(frozen=True, slots=True)
class _Page:
    """Of one page of SES: the keys that came from us, and the addresses that we have removed, spelt
    as SES lists them."""

    ours: frozenset[str]
    removed: tuple[str, ...]


def _take(
    connection: Connection,
    page: Sequence[Listed],
    hashes: Hashes,
    now: dt.datetime,
    total: Synced,
) -> _Page:
    listed = {key: entry for entry in page if (key := _key(entry)) is not None}
    known = suppressions.of(connection, listed)
    # What SES lists for reasons of its own stays when an import is undone.
    suppressions.keep(connection, [key for key, entry in known.items() if not _is_pushed(entry)])
    new = [key for key in listed if key not in known]
    erased = _erased(connection, new, hashes)
    removed_at = suppressions.last_removed(connection, new)
    removed = {key for key, at in removed_at.items() if at > listed[key].at}
    added = suppressions.add_all(
        connection,
        [
            Suppression(key, listed[key].reason, SOURCE, now)
            for key in new
            if key not in erased and key not in removed
        ],
    )
    total.from_ses += added
    total.unchanged += len(page) - added - len(removed)
    ours = frozenset(key for key, entry in known.items() if _is_pushed(entry))
    return _Page(ours, tuple(entry.address for entry in page if _key(entry) in removed))


def _erased(connection: Connection, keys: Sequence[str], hashes: Hashes) -> Collection[str]:
    """Those of the keys that are of erased people, who are known by hashes alone."""
    if not suppressions.any_erased(connection):
        return ()
    names = {name: key for key in keys for name in hashes(key)}
    return {names[found] for found in suppressions.of(connection, names)}


def _lacking(store: Store, there: Collection[str]) -> Iterator[Suppression]:
    """Our own bounces and complaints that SES does not list, a page at a time."""
    for reason in _PUSHED:
        after = ""
        while True:
            with store.read() as connection:
                page = suppressions.by_address(connection, reason, after, _PAGE)
            yield from (entry for entry in page if _is_pushed(entry) and entry.address not in there)
            if len(page) < _PAGE:
                break
            after = page[-1].address


def _is_pushed(entry: Suppression) -> bool:
    """What came from SES does not go back: it may have been deleted there on purpose."""
    return entry.reason in _PUSHED and entry.source != SOURCE


def _key(entry: Listed) -> str | None:
    try:
        return Address(entry.address).key
    except ValueError:
        return None  # nobody that we could ever mail


def _note(store: Store, now: dt.datetime) -> None:
    with store.write() as connection:
        state.raise_to(connection, _PULLED, int(now.timestamp()))
