"""A send to the outbox on a machine that gives out: whole mails, nobody at fault, and resume."""

import resource
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.errors import Stopped, StoreAway
from newsletter.files import part_of
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Counts, Outcome, SendStatus
from newsletter.sending import control, run
from newsletter.sending.patience import Patience
from newsletter.sending.plan import plan
from newsletter.store import Store, open_store
from newsletter.transports.memory import Memory
from newsletter.transports.outbox import Outbox
from tests.integration.commandline import Call
from tests.integration.sending import NOW, FixedClock, fill_list, order, worker
from tests.limits import alone, enlarge, few_open_files, filled, limited, small_disk
from tests.mailbox import opened

ISSUE = "2026-01-07-valley"


def are_whole(folder: Path) -> bool:
    mails = [path.read_bytes() for path in folder.rglob("*.eml")]
    return all(mail.endswith(b"--\r\n") and opened(mail).headers["To"] for mail in mails)


def test_a_disk_that_fills_up_pauses_the_send_and_costs_nobody_their_mail(
    call: Call, project: Path
) -> None:
    people = "email\n" + "".join(f"r{n}@example.com\n" for n in range(120))
    (project / "people.csv").write_text(people)
    call("subscribers", "import", "people.csv", "--list", "many")

    with small_disk(project / "outbox", 400):
        stopped = call("send", ISSUE, "--list", "many", "--yes", "--json")
        there = len(list((project / "outbox").rglob("*.eml")))
        paused = call("status", "--json").json
        whole = are_whole(project / "outbox")
        enlarge(project / "outbox", 32_000)
        done = call("resume", stopped.json["send_id"], "--json")
        all_there = len(list((project / "outbox").rglob("*.eml")))
        all_whole = are_whole(project / "outbox")

    assert stopped.code == 4
    assert 0 < there < 120
    assert stopped.json["accepted"] == there
    assert (stopped.json["rejected"], stopped.json["queued"]) == (0, 120 - there)
    assert "No space left on device" in paused["pause_reason"]
    assert (done.code, done.json["accepted"], done.json["rejected"]) == (0, 120, 0)
    assert whole
    assert all_whole
    assert all_there == 120


def test_a_store_whose_disk_is_full_is_told_and_waited_for(tmp_path: Path, sqlite_url: str) -> None:
    notes: list[str] = []
    with small_disk(tmp_path / "store", 4_000), ExitStack() as full:
        shutil.copy(sqlite_url.removeprefix("sqlite:///"), tmp_path / "store" / "store.db")
        with closing(open_store(f"sqlite:///{tmp_path}/store/store.db", Path())) as store:
            fill_list(store, 300)
            send_id = plan(store, order(), NOW)

            def fill_up(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
                if not notes:
                    full.enter_context(filled(tmp_path / "store"))
                return [Accepted(f"m-{message.ref}") for message in batch]

            def tell(line: str) -> None:
                notes.append(line)
                full.close()  # somebody makes room

            transport = Memory(fill_up)
            patient = replace(worker(store, transport), patience=Patience(tell))
            after = run.run(patient, send_id)

    assert after.counts == Counts(accepted=300)
    assert len(transport.delivered) == 300
    assert notes[0].startswith("The disk of the store is full: database or disk is full. Waiting")
    assert notes[-1] == "The store is back."


def fails(sqlite_url: str) -> AbstractContextManager[None]:
    """No file may grow beyond the store's log. To SQLite, which appends to that, what the system
    refuses is an I/O error."""
    log = Path(f"{sqlite_url.removeprefix('sqlite:///')}-wal")
    return limited(resource.RLIMIT_FSIZE, log.stat().st_size)


def test_a_disk_of_the_store_that_fails_is_told_and_waited_for(
    sqlite_store: Store, sqlite_url: str
) -> None:
    notes: list[str] = []
    fill_list(sqlite_store, 300)
    send_id = plan(sqlite_store, order(), NOW)
    with ExitStack() as failing:

        def fail(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
            if not notes:
                failing.enter_context(fails(sqlite_url))
            return [Accepted(f"m-{message.ref}") for message in batch]

        def tell(line: str) -> None:
            notes.append(line)
            failing.close()  # somebody mends it

        transport = Memory(fail)
        patient = replace(worker(sqlite_store, transport), patience=Patience(tell))
        after = run.run(patient, send_id)

    assert after.counts == Counts(accepted=300)
    assert len(transport.delivered) == 300
    assert notes[0].startswith("The disk of the store fails: disk I/O error. Waiting")
    assert notes[-1] == "The store is back."


def test_a_send_says_how_it_goes_on_where_the_disk_of_the_store_keeps_failing(
    sqlite_store: Store, sqlite_url: str
) -> None:
    fill_list(sqlite_store, 300)
    send_id = plan(sqlite_store, order(), NOW)
    hasty = replace(worker(sqlite_store, Memory()), patience=Patience(seconds=0.1))

    with (
        fails(sqlite_url),
        pytest.raises(Stopped, match="the send stopped: the disk of the store fails") as stopped,
    ):
        run.run(hasty, send_id)

    assert stopped.value.exit_code == 4
    assert stopped.value.where == sqlite_url.removeprefix("sqlite:///")
    assert stopped.value.hint.endswith(f"Once the store is back: newsletter resume {send_id}")


def test_what_begins_on_a_disk_that_fails_says_what_to_check(
    sqlite_store: Store, sqlite_url: str
) -> None:
    with fails(sqlite_url), pytest.raises(StoreAway, match="the disk of the store fails") as away:
        fill_list(sqlite_store, 300)

    assert away.value.exit_code == 1
    assert "`newsletter db verify`" in away.value.hint


def test_a_disk_of_the_server_that_fails_is_named(postgresql_store: Store) -> None:
    failing = sa.text(
        "DO $$ BEGIN RAISE EXCEPTION 'could not write' USING ERRCODE = '58030'; END $$"
    )

    with (
        pytest.raises(StoreAway, match="the disk of the store fails: could not write"),
        postgresql_store.write() as connection,
    ):
        connection.execute(failing)


def test_a_limit_in_the_middle_of_a_batch_parts_it_by_what_was_written(
    store: Store, tmp_path: Path
) -> None:
    """Who has a mail is accepted and never gets another; who has none is queued."""
    fill_list(store, 5)
    outbox = Outbox(tmp_path / "outbox")
    send_id = plan(store, order(), NOW)
    # A folder in the place of a part stands for a fault of the machine at the third mail.
    in_the_way = part_of(tmp_path / "outbox" / send_id / "3.eml")
    in_the_way.mkdir(parents=True)
    (in_the_way / "file").touch()
    running = worker(store, outbox, clock=FixedClock())

    paused = run.run(running, send_id)
    (in_the_way / "file").unlink()
    in_the_way.rmdir()
    first = {path.name: path.stat().st_mtime_ns for path in outbox._root.rglob("*.eml")}
    control.reopen(store, send_id, running.clock)
    running.clock.forward(10)  # type: ignore[attr-defined]
    finished = run.run(running, send_id)

    assert paused.status is SendStatus.PAUSED
    assert paused.counts == Counts(accepted=2, queued=3)
    assert sorted(first) == ["1.eml", "2.eml"]
    assert finished.counts == Counts(accepted=5)
    again = {path.name: path.stat().st_mtime_ns for path in outbox._root.rglob("*.eml")}
    assert first.items() <= again.items()


@pytest.mark.parametrize("fits", [0, 200])
def test_a_limit_on_the_size_of_files_pauses_with_everybody_queued(
    sqlite_store: Store, fits: int, tmp_path: Path
) -> None:
    fill_list(sqlite_store, 3)
    outbox = Outbox(tmp_path / "outbox")
    deliver = outbox.deliver

    def under_the_limit(*arguments: object) -> object:
        with limited(resource.RLIMIT_FSIZE, fits):
            return deliver(*arguments)  # type: ignore[arg-type]

    outbox.deliver = under_the_limit  # type: ignore[method-assign, assignment]
    after = run.run(worker(sqlite_store, outbox), plan(sqlite_store, order(), NOW))

    assert after.status is SendStatus.PAUSED
    assert after.counts == Counts(queued=3)
    assert after.pause_reason == (
        "the outbox cannot be written: File too large. Make room or give access, then resume."
    )
    assert list((tmp_path / "outbox").rglob("*.eml*")) == []


def send_with_few_open_files(store_url: str, folder: Path) -> tuple[SendStatus, Counts]:
    outbox = Outbox(folder)
    deliver = outbox.deliver

    def with_few_files(*arguments: object) -> object:
        with few_open_files(10):  # the lease is renewed meanwhile
            return deliver(*arguments)  # type: ignore[arg-type]

    outbox.deliver = with_few_files  # type: ignore[method-assign, assignment]
    with closing(open_store(store_url, Path())) as store:
        after = run.run(worker(store, outbox), plan(store, order(), NOW))
        return after.status, after.counts


def test_a_machine_with_few_open_files_mails_everybody(
    sqlite_store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    fill_list(sqlite_store, 60)

    after = alone(send_with_few_open_files, sqlite_url, tmp_path / "outbox")

    assert after == (SendStatus.FINISHED, Counts(accepted=60))
