"""A digest: an issue parsed and typed."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from newsletter.model.blocks import Blocks, Item, Promo, Section
from newsletter.model.finding import Position
from newsletter.model.inline import Inline, Node
from newsletter.model.walking import plain_text


@dataclass(frozen=True, slots=True)
class Meta:
    """The front matter that is not content; what no key claims is kept in `extra`.

    `lines` are those of the file in which its texts stand, by their names here.
    """

    date: dt.date | dt.datetime | None = None
    category: str = ""
    tags: tuple[str, ...] = ()
    seo: tuple[str, ...] = ()
    cover: str | None = None
    cover_size: tuple[int, int] | None = None  # at which it is shown, in CSS pixels, where known
    subject: str | None = None
    preheader: str | None = None
    language: str | None = None
    slug: str | None = None
    list: str | None = None
    theme: str | None = None
    draft: bool = False
    smart: bool = True  # whether straight quotes and hyphens become those of the language
    extra: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def ignored(self) -> Mapping[str, str]:
        """The rules of lint that an issue does without, each with the reason, if it gives one."""
        return ignored_rules(self.extra.get("lint-ignore"))

    @property
    def day(self) -> dt.date | None:
        return None if self.date is None else day_of(self.date)


def ignored_rules(value: object) -> Mapping[str, str]:
    """Rules and reasons: of a mapping, of a list of rules or of mappings, or of a text with
    commas."""
    match value:
        case None | "":
            return {}
        case Mapping():
            return {
                str(rule): reason.strip() if isinstance(reason, str) else ""
                for rule, reason in value.items()
            }
        case list():
            parts = [each if isinstance(each, Mapping) else str(each) for each in value]
            return {rule: why for part in parts for rule, why in ignored_rules(part).items()}
        case _:
            return {name.strip(): "" for name in str(value).split(",") if name.strip()}


def day_of(date: dt.date | dt.datetime) -> dt.date:
    """The day as its author wrote it, in whatever time zone that was."""
    return date.date() if isinstance(date, dt.datetime) else date


@dataclass(frozen=True, slots=True)
class Digest(Node):
    """An issue, parsed and typed.

    `stem` is the file's stem verbatim, `slug` its identity in the ledger and the archive.
    `summary` holds one inline per point; `summary_is_list` tells bullets from sentences.
    A title equal to the body's first heading is kept once, here.
    """

    stem: str
    slug: str
    title: Inline
    meta: Meta
    summary: tuple[Inline, ...] = ()
    summary_is_list: bool = True
    lead: Blocks = ()
    sections: tuple[Section, ...] = ()
    tail: Blocks = ()  # footnotes, and what follows the last section after a rule
    promo: Promo | None = None

    def items(self) -> Iterator[Item]:
        """All items, in reading order."""
        for section in self.sections:
            yield from section.items()

    def place_of(self, *keys: str) -> Position:
        """Where the first of these keys of the front matter stands that is there."""
        line = next((self.meta.lines[key] for key in keys if key in self.meta.lines), None)
        return self.position if line is None else Position(self.position.file, line)

    @property
    def subject_place(self) -> Position:
        """Where the text stands that becomes the subject."""
        if self.title and self.meta.subject is None:
            return self.title[0].position
        return self.place_of("subject")

    @property
    def title_text(self) -> str:
        return plain_text(self.title)
