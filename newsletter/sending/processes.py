"""Names of processes, which tell on the same host whether a process still lives."""

import os
import secrets
import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _STARTED = 0, 19  # of /proc/PID/stat, counted after the name of the program: see proc(5)
_DEAD = ("Z", "X")  # unburied ones count as dead: in a container they may stay for ever


def this_process() -> str:
    """`host/pid/start/nonce`: a process id alone may have been given to another since.

    The start is `boot id:ticks since boot`, which no step of the clock changes; where there is no
    /proc it is a time, as it was everywhere in names of earlier versions.
    """
    pid = os.getpid()
    stat, boot_id = _stat(pid), _boot_id()
    started = f"{boot_id}:{stat[_STARTED]}" if stat and boot_id else _start_time(pid)
    return f"{socket.gethostname()}/{pid}/{started}/{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """Whether the process of that name is provably gone: it ran on this host and runs no more."""
    host, pid, started, _ = name.rsplit("/", 3)
    if host != socket.gethostname():
        return False
    boot_id, _, ticks = started.rpartition(":")
    if not boot_id:
        return _start_time(int(pid)) not in (started, _HIDDEN)
    booted = _boot_id()
    if not booted:  # /proc is hidden from this process
        return False
    if boot_id != booted:
        return True
    stat = _stat(int(pid))
    if stat is None:
        return not _exists(int(pid))
    return stat[_STATE] in _DEAD or stat[_STARTED] != ticks


def is_here(name: str) -> bool:
    """Whether the process of that name ran on this host, so that `is_dead` can tell for certain."""
    return name.rsplit("/", 3)[0] == socket.gethostname()


def is_this(name: str) -> bool:
    """Whether that is a name of this very process."""
    host, pid, started, _ = name.rsplit("/", 3)
    return this_process().rsplit("/", 3)[:3] == [host, pid, started]


def describe(name: str) -> str:
    """The name of a process as people read it: `process 4711 on host`."""
    host, pid, _, _ = name.rsplit("/", 3)
    return f"process {pid} on {host}"


def _boot_id() -> str:
    """Of this run of the machine; empty where it does not say."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    """What the kernel says about a process; None where there is none, or it is hidden."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return line.rpartition(")")[2].split()


def _exists(pid: int) -> bool:
    """Even of a process that /proc hides, as that of another user may be."""
    import psutil  # noqa: PLC0415 -- for what is hidden alone

    return psutil.pid_exists(pid)


_HIDDEN = "hidden"


def _start_time(pid: int) -> str:
    """When a process started, in milliseconds by the system's clock; empty where it is gone."""
    import psutil  # noqa: PLC0415 -- for names of earlier versions, and where there is no /proc

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return str(int(process.create_time() * 1000))
    except psutil.NoSuchProcess:
        return ""
    except psutil.AccessDenied:
        return _HIDDEN
