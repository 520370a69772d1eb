"""An archived send: its deliveries are in a file, and what the store says stays what it was."""

import csv
import datetime as dt
import gzip
import hashlib
import json
import signal
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from newsletter.audience.erasing import erase
from newsletter.audience.explaining import explain
from newsletter.audience.own_data import everything
from newsletter.audience.removing import delete
from newsletter.errors import NewsletterError, Refused, UsageError
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Counts, Outcome, Rejected, Reports, Send
from newsletter.model.subscriber import Consent
from newsletter.operations import archives, archiving, records
from newsletter.operations.archives import Format
from newsletter.sending import control
from newsletter.sending.plan import Order, change_since_last, forecast, plan
from newsletter.sending.reading import read
from newsletter.sending.run import run
from newsletter.store import Store, maintenance
from newsletter.store.ledger import archived, partitions, sends
from newsletter.store.ledger import deliveries as queries
from newsletter.store.people import imports, mailed
from newsletter.store.schema import deliveries
from newsletter.transports.memory import Memory
from tests.factories import erased_hash, import_text, join
from tests.integration.commandline import fork
from tests.integration.reporting import BOUNCE, COMPLAINT, DELIVERY, SOFT, replay, told
from tests.integration.sending import EMAIL, NOW, FixedClock, fill_list, order, worker

SOME = 10  # people, of whom r2 is refused


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("partition", marks=pytest.mark.postgresql),
    ]
)
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    """On SQLite, in a partition that sends share, and in one of its own."""
    monkeypatch.setattr(archived, "SIZE", 4)
    if request.param != "partition":
        return request.getfixturevalue(f"{request.param}_store")  # type: ignore[no-any-return]
    opened: Store = request.getfixturevalue("postgresql_store")
    monkeypatch.setattr(partitions, "MANY", 0)
    with opened.write() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS deliveries_0_100"))
    return opened


def refuse_second(send_id: str, batch: list[Message]) -> list[Outcome]:
    return [
        Rejected("no such mailbox")
        if message.to.text == "r2@example.com"
        else Accepted(message.ref)
        for message in batch
    ]


def send_all(store: Store, what: Order | None = None) -> str:
    send_id = plan(store, what or order(), NOW)
    run(worker(store, Memory(refuse_second), clock=FixedClock()), send_id)  # type: ignore[arg-type]
    return send_id


@pytest.fixture
def sent(store: Store) -> str:
    fill_list(store, SOME)
    send_id = send_all(store)
    replay(store, told(send_id, 1, DELIVERY, NOW), told(send_id, 3, SOFT, NOW))
    return send_id


def put_away(store: Store, send_id: str, folder: Path, kind: Format = Format.JSONL) -> Path:
    done = archiving.archive(store, read(store, send_id), folder, kind, FixedClock())
    assert done.is_cleared
    return done.file


def left(store: Store) -> int:
    with store.read() as connection:
        return int(
            connection.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar_one()
        )


def story(store: Store, who: str, slug: str | None = None) -> Any:
    return explain(store, who, erased_hash, NOW, slug)


def told_of(send: Send) -> tuple[Any, ...]:
    return send.status, send.counts, send.reports, send.finished_at


@pytest.mark.parametrize("kind", Format)
def test_the_totals_and_each_delivery_stay(
    store: Store, sent: str, tmp_path: Path, kind: Format
) -> None:
    before = read(store, sent)
    with store.read() as connection:
        number = sends.number_of(connection, sent)
        rows = [records.delivery(each) for each in queries.newest_first(connection, number)]

    file = put_away(store, sent, tmp_path / "archive", kind)

    after = read(store, sent)
    assert told_of(after) == told_of(before)
    assert after.counts == Counts(accepted=SOME - 1, rejected=1)
    assert after.reports == Reports(delivered=1, bounced=1)
    assert left(store) == 0
    assert file.name == f"{sent}.{kind}.gz"
    assert [json.loads(json.dumps(each)) for each in archives.read(after)] == [
        json.loads(json.dumps(each)) for each in rows
    ]
    assert maintenance.verify(store) == []


def test_a_file_is_for_its_owner_alone_and_the_store_knows_its_hash(
    store: Store, sent: str, tmp_path: Path
) -> None:
    file = put_away(store, sent, tmp_path / "archive")

    with store.read() as connection:
        query = sa.text("SELECT archive_hash FROM sends")
        noted = connection.execute(query).scalar_one()
    assert noted == hashlib.sha256(file.read_bytes()).hexdigest()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_spreadsheet_runs_no_cell_of_a_file(store: Store, tmp_path: Path) -> None:
    fill_list(store, 1)
    join(store, "=cmd@example.com", "readers")
    send_id = send_all(store)

    file = put_away(store, send_id, tmp_path, Format.CSV)

    with gzip.open(file, "rt", newline="") as text:
        cells = [row["address"] for row in csv.DictReader(text)]
    assert cells == ["'=cmd@example.com", "r1@example.com"]
    assert [row["address"] for row in archives.read(read(store, send_id))] == [
        "=cmd@example.com",
        "r1@example.com",
    ]


# --- nobody twice ---------------------------------------------------------------------------------


def test_nobody_who_had_it_gets_it_through_another_list(
    store: Store, sent: str, tmp_path: Path
) -> None:
    """Those who could not have had it do."""
    put_away(store, sent, tmp_path)
    fill_list(store, SOME + 2, "others")
    transport = Memory()

    expected = forecast(store, order(list_name="others"), NOW)
    other = plan(store, order(list_name="others"), NOW)
    after = run(worker(store, transport, clock=FixedClock()), other)

    assert (expected.queued, expected.skipped) == (3, {"already_received": SOME - 1})
    assert after.counts == Counts(accepted=3, skipped=SOME - 1)
    assert {message.to.text for message in transport.delivered} == {
        "r2@example.com",
        "r11@example.com",
        "r12@example.com",
    }


def test_a_send_that_waits_while_another_is_archived_knows_of_it(
    store: Store, sent: str, tmp_path: Path
) -> None:
    """Its audience was frozen before the other one began: each claim looks."""
    fill_list(store, SOME, "others")
    other = plan(store, order("late", "others"), NOW)
    with store.write() as connection:
        connection.execute(sa.text("UPDATE sends SET slug = 'news' WHERE slug = 'late'"))
    put_away(store, sent, tmp_path)
    transport = Memory()

    after = run(worker(store, transport, clock=FixedClock()), other)

    assert [message.to.text for message in transport.delivered] == ["r2@example.com"]
    assert after.counts == Counts(accepted=1, skipped=SOME - 1)


def test_only_missing_and_again_know_who_had_it(store: Store, sent: str, tmp_path: Path) -> None:
    put_away(store, sent, tmp_path)
    join(store, "late@example.com", "readers")
    again = Order("news", EMAIL, "readers", again="a typo")
    missing = Order("news", EMAIL, "readers", again="some had it not", only_missing=True)

    with pytest.raises(Refused, match="already sent"):
        plan(store, order(), NOW)
    assert forecast(store, again, NOW).had_it == SOME - 1
    assert change_since_last(store, again, NOW) == (1, 0)
    assert forecast(store, missing, NOW).queued == 2
    assert read(store, send_all(store, missing)).counts.recipients == SOME + 1


def test_a_welcome_is_no_second_copy(store: Store, sent: str, tmp_path: Path) -> None:
    put_away(store, sent, tmp_path)

    with store.read() as connection:
        assert mailed.has_issue(connection, 1, "news")
        assert not mailed.has_issue(connection, 2, "news")


# --- what is said of people -----------------------------------------------------------------------


def test_explain_tells_how_it_ended(store: Store, sent: str, tmp_path: Path) -> None:
    put_away(store, sent, tmp_path)

    assert "Got it" in story(store, "r1@example.com", "news").summary
    assert "rejected" in story(store, "r2@example.com", "news").summary
    assert "it did not arrive" in story(store, "r3@example.com", "news").summary
    assert story(store, f"{sent}-3").address == "r3@example.com"
    kinds = [fact.kind for fact in story(store, "r3@example.com").facts]
    assert kinds.count("delivery") == kinds.count("event") == 1


def test_readers_see_it_in_their_own_data(store: Store, sent: str, tmp_path: Path) -> None:
    put_away(store, sent, tmp_path)
    send_all(store, order("next"))

    data = json.loads("".join(everything(store, 3)))

    assert [(each["issue"], each["status"], each["reported"]) for each in data["deliveries"]] == [
        ("news", "accepted", "bounced"),
        ("next", "accepted", None),
    ]


def test_late_reports_are_counted_and_have_their_consequences(
    store: Store, sent: str, tmp_path: Path
) -> None:
    """Each once, as of a send that is not archived."""
    put_away(store, sent, tmp_path)
    late = [
        told(sent, 1, COMPLAINT, NOW),
        told(sent, 4, DELIVERY, NOW),
        told(sent, 3, DELIVERY, NOW),
    ]

    first, second = replay(store, *late), replay(store, *late)

    assert (first.applied, second.duplicate) == (3, 3)
    assert read(store, sent).reports == Reports(delivered=1, bounced=1, complained=1)
    assert "complained" in story(store, "r1@example.com", "news").summary
    assert story(store, "r1@example.com").suppression is not None
    assert maintenance.verify(store) == []


def test_erasing_and_deleting_people_leaves_the_totals(
    store: Store, sent: str, tmp_path: Path
) -> None:
    put_away(store, sent, tmp_path)
    before = read(store, sent).counts

    who, said = Address("r4@example.com"), Consent(NOW, "forget", "test")
    erased = erase(store, tmp_path, erased_hash, who, said)
    delete(store, [Address("r5@example.com")], NOW, confirmed=True)
    replay(store, told(sent, 5, BOUNCE, NOW))

    assert erased.archives == (str(tmp_path / f"{sent}.jsonl.gz"),)
    assert read(store, sent).counts == before
    assert story(store, f"{sent}-4").address is None
    assert maintenance.verify(store) == []


def test_an_import_is_not_undone_for_those_who_were_mailed(store: Store, tmp_path: Path) -> None:
    imported = import_text(
        store, tmp_path, "email\na@example.com\nb@example.com\n", "readers", now=NOW
    )
    send_id = plan(store, order(), NOW)
    run(worker(store, Memory(), clock=FixedClock()), send_id)
    put_away(store, send_id, tmp_path)
    fill_list(store, 1)

    with store.write() as connection:
        assert imported.import_id is not None
        undone = imports.undo(connection, imported.import_id, NOW)

    assert undone.people == 0
    assert maintenance.verify(store) == []


# --- what is refused ------------------------------------------------------------------------------


def test_only_what_has_ended_is_archived(store: Store, tmp_path: Path) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)

    with pytest.raises(Refused, match="only a send that has ended"):
        put_away(store, send_id, tmp_path)
    assert archiving.due(store, dt.timedelta(0), NOW) == []
    assert left(store) == 2


def test_a_send_that_goes_on_meanwhile_is_not_archived(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    control.cancel(store, send_id, FixedClock())
    write = archives.write

    def write_while_it_goes_on(*arguments: Any) -> str:
        control.reopen(store, send_id, FixedClock(), cancelled=True)
        return write(*arguments)

    monkeypatch.setattr(archives, "write", write_while_it_goes_on)

    with pytest.raises(Refused, match="worked on"):
        put_away(store, send_id, tmp_path)
    after = run(worker(store, Memory(), clock=FixedClock()), send_id)

    assert after.counts == Counts(accepted=2)


def test_a_cancelled_send_does_not_go_on_once_it_is_archived(store: Store, tmp_path: Path) -> None:
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    control.cancel(store, send_id, FixedClock())
    put_away(store, send_id, tmp_path)

    with pytest.raises(Refused, match="archived"):
        control.reopen(store, send_id, FixedClock(), cancelled=True)
    control.cancel(store, send_id, FixedClock())

    assert read(store, send_id).counts == Counts(skipped=2)


def test_the_file_of_another_store_is_not_replaced(store: Store, sent: str, tmp_path: Path) -> None:
    (tmp_path / f"{sent}.jsonl.gz").write_bytes(b"theirs")

    with pytest.raises(Refused, match="exists already"):
        put_away(store, sent, tmp_path)

    assert (tmp_path / f"{sent}.jsonl.gz").read_bytes() == b"theirs"
    assert left(store) == SOME


def test_where_nothing_can_be_written_nothing_is_lost(
    store: Store, sent: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(NewsletterError, match="cannot be written"):
        put_away(store, sent, tmp_path / "file" / "below")

    assert left(store) == SOME
    assert read(store, sent).archived_at is None


def test_a_file_that_is_gone_is_told(store: Store, sent: str, tmp_path: Path) -> None:
    file = put_away(store, sent, tmp_path)
    file.write_bytes(file.read_bytes()[:50])

    with pytest.raises(UsageError, match="cannot be read"):
        list(archives.read(read(store, sent)))
    file.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        list(archives.read(read(store, sent)))


# --- killed at any point --------------------------------------------------------------------------

# What is called just before each step, and how often by then.
POINTS = (
    ("archives.write", 1),
    ("archives._read_again", 1),
    ("archiving.note_archived", 1),
    ("archiving.pack_some", 1),
    ("archived.keep", 2),
    ("partitions.drop", 1),
)
_KILLED = """
import os, signal, sys
from pathlib import Path
from newsletter.operations import archives, archiving as service
from newsletter.operations.archives import Format
from newsletter.sending.reading import read
from newsletter.store import open_store
from newsletter.store.ledger import archived, archiving, partitions
archived.SIZE = 4
url, send_id, folder, point, times = sys.argv[1:]
module, name = point.split(".")
real, calls = getattr(globals()[module], name), []
def killed(*arguments, **named):
    calls.append(1)
    if len(calls) == int(times):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(globals()[module], name, killed)
store = open_store(url, Path())
from tests.integration.sending import FixedClock
service.archive(store, read(store, send_id), Path(folder), Format.JSONL, FixedClock())
store.close()
"""


@pytest.mark.pressure
@pytest.mark.parametrize(("point", "times"), POINTS)
def test_a_process_killed_at_any_point_loses_nothing(
    store: Store, sent: str, tmp_path: Path, point: str, times: int
) -> None:
    before = read(store, sent)
    url = store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    url = url.replace("+pysqlite", "")

    died = fork(
        tmp_path,
        url,
        sent,
        str(tmp_path / "archive"),
        point,
        str(times),
        main=partial(exec, _KILLED, {}),
    )

    assert died.code in (0, -signal.SIGKILL)
    assert told_of(read(store, sent)) == told_of(before)
    assert "Got it" in story(store, "r1@example.com", "news").summary
    fill_list(store, SOME, "others")
    assert forecast(store, order(list_name="others"), NOW).queued == 1
    for chosen in archiving.due(store, dt.timedelta(0), NOW):
        put_away(store, chosen.id, tmp_path / "archive")
    after = read(store, sent)
    assert told_of(after) == told_of(before)
    assert len(list(archives.read(after))) == SOME
    assert forecast(store, order(list_name="others"), NOW).queued == 1
    assert left(store) == 0
    assert [path.name for path in (tmp_path / "archive").iterdir()] == [f"{sent}.jsonl.gz"]
    assert maintenance.verify(store) == []
