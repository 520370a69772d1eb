"""A process that is killed right before the n-th of its system calls that change something.

What another process could see, a file, a name or what a server was told, changes by a system call
alone. So a process that is killed before each of them in turn has been killed at every moment that
makes a difference, also within SQLite and libpq, whose writes no hook of Python sees. It is
followed by ptrace(2), which Linux lets every process do to its own child.
"""

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

# include/uapi/linux/ptrace.h
_TRACEME, _CONT_TO_CALL, _SET_OPTIONS, _CALL_INFO = 0, 24, 0x4200, 0x420E
_MARK_CALLS, _FOLLOW_THREADS, _END_TOGETHER = 0x01, 0x08, 0x100000
_ALL_CHILDREN = 0x40000000  # of waitpid: threads, too
_INFO = struct.Struct("=B3xIQQ7Q")  # what it is, the kind of machine, two addresses, the call
_ENTRY = 1
_AT_A_CALL = signal.SIGTRAP | 0x80

_BY_NAME = {  # the numbers on x86_64 and on aarch64
    "write": (1, 64),
    "pwrite64": (18, 68),
    "writev": (20, 66),
    "sendfile": (40, 71),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "fork": (56, 220),
    "vfork": (58, -1),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "rename": (82, 38),
    "mkdir": (83, 34),
    "rmdir": (84, -1),
    "link": (86, 37),
    "unlink": (87, 35),
    "chmod": (90, 53),
    "open": (257, 56),
    "copy_file_range": (326, 285),
}
_MACHINES = {"x86_64": 0, "aarch64": 1}
_CALLS = {numbers[_MACHINES.get(platform.machine(), 0)]: name for name, numbers in _BY_NAME.items()}
_OF_A_NAME = ("rename", "mkdir", "rmdir", "link", "unlink", "chmod")
_AT_A_FOLDER = ("open",) if platform.machine() == "x86_64" else (*_OF_A_NAME, "open")

_BOUNDS = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"CREATE DATABASE", b"DROP DATABASE")
_READ_BYTES = 64

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_LIBRARY.ptrace.restype = ctypes.c_long

needs_ptrace = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in _MACHINES,
    reason="follows system calls as Linux does on x86_64 and aarch64",
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A system call that is about to be made: its number among those that change something, from
    1 on, and of the calls like it that come right after one another, which it is."""

    number: int
    what: str
    place: int = field(compare=False)


def follow(trace: Path, number: int = 0, *, with_children: bool = False) -> None:
    """What is done `first` in a process that is to write down its calls, and to die before one of
    them; `with_children`, before those that it has started, as where a service is killed."""
    child = os.fork()
    if child == 0:
        _ptrace(_TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    with trace.open("w", encoding="utf-8") as lines:
        code = _Follower(child, lines.write, number, with_children).run()
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def moments(trace: Path) -> Sequence[Moment]:
    """The calls that a process made; of those that go on with one thing, as where a file is written
    a page at a time, or a transaction has many statements, the first two, the middle one and the
    last."""
    lines = trace.read_text("utf-8").splitlines()
    return [moment for run in _runs(lines) for moment in _chosen(run)]


def _runs(lines: Sequence[str]) -> Iterator[list[Moment]]:
    run: list[Moment] = []
    for number, what in enumerate(lines, 1):
        if run and run[-1].what != what:
            yield run
            run = []
        run.append(Moment(number, what, len(run) + 1))
    if run:
        yield run


def _chosen(run: Sequence[Moment]) -> list[Moment]:
    places = {0, 1, len(run) // 2, len(run) - 1}
    return [run[place] for place in sorted(places) if place < len(run)]


class _Follower:
    """Follows a child from call to call; `note` takes a line for each that changes something."""

    def __init__(
        self, child: int, note: Callable[[str], object], number: int, with_children: bool
    ) -> None:
        self._child = child
        self._note = note
        self._number = number
        self._with_children = with_children
        self._passed = 0

    def run(self) -> int:
        """Returns its exit code; a negative one is the signal that ended it."""
        os.waitpid(self._child, 0)
        options = _MARK_CALLS | _FOLLOW_THREADS | _END_TOGETHER
        _ptrace(_SET_OPTIONS, self._child, 0, options)
        _ptrace(_CONT_TO_CALL, self._child, 0, 0)
        while True:
            thread, status = os.waitpid(-1, _ALL_CHILDREN)
            if not os.WIFSTOPPED(status):
                if thread == self._child:
                    return os.waitstatus_to_exitcode(status)
                continue
            number = os.WSTOPSIG(status)
            if number == _AT_A_CALL:
                self._look(thread)
            passed_on = 0 if number in (_AT_A_CALL, signal.SIGTRAP, signal.SIGSTOP) else number
            with suppress(ProcessLookupError):  # it was killed, and is waited for above
                _ptrace(_CONT_TO_CALL, thread, 0, passed_on)

    def _look(self, thread: int) -> None:
        info = ctypes.create_string_buffer(_INFO.size)
        try:
            _ptrace(_CALL_INFO, thread, _INFO.size, ctypes.addressof(info))
        except ProcessLookupError:
            return
        kind, _, _, _, call, *arguments = _INFO.unpack(info.raw)
        if kind != _ENTRY or (what := _in_words(thread, call, arguments)) is None:
            return
        self._passed += 1
        self._note(f"{what}\n")
        if self._passed == self._number:
            if self._with_children:
                for child in psutil.Process(self._child).children(recursive=True):
                    child.kill()
            os.kill(self._child, signal.SIGKILL)


def _in_words(thread: int, call: int, arguments: Sequence[int]) -> str | None:
    """A call and the file or the connection that it is about; None where it changes nothing."""
    name = _CALLS.get(call)
    if name is None:
        return None
    is_at_a_folder = name in _AT_A_FOLDER
    if name == "open" and not arguments[2] & (os.O_CREAT | os.O_TRUNC):
        return None
    if name == "open" or name in _OF_A_NAME:
        return f"{name} {_text(thread, arguments[1 if is_at_a_folder else 0])}"
    if name in ("fork", "vfork"):
        return name
    try:
        file = os.readlink(f"/proc/{thread}/fd/{arguments[0]}")
    except OSError:
        file = "?"
    if name == "sendto" and (bounds := _bounds(thread, arguments[1], arguments[2])):
        return f"{name} {bounds}"
    if " (deleted)" in file:
        return f"{name} the output"
    return f"{name} {file.partition(':')[0] if ':[' in file else Path(file).name}"


def _bounds(thread: int, address: int, size: int) -> str:
    """Which bound of a transaction a message to PostgreSQL is, or what it does outside of one."""
    with Path(f"/proc/{thread}/mem").open("rb", 0) as memory:
        memory.seek(address)
        message = memory.read(min(size, _READ_BYTES))
    return next((word.decode() for word in _BOUNDS if word in message), "")


def _text(thread: int, address: int) -> str:
    """The last part of a path in the memory of a thread."""
    with Path(f"/proc/{thread}/mem").open("rb", 0) as memory:
        memory.seek(address)
        rest = 4096 - address % 4096
        text = memory.read(rest)
        if b"\0" not in text:
            text += memory.read(4096)
    return Path(os.fsdecode(text.partition(b"\0")[0])).name


def _ptrace(request: int, thread: int, address: int, data: int) -> None:
    words = (ctypes.c_long(request), ctypes.c_long(thread))
    pointers = (ctypes.c_void_p(address), ctypes.c_void_p(data))
    if _LIBRARY.ptrace(*words, *pointers) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
