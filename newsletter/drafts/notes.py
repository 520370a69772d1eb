"""Footnotes on their way through HTML, which has none: signs for private use stand for them."""

import re

_REFERS, _DEFINES, _ENDS = "\ue000", "\ue001", "\ue002"
_SIGNS = re.compile(f"[{_REFERS}{_DEFINES}{_ENDS}]")
_REFERENCE = re.compile(f"{_REFERS}(\\d{{1,4}}){_ENDS}")
_DEFINITION = re.compile(f"^{_DEFINES}(\\d{{1,4}}){_ENDS}$\n*", re.MULTILINE)


def without_signs(text: str) -> str:
    """A text that holds no such sign yet."""
    return _SIGNS.sub("", text)


def reference(number: int) -> str:
    return f"{_REFERS}{number}{_ENDS}"


def definition(number: int) -> str:
    """The text of a paragraph below which a note stands, up to the next such paragraph."""
    return f"{_DEFINES}{number}{_ENDS}"


def placed(markdown: str) -> str:
    """Markdown with its notes as footnotes; a number without a note, or the other way round, stays
    in brackets."""
    text, *rest = _DEFINITION.split(markdown)
    notes = dict(zip(rest[::2], rest[1::2], strict=True))
    asked_for = set(_REFERENCE.findall(markdown))
    for number, note in notes.items():
        if number in asked_for and note.strip():
            lines = "\n    ".join(note.strip().split("\n"))
            text += f"[^{number}]: {lines}\n\n"
        else:
            text += f"\\[{number}\\]\n\n{note.strip()}\n\n"
    text = "\n".join(line.rstrip() if line.isspace() else line for line in text.split("\n"))
    defined = {number for number, note in notes.items() if note.strip()}
    return _REFERENCE.sub(
        lambda match: f"[^{match[1]}]" if match[1] in defined else f"\\[{match[1]}\\]", text
    )
