"""Tables: no cell is lost, and pipes that are not a table are told."""

import pytest

from newsletter.errors import UnreadableIssue
from newsletter.model.blocks import Table
from newsletter.model.finding import Severity
from newsletter.model.inline import Link
from newsletter.model.walking import plain_text
from tests.unit.digest.reading import all_of, body, finding, findings, read

HEADER = "| a | b |\n|---|---|\n"


def cells(source: str) -> list[list[str]]:
    (table,) = all_of(body(source), Table)
    assert table.header
    return [[plain_text(cell) for cell in row.cells] for row in (table.header, *table.rows)]


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("| `ls | wc` | counts |", ["`ls", "wc`", "counts"]),
        ("x|y|z", ["x", "y", "z"]),
        ("| x | y | | z", ["x", "y", "", "z"]),
        ("| | x | y |", ["", "x", "y"]),
        ("|| x | y |", ["", "x", "y"]),
        ("| x | y | z \\|", ["x", "y", "z |"]),
    ],
)
def test_cells_beyond_the_header_widen_the_table_and_are_told(row: str, shown: list[str]) -> None:
    filled = ["", *[""] * (len(shown) - 3)]

    assert cells(f"{HEADER}| c | d |\n{row}\n") == [
        ["a", "b", *filled],
        ["c", "d", *filled],
        shown,
    ]
    parsed = read(f"---\ntitle: T\n---\n{HEADER}| c | d |\n{row}\n")
    assert finding(parsed, "broken-table") == (Severity.WARNING, 7)


@pytest.mark.parametrize("before", ["", "> ", "  "])
def test_links_beyond_the_header_stay(before: str) -> None:
    rows = f"{HEADER}| x | y | **lost** [link](https://a.example/) |\n".splitlines()
    source = "- x\n\n" * (before == "  ") + "\n".join(before + row for row in rows) + "\n"

    assert [link.url for link in all_of(body(source), Link)] == ["https://a.example/"]


@pytest.mark.parametrize("row", ["| x | y |", "| x |", "x | y | |", "| `x \\| y` | z |", "x"])
def test_other_rows_are_no_fault(row: str) -> None:
    parsed = read(f"---\ntitle: T\n---\n{HEADER}{row}\n")

    assert all(len(shown) == 2 for shown in cells(f"{HEADER}{row}\n"))
    assert findings(parsed, "broken-table") == []


def test_a_table_as_wide_as_a_text_is_long_is_refused_in_time() -> None:
    with pytest.raises(UnreadableIssue):
        body("|a|\n|-|\n" + "b|" * 20_000 + "\n" + "c\n" * 20_000)


@pytest.mark.parametrize(
    "rows",
    [
        "| a | b | c |\n|---|---|\n| d | e | f |\n",
        "a | b\n---|---|---\n",
        "Text.\n| a | b |\n| c | d |\n",
        "| a | b |\n|—|—|\n",
        "> | a | b |\n> | c | d |\n",
        "- | a | b |\n  | c | d |\n",
        "| a | b |\n",
        "Text.\n\n| `a` | **b** | c |\n\nText.\n",
        "> | a | b |\n",
    ],
)
def test_pipes_that_are_no_table_are_told(rows: str) -> None:
    assert finding(read(f"---\ntitle: T\n---\n{rows}"), "broken-table")[0] is Severity.WARNING


@pytest.mark.parametrize(
    "text",
    [
        "|x| and |y|\n",
        "| x |\n",
        "| a |b|\n",
        "a | b\nc | d\n",
        "||\n",
        "```\n|a|b|\n|c|d|\n```\n",
        "x\n---\n",
        HEADER,
    ],
)
def test_other_pipes_are_left_alone(text: str) -> None:
    assert findings(read(f"---\ntitle: T\n---\n{text}"), "broken-table") == []
