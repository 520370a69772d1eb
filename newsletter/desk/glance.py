"""Which slugs and titles an issue may have, at a glance: reading front matter takes fifty times as
long.

A glance is never wrong, but it may leave two slugs possible, since only YAML can tell whether front
matter is readable. Where it cannot tell, the file has to be read.
"""

import re
from dataclasses import dataclass

from newsletter.digest.report import Report
from newsletter.digest.slugs import slug_of
from newsletter.lint.visible import spoken

_MARK = b"\xef\xbb\xbf"
_FENCE = re.compile(rb"(---|\+\+\+)[ \t]*[\r\n]")
_ENDS = {
    b"---": re.compile(rb"[\r\n](?:---|\.\.\.)[ \t]*(?:[\r\n]|\Z)"),
    b"+++": re.compile(rb"[\r\n]\+\+\+[ \t]*(?:[\r\n]|\Z)"),
}
_BLANK_LINE = re.compile(rb"(?:\r\n?+|\n)(?=[ \t]*[\r\n])")
# Escapes that spell a letter or join two lines, and what newsletter.digest.characters removes: any
# of them can hide a word.
_HIDING = re.compile(r"\\(?:[xuU\s]|\Z)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
_WORD = re.compile(r"slug", re.IGNORECASE)
# In quotes, or in YAML bare where it cannot be a number; and not continued on the next line.
_LINE = re.compile(
    r"^slug[ \t]*(?:[:=][ \t]*(?P<quote>[\"'])(?P<quoted>[\w-]+)(?P=quote)"
    r"|:[ \t]*(?P<plain>[^\W\d_][\w-]*|[0-9][\w-]*-[\w-]*))[ \t]*\n(?!\s)",
    re.IGNORECASE | re.MULTILINE,
)

_TITLED = re.compile(
    r"^(?:title|subject)[ \t]*[:=][ \t]*(?P<text>.+)$", re.IGNORECASE | re.MULTILINE
)
_HEADING = re.compile(rb"^#[ \t]+(?P<text>[^\r\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Glance:
    """`slugs` are those that an issue may have, None where it has to be read; `titles` its title
    and its subject as they are spoken, where each stands on a line of its own."""

    slugs: frozenset[str] | None
    titles: frozenset[str]


def glance(head: bytes, stem: str) -> Glance:
    """What a file with this beginning may be called."""
    front = _front_matter(head.removeprefix(_MARK))
    return Glance(_possible_slugs(front, stem), _likely_titles(front or "", head))


def _possible_slugs(front: str | None, stem: str) -> frozenset[str] | None:
    if front is None or _HIDING.search(front):
        return None
    words = sum(1 for _ in _WORD.finditer(front))
    if not words:
        return frozenset({_slug_of(None, stem)})
    line = _LINE.search(front)
    if words > 1 or line is None:
        return None
    # Pelican's lines take quotes as a part of the slug.
    spellings = {line["plain"] or line["quoted"], line["plain"] or f'"{line["quoted"]}"'}
    return frozenset({_slug_of(None, stem), *(_slug_of(name, stem) for name in spellings)})


def _likely_titles(front: str, head: bytes) -> frozenset[str]:
    lines = [match["text"] for match in _TITLED.finditer(front)]
    if not lines and (heading := _HEADING.search(head)):
        lines = [heading["text"].decode("utf-8", "replace")]
    return frozenset(map(spoken, lines))


def _front_matter(head: bytes) -> str | None:
    """The front matter, perhaps with more; None where it is unclear whether there is any."""
    if fence := _FENCE.match(head):
        end = _ENDS[fence[1]].search(head, fence.end() - 1)
    elif re.match(rb"\W*[\r\n]", head):  # it may be a fence once it is cleaned
        return None
    else:
        end = _BLANK_LINE.search(head)
    text = head[: end.end()] if end else head
    return text.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _slug_of(key: str | None, stem: str) -> str:
    return slug_of(key, stem, Report("", "", 1), 1)
