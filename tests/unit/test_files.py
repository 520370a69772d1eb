"""Files that are whole or not there, and locks that are not waited for in silence."""

import errno
import fcntl
import logging
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from newsletter.errors import NewsletterError
from newsletter.files import (
    being_written,
    folder_lock,
    held_part,
    make_folder,
    make_private,
    open_ordinary,
    part_of,
    put_in_free_place,
    put_in_place,
    read_ordinary,
    write_new,
    write_together,
)
from newsletter.files import write_whole as whole
from tests import logged
from tests.limits import alone, few_open_files, limited, small_disk

WRITERS: list[Callable[[Path, bytes], None]] = [whole, write_new]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


# --- whole or not at all --------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("fits", [0, 1, 4096, 99_999])
def test_what_meets_the_end_of_the_disk_leaves_nothing(
    write: Callable[[Path, bytes], None], fits: int, tmp_path: Path
) -> None:
    """The system takes as much as fits and raises nothing until it is asked for the rest."""
    with limited(resource.RLIMIT_FSIZE, fits), pytest.raises(OSError, match="too large") as caught:
        write(tmp_path / "mail.eml", b"x" * 100_000)

    assert caught.value.errno == errno.EFBIG
    assert str(caught.value.filename).startswith(str(tmp_path / "mail.eml"))
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays_where_the_new_one_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(b"old")

    with limited(resource.RLIMIT_FSIZE, 5_000), pytest.raises(OSError, match="too large"):
        whole(tmp_path / "mail.eml", b"x" * 100_000)

    assert (tmp_path / "mail.eml").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def write_with_few_open_files(
    free: int, files: list[tuple[Path, bytes]]
) -> tuple[int, OSError | None]:
    with few_open_files(free):
        return write_together(files)


@pytest.mark.parametrize("free", [2, 3, 7])
def test_more_files_than_may_be_open_are_written_in_several_goes(free: int, tmp_path: Path) -> None:
    wanted = [(tmp_path / f"{n}.eml", str(n).encode()) for n in range(20)]

    written, stopped = alone(write_with_few_open_files, free, wanted)

    assert (written, stopped) == (20, None)
    assert all(path.read_bytes() == content for path, content in wanted)


def test_where_no_file_can_be_opened_none_is_written(tmp_path: Path) -> None:
    written, stopped = alone(write_with_few_open_files, 0, [(tmp_path / "1.eml", b"1")])

    assert written == 0
    assert stopped is not None
    assert stopped.errno == errno.EMFILE
    assert list(tmp_path.iterdir()) == []


def test_those_before_the_one_that_fails_are_there(tmp_path: Path) -> None:
    (tmp_path / "3.eml").mkdir()
    wanted = [(tmp_path / f"{n}.eml", b"whole") for n in range(1, 6)]

    written, stopped = write_together(wanted)

    assert written == 2
    assert isinstance(stopped, IsADirectoryError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.eml", "2.eml", "3.eml"]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("name", ["x" * 255, "字" * 85])
def test_a_name_may_be_as_long_as_the_disk_allows(
    write: Callable[[Path, bytes], None], name: str, tmp_path: Path
) -> None:
    write(tmp_path / name, b"whole")

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    for name in ("there", "dangling"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, b"new")

    assert (tmp_path / "there").read_text() == "old"
    assert not (tmp_path / "nowhere").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "there"]


@pytest.mark.parametrize("exists", [False, True])
def test_a_disk_without_hard_links_has_new_files_too(
    exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    if exists:
        (tmp_path / "file").write_text("old")
        with pytest.raises(FileExistsError):
            write_new(tmp_path / "file", b"new")
    else:
        write_new(tmp_path / "file", b"new")

    assert (tmp_path / "file").read_text() == ("old" if exists else "new")
    assert len(list(tmp_path.iterdir())) == 1


# --- bit by bit ----------------------------------------------------------------------------------


def test_what_is_written_bit_by_bit_has_its_name_at_the_end(tmp_path: Path) -> None:
    with being_written(tmp_path / "file") as file:
        file.write(b"the ")
        file.write(b"whole")
        file.seek(0)
        assert file.read() == b"the whole"
        assert not (tmp_path / "file").exists()

    assert (tmp_path / "file").read_bytes() == b"the whole"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("fits", [0, 1, 4096, 99_999])
def test_what_meets_the_end_of_the_disk_bit_by_bit_leaves_what_was_there(
    fits: int, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("old")

    with (
        limited(resource.RLIMIT_FSIZE, fits),
        pytest.raises(OSError, match="too large") as caught,
        being_written(tmp_path / "file") as file,
    ):
        file.writelines(b"x" * 100 for _ in range(1000))

    assert caught.value.filename == str(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("follows", [False, True])
def test_what_cannot_get_its_name_names_the_place_and_leaves_nothing(
    follows: bool, tmp_path: Path
) -> None:
    """A folder that appears there meanwhile stands for any file that the system does not replace.
    Nobody knows the part of it, which is gone."""
    place = tmp_path / "file"

    with (
        pytest.raises(IsADirectoryError) as caught,
        being_written(place, follows=follows),
    ):
        place.mkdir()

    assert (caught.value.filename, caught.value.filename2) == (str(place), None)
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("put", [put_in_place, put_in_free_place])
def test_what_others_wrote_and_cannot_get_its_name_names_the_place(
    put: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    (tmp_path / "half").touch()
    place = tmp_path / "missing" / "file"

    with pytest.raises(FileNotFoundError) as caught:
        put(tmp_path / "half", place)

    assert (caught.value.filename, caught.value.filename2) == (str(place), None)


def test_a_small_disk_keeps_what_it_has(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64):
        file = tmp_path / "disk" / "file"
        whole(file, b"old")

        with pytest.raises(OSError, match="No space left"):
            whole(file, b"x" * 100_000)
        with pytest.raises(OSError, match="No space left"), being_written(file) as stream:
            stream.write(b"x" * 100_000)

        assert file.read_bytes() == b"old"
        assert len(list(file.parent.iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_is_raised_meanwhile_leaves_nothing(
    error: type[BaseException], tmp_path: Path
) -> None:
    def write() -> None:
        with being_written(tmp_path / "file") as file:
            file.write(b"half of")
            raise error

    with pytest.raises(error):
        write()

    assert list(tmp_path.iterdir()) == []


def die_while_writing(path: Path) -> None:
    with being_written(path) as file:
        file.write(b"half of")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_kill_left_is_removed_by_the_next_write(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with pytest.raises(BrokenProcessPool):
        alone(die_while_writing, file)
    assert [path.name for path in tmp_path.iterdir()] == [part_of(file).name]

    whole(file, b"whole")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_of_another_that_is_called_a_part_stays(tmp_path: Path) -> None:
    """Whatever other programs call theirs."""
    names = ("file.part", ".file.part", "file.tmp", "file~", ".file.swp", "file.newsletter-part")
    for name in names:
        (tmp_path / name).write_text("precious")

    whole(tmp_path / "file", b"whole", follows=True)
    write_together([(tmp_path / "file", b"whole")])
    with held_part(tmp_path / "file"):
        pass

    assert [(tmp_path / name).read_text() for name in names] == ["precious"] * len(names)
    assert len(list(tmp_path.iterdir())) == len(names) + 1


@pytest.mark.parametrize("length", [1, 238, 239, 255])
def test_a_part_has_a_name_that_a_file_can_have(length: int, tmp_path: Path) -> None:
    part = part_of(tmp_path / ("x" * length))

    part.touch()

    assert part.name.startswith(".")
    assert part.name.endswith(".newsletter-part")


# --- links and rivals -----------------------------------------------------------------------------


def test_a_link_in_a_place_of_ours_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    """Else whoever may write to the folder could have any file of ours overwritten."""
    victim, file = tmp_path / "victim", tmp_path / "index.html"
    victim.write_text("precious")
    file.symlink_to(victim)

    with pytest.raises(OSError, match="it is a link") as caught:
        whole(file, b"whole")
    written, stopped = write_together([(tmp_path / "1", b""), (file, b"whole")])

    assert (caught.value.filename, written) == (str(file), 1)
    assert stopped is not None
    assert stopped.filename == str(file)
    assert victim.read_text() == "precious"
    assert file.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"1", "index.html", "victim"}


@pytest.mark.parametrize("follows", [False, True])
def test_a_link_in_the_place_of_the_part_is_removed(follows: bool, tmp_path: Path) -> None:
    victim, file = tmp_path / "victim", tmp_path / "index.html"
    victim.write_text("precious")
    part_of(file).symlink_to(victim)

    whole(file, b"whole", follows=follows)

    assert victim.read_text() == "precious"
    assert file.read_text() == "whole"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_that_is_put_there_at_the_last_moment_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, file = tmp_path / "victim", tmp_path / "index.html"
    victim.write_text("precious")
    opened = os.open

    def too_late(path: Path, flags: int, mode: int) -> int:
        if flags & os.O_CREAT:
            part_of(file).symlink_to(victim)
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", too_late)
    with pytest.raises(FileExistsError):
        whole(file, b"whole")

    assert victim.read_text() == "precious"


def test_of_two_that_write_the_same_file_the_later_one_has_it(tmp_path: Path) -> None:
    """Whoever fails takes nothing from the other, whichever of them ends first."""
    file = tmp_path / "email.html"
    for ends_first in ("former", "later"):
        with ExitStack() as former, ExitStack() as later:
            former.enter_context(being_written(file)).write(b"former")
            later.enter_context(being_written(file)).write(ends_first.encode())
            if ends_first == "later":
                later.close()
            with pytest.raises(FileExistsError, match="another process") as caught:
                former.close()

        assert caught.value.filename == str(file)
        assert file.read_text() == ends_first
        assert len(list(tmp_path.iterdir())) == 1


def test_of_two_that_write_the_same_file_none_puts_half_of_it_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "email.html"
    flush = os.fsync

    def overtaken(handle: int) -> None:
        """Another process begins to write the same file at this moment."""
        flush(handle)
        part_of(file).unlink(missing_ok=True)
        part_of(file).write_text("half of")

    monkeypatch.setattr(os, "fsync", overtaken)
    with pytest.raises(FileExistsError, match="another process"):
        whole(file, b"the whole of it")

    assert not file.exists()


@pytest.mark.parametrize(
    "write", [*WRITERS, lambda path, content: write_together([(path, content)])]
)
def test_who_begins_while_another_gives_its_file_its_name_is_the_one_who_fails(
    write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is half written, of a process that may die then, would be put there as the whole
    of the other."""
    file = tmp_path / "email.html"
    refused: list[FileExistsError] = []
    with ExitStack() as rival:

        def amid(put: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
            def begun(part: Path, path: Path) -> None:
                try:
                    rival.enter_context(being_written(file)).write(b"half of")
                except FileExistsError as error:
                    refused.append(error)
                put(part, path)

            return begun

        monkeypatch.setattr(os, "replace", amid(os.replace))
        monkeypatch.setattr(os, "link", amid(os.link))
        write(file, b"the whole of it")
        monkeypatch.undo()

        assert file.read_bytes() == b"the whole of it"
        assert [error.filename for error in refused] == [str(file)]
        assert list(tmp_path.iterdir()) == [file]


def test_a_part_that_a_living_process_holds_is_not_taken_from_it(tmp_path: Path) -> None:
    with held_part(tmp_path / "file") as part:
        with pytest.raises(FileExistsError, match="another process"):
            whole(tmp_path / "file", b"whole")

        assert part.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_a_file_system_without_locks_takes_files_all_the_same(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    part_of(tmp_path / "file").write_text("left by a kill")

    whole(tmp_path / "file", b"whole")

    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_a_pipe_in_the_place_of_the_part_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(part_of(tmp_path / "file"))

    whole(tmp_path / "file", b"whole")

    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


# --- what is read ---


@pytest.mark.parametrize("read", [read_ordinary, open_ordinary])
@pytest.mark.parametrize(
    ("make", "says"), [(os.mkdir, "Is a directory"), (os.mkfifo, "not an ordinary file")]
)
def test_what_is_read_and_is_no_file_is_named_and_let_go(
    read: Callable[[Path], object], make: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    place = tmp_path / "generation"
    make(place)
    lowest = os.dup(0)
    os.close(lowest)

    with pytest.raises(OSError, match=says) as caught:
        read(place)

    assert caught.value.filename == str(place)
    again = os.dup(0)
    os.close(again)
    assert again == lowest


# --- modes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_what_is_private_is_for_its_owner_alone_whatever_the_umask(
    mask: int, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "b"
    with umask(mask):
        make_folder(folder, private=True)
        whole(folder / "1", b"", private=True)
        write_new(folder / "2", b"", private=True)

        with held_part(folder / "3") as part:
            assert mode(part) == "600"

    assert [mode(path) for path in (folder.parent, folder)] == ["700", "700"]
    assert [mode(folder / name) for name in "12"] == ["600", "600"]


def test_a_part_that_others_could_read_does_not_give_its_mode_to_what_is_private(
    tmp_path: Path,
) -> None:
    part_of(tmp_path / "mail").write_text("left by a kill")
    part_of(tmp_path / "mail").chmod(0o666)

    whole(tmp_path / "mail", b"private", private=True)

    assert mode(tmp_path / "mail") == "600"


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_an_empty_private_file_is_made_once_and_through_a_link(mask: int, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "there").write_text("kept")
    (tmp_path / "there").chmod(0o640)

    with umask(mask):
        for name in ("new", "link", "there"):
            make_private(tmp_path / name)

    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "new": "600",
        "link": "600",
        "target": "600",
        "there": "640",
    }
    assert (tmp_path / "there").read_text() == "kept"


def test_what_is_public_has_the_modes_that_the_umask_leaves(tmp_path: Path) -> None:
    with umask(0o022):
        make_folder(tmp_path / "site")
        whole(tmp_path / "site" / "index.html", b"")

    assert mode(tmp_path / "site") == "755"
    assert mode(tmp_path / "site" / "index.html") == "644"


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o750)

    make_folder(tmp_path / "shared", private=True)

    assert mode(tmp_path / "shared") == "750"


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "below")


def test_in_a_folder_that_is_gone_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(FileNotFoundError):
        make_folder(Path("a", "b"))


def test_what_others_wrote_is_put_in_place_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "half").write_text("the copy")

    put_in_place(tmp_path / "half", tmp_path / "copy")

    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


# --- locks ----------------------------------------------------------------------------------------


@contextmanager
def held_by_another(folder: Path) -> Iterator[None]:
    """As by another process: flock knows open files, not processes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def test_a_folder_is_held_by_one_at_a_time_and_free_afterwards(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path),
        pytest.raises(NewsletterError),
        folder_lock(tmp_path, gives_up_after=0),
    ):
        pass
    with folder_lock(tmp_path, gives_up_after=0):
        pass


def test_a_lock_is_not_waited_for_in_silence_nor_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        held_by_another(tmp_path),
        caplog.at_level(logging.WARNING),
        pytest.raises(NewsletterError, match="kept this folder locked") as caught,
        folder_lock(tmp_path, tells_after=0.05, gives_up_after=0.2),
    ):
        pass

    assert caught.value.where == str(tmp_path)
    assert caught.value.hint
    assert logged.lines(caplog) == [f"wait for=another process locked={tmp_path}"]
