"""Inline tokens -> inline nodes, HTML tags included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from newsletter.digest import foreign, html, markdown, places, runs, sanitising, tags
from newsletter.digest.characters import harmless
from newsletter.digest.leftovers import tell_of_leftovers
from newsletter.digest.markdown import LINES
from newsletter.digest.report import Report
from newsletter.digest.tags import Tag
from newsletter.digest.urls import Use
from newsletter.model.finding import Position, Severity
from newsletter.model.inline import (
    Break,
    Code,
    FootnoteReference,
    Inline,
    InlineNode,
    Link,
    Span,
    SpanKind,
    Text,
)
from newsletter.model.walking import plain_text

_MAX_DEPTH = 30
_MARKDOWN_SPANS = {
    "em_open": SpanKind.EMPHASIS,
    "strong_open": SpanKind.STRONG,
    "s_open": SpanKind.STRIKE,
}
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
    closing: str = ""  # what readers see at its end
    nodes: list[InlineNode] = field(default_factory=list)


def build(tokens: Sequence[Token], line: int, report: Report) -> Inline:
    """The inline nodes of one block whose text begins at body line `line` (from 0)."""
    return _Builder(line, report).build(tokens)


class _Builder:
    def __init__(self, line: int, report: Report) -> None:
        self._line = line
        self._report = report
        self._stack = [_Frame(line)]
        self._index = 0
        self._before = ""
        self._closers: dict[str, int] = {}  # the index of the last end tag of each element
        self._opened: set[str] = set()
        self._is_foreign = False
        self._has_text = False  # on the line of a block of HTML
        self._line_end: tuple[list[InlineNode], int] | None = None  # where that ends, and how much
        self._bracket_end = -2  # the index of the last </rp>

    @property
    def _place(self) -> Position:
        return self._report.at(self._line)

    def build(self, tokens: Sequence[Token]) -> Inline:
        for index, token in enumerate(tokens):
            if token.type == "html_inline" and token.content.startswith("</"):
                self._closers[token.content[2:-1].strip().lower()] = index
        for self._index, token in enumerate(tokens):
            self._add(token)
            self._before = token.type
        while len(self._stack) > 1:
            self._close_top()
        nodes = merged(self._stack[0].nodes)
        if self._is_foreign:
            nodes = runs.trimmed(nodes)
        tell_of_leftovers(self._report, nodes)
        return nodes

    def _add(self, token: Token) -> None:
        construct = token.meta.get(foreign.CONSTRUCT)
        if construct and not places.is_asked_for(token.info, self._report.asked_for):
            foreign.note(construct, token.info, self._place, self._report)
        match token.type:
            case "text" | "text_special":
                first = self._index == 0 or self._before == "softbreak"
                foreign.note_left(token.content, self._place, self._report, first=first)
                self._put(Text(self._harmless(token.content), position=self._place))
            case "code_inline":
                self._look_for_role(token)
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
                occurrence = int(token.meta["subId"]) + 1
                self._put(FootnoteReference(number, occurrence, position=self._place))
            case "html_inline":
                self._html(token.content)
                self._line += token.content.count("\n")
            case foreign.FOREIGN:
                self._is_foreign = True
                self._put(Text(self._harmless(token.content), position=self._place))
                self._line += token.info.count("\n")
            case markdown.COMMENT:
                tags.tell_of_shown_comment(self._place, self._report)
                self._put(Text(token.content, position=self._place))
            case "footnote_anchor":
                pass  # the way back from a footnote, which a theme draws itself
            case _:
                self._put(Text(token.content, position=self._place))

    def _look_for_role(self, code: Token) -> None:
        nodes = self._stack[-1].nodes
        if nodes and isinstance(last := nodes[-1], Text):
            foreign.note_role(last.text, code.content, self._place, self._report)

    def _put(self, node: InlineNode) -> None:
        """Add a node, after a line break if a block of HTML separates it from the others."""
        is_text = not isinstance(node, Break) and (not isinstance(node, Text) or node.text.strip())
        if self._line_end and self._has_text:
            if not is_text:
                return
            nodes, index = self._line_end
            nodes.insert(index, Break(True, position=node.position))
        if is_text:
            self._line_end = None
            self._has_text = True
        elif isinstance(node, Break) and node.hard:
            self._has_text = False
        self._stack[-1].nodes.append(node)

    def _part(self, element: str) -> None:
        """Let the next node begin a line, at the border of a block of HTML."""
        if element in sanitising.APART:
            nodes = self._stack[-1].nodes
            self._line_end = nodes, len(nodes)

    def _harmless(self, text: str) -> str:
        """Text without the control characters that entities in it stand for."""
        cleaned = harmless(text)
        if cleaned != text:
            self._report.add(
                "control-character",
                Severity.WARNING,
                self._place,
                "an entity stands for a control character, which was removed",
                "Delete it.",
            )
        return cleaned

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
        nodes = self._stack[-1].nodes
        if frame.tag in _CODE and children and all(isinstance(node, Text) for node in children):
            nodes.append(Code(plain_text(children), position=children[0].position))
        elif frame.wrap is None or too_deep:
            nodes.extend(children)
        elif isinstance(frame.wrap, SpanKind):
            if children:
                nodes.append(Span(frame.wrap, children, position=self._report.at(frame.line)))
        else:
            place = self._report.at(frame.line)
            nodes.append(Link(frame.wrap, children, frame.title, position=place))
        if frame.closing:
            self._put(Text(frame.closing, position=self._place))
        self._part(frame.tag)

    def _image(self, token: Token) -> None:
        alt = plain_text(build(token.children or [], self._line, self._report))
        title = harmless(str(token.attrs.get("title", "")))
        self._put_image(str(token.attrs.get("src", "")), alt, title)

    def _put_image(self, source: str, alt: str, title: str = "") -> None:
        image = self._report.image(source, alt, title, self._place)
        self._put(Text(alt, position=self._place) if image is None else image)

    def _html(self, source: str) -> None:
        tag = tags.read(source)
        if tag is None:
            if not source.startswith("<!--"):
                tags.tell_of_instruction(source, self._place, self._report)
        elif tag.closing:
            self._close_html(tag)
        elif tag.is_component:
            self._component(tag)
        elif self._is_text(tag):
            self._put_source(tag)
        elif tag.element in _SILENT or (tag.element == "svg" and self._is_closed(tag)):
            self._silence(tag)
        else:
            self._open_html(tag)

    def _is_text(self, tag: Tag) -> bool:
        nodes = self._stack[-1].nodes
        glued = bool(nodes) and isinstance(last := nodes[-1], Text) and last.text[-1:].isalnum()
        return tags.is_text(tag, closed=self._is_closed(tag), glued=glued)

    def _is_closed(self, tag: Tag) -> bool:
        return self._closers.get(tag.element, -1) > self._index

    def _put_source(self, tag: Tag) -> None:
        tags.tell_of_source(tag, self._place, self._report)
        self._put(Text(" ".join(tag.source.split()), position=self._place))

    def _close_html(self, tag: Tag) -> None:
        if tag.element == "rp":
            self._bracket_end = self._index
        for index in range(len(self._stack) - 1, 0, -1):
            frame = self._stack[index]
            if not frame.tag:
                break
            if frame.tag == tag.element:
                while len(self._stack) > index:
                    self._close_top()
                return
        if not (self._is_of_markup(tag) or any(frame.silent for frame in self._stack)):
            self._put_source(tag)

    def _is_of_markup(self, tag: Tag) -> bool:
        """Whether an end tag belongs to an element that is or was open elsewhere."""
        return (
            tag.element in self._opened
            or tag.name in self._report.components
            or tag.element in tags.FORMATTING | tags.WITHOUT_END
        )

    def _component(self, tag: Tag) -> None:
        """A link in place of a component, with the component's content if that has no label."""
        tags.tell_of_component(tag, self._place, self._report)
        if tag.is_picture:
            self._put_image(tag.target, harmless(tag.label))
            return
        url = self._report.url(tag.target, self._place)
        label = (Text(harmless(tag.label), position=self._place),) if tag.label else ()
        if self._is_closed(tag) and not label:
            self._stack.append(_Frame(self._line, url, tag=tag.element))
        elif url:
            children = label or (Text(url, position=self._place),)
            self._put(Link(url, children, position=self._place))
        else:
            self._stack[-1].nodes += label

    def _silence(self, tag: Tag) -> None:
        target = tag.element == "script" and tags.script_target(tag.target)
        if target:
            self._embed(target, tag.attributes.get("title") or "")
        else:
            tags.tell_of_loss(tag.element, self._place, self._report)
        self._stack.append(_Frame(self._line, tag=tag.element, silent=True))

    def _embed(self, source: str, title: str) -> None:
        if url := self._report.url(source, self._place, Use.RESOURCE):
            self._put(Link(url, (), harmless(title), position=self._place))

    def _open_html(self, tag: Tag) -> None:
        name = tag.element
        sanitising.tell_of_handlers(tag.source, self._place, self._report)
        attributes = sanitising.attributes_of(tag.source)
        if name in tags.LEFT_OUT:
            tags.tell_of_loss(name, self._place, self._report)
        tags.tell_of_form(tag, self._place, self._report)
        tags.tell_of_hidden(tag, self._place, self._report)
        if name == "br":
            self._put(Break(True, position=self._place))
        elif name == "img":
            node = html.image(attributes, self._place, self._report)
            if node is not None:
                self._put(node)
        elif name in sanitising.EMBEDS or name == "source":
            if source := attributes.get("src") or attributes.get("data"):
                self._embed(source, attributes.get("title", ""))
            self._opened.add(name)
        elif name == "a" and "href" in attributes:
            self._open(tag, self._report.url(attributes["href"], self._place), attributes)
        elif not tag.source.rstrip().endswith("/>"):
            self._open(tag, sanitising.SPANS.get(name), attributes)
            self._part(name)
            self._show_signs(name)

    def _show_signs(self, name: str) -> None:
        """The quotes of <q>, and the brackets of <rt> where no <rp> right before it has some."""
        if name == "q" or (name == "rt" and self._bracket_end != self._index - 1):
            depth = sum(frame.tag == "q" for frame in self._stack[:-1])
            opening, self._stack[-1].closing = html.signs_around(name, depth, self._report)
            self._put(Text(opening, position=self._place))

    def _open(self, tag: Tag, wrap: SpanKind | str | None, attributes: Mapping[str, str]) -> None:
        if tag.element in tags.FORMATTING and not self._is_closed(tag):
            tags.tell_of_open(tag.element, self._place, self._report)
        self._opened.add(tag.element)
        self._stack.append(_Frame(self._line, wrap, attributes.get("title", ""), tag.element))


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
