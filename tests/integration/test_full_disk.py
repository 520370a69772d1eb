"""A send to the outbox on a machine that gives out: whole mails, nobody at fault, and resume."""

import resource
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

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


def test_a_limit_in_the_middle_of_a_batch_parts_it_by_what_was_written(
    store: Store, tmp_path: Path
) -> None:
    """Who has a mail is accepted and never gets another; who has none is queued."""
    fill_list(store, 5)
    outbox = Outbox(tmp_path / "outbox")
    send_id = plan(store, order(), NOW)
    # A folder in the place of a part stands for a fault of the machine at the third mail.
    in_the_way = tmp_path / "outbox" / send_id / "3.eml.part"
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
