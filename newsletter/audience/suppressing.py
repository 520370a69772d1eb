"""Importing and exporting suppressions: addresses that are never mailed, and why."""

import csv
import datetime as dt
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from newsletter.audience.address import named
from newsletter.audience.columns import names_of
from newsletter.audience.csvfile import CsvFile, Record, open_csv
from newsletter.audience.importing import ImportResult, deed_of, result_of
from newsletter.audience.ownlayout import REASONS
from newsletter.audience.rejects import WriteReject, rejects_file
from newsletter.audience.spreadsheet import guard, unguard
from newsletter.audience.statuses import moment
from newsletter.audience.tally import ImportTally, in_batches, note, refuse_unknown
from newsletter.audience.vocabulary import COMMON
from newsletter.errors import UsageError
from newsletter.model.subscriber import Consent, ConsentHow, SuppressionReason
from newsletter.store import Store, audit
from newsletter.store.pages import stream
from newsletter.store.people import suppressions
from newsletter.store.people.merging import merge
from newsletter.store.people.staging import Batch, Hashes, StagedSuppression, staging
from newsletter.store.schema import microseconds

_HEADER = ("address", "reason", "source", "created_at")
_ADDRESS = ("address", "email", "e-mail", "email address", "emailaddress", "email_address")
_TIME = ("created_at", "suppressed_at", "created", "lastupdatetime", "date", "timestamp")
_HASH = re.compile(r"[0-9a-f]{64}")


def export_suppressions(store: Store, out: TextIO) -> int:
    """Write `address,reason,source,created_at`, the newest first; returns the number of rows.

    Erased people are hashes: they keep them out of a store with the same secret.
    """
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_HEADER)
    rows = 0
    for each in stream(store, suppressions.page):
        cells = (each.address, each.reason.value, each.source, each.created_at.isoformat())
        writer.writerow(map(guard, cells))
        rows += 1
    return rows


def import_suppressions(
    store: Store,
    path: Path,
    reason: SuppressionReason,
    *,
    now: dt.datetime,
    hashes: Hashes,
    rejects: Path | None = None,
    who: str = "",
) -> ImportResult:
    """Never mail the addresses of a CSV file again, or of a bare list; all of them or none.

    Where a row names no reason of its own it has `reason`. A reason that is known stays. Raises
    UsageError for words that are no reason. `who` is the person that imports, for the audit log.
    """
    tally = ImportTally()
    with ExitStack() as files:
        file = files.enter_context(open_csv(path, bare=True))
        left_out = files.enter_context(rejects_file(rejects, [file.header]))
        rows = _Rows(file, reason, now, tally, left_out.writing[0])
        with staging(store) as stage:
            stage.load(rows.batches(), hashes)
            refuse_unknown(tally)
            left_out.flush()
            with stage.transaction(keep=True):
                merged = merge(stage, {}, Consent(now, ConsentHow.IMPORT, file.name), "", hashes)
                audit.append(stage.connection, deed_of(merged, now, who))
    return result_of(merged, tally)


class _Rows:
    """The rows of a file of suppressions."""

    def __init__(
        self,
        file: CsvFile,
        reason: SuppressionReason,
        now: dt.datetime,
        tally: ImportTally,
        write_reject: WriteReject,
    ) -> None:
        names = names_of(file.header)
        self._file = file
        self._reason = reason
        self._now = now
        self._tally = tally
        self._write_reject = write_reject
        self._address = next((names.index(name) for name in _ADDRESS if name in names), -1)
        self._given = names.index("reason") if "reason" in names else -1
        self._source = names.index("source") if "source" in names else -1
        self._time = next((names.index(name) for name in _TIME if name in names), -1)
        if self._address < 0:
            raise UsageError(
                "no column is called address or email",
                where=f"{file.path}:1",
                hint="The first line names the columns: address,reason,source,created_at",
            )

    def batches(self) -> Iterator[Batch]:
        return in_batches(self._file, self._add, self._tally, self._write_reject)

    def _add(self, batch: Batch, record: Record) -> None:
        """Raises ValueError saying why a row is bad."""
        cells = [unguard(cell.strip()) for cell in record.cells]
        reason = self._reason_of(cells, record.line)
        if reason is SuppressionReason.ERASED:
            if not _HASH.fullmatch(cells[self._address]):
                raise ValueError("an erased person is named by a hash, and this is not one")
            key = cells[self._address]
        else:
            key = named(cells[self._address])[0].lower()
        source = cells[self._source] if self._source >= 0 else ""
        # In it may stand what a mail server wrote; nobody's no is left out for that.
        source = "".join(letter if letter.isprintable() else " " for letter in source)
        at = moment(cells[self._time]) if self._time >= 0 else None
        known_at = at if at is None or at <= self._now else None
        batch.suppressions.append(
            StagedSuppression(
                record.line, key, reason, source or self._file.name, microseconds(known_at)
            )
        )

    def _reason_of(self, cells: list[str], line: int) -> SuppressionReason:
        word = cells[self._given].lower() if self._given >= 0 else ""
        if not word:
            return self._reason
        if word in REASONS:
            return SuppressionReason(word)
        standing = COMMON.get(word)
        if standing is None or standing.reason is None:
            note(self._tally.unknown, "reason", word, f"{self._file.path}:{line}")
            return self._reason
        return standing.reason
