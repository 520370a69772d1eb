"""Our suppressions and those of the provider's account, each brought up to date with the other."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from newsletter.model.address import Address
from newsletter.model.subscriber import Suppression, SuppressionReason
from newsletter.store import Store, state
from newsletter.store.people import suppressing, suppressions
from newsletter.store.people.staging import Hashes
from newsletter.transports.base import AccountList, Listed

_OVERLAP = dt.timedelta(days=1)  # clocks differ, and a provider may show a change late
_PUSHED = (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT)
_PAGE = 1000


@dataclass
class Synced:
    """What changed on either side, and how many addresses needed nothing."""

    taken: int = 0
    given: int = 0
    removed: int = 0  # from the provider's list
    unchanged: int = 0

    def counts(self, kind: str) -> dict[str, int]:
        """The counts as commands print them, by the kind of the transport."""
        return {
            f"from_{kind}": self.taken,
            f"to_{kind}": self.given,
            f"removed_at_{kind}": self.removed,
            "unchanged": self.unchanged,
        }


def sync(store: Store, account: AccountList, hashes: Hashes, now: dt.datetime) -> Synced:
    """Read the account's whole list, take over what is new, and put there what it lacks.

    An address that was removed here after it was listed there is deleted there instead of coming
    back. Manual and soft-bounce suppressions stay ours, and erased people are not passed on. Each
    page is a transaction: after a failure, which is raised, another run goes on where this one
    ended.
    """
    total = Synced()
    there: set[str] = set()  # our own suppressions that the provider already has
    for page in account.pages():
        with store.write() as connection:
            page_result = _take(connection, page, _source(account), hashes, now, total)
        there |= page_result.ours
        for address in page_result.removed:
            account.delete(address)
        total.removed += len(page_result.removed)
    for entry in _lacking(store, _source(account), there):
        account.put(entry.address, entry.reason)
        total.given += 1
    _note(store, account, now)
    return total


def pull(store: Store, account: AccountList, hashes: Hashes, now: dt.datetime) -> int:
    """Take over what the provider has listed since the last time; returns how many are new here.

    The first time this reads the whole list. It changes nothing there.
    """
    with store.read() as connection:
        last = state.value(connection, _pulled(account))
    since = dt.datetime.fromtimestamp(last, dt.UTC) - _OVERLAP if last else None
    total = Synced()
    for page in account.pages(since):
        with store.write() as connection:
            _take(connection, page, _source(account), hashes, now, total)
    _note(store, account, now)
    return total.taken


@dataclass(frozen=True, slots=True)
class _Page:
    """The result of one page: the keys that came from us, and the addresses that we have removed,
    spelt as they are listed."""

    ours: frozenset[str]
    removed: tuple[str, ...]


def _take(
    connection: Connection,
    page: Sequence[Listed],
    source: str,
    hashes: Hashes,
    now: dt.datetime,
    total: Synced,
) -> _Page:
    listed = {key: entry for entry in page if (key := _key(entry)) is not None}
    suppressed = suppressions.of(connection, listed)
    # What the provider lists for its own reasons stays when an import is undone.
    suppressing.keep(
        connection, [key for key, entry in suppressed.items() if not _is_pushed(entry, source)]
    )
    new = [key for key in listed if key not in suppressed]
    erased = _erased(connection, new, hashes)
    removed_at = suppressions.last_removed(connection, new)
    removed = {key for key, at in removed_at.items() if at > listed[key].at}
    added = suppressing.add_all(
        connection,
        [
            Suppression(key, listed[key].reason, source, now)
            for key in new
            if key not in erased and key not in removed
        ],
    )
    total.taken += added
    total.unchanged += len(page) - added - len(removed)
    ours = frozenset(key for key, entry in suppressed.items() if _is_pushed(entry, source))
    return _Page(ours, tuple(entry.address for entry in page if _key(entry) in removed))


def _erased(connection: Connection, keys: Sequence[str], hashes: Hashes) -> Collection[str]:
    """The keys of erased people, who are known only by hashes."""
    if not suppressions.any_erased(connection):
        return ()
    names = {name: key for key in keys for name in hashes(key)}
    return {names[name] for name in suppressions.of(connection, names)}


def _lacking(store: Store, source: str, there: Collection[str]) -> Iterator[Suppression]:
    """Our own bounces and complaints that the provider does not list, a page at a time."""
    for reason in _PUSHED:
        after = ""
        while True:
            with store.read() as connection:
                page = suppressions.by_address(connection, reason, after, _PAGE)
            yield from (
                entry for entry in page if _is_pushed(entry, source) and entry.address not in there
            )
            if len(page) < _PAGE:
                break
            after = page[-1].address


def _is_pushed(entry: Suppression, source: str) -> bool:
    """Whether a suppression is ours to list: one that came from the list does not go back, since it
    may have been deleted there on purpose."""
    return entry.reason in _PUSHED and entry.source != source


def _source(account: AccountList) -> str:
    """The source that suppressions from its list get."""
    return f"{account.service} account list"


def _pulled(account: AccountList) -> str:
    """When the list was last read, in Unix seconds: its name in the store."""
    return f"{account.kind}_suppressions_pulled"


def _key(entry: Listed) -> str | None:
    try:
        return Address(entry.address).key
    except ValueError:
        return None  # nobody that we could ever mail


def _note(store: Store, account: AccountList, now: dt.datetime) -> None:
    with store.write() as connection:
        state.raise_to(connection, _pulled(account), int(now.timestamp()))
