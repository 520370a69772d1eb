"""The outbox: files that are whole or not there."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import TransportDown
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Rejected, RetryLater
from newsletter.transports.outbox import Outbox, write_whole
from tests.mailbox import opened
from tests.unit.transports.test_mime import MESSAGE

ROOT = Path(__file__).parents[3]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def batch(count: int) -> list[Message]:
    """Messages named 1, 2, 3, …"""
    return [replace(MESSAGE, ref=f"send-{n}.1", name=str(n)) for n in range(1, count + 1)]


def test_each_subscriber_has_a_file_below_the_folder_of_the_send(tmp_path: Path) -> None:
    Outbox(tmp_path / "deep" / "outbox").deliver("20260107-abcdef", batch(2))

    folder = tmp_path / "deep" / "outbox" / "20260107-abcdef"
    assert names(folder) == ["1.eml", "2.eml"]
    assert opened((folder / "2.eml").read_bytes()).headers["To"] == MESSAGE.to.text


def test_another_attempt_replaces_the_file(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    outbox.deliver("s", [MESSAGE])
    outbox.deliver("s", [replace(MESSAGE, ref="20261124-abcdef-1.2")])

    assert names(tmp_path / "s") == ["1.eml"]
    message_id = opened((tmp_path / "s" / "1.eml").read_bytes()).headers["Message-ID"]
    assert message_id == "<20261124-abcdef-1.2@news.example.com>"


def test_an_outbox_that_cannot_be_made_is_down(tmp_path: Path) -> None:
    """Nothing left, so the send may go on later; the error says where and what to do."""
    (tmp_path / "outbox").write_text("a file where the folder should be")

    with pytest.raises(TransportDown) as caught:
        Outbox(tmp_path / "outbox").deliver("s", [MESSAGE])

    assert caught.value.where == str(tmp_path / "outbox" / "s")
    assert caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without room")
def test_a_full_disk_before_the_first_message_is_down(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "1.eml.part").symlink_to("/dev/full")

    with pytest.raises(TransportDown, match="No space left"):
        Outbox(tmp_path).deliver("s", [MESSAGE])

    assert not (tmp_path / "s" / "1.eml").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without room")
def test_a_disk_that_fills_up_puts_off_the_rest_and_keeps_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "3.eml.part").symlink_to("/dev/full")

    outcomes = Outbox(tmp_path).deliver("s", batch(5))

    assert [type(o) for o in outcomes] == [Accepted, Accepted, RetryLater, RetryLater, RetryLater]
    assert [path.name for path in sorted((tmp_path / "s").glob("*.eml"))] == ["1.eml", "2.eml"]
    assert all("No space left" in o.reason for o in outcomes if isinstance(o, RetryLater))


def test_a_rejected_message_leaves_no_file(tmp_path: Path) -> None:
    bad = replace(MESSAGE, name="2", headers=(("X-Odd", "a\r\nb"),))

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
from newsletter.transports.outbox import write_whole

def kill(event, args):
    if event == {event!r} and ".part" in str(args[0]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
write_whole(Path(sys.argv[1]), b"x" * 100_000)
"""

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "1.eml")], cwd=ROOT, timeout=60, check=False
    )

    assert done.returncode == -signal.SIGKILL
    left = (tmp_path / "1.eml").read_bytes() if (tmp_path / "1.eml").exists() else None
    assert left == before


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "1.eml.part").write_bytes(b"y" * 200_000)

    write_whole(tmp_path / "1.eml", b"whole")

    assert names(tmp_path) == ["1.eml"]
    assert (tmp_path / "1.eml").read_bytes() == b"whole"
