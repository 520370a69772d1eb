"""Plain texts: in titles, subjects and captions nothing is markup."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import captions
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Text

_MARKUP = re.compile(
    r"(?<![\w*_])([*_]{1,3}|`)(?=[^\s*_`|])[^*_`\n]{1,200}(?<=\S)\1(?![\w*_])"
    r"|&(?:amp|[lg]t|quot|nbsp|[lr][sd]quo|[mn]dash|hellip|#\d{2,5}|#x[0-9a-f]{2,5});"
    r"|<(?P<tag>a|b|em|i|s|small|span|strong|su[bp]|u)\b[^<>\n]{0,200}>(?=[^\n]{0,200}</(?P=tag)>)"
    r"|(?<![\w:]):[a-z][a-z0-9_+-]{2,40}:(?![\w:])",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[[^\[\]\n]{1,200}\]\([^()\n]{1,300}\)")


def plain_text_markup(digest: Digest) -> Iterator[Finding]:
    """Titles, subjects and captions are plain text, and readers see markup in them as it stands."""
    for kind, text, place in _plain_texts(digest):
        # Another rule reports brackets in titles and headings.
        link = None if kind == "title" else _LINK.search(text)
        if match := link or _MARKUP.search(text):
            yield Finding(
                "plain-text-markup",
                Severity.WARNING,
                place,
                f"{match[0]!r} in the {kind} is shown as it stands",
                "Write plain text: the sign itself, and a link in the text below.",
            )


def _plain_texts(digest: Digest) -> Iterator[tuple[str, str, Position]]:
    for node in digest.title:
        if isinstance(node, Text):
            yield "title", node.text, node.position
    meta = digest.meta
    for key, text in (
        ("subject", meta.subject),
        ("preheader", meta.preheader),
        ("category", meta.category),
    ):
        yield key, text or "", digest.place_of(key)
    for caption, place in captions(digest):
        yield "caption", caption, place
