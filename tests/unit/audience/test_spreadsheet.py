"""Cells that a spreadsheet would run, and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.spreadsheet import guard, unguard


@pytest.mark.parametrize(
    "cell",
    [
        "=cmd|'/c calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "'=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert guard(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ann", "O'Brien", "'quoted'", "1-1", "a=b"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert guard(cell) == cell
    assert unguard(cell) == cell


@pytest.mark.parametrize(
    ("cell", "guarded"),
    [
        ("Ann;=1+1", "Ann;'=1+1"),
        ('Ann; "@x"', 'Ann; "\'@x"'),
        ("a\n-1;+2", "a\n'-1;'+2"),
        ("a\r=1", "a\r'=1"),
        ("\r=1", "'\r'=1"),
        (" =1", " '=1"),
        ('"=1', "\"'=1"),
    ],
)
def test_so_does_one_that_begins_where_a_spreadsheet_splits(cell: str, guarded: str) -> None:
    """A country with decimal commas splits at semicolons."""
    assert guard(cell) == guarded
    assert unguard(guarded) == cell


TEXTS = st.text("'=+-@\t\rab ;\n\"＝＋", max_size=10) | st.text()


@given(TEXTS)
def test_nothing_is_lost_on_the_way_there_and_back(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(TEXTS)
def test_no_part_of_a_guarded_cell_begins_like_a_formula(cell: str) -> None:
    for part in re.split("[;\r\n]", guard(cell)):
        assert not part.lstrip(' "').startswith(tuple("=+-@\t＝＋－＠"))
