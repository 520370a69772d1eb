"""Importing subscribers from a CSV file: a million rows in seconds, all of them or none."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from newsletter.audience.address import InvalidAddress, canonical
from newsletter.audience.cells import (
    LONGEST_NAME,
    attribute_fault,
    attribute_name,
    name_fault,
    one_line,
)
from newsletter.audience.csvfile import CsvFile, Record, open_csv
from newsletter.audience.lists import check_name
from newsletter.audience.rejects import WriteReject, rejects_file
from newsletter.audience.spreadsheet import unguard
from newsletter.errors import UsageError
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store import Store
from newsletter.store.staging import Hashes, StagedRow, staging

_BATCH = 5000
_SAMPLES = 5
_STATUSES = frozenset(status.value for status in SubscriptionStatus)
_quote = json.encoder.encode_basestring  # the C function: a third of the time of json.dumps

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: the line it starts on, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The five counts sum to the data rows of the file; `samples` are the first rejects."""

    added: int
    updated: int
    unchanged: int
    skipped: int
    rejected: int
    list_created: bool
    samples: tuple[Reject, ...] = ()


def import_csv(
    store: Store,
    path: Path,
    list_name: str,
    *,
    status: SubscriptionStatus,
    now: dt.datetime,
    hashes: Hashes,
    rejects: Path | None = None,
    progress: Progress = lambda position_bytes: None,
) -> ImportResult:
    """Let the people of a CSV file join a list as `status` (confirmed or pending).

    One transaction for the whole file. Bad rows are left out and, if `rejects` names a file,
    written there with line and reason. Who left the list, is suppressed or was erased is skipped.
    Names and attributes merge over what is known; empty cells erase nothing. `hashes` gives the
    keyed hashes of an address key; it is asked only if somebody was ever erased. `progress` hears
    how many bytes were read. Raises UsageError for a file that cannot be such a CSV file.
    """
    check_name(list_name)
    with open_csv(path) as file, rejects_file(rejects, file.header) as reject:
        rows = _Rows(file, status, reject, progress)
        with staging(store) as stage:
            stage.load(rows.batches(), hashes)
            consent = Consent(now, "import", path.name)
            merged = stage.merge(list_name, consent, hashes)
    return ImportResult(
        added=merged.added,
        updated=merged.updated,
        unchanged=merged.unchanged,
        skipped=merged.skipped + rows.left,
        rejected=rows.rejected,
        list_created=merged.list_created,
        samples=tuple(rows.samples),
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a row what is; an index of -1 is a column that the file does not have.

    Attributes are indexes and names, these quoted for JSON.
    """

    email: int
    name: int
    status: int
    list: int
    attributes: tuple[tuple[int, str], ...]


class _Rows:
    """The rows of a file made ready for the store, with the count of those left out."""

    def __init__(
        self,
        file: CsvFile,
        status: SubscriptionStatus,
        reject: WriteReject,
        progress: Progress,
    ) -> None:
        self._file = file
        self._columns = _columns(file)
        self._status = status.value
        self._write_reject = reject
        self._progress = progress
        self.rejected = 0
        self.left = 0
        self.samples: list[Reject] = []

    def batches(self) -> Iterator[Sequence[StagedRow]]:
        batch: list[StagedRow] = []
        for record in self._file:
            if record.fault:
                self._reject(record, record.fault)
                continue
            try:
                row = self._row(record.line, record.cells)
            except InvalidAddress as error:
                self._reject(record, error.reason)
                continue
            except ValueError as error:
                self._reject(record, str(error))
                continue
            if row is None:
                self.left += 1
                continue
            batch.append(row)
            if len(batch) == _BATCH:
                yield batch
                batch = []
                self._progress(self._file.position_bytes())
        yield batch
        self._progress(self._file.position_bytes())

    def _row(self, line: int, cells: list[str]) -> StagedRow | None:
        """None for a row that says its person left; raises ValueError saying why it is bad."""
        columns = self._columns
        # Nine rows in ten are short and plain as a whole: then no cell needs a closer look.
        text = "".join(cells)
        if len(text) > LONGEST_NAME or "'" in text or not text.isprintable():
            cells = _looked_at(cells, columns)
        address = canonical(cells[columns.email])
        status = self._status
        skipped: tuple[int, ...] = ()
        if columns.status >= 0 and (standing := cells[columns.status].strip().lower()) in _STATUSES:
            if standing == SubscriptionStatus.UNSUBSCRIBED:
                return None
            if standing == SubscriptionStatus.PENDING:
                status = standing
            skipped = (columns.status, columns.list)
        attributes = ",".join(
            [
                label + _quote(value)
                for index, label in columns.attributes
                if (value := cells[index].strip()) and index not in skipped
            ]
        )
        return (
            line,
            address.lower(),
            address,
            cells[columns.name].strip() if columns.name >= 0 else "",
            f"{{{attributes}}}" if attributes else None,
            status,
        )

    def _reject(self, record: Record, reason: str) -> None:
        self.rejected += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(Reject(record.line, reason))
        self._write_reject(record.line, reason, record.cells)


def _looked_at(cells: Sequence[str], columns: _Columns) -> list[str]:
    """The cells without the apostrophes of `guard`, each value on one line.

    Raises ValueError for a name or an attribute that cannot be stored.
    """
    found = [unguard(cell.strip(" ")) for cell in cells]
    if columns.name >= 0 and (fault := name_fault(found[columns.name].strip())):
        raise ValueError(fault)
    for index, label in columns.attributes:
        found[index] = one_line(found[index].strip())
        if fault := attribute_fault(found[index]):
            raise ValueError(f"{label} {fault}")
    return found


def _columns(file: CsvFile) -> _Columns:
    """What the header says. A file with `email` may have `address` as an attribute, the postal
    one. A file of rejects, put right, begins with its two extra columns."""
    where = f"{file.path}:1"
    names = [unguard(cell).lower() for cell in file.header]
    if duplicates := sorted({name for name in names if names.count(name) > 1 and name}):
        raise UsageError(
            f"two columns are called {duplicates[0]!r}", where=where, hint="Rename one of them."
        )
    email = next((names.index(known) for known in ("email", "address") if known in names), -1)
    if email < 0:
        raise UsageError(
            "no column is called email or address",
            where=where,
            hint=f"The first line names the columns; it has: {_listed(file.header)}",
        )
    own = {email, _index(names, "name")}
    if names[:2] == ["line", "reason"]:
        own |= {0, 1}
    attributes = []
    for index, name in enumerate(names):
        if index in own:
            continue
        known_as = attribute_name(name.removeprefix("attribute:"))
        if not known_as:
            raise UsageError(
                f"column {index + 1} has no name that can be used",
                where=where,
                hint="Name each column, in up to 50 characters.",
            )
        attributes.append((index, f"{_quote(known_as)}:"))
    return _Columns(
        email,
        _index(names, "name"),
        _index(names, "status"),
        _index(names, "list"),
        tuple(attributes),
    )


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1


def _listed(header: Iterable[str]) -> str:
    return ", ".join(cell[:30] for cell in list(header)[:8])
