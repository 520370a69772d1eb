"""How large the HTML of a mail is, and what of it weighs most."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from newsletter.lint.reading import as_read
from newsletter.lint.visible import quoted
from newsletter.model.blocks import Item, Section
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity
from newsletter.model.inline import Inline, Node, Text
from newsletter.model.walking import plain_text, walk

WARN_BYTES = 85_000
MOST_BYTES = 100_000  # Gmail cuts near 102,000, and not always at the same byte
_HEAVIEST = 3  # parts that a finding names
_TELLING = 6  # letters by which a text is known again

_HEADING = re.compile(r"<h[1-6]\b[^>]*>(.*?)</h[1-6]>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_NO_LETTER = re.compile(r"[\W_]+")
# MJML ends one of its sections and begins the next in a comment for Outlook.
_SEAM = re.compile(r"<!--\[if mso \| IE\]>(?:(?!<!\[endif\]-->).)*</table>\s*<table", re.DOTALL)


class PartSize(NamedTuple):
    """The bytes that a part of the mail takes, and the line where its author wrote it.

    The first part, of no name, is the top: style sheets, masthead, title, summary and lead. The
    last, of no name either, is what follows the last section, the foot. Both have the line of the
    issue's beginning.
    """

    name: str
    line: int
    size_bytes: int


def html_too_large(digest: Digest, email: Email) -> Iterator[Finding]:
    """Gmail cuts a mail near 102 KB, and the unsubscribe link with it."""
    parts = part_sizes(digest, as_read(email).html)
    size = sum(part.size_bytes for part in parts)
    if size > WARN_BYTES:
        is_cut = size > MOST_BYTES
        yield Finding(
            "html-too-large",
            Severity.ERROR if is_cut else Severity.WARNING,
            digest.position,
            f"{size:,} bytes of HTML: Gmail cuts mails near 102,000"
            f"{_heaviest(parts) if digest.sections else ''}",
            "Shorten the issue, or split it.",
        )


def part_sizes(digest: Digest, html: str) -> tuple[PartSize, ...]:
    """The sizes of the top, of each section and of the foot, in UTF-8: together all of `html`.

    A section whose heading the theme does not show counts to the part before it.
    """
    seams = [match.start() for match in _SEAM.finditer(html)]
    starts = list(_starts(digest, html))
    headings = [0, *(place for _, place in starts)]
    begins = [_begin(place, above, seams) for above, place in pairwise(headings)]
    end = _end_of_sections(digest, html, headings[-1]) if starts else 0
    foot = bisect_right(seams, end)
    begins = [0, *begins, seams[foot] if foot < len(seams) else len(html)]
    ends = [*begins[1:], len(html)]
    line = digest.position.line
    labels = [
        ("", line),
        *((_shown(section.heading), section.position.line) for section, _ in starts),
        ("", line),
    ]
    return tuple(
        PartSize(*label, len(html[start:end].encode()))
        for label, start, end in zip(labels, begins, ends, strict=True)
    )


def _starts(digest: Digest, html: str) -> Iterator[tuple[Section, int]]:
    """Where the heading of each section stands, in reading order.

    The headings in sections are looked for, too, so that none of them is taken for a section.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for match in _HEADING.finditer(html):
        places[_letters(_TAG.sub("", match[1]))].append(match.start())
    end = 0
    for section in digest.sections:
        for part in walk(section):
            if not isinstance(part, Section | Item):
                continue
            text = escape(_shown(part.heading), quote=False)
            letters = _letters(text)
            if not letters:
                continue
            same = places[letters]
            number = bisect_left(same, end)
            place = same[number] if number < len(same) else html.find(text, end)
            if place >= 0:
                end = place + 1
                if part is section:
                    yield section, place


def _end_of_sections(digest: Digest, html: str, last: int) -> int:
    """Where the last text of the last section stands; its heading stands at `last`."""
    limit = _place_of_first([*digest.tail, *filter(None, [digest.promo])], html, last)
    nodes = reversed([node for node in walk(digest.sections[-1]) if isinstance(node, Text)])
    texts = (escape(node.text.strip(), quote=False) for node in nodes)
    places = (html.rfind(text, last, limit) for text in texts if len(_letters(text)) >= _TELLING)
    return max(last, next(places, last))


def _place_of_first(blocks: Iterable[Node], html: str, after: int) -> int:
    """Where the first text of some blocks stands, or the end."""
    for node in (node for block in blocks for node in walk(block)):
        if isinstance(node, Text) and len(_letters(node.text)) >= _TELLING:
            place = html.rfind(escape(node.text.strip(), quote=False))
            if place > after:
                return place
    return len(html)


def _shown(heading: Inline) -> str:
    return " ".join(plain_text(heading).split())


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text)


def _begin(place: int, above: int, seams: Sequence[int]) -> int:
    """Where the MJML section around a heading begins; the heading itself where that around the
    heading `above` is the same."""
    number = bisect_left(seams, place) - 1
    return seams[number] if number >= 0 and seams[number] > above else place


def _heaviest(parts: Sequence[PartSize]) -> str:
    """The parts that weigh most, with the lines where they were written."""
    top, *sections, _ = parts
    names = {part: f"{quoted(part.name)!r} (line {part.line})" for part in sections}
    heavy = sorted([top, *sections], key=lambda part: -part.size_bytes)[:_HEAVIEST]
    listed = ", ".join(
        f"{names.get(part, 'all above the sections')} {part.size_bytes:,}" for part in heavy
    )
    return f"; most is in {listed}"
