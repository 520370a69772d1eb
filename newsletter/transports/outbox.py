"""The outbox: one .eml file for each message, written whole or not at all."""

import datetime as dt
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from newsletter.errors import TransportDown
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater
from newsletter.transports import mime


class Outbox:
    """Writes `<root>/<send id>/<subscriber id>.eml`; an earlier attempt's file is replaced."""

    kind = "outbox"
    concurrency = 1
    batch_size = 50

    def __init__(self, root: Path) -> None:
        self._root = root

    def allowance(self) -> Allowance:
        return Allowance()

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        folder = self._root / send_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _down(folder, error) from error
        now = dt.datetime.now(dt.UTC)
        composed = [_composed(message, now) for message in batch]
        mails = [
            (folder / f"{message.name}.eml", content)
            for message, content in zip(batch, composed, strict=True)
            if isinstance(content, bytes)
        ]
        left, stopped = write_together(mails)
        if stopped is not None and not left:
            raise _down(folder, stopped) from stopped
        outcomes: list[Outcome] = []
        for message, content in zip(batch, composed, strict=True):
            if isinstance(content, Rejected):
                outcomes.append(content)
            elif left:
                left -= 1
                outcomes.append(Accepted(message.ref))
            else:
                assert stopped is not None
                outcomes.append(RetryLater(f"the outbox: {stopped.strerror}"))
        return outcomes


def _composed(message: Message, now: dt.datetime) -> bytes | Rejected:
    try:
        return mime.compose(message, now)
    except mime.UnsafeHeader as error:
        return Rejected(error.message)


def _down(folder: Path, error: OSError) -> TransportDown:
    return TransportDown(
        f"the outbox cannot be written: {error.strerror}",
        where=str(folder),
        hint="Make room or give access, then resume.",
    )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves either all of it or nothing, and it survives one."""
    _, error = write_together([(path, content)])
    if error is not None:
        raise error


def write_together(files: Sequence[tuple[Path, bytes]]) -> tuple[int, OSError | None]:
    """Write files of one folder as `write_whole` does, waiting for the disk once for all of them.

    Returns how many are there, from the first on, and what stopped the others.
    """
    parts = [path.with_suffix(path.suffix + ".part") for path, _ in files]
    written, stopped = 0, None
    try:
        with ExitStack() as opened:
            handles: list[int] = []
            for part, (_, content) in zip(parts, files, strict=True):
                try:
                    file = opened.enter_context(part.open("wb", buffering=0))
                    file.write(content)
                except OSError as error:
                    stopped = error
                    break
                handles.append(file.fileno())
            for part, (path, _), handle in zip(parts, files, handles, strict=False):
                os.fsync(handle)
                part.replace(path)
                written += 1
        if written:
            _sync_names(files[0][0].parent)
    except OSError as error:
        stopped = error
    for part in parts[written:]:
        part.unlink(missing_ok=True)
    return written, stopped


def _sync_names(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
