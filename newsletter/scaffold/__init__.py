"""A new newsletter, and a new issue in one."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from newsletter import config, links
from newsletter.config import Settings
from newsletter.digest import parse
from newsletter.digest.characters import harmless
from newsletter.errors import ConfigurationError, NewsletterError, Refused, UsageError
from newsletter.files import make_folder, read_ordinary, write_new, write_whole
from newsletter.model.blocks import Item, Section
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.slug import slugified
from newsletter.model.walking import inlines_of, plain_text, walk
from newsletter.render import Theme, load_theme, packaged_templates, scaffold_of
from newsletter.store import upgrade

# An issue that has every block, beside its pictures.
KITCHEN_SINK = Path(__file__).parent / "kitchen-sink" / "kitchen-sink.md"

_PICTURE = Path(__file__).with_name("welcome.png")
_THEMES = ("digest", "letter", "links", "product")
_NAME_LENGTH = 60  # characters of a title in a file's name, whose bytes are limited

_SETTINGS = """\
# Every key, its default and its environment variable: docs/settings.md

[newsletter]
name = "Newsletter"
language = "en"
timezone = "UTC"
from = "Newsletter <news@example.com>"
base_url = "https://news.example.com"
postal_address = "Newsletter, 1 Example Street, 00000 Example"
theme = "digest"

# [brand]
# logo = "pictures/logo.png"   # at the top of mails and pages, in place of the name
# accent = "#a8321f"           # links, lines and buttons; its dark form is made of it
# description = "What it is"
# links = { Mastodon = "https://social.example/@us" }

[store]
url = "sqlite:///subscribers/newsletter.db"

[transport]
kind = "outbox"   # files under outbox/; "smtp" a mail server, "ses" Amazon SES

[transport.outbox]
path = "outbox"
"""

_IGNORED = """\
# What belongs to this deployment: addresses, the secret, what was sent.
subscribers/*
!subscribers/example.csv
outbox/
out/
.*.newsletter-part
"""

_EXAMPLE_CSV = """\
email,name,city
ada@example.com,Ada,London
lin@example.com,Lin,Shanghai
sam@example.com,Sam,Nairobi
"""

_WELCOME = """\
---
title: Welcome to your newsletter
date: {date}
category: Letters
tags: [welcome]
coverImage: pictures/welcome.png
summary: |
  - An issue is a Markdown file with a little front matter
  - The summary becomes the block at the top
  - Each second-level heading opens a section
---
# Welcome to your newsletter

Hello {{{{ subscriber.name | default("reader") }}}}, this is the first issue. Change it, run
`newsletter render`, and look at the result in a browser.

## How an issue is written

### [A heading that is a link becomes an item](https://example.com/items)

What stands below belongs to the item: paragraphs, lists, quotes, code, tables and pictures. The
domain of its link is shown under the title, so that readers know where they go.

**Insight:**

- A bold label with a colon sets what follows apart.
- It takes a list, or the rest of its own paragraph.

### An item without a link

Not everything has a source. A plain heading is an item all the same.

## In brief

- [A list of links](https://example.com/lists), each with a short note, is set compactly.
- [A second one](https://example.com/second), because a list wants company.
- [And a third](https://example.com/third), which makes it a list of links.
"""


def untouched(digest: Digest) -> Iterator[Finding]:
    """Text of an issue that stands as `init`, or `new` in a theme of the program, wrote it;
    headings may stay."""
    ours = _texts_of_scaffolds()
    for text, place in _texts(digest):
        if text in ours:
            yield Finding(
                "scaffold-text",
                Severity.ERROR,
                place,
                f"{text[:60]!r} is what the scaffold says",
                "Write your own, or remove it.",
            )


def check_identity(settings: Settings) -> None:
    """Raises ConfigurationError where the newsletter still has the sender, the site or the postal
    address that `init` wrote."""
    ours = config.parse(_SETTINGS, Path(config.FILE_NAME), {}).newsletter
    own = settings.newsletter
    examples = [
        f'newsletter.{key} is still "{example}", an example'
        for key, value, example in (
            ("from", own.sender, ours.sender),
            ("base_url", own.base_url, ours.base_url),
            ("postal_address", own.postal_address, ours.postal_address),
        )
        if value == example
    ]
    if examples:
        raise ConfigurationError(
            examples[0],
            details=examples[1:],
            where=config.FILE_NAME,
            hint="Nothing was sent. Readers would see it: write your own.",
        )


def _texts_of_scaffolds() -> frozenset[str]:
    """But for greetings, which may stay."""
    day = dt.date(2026, 1, 31)
    themes = (load_theme(name, [packaged_templates()]) for name in _THEMES)
    sources = (_WELCOME.format(date=day), *(scaffold_of(theme, "-", day) for theme in themes))
    parsed = (
        parse(source.encode(), file="", stem="issue", base_url="", section_labels=())
        for source in sources
    )
    texts = (text for issue in parsed for text, _ in _texts(issue.digest))
    return frozenset(text for text in texts if " " in text and not text.endswith(","))


def _texts(digest: Digest) -> Iterator[tuple[str, Position]]:
    """Title, summary, and each paragraph, point and entry, in plain words."""
    for node in walk(digest):
        if not isinstance(node, Section | Item):
            for inline in inlines_of(node):
                if inline:
                    yield " ".join(plain_text(inline).split()), inline[0].position


def start(folder: Path, today: dt.date) -> tuple[Path, ...]:
    """Make a newsletter project in `folder`; one that holds a newsletter.toml is left untouched."""
    settings = folder / config.FILE_NAME
    if settings.exists():
        raise Refused(
            f"{folder} already holds a newsletter",
            where=str(settings),
            hint="Nothing was changed. Name another folder.",
        )
    issues = folder / "issues"
    files = {
        issues / f"{today}-welcome.md": _WELCOME.format(date=today).encode(),
        issues / "pictures" / "welcome.png": _PICTURE.read_bytes(),
        folder / "subscribers" / "example.csv": _EXAMPLE_CSV.encode(),
    }
    ignored = folder / ".gitignore"
    url = config.parse(_SETTINGS, settings).store.url
    try:
        make_folder(folder)
        make_folder(folder / "subscribers", private=True)
        for path, content in files.items():
            make_folder(path.parent)
            if not path.exists():
                write_whole(path, content, follows=True)
        _ignore(ignored)
        key = links.make_keys(folder)
        upgrade(url, folder)
        # Last: with it the folder is a newsletter.
        write_whole(settings, _SETTINGS.encode(), follows=True)
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}",
            where=str(error.filename or folder),
            hint="Name another folder, or make room or give access and run it again.",
        ) from error
    return (settings, *files, ignored, key)


def _ignore(path: Path) -> None:
    """Keep addresses and the secret out of git, also where there is a .gitignore already."""
    present = read_ordinary(path) if path.exists() else b""
    if _IGNORED.encode() not in present:
        gap = b"\n" if present and not present.endswith(b"\n") else b""
        write_whole(path, present + gap + _IGNORED.encode(), follows=True)


def new_issue(
    issues: Path, title: str, date: dt.date, theme: Theme, *, names_theme: bool = False
) -> Path:
    """Write `issues/<date>-<title>.md` from the scaffold of a theme, which its front matter says
    with `names_theme`; an existing file is never overwritten."""
    title = " ".join(harmless(title).split())
    if not title:
        raise UsageError(
            "an issue needs a title", where="TITLE", hint='newsletter new "What happened"'
        )
    path = issue_path(issues, date, title)
    write_issue(path, scaffold_of(theme, title, date, names_theme=names_theme))
    return path


def issue_path(issues: Path, date: dt.date, title: str) -> Path:
    """Where an issue of this day and title, which is one clean line, goes."""
    return issues / f"{date}-{(slugified(title) or 'issue')[:_NAME_LENGTH].rstrip('-')}.md"


def write_issue(path: Path, text: str) -> None:
    """Write a new issue; raises Refused where there is one, and NewsletterError."""
    try:
        make_folder(path.parent)
        write_new(path, text.encode())
    except FileExistsError as error:
        raise Refused(
            "this issue exists already", where=str(path), hint="Edit it, or choose another title."
        ) from error
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}",
            where=str(path),
            hint="Make room or give access, then run it again.",
        ) from error
