"""An issue's file is written whole, as it was, and never over what another wrote meanwhile."""

import threading
from pathlib import Path

import pytest
from PIL import Image

from newsletter.desk.editing import EditConflict, FileText, keep_picture, read_source, save
from newsletter.errors import NewsletterError, UnreadableIssue, UsageError
from newsletter.files import part_of, write_whole
from tests.pictures import encoded

ONE, OTHER = (encoded(Image.new("RGB", (size, size)), "PNG") for size in (4, 5))


@pytest.fixture
def issue(tmp_path: Path) -> Path:
    path = tmp_path / "issues" / "a.md"
    path.parent.mkdir()
    path.write_bytes(b"# One\n")
    return path


def test_what_was_read_can_be_saved(issue: Path) -> None:
    source = read_source(issue, "a.md")

    after = save(issue, "# Two\n", source.version, "a.md")

    assert issue.read_bytes() == b"# Two\n"
    assert after == read_source(issue, "a.md")


def test_what_another_wrote_meanwhile_stays(issue: Path) -> None:
    source = read_source(issue, "a.md")
    issue.write_bytes(b"# Theirs\n")

    with pytest.raises(EditConflict) as caught:
        save(issue, "# Mine\n", source.version, "a.md")

    assert issue.read_bytes() == b"# Theirs\n"
    assert caught.value.source.text == "# Theirs\n"


def test_of_two_who_save_at_once_one_is_told(issue: Path) -> None:
    """Twenty windows save what they made of the same text: one is kept, and nineteen hear of it."""
    version = read_source(issue, "a.md").version
    kept, refused = [], []

    def write(number: int) -> None:
        try:
            save(issue, f"# {number}\n", version, "a.md")
            kept.append(number)
        except EditConflict:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(kept) == 1
    assert len(refused) == 19
    assert issue.read_text() == f"# {kept[0]}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\r\nb\r\n", b"a\r\nc\r\n"),
        (b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\nc\n"),
        (b"\xef\xbb\xbfa\r\nb", b"\xef\xbb\xbfa\r\nc"),
        (b"a\rb\r", b"a\rc\r"),
        (b"x\r\ny\na\r\nb\nz\r\n", b"x\r\ny\na\r\nc\nz\r\n"),
        (b"a\nb\r\na\rz", b"a\nc\r\na\rz"),
    ],
)
def test_line_ends_and_the_byte_order_mark_stay(issue: Path, before: bytes, after: bytes) -> None:
    issue.write_bytes(before)
    source = read_source(issue, "a.md")

    save(issue, source.text.replace("b", "c"), source.version, "a.md")

    assert "\r" not in source.text
    assert issue.read_bytes() == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("one\ntwo\n2½\nthree\n", b"one\r\ntwo\n2\xc2\xbd\r\nthree\r\n"),
        ("two\nthree\n", b"two\nthree\r\n"),
        ("one\ntwo\nthree", b"one\r\ntwo\nthree"),
        ("", b""),
    ],
)
def test_lines_that_come_and_go_change_no_others_end(issue: Path, text: str, after: bytes) -> None:
    """A new line ends as most of the file do."""
    issue.write_bytes(b"one\r\ntwo\nthree\r\n")

    save(issue, text, read_source(issue, "a.md").version, "a.md")

    assert issue.read_bytes() == after


def test_its_mode_stays_and_a_link_is_followed(issue: Path, tmp_path: Path) -> None:
    issue.chmod(0o640)
    link = tmp_path / "issues" / "b.md"
    link.symlink_to(issue)

    save(link, "# Two\n", read_source(link, "b.md").version, "b.md")

    assert link.is_symlink()
    assert issue.read_text() == "# Two\n"
    assert issue.stat().st_mode & 0o777 == 0o640


def test_what_is_not_utf_8_is_not_edited(issue: Path) -> None:
    issue.write_bytes("# T\n\nGröße\n".encode("latin-1"))

    with pytest.raises(UnreadableIssue) as caught:
        read_source(issue, "a.md")

    assert caught.value.where == "a.md:3"


def test_a_file_that_is_gone_is_not_made_again(issue: Path) -> None:
    version = read_source(issue, "a.md").version
    issue.unlink()

    with pytest.raises(UsageError):
        save(issue, "# Two\n", version, "a.md")

    assert not issue.exists()


def test_where_it_cannot_be_written_it_stays(issue: Path) -> None:
    """A folder where the part of the file would lie stands for any disk that refuses."""
    source = read_source(issue, "a.md")
    part_of(issue).mkdir()

    with pytest.raises(NewsletterError, match="cannot be written"):
        save(issue, "# Two\n", source.version, "a.md")

    assert issue.read_bytes() == b"# One\n"


def test_a_text_that_no_issue_may_be_so_long_is_not_written(issue: Path) -> None:
    source = read_source(issue, "a.md")

    with pytest.raises(UnreadableIssue, match="too large"):
        save(issue, "织" * 400_000, source.version, "a.md")

    assert issue.read_bytes() == b"# One\n"


def test_the_text_of_a_file_is_shown_with_plain_line_ends() -> None:
    assert FileText.of(b"a\r\nb\nc\rd\r\n", "a.md").text == "a\nb\nc\nd\n"


# --- pictures -------------------------------------------------------------------------------------


def test_a_picture_gets_a_free_name_beside_the_issue(issue: Path) -> None:
    paths = [
        keep_picture(issue, name, content)
        for name, content in [
            ("My shot (1).png", ONE),
            ("My shot (1).png", OTHER),
            ("My shot (1).png", ONE),
        ]
    ]

    assert paths == ["pictures/My-shot-1.png", "pictures/My-shot-1-2.png", "pictures/My-shot-1.png"]
    assert (issue.parent / paths[1]).read_bytes() == OTHER


@pytest.mark.parametrize(
    "name", ["", "../../x.png", "/etc/passwd", "....", 100 * "截图" + ".png", "a\x00b.gif"]
)
def test_no_name_leads_out_of_the_folder(issue: Path, name: str) -> None:
    path = issue.parent / keep_picture(issue, name, ONE)

    assert path.resolve().parent == (issue.parent / "pictures").resolve()
    assert path.suffix == ".png"


@pytest.mark.parametrize("content", [b"", b"<svg></svg>", b"<script>", b"GIF89a"])
def test_what_is_no_picture_is_not_kept(issue: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        keep_picture(issue, "a.png", content)

    assert not (issue.parent / "pictures").exists()


def test_a_picture_is_never_put_over_a_file(issue: Path) -> None:
    folder = issue.parent / "pictures"
    folder.mkdir()
    write_whole(folder / "a.png", b"theirs")

    assert keep_picture(issue, "a.png", ONE) == "pictures/a-2.png"
    assert (folder / "a.png").read_bytes() == b"theirs"
