"""The file that follows the store's generation."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from newsletter.sending import generation


def test_many_that_note_at_once_leave_the_newest(tmp_path: Path) -> None:
    """As two workers of one project do, each time that one leaves a send."""
    file = tmp_path / "subscribers" / "generation"
    numbers = list(range(1, 401))

    with ThreadPoolExecutor(8) as pool:
        for noted in [pool.submit(generation.note, file, number) for number in numbers]:
            noted.result()

    assert file.read_text("ascii") == "400\n"
    assert [path.name for path in file.parent.iterdir()] == ["generation"]


def test_it_never_goes_back(tmp_path: Path) -> None:
    file = tmp_path / "generation"

    for number in (3, 2, 5, 4):
        generation.note(file, number)

    assert file.read_text("ascii") == "5\n"
