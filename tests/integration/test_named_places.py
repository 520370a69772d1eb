"""What a person names to be written to: a device, a pipe and a link stay what they are."""

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.checkout import begin
from tests.integration.commandline import Call, fork, write_issue
from tests.integration.conftest import forget_settings
from tests.unit.drafts.samples import GHOST, as_zip

ISSUE = "2026-01-07-valley"
PEOPLE = "email\nann@example.com\nbad\n"

# What is called, and the file that it writes below the folder `named`.
REPLACING = {
    "report": ("report --out named/it", "it"),
    "tables": ("report --csv named", "summary.csv"),
    "review": ("review --base main --out named/it", "it"),
    "comment": ("review --base main --markdown named/it", "it"),
    "render": (f"render {ISSUE} --out named", f"{ISSUE}/email.html"),
    "theme": ("themes render digest --out named", "digest/email.html"),
    "readers": ("subscribers export --out named/it", "it"),
    "suppressed": ("suppressions export --out named/it", "it"),
    "rejects": ("subscribers import people.csv --list readers --rejects named/it", "it"),
}
NEW = {
    "terraform": ("setup ses --terraform named/it.tf", "it.tf"),
    "changes": ("new --from export.zip --dry-run --report named/it", "it"),
}


@pytest.fixture(scope="module")
def prepared(
    new_project: Path, store_of_readers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A newsletter that has all that the calls need."""
    folder = tmp_path_factory.mktemp("prepared") / "letter"
    shutil.copytree(new_project, folder)
    shutil.copy(store_of_readers, folder / "subscribers" / "newsletter.db")
    write_issue(folder, f"{ISSUE}.md")
    (folder / "people.csv").write_text(PEOPLE)
    as_zip(GHOST, folder / "export.zip")
    for name in ("digest", ISSUE):
        (folder / "named" / name).mkdir(parents=True)
    begin(folder)
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        assert fork(folder, "send", ISSUE, "--list", "readers", "--yes").code == 0
        assert fork(folder, "suppressions", "add", "gone@example.com").code == 0
    return folder


@pytest.fixture
def named(project: Path, prepared: Path) -> Path:
    """The folder for what is named."""
    shutil.copytree(prepared, project, dirs_exist_ok=True)
    return project / "named"


def device(place: Path) -> None:
    """One of the test's own: those of the machine are nobody's to write to."""
    try:
        os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        place.write_bytes(b"")
    except OSError as error:
        pytest.skip(f"needs the right to make a device: {error}")


@contextmanager
def read_from(pipe: Path) -> Iterator[list[bytes]]:
    """What somebody reads from a new pipe, whole at the end."""
    os.mkfifo(pipe)
    pieces: list[bytes] = []
    reader = threading.Thread(target=lambda: pieces.append(pipe.read_bytes()))
    reader.start()
    yield pieces
    with suppress(OSError):  # or the reader would wait for ever where nobody wrote
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    reader.join()


REPLACING_CALLS, NEW_CALLS, CALLS = (
    pytest.mark.parametrize(("line", "file"), calls.values(), ids=calls)
    for calls in (REPLACING, NEW, REPLACING | NEW)
)


@CALLS
def test_a_device_is_written_into(call: Call, named: Path, line: str, file: str) -> None:
    device(named / file)

    done = call(*line.split())

    assert done.code == 0, done.err
    assert (named / file).is_char_device()
    assert not list(named.rglob("*.newsletter-part"))


@CALLS
def test_a_pipe_is_written_into(call: Call, named: Path, line: str, file: str) -> None:
    with read_from(named / file) as pieces:
        done = call(*line.split())

    assert done.code == 0, done.err
    assert (named / file).is_fifo()
    assert pieces[0]
    assert not list(named.rglob("*.newsletter-part"))


@REPLACING_CALLS
def test_a_link_is_followed(call: Call, named: Path, tmp_path: Path, line: str, file: str) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("old")
    (named / file).symlink_to(target)

    done = call(*line.split())

    assert done.code == 0, done.err
    assert (named / file).is_symlink()
    assert len(target.read_bytes()) > len("old")
    assert [path.name for path in tmp_path.iterdir() if "elsewhere" in path.name] == ["elsewhere"]


@CALLS
def test_a_link_to_nothing_becomes_one_to_the_file(
    call: Call, named: Path, tmp_path: Path, line: str, file: str
) -> None:
    (named / file).symlink_to(os.path.relpath(tmp_path / "made", (named / file).parent))

    done = call(*line.split())

    assert done.code == 0, done.err
    assert (named / file).is_symlink()
    assert (tmp_path / "made").read_bytes()


@NEW_CALLS
def test_what_a_link_leads_to_is_not_replaced_where_a_new_file_is_named(
    call: Call, named: Path, line: str, file: str
) -> None:
    (named / "mine").write_text("mine")
    (named / file).symlink_to("mine")

    done = call(*line.split())

    assert done.code == 2
    assert (named / "mine").read_text() == "mine"


@REPLACING_CALLS
def test_a_link_that_leads_to_no_file_is_told(
    call: Call, named: Path, line: str, file: str
) -> None:
    place = named / file
    for target, reason in ((place.name, "symbolic links"), (named, "directory")):
        place.unlink(missing_ok=True)
        place.symlink_to(target)

        done = call(*line.split())

        assert done.code in (1, 2)
        assert reason in done.err
        assert place.is_symlink()
        assert not list(named.rglob("*.newsletter-part"))


def test_a_reader_who_leaves_a_pipe_early_is_told_of(call: Call, named: Path) -> None:
    """Unlike one of standard output, whose reader has what he wanted."""
    many = "".join(f"{'x' * 60}{number}@example.com\n" for number in range(1500))
    (named / "many.csv").write_text(f"email\n{many}")
    call("subscribers", "import", "named/many.csv", "--list", "readers")
    pipe = named / "it"
    os.mkfifo(pipe)

    def leave() -> None:
        with pipe.open("rb") as opened:
            opened.read(10)

    leaving = threading.Thread(target=leave)
    leaving.start()
    done = fork(named.parent, "subscribers", "export", "--out", "named/it")
    leaving.join()

    assert done.code == 1
    assert "named/it: the system refused: Broken pipe" in done.err


def test_an_issue_that_is_a_link_is_mended_where_it_lies(call: Call, named: Path) -> None:
    mended = write_issue(named.parent, "2026-01-08-hills.md", "# Hills\n\nTwo  words\u200b.\n")
    kept = named / "hills.md"
    mended.rename(kept)
    kept.chmod(0o640)
    mended.symlink_to(kept)

    call("lint", "2026-01-08-hills", "--fix")

    assert mended.is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


# --- places that must be a file of their own ------------------------------------------------------


@pytest.mark.parametrize("kind", ["device", "pipe", "link"])
def test_a_backup_replaces_nothing(call: Call, named: Path, kind: str) -> None:
    place = named / "it"
    (named / "mine").write_text("mine")
    if kind == "device":
        device(place)
    else:
        os.mkfifo(place) if kind == "pipe" else place.symlink_to("mine")
    before = place.lstat()

    refused = call("db", "backup", "named/it")

    assert refused.code == 5
    assert "named/it exists already" in refused.err
    assert os.path.samestat(place.lstat(), before)
    assert (named / "mine").read_text() == "mine"


def test_a_backup_goes_where_a_link_leads(call: Call, named: Path, tmp_path: Path) -> None:
    (named / "it").symlink_to(tmp_path / "backup.db")

    assert call("db", "backup", "named/it").code == 0

    assert (named / "it").is_symlink()
    assert call("db", "verify", "--backup", "named/it").code == 0


@pytest.mark.parametrize("kind", ["device", "pipe", "link", "link to nothing"])
def test_an_archive_of_a_send_replaces_nothing(call: Call, named: Path, kind: str) -> None:
    send = call("sends", "--json").lines[0]["send_id"]
    place = named / f"{send}.jsonl.gz"
    (named / "mine").write_text("mine")
    match kind:
        case "device":
            device(place)
        case "pipe":
            os.mkfifo(place)
        case _:
            place.symlink_to("mine" if kind == "link" else "nowhere")
    before = place.lstat()

    refused = call("sends", "archive", send, "--out", "named")

    assert refused.code in (1, 5)
    assert place.name in refused.err
    assert os.path.samestat(place.lstat(), before)
    assert {path.name for path in named.iterdir()} == {place.name, "mine", "digest", ISSUE}
    assert (named / "mine").read_text() == "mine"
