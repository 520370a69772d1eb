"""The outbox: one .eml file for each message, written whole or not at all."""

import datetime as dt
import os
from collections.abc import Sequence
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
        outcomes: list[Outcome] = []
        for message in batch:
            try:
                outcomes.append(_deliver(folder, message))
            except OSError as error:
                if not outcomes:
                    raise _down(folder, error) from error
                rest = len(batch) - len(outcomes)
                return outcomes + [RetryLater(f"the outbox: {error.strerror}")] * rest
        return outcomes


def _deliver(folder: Path, message: Message) -> Outcome:
    try:
        content = mime.compose(message, dt.datetime.now(dt.UTC))
    except mime.UnsafeHeader as error:
        return Rejected(error.message)
    write_whole(folder / f"{message.name}.eml", content)
    return Accepted(message.ref)


def _down(folder: Path, error: OSError) -> TransportDown:
    return TransportDown(
        f"the outbox cannot be written: {error.strerror}",
        where=str(folder),
        hint="Make room or give access, then resume.",
    )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves either all of it or nothing, and it survives one."""
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, as the content before it
    finally:
        os.close(folder)
