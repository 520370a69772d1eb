"""How the issue is built: headings, links, pictures, labels."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from newsletter.lint.alts import says_nothing
from newsletter.lint.foreign_fields import fields_in
from newsletter.lint.vague import is_vague
from newsletter.lint.visible import body_nodes, texts
from newsletter.model.blocks import Figure, Item, Labelled, Section
from newsletter.model.digest import Digest
from newsletter.model.email import MERGE_FIELD
from newsletter.model.finding import Finding, Severity
from newsletter.model.inline import Image, Link, Node
from newsletter.model.nodes import nodes_of
from newsletter.model.walking import plain_text, walk

_TITLE_WIDTH = 60
_MANY_IMAGES = 100
_LABELS = ("深度解读 & 洞察", "深度解读", "洞察", "解读", "影响", "Insight", "Impact", "Summary")
# Each opening is searched up to the next one, so that a text full of them takes linear time. Tags
# of Liquid and shortcodes of Hugo are left to foreign-markup.
_TEMPLATE = re.compile(
    r"\{\{(?![<%])(?:(?!\{\{).){0,200}?\}\}|\{%(?!-?\s*[a-z])(?:(?!\{%).){0,200}?%\}"
)


def no_summary(digest: Digest) -> Iterator[Finding]:
    """The summary is what most readers read."""
    if not digest.summary:
        yield Finding(
            "no-summary",
            Severity.INFO,
            digest.position,
            "the issue has no summary",
            "Add summary: to the front matter, one line a point.",
        )


def no_cover(digest: Digest) -> Iterator[Finding]:
    """A cover is welcome and not needed."""
    if digest.meta.cover is None:
        yield Finding(
            "no-cover",
            Severity.INFO,
            digest.position,
            "the issue has no cover picture",
            "Add coverImage: to the front matter, a path from the issue or an https:// address.",
        )


def long_title(digest: Digest) -> Iterator[Finding]:
    """A long title is cut in the inbox of a phone."""
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in digest.title_text)
    if width > _TITLE_WIDTH and digest.meta.subject is None:
        yield Finding(
            "long-title",
            Severity.WARNING,
            digest.title[0].position if digest.title else digest.position,
            f"the title is {width} columns wide; inboxes show about {_TITLE_WIDTH}",
            "Shorten it, or write a shorter subject: in the front matter.",
        )


def _headings(digest: Digest) -> Iterator[Section | Item]:
    for node in body_nodes(digest):
        if isinstance(node, Section | Item):
            yield node


def empty_heading(digest: Digest) -> Iterator[Finding]:
    """A heading has text."""
    for node in _headings(digest):
        if not plain_text(node.heading).strip():
            yield Finding(
                "empty-heading",
                Severity.WARNING,
                node.position,
                "a heading has no text",
                "Write it, or remove the #.",
            )


def heading_skip(digest: Digest) -> Iterator[Finding]:
    """Headings go down one level at a time, for those who listen to them."""
    for section in digest.sections:
        yield from _skips(section)


def _skips(section: Section) -> Iterator[Finding]:
    for part in section.parts:
        if isinstance(part, Section | Item) and part.level > section.level + 1:
            yield Finding(
                "heading-skip",
                Severity.WARNING,
                part.position,
                f"a heading of level {part.level} below one of level {section.level}",
                f"Use {'#' * (section.level + 1)}.",
            )
            return
        if isinstance(part, Section):
            yield from _skips(part)


def repeated_url(digest: Digest) -> Iterator[Finding]:
    """Several items with one link: some may have the wrong one."""
    by_url: dict[str, list[Item]] = defaultdict(list)
    for item in digest.items():
        if item.url:
            by_url[item.url].append(item)
    for url, items in by_url.items():
        if len(items) > 1:
            lines = ", ".join(str(item.position.line) for item in items)
            yield Finding(
                "repeated-url",
                Severity.WARNING,
                items[1].position,
                f"{len(items)} items (lines {lines}) link to {url}",
                "Link each to its own source.",
            )


def image_without_alt(digest: Digest) -> Iterator[Finding]:
    """Many readers see no pictures, and some never do."""
    for node in nodes_of(digest):
        match node:
            case Image() if not (node.alt.strip() or node.decorative):
                yield _undescribed(
                    node,
                    "a picture without a description",
                    'Write ![what it shows](…), or <img alt="" …> for one that only decorates.',
                )
            case Figure(image=Image(decorative=True)) if node.url:
                yield _undescribed(node, _NAMELESS_LINK, _NAME_IT)
            case Link() if _holds_decoration_alone(node):
                yield _undescribed(node, _NAMELESS_LINK, _NAME_IT)
            case _:
                pass


_NAMELESS_LINK = "a link whose only picture has no description"
_NAME_IT = "Say in its alt text where the link leads."


def _holds_decoration_alone(link: Link) -> bool:
    if plain_text(link.children).strip():
        return False
    pictures = [node for child in link.children for node in walk(child) if isinstance(node, Image)]
    return bool(pictures) and all(picture.decorative for picture in pictures)


def _undescribed(node: Node, message: str, fix: str) -> Finding:
    return Finding("image-without-alt", Severity.ERROR, node.position, message, fix)


def vague_alt(digest: Digest) -> Iterator[Finding]:
    """A description says what a picture shows; the name of its file does not."""
    for node in nodes_of(digest):
        if isinstance(node, Image) and says_nothing(node.alt):
            yield Finding(
                "vague-alt",
                Severity.WARNING,
                node.position,
                f"the description {node.alt.strip()!r} does not say what the picture shows",
                "Say what readers would miss without it.",
            )


def insecure_image(digest: Digest) -> Iterator[Finding]:
    """Mail programs hide pictures that come over http."""
    if (cover := digest.meta.cover or "").startswith("http:"):
        yield Finding(
            "insecure-image",
            Severity.WARNING,
            digest.position,
            f"the cover {cover} comes over http",
            "Use https.",
        )
    for node in nodes_of(digest):
        if isinstance(node, Image) and node.url.startswith("http:"):
            yield Finding(
                "insecure-image",
                Severity.WARNING,
                node.position,
                f"{node.url} comes over http",
                "Use https.",
            )


def many_images(digest: Digest) -> Iterator[Finding]:
    """A mail of pictures is slow and looks like spam."""
    count = sum(isinstance(node, Image) for node in nodes_of(digest))
    if count > _MANY_IMAGES:
        yield Finding(
            "many-images",
            Severity.WARNING,
            digest.position,
            f"the issue has {count} pictures",
            f"Keep to {_MANY_IMAGES} at most.",
        )


def label_misspelt(digest: Digest) -> Iterator[Finding]:
    """A label one letter off a known one."""
    for node in nodes_of(digest):
        if not isinstance(node, Labelled):
            continue
        text = plain_text(node.label).strip().rstrip(":：").strip()
        for label in _LABELS:
            if len(text) == len(label) > 3 and _one_off(text, label):
                yield Finding(
                    "label-misspelt",
                    Severity.WARNING,
                    node.position,
                    f"the label {text!r} is one character off {label!r}",
                    f"Write {label}.",
                )
                break


def _one_off(text: str, label: str) -> bool:
    """Whether one character differs, capitals aside."""
    pairs = zip(text.lower(), label.lower(), strict=True)
    return sum(a != b for a, b in pairs) == 1


def vague_link(digest: Digest) -> Iterator[Finding]:
    """A link's text says where it leads."""
    for node in nodes_of(digest):
        if isinstance(node, Link) and is_vague(plain_text(node.children)):
            yield Finding(
                "vague-link",
                Severity.WARNING,
                node.position,
                f"the link text {plain_text(node.children)!r} says nothing",
                "Name what it leads to.",
            )


def literal_template(digest: Digest) -> Iterator[Finding]:
    """Braces that look like a merge field but are not one stay as they are."""
    for text, place in texts(digest):
        for match in _TEMPLATE.finditer(text):
            if text[: match.start()].rstrip().endswith("]("):  # which broken-link reports
                continue
            if not MERGE_FIELD.fullmatch(match[0]) and not any(fields_in(match[0])):
                yield Finding(
                    "literal-template",
                    Severity.INFO,
                    place,
                    f"{match[0]!r} is not a merge field: readers see it as it stands",
                    "docs/writing.md lists the merge fields.",
                )
