"""The issue that shows every block in a theme."""

from typing import get_args

from newsletter import digest
from newsletter.model.blocks import Block, Item, LabelKind, Labelled, Section
from newsletter.model.inline import InlineNode, Span, SpanKind
from newsletter.model.walking import walk
from newsletter.pictures import PictureFolder
from newsletter.scaffold import KITCHEN_SINK

MOST_BYTES = 40_000  # of all its pictures


def test_it_has_every_kind_of_block_and_of_text() -> None:
    """Or nobody would see what a theme makes of a new kind."""
    folder = PictureFolder(KITCHEN_SINK, KITCHEN_SINK.parent, "https://news.example.com/media")

    parsed = digest.parse(
        digest.read(KITCHEN_SINK, file="kitchen-sink.md"),
        file="kitchen-sink.md",
        stem="kitchen-sink",
        base_url="",
        section_labels=(),
        pictures=folder,
    )

    nodes = list(walk(parsed.digest))
    kinds = {type(node) for node in nodes}
    assert {*get_args(Block), *get_args(InlineNode), Item, Section} <= kinds
    assert {node.kind for node in nodes if isinstance(node, Labelled)} == set(LabelKind)
    assert {SpanKind.EMPHASIS, SpanKind.STRONG, SpanKind.STRIKE, SpanKind.SUBSCRIPT} <= {
        node.kind for node in nodes if isinstance(node, Span)
    }
    assert parsed.digest.meta.cover
    assert parsed.digest.summary
    assert parsed.digest.promo
    assert parsed.findings == ()


def test_its_pictures_are_small() -> None:
    pictures = list((KITCHEN_SINK.parent / "pictures").iterdir())

    assert {path.suffix for path in pictures} == {".png"}
    assert sum(path.stat().st_size for path in pictures) <= MOST_BYTES
