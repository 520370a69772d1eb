"""What the system shows one process, or refuses it: a folder that is mounted read-only, a file that
says something else, shared memory."""

import ctypes
import errno
import mmap
import os
import struct
import subprocess
from pathlib import Path

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # of sched.h; Python has them since 3.12


def seal(folder: Path) -> None:
    """Let this process see the folder read-only, for root too, and go there. Raises OSError where
    it may not."""
    _have_own_mounts()
    subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], check=True)
    os.chdir(folder)


_NO_NEW_RIGHTS, _SECCOMP = 38, 22  # of <linux/prctl.h>
_LOAD, _IF_EQUAL, _IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06  # of <linux/bpf_common.h>
_MMAP = 9  # on x86-64
_NO_SHARED_MEMORY = (
    (_LOAD, 0, 0, 0),  # the number of the call
    (_IF_EQUAL, 0, 5, _MMAP),
    (_LOAD, 0, 0, 40),  # its flags
    (_IF_SET, 0, 3, mmap.MAP_SHARED),
    (_LOAD, 0, 0, 32),  # its protection
    (_IF_SET, 0, 1, mmap.PROT_WRITE),
    (_RETURN, 0, 0, 0x0005_0000 | errno.ENODEV),
    (_RETURN, 0, 0, 0x7FFF_0000),  # allowed
)


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


def have_no_shared_memory() -> None:
    """Let the system refuse to this process, for good, to map a file so that what it writes there
    is shared, as some file systems do. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("HBBI", *step) for step in _NO_SHARED_MEMORY)
    steps = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxQ", len(_NO_SHARED_MEMORY), ctypes.addressof(steps))
    filtered = library.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0) or library.prctl(
        _SECCOMP, 2, ctypes.c_char_p(program), 0, 0
    )
    if filtered:
        raise OSError(ctypes.get_errno(), "no filter of system calls")
