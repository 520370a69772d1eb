"""Blocks, items and sections -> HTML."""

import html
from collections.abc import Iterable, Iterator, Mapping

from markupsafe import Markup

from newsletter.model.blocks import Figure, Heading, Item, Paragraph, Promo, Section
from newsletter.model.digest import Digest
from newsletter.model.inline import Inline, Node
from newsletter.model.walking import plain_text, without_references
from newsletter.render import breaking
from newsletter.render.fields import Fields
from newsletter.render.html import frames, marks, own
from newsletter.render.html.inline import WIDTH_UNKNOWN, InlineWriter, Sheet
from newsletter.render.html.own import OwnBlock
from newsletter.render.html.pictures import lone_picture
from newsletter.render.html.standing import ALONE, FIRST_LEVEL, BlockPart, PartContext
from newsletter.render.html.tags import place
from newsletter.render.rules import DigestPart, with_gaps

_CARD_SIDES = 48  # pixels that a card takes of its line's width
_WITH_HEADING = (Item, Section)


class HtmlWriter(InlineWriter):
    """Writes nodes as HTML; merge fields in text become tokens of `fields`."""

    def __init__(
        self,
        fields: Fields,
        sheet: Sheet,
        words: Mapping[str, str],
        digest: Digest,
        *,
        own_blocks: Mapping[str, OwnBlock] | None = None,
        marks: bool = False,
    ) -> None:
        """`words` are those of the mail in its language, as a theme has them; `own_blocks` write
        some kinds of blocks, by their names in `own.NAMES`, in the theme's own way. With `marks`
        the first tag of each part says its line in the issue."""
        super().__init__(fields, sheet)
        self.words = words
        self._digest = digest
        self._own = own.by_kind(own_blocks or {})
        self._marks = marks

    def blocks(self, blocks: Iterable[DigestPart], level: int = FIRST_LEVEL) -> Markup:
        """Blocks in their order; the headings of items and sub-sections are of `level`."""
        return Markup("".join(self.parts(blocks, level, 0)))  # noqa: S704 -- as in inline

    def parts(self, parts: Iterable[DigestPart], level: int, below: int) -> Iterator[str]:
        """As `blocks`; `below` counts the headings of their kind above them."""
        after_heading = False
        for part, parted in with_gaps(parts):
            has_heading = isinstance(part, _WITH_HEADING)
            standing = PartContext(level, below, parted or after_heading) if has_heading else ALONE
            yield self.part(part, standing)
            after_heading = has_heading

    def part(self, part: BlockPart, standing: PartContext = ALONE) -> str:
        """A block, or a point, entry or note of one. The HTML of all of them passes here."""
        if write := self._own.get(type(part)):
            written = write(self, own.facts(self, part, standing))
        else:
            written = frames.framed(self, part, standing)
        return self.marked(written, part)

    def marked(self, written: str, node: Node) -> str:
        """HTML of a node, with its line on its first tag where marks are wanted."""
        return marks.marked(written, node) if self._marks else written

    def mark(self, node: Node | Inline) -> Markup:
        """The attribute that marks the line of a node or a run; nothing where no marks are
        wanted."""
        return Markup(marks.attribute(node) if self._marks else "")  # noqa: S704 -- a number

    def card(self, promo: Promo) -> Markup:
        """All of a card in its order, its title set apart."""
        inner = self.within(_CARD_SIDES)
        pieces: list[str] = []
        title = promo.title
        for block in promo.blocks:
            match block:
                case Heading(inline=run) | Paragraph(inline=run) if title and run == title:
                    piece = f'<p class="promo-title">{inner.inline(run)}</p>'
                    pieces.append(self.marked(piece, block))
                    title = ()
                case Figure():
                    room = inner.sheet.width if block.image.width else WIDTH_UNKNOWN
                    picture = lone_picture(block, inner, min(room, inner.sheet.width))
                    pieces.append(self.marked(picture, block))
                case _:
                    pieces.append(inner.part(block))
        return Markup("".join(pieces))  # noqa: S704 -- as in inline

    def phrases(self, heading: Inline) -> str:
        """A further class for a heading that may only break between its phrases, or nothing."""
        return " phrases" if breaking.is_of_short_phrases(plain_text(heading)) else ""

    def anchor(self, section: Section | Item) -> Markup:
        """Where a link to a heading leads; nothing where there is none."""
        return Markup(place(section.anchor) if section.anchor else "")  # noqa: S704 -- as above

    def contents(self) -> str:
        """The points of a list of the sections that have a heading, with links to them."""
        return "".join(
            f'<li class="li"><a href="#{section.anchor}" class="link">{html.escape(text)}</a></li>'
            for section in self._digest.sections
            if (text := self._fields.plain(without_references(section.heading)).strip())
        )
