"""HTML -> Markdown, which is read back and compared: what would be read differently stays HTML."""

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter import digest
from newsletter.digest import html as html_reader
from newsletter.digest import sanitising
from newsletter.digest.report import Pictures, Report
from newsletter.drafts import elements, markup
from newsletter.errors import UnreadableIssue
from newsletter.model.blocks import Block, Blocks, CodeBlock, Embed
from newsletter.model.finding import Finding, Position
from newsletter.model.inline import Code, Image, Link, Node, Text
from newsletter.model.picture import PictureResult
from newsletter.model.walking import walk

_TITLE = "-"  # of the issue that a text is tried in: no heading of its own is taken for it


@dataclass(frozen=True, slots=True)
class Converted:
    """`markdown` shows what the HTML showed. `findings` say what the HTML lost when it was read,
    `as_html` how many of its blocks stay HTML."""

    markdown: str
    findings: tuple[Finding, ...]
    as_html: int = 0


class _AsNamed:
    """Pictures of which only the names matter."""

    def find(self, target: str, shown_width: int) -> PictureResult:
        return PictureResult(f"https://beside.invalid/{shown_width}")


def blocks_of(source: str, *, base_url: str = "") -> tuple[Blocks, tuple[Finding, ...]]:
    """The blocks of a page's HTML, and what was lost: scripts, styles, targets that are none.

    Relative targets are taken below `base_url`, except for pictures beside the issue.
    """
    report = Report("", base_url, 1, _pictures())
    place = Position("", 1)
    cleaned = sanitising.clean(source, place, report)
    blocks = html_reader.blocks(sanitising.tree(cleaned), place, report) if cleaned.strip() else ()
    report.tell_of_fragments()
    return blocks, tuple(report.findings)


def markdown_of(source: str, *, base_url: str = "") -> Converted:
    """The Markdown for a page's HTML."""
    blocks, findings = blocks_of(source, base_url=base_url)
    text = markup.markdown(blocks)
    if (shown := _shown(text)) is None or shown == leaves(blocks):
        return Converted(text, findings)  # an issue that is too much is told of as it stands
    pieces = [_safest(block) for block in blocks]
    as_html = sum(is_html for _, is_html in pieces)
    text = "\n\n".join(piece for piece, _ in pieces)
    if reads_as(text, blocks):
        return Converted(text, findings, as_html)
    return Converted(
        "\n\n".join(elements.html((block,)) for block in blocks), findings, len(blocks)
    )


def _safest(block: Block) -> tuple[str, bool]:
    """A block in the form that reads best of those that are read as it, and whether that is
    HTML."""
    for careful in (False, True):
        text = markup.markdown((block,), careful=careful)
        if reads_as(text, (block,)):
            return text, text.startswith("<")
    return elements.html((block,)), True


def reads_as(text: str, blocks: Blocks) -> bool:
    """Whether an issue with this text shows the words, links and pictures of the blocks."""
    return _shown(text) == leaves(blocks)


def _shown(text: str) -> list[tuple[str, ...]] | None:
    """What an issue with this text shows; None where it is more than an issue may hold."""
    source = f"---\ntitle: {_TITLE}\n---\n\n{text}\n".encode()
    try:
        parsed = digest.parse(
            source,
            file="",
            stem="x",
            base_url="",
            section_labels=(),
            pictures=_pictures(),
        )
    except UnreadableIssue:
        return None
    issue = parsed.digest
    return leaves((*issue.lead, *issue.sections, *issue.tail, *filter(None, [issue.promo])))


def leaves(nodes: tuple[Node, ...]) -> list[tuple[str, ...]]:
    """What readers see of some nodes in order; neighbouring texts are one, without white space."""
    merged: list[tuple[str, ...]] = []
    for leaf in (leaf for node in nodes for leaf in _leaves(node)):
        if leaf[0] == "text" and merged and merged[-1][0] == "text":
            merged[-1] = ("text", merged[-1][1] + leaf[1])
        elif leaf != ("text", ""):
            merged.append(leaf)
    return merged


def _leaves(root: Node) -> Iterator[tuple[str, ...]]:
    for node in walk(root):
        match node:
            case Text() | Code() | CodeBlock():
                yield "text", "".join(node.text.split())
            case Image():
                yield "picture", node.file or node.url, " ".join(node.alt.split())
            case Link() | Embed():
                yield "link", node.url
            case _ if url := getattr(node, "url", None):
                if not hasattr(node, "heading") and not hasattr(node, "lead"):
                    yield "link", url
            case _:
                pass


def _pictures() -> Pictures:
    return _AsNamed()
