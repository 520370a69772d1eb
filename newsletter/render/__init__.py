"""Digest + theme -> Email: Jinja2 -> MJML -> premailer; the text part from the Digest.

fields    merge fields on their way through
html      nodes -> HTML, the one place that escapes
text      digest -> the text part
labels    what both of them call blocks and hosts
signs     bullets, rules and arrows
theme     which files a theme consists of
sandbox   running its templates
scaffolds a new issue
compile   MJML and premailer
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from markupsafe import Markup

from newsletter.languages import direction, inferred, is_wide
from newsletter.model.blocks import Contents, Footnotes, Paragraph, Sponsored
from newsletter.model.digest import Digest
from newsletter.model.email import Email, Place
from newsletter.model.inline import Image, Node, Text
from newsletter.model.nodes import nodes_of, once_a_digest
from newsletter.model.walking import walk
from newsletter.render.compile import to_html
from newsletter.render.dates import written_date
from newsletter.render.fields import Fields
from newsletter.render.html import HtmlWriter, OwnBlock, Sheet
from newsletter.render.labels import domain
from newsletter.render.sandbox import Templates
from newsletter.render.scaffolds import scaffold_of
from newsletter.render.text import TextWriter
from newsletter.render.theme import Theme, load_theme, packaged_templates, theme_names

__all__ = [
    "Logo",
    "Masthead",
    "Theme",
    "load_theme",
    "packaged_templates",
    "reading_minutes",
    "render",
    "render_with_mjml",
    "scaffold_of",
    "theme_names",
    "words_used",
    "written_text",
]

_WORDS_OF_BLOCKS: Mapping[type[Node], str] = {
    Sponsored: "sponsor",
    Contents: "contents",
    Footnotes: "back",
}
_Read = Text | Image
_PREHEADER_LENGTH = 110
_INBOX_COLUMNS = 150  # what the widest inbox shows of a preheader
_WIDE_A_MINUTE = 400  # characters of Chinese or Japanese
_WORDS_A_MINUTE = 220


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture at the top; width and height in CSS pixels, None where it is not known.

    `is_dark` where it shines through and would be lost on a dark ground.
    """

    url: str
    width: int | None
    height: int
    is_dark: bool = False


@dataclass(frozen=True, slots=True)
class Masthead:
    """What a theme needs to know about the newsletter."""

    name: str
    language: str
    timezone: str
    sender: str
    reply_to: str
    base_url: str
    postal_address: str
    description: str = ""
    author: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    logo: Logo | None = None


def render(digest: Digest, theme: Theme, masthead: Masthead, *, marks: bool = False) -> Email:
    """The email of a digest: the same bytes for the same input. Raises RenderError.

    With `marks`, for a preview and never for a send, the first tag of each heading, block and point
    says in `data-line` in which line of the issue it was written; all else is the same.
    """
    return render_with_mjml(digest, theme, masthead, marks=marks)[0]


def render_with_mjml(
    digest: Digest, theme: Theme, masthead: Masthead, *, marks: bool = False
) -> tuple[Email, str]:
    """As `render`, with the MJML that the HTML was compiled from, merge fields as tokens."""
    writing = _begin(digest, theme, masthead, marks=marks)
    fields, values = writing.fields, writing.values
    text = TextWriter(fields, values["t"], digest, theme.text_signs)
    mjml = _mjml(writing)
    html = to_html(mjml, f"templates/{theme.name}/email.mjml.j2")
    plain = writing.templates.render(
        "email.txt.j2", values | {"inline": text.inline, "body": text.body()}
    )
    email = Email(
        sender=masthead.sender,
        reply_to=masthead.reply_to,
        language=values["language"],
        subject=fields.split(values["subject"], Place.HEADER),
        preheader=fields.split(values["preheader"], Place.TEXT),
        html=fields.split(html, Place.HTML),
        text=fields.split(plain.strip() + "\n", Place.TEXT),
    )
    return email, mjml


@dataclass(frozen=True, slots=True)
class _Writing:
    """What the templates of one email are run with."""

    fields: Fields
    templates: Templates
    values: dict[str, Any]
    writer: HtmlWriter


def _begin(digest: Digest, theme: Theme, masthead: Masthead, *, marks: bool) -> _Writing:
    fields = Fields.apart_from(f"{digest}{masthead}")
    templates = Templates(theme)
    language = language_of(digest, masthead.language)
    values = _values(digest, theme, masthead, language, fields)
    writer = HtmlWriter(
        fields,
        _sheet(theme, values["direction"]),
        values["t"],
        digest,
        own_blocks=_own_blocks(templates, values),
        marks=marks,
    )
    return _Writing(fields, templates, values, writer)


def _mjml(writing: _Writing) -> str:
    templates, values = writing.templates, writing.values
    sheets = {
        "style": templates.style_sheet("style.css", values),
        "responsive": templates.style_sheet("responsive.css", values),
    }
    return templates.render("email.mjml.j2", values | _of_html(writing.writer) | sheets)


def _of_html(writer: HtmlWriter) -> dict[str, Any]:
    """What templates of HTML write with."""
    return {
        "inline": writer.inline,
        "blocks": writer.blocks,
        "anchor": writer.anchor,
        "phrases": writer.phrases,
        "card": writer.card,
        "link": writer.link,
        "address": writer.address,
        "picture": writer.picture,
        "button": writer.button,
        "mark": writer.mark,
    }


def _own_blocks(templates: Templates, values: Mapping[str, Any]) -> dict[str, OwnBlock]:
    """What writes each block that the theme has a template for, by the name of the block."""

    def write(file: str, writer: HtmlWriter, facts: Mapping[str, Any]) -> str:
        return templates.render(file, {**values, **_of_html(writer), **facts})

    return {name: partial(write, file) for name, file in templates.blocks.items()}


def _sheet(theme: Theme, direction: str) -> Sheet:
    accent = theme.settings.get("colours", {}).get("accent", "")
    return Sheet(theme.column, direction, str(accent), theme.signs)


def language_of(digest: Digest, usual: str) -> str:
    """The language that an issue names, else the one that its script implies, else the usual
    one."""
    return digest.meta.language or inferred(written_text(digest), usual) or usual


@once_a_digest
def written_text(digest: Digest) -> str:
    """The words of an author: code and pictures left out."""
    return " ".join([node.text for node in nodes_of(digest) if isinstance(node, Text)])


def words_used(theme: Theme, digest: Digest) -> frozenset[str]:
    """The words `t.…` that the templates of a theme name, and those of the blocks of a digest.

    Raises RenderError.
    """
    of_blocks = {word for node in nodes_of(digest) if (word := _WORDS_OF_BLOCKS.get(type(node)))}
    templates = Templates(theme)
    files = ("email.mjml.j2", "email.txt.j2", *templates.blocks.values())
    return templates.words_used(*files) | of_blocks


def _values(
    digest: Digest,
    theme: Theme,
    masthead: Masthead,
    language: str,
    fields: Fields,
) -> dict[str, Any]:
    """What templates may use; docs/extending.md lists it."""
    subject = fields.tokenised(digest.meta.subject or "") or fields.plain(digest.title)
    preheader = _preheader(digest, fields)
    return {
        "digest": digest,
        "masthead": masthead,
        "theme": theme.settings,
        "signs": theme.signs,
        "text_signs": theme.text_signs,
        "t": theme.strings(language),
        "language": language,
        "direction": direction(language),
        "start": "right" if direction(language) == "rtl" else "left",
        "end": "left" if direction(language) == "rtl" else "right",
        "subject": subject,
        "preheader": preheader,
        "filler": _filler(preheader, fields),
        "date": written_date(digest.meta.day, language),
        "minutes": reading_minutes(digest),
        "domain": domain,
        "merge": fields.token,
        "only_with": partial(_passage, fields),
    }


def _passage(fields: Fields, needs: str, caller: Callable[[], str]) -> str:
    """What a template's `{% call only_with(…) %}` writes; escaped already where it is HTML."""
    inner = caller()
    passage = fields.passage(needs, inner)
    return Markup(passage) if isinstance(inner, Markup) else passage  # noqa: S704 -- as it was


def _preheader(digest: Digest, fields: Fields) -> str:
    """What an inbox shows behind the subject.

    That of the front matter, else the summary, else the first paragraphs, else the items.
    """
    if digest.meta.preheader:
        return fields.tokenised(digest.meta.preheader)
    points = " · ".join(fields.plain(point) for point in digest.summary)
    lead = " ".join(
        fields.plain(node.inline)
        for block in digest.lead[:2]
        for node in walk(block)
        if isinstance(node, Paragraph)
    )
    items = " · ".join(fields.plain(item.heading) for item in digest.items())
    return fields.shortened(" ".join((points or lead or items).split()), _PREHEADER_LENGTH)


def _filler(preheader: str, fields: Fields) -> str:
    """Spaces behind a preheader, so that no inbox shows the beginning of the mail after it.

    Joiners keep them from collapsing into one space.
    """
    words = (piece for piece in fields.split(preheader, Place.TEXT) if isinstance(piece, str))
    columns = sum(2 if is_wide(character) else 1 for piece in words for character in piece)
    return "\u2007\u034f" * max(0, _INBOX_COLUMNS - columns)


def reading_minutes(digest: Digest) -> int:
    """Minutes to read it, at least one."""
    texts = [
        node.alt if isinstance(node, Image) else node.text
        for node in nodes_of(digest)
        if isinstance(node, _Read)
    ]
    text = " ".join(text for text in texts if not text.isascii())
    wide = {character: count for character, count in Counter(text).items() if is_wide(character)}
    words = len(text.translate({ord(character): " " for character in wide}).split())
    words += sum(len(text.split()) for text in texts if text.isascii())
    return max(1, math.ceil(sum(wide.values()) / _WIDE_A_MINUTE + words / _WORDS_A_MINUTE))
