"""Which files an issue may show, and what is said of those that it may not."""

import os
import threading
from pathlib import Path

import pytest

from newsletter.model.finding import Severity
from newsletter.model.picture import COLUMN_PIXELS, PictureResult
from newsletter.pictures import PictureFolder, folder
from tests.pictures import animation, jpeg, png
from tests.waiting import PATIENCE_SECONDS

BASE = "https://news.example.com/media"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A newsletter with a picture beside its issue, and secrets that lie outside of it."""
    newsletter = tmp_path / "letter"
    (newsletter / "issues" / "pictures").mkdir(parents=True)
    (newsletter / "issues" / "pictures" / "harbour.png").write_bytes(png())
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(png(50, 50))
    return newsletter


@pytest.fixture
def pictures(root: Path) -> PictureFolder:
    return PictureFolder(root / "issues" / "2026-01-07-x.md", root, BASE)


def rule(found: PictureResult) -> str:
    (problem,) = found.problems
    assert problem.message
    assert problem.fix.endswith((".", "?"))
    return problem.rule


def test_a_picture_is_found_from_the_issue_s_folder(pictures: PictureFolder) -> None:
    found = pictures.find("pictures/harbour.png", COLUMN_PIXELS)

    (picture,) = pictures.pictures
    assert found == PictureResult(f"{BASE}/{picture.name}", 40, 30)


def test_it_says_nothing_of_its_file_s_name(pictures: PictureFolder) -> None:
    assert "harbour" not in str(pictures.find("pictures/harbour.png", COLUMN_PIXELS).url)


@pytest.mark.parametrize(
    ("size", "asked", "shown", "pixels"),
    [
        ((2000, 1000), 576, (576, 288), 1152),
        ((800, 400), 576, (576, 288), 800),
        ((300, 150), 576, (300, 150), 300),
        ((2000, 1000), 100, (100, 50), 200),
        ((50, 25), 100, (50, 25), 50),
    ],
)
def test_it_is_shown_within_its_own_size_and_has_twice_the_pixels_at_most(
    root: Path,
    pictures: PictureFolder,
    size: tuple[int, int],
    asked: int,
    shown: tuple[int, int],
    pixels: int,
) -> None:
    (root / "issues" / "x.jpg").write_bytes(jpeg(*size))

    found = pictures.find("x.jpg", asked)

    assert (found.width, found.height) == shown
    assert [picture.width for picture in pictures.pictures] == [pixels]


def test_one_file_at_two_widths_is_two_pictures_and_twice_at_one_is_one(
    root: Path, pictures: PictureFolder
) -> None:
    (root / "issues" / "x.jpg").write_bytes(jpeg(2000, 1000))

    urls = [pictures.find("x.jpg", width).url for width in (576, 100, 576)]

    assert urls[0] == urls[2] != urls[1]
    assert len(pictures.pictures) == 2


@pytest.mark.parametrize(
    "target",
    [
        "pictures/harbour.png",
        "./pictures/harbour.png",
        "pictures\\harbour.png",
        "pictures%2Fharbour.png",
        "../issues/pictures/harbour.png",
        "../shared.png",
        "a%20b.png",
        "a b.png",
        "linked.png",
        "m\u00fcnchen.png",
        "mu%CC%88nchen.png",
        "caf\u00e9/x.png",
    ],
)
def test_these_are_files_of_the_newsletter(
    root: Path, pictures: PictureFolder, target: str
) -> None:
    issues = root / "issues"
    (root / "shared.png").write_bytes(png())
    (issues / "a b.png").write_bytes(png())
    (issues / "linked.png").symlink_to(root / "shared.png")
    (issues / "m\u00fcnchen.png").write_bytes(png())
    (issues / "cafe\u0301").mkdir()
    (issues / "cafe\u0301" / "x.png").write_bytes(png())

    assert pictures.find(target, 576).problems == ()


def test_a_newsletter_that_is_reached_through_a_link_has_its_pictures(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "linked").symlink_to(root)
    linked = tmp_path / "linked"

    found = PictureFolder(linked / "issues" / "2026-01-07-x.md", linked, BASE)

    assert found.find("pictures/harbour.png", 576).problems == ()
    assert rule(found.find("../../outside/secret.png", 576)) == "picture-outside"


def test_an_issue_from_elsewhere_has_the_pictures_of_its_own_folder(
    root: Path, tmp_path: Path
) -> None:
    elsewhere = PictureFolder(tmp_path / "outside" / "x.md", root, BASE)

    assert elsewhere.find("secret.png", 576).problems == ()
    assert rule(elsewhere.find("../other.png", 576)) == "picture-outside"


# --- what is never read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "../../outside/secret.png",
        "%2e%2e/%2e%2e/outside/secret.png",
        "..%2F..%2Foutside/secret.png",
        "..\\..\\outside\\secret.png",
        "pictures/../../../outside/secret.png",
        "missing/../../../outside/secret.png",
        "file-link.png",
        "folder-link/secret.png",
        "link-to-link.png",
        "../../../../../../../../etc/passwd",
    ],
)
def test_nothing_outside_is_read(
    root: Path, pictures: PictureFolder, tmp_path: Path, target: str
) -> None:
    outside = tmp_path / "outside"
    (root / "issues" / "file-link.png").symlink_to(outside / "secret.png")
    (root / "issues" / "folder-link").symlink_to(outside)
    (root / "issues" / "link-to-link.png").symlink_to(root / "issues" / "file-link.png")

    found = pictures.find(target, 576)

    assert (found.url, pictures.pictures) == (None, ())
    assert rule(found) == "picture-outside"
    assert found.problems[0].severity is Severity.ERROR


@pytest.mark.parametrize("prefix", ["", "%2F", "%5C", "file:", "./"])
def test_an_absolute_path_is_one_below_the_issue_s_folder(
    pictures: PictureFolder, tmp_path: Path, prefix: str
) -> None:
    found = pictures.find(f"{prefix}{tmp_path / 'outside' / 'secret.png'}", 576)

    assert (found.url, rule(found)) == (None, "picture-missing")


@pytest.mark.parametrize(
    "target",
    [
        "../../outside/nothing.png",
        "folder-link/nothing.png",
        f"../../outside/{'x' * 300}.png",
        f"folder-link/{'x' * 300}.png",
    ],
)
def test_nobody_is_told_which_files_lie_outside(
    root: Path, pictures: PictureFolder, tmp_path: Path, target: str
) -> None:
    """A missing file there is refused like one that is there, and no name is suggested."""
    (root / "issues" / "folder-link").symlink_to(tmp_path / "outside")

    found = pictures.find(target, 576)

    assert rule(found) == "picture-outside"
    assert "secret" not in f"{found.problems[0]}"


def test_a_missing_picture_is_an_error_that_names_the_nearest(pictures: PictureFolder) -> None:
    found = pictures.find("pictures/harbor.png", 576)

    assert rule(found) == "picture-missing"
    assert "Did you mean 'harbour.png'?" in found.problems[0].fix


@pytest.mark.parametrize(
    ("target", "fix"),
    [
        ("pictures/Harbour.PNG", "Did you mean 'harbour.png'?"),
        ("picture/harbour.png", "There is no folder 'picture'. Did you mean 'pictures'?"),
        ("pix/harbour.png", "There is no folder 'pix'. Its path begins at the folder of the"),
        ("pictures/quay.png", "Its path begins at the folder of the issue's file."),
    ],
)
def test_what_is_said_of_a_missing_picture_helps_to_find_it(
    root: Path, pictures: PictureFolder, target: str, fix: str
) -> None:
    (root / "issues" / "pictures" / "zebra.gif").write_bytes(png())

    (problem,) = pictures.find(target, 576).problems

    assert problem.fix.startswith(fix)


def test_a_folder_is_no_picture_and_not_its_own_nearest(pictures: PictureFolder) -> None:
    (problem,) = pictures.find("pictures", 576).problems

    assert (problem.message, problem.fix) == ("'pictures' is a folder", "Name a picture in it.")


@pytest.mark.parametrize(
    "target",
    ["x" * 300, "a/" * 3000, "x%00.png", "pictures", "ring.png", "pictures/harbour.png/x", "."],
)
def test_what_cannot_be_the_name_of_a_file_is_missing(
    root: Path, pictures: PictureFolder, target: str
) -> None:
    (root / "issues" / "ring.png").symlink_to("ring.png")

    assert rule(pictures.find(target, 576)) == "picture-missing"


def test_a_pipe_is_not_waited_for(root: Path, pictures: PictureFolder) -> None:
    os.mkfifo(root / "issues" / "pipe.png")

    (problem,) = pictures.find("pipe.png", 576).problems

    assert (problem.rule, problem.message) == (
        "picture-missing",
        "'pipe.png' is not an ordinary file",
    )


def test_a_picture_of_several_issues_is_scaled_once(root: Path) -> None:
    """A photograph of 12 megapixels takes a fifth of a second, and a cover may be in each issue."""
    first, second = (PictureFolder(root / "issues" / f"{name}.md", root, BASE) for name in "ab")

    assert first.find("pictures/harbour.png", 576) == second.find("pictures/harbour.png", 576)
    assert first.pictures[0] is second.pictures[0]


def test_a_picture_that_was_changed_since_is_read_again(root: Path) -> None:
    """Though it is as long as before."""
    path = root / "issues" / "pictures" / "harbour.png"
    length = path.stat().st_size + 1000
    names = []
    for number, content in enumerate((png(), png(60, 50))):
        path.write_bytes(content.ljust(length, b"\0"))
        os.utime(path, ns=(number, number))
        issue = PictureFolder(root / "issues" / f"{number}.md", root, BASE)
        names.append(issue.find("pictures/harbour.png", 576).url)

    assert None not in names
    assert names[0] != names[1]


@pytest.mark.parametrize("swapped_for", ["link", "pipe", "folder"])
def test_what_a_file_was_swapped_for_since_it_was_looked_at_is_not_read(
    root: Path, tmp_path: Path, swapped_for: str
) -> None:
    """Between the look at a path and the reading of it, another may stand there; a pipe would make
    whoever opens it wait for ever."""
    path = root / "issues" / "x.png"
    match swapped_for:
        case "link":
            path.symlink_to(tmp_path / "outside" / "secret.png")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()

    refused: list[OSError] = []
    reading = threading.Thread(target=_note_refusal, args=(path, refused), daemon=True)
    reading.start()
    reading.join(PATIENCE_SECONDS)

    assert len(refused) == 1


def _note_refusal(path: Path, refused: list[OSError]) -> None:
    try:
        folder._content(path)
    except OSError as error:
        refused.append(error)


def test_a_file_that_grows_without_end_is_not_read_to_its_end(
    root: Path, pictures: PictureFolder
) -> None:
    with (root / "issues" / "x.png").open("wb") as file:
        file.truncate(folder.MAX_BYTES + 1)

    found = pictures.find("x.png", 576)

    assert rule(found) == "picture-unreadable"
    assert "50 MB" in found.problems[0].message


def test_a_file_that_may_not_be_read_is_an_error_that_says_so(
    root: Path, pictures: PictureFolder
) -> None:
    (root / "issues" / "x.png").write_bytes(b"no picture")

    found = pictures.find("x.png", 576)

    assert rule(found) == "picture-unreadable"
    assert "'x.png' cannot be shown: it is broken, or no picture" in found.problems[0].message


@pytest.mark.parametrize(
    ("content", "message", "fix"),
    [
        (b"", "'x.jpg' cannot be shown: it is empty", "Save or copy it once more."),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "'x.jpg' cannot be shown: Git LFS holds its content elsewhere",
            "Fetch it: git lfs pull",
        ),
    ],
)
def test_a_file_without_its_content_is_told_as_such(
    root: Path, pictures: PictureFolder, content: bytes, message: str, fix: str
) -> None:
    (root / "issues" / "x.jpg").write_bytes(content)

    (problem,) = pictures.find("x.jpg", 576).problems

    assert (problem.rule, problem.message, problem.fix) == ("picture-unreadable", message, fix)


def test_an_svg_is_refused_with_what_to_do(root: Path, pictures: PictureFolder) -> None:
    (root / "issues" / "x.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")

    found = pictures.find("x.svg", 576)

    assert rule(found) == "picture-unreadable"
    assert found.problems[0].fix == "Export it as PNG."


# --- what is only warned of -----------------------------------------------------------------------


def test_a_picture_of_very_many_pixels_is_shown_with_a_warning(
    root: Path, pictures: PictureFolder
) -> None:
    (root / "issues" / "x.png").write_bytes(png(8_001, 2))
    (root / "issues" / "y.png").write_bytes(png(8_000, 2))

    found = pictures.find("x.png", 576)

    assert (found.url is not None, rule(found)) == (True, "picture-too-large")
    assert "8,001 × 2 pixels" in found.problems[0].message
    assert pictures.find("y.png", 576).problems == ()


def test_a_picture_of_more_than_a_megabyte_is_shown_with_a_warning(
    root: Path, pictures: PictureFolder
) -> None:
    moving = animation(600, 400)
    noise = (
        b"\x21\xf9\x04\x00\x00\x00\x00\x00" * 130_000
    )  # it belongs to the animation, so it stays
    (root / "issues" / "x.gif").write_bytes(moving[:-1] + noise + b"\x3b")

    found = pictures.find("x.gif", 576)

    assert (found.url is not None, rule(found)) == (True, "picture-too-large")
    assert "MB as it is mailed" in found.problems[0].message
