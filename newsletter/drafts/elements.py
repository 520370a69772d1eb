"""Blocks -> HTML, for what Markdown has no words for; an issue may hold it among its Markdown."""

from html import escape
from typing import assert_never

from newsletter.model.blocks import (
    Block,
    Blocks,
    CodeBlock,
    Embed,
    EmbedKind,
    Figure,
    Heading,
    ListBlock,
    Paragraph,
    PictureRow,
    Quote,
    Row,
    Rule,
    Table,
)
from newsletter.model.email import MERGE_FIELD
from newsletter.model.inline import (
    Break,
    Code,
    FootnoteReference,
    Image,
    Inline,
    Link,
    Span,
    Text,
)

# What the reader of HTML makes: the other blocks are only recognised in a whole issue.
_PLAYERS = {EmbedKind.FRAME: "iframe", EmbedKind.VIDEO: "video", EmbedKind.AUDIO: "audio"}


def html(blocks: Blocks) -> str:
    """One line of HTML, which no blank line cuts in two."""
    return "".join(map(_block, blocks)).replace("\n", "&#10;")


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return f"<p>{inline(block.inline)}</p>"
        case Heading():
            return f"<h{block.level}>{inline(block.inline)}</h{block.level}>"
        case ListBlock():
            items = "".join(f"<li>{html(item.blocks)}</li>" for item in block.items)
            number = "" if block.start in (None, 1) else f' start="{block.start}"'
            return f"<ul>{items}</ul>" if block.start is None else f"<ol{number}>{items}</ol>"
        case Quote():
            signed = f"<footer>{inline(block.attribution)}</footer>" if block.attribution else ""
            return f"<blockquote>{html(block.blocks)}{signed}</blockquote>"
        case CodeBlock():
            return f"<pre>{escape(block.text, quote=False)}</pre>"
        case Table():
            head = f"<thead>{_row(block.header, 'th')}</thead>" if block.header else ""
            rows = "".join(_row(row, "td") for row in block.rows)
            return f"<table>{head}<tbody>{rows}</tbody></table>"
        case Figure():
            return _captioned(_picture(block), block.caption)
        case PictureRow():
            return _captioned("".join(map(_picture, block.figures)), block.caption)
        case Embed():
            name = _PLAYERS[block.kind]
            return f'<{name} src="{escape(block.url)}"{_title(block.title)}></{name}>'
        case Rule():
            return "<hr>"
        case _:
            raise TypeError(f"HTML is never read as {type(block).__name__}")


def _row(row: Row, cell: str) -> str:
    return f"<tr>{''.join(f'<{cell}>{inline(run)}</{cell}>' for run in row.cells)}</tr>"


def _picture(figure: Figure) -> str:
    picture = image(figure.image)
    return f'<a href="{escape(figure.url)}">{picture}</a>' if figure.url else picture


def _captioned(picture: str, caption: Inline) -> str:
    shown = f"<figcaption>{inline(caption)}</figcaption>" if caption else ""
    return f"<figure>{picture}{shown}</figure>"


def inline(run: Inline) -> str:
    pieces: list[str] = []
    for node in run:
        match node:
            case Text():
                pieces.append(_text(node.text))
            case Code():
                pieces.append(f"<code>{escape(node.text, quote=False)}</code>")
            case Break():
                pieces.append("<br>" if node.hard else " ")
            case Span():
                pieces.append(f"<{node.kind}>{inline(node.children)}</{node.kind}>")
            case Link(children=()):
                pieces.append(embed(node))
            case Link():
                title = _title(node.title)
                inner = inline(node.children)
                pieces.append(f'<a href="{escape(node.url)}"{title}>{inner}</a>')
            case Image():
                pieces.append(image(node))
            case FootnoteReference():
                pieces.append(f"[{node.number}]")
            case _:
                assert_never(node)
    return "".join(pieces)


def _text(text: str) -> str:
    """A text in which no merge field is filled in."""
    return MERGE_FIELD.sub(lambda field: f"<code>{field[0]}</code>", escape(text, quote=False))


def embed(link: Link) -> str:
    """What cannot be played in a mail, among words."""
    return f'<iframe src="{escape(link.url)}"{_title(link.title)}></iframe>'


def image(picture: Image) -> str:
    sizes = "".join(
        f' {name}="{value}"'
        for name, value in (("width", picture.width), ("height", picture.height))
        if value
    )
    source = escape(picture.file or picture.url)
    return f'<img src="{source}" alt="{escape(picture.alt)}"{_title(picture.title)}{sizes}>'


def _title(text: str) -> str:
    return f' title="{escape(text)}"' if text else ""
