"""Issue file -> Digest: front matter, blocks, sanitising; faults carry file:line.

characters   bytes -> clean text
limits       how much of it there may be
front_matter the mapping at the top, and where the body begins
meta         its keys, checked
markdown     the parser, with definitions, containers, foreign, tables, tags and typography
blocks       block tokens -> blocks, with inline, html and raw below it
places       headings that links lead to
points       lines of the points of a summary
paragraphs   buttons and cards of videos
quotes       who is quoted
promo        cards of promotion, at the end and elsewhere; `cards`: the parts of each
recognise    sections, items, labelled blocks, link lists
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from newsletter.digest import blocks as block_parser
from newsletter.digest import (
    characters,
    definitions,
    foreign,
    front_matter,
    inline,
    limits,
    markdown,
    meta,
    places,
    points,
    promo,
    recognise,
    typography,
)
from newsletter.digest.greetings import greets
from newsletter.digest.report import Pictures, Report
from newsletter.digest.slugs import slug_of
from newsletter.errors import UnreadableIssue, UsageError
from newsletter.languages import FALLBACK, Signs, inferred, shortened
from newsletter.languages import signs as signs_of
from newsletter.model.blocks import (
    Block,
    Footnotes,
    Heading,
    Paragraph,
    Section,
)
from newsletter.model.digest import Digest, Meta
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Break, Inline, Text
from newsletter.model.walking import plain_text

__all__ = ["Parsed", "parse", "read"]

_FOOTNOTE = re.compile(r"[\s>*+-]*\[\^([^\]\s]+)\]:")
_QUOTES = dict.fromkeys(map(ord, "'\"‘’‚‹›“”„«»「」『』"))
_TITLE_LENGTH = 80  # a longer first paragraph is prose, not a title


@dataclass(frozen=True, slots=True)
class Parsed:
    """`findings` are those of the source, in the order of the file; `source` is its clean text."""

    digest: Digest
    findings: tuple[Finding, ...]
    source: str

    @property
    def source_hash(self) -> str:
        """SHA-256 of the source, in hex: the same under any file name, Unicode form and line
        ending."""
        lines = unicodedata.normalize("NFC", self.source).strip().splitlines()
        return hashlib.sha256("\n".join(map(str.rstrip, lines)).encode()).hexdigest()


def read(path: Path, *, file: str) -> bytes:
    """The bytes of an issue; of one that is too large, as many as `parse` refuses.

    Raises UsageError where there is no such file, UnreadableIssue where it cannot be read.
    """
    try:
        with path.open("rb") as opened:
            return opened.read(characters.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            "there is no such issue", where=file, hint="Name a file, or the stem of one in issues/."
        ) from error
    except OSError as error:
        raise UnreadableIssue(
            f"cannot be read: {error.strerror}",
            where=file,
            hint="Let the user who runs this read it.",
        ) from error


def parse(
    data: bytes,
    *,
    file: str,
    stem: str,
    base_url: str,
    section_labels: Sequence[str],
    pictures: Pictures | None = None,
    smart_in: str = "",
) -> Parsed:
    """Parse the bytes of an issue. Raises UnreadableIssue; all other faults are findings.

    Without `pictures`, relative addresses of pictures are taken to be on the web site. `smart_in`
    is the language of issues that name none; where it is empty, quotes and hyphens stay straight.
    """
    original = characters.decode(data, file)
    text = characters.clean(original)
    front = front_matter.split(text, file)
    read, faults = meta.read(front, file, base_url, pictures)
    limits.refuse_too_many_lines(text, file)
    limits.refuse_too_many_points(len(read.summary), file, front.lines.get("summary", 1))
    all_faults = [*characters.faults(original, file), *faults]
    report = Report(file, base_url, front.body_line, pictures, all_faults)
    if "<q" in text and (quoting := signs_of(_language(read.meta, text, smart_in))):
        report.quotes = quoting.quotes
    check = partial(limits.refuse_too_many_parts, file=file, body_line=front.body_line)
    report.signs = signs = _signs(read.meta, text, smart_in)
    env: dict[str, Any] = {markdown.CHECK_BLOCKS: check, typography.SIGNS: signs}
    tokens = markdown.parser().parse(front.body, env)
    _tell_of_unused_footnotes(env, front.body, report)
    linking = "\n\n".join([front.body, *(point for point, _ in read.summary)])
    definitions.tell_of_unused(env, linking, report)
    definitions.tell_of_repeated(env, report)
    _tell_of_repeated_footnotes(tokens, front.body, report)
    report.asked_for = places.asked_for(linking)
    report.places = places.places(tokens, front.body_line) if report.asked_for else {}
    pieces, card = promo.split(block_parser.build(tokens, report), report)
    notes = tuple(piece for piece in pieces if isinstance(piece, Footnotes))
    body: list[Block] = [piece for piece in pieces if not isinstance(piece, Footnotes)]
    title, body = _title(read.title, signs, front, body, stem, report)
    outline = recognise.outline(body, section_labels)
    placed = points.placed(read.summary, text, front.body_line)
    digest = Digest(
        stem=stem,
        slug=slug_of(read.meta.slug, stem, report, front.lines.get("slug", 1)),
        title=title,
        meta=read.meta,
        summary=tuple(_point(point, line, report, env) for point, line in placed),
        summary_is_list=read.summary_is_list,
        lead=outline.lead,
        sections=_reachable(outline.sections, report),
        tail=notes,
        promo=card,
        position=Position(file, 1),
    )
    return Parsed(digest, _findings(report), text)


def _findings(report: Report) -> tuple[Finding, ...]:
    """All that was reported, once the whole issue has been read."""
    foreign.tell(report)
    report.tell_of_fragments()
    report.tell_of_unresolved()
    return tuple(sorted(report.findings, key=lambda finding: finding.position.line))


def _reachable(sections: tuple[Section, ...], report: Report) -> tuple[Section, ...]:
    """The sections with the names that links of the issue lead to."""
    if report.contents:
        sections = _with_anchors(sections)
        if not sections:
            foreign.note(foreign.Construct.CONTENTS, "[toc]", report.contents[0], report)
    if report.anchors:
        sections = tuple(places.with_anchors(section, report.anchors) for section in sections)
    return sections


def _with_anchors(sections: Sequence[Section]) -> tuple[Section, ...]:
    return tuple(
        replace(section, anchor=f"section-{number}", position=section.position)
        for number, section in enumerate(sections, 1)
    )


def _tell_of_unused_footnotes(env: dict[str, Any], body: str, report: Report) -> None:
    """Report footnotes that no text refers to: the parser leaves them out."""
    unused = {
        ref[1:] for ref, number in env.get("footnotes", {}).get("refs", {}).items() if number < 0
    }
    for line, text in enumerate(body.split("\n") if unused else ()):
        match = _FOOTNOTE.match(text)
        if match and match[1] in unused:
            unused.remove(match[1])
            report.add(
                "unused-footnote",
                Severity.WARNING,
                report.at(line),
                f"no text refers to the footnote [^{match[1]}], so it is not shown",
                "Refer to it, or remove it.",
            )


def _tell_of_repeated_footnotes(tokens: Sequence[Token], body: str, report: Report) -> None:
    """Report footnotes with the same name: the parser shows the last of them."""
    code = {
        line
        for token in tokens
        if token.type in ("fence", "code_block", "html_block") and token.map
        for line in range(*token.map)
    }
    places: dict[str, int] = {}
    for line, text in enumerate(body.split("\n") if "[^" in body else ()):
        match = _FOOTNOTE.match(text)
        if not match or line in code:
            continue
        if match[1] in places:
            report.add(
                "duplicate-definition",
                Severity.WARNING,
                report.at(line),
                f"the footnote [^{match[1]}] is also in line {report.at(places[match[1]]).line}, "
                "and the last one is shown",
                "Give one of them another name.",
            )
        places.setdefault(match[1], line)


def _signs(meta: Meta, text: str, smart_in: str) -> Signs | None:
    """The quotes and dashes of an issue's language, None where they stay as they are written."""
    if not (smart_in and meta.smart and typography.has_straight_signs(text)):
        return None
    return signs_of(_language(meta, text, smart_in))


def _language(meta: Meta, text: str, smart_in: str) -> str:
    """The language that an issue names, else that of its letters, else `smart_in`."""
    usual = smart_in or FALLBACK
    return meta.language or inferred(text, usual) or usual


def _point(text: str, line: int, report: Report, body: Mapping[str, Any]) -> Inline:
    """One point of the summary: a line of Markdown, with the link definitions of the body."""
    place = replace(report, offset=line)
    references = {key: body[key] for key in (typography.SIGNS, "references") if key in body}
    tokens = markdown.parser().parseInline(text, references)
    return inline.build(tokens[0].children or [], 0, place)


def _title(
    given_title: str | None,
    signs: Signs | None,
    front: front_matter.FrontMatter,
    body: list[Block],
    stem: str,
    report: Report,
) -> tuple[Inline, list[Block]]:
    """The title, and the body without the heading that repeats it."""
    index, heading = next(
        ((i, b) for i, b in enumerate(body) if isinstance(b, Heading) and _is_title(b)), (0, None)
    )
    if given_title is not None:
        title = (Text(given_title, position=Position(report.file, front.lines.get("title", 1))),)
        if heading is None:
            return title, body
        spellings = (given_title, typography.typeset(given_title, signs))
        if _squeezed(plain_text(heading.inline)) in map(_squeezed, spellings):
            plain = all(isinstance(node, Text) for node in heading.inline)
            return title if plain else heading.inline, body[:index] + body[index + 1 :]
        if _is_a_title(index, body):
            report.add(
                "h1-differs",
                Severity.WARNING,
                heading.position,
                "the first heading differs from the title, so both are shown",
                "Make them the same, or remove the heading.",
            )
        return title, body
    if heading is not None:
        return heading.inline, body[:index] + body[index + 1 :]
    if body and isinstance(first := body[0], Paragraph):
        line = tuple(takewhile(lambda node: not isinstance(node, Break), first.inline))
        text = plain_text(line).strip()
        if text:
            report.add(
                "title-derived",
                Severity.WARNING,
                first.position,
                "the issue names no title, so its first line is used",
                "Add title: … to the front matter.",
            )
            if len(text) > _TITLE_LENGTH or greets(text):
                beginning = Text(
                    shortened(text.rstrip(" ,，"), _TITLE_LENGTH), position=first.position
                )
                return (beginning,), body
            rest = first.inline[len(line) + 1 :]
            below = [Paragraph(rest, position=rest[0].position)] if rest else []
            return line, [*below, *body[1:]]
    report.add(
        "title-missing",
        Severity.ERROR,
        Position(report.file, 1),
        "the issue has no title",
        "Add title: … to the front matter.",
    )
    return (Text(stem, position=Position(report.file, 1)),), body


def _is_title(heading: Heading) -> bool:
    return heading.level == 1 and bool(plain_text(heading.inline).strip())


def _is_a_title(index: int, body: Sequence[Block]) -> bool:
    """Whether a heading with one # stands above all others, and not above a section alone."""
    headings = [block for block in body if isinstance(block, Heading)]
    return headings[0] is body[index] and not any(map(_is_title, headings[1:]))


def _squeezed(text: str) -> str:
    """A text without white space and quotes, since code in a heading keeps its quotes straight."""
    return "".join(text.translate(_QUOTES).split())
