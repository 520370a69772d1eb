"""Counts while files are read, and their rows in batches."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.audience.address import InvalidAddress
from newsletter.audience.csvfile import CsvFile, Record
from newsletter.audience.rejects import WriteReject
from newsletter.errors import UsageError
from newsletter.model.standing import Standing
from newsletter.store.people.staging import Batch

_BATCH = 5000
_SAMPLES = 5
_SHOWN_WORDS = 8
_SHOWN_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: its file, the line it starts on, and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A row and what it says about its person."""

    file: str
    line: int
    address: str
    name: str
    standing: Standing
    attributes: Mapping[str, str]
    consent_at: dt.datetime | None


@dataclass(slots=True)
class ImportTally:
    """What was counted while the rows of all files were read."""

    rejected: int = 0
    unread_times: int = 0
    rejects: list[Reject] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    unknown: dict[tuple[str, str], "UnknownStatus"] = field(default_factory=dict)
    telling: dict[tuple[str, str], "UnknownStatus"] = field(default_factory=dict)

    def reject(self, reject: Reject) -> None:
        self.rejected += 1
        if len(self.rejects) < _SAMPLES:
            self.rejects.append(reject)


@dataclass(slots=True)
class UnknownStatus:
    """An unknown word in a column about people's standing, or a word that says no in a column that
    is not known to be about that."""

    place: str
    rows: int = 0


def note(words: dict[tuple[str, str], UnknownStatus], column: str, cell: str, place: str) -> None:
    """Count such a word, while there are not too many of them."""
    key = (column, cell.strip()[:_SHOWN_LENGTH])
    if key in words or len(words) <= _SHOWN_WORDS:
        words.setdefault(key, UnknownStatus(place)).rows += 1


def in_batches(
    file: CsvFile,
    add: Callable[[Batch, Record], None],
    tally: ImportTally,
    write_reject: WriteReject,
) -> Iterator[Batch]:
    """The rows of a file as `add` puts them into a batch; those that it raises ValueError for are
    left out, and counted."""
    batch = Batch()
    for record in file:
        try:
            if record.fault:
                raise ValueError(record.fault)
            add(batch, record)
        except (InvalidAddress, ValueError) as error:
            reason = error.reason if isinstance(error, InvalidAddress) else str(error)
            tally.reject(Reject(str(file.path), record.line, reason))
            write_reject(record.line, reason, record.cells)
            continue
        batch.size += 1
        if batch.size == _BATCH:
            yield batch
            batch = Batch()
    yield batch


def refuse_unknown(tally: ImportTally) -> None:
    """Raises UsageError for unknown words, and for a no in an unexpected column: nobody is imported
    on a guess."""
    if tally.unknown:
        raise _refusal(
            "words that are not known, in columns that say who wants mail:",
            tally.unknown,
            "Nothing was imported. Name the system that wrote the file with --from, or write words "
            "in their place that docs/commands.md lists. Only if the column says nothing of who "
            "wants mail, keep it: --map {0}=attribute, or leave it out: --ignore {0}.",
        )
    if tally.telling:
        raise _refusal(
            "words that say no, in columns that are not known to say who wants mail:",
            tally.telling,
            "Nothing was imported. If they are about that, read the column: --map {0}=status, or "
            "name the system that wrote the file with --from. If not, keep it: "
            "--map {0}=attribute, or leave it out: --ignore {0}.",
        )


def _refusal(
    message: str, words_by_column: Mapping[tuple[str, str], UnknownStatus], hint: str
) -> UsageError:
    words = [
        f"{column}: {word!r} ({unknown.place}, {unknown.rows:,} rows)"
        for (column, word), unknown in list(words_by_column.items())[:_SHOWN_WORDS]
    ]
    if len(words_by_column) > _SHOWN_WORDS:
        words.append("… and more")
    column, _ = next(iter(words_by_column))
    place = next(iter(words_by_column.values())).place
    return UsageError(message, details=words, where=place, hint=hint.format(repr(column)))
