"""The outbox: files that are whole or not there."""

import datetime as dt
import os
import resource
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import MachineFault
from newsletter.files import part_of, write_whole
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome, Rejected
from newsletter.transports import mime
from newsletter.transports.outbox import Outbox
from tests.limits import alone, few_open_files, limited
from tests.mailbox import opened
from tests.unit.transports.test_mime import EMAIL, MESSAGE
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def batch(count: int) -> list[Message]:
    """Messages named 1, 2, 3, …"""
    return [MESSAGE._replace(ref=f"send-{n}.1", name=str(n)) for n in range(1, count + 1)]


def mail() -> bytes:
    return mime.compose(MESSAGE, dt.datetime.now(dt.UTC))


def test_each_subscriber_has_a_file_below_the_folder_of_the_send(tmp_path: Path) -> None:
    Outbox(tmp_path / "deep" / "outbox").deliver("20260107-abcdef", batch(2))

    folder = tmp_path / "deep" / "outbox" / "20260107-abcdef"
    assert names(folder) == ["1.eml", "2.eml"]
    assert opened((folder / "2.eml").read_bytes()).headers["To"] == MESSAGE.to.text


def test_another_attempt_replaces_the_file(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    outbox.deliver("s", [MESSAGE])
    outbox.deliver("s", [MESSAGE._replace(ref="20261124-abcdef-1.2")])

    assert names(tmp_path / "s") == ["1.eml"]
    message_id = opened((tmp_path / "s" / "1.eml").read_bytes()).headers["Message-ID"]
    assert message_id == "<20261124-abcdef-1.2@news.example.com>"


def test_an_outbox_that_cannot_be_made_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    """Nothing left, so the send may go on later; the error says where and what to do."""
    (tmp_path / "outbox").write_text("a file where the folder should be")

    with pytest.raises(MachineFault) as caught:
        Outbox(tmp_path / "outbox").deliver("s", batch(2))

    assert caught.value.where == str(tmp_path / "outbox" / "s")
    assert caught.value.hint
    assert caught.value.outcomes == (None, None)


@pytest.mark.parametrize("fits", [0, 100, len(mail()) - 20])
def test_a_mail_that_does_not_fit_is_not_there_and_nobody_is_at_fault(
    fits: int, tmp_path: Path
) -> None:
    """Also where its beginning fits, which the system writes without an error."""
    with limited(resource.RLIMIT_FSIZE, fits), pytest.raises(MachineFault, match="too large"):
        Outbox(tmp_path).deliver("s", batch(1))

    assert names(tmp_path / "s") == []


def test_a_disk_that_fills_up_keeps_what_was_written_and_says_which(tmp_path: Path) -> None:
    long = MESSAGE._replace(name="3", ref="send-3.1", email=replace(EMAIL, text=("x" * 50_000,)))
    bad = MESSAGE._replace(name="4", headers=(("X-Odd", "a\r\nb"),))
    messages = [*batch(2), long, bad, MESSAGE._replace(name="5")]

    with limited(resource.RLIMIT_FSIZE, 40_000), pytest.raises(MachineFault) as caught:
        Outbox(tmp_path).deliver("s", messages)

    assert [type(o) for o in caught.value.outcomes] == [
        Accepted,
        Accepted,
        type(None),
        Rejected,  # it could not have been written on any disk
        type(None),
    ]
    assert names(tmp_path / "s") == ["1.eml", "2.eml"]


def deliver_with_few_open_files(free: int, folder: Path, amount: int) -> list[Outcome]:
    mail()  # what is loaded for the first one needs open files of its own
    with few_open_files(free):
        return Outbox(folder).deliver("s", batch(amount))


@pytest.mark.parametrize("free", [2, 5])
def test_a_machine_with_few_open_files_writes_all_mails_all_the_same(
    free: int, tmp_path: Path
) -> None:
    outcomes = alone(deliver_with_few_open_files, free, tmp_path, 12)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 12


def test_no_open_file_left_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match="Too many open files") as caught:
        alone(deliver_with_few_open_files, 0, tmp_path, 3)

    assert caught.value.outcomes == (None, None, None)


def test_what_is_wrong_with_one_name_rejects_that_message_alone(tmp_path: Path) -> None:
    messages = [*batch(1), MESSAGE._replace(name="x" * 300), MESSAGE._replace(name="3")]

    outcomes = Outbox(tmp_path).deliver("s", messages)

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Accepted]


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_mails_are_for_their_owner_alone(mask: int, tmp_path: Path) -> None:
    """They hold names, addresses, and links that open their readers' pages."""
    before = os.umask(mask)
    try:
        Outbox(tmp_path / "outbox").deliver("s", batch(1))
    finally:
        os.umask(before)

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "outbox", *(tmp_path / "outbox").rglob("*"))
    }
    assert modes == {"outbox": 0o700, "s": 0o700, "1.eml": 0o600}


def test_a_rejected_message_leaves_no_file(tmp_path: Path) -> None:
    bad = MESSAGE._replace(name="2", headers=(("X-Odd", "a\r\nb"),))

    outcomes = Outbox(tmp_path).deliver("s", [MESSAGE, bad])

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected]
    assert names(tmp_path / "s") == ["1.eml"]


@pytest.mark.parametrize("event", ["open", "os.rename"])
@pytest.mark.parametrize("before", [None, b"the mail of an earlier attempt"])
def test_a_crash_before_the_last_step_leaves_no_mail_or_the_old_one(
    event: str, before: bytes | None, tmp_path: Path
) -> None:
    """A half-written .eml would be a mail to whoever reads the folder."""
    if before is not None:
        (tmp_path / "1.eml").write_bytes(before)
    script = f"""
import os, signal, sys
from pathlib import Path
from newsletter.files import write_whole

def kill(event, args):
    if event == {event!r} and ".newsletter-part" in str(args[0]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
write_whole(Path(sys.argv[1]), b"x" * 100_000)
"""

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "1.eml")],
        cwd=ROOT,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    left = (tmp_path / "1.eml").read_bytes() if (tmp_path / "1.eml").exists() else None
    assert left == before


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    part_of(tmp_path / "1.eml").write_bytes(b"y" * 200_000)

    write_whole(tmp_path / "1.eml", b"whole")

    assert names(tmp_path) == ["1.eml"]
    assert (tmp_path / "1.eml").read_bytes() == b"whole"
