"""An archive is read in place, and refused where it could do harm."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from newsletter.drafts import archives
from newsletter.drafts.archives import TooLarge, opened
from newsletter.errors import UsageError
from tests.unit.drafts.samples import Files, as_folder, as_zip

FILES: Files = {"_posts/a.md": "Ä", "assets/x.png": b"\x89"}


def test_a_folder_and_a_zip_file_hold_the_same(tmp_path: Path) -> None:
    for path in (as_folder(FILES, tmp_path / "folder"), as_zip(FILES, tmp_path / "x.zip")):
        with opened(path) as archive:
            assert archive.names == set(FILES)
            assert archive.read("_posts/a.md") == "Ä".encode()
            with pytest.raises(KeyError):
                archive.read("../x")


def test_what_was_built_and_histories_are_left_out(tmp_path: Path) -> None:
    files = {"a.md": "", ".git/config": "", "_site/a.md": "", "__MACOSX/a.md": "", "x/.git/y": ""}

    for path in (as_folder(files, tmp_path / "folder"), as_zip(files, tmp_path / "x.zip")):
        with opened(path) as archive:
            assert archive.names == {"a.md"}


def test_a_link_in_a_folder_is_no_file_of_it(tmp_path: Path) -> None:
    """It could lead to any file of this machine."""
    folder = as_folder({"a.md": ""}, tmp_path / "folder")
    (tmp_path / "secret").write_text("x")
    (folder / "link.md").symlink_to(tmp_path / "secret")
    (folder / "inner").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.md")

    with opened(folder) as archive:
        assert archive.names == {"a.md"}


@pytest.mark.parametrize("name", ["../x.md", "a/../../x.md", "/etc/x.md", "C:/x.md", "a\\..\\x.md"])
def test_a_zip_file_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = as_zip({"a.md": "", name: "x"}, tmp_path / "x.zip")

    with pytest.raises(UsageError, match=r"out of the archive|below the archive"), opened(path):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_file_with_two_files_of_one_name_is_refused(tmp_path: Path) -> None:
    """Only the last of them could be read."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("a.md", "one")
        file.writestr("a.md", "other")

    with pytest.raises(UsageError, match="more than once"), opened(tmp_path / "x.zip"):
        pass


def test_a_link_in_a_zip_file_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("link.md")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(member, "/etc/passwd")

    with pytest.raises(UsageError, match="is a link"), opened(tmp_path / "x.zip"):
        pass


def test_a_bomb_is_refused_before_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what it claims; and one that claims too little is read no further than that."""
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    path = as_zip({"a.md": bytes(1_000_001)}, tmp_path / "x.zip")
    with pytest.raises(UsageError, match="unpacks to more"), opened(path):
        pass

    data = path.read_bytes()
    lie = tmp_path / "lie.zip"
    lie.write_bytes(data.replace(struct.pack("<I", 1_000_001), struct.pack("<I", 5)))
    with opened(lie) as archive, pytest.raises(OSError, match="cannot be unpacked"):
        assert len(archive.read("a.md")) <= 5


def test_too_many_and_too_large_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    monkeypatch.setattr(archives, "MOST_BYTES_OF_FILE", 10)
    many = {f"{number}.md": "x" for number in range(4)}
    large = {"a.md": "x" * 11}

    for path in (as_folder(many, tmp_path / "many"), as_zip(many, tmp_path / "many.zip")):
        with pytest.raises(UsageError, match="more than 3 files"), opened(path):
            pass
    for path in (as_folder(large, tmp_path / "large"), as_zip(large, tmp_path / "large.zip")):
        with opened(path) as archive, pytest.raises(TooLarge):
            archive.read("a.md")


@pytest.mark.parametrize("cut", [0, 1, 10, 60, 150, -1, -10, -30])
def test_a_zip_file_that_is_not_whole_is_told(tmp_path: Path, cut: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a.md", "words " * 30)
        file.writestr("b.md", "words " * 30)
    (tmp_path / "x.zip").write_bytes(content.getvalue()[:cut])

    with pytest.raises(UsageError, match="no whole zip file"), opened(tmp_path / "x.zip"):
        pass


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"), opened(tmp_path / "none"):
        pass
