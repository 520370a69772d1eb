"""Rendering short issues in tests, and reading the HTML as a reader sees it."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lxml.html

from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.digest import Digest
from newsletter.model.email import Email, Message
from newsletter.model.subscriber import Subscriber
from newsletter.render import Masthead, Theme, load_theme, packaged_templates, render
from newsletter.sending.compose import SendContext, compose, for_send
from newsletter.transports import mime
from tests.mailbox import Mail, opened
from tests.unit.digest.reading import BASE, read

NOW = dt.datetime(2026, 1, 7, 8, 30, tzinfo=dt.UTC)
MASTHEAD = Masthead(
    name="Valley Post",
    language="en",
    timezone="UTC",
    sender="Valley Post <post@news.example.com>",
    reply_to="",
    base_url=BASE,
    postal_address="1 Mill Lane, Valley",
)
READER = Subscriber(7, Address("reader@example.com"), "Ada", {"city": "Kyoto"})
LINKS = Links(BASE, ("a key for the tests alone",))
CONTEXT = SendContext("20260107-abcdef", "issue", 1, "readers", LINKS)


def default_theme() -> Theme:
    return load_theme("digest", [packaged_templates()])


def own_theme(folder: Path, files: Mapping[str, str]) -> Theme:
    """The theme `digest` with a project's own files in front of it."""
    own = folder / "digest"
    own.mkdir(exist_ok=True)
    for name, content in files.items():
        (own / name).write_text(content, "utf-8")
    return load_theme("digest", [folder, packaged_templates()])


def issue(body: str = "Text.\n", **front: str) -> Digest:
    """The digest of a body below front matter of these lines."""
    values = {"title": "T", "date": "2026-01-07"} | front
    lines = "".join(f"{key}: {value}\n" for key, value in values.items())
    return read(f"---\n{lines}---\n{body}").digest


def rendered(digest: Digest, theme: Theme | None = None, masthead: Masthead = MASTHEAD) -> Email:
    return render(digest, theme or default_theme(), masthead)


def message(
    email: Email, reader: Subscriber = READER, context: SendContext = CONTEXT, delivery: int = 1
) -> Message:
    return compose(for_send(email, context), reader, context, delivery, 1)


def mail(email: Email, reader: Subscriber = READER) -> Mail:
    """The email as it reaches the mailbox of a reader."""
    return opened(mime.compose(message(email, reader), NOW))


def delivered(body: str = "Text.\n", **front: str) -> Mail:
    """An issue as it reaches a mailbox."""
    return mail(rendered(issue(body, **front)))


def visible(html: str) -> Any:
    """The body of a mail without what a mail program hides."""
    (body,) = lxml.html.document_fromstring(html).iter("body")
    for element in list(body.iterdescendants()):
        if not isinstance(element.tag, str) or "display:none" in element.get("style", ""):
            element.drop_tree()
    return body


def shown(element: Any) -> str:
    """Its text with the alternative text of pictures where they stand."""
    return "".join(_shown(element))


def _shown(element: Any) -> Iterator[str]:
    if element.tag == "img":
        yield element.get("alt") or ""
    yield element.text or ""
    for child in element:
        yield from _shown(child)
        yield child.tail or ""
