"""The file that follows the store's generation."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from newsletter.sending import generation
from newsletter.store import Store, state


def test_many_that_note_at_once_leave_the_newest(tmp_path: Path) -> None:
    """As two workers of one project do, each time that one leaves a send."""
    file = tmp_path / "subscribers" / "generation"
    numbers = list(range(1, 401))

    with ThreadPoolExecutor(8) as pool:
        for noted in [pool.submit(generation.note, file, "a1", number) for number in numbers]:
            noted.result()

    assert file.read_text("ascii") == "a1 400\n"
    assert [path.name for path in file.parent.iterdir()] == ["generation"]


def test_it_never_goes_back(tmp_path: Path) -> None:
    file = tmp_path / "generation"

    for number in (3, 2, 5, 4):
        generation.note(file, "a1", number)

    assert file.read_text("ascii") == "a1 5\n"


def test_each_store_has_its_own_line(tmp_path: Path) -> None:
    file = tmp_path / "generation"

    generation.note(file, "a1", 7)
    generation.note(file, "b2", 2)
    generation.note(file, "a1", 8)

    assert file.read_text("ascii") == "a1 8\nb2 2\n"
    assert [generation.remembered(file, store_id) for store_id in ("a1", "b2", "c3")] == [8, 2, 0]


def test_a_number_alone_holds_for_stores_without_a_line(tmp_path: Path) -> None:
    """As the file was before stores had ids."""
    file = tmp_path / "generation"
    file.write_text("57\n")

    before = generation.remembered(file, "a1")
    generation.note(file, "a1", 58)

    assert before == 57
    assert generation.remembered(file, "a1") == 58
    # A copy of that store from before the upgrade, which got an id of its own since.
    assert generation.remembered(file, "b2") == 58


def test_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    file = tmp_path / "generation"
    file.write_text("a1 \n\nb2 x\nc3 4\n-5\n")

    assert [generation.remembered(file, store_id) for store_id in ("a1", "b2", "c3")] == [0, 0, 4]


def test_a_store_that_another_process_makes_newer_meanwhile_is_not_behind(
    store: Store, tmp_path: Path
) -> None:
    """A transaction sees it as it was before, and the file as it is now."""
    file = tmp_path / "generation"
    with store.read() as connection:
        store_id = state.store_id(connection)
        with store.write() as other:
            newer = generation.advance(other)
        generation.note(file, store_id, newer)

        assert generation.of(connection) < newer
        assert not generation.is_behind(connection, file)
        generation.note(file, store_id, newer + 1)
        assert generation.is_behind(connection, file)
