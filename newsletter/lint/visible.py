"""What a reader sees of a digest, as plain values for the rules."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from newsletter.model.blocks import CodeBlock, Embed, Figure
from newsletter.model.digest import Digest
from newsletter.model.finding import Position
from newsletter.model.inline import (
    Break,
    Code,
    Image,
    Inline,
    Link,
    Node,
    Span,
    Text,
)
from newsletter.model.nodes import nodes_of, once_a_digest
from newsletter.model.walking import inlines_of, walk

Addressed = Link | Image | Embed | Figure  # a reader follows or fetches its `url`
_Followed = Link | Embed | Figure
_Written = Text | Code | CodeBlock

_SHOWN = 60
_TELLING, _LEAST_TELLING = 30, 3  # letters by which a text is known again
_NO_LETTER = re.compile(r"[\W_]+")
_AROUND = " .,:;!?…。，、：；！？\"'“”‘’„«»「」『』*_`"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@once_a_digest
def body_nodes(digest: Digest) -> Sequence[Node]:
    """All nodes below the title and the summary, the promo card left out."""
    parts = (*digest.lead, *digest.sections, *digest.tail)
    return tuple(node for part in parts for node in walk(part))


@once_a_digest
def visible_text(digest: Digest) -> str:
    """The text of the body."""
    return " ".join(node.text for node in body_nodes(digest) if isinstance(node, _Written))


def inbox_texts(digest: Digest) -> Iterator[tuple[str, Position]]:
    """The subject and the preheader of the front matter, as far as they are there."""
    for key, text in (("subject", digest.meta.subject), ("preheader", digest.meta.preheader)):
        if text:
            yield text, digest.place_of(key)


def link_targets(digest: Digest) -> Iterator[str]:
    for node in body_nodes(digest):
        url = node.url if isinstance(node, _Followed) else None
        if url is not None:
            yield url


def captions(digest: Digest) -> Iterator[tuple[str, Position]]:
    """Captions of pictures with their places: plain text, whatever markup is in them."""
    for node in nodes_of(digest):
        if caption := _caption(node):
            yield caption


@once_a_digest
def texts(digest: Digest) -> Sequence[tuple[str, Position]]:
    """Each text and each caption, with its place."""
    places = (
        (node.text, node.position) if isinstance(node, Text) else _caption(node)
        for node in nodes_of(digest)
    )
    return tuple(place for place in places if place is not None)


def _caption(node: Node) -> tuple[str, Position] | None:
    if isinstance(node, Figure) and node.image.title:
        return node.image.title, node.image.position
    return None


def holds_any(digest: Digest, signs: Iterable[str]) -> bool:
    """Whether a text of the digest holds one of these: a quick check, since most issues have
    none."""
    text = all_text(digest)
    return any(sign in text for sign in signs)


@once_a_digest
def all_text(digest: Digest) -> str:
    """All texts and captions, each on a line of its own: for a quick check before `runs`."""
    return "\n".join([text for text, _ in texts(digest)])


@dataclass(frozen=True, slots=True)
class Run:
    """The visible text of a paragraph, a heading or a cell, and the pieces that it is made of.

    A break is a line end; code, and anything that is not text, is a NUL. `links` says where the
    text of each link begins and ends.
    """

    text: str
    pieces: tuple[tuple[str, Position], ...]
    links: tuple[tuple[int, int], ...] = ()
    is_plain: bool = False  # a caption, in which nothing is markup

    def place(self, offset: int) -> Position:
        """Where the character stands."""
        for text, place in self.pieces:
            if offset < len(text):
                return place
            offset -= len(text)
        return self.pieces[-1][1]

    def has_link(self, start: int, end: int) -> bool:
        """Whether there is a link between these places."""
        return any(begin < end and start < stop for begin, stop in self.links)


@once_a_digest
def runs(digest: Digest) -> Sequence[Run]:
    """Each run of text, title, summary and captions included, in reading order."""
    return tuple(_runs_in(nodes_of(digest)))


def runs_of(root: Node, *, below: bool = True) -> Iterator[Run]:
    """The runs of a node, those of the nodes below it included unless they are not wanted."""
    return _runs_in(walk(root) if below else (root,))


def _runs_in(nodes: Iterable[Node]) -> Iterator[Run]:
    for node in nodes:
        for inline in inlines_of(node):
            if pieces := tuple(_pieces(inline)):
                text = "".join([text for text, _, _ in pieces])
                places = tuple((text, place) for text, place, _ in pieces)
                yield Run(text, places, tuple(_links(pieces)))
        if caption := _caption(node):
            yield Run(caption[0], (caption,), is_plain=True)


def _links(pieces: Iterable[tuple[str, Position, bool]]) -> Iterator[tuple[int, int]]:
    start = 0
    for text, _, is_link in pieces:
        if is_link:
            yield start, start + len(text)
        start += len(text)


def _pieces(inline: Inline, *, in_link: bool = False) -> Iterator[tuple[str, Position, bool]]:
    for node in inline:
        match node:
            case Text():
                yield node.text, node.position, in_link
            case Break():
                yield "\n", node.position, in_link
            case Span() | Link() if node.children:
                yield from _pieces(node.children, in_link=in_link or isinstance(node, Link))
            case _:
                yield "\0", node.position, in_link


def quoted(text: str) -> str:
    """A piece of a run as a finding quotes it: an ellipsis for anything that is not text, and not
    too long."""
    text = text.replace("\0", "…")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def spoken(text: str) -> str:
    """A text without its capitals, and the signs and spaces around it: two that are equal then say
    the same. Signs within stay, since C++ is not C, nor 1.1 the number 11."""
    return " ".join(text.casefold().split()).strip(_AROUND)


def is_chinese(text: str) -> bool:
    return bool(_CHINESE.search(text))


def place_of_text(text: str, digest: Digest) -> Position:
    """Where the author wrote a text of the mail; the issue's beginning if it is the theme's."""
    letters = _letters(text)[:_TELLING]
    if len(letters) >= _LEAST_TELLING:
        for written, place in texts(digest):
            if letters in _letters(written):
                return place
        for run in runs(digest):
            if letters in _letters(run.text):
                return run.place(0)
    return digest.position


def place_of_target(url: str, digest: Digest) -> Position:
    """Where the author wrote an address; the issue's beginning if it is the theme's."""
    nodes = (node for node in nodes_of(digest) if getattr(node, "url", None) == url)
    return next((node.position for node in nodes), digest.position)


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text)
