"""Block tokens -> blocks, one for one; the only typed views made here are blocks that name
themselves."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from newsletter.digest import (
    containers,
    foreign,
    html,
    inline,
    markdown,
    paragraphs,
    quotes,
    recognise,
    runs,
    sanitising,
    tables,
    tags,
)
from newsletter.digest.report import Report
from newsletter.model.blocks import (
    Align,
    Block,
    Blocks,
    CodeBlock,
    Contents,
    Footnote,
    Footnotes,
    Heading,
    Labelled,
    ListBlock,
    ListItem,
    Paragraph,
    Quote,
    Row,
    Rule,
    Sponsored,
    Table,
)
from newsletter.model.finding import Position, Severity
from newsletter.model.inline import Break, Inline, Node, Text
from newsletter.model.walking import plain_text

_COMMENT = re.compile(r"<!--.*-->", re.DOTALL)
_ALERT = re.compile(r"\[!([^\W\d_][\w -]*)\][+-]?[ \t]*")
# Texts that are rarely headings; the second is a line of front matter that was not recognised.
_TEXT = re.compile(r"\n|^[a-z][\w-]*:\s|.{81}|[.,;:。，；：…]\W*$")
_TASK = re.compile(r"\[([ xX])\]\s+")


@dataclass(frozen=True, slots=True)
class RawHtml(Node):
    """HTML at the top level, already sanitised: it may turn out to be a promo card.

    `source` is the HTML as written; `opened` is how many more boxes it opens than it closes.
    """

    cleaned: str
    source: str
    opened: int


Piece = Block | RawHtml


def build(tokens: Sequence[Token], report: Report) -> list[Piece]:
    """The pieces of a whole document, in order."""
    return list(_Cursor(tokens, report).pieces("", top=True))


class _Cursor:
    """Walks a flat token list; nesting is bounded by the parser."""

    def __init__(self, tokens: Sequence[Token], report: Report) -> None:
        self._tokens = tokens
        self._next = 0
        self._report = report
        self._line = 0

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        if token.map:
            self._line = token.map[0]
        return token

    def pieces(self, until: str, *, top: bool = False) -> Iterator[Piece]:
        """The pieces before the closing token `until` (the end for "")."""
        while self._next < len(self._tokens):
            token = self._take()
            if token.type == until:
                return
            yield from self._piece(token, top)

    def _before(self) -> Token:
        """The token before the one that was taken last."""
        return self._tokens[max(0, self._next - 2)]

    def _is_contents(self) -> bool:
        """Whether the paragraph that begins is `[toc]` alone."""
        first = next(iter(self._tokens[self._next].children or ()), None)
        return first is not None and foreign.is_contents_token(first)

    def _contents(self, place: Position) -> Iterator[Contents]:
        """The list of the sections, once: each takes as many lines as there are sections."""
        source = self._take().content
        while self._take().type != "paragraph_close":
            pass
        if self._report.contents:
            foreign.note(foreign.Construct.CONTENTS_AGAIN, source, place, self._report)
            return
        self._report.contents.append(place)
        yield Contents(position=place)

    def _blocks(self, until: str) -> Blocks:
        return tuple(piece for piece in self.pieces(until) if not isinstance(piece, RawHtml))

    def _piece(self, token: Token, top: bool) -> Iterator[Piece]:
        place = self._report.at(self._line)
        match token.type:
            case "paragraph_open" if self._is_contents():
                yield from self._contents(place)
            case "paragraph_open":
                leads = token.hidden or self._before().type == "list_item_open"
                for block in html.paragraphs(self._inline("paragraph_close"), place):
                    yield from (block,) if leads else paragraphs.parted(block)
            case "heading_open":
                level = int(token.tag[1])
                self._tell_of_underlined(token, place)
                yield Heading(level, self._inline("heading_close"), position=place)
            case "bullet_list_open" | "ordered_list_open":
                yield self._list(token)
            case "blockquote_open":
                yield _alert(self._quote(place))
            case "labelled_open":
                label = self._take()
                run = inline.build(label.children or [], self._line, self._report)
                yield _block_of(token.info, run, self._blocks("labelled_close"), place)
            case foreign.FOREIGN:
                foreign.note(token.meta[foreign.CONSTRUCT], token.info, place, self._report)
            case "fence" | "code_block":
                if token.type == "code_block" and _COMMENT.fullmatch(token.content.strip()):
                    tags.tell_of_comment_as_code(place, self._report)
                foreign.note_fence(token.info, place, self._report)
                self._tell_of_open_fence(token, place)
                language = token.info.split()[0] if token.info.strip() else ""
                yield CodeBlock(token.content.rstrip("\n"), language, position=place)
            case "hr":
                yield Rule(position=place)
            case "table_open":
                yield self._table()
            case "html_block":
                yield from self._html(token.content, top)
            case "footnote_block_open":
                yield self._footnotes()
            case _:
                pass

    def _inline(self, until: str) -> Inline:
        nodes: Inline = ()
        while (token := self._take()).type != until:
            if token.type == "inline":
                nodes = inline.build(token.children or [], self._line, self._report)
                self._tell_of_limits(token)
                if until == "paragraph_close":
                    tables.tell_of_pipes(token.content, self._report.at(self._line), self._report)
        return nodes

    def _tell_of_limits(self, token: Token) -> None:
        if problem := token.meta.get(markdown.LIMIT):
            place = self._report.at(self._line)
            self._report.add(
                "markup-limit",
                Severity.WARNING,
                place,
                f"{problem}; it is shown as it is written",
                fix="Write it flatter, or as several paragraphs.",
            )

    def _tell_of_underlined(self, heading: Token, place: Position) -> None:
        """Report a text that is a heading only because --- stands right below it."""
        text = self._tokens[self._next].content
        if heading.markup == "-" and _TEXT.search(text):
            self._report.add(
                "text-as-heading",
                Severity.WARNING,
                place,
                f"{text[:60]!r} is a heading, because --- stands right below it",
                "Leave a blank line above the ---, or write ## before a heading.",
            )

    def _tell_of_open_fence(self, code: Token, place: Position) -> None:
        lines = code.content.count("\n") + (code.content[-1:] not in ("", "\n"))
        if code.type == "fence" and code.map and code.map[1] - code.map[0] < lines + 2:
            self._report.add(
                "code-unclosed",
                Severity.WARNING,
                place,
                f"{code.markup} begins code here and nothing ends it: everything below is code",
                f"Write {code.markup} on a line of its own where it ends.",
            )

    def _tell_of_numbers(self, numbers: Sequence[int], items: Sequence[ListItem]) -> None:
        """Report points that readers see with other numbers than their author wrote; the same
        number for all is intended."""
        numbered = zip(numbers, itertools.count(next(iter(numbers), 0)), items, strict=False)
        other = ((n, place_number, item) for n, place_number, item in numbered if n != place_number)
        first = next(other, None)
        if first and len(set(numbers)) > 1:
            number, place_number, item = first
            self._report.add(
                "list-numbers",
                Severity.WARNING,
                item.position,
                f"readers see {place_number} before the point that is numbered {number}",
                f"Number the list in order, or write paragraphs that begin with **{number}**.",
            )

    def _quote(self, place: Position) -> Quote:
        blocks = self._blocks("blockquote_close")
        last = self._before()
        ends_in_dash = last.type == "bullet_list_close" and last.markup == "-"
        return quotes.quote(blocks, place, ends_in_dash=ends_in_dash)

    def _list(self, opening: Token) -> ListBlock:
        place = self._report.at(self._line)
        ordered = opening.type == "ordered_list_open"
        until = opening.type.replace("_open", "_close")
        start = int(opening.attrs.get("start", 1)) if ordered else None
        items: list[ListItem] = []
        numbers: list[int] = []
        tight = True
        while (token := self._take()).type != until:
            if token.type != "list_item_open":
                continue
            numbers += [int(token.info)] if ordered else []
            if self._next < len(self._tokens) and self._tokens[self._next].hidden is False:
                tight = tight and self._tokens[self._next].type != "paragraph_open"
            at = self._report.at(self._line)
            items.append(_task(ListItem(self._blocks("list_item_close"), position=at)))
        self._tell_of_numbers(numbers, items)
        return ListBlock(tuple(items), start, tight, position=place)

    def _table(self) -> Table:
        place = self._report.at(self._line)
        align: list[Align] = []
        header: Row | None = None
        rows: list[Row] = []
        cells: list[Inline] = []
        while (token := self._take()).type != "table_close":
            if token.type == "tr_open":
                tables.tell_of_further_cells(token, self._report.at(self._line), self._report)
            elif token.type in ("th_open", "td_open"):
                if token.type == "th_open":
                    align.append(_align(token))
                cells.append(self._inline(token.type.replace("_open", "_close")))
            elif token.type == "tr_close":
                row = Row(tuple(cells), position=self._report.at(self._line))
                cells = []
                if header is None and not rows:
                    header = row
                else:
                    rows.append(row)
        return Table(tuple(align), header, tuple(rows), position=place)

    def _html(self, source: str, top: bool) -> Iterator[Piece]:
        place = self._report.at(self._line)
        cleaned = sanitising.clean(source, place, self._report)
        opened = sanitising.boxes_opened(source) if top else 0
        if not cleaned.strip() and not opened:
            return
        if top:
            yield RawHtml(cleaned, source, opened, position=place)
        else:
            yield from html.blocks(sanitising.tree(cleaned), place, self._report)

    def _footnotes(self) -> Footnotes:
        notes: list[Footnote] = []
        before = self._report.at(self._line)
        while (token := self._take()).type != "footnote_block_close":
            if token.type == "footnote_open":  # the parser moved it here, without its line
                number = int(token.meta["id"]) + 1
                start = self._next
                blocks = self._blocks("footnote_close")
                within = self._tokens[start : self._next]
                references = sum(inner.type == "footnote_anchor" for inner in within)
                at = blocks[0].position if blocks else before
                notes.append(Footnote(number, blocks, references, position=at))
        place = min((note.position for note in notes), default=before)
        return Footnotes(tuple(notes), position=place)


def _align(token: Token) -> Align:
    match = re.search(r"text-align:\s*(\w+)", str(token.attrs.get("style", "")))
    return Align(match[1]) if match else Align.NONE


def _task(item: ListItem) -> ListItem:
    """A list item that begins with `[ ]` or `[x]` as a task."""
    if not item.blocks or not isinstance(first := item.blocks[0], Paragraph) or not first.inline:
        return item
    text = first.inline[0]
    if not isinstance(text, Text) or not (match := _TASK.match(text.text)):
        return item
    rest = Text(text.text[match.end() :], position=text.position)
    paragraph = Paragraph(inline.merged((rest, *first.inline[1:])), position=first.position)
    return ListItem((paragraph, *item.blocks[1:]), match[1] in "xX", position=item.position)


def _block_of(name: str, label: Inline, blocks: Blocks, place: Position) -> Labelled | Sponsored:
    """A block that its author calls `name`; that of a sponsor has only its title as a label."""
    if name == containers.SPONSOR:
        return Sponsored(label, recognise.views(blocks), position=place)
    kind = recognise.kind_of(plain_text(label))
    return Labelled(kind, label, recognise.views(blocks), position=place)


def _alert(quote: Quote) -> Quote | Labelled | Sponsored:
    """A quote that begins with `[!NOTE]`, and perhaps a title, as a labelled block."""
    if not quote.blocks or not isinstance(first := quote.blocks[0], Paragraph):
        return quote
    attribution = quote.attribution
    tail = (Paragraph(attribution, position=attribution[0].position),) if attribution else ()
    opening = first.inline and first.inline[0]
    if not isinstance(opening, Text) or not (match := _ALERT.match(opening.text)):
        return quote
    words = Text(opening.text[match.end() :], position=opening.position)
    run = inline.merged((words, *first.inline[1:]))
    end = next((index for index, node in enumerate(run) if isinstance(node, Break)), len(run))
    name, label = containers.kind_and_label(match[1].lower())
    heading = (Text(label, position=opening.position),) if label else ()
    body = html.paragraphs(runs.trimmed(run[end:]), first.position)
    return _block_of(
        name,
        run[:end] or heading,
        (*(part for block in body for part in paragraphs.parted(block)), *quote.blocks[1:], *tail),
        quote.position,
    )
