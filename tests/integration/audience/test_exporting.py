"""Export, and the way back."""

import csv
import datetime as dt
import hashlib
import io
import re
import shutil
import tempfile
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection
from sqlalchemy.pool import QueuePool

from newsletter.audience import moving, ownlayout
from newsletter.audience.cells import attribute_fault, name_fault, one_line
from newsletter.audience.erasing import erase
from newsletter.audience.exporting import export
from newsletter.audience.importing import ImportResult, import_csv
from newsletter.audience.subscribers import suppress
from newsletter.audience.suppressing import export_suppressions
from newsletter.errors import Refused, UsageError
from newsletter.model.subscriber import (
    Consent,
    ConsentKind,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.store import Store, open_store
from newsletter.store.people import (
    consents,
    former,
    imports,
    lists,
    people,
    subscribing,
    subscriptions,
    suppressing,
    suppressions,
)
from tests.factories import NOW, address, import_text, join, leave, make_list
from tests.share import examples

cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffd")
    | st.sampled_from("'=+-@;,\"\t"),
    max_size=20,
).map(lambda text: one_line(text).strip())


def exported(store: Store, *, list_name: str | None = None, raw: bool = False) -> str:
    out = io.StringIO()
    export(store, out, list_name=list_name, raw=raw)
    return out.getvalue()


class Pipe(io.StringIO):
    """A reader that takes its time, and looks whether the store is kept waiting meanwhile."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        pool = store.engine.pool
        assert isinstance(pool, QueuePool)
        self.pool = pool
        self.idle = pool.checkedout()  # that of the writer, between two transactions
        self.open_while_read: set[int] = set()

    def write(self, text: str) -> int:
        self.open_while_read.add(self.pool.checkedout() - self.idle)
        return super().write(text)


def test_no_transaction_is_open_while_a_slow_reader_takes_the_rows(store: Store) -> None:
    make_list(store, "ai")
    join(store)
    suppress(store, address("nobody@example.com"), NOW)
    pipe = Pipe(store)

    assert export(store, pipe) == 2
    assert export_suppressions(store, pipe) == 1

    assert pipe.open_while_read == {0}


def test_an_attribute_that_came_in_meanwhile_is_not_left_out_in_silence(store: Store) -> None:
    make_list(store, "ai")
    join(store)

    class Late(io.StringIO):
        def write(self, text: str) -> int:
            if "user1@example.com" in text:
                join(store, "user2@example.com", attributes={"city": "Paris"})
            return super().write(text)

    with pytest.raises(Refused, match="city"):
        export(store, Late())


def test_an_export_has_one_row_for_each_subscription(store: Store) -> None:
    for name in ("ai", "web"):
        make_list(store, name)
    join(store, name="Ann", attributes={"city": "Paris"})
    join(store, list_name="web")
    join(store, "user2@example.com", attributes={"team": "x", "status": "active"})

    rows = list(csv.reader(io.StringIO(exported(store))))
    of_web = list(csv.reader(io.StringIO(exported(store, list_name="web"))))

    assert rows[0] == [
        *("email", "name", "list", "status", "city", "attribute:status", "team"),
        *ownlayout.FACTS,
    ]
    assert [row[:7] for row in rows[1:]] == [
        ["user2@example.com", "", "ai", "confirmed", "", "active", "x"],
        ["user1@example.com", "Ann", "ai", "confirmed", "Paris", "", ""],
        ["user1@example.com", "Ann", "web", "confirmed", "Paris", "", ""],
    ]
    assert of_web[0][:4] == ["email", "name", "status", "city"]
    assert [row[:4] for row in of_web[1:]] == [["user1@example.com", "Ann", "confirmed", "Paris"]]


def test_every_cell_is_quoted_and_formulas_are_guarded_unless_raw(sqlite_store: Store) -> None:
    make_list(sqlite_store)
    join(sqlite_store, "=a@example.com", name="=cmd|'/c calc'!A0", attributes={"=1+1": "=2"})

    assert ',"\'=1+1",' in exported(sqlite_store).splitlines()[0]
    assert ',"=1+1",' in exported(sqlite_store, raw=True).splitlines()[0]
    assert '"\'=a@example.com","\'=cmd|' in exported(sqlite_store)
    assert '\n"=a@example.com","=cmd|' in exported(sqlite_store, raw=True)
    cell = '"(?:[^"]|"")*"'
    for line in exported(sqlite_store).splitlines():
        assert re.fullmatch(f"{cell}(,{cell})*", line)


def test_an_unknown_list_writes_nothing(sqlite_store: Store) -> None:
    out = io.StringIO()

    with pytest.raises(UsageError):
        export(sqlite_store, out, list_name="nope")

    assert out.getvalue() == ""


# --- there and back -------------------------------------------------------------------------------


class Act(StrEnum):
    """What may happen to a person before an export."""

    PENDING = "pending"
    LEAVE = "leave"
    PAUSE = "pause"
    SUPPRESS = "suppress"
    BOUNCE = "bounce"
    ERASE = "erase"
    RETURN = "return"
    IMPORT = "import"
    MOVE = "move"


People = dict[int, tuple[str, str, list[tuple[Act, str]]]]
people_of_a_store = st.dictionaries(
    st.integers(1, 6),
    st.tuples(
        cells.filter(lambda text: not name_fault(text)),
        cells.filter(lambda text: not attribute_fault(text)),
        st.lists(st.tuples(st.sampled_from(Act), st.sampled_from(["ai", "web"])), max_size=4),
    ),
    max_size=4,
)


def begin(store: Store, number: int, name: str, note: str) -> None:
    notes = {"note": note, "status": note, "subscribed": note} if note else {}
    join(store, f"User{number}@example.com", name=name, attributes={**notes, "Two words": "=x"})


def act(
    store: Store, folder: Path, number: int, what: Act, list_name: str, at: dt.datetime
) -> None:
    first, second = address(f"User{number}@example.com"), address(f"Moved{number}@example.com")
    with store.write() as connection:
        person = people.find(connection, first) or people.find(connection, second)
        list_id = lists.id_of(connection, list_name)
        if person is None:
            return
        who = person.address
        match what:
            case Act.MOVE:
                to = second if who.key == first.key else first
                moving.move(connection, person, to, real_hashes, Consent(at, "form", "page"))
            case Act.PENDING:
                subscribing.ask(connection, person.id, list_id, Consent(at, "form", "x;=1"))
            case Act.LEAVE:
                said = Consent(at, "one-click", "a", ip="192.0.2.1")
                subscribing.leave(connection, person.id, list_id, said, 'too much, "really"\n=1')
            case Act.RETURN:
                again = Consent(at, "form", "page", "v2", "192.0.2.2")
                _say_yes(connection, person.id, list_id, again)
            case Act.PAUSE:
                people.pause(connection, person.id, at + dt.timedelta(days=30))
                kind = ConsentKind.PAUSED
                consents.append(connection, person.id, None, kind, Consent(at, "form", ""), "30 d")
            case Act.SUPPRESS:
                suppressing.add(connection, who.key, SuppressionReason.MANUAL, "test", at)
            case Act.BOUNCE:
                other = f"other{number}@example.com"
                suppressing.add(connection, other, SuppressionReason.HARD_BOUNCE, "=event", at)
            case Act.ERASE | Act.IMPORT:
                pass
    if what is Act.ERASE:
        erase(store, folder / "outbox", real_hashes, who, Consent(at, "forget", "test"))
    if what is Act.IMPORT:
        text = f"email,status,subscribed_at\n{first.text},confirmed,2019-02-03T04:05:06.789Z\n"
        import_text(store, folder, text, list_name, now=at)


def _say_yes(connection: Connection, subscriber_id: int, list_id: int, said: Consent) -> None:
    """From wherever somebody stands."""
    standing = subscriptions.find(connection, subscriber_id, list_id)
    match standing and standing.status:
        case SubscriptionStatus.CONFIRMED:
            subscribing.renew(connection, subscriber_id, list_id, said)
        case SubscriptionStatus.UNSUBSCRIBED:
            status = SubscriptionStatus.CONFIRMED
            subscribing.rejoin(connection, subscriber_id, list_id, status, said)
        case _:
            status = SubscriptionStatus.CONFIRMED
            subscribing.subscribe(connection, subscriber_id, list_id, status, said)


def real_hashes(key: str) -> tuple[str, ...]:
    return (hashlib.sha256(key.encode()).hexdigest(),)


def contents(store: Store) -> dict[str, object]:
    """All that an export has to keep, apart from ids and from when it was written down here."""
    with store.read() as connection:
        found = list(people.newest_first(connection))
        said = consents.of_each(connection, [person.subscriber.id for person in found])
        return {
            "people": {
                person.subscriber.address.text: (
                    person.subscriber.name,
                    dict(person.subscriber.attributes),
                    person.subscriber.paused_until,
                    former.of(connection, person.subscriber.id),
                    [(each.list, each.status, each.consent) for each in person.subscriptions],
                    sorted(
                        (fact.consent.at, fact.kind, fact.list or "", fact.consent, fact.detail)
                        for fact in said.get(person.subscriber.id, [])
                    ),
                )
                for person in found
            },
            "suppressions": sorted(
                (each.address, each.reason, each.source, each.created_at)
                for each in suppressions.newest_first(connection)
            ),
        }


@settings(max_examples=examples(15))
@given(everybody=people_of_a_store)
def test_what_was_exported_makes_the_same_store_again(
    sqlite_template: Path, everybody: People
) -> None:
    """Statuses, facts of consent, the log, pauses, suppressions and the hashes of the erased; and
    the store that it came from finds nothing to change."""
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        stores = []
        for file in ("one.db", "two.db"):
            shutil.copy(sqlite_template, folder / file)
            stores.append(open_store(f"sqlite:///{folder}/{file}", Path()))
        one, two = stores
        at = NOW
        for name in ("ai", "web"):
            make_list(one, name)
        for number, (name, note, acts) in everybody.items():
            begin(one, number, name, note)
            for what, list_name in acts:
                at += dt.timedelta(seconds=7, microseconds=13)
                act(one, folder, number, what, list_name, at)

        text = "\ufeff" + exported(one)
        before = contents(one)
        other = import_own(two, folder, text)
        again = import_own(one, folder, text)

        assert (other.rejected, again.rejected) == (0, 0)
        assert contents(two) == before
        assert contents(one) == before
        assert sum(other.counts.values()) == len(list(csv.reader(io.StringIO(text)))) - 1
        one.close()
        two.close()


@pytest.mark.postgresql
def test_an_export_of_one_database_is_imported_into_the_other(
    sqlite_store: Store, postgresql_store: Store, tmp_path: Path
) -> None:
    for name in ("ai", "web"):
        make_list(sqlite_store, name)
    at = NOW
    for number, what in enumerate([*Act, Act.LEAVE]):
        begin(sqlite_store, number, "Ann \\ 'x'", "note;=1")
        for each in (what, Act.LEAVE if number % 2 else Act.PAUSE):
            at += dt.timedelta(seconds=7, microseconds=13)
            act(sqlite_store, tmp_path, number, each, "web" if number % 3 else "ai", at)

    result = import_own(postgresql_store, tmp_path, exported(sqlite_store))

    assert result.rejected == 0
    assert contents(postgresql_store) == contents(sqlite_store)


@pytest.mark.postgresql
def test_who_moved_and_left_is_nobody_new_in_another_store(
    sqlite_store: Store, postgresql_store: Store, tmp_path: Path
) -> None:
    """An old file there has the address that they had before."""
    make_list(sqlite_store)
    join(sqlite_store)
    begun = address("new@example.com")
    with sqlite_store.write() as connection:
        person = people.find(connection, address())
        assert person is not None
        moving.move(connection, person, begun, real_hashes, Consent(NOW, "form", "page"))
    leave(sqlite_store, begun.text, "ai")
    first = import_own(postgresql_store, tmp_path, exported(sqlite_store))

    again = import_text(postgresql_store, tmp_path, f"email\n{address().text}\n")

    assert (again.added, again.skipped) == (0, 1)
    assert first.import_id is not None
    with postgresql_store.write() as connection:
        assert people.count(connection) == 1
        assert imports.undo(connection, first.import_id, NOW + dt.timedelta(days=2)).people == 1


CUT = [
    ("consents", "[{}]"),
    ("consents", '[{"kind": "unsubscri'),
    ("former_addresses", '[{"address": "x", "until": "2026-01-01"}]'),
    ("former_addresses", "x"),
]


def with_cell(store: Store, column: str, cell: str) -> str:
    """The export of the one person of a store, with something else in a cell."""
    [row] = csv.DictReader(io.StringIO(exported(store, raw=True)))
    out = io.StringIO()
    writer = csv.DictWriter(out, row)
    writer.writeheader()
    writer.writerow(row | {column: cell})
    return out.getvalue()


@pytest.mark.postgresql
@pytest.mark.parametrize(("column", "cell"), [*CUT, ("list", "No Name")])
def test_a_row_of_an_export_that_is_rejected_leaves_nothing(
    sqlite_store: Store, postgresql_store: Store, tmp_path: Path, column: str, cell: str
) -> None:
    make_list(sqlite_store)
    join(sqlite_store)

    result = import_own(postgresql_store, tmp_path, with_cell(sqlite_store, column, cell))

    assert result.counts == dict.fromkeys(result.counts, 0) | {"rejected": 1}
    with postgresql_store.read() as connection:
        assert people.count(connection) == 0


@pytest.mark.postgresql
@pytest.mark.parametrize(("column", "cell"), CUT)
@pytest.mark.parametrize("has_left", [True, False])
def test_a_no_counts_though_a_cell_of_its_row_was_cut(
    sqlite_store: Store,
    postgresql_store: Store,
    tmp_path: Path,
    column: str,
    cell: str,
    has_left: bool,
) -> None:
    """A spreadsheet keeps 32,767 characters of a cell; who left, or is suppressed, stays away."""
    make_list(sqlite_store)
    join(sqlite_store)
    if has_left:
        leave(sqlite_store, list_name="ai")
    else:
        suppress(sqlite_store, address(), NOW)

    result = import_own(postgresql_store, tmp_path, with_cell(sqlite_store, column, cell))

    assert result.rejected == 0
    again = import_text(postgresql_store, tmp_path, f"email\n{address().text}\n")
    assert (again.added, again.updated, again.skipped) == (0, 0, 1)


def import_own(store: Store, folder: Path, text: str) -> ImportResult:
    path = folder / "export.csv"
    path.write_text(text, "utf-8")
    return import_csv(
        store,
        path,
        None,
        status=SubscriptionStatus.CONFIRMED,
        now=NOW + dt.timedelta(days=1),
        hashes=real_hashes,
    )


def test_an_export_imported_into_another_list_keeps_who_left(
    sqlite_store: Store, tmp_path: Path
) -> None:
    make_list(sqlite_store)
    join(sqlite_store, name="Ann")
    join(sqlite_store, "user2@example.com")
    leave(sqlite_store, list_name="ai")
    text = exported(sqlite_store, list_name="ai")

    result = import_text(sqlite_store, tmp_path, text, "other")

    assert (result.added, result.unsubscribed) == (1, 1)


def test_a_word_that_an_export_never_writes_refuses_it(sqlite_store: Store, tmp_path: Path) -> None:
    make_list(sqlite_store)
    join(sqlite_store)
    text = exported(sqlite_store).replace('"confirmed"', '"zombie"')

    with pytest.raises(UsageError, match="zombie"):
        import_text(sqlite_store, tmp_path, text)
