"""Reading a CSV file row by row in constant memory, whatever the file holds."""

import codecs
import csv
import errno
import io
import os
import re
import shutil
import stat
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from newsletter.errors import UsageError, naming

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A longer record counts as one whose quote was never closed.
_LONGEST_LINE = 128 * 1024
_LONGEST_RECORD = 256 * 1024
_MOST_LINES = 200
_MOST_COLUMNS = 200
_CHUNK_BYTES = 1 << 20
_STANDARD_INPUT = ("-", "/dev/stdin")
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_FOREIGN = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8
_LETTERS = re.compile("[^\x00-\x7f\udc80-\udcff]")

_ARCHIVES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
}
_MARKS = {  # longer marks first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class Record(NamedTuple):
    """One row; `line` is the line of the file that it starts on. `fault` says why its cells cannot
    be trusted; `cells` then holds its raw text."""

    line: int
    cells: list[str]
    fault: str


class CsvFile:
    """An open CSV file: `header` as written, then the records, each as wide as the header.

    Missing cells at the end of a row are empty, and surplus empty ones are left out. Bytes that are
    not of the file's encoding arrive as lone surrogates (UTF-8) or U+FFFD. `name` is the file's
    name where it is the source of something.
    """

    def __init__(
        self,
        raw: io.BufferedReader,
        path: Path,
        encoding: str | None = None,
        *,
        bare: bool = False,
    ) -> None:
        self.path = path
        self.name = "standard input" if str(path) in _STANDARD_INPUT else _printable(path.name)
        self._raw = raw
        self._lines = _Lines(_text(raw, path, encoding))
        self.header, self._delimiter = self._read_header()
        if bare and len(self.header) == 1 and "@" in self.header[0]:
            self.header = ["email"]
            self._lines.return_last()

    def position_bytes(self) -> int:
        """How much of the file was read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Record]:
        lines, width = self._lines, len(self.header)
        rows = self._rows()
        start = lines.begin_record()
        while True:
            try:
                for row in rows:
                    if len(row) == width:
                        yield Record(start, row, "")
                    elif 0 < len(row) < width:
                        yield Record(start, row + [""] * (width - len(row)), "")
                    elif any(map(str.strip, row[width:])):
                        fault = f"{len(row)} columns where the header has {width}"
                        yield Record(start, row, fault)
                    elif row:
                        yield Record(start, row[:width], "")
                    start = lines.begin_record()
            except (csv.Error, _Runaway) as error:
                yield Record(start, [lines.give_back()], _fault(error))
                rows, start = self._rows(), lines.begin_record()
            else:
                return

    def _rows(self) -> Iterator[list[str]]:
        return csv.reader(
            iter(self._lines), delimiter=self._delimiter, skipinitialspace=True, strict=True
        )

    def _read_header(self) -> tuple[list[str], str]:
        where = f"{self.path}:1"
        line = self._first_line(where)
        delimiters = ",;\t|"
        if separator := _SEPARATOR.fullmatch(line.rstrip("\r\n")):  # as Excel writes and wants it
            delimiters = separator[1]
            line = self._first_line(where)
        if not line.isprintable() and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in line):
            raise UsageError(
                "the file is not UTF-8 text",
                where=where,
                hint="Save it as “CSV UTF-8”, or as UTF-16 with a byte order mark.",
            )
        options = [(_split(line, delimiter), delimiter) for delimiter in delimiters]
        header, delimiter = max(options, key=lambda option: (_names(option[0]), len(option[0])))
        if len(header) > _MOST_COLUMNS:
            raise UsageError(f"more than {_MOST_COLUMNS} columns", where=where)
        return header, delimiter

    def _first_line(self, where: str) -> str:
        self._lines.begin_record()
        try:
            return next(iter(self._lines))
        except StopIteration:
            raise UsageError(
                "the file is empty",
                where=where,
                hint="Its first line names the columns: email,name,…",
            ) from None
        except _Runaway as error:
            raise UsageError("the first line is too long to be a header", where=where) from error


class _Runaway(Exception):
    """A line or a record without an end in sight."""


class _Lines:
    """The lines of a file; those of the current record are kept, so that they can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._returned: deque[str | None] = deque()
        self._record: list[str | None] = []
        self._number = 0

    def __iter__(self) -> Iterator[str]:
        """The next lines. It ends with _Runaway; another iterator goes on from there."""
        returned, record, read = self._returned, self._record, self._read
        while (line := returned.popleft() if returned else read()) != "":
            self._number += 1
            record.append(line)
            if line is None:
                raise _Runaway(f"a line of more than {_LONGEST_LINE} characters")
            if len(record) > 1 and (
                len(record) > _MOST_LINES or sum(map(len, filter(None, record))) > _LONGEST_RECORD
            ):
                raise _Runaway("a quote that is never closed")
            yield line

    def begin_record(self) -> int:
        """The number of the line that comes next."""
        self._record.clear()
        return self._number + 1

    def give_back(self) -> str:
        """Return all lines of the current record but the first, so that one stray quote spoils
        one row; returns the first."""
        first, *others = self._record
        self._returned.extendleft(reversed(others))
        self._number -= len(others)
        return "" if first is None else first.rstrip("\r\n")

    def return_last(self) -> None:
        """Make the last line be read once more."""
        self._returned.appendleft(self._record[-1])
        self._number -= 1

    def _read(self) -> str | None:
        line = self._text.readline(_LONGEST_LINE)
        if len(line) < _LONGEST_LINE or line.endswith(("\n", "\r")):
            return line
        while (rest := self._text.readline(_LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
            pass
        return None


@contextmanager
def open_csv(path: Path, encoding: str | None = None, *, bare: bool = False) -> Iterator[CsvFile]:
    """Open a CSV file: UTF-8 or UTF-16 by its byte order mark, the delimiter by its header.

    `-` is standard input. A pipe, which can only be read once, is copied first. `encoding` is that
    of a file without a byte order mark that is not UTF-8. One that may be `bare` has no header if
    its first line is an address. Raises UsageError where it cannot be a CSV file with a header, and
    where its encoding is not the expected one.
    """
    try:
        with _opened(path) as raw:
            yield CsvFile(raw, path, encoding, bare=bare)
    except OSError as error:
        if error.filename != str(path):
            raise
        raise UsageError(
            f"cannot read the file: {error.strerror}",
            where=str(path),
            hint="Copy it to a disk that is sound, or from where it came, and import that."
            if error.errno == errno.EIO
            else "Name a file that the user who runs this may read.",
        ) from error


class _NamedFile(io.FileIO):
    """A file that its errors of reading name."""

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        with naming(str(self.name)):
            return super().readinto(buffer)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    with ExitStack() as files:
        if str(path) == "-":
            source: BinaryIO = sys.stdin.buffer
        else:
            named: Any = _NamedFile(str(path))
            source = files.enter_context(io.BufferedReader(named))
            if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                yield source
                return
        copy = files.enter_context(tempfile.TemporaryFile())
        try:
            shutil.copyfileobj(source, copy)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            error.filename = tempfile.gettempdir() if full else str(path)
            raise
        copy.seek(0)
        yield files.enter_context(io.BufferedReader(copy.raw))


def _text(raw: io.BufferedReader, path: Path, encoding: str | None) -> io.TextIOWrapper:
    head = raw.peek(8)[:8]
    for magic, kind in _ARCHIVES.items():
        if head.startswith(magic):
            raise UsageError(
                f"this is {kind}, not CSV",
                where=str(path),
                hint="Unpack it, or save the sheet as “CSV UTF-8”, and import that file.",
            )
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    its_encoding = marked or encoding
    if its_encoding is None:
        _check_utf8(raw, path)
        its_encoding = "utf-8"
    errors = "surrogateescape" if its_encoding.startswith("utf-8") else "replace"
    return io.TextIOWrapper(raw, encoding=its_encoding, errors=errors, newline="")


def _check_utf8(raw: io.BufferedReader, path: Path) -> None:
    """Refuse a file that is wholly in another encoding; one with a few damaged rows is read.

    Encodings of one byte a letter are not guessed: Windows-1252 and its relatives cannot be told
    apart safely, and a wrong guess silently changes people's names.
    """
    start = raw.tell()
    is_utf8 = _is_utf8(raw)
    raw.seek(start)
    if is_utf8:
        return
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    foreign = letters = 0
    line, first = 1, None
    while chunk := raw.read(_CHUNK_BYTES):
        text = decoder.decode(chunk)
        if "\0" in text:  # not text at all, as the header will show
            foreign = 0
            break
        foreign += len(_FOREIGN.findall(text))
        letters += len(_LETTERS.findall(text))
        if first is None and (match := _FOREIGN.search(text)):
            first = line + text.count("\n", 0, match.start())
        line += text.count("\n")
    raw.seek(start)
    if foreign > letters:
        raise UsageError(
            "the file is not UTF-8 text",
            where=f"{path}:{first}",
            hint="Save it as “CSV UTF-8”, which Excel offers beside “CSV”. Or say what it is: "
            "--encoding windows-1252 is that of Excel's “CSV” in Western Europe.",
        )


def _is_utf8(raw: io.BufferedReader) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := raw.read(_CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in row]


def _names(header: list[str]) -> bool:
    return any("mail" in name.lower() or name.lower() == "address" for name in header)


def _fault(error: Exception) -> str:
    if isinstance(error, _Runaway):
        return str(error)
    match str(error):
        case "unexpected end of data":
            return "a quote that is never closed"
        case message if message.startswith("field larger"):
            return "a field of more than 131072 characters"
        case message:
            return message
