"""Digest -> the text part: one paragraph a line, every link present, nothing wrapped by force."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from newsletter.model.blocks import (
    Block,
    Button,
    CodeBlock,
    Contents,
    Embed,
    Figure,
    Footnotes,
    Heading,
    Item,
    Labelled,
    LinkList,
    ListBlock,
    Paragraph,
    PictureRow,
    Promo,
    Quote,
    Rule,
    Section,
    Sponsored,
    Table,
)
from newsletter.model.digest import Digest
from newsletter.model.inline import (
    Break,
    Code,
    FootnoteReference,
    Image,
    Inline,
    InlineNode,
    Link,
    Span,
    Text,
)
from newsletter.model.walking import without_references
from newsletter.render.fields import Fields
from newsletter.render.labels import begins_with_dash, label
from newsletter.render.rules import without_idle_rules
from newsletter.render.signs import TextSigns
from newsletter.render.spacing import joins_without_space


class TextWriter:
    """Writes nodes as plain text; merge fields become tokens of `fields`."""

    def __init__(
        self, fields: Fields, words: Mapping[str, str], digest: Digest, signs: TextSigns
    ) -> None:
        self._fields = fields
        self._words = words
        self._digest = digest
        self._signs = signs

    def body(self) -> str:
        """Everything between the summary and the footer."""
        digest = self._digest
        parts: list[str] = [*self._blocks(digest.lead)]
        for section in digest.sections:
            parts += self._section(section, self._signs.section)
        parts += self._blocks(digest.tail)
        if digest.promo:
            parts += [self._signs.rule] * (not self._ends_in_rule(parts)) + self._blocks(
                digest.promo.blocks
            )
        return "\n\n".join(part for part in parts if part)

    def inline(self, nodes: Inline) -> str:
        return "".join(self._inline(nodes, len(nodes) == 1))

    def _inline(self, nodes: Sequence[InlineNode], alone: bool = False) -> Iterator[str]:
        """`alone` where the run is all of its line."""
        for index, node in enumerate(nodes):
            match node:
                case Text():
                    yield self._fields.tokenised(node.text)
                case Code():
                    yield node.text
                case Break(hard=True):
                    yield "\n"
                case Break():
                    yield "" if joins_without_space(nodes, index) else " "
                case Span():
                    yield from self._inline(node.children, alone and len(node.children) == 1)
                case Link():
                    yield self._link(node, alone)
                case Image():
                    alt = f"[{self._fields.tokenised(node.alt)}] " if node.alt else ""
                    yield f"{alt}<{node.url}>"
                case FootnoteReference():
                    yield f"[{node.number}]"
                case _:
                    assert_never(node)

    def _link(self, link: Link, alone: bool) -> str:
        """Text and address, or the address alone; a mail program must find where it ends."""
        url = self._fields.tokenised(link.url)
        text = self.inline(link.children)
        if url.startswith("#"):  # plain text has no anchors
            return text
        if text in ("", url, url.removeprefix("mailto:")):
            return url if alone else f"<{url}>"
        return f"{text} <{url}>"

    def _blocks(self, blocks: Iterable[Block | Item | Section]) -> list[str]:
        texts: list[str] = []
        for block in without_idle_rules(blocks):
            text = self._block(block)
            if isinstance(block, Rule | Promo) and self._ends_in_rule(texts):  # a card has its own
                text = text.removeprefix(self._signs.rule).lstrip("\n")
            if text:
                texts.append(text)
        return texts

    def _joined(self, blocks: Iterable[Block]) -> str:
        return "\n".join(self._blocks(blocks))

    def _block(self, block: Block | Item | Section) -> str:  # long: one case a kind of block
        match block:
            case Paragraph():
                return self.inline(block.inline)
            case Heading():
                return self.inline(block.inline)
            case ListBlock():
                return "\n".join(
                    _indented(self._joined(item.blocks), self._mark(block, index, item.checked))
                    for index, item in enumerate(block.items)
                )
            case Quote():
                return _indented(self._quoted(block), quote := f"{self._signs.quote} ", quote)
            case CodeBlock():
                return _indented(block.text, "    ", "    ")
            case Table():
                rows = [block.header] if block.header else []
                return "\n".join(
                    f" {self._signs.cell} ".join(self.inline(cell) for cell in row.cells).rstrip()
                    for row in [*rows, *block.rows]
                )
            case Figure():
                return self._figure(block)
            case PictureRow():
                pictures = "\n".join(map(self._figure, block.figures))
                return f"{pictures}\n{self.inline(block.caption)}".rstrip()
            case Button():
                return self.inline((block.link,))
            case Embed():
                return f"{self._fields.tokenised(block.title)}\n{block.url}".strip()
            case Rule():
                return self._signs.rule
            case Labelled():
                return f"{self._bracketed(label(block))}\n{self._joined(block.blocks)}"
            case Sponsored():
                mark = self._words["sponsor"] + f" {self._signs.between} " * bool(block.title)
                return f"{self._bracketed(block.title, mark)}\n{self._joined(block.blocks)}"
            case Promo():
                return "\n\n".join(
                    [self._signs.rule, *self._blocks(block.blocks), self._signs.rule]
                )
            case LinkList():
                return "\n\n".join(
                    _indented(
                        "\n".join(
                            filter(
                                None,
                                [
                                    self.inline((*entry.lead, *entry.note)),
                                    *self._blocks(entry.blocks),
                                ],
                            )
                        ),
                        f"{self._signs.brief} "
                        if block.start is None
                        else f"{block.start + index}. ",
                    )
                    for index, entry in enumerate(block.entries)
                )
            case Contents():
                return self._contents()
            case Footnotes():
                return "\n".join(
                    _indented(self._joined(note.blocks), f"[{note.number}] ")
                    for note in block.notes
                )
            case Item():
                return "\n\n".join(
                    [
                        self._title(f"{self._signs.item} ", block.heading, block.url),
                        *self._blocks(block.blocks),
                    ]
                )
            case Section():
                return "\n\n".join(self._section(block, self._signs.subsection))
            case _:
                assert_never(block)

    def _bracketed(self, label: Inline, mark: str = "") -> str:
        """A label in brackets; an address in it ends before the closing one."""
        signs = self._signs
        return f"{signs.label_begins}{mark}{''.join(self._inline(label))}{signs.label_ends}"

    def _contents(self) -> str:
        headings = (without_references(section.heading) for section in self._digest.sections)
        lines = [
            f"{self._signs.bullet} {text}"
            for run in headings
            if (text := self._fields.plain(run).strip())
        ]
        return "\n".join([self._bracketed((), self._words["contents"]), *lines]) if lines else ""

    def _quoted(self, quote: Quote) -> str:
        text = self._joined(quote.blocks)
        if not quote.attribution:
            return text
        dash = "" if begins_with_dash(quote.attribution) else f"{self._signs.attribution} "
        return f"{text}\n{dash}{self.inline(quote.attribution)}"

    def _figure(self, figure: Figure) -> str:
        """A picture's description, where it leads, and its caption if that says more."""
        image = figure.image
        caption = self.inline(figure.caption) or self._fields.tokenised(image.title)
        says_more = _letters(caption) != _letters(image.alt)
        linked = self._fields.tokenised(figure.url) if figure.url else ""
        lines = [self.inline((image,)), linked, caption if says_more else ""]
        return "\n".join(filter(None, lines))

    def _section(self, section: Section, line: str) -> list[str]:
        heading = self._title("", section.heading, section.url)
        return [f"{line}\n{heading}", *self._blocks(section.parts)]

    def _title(self, mark: str, heading: Inline, url: str | None) -> str:
        """A heading; where it is one link, with the address on its own line."""
        if url is None:
            return mark + self.inline(heading)
        text = self._fields.plain(heading).strip()
        return f"{mark}{text}\n{self._fields.tokenised(url)}"

    def _ends_in_rule(self, texts: Sequence[str]) -> bool:
        return bool(texts) and texts[-1].endswith(self._signs.rule)

    def _mark(self, block: ListBlock, index: int, checked: bool | None) -> str:
        if checked is not None:
            return f"{self._signs.done if checked else self._signs.open} "
        return f"{self._signs.bullet} " if block.start is None else f"{block.start + index}. "


def _letters(text: str) -> str:
    """A text without its quotes, which are typeset in a caption but not in a description."""
    return "".join(filter(str.isalnum, text))


def _indented(text: str, first: str, rest: str | None = None) -> str:
    """The text behind a mark, with its further lines indented alike."""
    rest = " " * len(first) if rest is None else rest
    lines = text.split("\n")
    marked = [first + lines[0], *(rest + line for line in lines[1:])]
    return "\n".join(line.rstrip() for line in marked)
