"""Places that a person named: what is no file is written into, links are followed."""

import ctypes
import errno
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from newsletter.files import (
    being_written,
    made_whole,
    part_of,
    target_of,
    write_new,
    write_together,
    write_whole,
)
from tests.limits import alone

PLENTY = 1_000_000  # bytes: more than a pipe holds


def device(place: Path) -> Path:
    """One that takes all and keeps nothing, of the test's own."""
    try:
        os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        place.write_bytes(b"")
    except OSError as error:
        pytest.skip(f"needs the right to make a device: {error}")
    return place


def pipe(place: Path) -> Path:
    os.mkfifo(place)
    return place


# --- written into ---------------------------------------------------------------------------------


def test_a_device_is_written_into(tmp_path: Path) -> None:
    null = device(tmp_path / "null")

    for write in (write_whole, write_new):
        write(null, b"x", follows=True)
        write(null, b"x", private=True, follows=True)

    assert null.is_char_device()
    assert f"{stat.S_IMODE(null.stat().st_mode):o}" in ("644", "666")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("make", [device, pipe])
def test_in_a_place_of_ours_it_is_refused(make: Callable[[Path], Path], tmp_path: Path) -> None:
    place = make(tmp_path / "1.eml")
    before = place.lstat()

    with pytest.raises(OSError, match="not an ordinary file"):
        write_whole(place, b"x")
    with pytest.raises(FileExistsError):
        write_new(place, b"x")
    written, stopped = write_together([(tmp_path / "0.eml", b""), (place, b"x")])

    assert written == 1
    assert stopped is not None
    assert stopped.filename == str(place)
    assert os.path.samestat(place.lstat(), before)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_pipe_gets_all_of_it(tmp_path: Path) -> None:
    place, pieces = pipe(tmp_path / "pipe"), list[bytes]()
    reader = threading.Thread(target=lambda: pieces.append(place.read_bytes()))
    reader.start()

    write_whole(place, b"x" * PLENTY, follows=True)
    reader.join()

    assert len(pieces[0]) == PLENTY
    assert place.is_fifo()


def test_a_reader_who_leaves_a_pipe_midway_is_told(tmp_path: Path) -> None:
    place = pipe(tmp_path / "pipe")

    def leave() -> None:
        with place.open("rb") as opened:
            opened.read(10)

    reader = threading.Thread(target=leave)
    reader.start()
    with pytest.raises(BrokenPipeError) as caught:
        write_whole(place, b"x" * PLENTY, follows=True)
    reader.join()

    assert caught.value.filename == str(place)
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("writes", ["whole", "bit by bit"])
def test_a_slow_reader_of_a_pipe_that_does_not_block_is_waited_for(writes: str) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    path, sizes = Path(f"/dev/fd/{writing}"), list[int]()

    def read() -> None:
        while piece := os.read(reading, 5000):
            sizes.append(len(piece))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        if writes == "whole":
            write_whole(path, b"x" * PLENTY, follows=True)
        else:
            with being_written(path, follows=True) as file:
                for _ in range(100):
                    file.write(b"x" * (PLENTY // 100))
    finally:
        os.close(writing)
        reader.join()
        os.close(reading)

    assert sum(sizes) == PLENTY


def test_an_open_file_is_gone_on_with(tmp_path: Path) -> None:
    """As /dev/stdout is where a shell led it to a file."""
    link = tmp_path / "link"
    with (tmp_path / "file").open("wb", buffering=0) as file:
        link.symlink_to(f"/dev/fd/{file.fileno()}")
        file.write(b"before, ")
        for path in (link, Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")):
            assert target_of(path) is None
            write_whole(path, b"written, ", follows=True)
        file.write(b"after")

    assert (tmp_path / "file").read_text() == "before, written, written, after"


def test_a_handle_that_is_not_open_is_told(tmp_path: Path) -> None:
    handle = os.dup(0)
    os.close(handle)

    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        write_whole(Path(f"/dev/fd/{handle}"), b"x", follows=True)

    assert caught.value.filename == f"/dev/fd/{handle}"


def test_a_socket_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(OSError, match="No such device") as caught:
            write_whole(Path("socket"), b"x", follows=True)

    assert caught.value.filename == "socket"
    assert Path("socket").is_socket()


# --- links ----------------------------------------------------------------------------------------


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "folder").symlink_to("a/b")
    (tmp_path / "first").symlink_to("folder/second")
    (tmp_path / "a" / "b" / "second").symlink_to("../third")

    write_whole(tmp_path / "first", b"new", follows=True)
    write_whole(tmp_path / "first", b"again", follows=True)

    assert (tmp_path / "a" / "third").read_bytes() == b"again"
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "a" / "b" / "second").is_symlink()
    assert not list(tmp_path.rglob("*.newsletter-part"))


@pytest.mark.parametrize(
    ("target", "code"),
    [("link", errno.ELOOP), (".", errno.EISDIR), ("no/such", errno.ENOENT), ("f/x", errno.ENOTDIR)],
)
def test_a_link_that_leads_to_no_place_of_a_file_is_told(
    target: str, code: int, tmp_path: Path
) -> None:
    (tmp_path / "f").touch()
    link = tmp_path / "link"
    link.symlink_to(target)

    for write in (write_whole, write_new):
        with pytest.raises(OSError) as caught:  # noqa: PT011 -- the number says which
            write(link, b"x", follows=True)
        assert caught.value.errno == code
        assert str(caught.value.filename).startswith(str(tmp_path))

    assert os.readlink(link) == target
    assert {path.name for path in tmp_path.iterdir()} == {"f", "link"}


def test_a_new_file_by_a_link_replaces_none(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "to-there").symlink_to("there")
    (tmp_path / "to-nothing").symlink_to("made")

    with pytest.raises(FileExistsError):
        write_new(tmp_path / "to-there", b"new", follows=True)
    write_new(tmp_path / "to-nothing", b"new", follows=True)

    assert (tmp_path / "there").read_text() == "old"
    assert (tmp_path / "made").read_text() == "new"


# --- what a file keeps ----------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_a_file_keeps_its_mode(mask: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o640)
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "file", b"new", follows=True)
        write_whole(tmp_path / "new", b"new", follows=True)
        write_whole(tmp_path / "private", b"new", private=True, follows=True)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"file": 0o640, "new": 0o666 & ~mask, "private": 0o600}


def test_what_holds_the_data_of_people_is_private_where_the_file_was_not(tmp_path: Path) -> None:
    (tmp_path / "people.csv").touch(0o666)

    write_whole(tmp_path / "people.csv", b"new", private=True, follows=True)

    assert stat.S_IMODE((tmp_path / "people.csv").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
@pytest.mark.parametrize(
    ("of_the_folder", "private", "stays"),
    [(4711, False, True), (4711, True, True), (0, True, False), (4712, False, False)],
)
def test_root_leaves_a_file_to_who_has_it_and_its_folder(
    of_the_folder: int, private: bool, stays: bool, tmp_path: Path
) -> None:
    """In /tmp anybody could have put a file there, to be given what root writes."""
    folder, file = tmp_path / "folder", tmp_path / "folder" / "file"
    folder.mkdir()
    file.touch()
    os.chown(folder, of_the_folder, 0)
    os.chown(file, 4711, 4713)

    write_whole(file, b"new", private=private, follows=True)

    assert (file.stat().st_uid, file.stat().st_gid) == ((4711, 4713) if stays else (0, 0))


def without_the_right_to_give_away(file: Path) -> None:
    """Write a file as root does in a container that has no capability to give files away."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, rights = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, rights) == 0
    rights[0] &= ~1  # CAP_CHOWN among the effective ones
    assert libc.capset(header, rights) == 0

    write_whole(file, b"new", follows=True)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")
@pytest.mark.parametrize("owner", [(4711, 4713), (0, 4713), (4711, 0), (0, 0)])
def test_a_root_that_may_not_give_a_file_away_replaces_it_all_the_same(
    owner: tuple[int, int], tmp_path: Path
) -> None:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.touch()
    os.chown(file.parent, *owner)
    os.chown(file, *owner)

    alone(without_the_right_to_give_away, file)

    assert file.read_bytes() == b"new"
    assert (file.stat().st_uid, file.stat().st_gid) == (0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
@pytest.mark.parametrize(("number", "goes_on"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_an_owner_that_the_system_does_not_know_is_left_out(
    number: int, goes_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a user namespace; what a disk refuses is an error."""
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"old")
    os.chown(file.parent, 4711, 4713)
    os.chown(file, 4711, 4713)

    def refuse(handle: int, user: int, group: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fchown", refuse)
    with nullcontext() if goes_on else pytest.raises(OSError, match="Input/output"):
        write_whole(file, b"new", follows=True)

    assert file.read_bytes() == (b"new" if goes_on else b"old")
    assert list(file.parent.iterdir()) == [file]


def test_another_name_of_a_file_keeps_what_it_had(tmp_path: Path) -> None:
    """Half of the new content would be worse."""
    (tmp_path / "file").write_text("old")
    os.link(tmp_path / "file", tmp_path / "other")

    write_whole(tmp_path / "file", b"new", follows=True)

    assert (tmp_path / "other").read_text() == "old"


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_has_its_name_once_it_is_filled(tmp_path: Path) -> None:
    with made_whole(tmp_path / "theme") as stage:
        write_whole(stage / "a", b"a")
        assert not (tmp_path / "theme").exists()

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "theme",
        "theme/a",
    ]


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_fails_leaves_nothing(there: bool, tmp_path: Path) -> None:
    theme = tmp_path / "theme"
    if there:
        theme.mkdir()
        (theme / "mine").touch()

    def make() -> None:
        with made_whole(theme) as stage:
            write_whole(stage / "a", b"a")
            if not there:
                write_whole(stage / "missing" / "b", b"b")

    reason = "not empty" if there else "No such file"
    with pytest.raises(OSError, match=reason):
        make()

    assert [path.name for path in tmp_path.rglob("*")] == ["theme", "mine"] * there


def test_what_a_kill_left_of_a_folder_is_removed_and_a_link_is_not_followed(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").touch()
    part_of(tmp_path / "theme").symlink_to(victim)
    (part_of(tmp_path / "other") / "half").mkdir(parents=True)

    for name in ("theme", "other"):
        with made_whole(tmp_path / name) as stage:
            write_whole(stage / "a", b"a")

    assert {path.name for path in tmp_path.iterdir()} == {"theme", "other", "victim"}
    assert [path.name for path in victim.iterdir()] == ["precious"]
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["a"]
