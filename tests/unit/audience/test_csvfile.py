"""Reading CSV: whatever the file holds, in constant memory."""

import io
import os
import socket
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.csvfile import CsvFile, Record, open_csv
from newsletter.errors import UsageError


def read(folder: Path, content: bytes) -> tuple[list[str], list[Record]]:
    path = folder / "file.csv"
    path.write_bytes(content)
    with open_csv(path) as file:
        return file.header, list(file)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_found_out(
    tmp_path: Path, encoding: str, delimiter: str, newline: str
) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    lines = [["Email", "Name"], ["a@example.com", "李"], ["b@example.com", "é"]]
    text = mark + "".join(delimiter.join(line) + newline for line in lines)

    header, records = read(tmp_path, text.encode(encoding))

    assert header == ["Email", "Name"]
    assert records == [
        Record(2, ["a@example.com", "李"], ""),
        Record(3, ["b@example.com", "é"], ""),
    ]


def test_a_record_is_known_by_the_line_it_starts_on(tmp_path: Path) -> None:
    _, records = read(tmp_path, b'email,note\na@x.org,"one\ntwo"\n\nb@x.org,x\n')

    assert [(record.line, record.cells) for record in records] == [
        (2, ["a@x.org", "one\ntwo"]),
        (5, ["b@x.org", "x"]),
    ]


def test_an_unclosed_quote_spoils_its_own_row_only(tmp_path: Path) -> None:
    rows = b"".join(b"r%d@x.org,n\n" % number for number in range(500))

    _, records = read(tmp_path, b'email,name\n"a@x.org,n\n' + rows)

    assert records[0].line == 2
    assert "quote" in records[0].fault
    assert [record.line for record in records[1:]] == list(range(3, 503))
    assert not any(record.fault for record in records[1:])


def test_cells_that_lack_at_the_end_are_empty_and_empty_ones_too_many_are_dropped(
    tmp_path: Path,
) -> None:
    _, records = read(tmp_path, b"email,name\na@x.org\nb@x.org,n,more\nc@x.org,n,, \n")

    assert [bool(record.fault) for record in records] == [False, True, False]
    assert [record.cells for record in records if not record.fault] == [
        ["a@x.org", ""],
        ["c@x.org", "n"],
    ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("first", "delimiter"), [("sep=;", ";"), ('"SEP=|"', "|"), ("sep=\t", "\t")]
)
def test_the_line_with_which_excel_tells_its_delimiter_is_read(
    tmp_path: Path, mark: bytes, first: str, delimiter: str
) -> None:
    text = f"{first}\r\nemail{delimiter}a,b\r\na@x.org{delimiter}1,2\r\n"

    header, records = read(tmp_path, mark + text.encode())

    assert header == ["email", "a,b"]
    assert records == [Record(3, ["a@x.org", "1,2"], "")]


def test_a_field_of_megabytes_spoils_its_row_and_no_memory(tmp_path: Path) -> None:
    """A field of 64 MB, with and without a quote."""
    huge = b"x" * (32 << 20)
    path = tmp_path / "huge.csv"
    path.write_bytes(b'email,name\na@x.org,"' + huge + b'"\nb@x.org,' + huge + b"\nc@x.org,n\n")

    tracemalloc.start()
    with open_csv(path) as file:
        records = list(file)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(record.line, bool(record.fault)) for record in records] == [
        (2, True),
        (3, True),
        (4, False),
    ]
    assert peak_bytes < 4 << 20


def test_a_quoted_megabyte_over_many_lines_gives_its_rows_back(tmp_path: Path) -> None:
    text = b'email,name\n"a@x.org,n\n' + b"b@x.org,n\n" * 50_000

    _, records = read(tmp_path, text)

    assert len(records) == 50_001
    assert records[-1].line == 50_002


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "zip"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        ("email,name\n".encode("utf-16-le"), "not UTF-8"),
        ("email,größe\n".encode("latin-1"), "not UTF-8"),
        (b"x" * 300_000, "too long"),
    ],
)
def test_what_is_no_csv_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Archives are recognised by their content, whatever they are called."""
    with pytest.raises(UsageError, match=said) as caught:
        read(tmp_path, content)

    assert "file.csv" in caught.value.where


def test_a_file_in_another_encoding_is_refused_and_read_when_it_is_named(tmp_path: Path) -> None:
    content = "email,name\na@x.org,Jos\xe9\nb@x.org,Bo\n".encode("cp1252")

    with pytest.raises(UsageError, match="not UTF-8") as caught:
        read(tmp_path, content)
    with open_csv(tmp_path / "file.csv", "cp1252") as file:
        records = list(file)

    assert "CSV UTF-8" in caught.value.hint
    assert "--encoding" in caught.value.hint
    assert records[0].cells == ["a@x.org", "José"]


def test_a_damaged_row_in_a_file_of_utf8_arrives_marked(tmp_path: Path) -> None:
    text = "email,name\nb@x.org,Žofie\nc@x.org,Jörg\n".encode()

    _, records = read(tmp_path, text + "a@x.org,é\n".encode("latin-1"))

    assert records[-1] == Record(4, ["a@x.org", "\udce9"], "")


def test_what_can_be_read_only_once_is_read(tmp_path: Path) -> None:
    """A pipe has no place that could be asked for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = "email,name\n" + "".join(f"user{n}@x.org,Ñ\n" for n in range(20_000))
    writing = threading.Thread(target=lambda: pipe.write_text(text, "utf-8"))

    writing.start()
    with open_csv(pipe) as file:
        count = sum(1 for _ in file)
    writing.join()

    assert count == 20_000


@given(st.binary(max_size=300) | st.text('",;\t\r\nab', max_size=80).map(str.encode))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    """Each record has its own line, in ascending order, and the header's width or a fault."""
    try:
        file = CsvFile(io.BufferedReader(io.BytesIO(b"email,name\n" + content)), Path("f.csv"))
    except UsageError:
        return

    lines = []
    for record in file:
        lines.append(record.line)
        assert record.fault or len(record.cells) == 2

    assert lines == sorted(set(lines))


def test_a_file_that_cannot_be_read_to_its_end_is_named() -> None:
    """The memory of a process is a file whose first page is not there: an I/O error."""
    memory = Path("/proc/self/mem")
    if not memory.exists():
        pytest.skip("needs Linux's /proc")

    with pytest.raises(UsageError) as caught, open_csv(memory) as file:
        list(file)

    assert caught.value.where == str(memory)
    assert caught.value.message == "cannot read the file: Input/output error"


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))

        with (
            pytest.raises(UsageError, match="cannot read the file") as caught,
            open_csv(tmp_path / "socket"),
        ):
            pass

    assert caught.value.where == str(tmp_path / "socket")
