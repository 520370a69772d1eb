"""What a mail begins with: inboxes and assistants show its first words in place of the rest."""

import re
from collections.abc import Iterator
from itertools import accumulate

from newsletter.lint.page import page_of
from newsletter.lint.reading import as_read
from newsletter.lint.visible import body_nodes
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity
from newsletter.model.inline import Text
from newsletter.model.walking import plain_text

_FIRST_WORDS = 50
_LOOKED_AT = 8_000  # characters
_RECOGNISED = 12  # letters by which a text is found again
# Two letters of Chinese or Japanese count as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]{1,2}|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def late_news(digest: Digest, email: Email) -> Iterator[Finding]:
    """The first 50 words of a mail are its news: inboxes and assistants show no others."""
    words = _WORD.findall(" ".join(page_of(as_read(email).html).blocks)[:_LOOKED_AT])
    letters = "".join(words).casefold()
    places = [place for text in _news(digest) if (place := letters.find(text)) >= 0]
    ends = accumulate(map(len, words))
    first = min(places, default=0)
    before = sum(end <= first for end in ends)
    if before > _FIRST_WORDS:
        yield Finding(
            "late-news",
            Severity.INFO,
            digest.position,
            f"{before} words stand above the news in the mail, from {' '.join(words[:6])!r} on",
            "Let the theme put the summary first, and links such as “view in browser” at the foot.",
        )


def _news(digest: Digest) -> Iterator[str]:
    """How the summary begins, or each text of an issue that has none: in letters alone."""
    if digest.summary:
        texts = [plain_text(point) for point in digest.summary]
    else:
        texts = [node.text for node in body_nodes(digest) if isinstance(node, Text)]
    for text in texts[:_FIRST_WORDS]:
        if letters := "".join(_WORD.findall(text.partition("{{")[0])).casefold()[:_RECOGNISED]:
            yield letters
