"""Bytes of an issue file -> clean text, and what had to be cleaned."""

import re
from collections.abc import Iterator

from newsletter.errors import UnreadableIssue
from newsletter.model.finding import Finding, Position, Severity

MAX_BYTES = 1024 * 1024

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")  # and what is no character
# Embeddings and overrides: they can make a text read differently from how it is written. Isolates,
# which mixed directions need, end with their paragraph.
_BIDIRECTIONAL = re.compile(r"[\u202a-\u202e]")
# Alone between brackets or quotes it is spoken of.
_REPLACEMENT = re.compile("(?<![(\\[`\"'“‘「（])\ufffd|\ufffd(?![)\\]`\"'”’」）])")


def decode(data: bytes, file: str) -> str:
    """The text of a file, without its byte order mark; raises UnreadableIssue."""
    if len(data) > MAX_BYTES:
        raise UnreadableIssue(
            f"is larger than {MAX_BYTES // 1024} KB", where=file, hint="Split it into two issues."
        )
    if (zero := data.find(b"\0")) >= 0:
        raise UnreadableIssue(
            "holds a NUL byte: this is not a text file",
            where=f"{file}:{_line(data, zero)}",
            hint="Save it as UTF-8 text.",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableIssue(
            "is not UTF-8",
            where=f"{file}:{_line(data, error.start)}",
            hint="Save it as UTF-8 in your editor.",
        ) from error


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def clean(text: str) -> str:
    """Text with `\\n` line ends and without characters that do harm."""
    return harmless(_with_plain_ends(text))


def faults(text: str, file: str) -> list[Finding]:
    """Findings for what `clean` removes, and for what an editor has lost."""
    findings = list(_line_ends(text, file))
    plain = _with_plain_ends(text)
    for pattern, rule, message in (
        (_CONTROL, "control-character", "a control character, which was removed"),
        (_BIDIRECTIONAL, "bidirectional-control", "a text direction override, which was removed"),
        (_REPLACEMENT, "replacement-character", "U+FFFD, which stands for a lost character"),
    ):
        findings += _each(pattern, plain, file, rule, message)
    return findings


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def harmless(text: str) -> str:
    """Text without the characters that `clean` removes: entities and escapes can spell them too."""
    if text.isprintable():  # nearly all are, and none of those characters is
        return text
    return _BIDIRECTIONAL.sub("", _CONTROL.sub("", text))


def _line_ends(text: str, file: str) -> Iterator[Finding]:
    windows = text.count("\r\n")
    if windows and windows != text.count("\n"):
        yield Finding(
            "mixed-line-ends",
            Severity.WARNING,
            Position(file, 1),
            "some lines end in CRLF and some in LF",
            "Let your editor use one of them.",
        )


def _each(
    pattern: re.Pattern[str], text: str, file: str, rule: str, message: str
) -> Iterator[Finding]:
    """One finding for each line with such a character, at the first one."""
    if not pattern.search(text):
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if match := pattern.search(line):
            name = f"U+{ord(match[0]):04X}"
            place = Position(file, number, match.start() + 1)
            yield Finding(rule, Severity.WARNING, place, f"{message} ({name})", "Delete it.")
