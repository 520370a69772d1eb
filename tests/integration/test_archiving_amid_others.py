"""A send is archived while others work: late workers, operators, another archiver, a move."""

import datetime as dt
import gzip
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from newsletter.audience.erasing import erase
from newsletter.errors import NewsletterError, Refused, UsageError
from newsletter.files import folder_lock, part_of
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Counts, Outcome, Rejected, RetryLater
from newsletter.model.subscriber import Consent
from newsletter.operations import archives, archiving
from newsletter.operations.archives import Format
from newsletter.sending import control, lost
from newsletter.sending.control import Decision
from newsletter.sending.plan import Order, plan
from newsletter.sending.reading import read
from newsletter.sending.run import run
from newsletter.store import Store, maintenance, open_store, upgrade
from newsletter.store.ledger import archived, packing, partitions, recording, tenures
from newsletter.store.ledger import archiving as queries
from newsletter.store.ledger.claims import Claim, claim
from newsletter.store.people import imports
from newsletter.store.relocation import closing as closed
from newsletter.store.relocation import copying, relocations
from newsletter.store.schema import deliveries
from newsletter.transports.memory import Memory
from tests.factories import erased_hash, import_text
from tests.integration.sending import EMAIL, NOW, FixedClock, fill_list, order, worker

SOON, LATER = NOW + dt.timedelta(minutes=1), NOW + dt.timedelta(hours=1)


@pytest.fixture
def sent(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(archived, "SIZE", 4)
    fill_list(store, 6)
    return send(store, Memory(), order())


def send(store: Store, transport: Memory, what: Order, at: dt.datetime = NOW) -> str:
    send_id = plan(store, what, NOW)
    run(worker(store, transport, clock=FixedClock(at)), send_id)
    return send_id


def put_away(store: Store, send_id: str, folder: Path, kind: Format = Format.JSONL) -> Path:
    done = archiving.archive(store, read(store, send_id), folder, kind, FixedClock())
    assert done.is_cleared
    return done.file


# --- a worker that was lost -----------------------------------------------------------------------


@pytest.fixture
def held(store: Store) -> tuple[str, Claim]:
    """A send of which a worker of another host holds all two recipients."""
    fill_list(store, 2)
    send_id = plan(store, order(), NOW)
    with store.write() as connection:
        epoch = tenures.begin(connection, 1, "w", NOW, SOON)
        batch = claim(connection, 1, worker="w", epoch=epoch, size=2, now=NOW)
    assert isinstance(batch, Claim)
    return send_id, batch


def ask_again(store: Store, batch: Claim) -> None:
    outcomes: list[tuple[Any, Outcome]] = [(row, RetryLater("busy")) for row in batch.rows]
    with store.write() as connection:
        recording.record(connection, 1, batch.batch, outcomes, NOW, NOW)


def put_back(store: Store, batch: Claim) -> None:
    with store.write() as connection:
        recording.put_back(connection, 1, batch.batch, NOW)


def test_what_a_lost_worker_had_put_back_into_a_cancelled_send_is_skipped(
    store: Store, held: tuple[str, Claim]
) -> None:
    send_id, batch = held
    control.cancel(store, send_id, FixedClock())
    ask_again(store, batch)  # and it dies before it leaves

    lost.look_for(store, None, FixedClock(LATER), lost.LeaseWatch(lambda: 0.0))

    assert read(store, send_id).counts == Counts(skipped=2)


def test_a_cancelled_send_with_something_queued_is_skipped_first(
    store: Store, held: tuple[str, Claim], tmp_path: Path
) -> None:
    """As earlier versions have left them."""
    send_id, batch = held
    control.cancel(store, send_id, FixedClock())
    ask_again(store, batch)
    with store.write() as connection:
        tenures.end(connection, 1, [1], NOW)

    file = put_away(store, send_id, tmp_path)

    assert read(store, send_id).counts == Counts(skipped=2)
    assert [row["status"] for row in archives.read(read(store, send_id))] == ["skipped"] * 2
    assert maintenance.verify(store) == []
    assert file.exists()


@pytest.mark.parametrize("record", [ask_again, put_back])
def test_a_worker_that_wakes_late_changes_nothing_of_an_archived_send(
    store: Store,
    held: tuple[str, Claim],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record: Any,
) -> None:
    """Killed once the file was noted: the deliveries are still there."""
    send_id, batch = held
    control.cancel(store, send_id, FixedClock(LATER))
    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_clear", lambda store, number: False)
        archiving.archive(store, read(store, send_id), tmp_path, Format.JSONL, FixedClock())

    record(store, batch)
    put_away(store, send_id, tmp_path)

    assert read(store, send_id).counts == Counts(unknown=2)
    assert maintenance.verify(store) == []


def test_nothing_is_decided_about_what_is_unknown_of_an_archived_send(
    store: Store, held: tuple[str, Claim], tmp_path: Path
) -> None:
    send_id, _ = held
    control.cancel(store, send_id, FixedClock(LATER))
    put_away(store, send_id, tmp_path)

    with pytest.raises(Refused, match="is archived"):
        control.resolve(store, send_id, Decision.ACCEPT, FixedClock())

    assert read(store, send_id).counts == Counts(unknown=2)


# --- another who archives -------------------------------------------------------------------------


def test_the_file_that_is_noted_is_the_one_that_was_written(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process begins with another folder, and fails there."""
    write = archives.write

    def written_amid_others(store: Store, record: Any, file: Path, kind: Format) -> str:
        if file.parent.name == "full":
            raise OSError(28, "No space left on device")
        with pytest.raises(NewsletterError, match="cannot be written"):
            put_away(store, sent, tmp_path / "full")
        return write(store, record, file, kind)

    monkeypatch.setattr(archives, "write", written_amid_others)

    file = put_away(store, sent, tmp_path / "mine")

    assert read(store, sent).archive_file == str(file)
    assert len(list(archives.read(read(store, sent)))) == 6


def test_who_comes_second_leaves_no_file(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = archives.write

    def written_amid_others(store: Store, record: Any, file: Path, kind: Format) -> str:
        file_hash = write(store, record, file, kind)
        if file.parent.name == "mine":
            put_away(store, sent, tmp_path / "theirs")
        return file_hash

    monkeypatch.setattr(archives, "write", written_amid_others)

    with pytest.raises(Refused, match="another process"):
        put_away(store, sent, tmp_path / "mine")

    assert list((tmp_path / "mine").iterdir()) == []
    assert len(list(archives.read(read(store, sent)))) == 6


def test_who_comes_second_leaves_the_file_that_is_noted(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of several machines whose locks do not reach each other."""
    write = archives.write

    def written_twice(store: Store, record: Any, file: Path, kind: Format) -> str:
        file_hash = write(store, record, file, kind)
        with store.write() as connection:
            queries.note_archived(connection, 1, str(file), file_hash, NOW)
        return file_hash

    monkeypatch.setattr(archives, "write", written_twice)

    with pytest.raises(Refused, match="another process"):
        put_away(store, sent, tmp_path)

    assert len(list(archives.read(read(store, sent)))) == 6


def test_who_waited_for_the_folder_is_told_that_another_process_was_quicker(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not that the file is of another store."""

    def locked_later(folder: Path) -> AbstractContextManager[None]:
        monkeypatch.setattr(archiving, "folder_lock", folder_lock)
        put_away(store, sent, folder)
        return folder_lock(folder)

    monkeypatch.setattr(archiving, "folder_lock", locked_later)

    with pytest.raises(Refused, match="another process"):
        put_away(store, sent, tmp_path)

    assert len(list(archives.read(read(store, sent)))) == 6


def test_what_a_process_that_was_killed_has_left_elsewhere_goes(
    store: Store, sent: str, tmp_path: Path
) -> None:
    """It holds addresses, and nothing would name it any more."""
    left = leave(store, sent, tmp_path / "first")

    file = put_away(store, sent, tmp_path / "second", Format.CSV)

    assert list(left.parent.iterdir()) == []
    assert read(store, sent).archive_file == str(file)
    assert len(list(archives.read(read(store, sent)))) == 6


def leave(store: Store, send_id: str, folder: Path) -> Path:
    """What a process leaves that was killed while it wrote its file for the second time."""
    file = folder / f"{send_id}.jsonl.gz"
    folder.mkdir()
    for each in (file, part_of(file)):
        each.write_bytes(b"r1@example.com")
    with store.write() as connection:
        queries.note_file(connection, 1, str(file))
    return file


def test_what_cannot_be_removed_elsewhere_is_named(store: Store, sent: str, tmp_path: Path) -> None:
    left = leave(store, sent, tmp_path / "first")
    left.unlink()
    left.mkdir()

    with pytest.raises(NewsletterError, match="cannot be removed") as refused:
        put_away(store, sent, tmp_path / "second")

    assert refused.value.where == str(left)
    assert list((tmp_path / "second").iterdir()) == []
    left.rmdir()
    put_away(store, sent, tmp_path / "second")


def test_a_file_that_another_process_removes_is_not_noted(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the first for dead, and fails then itself."""
    write = archives.write

    def written_amid_others(store: Store, record: Any, file: Path, kind: Format) -> str:
        if file.parent.name == "full":
            raise OSError(28, "No space left on device")
        file_hash = write(store, record, file, kind)
        with pytest.raises(NewsletterError, match="cannot be written"):
            put_away(store, sent, tmp_path / "full")
        return file_hash

    with monkeypatch.context() as patch:
        patch.setattr(archives, "write", written_amid_others)
        with pytest.raises(Refused, match="another process"):
            put_away(store, sent, tmp_path / "mine")

    assert not read(store, sent).archive_file
    put_away(store, sent, tmp_path / "mine")
    assert len(list(archives.read(read(store, sent)))) == 6


# --- a claim --------------------------------------------------------------------------------------


def test_a_claim_reads_no_pack_twice_and_none_of_another_issue(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the send meanwhile, and on SQLite the store."""
    other = send(store, Memory(), order("other"))
    for each in (sent, other):
        put_away(store, each, tmp_path)
    unpack, read_ones = packing.unpack, list[int]()

    def noted(content: bytes, first: int, size: int) -> Any:
        read_ones.append(first)
        return unpack(content, first, size)

    monkeypatch.setattr(archived, "unpack", noted)

    with store.read() as connection:
        had = archived.received(connection, [1], [2, 3, 4, 6, 7])

    assert had == {2, 3, 4, 6}
    assert sorted(read_ones) == [1, 5]


def test_who_has_anything_archived_is_looked_for_until_it_is_found(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (sent, send(store, Memory(), order("other"))):
        put_away(store, each, tmp_path)
    unpack, read_ones = packing.unpack, list[int]()

    def noted(content: bytes, first: int, size: int) -> Any:
        read_ones.append(first)
        return unpack(content, first, size)

    monkeypatch.setattr(archived, "unpack", noted)

    with store.read() as connection:
        assert archived.has(connection, 2)
        assert len(read_ones) == 1
        assert not archived.has(connection, 7)


# --- somebody who is erased -----------------------------------------------------------------------


def test_who_is_erased_while_a_file_is_written_is_told_of_it(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = archives.write
    told: list[tuple[str, ...]] = []

    def written_amid_others(store: Store, record: Any, file: Path, kind: Format) -> str:
        file_hash = write(store, record, file, kind)
        said = Consent(NOW, "forget", "test")
        erased = erase(store, tmp_path, erased_hash, Address("r2@example.com"), said)
        told.append(erased.archives)
        return file_hash

    monkeypatch.setattr(archives, "write", written_amid_others)

    file = put_away(store, sent, tmp_path / "archive")

    assert told == [(str(file),)]


def test_who_is_erased_is_told_of_what_a_process_that_was_killed_has_left(
    store: Store, sent: str, tmp_path: Path
) -> None:
    left = leave(store, sent, tmp_path / "archive")
    said = Consent(NOW, "forget", "test")

    erased = erase(store, tmp_path, erased_hash, Address("r2@example.com"), said)

    assert erased.archives == (str(left), str(part_of(left)))


# --- a move ---------------------------------------------------------------------------------------


def test_packed_deliveries_that_a_move_brought_along_go(
    store: Store, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a partition that a send has for itself they are dropped only at the end."""
    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_clear", lambda store, number: False)
        archiving.archive(store, read(store, sent), tmp_path, Format.JSONL, FixedClock())
        patch.setattr(partitions, "is_own", lambda connection, number: True)
        with store.write() as connection:
            queries.pack_some(connection, 1)
    url = f"sqlite:///{tmp_path / 'target.db'}"
    upgrade(url, tmp_path)
    with closing(open_store(url, tmp_path)) as target:
        with store.write() as connection:
            closed.lock(connection)
            relocation = relocations.begin(connection, "elsewhere", NOW)
        with target.write() as connection:
            relocations.receive(connection, relocation, "here")
        copying.copy(store, target, relocation.id, lambda amount: None)
        with target.write() as connection:
            relocations.arrive(connection, relocation.id, NOW)

        put_away(target, sent, tmp_path)

        with target.read() as connection:
            assert connection.execute(deliveries.select()).all() == []
        assert maintenance.verify(target) == []


# --- an import ------------------------------------------------------------------------------------


def test_a_send_that_was_planned_before_an_import_and_began_after_it_counts(
    store: Store, tmp_path: Path
) -> None:
    fill_list(store, 1)
    waiting = plan(store, Order("news", EMAIL, "readers", scheduled_at=SOON), NOW)
    imported = import_text(
        store, tmp_path, "email\nnew@example.com\n", "readers", now=NOW + dt.timedelta(seconds=1)
    )
    run(worker(store, Memory(), clock=FixedClock(LATER)), waiting)
    assert read(store, waiting).counts == Counts(accepted=2)
    put_away(store, waiting, tmp_path)

    with store.write() as connection:
        assert imported.import_id is not None
        undone = imports.undo(connection, imported.import_id, LATER)

    assert (undone.people, undone.subscriptions) == (0, 0)


# --- the file -------------------------------------------------------------------------------------


def test_a_file_with_other_bytes_is_told(store: Store, sent: str, tmp_path: Path) -> None:
    file = put_away(store, sent, tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[:10] + b"\xff" * 20 + content[30:])

    with pytest.raises(UsageError, match="cannot be read"):
        list(archives.read(read(store, sent)))


def test_texts_of_a_spreadsheet_are_read_as_they_were(store: Store, tmp_path: Path) -> None:
    def refuse(send_id: str, batch: list[Message]) -> list[Outcome]:
        return [Rejected("'no'; =such") for _ in batch]

    fill_list(store, 1)
    send_id = send(store, Memory(refuse), order())  # type: ignore[arg-type]

    file = put_away(store, send_id, tmp_path, Format.CSV)

    assert b"'no'; '=such" in gzip.decompress(file.read_bytes())
    assert [row["reason"] for row in archives.read(read(store, send_id))] == ["'no'; =such"]
