"""What must never be, whatever the surrounding: each rule that is broken is a sentence."""

import hashlib
import re
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.crash.checker import Known, connected, faults, read_ledger, taken_by_outbox, taken_by_ses
from tests.hostile.commands import Command
from tests.hostile.scene import STILL_OPEN, Answer
from tests.hostile.stage import Stage

CONTRACT = frozenset({0, 1, 2, 3, 4, 5, 130})

_BROKEN = (
    *("Traceback (most recent call last)", "an error in newsletter itself"),
    *("Fatal Python error", "Exception ignored in", "Segmentation fault", "During handling of"),
)
_ADDRESS = re.compile(r"[a-z0-9]+@example\.com")
_OF_NOBODY = frozenset({"news@example.com", "reader@example.com"})  # the sender's, and a sample
# SQLite keeps these beside an open file, and may leave them.
_OF_THE_STORE = ("letter/subscribers/newsletter.db-wal", "letter/subscribers/newsletter.db-shm")
_PRIVATE = (
    *("letter/outbox/", "letter/subscribers/newsletter.db", "letter/subscribers/secret.key"),
    *("letter/subscribers/archive/", "beside/people.csv", "beside/rejects.csv"),
    *("beside/never.csv", "beside/new.backup", "beside/moved.db", "beside/restored.db"),
)
_DATED = (
    "report.html",
    "generation",
    "adopted.csv",
)  # they say when they were written, or how often
_PORT = re.compile(rb"127\.0\.0\.1:\d+")
_VARIES = re.compile(
    r"\d+ (second|minute|hour|day)s?\b|\d{4}-\d\d-\d\d \d\d:\d\d"
    r"|[\d,]+ bytes|(?<=//127\.0\.0\.1:)\d+"
)
_ERROR = re.compile(r"^error: (?P<said>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Control:
    """What a command comes to where nothing is wrong, tried twice: `files` that are the same both
    times have their hash, others None; so has `out` its text."""

    code: int
    facts: Mapping[str, object]
    files: Mapping[str, str | None]
    out: str | None


def hashes(stage: Stage) -> dict[str, str]:
    return {
        name: hashlib.sha256(_content(stage.folder / path)).hexdigest()
        for path in stage.files()
        if (stage.folder / path).is_file()
        and path.suffix != ".eml"  # of those the sends tell more
        and path.name not in _DATED
        and not (name := general(stage, path)).startswith(
            ("letter/subscribers/newsletter.db", "beside/home")
        )
    }


def _content(path: Path) -> bytes:
    """What it holds, without the ports of servers, which differ each time."""
    content = path.read_bytes()
    return _PORT.sub(b"127.0.0.1", content) if path.name == "newsletter.toml" else content


def general(stage: Stage, path: Path) -> str:
    """The name of a file without the ids of sends, which differ each time."""
    return re.sub(r"\d{8}-[0-9a-z]{6}", "SEND", str(path))


# --- what it said ---------------------------------------------------------------------------------


def faults_of_the_answer(answer: Answer, command: Command, secrets: Sequence[str]) -> Iterator[str]:
    said = f"{answer.out}\n{answer.err}"
    # Where nothing was begun, a signal ends a command as it ends any.
    is_ended = answer.was_told_to_stop and answer.code == -signal.SIGTERM
    if answer.code not in CONTRACT and not is_ended:
        yield f"it left with {answer.code}"
    for words in _BROKEN:
        if words in said:
            line = next(line for line in said.splitlines() if words in line)
            yield f"it says: {line.strip()}"
    for secret in secrets:
        if secret in said:
            yield f"it shows a secret: {secret[:6]}…"
    if answer.was_told_to_stop and "aiting" not in answer.err:
        yield "it neither ends nor says what it waits for"
    if STILL_OPEN in (answer.out, answer.err):
        yield "something that it started outlives it"
    shown = set(_ADDRESS.findall(answer.err)) - set(_ADDRESS.findall(command.typed)) - _OF_NOBODY
    if shown and "--ask-ses" not in command.typed:  # which shows whom it is about
        yield f"standard error shows addresses, such as {min(shown)}"
    if found := _ERROR.search(answer.err):
        yield from _of_an_error(found["said"], answer.err[found.end() :])


def faults_of_what_it_prints(out: str, wanted: str) -> Iterator[str]:
    """What differs from what it prints elsewhere, apart from when something was or will be, from
    ports and from how much a copy takes."""
    now, before = (_VARIES.sub("#", text) for text in (out, wanted))
    if now != before:
        changed = set(now.splitlines()) ^ set(before.splitlines())
        yield f"it prints something else: {' / '.join(sorted(changed))[:300]}"


def _of_an_error(said: str, rest: str) -> Iterator[str]:
    if said.startswith("the system refused"):
        yield f"it does not say where: {said}"
    if not rest.strip():
        yield f"it does not say what to do: {said}"


# --- what it left ---------------------------------------------------------------------------------


def faults_of_the_files(
    stage: Stage, command: Command, before: Mapping[str, str], control: Control, ends: str
) -> Iterator[str]:
    """What is not whole, not wanted, or changed though it was somebody's."""
    now = hashes(stage)
    for name, value in now.items():
        if before.get(name) == value or name in _OF_THE_STORE:
            continue
        wanted = control.files.get(name)
        if name not in control.files and not any(fnmatchcase(name, p) for p in command.makes):
            yield f"{ends} it leaves {name}"
        elif wanted is not None and value != wanted:
            yield f"{ends} {name} is not as it should be"
        elif name.endswith((".newsletter-part", ".tmp")):
            yield f"{ends} it leaves {name}"
    for name in before.keys() - now.keys():
        if name in control.files:
            yield f"{ends} {name} is gone"


def faults_of_the_modes(stage: Stage) -> Iterator[str]:
    """What holds people's data is its owner's only, whatever the umask says."""
    for path in stage.files():
        name = str(path)
        if name.startswith(_PRIVATE) and stat.S_ISREG((stage.folder / path).lstat().st_mode):
            mode = stat.S_IMODE((stage.folder / path).stat().st_mode)
            if mode & 0o077:
                yield f"others may read {general(stage, path)}: {mode:04o}"


def faults_of_the_sends(stage: Stage, by_ses: Path | None) -> Iterator[str]:
    """Where the ledger and those who took the mails disagree."""
    url = stage.url
    for folder in (stage.project / "outbox").glob("*-*"):
        try:
            taken = taken_by_outbox(folder)
        except AssertionError as error:
            yield f"a mail is cut: {error}"
            continue
        ledger = read_ledger(url, folder.name)
        yield from (f"{folder.name}: {fault}" for fault in faults(ledger, taken, Known()))
    if by_ses is not None:
        with connected(url) as select:
            sends = [row[0] for row in select("SELECT id FROM sends WHERE slug LIKE '%hills'")]
        for send_id in sends:
            mine = [m for m in taken_by_ses(by_ses, 0) if m.delivery.startswith(f"{send_id}-")]
            yield from faults(read_ledger(url, send_id), mine, Known())
