"""The files of archived sends: one line for each delivery, packed by gzip."""

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import BinaryIO

from newsletter.audience.spreadsheet import guard, unguard
from newsletter.errors import NewsletterError, UsageError
from newsletter.files import being_written
from newsletter.gate import visible
from newsletter.model.record import SendRecord
from newsletter.model.send import Delivery, Send
from newsletter.operations import records
from newsletter.operations.records import JsonObject
from newsletter.store import Store
from newsletter.store.ledger import deliveries
from newsletter.store.pages import stream
from newsletter.store.people import erasure, people

_COLUMNS = (
    *("address", "subscriber_id", "status", "message_id", "attempts", "reason", "at"),
    *("delivery", "reported"),
)
_NUMBERS = ("subscriber_id", "attempts")
_PIECE_BYTES = 1 << 20


class Format(StrEnum):
    """How deliveries stand in a file."""

    JSONL = "jsonl"
    CSV = "csv"


def write(store: Store, record: SendRecord, file: Path, kind: Format) -> str:
    """Write the deliveries of a send, the last first, and read them again; returns the SHA-256 of
    the file, which is whole or not there, and for its owner alone.

    Raises NewsletterError where it has not as many as were frozen.
    """
    rows = stream(store, partial(deliveries.page, send=record.number))
    with being_written(file, private=True) as archive:
        with (
            gzip.GzipFile("", "wb", fileobj=archive, mtime=0) as packed,
            io.TextIOWrapper(packed, "utf-8", newline="") as text,
        ):
            text.writelines(_as_json(rows) if kind is Format.JSONL else _as_csv(rows))
        amount, file_hash = _read_again(archive, kind)
        if amount != record.recipients:
            raise NewsletterError(
                f"send {record.id} was frozen with {record.recipients:,} recipients, its archive "
                f"has {amount:,}",
                where=str(file),
                hint="Nothing was archived. See: newsletter db verify",
            )
    return file_hash


def _as_json(rows: Iterator[Delivery]) -> Iterator[str]:
    for delivery in rows:
        yield json.dumps(records.delivery(delivery), ensure_ascii=False) + "\n"


def _as_csv(rows: Iterator[Delivery]) -> Iterator[str]:
    """Cells that no terminal obeys and no spreadsheet runs as a formula."""
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for delivery in rows:
        values = records.delivery(delivery)
        cells = ("" if values[name] is None else str(values[name]) for name in _COLUMNS)
        writer.writerow(guard(visible(cell)) for cell in cells)
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _read_again(archive: BinaryIO, kind: Format) -> tuple[int, str]:
    """How many deliveries a file has, and its SHA-256."""
    archive.seek(0)
    with gzip.open(archive, "rb") as lines:
        amount = sum(1 for _ in lines) - (kind is Format.CSV)
    return amount, _hash_of(archive)


def _hash_of(archive: BinaryIO) -> str:
    archive.seek(0)
    digest = hashlib.sha256()
    while piece := archive.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def read_for_people(store: Store, send: Send) -> Iterator[JsonObject]:
    """As `read`, but of who was erased since the address is not shown, as in the ledger."""
    with store.read() as connection:
        gone = people.all_erased(connection)
    for row in read(send):
        yield _without_address(row) if row["subscriber_id"] in gone else row


def _without_address(row: JsonObject) -> JsonObject:
    address, reason = row["address"], row["reason"]
    is_named = address and reason and address.lower() in reason.lower()
    return {**row, "address": None, "reason": erasure.WITHHELD if is_named else reason}


def read(send: Send) -> Iterator[JsonObject]:
    """The deliveries of an archived send, as `newsletter deliveries --json` shows them.

    Raises UsageError where its file is not there, is another one, or cannot be read.
    """
    file = Path(send.archive_file or "")
    try:
        with file.open("rb") as archive:
            if _hash_of(archive) != send.archive_hash:
                raise ValueError("it was changed since")
        with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            if file.name.endswith(f".{Format.JSONL}.gz"):
                yield from map(json.loads, text)
                return
            for row in csv.DictReader(text):
                values: JsonObject = {name: unguard(cell) or None for name, cell in row.items()}
                yield values | {name: int(row[name]) for name in _NUMBERS}
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UsageError(
            f"{send.id} is archived, and the file of its deliveries cannot be read: {error}",
            where=str(file),
            hint="Put it back there. `newsletter status` and `newsletter explain` do not need it.",
        ) from error
