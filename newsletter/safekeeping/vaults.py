"""Where backups are kept: a folder, or a bucket.

Backups of one store in one place have names by which they are told from those of others: the name
of the store, the time, and the store's id.
"""

import datetime as dt
import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from newsletter.config import BackupSettings
from newsletter.errors import NewsletterError, Refused, UsageError
from newsletter.files import put_in_free_place, target_of
from newsletter.pasting import quoted
from newsletter.safekeeping.sealing import SUFFIX

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_TIME = "%Y%m%dT%H%M%SZ"
_MOST_ON_A_NAME = 1000  # backups of one second


class Vault(Protocol):
    """A place for backups. Each call raises NewsletterError where it fails."""

    def where(self, name: str = "") -> str:
        """The place, or a backup in it, as a person would name it."""

    def names(self) -> Sequence[str]:
        """Everything that lies there, be it a backup or not."""

    def put(self, part: Path, name: str) -> None:
        """Keep a finished file under a free name. Raises FileExistsError where it is taken."""

    def fetch(self, name: str, target: IO[bytes]) -> dt.datetime:
        """Write a backup's bytes into a file; returns when it was put there."""

    def remove(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BackupPlace:
    """A vault, and the name of a backup on it; an empty name leaves that open."""

    vault: Vault
    name: str = ""

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that it is."""
        return self.vault.path if isinstance(self.vault, Folder) else None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    path: Path

    def where(self, name: str = "") -> str:
        return str(self.path / name) if name else f"{self.path}{os.sep}"

    def names(self) -> Sequence[str]:
        try:
            return sorted(os.listdir(self.path))
        except OSError as error:
            raise _unreadable(error, self.where()) from error

    def put(self, part: Path, name: str) -> None:
        put_in_free_place(part, self.path / name)

    def fetch(self, name: str, target: IO[bytes]) -> dt.datetime:
        """A pipe may never end, so only an ordinary file is read."""
        file = self.path / name
        try:
            if not file.is_file():
                raise UsageError(
                    "it is no file" if file.exists() else "there is no such file",
                    where=str(file),
                    hint="Name a file that `newsletter db backup` wrote.",
                )
            log = file.with_name(f"{file.name}-wal")
            if log.exists() and log.stat().st_size:
                raise UsageError(
                    "a log lies beside it, with commits that it lacks itself",
                    where=str(log),
                    hint="Bring them into the file by SQLite's own program: "
                    f"sqlite3 {quoted(str(file))} 'PRAGMA wal_checkpoint(TRUNCATE)'",
                )
            with file.open("rb") as source:
                while piece := source.read(1 << 20):
                    target.write(piece)
                return dt.datetime.fromtimestamp(os.fstat(source.fileno()).st_mtime, dt.UTC)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _unreadable(error, str(file)) from error

    def remove(self, name: str) -> None:
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise NewsletterError(
                f"an old backup cannot be deleted: {error.strerror}",
                where=self.where(name),
                hint="Delete it, and let the user who runs this do so.",
            ) from error


def _unreadable(error: OSError, where: str) -> NewsletterError:
    return NewsletterError(
        f"it cannot be read: {error.strerror}",
        where=where,
        hint="Let the user who runs this read it.",
    )


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of the backups of one store: they sort by time."""

    store: str
    store_id: str

    def name(self, at: dt.datetime, suffix: str, number: int) -> str:
        """`number` tells those of one second apart, from 1 on."""
        more = f"-{number}" if number > 1 else ""
        return f"{self.store}-{at.astimezone(dt.UTC):{_TIME}}{more}-{self.store_id}{suffix}"

    def mine(self, names: Sequence[str]) -> list[str]:
        """Those of them that are backups of this very store, the newest first."""
        store, store_id = re.escape(self.store), re.escape(self.store_id)
        pattern = re.compile(
            rf"{store}-(\d{{8}}T\d{{6}}Z)(?:-(\d+))?-{store_id}\.(?:db|dump)(?:{SUFFIX})?"
        )
        matches = [match for name in names if (match := pattern.fullmatch(name))]
        matches.sort(key=lambda match: (match[1], int(match[2] or 1)), reverse=True)
        return [match[0] for match in matches]


def put_in_order(
    place: BackupPlace, part: Path, naming: Naming, at: dt.datetime, suffix: str
) -> str:
    """Keep a finished file under its name, which is returned; nothing is ever overwritten."""
    vault = place.vault
    if place.name:
        try:
            vault.put(part, place.name)
        except FileExistsError as error:
            raise taken(place) from error
        return place.name
    for number in range(1, _MOST_ON_A_NAME):
        name = naming.name(at, suffix, number)
        try:
            vault.put(part, name)
        except FileExistsError:
            continue
        return name
    raise Refused(
        "there are too many backups of this second",
        where=vault.where(),
        hint="Try again in a second.",
    )


def taken(place: BackupPlace) -> Refused:
    return Refused(f"{place.vault.where(place.name)} exists already", hint="Name a new file.")


def newest(vault: Vault) -> str:
    """The newest backup there, of whichever store. Raises UsageError where there is none."""
    pattern = re.compile(rf".+-(\d{{8}}T\d{{6}}Z)(?:-(\d+))?-[0-9a-f]+\.(?:db|dump)(?:{SUFFIX})?")
    matches = [match for name in vault.names() if (match := pattern.fullmatch(name))]
    if not matches:
        raise UsageError(
            "there is no backup with a name that `newsletter db backup` gives",
            where=vault.where(),
            hint="Name the file itself.",
        )
    return max(matches, key=lambda match: (match[1], int(match[2] or 1)))[0]


def place_of(
    text: str, base: Path, settings: BackupSettings, *, is_vault: bool = False
) -> BackupPlace:
    """What a text names: `s3://bucket/prefix/`, a folder, or a file; relative to `base`.

    With `is_vault` it names no file. Raises UsageError.
    """
    if "://" in text:
        match = _BUCKET.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is no place for backups",
                hint="Name a file, a folder, or s3://bucket/folder/",
            )
        bucket, key = match[1], (match[2] or "").lstrip("/")
        prefix, _, name = (f"{key.rstrip('/')}/" if is_vault else key).rpartition("/")
        from newsletter.safekeeping.s3 import open_bucket  # noqa: PLC0415 -- the SDK takes long

        return BackupPlace(open_bucket(bucket, prefix, settings), name)
    path = base / text
    if is_vault or text.endswith(os.sep) or path.is_dir():
        if not path.is_dir():
            raise UsageError(
                "this folder does not exist",
                where=str(path),
                hint="Make it, or mount its disk, and let the user who runs this write there.",
            )
        return BackupPlace(Folder(path))
    if not path.exists():
        path = target_of(path) or path  # where a link leads to no file yet
    return BackupPlace(Folder(path.parent), path.name)
