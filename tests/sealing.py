"""A folder that is mounted read-only, or a file that says something else, for one process alone."""

import ctypes
import os
import subprocess
from pathlib import Path

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # of sched.h; Python has them since 3.12


def seal(folder: Path) -> None:
    """Let this process see the folder read-only, for root too, and go there. Raises OSError where
    it may not."""
    _have_own_mounts()
    subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], check=True)
    os.chdir(folder)


def tell_of_mounts(told: Path) -> None:
    """Let the system tell this process what a file says of all mounts. Raises OSError."""
    _have_own_mounts()
    subprocess.run(["mount", "--bind", told, f"/proc/{os.getpid()}/mounts"], check=True)


def _have_own_mounts() -> None:
    user, group = os.geteuid(), os.getegid()
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_NEW_USER | _NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no namespace of its own")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
