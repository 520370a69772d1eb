"""Cells that a spreadsheet would run, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.spreadsheet import guard, unguard


@pytest.mark.parametrize(
    "cell", ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1"]
)
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    """B17."""
    assert guard(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ann", "O'Brien", "'quoted'", "1-1", "a=b"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert guard(cell) == cell
    assert unguard(cell) == cell


@given(st.text("'=+-@\t\rab", max_size=8) | st.text())
def test_nothing_is_lost_on_the_way_there_and_back(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(st.text("'=+-@\t\rab", max_size=8) | st.text())
def test_no_guarded_cell_begins_like_a_formula(cell: str) -> None:
    assert not guard(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
