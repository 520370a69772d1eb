"""The HTML of a block as written -> HTML that loses nothing when it is sanitised.

Text is escaped, a component becomes its link, and a script that shows something becomes the frame
that it would draw.
"""

import html
import re
from collections.abc import Mapping

from newsletter.digest import tags
from newsletter.digest.report import Report
from newsletter.digest.tags import Tag
from newsletter.model.finding import Position, Severity

_CLOSING = re.compile(r"</([A-Za-z][^\s/>]*)")
_BEGINNING = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ANY_TAG = re.compile(r"<[^<>]*>")
_WHOLE = ("script", "style", "svg", "math")


def read(source: str, left_open: frozenset[str], place: Position, report: Report) -> str:
    """`left_open` are the elements that may stay open in this block."""
    if "<" not in source:
        return source
    return _Reader(source, left_open, place, report).read()


class _Reader:
    def __init__(
        self, source: str, left_open: frozenset[str], place: Position, report: Report
    ) -> None:
        self._source = source
        self._left_open = left_open
        self._place = place
        self._report = report
        self._pieces: list[str] = []
        self._ends: list[tuple[str, str]] = []  # the open components, and how each ends
        self._closers: Mapping[str, int] = {
            match[1].lower(): match.start() for match in _CLOSING.finditer(source)
        }

    def read(self) -> str:
        at = 0
        while (start := self._source.find("<", at)) >= 0:
            self._pieces.append(self._source[at:start])
            at = self._read_from(start)
        return "".join([*self._pieces, self._source[at:]])

    def _read_from(self, start: int) -> int:
        """Where to go on after the construct that begins with the `<` at `start`."""
        if self._source.startswith("<!--", start):
            return self._comment(start)
        tag = tags.read(self._source, start)
        if tag is None:
            return self._no_tag(start)
        if tag.is_component or not tag.is_html:
            self._pieces.append(self._foreign(tag))
        elif tag.closing:
            self._pieces.append(self._end(tag) or tag.source)
        elif tag.element in _WHOLE and (end := self._end_of(tag, start)):
            self._pieces.append(self._whole(tag, start, end))
            return end
        else:
            self._pieces.append(self._element(tag, start))
        return start + len(tag.source)

    def _comment(self, start: int) -> int:
        end = self._source.find("-->", start + 2)
        if end >= 0:
            return end + 3
        if self._source[:start].strip():
            tags.tell_of_shown_comment(self._place, self._report)
        else:
            self._tell_of_all_below("a comment", "-->")
        return len(self._source)

    def _no_tag(self, start: int) -> int:
        """A `<` of text, an instruction, or a tag that no standard allows."""
        beginning = _BEGINNING.match(self._source, start)
        if self._source[start + 1 : start + 2] in ("!", "?"):
            tags.tell_of_instruction(self._source, self._place, self._report, start)
        foreign = beginning and not tags.is_name(beginning[1])
        self._pieces.append("&lt;" if foreign else "<")
        return start + 1

    def _foreign(self, tag: Tag) -> str:
        name = tag.name
        if tag.closing:
            end = self._end(tag)
            return self._text(tag) if end is None else end
        if not tag.is_component:
            return self._text(tag)
        tags.tell_of_component(tag, self._place, self._report)
        target, label = html.escape(tag.target), html.escape(tag.label)
        if tag.is_picture:
            return f'<img src="{target}" alt="{label}">'
        wraps = not label and self._closers.get(tag.element, -1) >= 0
        self._ends.append((name, "</a>" if wraps else ""))
        return f'<a href="{target}">' + ("" if wraps else f"{label or target}</a> ")

    def _text(self, tag: Tag) -> str:
        tags.tell_of_source(tag, self._place, self._report)
        return html.escape(tag.source)

    def _end(self, tag: Tag) -> str | None:
        """What ends a component, None for the end of anything else."""
        if self._ends and self._ends[-1][0] == tag.name:
            return self._ends.pop()[1]
        return "" if tag.name in self._report.components and not tag.is_html else None

    def _end_of(self, tag: Tag, start: int) -> int:
        """The end of an element that is read as a whole; 0 where there is none, so that it is
        text."""
        if self._closers.get(tag.element, -1) < start:
            if tag.element in ("script", "style") and not self._source[:start].strip():
                self._tell_of_all_below(f"<{tag.element}>", f"</{tag.element}>")
                return len(self._source)
            return 0
        closing = re.compile(rf"</{tag.element}[^<>]*>?", re.IGNORECASE)
        match = closing.search(self._source, start)
        return match.end() if match else 0

    def _whole(self, tag: Tag, start: int, end: int) -> str:
        if tag.element == "math":
            return html.escape(_ANY_TAG.sub(" ", self._source[start:end]), quote=False)
        target = tag.element == "script" and tags.script_target(tag.target)
        if target:
            title = html.escape(tag.attributes.get("title") or "")
            return f'<iframe src="{html.escape(target)}" title="{title}"></iframe>'
        tags.tell_of_loss(tag.element, self._place, self._report)
        return ""

    def _element(self, tag: Tag, start: int) -> str:
        closed = self._closers.get(tag.element, -1) > start
        glued = self._source[start - 1 : start].isalnum()
        if tags.is_text(tag, closed=closed, glued=glued, without_end=self._left_open):
            return self._text(tag)
        if tag.element in tags.LEFT_OUT:
            tags.tell_of_loss(tag.element, self._place, self._report)
        tags.tell_of_form(tag, self._place, self._report)
        tags.tell_of_hidden(tag, self._place, self._report)
        return tag.source

    def _tell_of_all_below(self, opening: str, end: str) -> None:
        self._report.add(
            "html-unclosed",
            Severity.ERROR,
            self._place,
            f"{opening} begins here and never ends: all below it is left out",
            f"Close it with {end}.",
        )
