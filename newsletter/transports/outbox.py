"""The outbox: one .eml file for each message, written whole or not at all."""

import datetime as dt
import errno
from collections.abc import Sequence
from pathlib import Path

from newsletter.errors import ConfigurationError, MachineFault
from newsletter.files import clear_parts, in_the_way, make_folder, write_together
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected
from newsletter.project import Project
from newsletter.transports import mime
from newsletter.transports.base import Kind

# Faults of one file alone: the others of its batch can be written.
_OF_ONE_MESSAGE = (errno.ENAMETOOLONG, errno.EILSEQ)


class Outbox:
    """Writes `<root>/<send id>/<subscriber id>.eml`; an earlier attempt's file is replaced.

    Folders and files are for their owner alone: a mail holds a name, an address, and links that
    open its reader's pages.
    """

    kind = "outbox"
    reaches_readers = False
    concurrency = 1
    batch_size = 50

    def __init__(self, root: Path) -> None:
        self._root = root

    def allowance(self) -> Allowance:
        return Allowance()

    def check(self, sender: str) -> Sequence[str]:
        if folder := in_the_way(self._root / "mail"):
            raise ConfigurationError(
                f"nothing can be written to {folder}, where the outbox is",
                where="transport.outbox.path",
                hint="Nothing was sent. Give access, or name another folder, as "
                "[transport.outbox] path or NEWSLETTER_TRANSPORT__OUTBOX__PATH.",
            )
        return ()

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        """Raises MachineFault where the disk takes no more, with what was written before."""
        folder = self._root / send_id
        outcomes: list[Outcome | None] = [None] * len(batch)
        try:
            make_folder(folder, private=True)
        except OSError as error:
            raise _fault(folder, error, outcomes) from error
        now = dt.datetime.now(dt.UTC)
        mails: list[tuple[int, Path, bytes]] = []
        for place, message in enumerate(batch):
            try:
                content = mime.compose(message, now)
            except mime.UnsafeHeader as error:
                outcomes[place] = Rejected(error.message)
            else:
                mails.append((place, folder / f"{message.name}.eml", content))
        while mails:
            count, stopped = write_together([mail[1:] for mail in mails], private=True)
            for place, _, _ in mails[:count]:
                outcomes[place] = Accepted(batch[place].ref)
            mails = mails[count:]
            if stopped is not None:
                if not mails or stopped.errno not in _OF_ONE_MESSAGE:
                    raise _fault(folder, stopped, outcomes) from stopped
                outcomes[mails.pop(0)[0]] = Rejected(f"the outbox: {stopped.strerror}")
        return [outcome for outcome in outcomes if outcome is not None]


def _open(project: Project) -> Outbox:
    return Outbox(project.outbox)


def _clear(project: Project, send_id: str) -> None:
    """Parts of mails: who was to get one may be unknown now, and it is never written again."""
    clear_parts(project.outbox / send_id)


KIND = Kind(service="the outbox", record="the outbox", open=_open, clear=_clear)


def _fault(folder: Path, error: OSError, outcomes: Sequence[Outcome | None]) -> MachineFault:
    return MachineFault(
        f"the outbox cannot be written: {error.strerror}",
        where=str(folder),
        hint="Make room or give access, then resume.",
        outcomes=outcomes,
    )
