"""Runs of text, links, buttons and pictures -> HTML."""

import copy
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self, assert_never

from markupsafe import Markup

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
from newsletter.render import breaking
from newsletter.render.fields import Fields
from newsletter.render.html.tags import place, place_of
from newsletter.render.signs import HtmlSigns
from newsletter.render.spacing import joins_without_space

WIDTH_UNKNOWN = 284  # CSS pixels of a picture among words whose size is not known
_LEAST_ROOM = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """What HTML must know about its sheet, since Outlook ignores styles for it.

    `width` is what its text has, in CSS pixels; `button_ground` a colour.
    """

    width: int
    direction: str
    button_ground: str
    signs: HtmlSigns


class InlineWriter:
    """Writes runs of text as HTML; merge fields in them become tokens of `fields`."""

    def __init__(self, fields: Fields, sheet: Sheet) -> None:
        self.sheet = sheet
        self.code_direction = ' dir="ltr"' if sheet.direction == "rtl" else ""
        self._fields = fields

    def within(self, pixels: int) -> Self:
        """A writer for the content of a block that takes some `pixels` of the width."""
        inner = copy.copy(self)
        inner.sheet = replace(self.sheet, width=max(_LEAST_ROOM, self.sheet.width - pixels))
        return inner

    def inline(self, nodes: Inline) -> Markup:
        return Markup("".join(self._inline(nodes)))  # noqa: S704 -- built of escaped pieces

    def _inline(self, nodes: Sequence[InlineNode], in_link: bool = False) -> Iterable[str]:
        for index, node in enumerate(nodes):
            match node:
                case Text():
                    yield self.text(node.text)
                case Code():
                    name = "code whole" if breaking.is_whole_code(node.text) else "code"
                    code = html.escape(node.text)
                    yield f'<code{self.code_direction} class="{name}">{code}</code>'
                case Break(hard=True):
                    yield "<br />"
                case Break():
                    yield "" if joins_without_space(nodes, index) else " "
                case Span():
                    inner = "".join(self._inline(node.children, in_link))
                    yield f"<{node.kind.value}>{inner}</{node.kind.value}>"
                case Link():
                    yield self._link(node)
                case Image():
                    yield self._inline_picture(node)
                case FootnoteReference():
                    yield self._reference(node, in_link)
                case _:
                    assert_never(node)

    def text(self, text: str) -> str:
        """A text as an author wrote it, escaped."""
        return html.escape(self._fields.tokenised(text))

    def url(self, url: str) -> str:
        return html.escape(self._fields.tokenised(url))

    def address(self, url: str) -> Markup:
        """A URL for an attribute, with its merge fields."""
        return Markup(self.url(url))  # noqa: S704 -- escaped

    def link(self, link: Link, name: str) -> Markup:
        """A link of the class `name`."""
        return Markup(self._link(link, name))  # noqa: S704 -- as above

    def _link(self, link: Link, name: str = "link") -> str:
        text = "".join(self._inline(link.children, in_link=True)) or html.escape(link.url)
        title = f' title="{self.text(link.title)}"' if link.title else ""
        return f'<a href="{self.url(link.url)}"{title} class="{name}">{text}</a>'

    def _reference(self, node: FootnoteReference, in_link: bool) -> str:
        """A number that links to its note; within a link, which cannot hold another, the number
        alone."""
        mark = f"[{node.number}]"
        if not in_link:
            href = f"#note-{node.number}"
            mark = place(place_of(node.number, node.occurrence), mark, href, "note-link")
        return f'<sup class="note-mark">{mark}</sup>'

    def _inline_picture(self, image: Image) -> str:
        room = self.sheet.width if image.width else min(WIDTH_UNKNOWN, self.sheet.width)
        return self.image(image, "inline-image", room)

    def button(self, link: Link) -> Markup:
        """A link as a button: the padding is its cell's, since Outlook gives a link none."""
        return Markup(  # noqa: S704 -- as above
            '<table role="presentation" cellpadding="0" cellspacing="0" class="action"><tr>'
            f'<td bgcolor="{html.escape(self.sheet.button_ground)}" class="button-cell">'
            f"{self._link(link, 'button')}</td></tr></table>"
        )

    def picture(self, image: Image, name: str, width: int) -> Markup:
        """A picture of the class `name`, at most `width` CSS pixels wide."""
        room = min(width, self.sheet.width)
        sized = image if image.width else replace(image, width=width, height=None)
        return Markup(self.image(sized, name, room))  # noqa: S704 -- as above

    def image(self, image: Image, name: str, room: int) -> str:
        """At most as wide as there is room; without a width Outlook takes that of the file."""
        width = min(image.width or room, room)
        size = f' width="{width}"'
        if image.width and image.height:
            size += f' height="{max(1, round(image.height * width / image.width))}"'
        title = f' title="{self.text(image.title)}"' if image.title else ""
        names = name if image.width else f"{name} natural"
        return (
            f'<img src="{html.escape(image.url)}" alt="{self.text(image.alt)}"{title}{size} '
            f'class="{names}" />'
        )
