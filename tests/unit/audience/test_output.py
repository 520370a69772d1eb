"""A file of CSV that a person named."""

from pathlib import Path

import pytest

from newsletter.audience.output import written_whole
from newsletter.errors import UsageError


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_file_that_cannot_be_written_is_named_whenever_that_shows(
    when: str, tmp_path: Path
) -> None:
    place = tmp_path / "people.csv"
    if when == "before":
        place.symlink_to(place.name)

    with pytest.raises(UsageError, match="cannot write the file") as caught, written_whole(place):
        place.mkdir()

    assert caught.value.where == str(place)
    assert list(tmp_path.iterdir()) == [place]


def test_a_fault_of_what_is_written_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), written_whole(tmp_path / "people.csv"):
        raise ConnectionError("the store")

    assert list(tmp_path.iterdir()) == []
