"""Which file system a folder lies on, whatever its name, and which are of a network."""

from pathlib import Path

import pytest

from newsletter.mounts import file_system, is_of_a_network
from tests.limits import small_disk

NAMES = [
    "a b",
    "a\tb",
    "a\nb",
    "a\\b",
    "a\\040b",
    "a\\",
    "a\u2028b",
    "a\rb",
    "a\x0bb",
    "a\x85b",
    "\udcff",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_mount_of_any_name_is_told_from_the_one_above(tmp_path: Path, name: str) -> None:
    """The names that Linux itself writes: some signs as octal numbers, others as they are."""
    with small_disk(tmp_path / "above", 100):
        above = file_system(tmp_path / "above" / name)

    with small_disk(tmp_path / name, 100):
        inside, beside = file_system(tmp_path / name), file_system(tmp_path / "other")

    assert inside == above == "tmpfs"
    assert beside != "tmpfs"


@pytest.mark.parametrize(
    ("name", "written"),
    [("a b", r"a\040b"), ("a\tb", r"a\011b"), ("a\nb", r"a\012b"), ("a\\b", r"a\134b")],
    ids=ascii,
)
def test_a_network_is_recognised_below_a_folder_of_any_name(
    tmp_path: Path, name: str, written: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {tmp_path}/{written} nfs4 rw 0 0\n")

    assert file_system(tmp_path / name / "letter", mounts) == "nfs4"
    assert file_system(tmp_path, mounts) == "ext4"


@pytest.mark.parametrize(
    "kind",
    [
        *("nfs4", "cifs", "smb3", "9p", "ceph", "beegfs", "gpfs", "gfs2", "ocfs2", "orangefs"),
        *("virtiofs", "vboxsf", "vmhgfs", "prl_fs", "fuse.vmhgfs-fuse", "fuse.grpcfuse"),
        *("fuse.sshfs", "fuse.juicefs", "fuse.goofys", "fuse.gvfsd-fuse", "fuse.blobfuse2"),
    ],
)
def test_what_reaches_from_machine_to_machine_is_of_a_network(kind: str) -> None:
    assert is_of_a_network(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "apfs", "fuse.mergerfs"]
)
def test_a_disk_of_the_machine_is_not_of_a_network(kind: str) -> None:
    assert not is_of_a_network(kind)
