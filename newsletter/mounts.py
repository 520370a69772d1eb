"""Which file system a folder lies on, as the system tells."""

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")

# Beginnings of their names: locks and shared memory do not reach from one machine to the other.
_OF_A_NETWORK = (
    *("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "davfs", "drvfs"),
    *("fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.glusterfs", "fuse.ceph"),
)


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of file system that a folder is on; empty where the system does not tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    there = str(folder.resolve())
    above = [
        (len(parts[1]), place, parts[2])
        for place, parts in enumerate(line.split() for line in lines)
        if len(parts) > 2 and _is_within(there, parts[1].replace("\\040", " "))
    ]
    return max(above)[2] if above else ""


def is_of_a_network(kind: str) -> bool:
    return kind.startswith(_OF_A_NETWORK)


def _is_within(place: str, mount: str) -> bool:
    return place == mount or place.startswith(mount.rstrip("/") + "/")
