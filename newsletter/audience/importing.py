"""Importing subscribers from CSV files: a million rows in seconds, all of them or none."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.audience.columns import Choice, columns_of, names_of
from newsletter.audience.csvfile import CsvFile, open_csv
from newsletter.audience.lists import check_name
from newsletter.audience.rejects import rejects_file
from newsletter.audience.rows import RowProgress, Rows
from newsletter.audience.systems import System, recognised
from newsletter.audience.tally import ImportTally, Reject, Sample, refuse_unknown
from newsletter.errors import UsageError
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.standing import Standing
from newsletter.model.subscriber import Consent, ConsentHow, SubscriptionStatus
from newsletter.store import Store, audit
from newsletter.store.people.merging import Merged, merge
from newsletter.store.people.staging import DEFAULT_LIST, Batch, Hashes, staging

_SAMPLES = 10


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The counts sum to the data rows of the files; `samples` are the first of those left out.

    `unread_times` is how many consents have no time of their own because theirs could not be read.
    `systems` are those whose exports were recognised. A dry run has a `preview` and no id.
    """

    import_id: int | None
    added: int
    updated: int
    unchanged: int
    skipped: int
    rejected: int
    unsubscribed: int
    suppressed: int
    lists_created: tuple[str, ...] = ()
    samples: tuple[Reject, ...] = ()
    unread_times: int = 0
    systems: tuple[str, ...] = ()
    preview: tuple[Sample, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        names = ("added", "updated", "unchanged", "skipped", "rejected")
        return {name: getattr(self, name) for name in (*names, "unsubscribed", "suppressed")}


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How files are to be read: by which system's layout, where one is named, and what options say
    about their columns. `encoding` is that of files which are neither UTF-8 nor marked as
    UTF-16."""

    system: System | None = None
    choice: Choice = field(default_factory=Choice)
    encoding: str | None = None
    dry_run: bool = False


AS_IT_IS = ImportOptions()


def import_csv(
    store: Store,
    files: Path | Sequence[Path],
    list_name: str | None,
    *,
    status: SubscriptionStatus,
    now: dt.datetime,
    hashes: Hashes,
    order: ImportOptions = AS_IT_IS,
    rejects: Path | None = None,
    progress: RowProgress = lambda position_bytes: None,
    who: str = "",
) -> ImportResult:
    """Let the people of CSV files join a list as `status` (confirmed or pending), and record the no
    of those of whom the files say that they left, bounced, complained or were blocked.

    One transaction for all files, in which a no wins over a yes wherever they stand. Bad rows are
    left out and, if `rejects` names a file, written there with line and reason. Who left the list,
    is suppressed or was erased is skipped. Names and attributes merge over what is known; empty
    cells erase nothing. `hashes` gives the keyed hashes of an address key; it is asked only if
    somebody was ever erased. `progress` hears how many bytes of a file were read. `who` is the
    person that imports, for the audit log.

    Raises UsageError for what cannot be such a CSV file, and for words that are not known in
    columns that say who wants mail.
    """
    paths = [files] if isinstance(files, Path) else list(files)
    if list_name is not None:
        check_name(list_name)
    tally, lists = ImportTally(), _Lists(list_name)
    with ExitStack() as open_files:
        opened, systems = _open(open_files, paths, order, is_list_told=list_name is not None)
        left_out = open_files.enter_context(rejects_file(rejects, [file.header for file in opened]))
        parts = [
            Rows(
                file,
                columns_of(file, system, order.choice),
                number=number,
                standing=Standing(status.value),
                source=file.name if number else None,
                now=now,
                write_reject=left_out.writing[number],
                progress=progress,
                tally=tally,
                samples=_SAMPLES if order.dry_run else 0,
                list_of=lists.number,
            )
            for number, (file, system) in enumerate(zip(opened, systems, strict=True))
        ]
        with staging(store) as stage:
            stage.load(_all_of(parts), hashes)
            refuse_unknown(tally)
            left_out.flush()
            consent = Consent(now, ConsentHow.IMPORT, opened[0].name)
            with stage.transaction(keep=not order.dry_run):
                merged = merge(stage, lists.names, consent, _names(systems), hashes)
                audit.append(stage.connection, deed_of(merged, now, who))
    recognised_ones = {each.name for each in systems if each and each is not order.system}
    return result_of(merged, tally, systems=tuple(sorted(recognised_ones)), dry_run=order.dry_run)


def _open(
    open_files: ExitStack, paths: Sequence[Path], order: ImportOptions, *, is_list_told: bool
) -> tuple[list[CsvFile], list[System | None]]:
    """The files, and of which system each is. Raises UsageError where nobody says which list."""
    bare = order.choice.everybody is not None
    opened = [open_files.enter_context(open_csv(path, order.encoding, bare=bare)) for path in paths]
    order.choice.check(file.header for file in opened)
    systems = [order.system or recognised(file.header) for file in opened]
    if not (is_list_told or _only_suppresses(order) or all(map(_names_lists, opened, systems))):
        raise UsageError(
            "which list do they join?", where="--list", hint="Name it with --list LIST."
        )
    return opened, systems


class _Lists:
    """The lists that rows join, each with a number: the one of the import, or what they name."""

    def __init__(self, name: str | None) -> None:
        self._is_told = name is not None
        self._numbers = {} if name is None else {name: DEFAULT_LIST}

    @property
    def names(self) -> dict[int, str]:
        return {number: name for name, number in self._numbers.items()}

    def number(self, name: str) -> int:
        """Raises ValueError for what cannot be the name of a list."""
        if self._is_told:
            return DEFAULT_LIST
        if name not in self._numbers:
            try:
                check_name(name)
            except UsageError as error:
                raise ValueError(error.message) from error
            self._numbers[name] = len(self._numbers) + 1
        return self._numbers[name]


def _only_suppresses(order: ImportOptions) -> bool:
    everybody = order.choice.everybody
    return everybody is not None and everybody.reason is not None


def _names_lists(file: CsvFile, system: System | None) -> bool:
    """Whether each row of a file says which list it is about."""
    return system is not None and system.is_own and "list" in names_of(file.header)


def _all_of(parts: Sequence[Rows]) -> Iterator[Batch]:
    for rows in parts:
        yield from rows.batches()


def _names(systems: Sequence[System | None]) -> str:
    return ", ".join(sorted({system.name for system in systems if system}))


def deed_of(merged: Merged, now: dt.datetime, who: str) -> Deed:
    """What the audit log says of an import."""
    counts = [f"{count:,} {name}" for name, count in merged.counts.items() if count]
    return Deed(now, who, DeedKind.IMPORT, f"import {merged.import_id}", ", ".join(counts))


def result_of(
    merged: Merged, tally: ImportTally, *, systems: tuple[str, ...] = (), dry_run: bool = False
) -> ImportResult:
    return ImportResult(
        import_id=None if dry_run else merged.import_id,
        rejected=tally.rejected,
        lists_created=merged.lists_created,
        samples=tuple(tally.rejects),
        unread_times=tally.unread_times,
        systems=systems,
        preview=tuple(tally.samples),
        **merged.counts,
    )
