"""`python -m tests.windows ARGUMENTS`: newsletter as Windows would have it, as far as can be had.

To the modules of newsletter alone, what only POSIX has is missing: modules, functions and flags of
`os`, signals. For everybody, a folder cannot be opened, and a file that is open can be neither
replaced nor deleted nor put elsewhere.
"""

import builtins
import errno
import os
import signal
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from newsletter import platforms

POSIX_MODULES = frozenset({"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"})
_OF_OS = frozenset(
    {
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC", "chown"),
        *("chroot", "confstr", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid"),
        *("getgid", "getgroups", "getloadavg", "getpgid", "getsid", "getuid", "initgroups"),
        *("killpg", "lchown", "mkfifo", "mknod", "nice", "openpty", "posix_fallocate", "setsid"),
        *("setuid", "statvfs", "sysconf", "uname", "wait", "waitid", "register_at_fork"),
    }
)
_SIGNALS = frozenset({"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1"})
_OF_SIGNAL = frozenset({"pthread_sigmask", "setitimer", "sigwait", "alarm", "pause"}) | _SIGNALS


class _Less(types.ModuleType):
    """A module without some of what it has."""

    def __init__(self, module: types.ModuleType, missing: frozenset[str]) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module
        self.__dict__["_missing"] = missing

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return getattr(self._module, name)


def become_windows() -> None:
    """From now on, for this process."""
    platforms.IS_WINDOWS = True
    builtins.__import__ = _importing(
        {"os": _Less(os, _OF_OS), "signal": _Less(signal, _OF_SIGNAL)}, builtins.__import__
    )
    os.open = _opening(os.open)
    for name in ("replace", "rename", "unlink", "remove"):
        setattr(os, name, _unless_open(getattr(os, name)))


def _importing(less: dict[str, types.ModuleType], load: Callable[..., Any]) -> Callable[..., Any]:
    def __import__(name: str, *arguments: Any, **more: Any) -> Any:
        scope = more.get("globals", arguments[0] if arguments else None) or {}
        if str(scope.get("__name__", "")).partition(".")[0] == "newsletter":
            if name in POSIX_MODULES:
                raise ModuleNotFoundError(f"No module named {name!r} on Windows", name=name)
            if name in less:
                return less[name]
        return load(name, *arguments, **more)

    return __import__


def _opening(opened: Callable[..., int]) -> Callable[..., int]:
    def open(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if "dir_fd" not in named and os.path.isdir(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opened(path, flags, *more, **named)

    return open


def _unless_open(moved: Callable[..., None]) -> Callable[..., None]:
    def move(*paths: Any, **named: Any) -> None:
        for path in paths:
            if "dir_fd" not in named and os.path.abspath(path) in _open_files():
                raise PermissionError(errno.EACCES, "it is open", os.fspath(path))
        moved(*paths, **named)

    return move


def _open_files() -> set[str]:
    """The files that this process has open, but for SQLite's own, which shares them."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(str(link.readlink()))
    return found


if __name__ == "__main__":
    become_windows()
    from newsletter import cli

    sys.argv[0] = "newsletter"
    cli.main()
