"""Which file system a folder lies on, as Linux tells; other systems do not."""

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")

# Beginnings of their names: locks and shared memory do not reach from one machine to the other,
# whether that is a server, another member of a cluster, or the host of a virtual machine.
_OF_A_NETWORK = (
    *("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "davfs", "drvfs"),
    *("beegfs", "orangefs", "pvfs2", "gpfs", "ocfs2", "gfs2"),
    *("virtiofs", "vboxsf", "vmhgfs", "prl_fs"),
    *("fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.glusterfs", "fuse.ceph"),
    *("fuse.juicefs", "fuse.goofys", "fuse.blobfuse", "fuse.curlftpfs", "fuse.gvfsd-fuse"),
    *("fuse.grpcfuse", "fuse.osxfs", "fuse.vmhgfs-fuse"),
)
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")  # of spaces, tabs, ends of lines and backslashes


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of file system that a folder is on; empty where the system does not tell."""
    try:
        lines = mounts.read_bytes().split(b"\n")
    except OSError:
        return ""
    there = str(folder.resolve())
    above = [
        (len(mount), place, os.fsdecode(parts[2]))
        for place, parts in enumerate(line.split(b" ") for line in lines)
        if len(parts) > 2 and _is_within(there, mount := _unescaped(parts[1]))
    ]
    return max(above)[2] if above else ""


def is_of_a_network(kind: str) -> bool:
    return kind.startswith(_OF_A_NETWORK)


def _unescaped(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), field))


def _is_within(place: str, mount: str) -> bool:
    return place == mount or place.startswith(mount.rstrip("/") + "/")
