"""A file of CSV that a person named."""

from pathlib import Path

import pytest

from newsletter.audience.output import written_whole
from newsletter.errors import UsageError


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    place = tmp_path / "people.csv"
    place.symlink_to(place.name)

    with pytest.raises(UsageError, match="cannot write the file") as caught, written_whole(place):
        pass

    assert caught.value.where == str(place)


def test_a_file_that_cannot_get_its_name_is_named_and_not_its_part(tmp_path: Path) -> None:
    place = tmp_path / "people.csv"

    with pytest.raises(OSError, match=r"people\.csv") as caught, written_whole(place):
        place.mkdir()

    assert caught.value.filename == str(place)
    assert list(tmp_path.iterdir()) == [place]


def test_a_fault_of_what_is_written_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), written_whole(tmp_path / "people.csv"):
        raise ConnectionError("the store")

    assert list(tmp_path.iterdir()) == []
