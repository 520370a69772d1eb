"""An issue's file changed by its editor: whole, and never over what another wrote meanwhile."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path

from newsletter import digest
from newsletter.digest.characters import MAX_BYTES
from newsletter.errors import NewsletterError, UnreadableIssue, UsageError
from newsletter.files import folder_lock, make_folder, write_new, write_whole
from newsletter.pictures.scaling import Unreadable, extension_of

_BOM = b"\xef\xbb\xbf"
_FOLDER = "pictures"
_MOST_NAMES = 1000
_STEM_CHARACTERS = 50  # of a name with 255 bytes at most
_LINE_END = re.compile(r"\r\n?|\n")
_UNSAFE = re.compile(r"[^\w.-]+")


class EditConflict(NewsletterError):
    """The file was changed since its text was read; `source` is what it holds now."""

    def __init__(self, path: Path, source: "FileText") -> None:
        super().__init__(
            "somebody changed this file meanwhile",
            where=str(path),
            hint="Compare the two, then keep one of them.",
        )
        self.source = source


@dataclass(frozen=True, slots=True)
class FileText:
    """What an editor shows of a file: its text with plain line ends, and the version of its bytes.

    `line_ends` has what ends each line but the last.
    """

    text: str
    version: str
    line_ends: tuple[str, ...] = ()
    has_mark: bool = False  # a byte order mark

    @classmethod
    def of(cls, data: bytes, file: str) -> "FileText":
        """Raises UnreadableIssue for what is not UTF-8, or too large."""
        if len(data) > MAX_BYTES:
            raise UnreadableIssue(
                "this file is too large to be edited here",
                where=file,
                hint="No issue may be so large: split it.",
            )
        try:
            text = data.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise UnreadableIssue(
                "this file is not UTF-8, so it cannot be edited here",
                where=f"{file}:{line}",
                hint="Save it as UTF-8 with the program that wrote it.",
            ) from error
        version = hashlib.sha256(data).hexdigest()
        ends = tuple(_LINE_END.findall(text))
        return cls(_LINE_END.sub("\n", text), version, ends, data.startswith(_BOM))

    def bytes_of(self, text: str) -> bytes:
        """Another text as this file would hold it."""
        lines = text.split("\n")
        written = "".join(chain.from_iterable(zip(lines, self._ends_of(lines), strict=True)))
        return (_BOM if self.has_mark else b"") + written.encode()

    def _ends_of(self, lines: list[str]) -> list[str]:
        """What ends each line of another text: as before where there was such a line or one in its
        place, else as most lines of the file."""
        usual = Counter(self.line_ends).most_common(1)[0][0] if self.line_ends else "\n"
        ends = [usual] * len(lines)
        if len(set(self.line_ends)) > 1:
            same = SequenceMatcher(None, self.text.split("\n"), lines).get_opcodes()
            for _, old, old_end, new, new_end in same:
                before = self.line_ends[old:old_end][: new_end - new]
                ends[new : new + len(before)] = before
        ends[-1] = ""
        return ends


def read_source(path: Path, file: str) -> FileText:
    """The text of a file. Raises UsageError where it is missing, UnreadableIssue."""
    return FileText.of(digest.read(path, file=file), file)


def save(path: Path, text: str, version: str, file: str) -> FileText:
    """Write a text that was made from this version of the file, and return what it holds then.

    Raises EditConflict where the file holds something else by now, UnreadableIssue for a text that
    is too long, and NewsletterError where it cannot be written; it is left as it was then.
    """
    path = path.resolve()
    try:
        with folder_lock(path.parent):
            there = read_source(path, file)
            if there.version != version:
                raise EditConflict(path, there)
            data = there.bytes_of(text)
            after = FileText.of(data, file)  # never a file that could not be opened again
            write_whole(path, data, follows=True)
    except OSError as error:
        raise NewsletterError(
            f"cannot be written: {error.strerror}",
            where=file,
            hint="Make room or give access, then save it again.",
        ) from error
    return after


def keep_picture(issue: Path, name: str, content: bytes) -> str:
    """Put a picture into the folder of an issue's pictures, under a name that is free, and return
    its path from the issue.

    Raises UsageError for what is not a picture that mails can show, NewsletterError where it cannot
    be written.
    """
    try:
        suffix = extension_of(content)
    except Unreadable as error:
        raise UsageError(
            f"this picture cannot be used: {error}",
            where=name,
            hint=error.fix or "Save it as JPEG, PNG or GIF.",
        ) from error
    stem = _UNSAFE.sub("-", Path(name).stem).strip("-.")[:_STEM_CHARACTERS] or issue.stem
    folder = issue.resolve().parent / _FOLDER
    try:
        make_folder(folder)
        for number in range(1, _MOST_NAMES):
            file = f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}"
            try:
                write_new(folder / file, content)
            except FileExistsError:
                if (folder / file).read_bytes() == content:
                    return f"{_FOLDER}/{file}"
                continue
            return f"{_FOLDER}/{file}"
    except OSError as error:
        raise NewsletterError(
            f"cannot be written: {error.strerror}",
            where=str(folder),
            hint="Make room or give access, then paste it again.",
        ) from error
    raise UsageError(
        "there are too many pictures of this name",
        where=str(folder / stem),
        hint="Give the picture a name of its own.",
    )
