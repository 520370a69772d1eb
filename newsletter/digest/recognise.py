"""Blocks -> sections, items, labelled blocks and link lists: by form, never by lists of words."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from newsletter.model.blocks import (
    Block,
    Blocks,
    Button,
    Embed,
    Entry,
    Heading,
    Item,
    LabelKind,
    Labelled,
    LinkList,
    ListBlock,
    ListItem,
    Paragraph,
    Rule,
    Section,
)
from newsletter.model.inline import (
    Break,
    Code,
    Image,
    Inline,
    InlineNode,
    Link,
    Span,
    SpanKind,
    Text,
)
from newsletter.model.walking import plain_text, walk

_LABEL_LENGTH = 20
_COLONS = ":："
_INSIGHT = re.compile(r"深度|解读|洞|insight|analysis|why it matters|takeaway", re.IGNORECASE)
_IMPACT = re.compile(r"影响|impact", re.IGNORECASE)
_LABEL_HEADING = re.compile(
    r"(深度解读|解读|洞察|影响|insights?|impact|summary|tips?|notes?|tl;dr)\s*([&＆+和与:：].{0,12})?$",
    re.IGNORECASE,
)
_BRIEF_HEADING = re.compile(r"更多|其他.*动态|in brief|quick links|\blinks\b", re.IGNORECASE)
_MOST = 0.6
_FEWEST = 3
_LONGEST_NOTE = 200  # characters; a longer text is not a note
_TAG = re.compile(r"\[[^\[\]]{1,20}\]")  # as in "[video] "
_SIGNS = frozenset({"So", "Sk", "Mn", "Me", "Cf", "Zs"})  # categories of what emoji are made of


@dataclass(frozen=True, slots=True)
class Outline:
    lead: Blocks
    sections: tuple[Section, ...]


def outline(blocks: Sequence[Block], section_labels: Sequence[str]) -> Outline:
    """Part a document into its lead and its sections, at the shallowest level of its headings."""
    return _outline(blocks, section_labels, has_link_list(blocks))


def _outline(blocks: Sequence[Block], section_labels: Sequence[str], compact: bool) -> Outline:
    """`compact` where the issue has a link list, so that its short lists of links count as such
    too."""
    levels = [block.level for block in blocks if isinstance(block, Heading)]
    if not levels:
        return Outline(views(blocks, compact=compact), ())
    lead, parts = _split(blocks, min(levels))
    # Headings before the first one of the top level are sections too.
    earlier = _outline(lead, section_labels, compact)
    sections = (_section(heading, rest, section_labels, compact) for heading, rest in parts)
    return Outline(earlier.lead, (*earlier.sections, *sections))


def _split(
    blocks: Sequence[Block], level: int
) -> tuple[list[Block], list[tuple[Heading, list[Block]]]]:
    """The pieces before the first heading of `level`, and those after each of them."""
    lead: list[Block] = []
    parts: list[tuple[Heading, list[Block]]] = []
    for block in blocks:
        if isinstance(block, Heading) and block.level <= level:
            parts.append((block, []))
        elif parts:
            parts[-1][1].append(block)
        else:
            lead.append(block)
    return lead, parts


def _section(
    heading: Heading, content: Sequence[Block], labels: Sequence[str], compact: bool
) -> Section:
    lead, groups = _groups(content)
    parts: list[Item | Section | Block] = [
        *views(lead, brief=_is_brief(heading), compact=compact),
    ]
    for inner, rest in groups:
        _add_group(parts, inner, rest, labels, compact)
    parts = list(_with_section_label(parts, labels))
    return Section(
        heading.level,
        heading.inline,
        tuple(parts),
        url_of(heading.inline),
        position=heading.position,
    )


def _groups(content: Sequence[Block]) -> tuple[list[Block], list[tuple[Heading, list[Block]]]]:
    """As `_split`, at the shallowest level, and again for the headings before the first of it."""
    below = [block.level for block in content if isinstance(block, Heading)]
    if not below:
        return list(content), []
    lead, groups = _split(content, min(below))
    earlier_lead, earlier = _groups(lead)
    return earlier_lead, [*earlier, *groups]


def _add_group(
    parts: list[Item | Section | Block],
    heading: Heading,
    content: list[Block],
    labels: Sequence[str],
    compact: bool,
) -> None:
    """Add a heading below a section, as a label of the item before it, a sub-section, or an
    item."""
    text = plain_text(heading.inline).strip()
    url = url_of(heading.inline)
    body = views(content, compact=compact)
    if url is None and len(text) <= _LABEL_LENGTH and _LABEL_HEADING.match(text):
        labelled = Labelled(kind_of(text), heading.inline, body, position=heading.position)
        if parts and isinstance(last := parts[-1], Item):
            parts[-1] = replace(last, blocks=(*last.blocks, labelled), position=last.position)
        else:
            parts.append(labelled)
        return
    deeper = any(isinstance(block, Heading) for block in content)
    visible = [block for block in body if not isinstance(block, Rule)]
    only_links = len(visible) == 1 and isinstance(visible[0], LinkList)
    if deeper or (url is None and only_links):
        parts.append(_section(heading, content, labels, compact))
    else:
        parts.append(Item(heading.level, heading.inline, body, url, position=heading.position))


def _with_section_label(
    parts: Sequence[Item | Section | Block], labels: Sequence[str]
) -> Iterator[Item | Section | Block]:
    """Move a label that is about the whole section from the last item to the section."""
    trailing: list[Item | Section | Block] = []
    rest = list(parts)
    while rest and isinstance(rest[-1], Rule):
        trailing.insert(0, rest.pop())
    if not rest or not isinstance(last := rest[-1], Item):
        yield from parts
        return
    blocks = list(last.blocks)
    after: list[Block] = []
    while blocks and isinstance(blocks[-1], Rule):
        after.insert(0, blocks.pop())
    if not blocks or not isinstance(final := blocks[-1], Labelled) or not _speaks(final, labels):
        yield from parts
        return
    yield from rest[:-1]
    yield replace(last, blocks=tuple(blocks[:-1]), position=last.position)
    yield replace(final, whole_section=True, position=final.position)
    yield from after
    yield from trailing


def _speaks(labelled: Labelled, labels: Sequence[str]) -> bool:
    text = plain_text(labelled.label).strip().lower()
    return any(text.startswith(label.lower()) for label in labels)


# --- views over a run of blocks -------------------------------------------------------------------


def views(blocks: Sequence[Block], *, brief: bool = False, compact: bool = False) -> Blocks:
    """The run with labelled blocks and link lists recognised, in the same order.

    `brief` below a heading for the rest of the news, `compact` in an issue with a link list.
    """
    result: list[Block] = []
    index = 0
    while index < len(blocks):
        block = blocks[index]
        index += 1
        parts = label_of(block)
        if parts is None:
            result.append(_list_view(block, brief, compact))
            continue
        label, rest = parts
        body: list[Block] = [Paragraph(rest, position=block.position)] if rest else []
        while index < len(blocks) and _belongs(blocks[index], body, bool(rest)):
            body.append(_list_view(blocks[index], brief, compact))
            index += 1
        kind = kind_of(plain_text(label))
        result.append(Labelled(kind, label, tuple(body), position=block.position))
    return tuple(result)


def _belongs(block: Block, body: Sequence[Block], has_text: bool) -> bool:
    """Whether a block still belongs to the label before it.

    A label with text of its own takes only a list right behind it; one that stands alone takes
    paragraphs, buttons, cards and lists up to the next heading, label or rule.
    """
    if isinstance(block, ListBlock):
        return not has_text or len(body) == 1
    return (
        not has_text and isinstance(block, Paragraph | Button | Embed) and label_of(block) is None
    )


def label_of(block: Block) -> tuple[Inline, Inline] | None:
    """(label with its colon, the rest of its paragraph) of a paragraph that begins with one."""
    if not isinstance(block, Paragraph) or not block.inline:
        return None
    first, rest = block.inline[0], block.inline[1:]
    if not isinstance(first, Span) or first.kind is not SpanKind.STRONG:
        return None
    text = plain_text(first.children).strip()
    if not text or len(text.rstrip(_COLONS)) > _LABEL_LENGTH:
        return None
    if any(isinstance(node, Link | Image) for node in walk(first)):
        return None  # with a link or a picture it is a text
    if text[-1] in _COLONS:
        return (first,), _stripped(rest)
    if rest and isinstance(after := rest[0], Text) and after.text[:1] in tuple(_COLONS):
        colon = Text(after.text[0], position=after.position)
        remainder = Text(after.text[1:], position=after.position)
        return (first, colon), _stripped((remainder, *rest[1:]))
    return None


def _stripped(nodes: Inline) -> Inline:
    """The run without breaks and white space at its beginning."""
    index = 0
    while index < len(nodes) and _is_space(nodes[index]):
        index += 1
    rest = nodes[index:]
    if rest and isinstance(first := rest[0], Text):
        rest = (Text(first.text.lstrip(), position=first.position), *rest[1:])
    return rest


def _is_space(node: InlineNode) -> bool:
    return isinstance(node, Break) or (isinstance(node, Text) and not node.text.strip())


def kind_of(label: str) -> LabelKind:
    """The hue of a label; misspelt ones keep their family by what is left of it."""
    if _IMPACT.match(label.strip()):
        return LabelKind.IMPACT
    return LabelKind.INSIGHT if _INSIGHT.match(label.strip()) else LabelKind.NEUTRAL


def has_link_list(blocks: Sequence[Block]) -> bool:
    """Whether any list of an issue is a link list by itself."""
    brief = False
    for block in blocks:
        if isinstance(block, Heading):
            brief = _is_brief(block)
        elif isinstance(_list_view(block, brief, compact=False), LinkList):
            return True
    return False


def _is_brief(heading: Heading) -> bool:
    return bool(_BRIEF_HEADING.search(plain_text(heading.inline)))


def _list_view(block: Block, brief: bool, compact: bool) -> Block:
    if not isinstance(block, ListBlock) or any(item.checked is not None for item in block.items):
        return block
    entries = [entry for item in block.items if (entry := _entry(item))]
    if len(entries) < len(block.items) or any(_is_text(entry.note) for entry in entries):
        return block
    with_link = sum(entry.url is not None for entry in entries)
    enough = with_link >= _FEWEST and with_link >= _MOST * len(entries)
    if brief or enough or (compact and with_link == len(entries)):
        return LinkList(tuple(entries), block.start, position=block.position)
    return block


def _is_text(note: Inline) -> bool:
    """Whether the text after a link is a paragraph of its own rather than a note."""
    return len(plain_text(note)) > _LONGEST_NOTE


def _entry(item: ListItem) -> Entry | None:
    """A list item as an entry: its lead, its note, and the blocks below it."""
    if not item.blocks or not isinstance(first := item.blocks[0], Paragraph):
        return None
    end = 2 if first.inline and _is_sign(first.inline[0]) else 1
    lead, note = first.inline[:end], first.inline[end:]
    if len(lead) < end or not _leads(lead[-1]):
        return Entry((), first.inline, item.blocks[1:], position=item.position)
    return Entry(lead, note, item.blocks[1:], url_of(lead), position=item.position)


def _leads(node: InlineNode) -> bool:
    return isinstance(node, Link) or (isinstance(node, Span) and node.kind is SpanKind.STRONG)


def _is_sign(node: InlineNode) -> bool:
    """Whether a text before a link belongs to it: emoji, or tags such as `[video]`."""
    return isinstance(node, Text) and all(
        unicodedata.category(character) in _SIGNS for character in _TAG.sub("", node.text)
    )


def url_of(inline: Inline) -> str | None:
    """The target of the one link in a run, None where there is none or more than one."""
    links = list(_links(inline))
    return links[0].url if len(links) == 1 else None


def _links(inline: Inline) -> Iterator[Link]:
    for node in inline:
        if isinstance(node, Link):
            yield node
        elif isinstance(node, Span):
            yield from _links(node.children)
        elif isinstance(node, Code):
            continue
