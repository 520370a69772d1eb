"""A mail holds the whole digest: every link and every visible text, in both of its parts."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from newsletter.model.blocks import (
    CodeBlock,
    Embed,
    Entry,
    Figure,
    Heading,
    Item,
    Labelled,
    Paragraph,
    Row,
    Section,
)
from newsletter.model.digest import Digest
from newsletter.model.inline import (
    Break,
    Code,
    FootnoteReference,
    Image,
    Inline,
    Link,
    Node,
    Span,
    Text,
)
from newsletter.model.send import Foot
from newsletter.model.walking import walk
from newsletter.render import Logo
from tests.mailbox import Mail
from tests.share import examples
from tests.unit.digest.reading import BASE, read
from tests.unit.digest.test_invariant import ABSENT, DOCUMENT, FIXTURES, REAL, ROOT, issues
from tests.unit.render.rendering import (
    CONTEXT,
    MASTHEAD,
    READER,
    mail,
    message,
    rendered,
    shown,
    visible,
)

ALL = [*(issues(REAL) or [ABSENT]), *issues(ROOT / "issues")]
YARDSTICK = REAL / "2026-01-07-ai-daily.md"
# With all that a brand and a foot may show, and numbers and names as long as they become.
BRANDED = replace(
    MASTHEAD,
    reply_to="editors@news.example.com",
    logo=Logo(f"{BASE}/media/9f86d081884c7d659a2feaa0c55ad015.png", 240, 64),
    links={name: f"https://{name}.example/@valleypost" for name in ("mastodon", "bluesky", "rss")},
)
LARGE_LIST = replace(
    CONTEXT,
    slug="2026-01-07-ai-daily",
    list_id=12,
    list_name="ai-daily",
    store_id="0123456789abcdef",
    foot=Foot(
        "AI 日报：每个工作日的早晨", True, "2026-01-06-ai-daily", "AI 眼镜走红，机器人进入工厂" * 2
    ),
)
LATE_READER = READER._replace(id=7_654_321, link_key=2**62)
_NAME = re.compile(r"\{\{ subscriber\.name [^}]*\}\}")
_EDGE = "\0"  # where a link or a picture begins or ends
# A label gives up its colon; brackets are signs that the text part adds.
_SIGNS = re.compile(r"[\s:：<>\[\]〔〕]+")
_ADDRESS = re.compile(r"(?:https?|mailto):[^\s<>]+")


def assert_whole(digest: Digest, delivered: Mail) -> None:
    """Both parts hold each text of the digest, in its order, and each link with its text."""
    body = visible(delivered.html)
    html, text = letters(shown(body)), letters(delivered.text)
    anchors = [(str(a.get("href")), letters(shown(a))) for a in body.iter("a") if a.get("href")]
    written = _ADDRESS.findall(delivered.text)

    assert missing(main_runs(digest), html) == []
    assert missing(map(_without_links, main_runs(digest)), text) == []
    assert [run for run in card_runs(digest) if missing(iter([run]), html)] == []
    assert [run for run in card_runs(digest) if missing(iter([_without_links(run)]), text)] == []
    assert links(digest) - Counter(anchors) == Counter()
    assert targets(digest) - Counter(url for url, _ in anchors) == Counter()
    assert targets(digest) - Counter(written) == Counter()


def main_runs(digest: Digest) -> Iterator[str]:
    """Title, summary and body, the text of each paragraph, cell and so on as one run."""
    yield from map(_run, (digest.title, *digest.summary))
    for root in (*digest.lead, *digest.sections, *digest.tail):
        yield from runs(root)


def card_runs(digest: Digest) -> list[str]:
    """The promo card, which a theme may set in an order of its own."""
    return [run for card in filter(None, [digest.promo]) for run in runs(card)]


def runs(root: Node) -> Iterator[str]:
    for node in walk(root):
        match node:
            case Paragraph() | Heading():
                yield _run(node.inline)
            case Item() | Section():
                yield _run(node.heading)
            case Labelled():
                yield _run(node.label)
            case Entry():
                yield _run(node.lead)
                yield _run(node.note)
            case Row():
                yield from map(_run, node.cells)
            case CodeBlock():
                yield node.text
            case Figure():
                yield node.image.alt
            case Embed():
                yield node.title
            case _:
                pass


def _run(inline: Inline) -> str:
    """The visible text of a run, with the edges of its links and pictures."""
    pieces = []
    for node in inline:
        match node:
            case Text():
                pieces.append(_NAME.sub(READER.name, node.text))
            case Code():
                pieces.append(node.text)
            case Break():
                pieces.append(" ")
            case Span():
                pieces.append(_run(node.children))
            case Link():
                pieces.append(f"{_EDGE}{_run(node.children)}{_EDGE}")
            case Image():
                pieces.append(f"{_EDGE}{node.alt}{_EDGE}")
            case FootnoteReference():
                pieces.append(f"[{node.number}]")
    return "".join(pieces)


def _without_links(run: str) -> str:
    """A run of the text part, where each link and picture is followed by its address."""
    return run.replace(_EDGE, _EDGE * 2)


def missing(expected: Iterator[str], whole: str) -> list[str]:
    """The runs that do not stand in `whole`, each after the one before it.

    A run may be parted only at two edges side by side: there a mail writes an address.
    """
    lost, position = [], 0
    for piece in (piece for run in expected for piece in run.split(_EDGE * 2)):
        wanted = letters(piece)
        found = whole.find(wanted, position)
        if found < 0:
            lost.append(piece)
        else:
            position = found + len(wanted)
    return lost


def letters(text: str) -> str:
    """What must be the same in the digest, the HTML and the text part."""
    return _SIGNS.sub("", text.replace(_EDGE, ""))


def links(digest: Digest) -> Counter[tuple[str, str]]:
    """Each target with the text that leads there, where it is text alone that does."""
    found: Counter[tuple[str, str]] = Counter()
    for node in walk(digest):
        match node:
            case Link() if (text := letters(_run(node.children))) and not _holds_link(node):
                found[node.url, text] += 1
            case Figure(url=str(url)) if alt := letters(node.image.alt):
                found[url, alt] += 1
            case _:
                pass
    return found


def _holds_link(link: Link) -> bool:
    return any(isinstance(node, Link) for child in link.children for node in walk(child))


def targets(digest: Digest) -> Counter[str]:
    """Each http, https or mailto target."""
    found: Counter[str] = Counter()
    for node in walk(digest):
        match node:
            case Link(url=str(url)) | Figure(url=str(url)) | Embed(url=str(url)):
                found[url] += not url.startswith("{{")
            case _:
                pass
    return found


@pytest.mark.parametrize("path", ALL)
def test_a_published_digest_is_in_the_mail_whole(path: Path) -> None:
    digest = read(path.read_bytes()).digest

    assert_whole(digest, mail(rendered(digest)))


@pytest.mark.parametrize("source", FIXTURES.values(), ids=FIXTURES)
def test_every_form_is_in_the_mail_whole(source: str) -> None:
    digest = read(source).digest

    assert_whole(digest, mail(rendered(digest)))


@settings(max_examples=examples(60), derandomize=True)
@given(DOCUMENT)
def test_any_markdown_is_in_the_mail_whole(source: str) -> None:
    digest = read(source).digest

    assert_whole(digest, mail(rendered(digest)))


@pytest.mark.skipif(not YARDSTICK.exists(), reason=f"needs {YARDSTICK}")
def test_a_long_daily_stays_far_below_where_gmail_cuts() -> None:
    """Gmail hides what lies beyond about 102 KB, the unsubscribe link with it."""
    email = rendered(read(YARDSTICK.read_bytes()).digest, masthead=BRANDED)

    sent = message(email, LATE_READER, LARGE_LIST, delivery=1_234_567)

    assert len(sent.html.encode()) <= 60_000
