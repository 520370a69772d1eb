"""Who runs a send: a name that tells, on the same host, whether that process still lives."""

import secrets
import socket

import psutil

from newsletter.store.sends import Owner


def this_process() -> str:
    """`host/pid/start time/nonce`: a process id alone may have been given to another since."""
    process = psutil.Process()
    started = int(process.create_time() * 1000)
    return f"{socket.gethostname()}/{process.pid}/{started}/{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """Whether the process of that name is provably gone: it ran on this host, and is no more."""
    host, pid, started, _ = name.rsplit("/", 3)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:  # in a container maybe for ever
            return True
        return int(process.create_time() * 1000) != int(started)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def is_here(owner: Owner) -> bool:
    """Whether the owner ran on this host, so that `is_dead` can tell for certain."""
    return owner.name is not None and owner.name.rsplit("/", 3)[0] == socket.gethostname()


def describe(owner: Owner) -> str:
    """The owner of a send as people name it: `process 4711 on host`."""
    assert owner.name is not None
    host, pid, _, _ = owner.name.rsplit("/", 3)
    return f"process {pid} on {host}"
