"""The rows of a file made ready for the store: the person, their standing, and what they said."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Sequence

from newsletter.audience import ownrows
from newsletter.audience.address import InvalidAddress, canonical, named
from newsletter.audience.cells import (
    LONGEST_NAME,
    at,
    attribute_fault,
    first,
    name_fault,
    one_line,
    past,
    quoted,
    with_json,
)
from newsletter.audience.columns import Columns, names_of
from newsletter.audience.csvfile import CsvFile, Record
from newsletter.audience.ownlayout import OwnColumns
from newsletter.audience.rejects import WriteReject
from newsletter.audience.spreadsheet import unguard
from newsletter.audience.statuses import moment
from newsletter.audience.tally import ImportTally, Sample, in_batches, note
from newsletter.audience.vocabulary import PLAIN_AS_WRITTEN
from newsletter.errors import UsageError
from newsletter.model.standing import FIRMNESS, Standing
from newsletter.model.subscriber import SuppressionReason
from newsletter.store.people.staging import (
    DEFAULT_LIST,
    NO_LIST,
    Batch,
    StagedFacts,
    StagedSuppression,
)
from newsletter.store.schema import from_microseconds, microseconds

_LONGEST_SOURCE = 500
# The status of the subscription; None where the address itself is suppressed.
_STATUSES = {each: each.status.value if each.status else None for each in Standing}
_HASH = re.compile(r"[0-9a-f]{64}")
_FILE = 1 << 40  # more than a file has lines: a row is known by its file and line in one number

RowProgress = Callable[[int], None]
# The standing of a row's person; when they agreed and when they left, where a status says so.
_Told = tuple[Standing, dt.datetime | None, dt.datetime | None]


class Rows:
    """The rows of one file. `number` is its place among the files of an import; `standing` is for
    rows that say nothing, or yes; `source` is where a consent comes from, None for the first file,
    whose name the import has itself."""

    def __init__(
        self,
        file: CsvFile,
        columns: Columns,
        *,
        number: int,
        standing: Standing,
        source: str | None,
        now: dt.datetime,
        write_reject: WriteReject,
        progress: RowProgress,
        tally: ImportTally,
        samples: int,
        list_of: Callable[[str], int],
    ) -> None:
        self._file = file
        self._list_of = list_of
        self._columns = columns
        self._base = number * _FILE
        self._standing = standing
        self._firmness = FIRMNESS[standing]
        self._source = source
        self._now = now
        self._write_reject = write_reject
        self._progress = progress
        self._tally = tally
        self._samples = samples
        # Most files say nothing about standing or consent.
        self._may_tell_facts = bool(
            columns.consent_at or columns.consent_source or columns.consent_ip or source
        )
        self._is_plain = not (columns.statuses or columns.everybody or self._may_tell_facts)

    def batches(self) -> Iterator[Batch]:
        for batch in in_batches(self._file, self._add, self._tally, self._write_reject):
            yield batch
            self._progress(self._file.position_bytes())

    def _add(self, batch: Batch, record: Record) -> None:
        """Raises ValueError saying why a row is bad; a no in it is kept all the same."""
        try:
            self._add_whole(batch, record)
        except ValueError:
            if not self._add_no(batch, record):
                raise

    def _add_no(self, batch: Batch, record: Record) -> bool:
        """Take only the address and the no of a row whose name or attributes cannot be stored;
        False where the row says no no."""
        if self._is_plain or self._columns.own:
            return False
        standing, _, _ = self._standing_in(record.line, record.cells)
        if FIRMNESS[standing] < FIRMNESS[Standing.UNSUBSCRIBED]:
            return False
        address, _ = named(unguard(record.cells[self._columns.email].strip()))
        place, key = self._base + record.line, address.lower()
        if standing.reason:
            batch.suppressions.append(self._suppression(place, key, standing, None))
        else:
            batch.rows.append((place, key, address, "", None, standing.value, DEFAULT_LIST))
        return True

    def _add_whole(self, batch: Batch, record: Record) -> None:
        """Raises ValueError for what cannot be stored."""
        columns, line, cells = self._columns, record.line, record.cells
        # Nine rows in ten are short and plain: then no cell needs a closer look.
        text = "".join(cells)
        if closer := len(text) > LONGEST_NAME or "'" in text or not text.isprintable():
            cells = _looked_at(cells, columns)
        if columns.own and at(cells, columns.own.suppression) == SuppressionReason.ERASED:
            batch.suppressions.append(self._erased(self._base + line, columns.own, cells))
            return
        name = cells[columns.name].strip() if columns.name >= 0 else self._whole_name(cells)
        try:
            address = canonical(cells[columns.email])
        except InvalidAddress:
            address, also = named(cells[columns.email])
            name = name or also
        if closer and (fault := name_fault(name)):
            raise ValueError(fault)
        if columns.unnamed:
            self._check_unnamed(line, cells)
        if columns.others and not PLAIN_AS_WRITTEN.isdisjoint(cells):
            self._check_others(line, cells)
        attributes = ",".join(
            [
                label + quoted(value)
                for index, label in columns.attributes
                if (value := cells[index].strip())
            ]
        )
        for index, label in columns.json:
            if cell := cells[index].strip():
                attributes = with_json(attributes, label, cell)
        if columns.own:
            self._add_own(batch, line, columns.own, cells, (address, name, attributes))
            return
        standing, facts = self._standing, None
        if not self._is_plain:
            standing, agreed_at, left_at = self._standing_in(line, cells)
            if agreed_at or left_at or self._may_tell_facts:
                facts = self._facts(self._base + line, cells, agreed_at, left_at)
        if len(self._tally.samples) < self._samples:
            self._sample(line, address, name, attributes, standing, facts)
        place, key, status = self._base + line, address.lower(), _STATUSES[standing]
        if status is None:
            batch.suppressions.append(self._suppression(place, key, standing, facts))
            return
        stored = f"{{{attributes}}}" if attributes else None
        batch.rows.append((place, key, address, name, stored, status, DEFAULT_LIST))
        if facts:
            batch.facts.append(facts)

    def _add_own(
        self,
        batch: Batch,
        line: int,
        own: OwnColumns,
        cells: Sequence[str],
        person: tuple[str, str, str],
    ) -> None:
        """A row of our own export: what it says about the person and about the address."""
        (address, name, attributes), place = person, self._base + line
        status, reason = at(cells, own.status).lower(), at(cells, own.suppression).lower()
        if unknown := ownrows.unknown_word(status, reason):
            note(self._tally.unknown, *unknown, self._place(line))
            return
        says_no = bool(reason) or status == Standing.UNSUBSCRIBED
        # Anything that may fail comes first: a rejected row leaves nothing behind.
        history, former = ownrows.history(own, cells, place, may_be_cut=says_no)
        list_number = self._list_of(at(cells, own.list)) if status else NO_LIST
        is_somebody = bool(status or at(cells, own.created_at))
        if reason:
            suppressed = ownrows.suppression(own, cells, place, address.lower(), reason, self._now)
            batch.suppressions.append(suppressed._replace(alone=not is_somebody))
        standing = Standing(status or Standing.CONFIRMED.value)
        if standing is Standing.CONFIRMED:
            standing = self._standing
        facts = self._facts(place, cells, None, None)
        if len(self._tally.samples) < self._samples:
            self._sample(line, address, name, attributes, standing, facts)
        if not is_somebody:
            return
        stored, where = (
            f"{{{attributes}}}" if attributes else None,
            standing.value if status else "",
        )
        batch.rows.append((place, address.lower(), address, name, stored, where, list_number))
        facts = facts or StagedFacts(place, False, None, None, None, "", None)
        how = at(cells, own.consent_how) or None
        batch.facts.append(facts._replace(is_suppressed=bool(reason), consent_how=how))
        batch.said += history
        batch.former += former
        if until := moment(at(cells, own.paused_until)):
            batch.pauses.append((place, microseconds(until)))

    def _erased(self, place: int, own: OwnColumns, cells: Sequence[str]) -> StagedSuppression:
        """An erased person, known only by a hash."""
        hashed = cells[self._columns.email].strip()
        if not _HASH.fullmatch(hashed):
            raise ValueError("an erased person is named by a hash, and this is not one")
        return ownrows.suppression(own, cells, place, hashed, SuppressionReason.ERASED, self._now)

    def _whole_name(self, cells: Sequence[str]) -> str:
        """First and last name as one, where no column has both."""
        columns = self._columns
        parts = (cells[at].strip() for at in (columns.first_name, columns.last_name) if at >= 0)
        return " ".join(part for part in parts if part)

    def _check_unnamed(self, line: int, cells: Sequence[str]) -> None:
        for index in self._columns.unnamed:
            if cells[index].strip():
                raise UsageError(
                    f"column {index + 1} has no name that can be used, and line {line} fills it",
                    where=f"{self._file.path}:1",
                    hint="Name each column, in up to 50 characters.",
                )

    def _check_others(self, line: int, cells: Sequence[str]) -> None:
        for index in self._columns.others:
            if cells[index] in PLAIN_AS_WRITTEN:
                name = names_of(self._file.header)[index]
                note(self._tally.telling, name, cells[index], self._place(line))

    def _standing_in(self, line: int, cells: Sequence[str]) -> _Told:
        """The firmest of all that a row says about its person."""
        standing, firmness = self._standing, self._firmness
        agreed_at = left_at = None
        for column in self._columns.statuses:
            cell = cells[column.index]
            meaning = column.known.get(cell) or column.read(cell)
            if meaning is None:
                note(self._tally.unknown, column.name, cell, self._place(line))
                continue
            if meaning.standing is Standing.CONFIRMED:
                agreed_at = meaning.at or agreed_at
            elif meaning.standing and (theirs := FIRMNESS[meaning.standing]) >= firmness:
                standing, firmness, left_at = meaning.standing, theirs, meaning.at or left_at
        everybody = self._columns.everybody
        if everybody and FIRMNESS[everybody] > firmness:
            standing = everybody
        agreed_in = self._columns.agreed_in
        if standing is Standing.CONFIRMED and agreed_in and not first(cells, agreed_in):
            standing = Standing.PENDING
        return standing, agreed_at, left_at

    def _facts(
        self,
        place: int,
        cells: Sequence[str],
        agreed_at: dt.datetime | None,
        left_at: dt.datetime | None,
    ) -> StagedFacts | None:
        """What a row says about its person's consent, if anything."""
        consent_at = self._consent_at(cells) or self._past(agreed_at)
        left_at = self._past(left_at)
        ip = first(cells, self._columns.consent_ip)
        source = first(cells, self._columns.consent_source) or self._source
        if not (consent_at or left_at or ip or source):
            return None
        return StagedFacts(
            place,
            is_suppressed=False,
            consent_at=microseconds(consent_at),
            consent_how=None,
            consent_source=source,
            consent_ip=ip,
            left_at=microseconds(left_at),
        )

    def _suppression(
        self, place: int, key: str, standing: Standing, facts: StagedFacts | None
    ) -> StagedSuppression:
        assert standing.reason is not None
        left_at = None if facts is None else facts.left_at
        return StagedSuppression(place, key, standing.reason, self._file.name, left_at)

    def _sample(
        self,
        line: int,
        address: str,
        name: str,
        attributes: str,
        standing: Standing,
        facts: StagedFacts | None,
    ) -> None:
        consent_at = None if facts is None else from_microseconds(facts.consent_at)
        values = json.loads(f"{{{attributes}}}")
        sample = Sample(self._file.name, line, address, name, standing, values, consent_at)
        self._tally.samples.append(sample)

    def _consent_at(self, cells: Sequence[str]) -> dt.datetime | None:
        cell = first(cells, self._columns.consent_at)
        if not cell:
            return None
        at = self._past(moment(cell))
        if at is None:
            self._tally.unread_times += 1
        return at

    def _past(self, at: dt.datetime | None) -> dt.datetime | None:
        return past(at, self._now)

    def _place(self, line: int) -> str:
        return f"{self._file.path}:{line}"


def _looked_at(cells: Sequence[str], columns: Columns) -> list[str]:
    """The cells without the apostrophes of `guard`, each value on one line.

    Raises ValueError for a name or an attribute that cannot be stored.
    """
    clean = [unguard(cell.strip(" ")) for cell in cells]
    for index in (*columns.consent_source, *columns.consent_ip):
        clean[index] = one_line(clean[index])[:_LONGEST_SOURCE]
    for index, label in (*columns.attributes, *columns.json):
        clean[index] = one_line(clean[index].strip())
        if fault := attribute_fault(clean[index]):
            raise ValueError(f"{label} {fault}")
    return clean
