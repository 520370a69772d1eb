"""Inline tokens -> inline nodes, HTML tags included."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from newsletter.digest import html
from newsletter.digest.characters import harmless
from newsletter.digest.markdown import LINES
from newsletter.digest.report import Report
from newsletter.digest.urls import Use
from newsletter.model.digest import (
    Break,
    Code,
    FootnoteReference,
    Image,
    Inline,
    InlineNode,
    Link,
    Span,
    SpanKind,
    Text,
    plain_text,
)
from newsletter.model.finding import Position, Severity

_MAX_DEPTH = 30
_MARKDOWN_SPANS = {
    "em_open": SpanKind.EMPHASIS,
    "strong_open": SpanKind.STRONG,
    "s_open": SpanKind.STRIKE,
}
_TAG = re.compile(r"<\s*(/?)\s*([a-zA-Z][a-zA-Z0-9]*)")
_UNRESOLVED = re.compile(r"\[[^\[\]]+\]\[[^\[\]]*\]")
_BROKEN_LINK = re.compile(r"\]\(\s*https?:")
_UNKNOWN_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]+\]")
_SILENT = ("script", "style")
_CODE = ("code", "kbd", "tt")


@dataclass
class _Frame:
    """An open element: `tag` is set for HTML; `wrap` None keeps only the content."""

    line: int
    wrap: SpanKind | str | None = None
    title: str = ""
    tag: str = ""
    silent: bool = False
    nodes: list[InlineNode] = field(default_factory=list)


def build(tokens: Sequence[Token], line: int, report: Report) -> Inline:
    """The inline nodes of one block whose text begins at body line `line` (from 0)."""
    return _Builder(line, report).build(tokens)


class _Builder:
    def __init__(self, line: int, report: Report) -> None:
        self._line = line
        self._report = report
        self._stack = [_Frame(line)]

    @property
    def _place(self) -> Position:
        return self._report.at(self._line)

    def build(self, tokens: Sequence[Token]) -> Inline:
        for token in tokens:
            self._add(token)
        while len(self._stack) > 1:
            self._close_top()
        nodes = merged(self._stack[0].nodes)
        self._look_for_leftovers(nodes)
        return nodes

    def _add(self, token: Token) -> None:
        match token.type:
            case "text" | "text_special":
                self._put(Text(self._harmless(token.content), position=self._place))
            case "code_inline":
                self._put(Code(token.content, position=self._place))
                self._line += token.meta.get(LINES, 0)
            case "softbreak" | "hardbreak":
                self._put(Break(token.type == "hardbreak", position=self._place))
                self._line += 1
            case "em_open" | "strong_open" | "s_open":
                self._stack.append(_Frame(self._line, _MARKDOWN_SPANS[token.type]))
            case "link_open":
                url = self._report.url(str(token.attrs.get("href", "")), self._place)
                title = harmless(str(token.attrs.get("title", "")))
                self._stack.append(_Frame(self._line, url, title))
            case "em_close" | "strong_close" | "s_close" | "link_close":
                self._close_markdown(token)
            case "image":
                self._image(token)
                self._line += token.meta.get(LINES, 0)
            case "footnote_ref":
                number = int(token.meta["id"]) + 1
                self._put(FootnoteReference(number, position=self._place))
            case "html_inline":
                self._html(token.content)
                self._line += token.content.count("\n")
            case "footnote_anchor":
                pass  # the way back from a footnote, which a theme draws itself
            case _:
                self._put(Text(token.content, position=self._place))

    def _put(self, node: InlineNode) -> None:
        self._stack[-1].nodes.append(node)

    def _harmless(self, text: str) -> str:
        """Text without the control characters that entities in it stand for."""
        kept = harmless(text)
        if kept != text:
            self._report.add(
                "control-character",
                Severity.WARNING,
                self._place,
                "an entity stands for a control character, which was removed",
                "Delete it.",
            )
        return kept

    def _close_markdown(self, token: Token) -> None:
        while self._stack[-1].tag:  # HTML left open inside ends with what it stands in
            self._close_top()
        if LINES in token.meta:  # the target of a link may stand on lines of its own
            self._line = self._stack[-1].line + token.meta[LINES]
        self._close_top()

    def _close_top(self) -> None:
        frame = self._stack.pop()
        children = merged(frame.nodes)
        if frame.silent:
            return
        too_deep = len(self._stack) > _MAX_DEPTH and (
            bool(frame.tag) or isinstance(frame.wrap, SpanKind)
        )
        if frame.tag in _CODE and children and all(isinstance(node, Text) for node in children):
            self._put(Code(plain_text(children), position=children[0].position))
        elif frame.wrap is None or too_deep:
            self._stack[-1].nodes.extend(children)
        elif isinstance(frame.wrap, SpanKind):
            if children:
                self._put(Span(frame.wrap, children, position=self._report.at(frame.line)))
        else:
            place = self._report.at(frame.line)
            self._put(Link(frame.wrap, children, frame.title, position=place))

    def _image(self, token: Token) -> None:
        alt = plain_text(build(token.children or [], self._line, self._report))
        url = self._report.url(str(token.attrs.get("src", "")), self._place, Use.RESOURCE)
        if url is None:
            self._put(Text(alt, position=self._place))
        else:
            title = harmless(str(token.attrs.get("title", "")))
            self._put(Image(url, alt, title, position=self._place))

    def _html(self, source: str) -> None:
        match = _TAG.match(source)
        if match is None:
            return  # a comment or an instruction: not for readers
        tag = match[2].lower()
        if match[1]:
            self._close_html(tag)
        elif tag in _SILENT:
            self._report.add(
                "html-dropped", Severity.INFO, self._place, f"<{tag}> is left out", "Remove it."
            )
            self._stack.append(_Frame(self._line, tag=tag, silent=True))
        else:
            self._open_html(tag, source)

    def _close_html(self, tag: str) -> None:
        for index in range(len(self._stack) - 1, 0, -1):
            frame = self._stack[index]
            if not frame.tag:
                return
            if frame.tag == tag:
                while len(self._stack) > index:
                    self._close_top()
                return

    def _open_html(self, tag: str, source: str) -> None:
        html.tell_of_handlers(source, self._place, self._report)
        attributes = html.attributes_of(source)
        if tag == "br":
            self._put(Break(True, position=self._place))
        elif tag == "img":
            node = html.image(attributes, self._place, self._report)
            if node is not None:
                self._put(node)
        elif tag in html.EMBEDS or tag == "source":
            url = attributes.get("src") and self._report.url(
                attributes["src"], self._place, Use.RESOURCE
            )
            if url:
                self._put(Link(url, (), attributes.get("title", ""), position=self._place))
        elif tag == "a" and "href" in attributes:
            url = self._report.url(attributes["href"], self._place)
            self._stack.append(_Frame(self._line, url, attributes.get("title", ""), tag))
        elif not source.rstrip().endswith("/>"):
            self._stack.append(_Frame(self._line, html.SPANS.get(tag), tag=tag))

    def _look_for_leftovers(self, nodes: Inline) -> None:
        for node in nodes:
            if not isinstance(node, Text):
                continue
            self._report.unresolved += len(_UNRESOLVED.findall(node.text))
            for pattern, rule, what, fix in _LEFTOVERS:
                if match := pattern.search(node.text):
                    self._report.add(
                        rule, Severity.WARNING, node.position, f"{match[0]!r}: {what}", fix
                    )


_LEFTOVERS = (
    (
        re.compile(r"\*\*"),
        "literal-emphasis",
        "asterisks that readers will see",
        "Put spaces around the bold text, or remove them.",
    ),
    (
        _BROKEN_LINK,
        "broken-link",
        "a link that is not closed",
        "Write [text](https://…).",
    ),
    (
        _UNKNOWN_FOOTNOTE,
        "unknown-footnote",
        "a footnote that is not defined",
        "Add its text: [^1]: …",
    ),
)


def merged(nodes: Sequence[InlineNode]) -> Inline:
    """The nodes with neighbouring texts as one, so that nothing is cut at an escape."""
    result: list[InlineNode] = []
    for node in nodes:
        last = result[-1] if result else None
        if isinstance(node, Text) and isinstance(last, Text):
            result[-1] = Text(last.text + node.text, position=last.position)
        elif not (isinstance(node, Text) and not node.text):
            result.append(node)
    return tuple(result)
