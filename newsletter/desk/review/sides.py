"""An issue as it is rendered on one side: before, or now."""

import base64
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import html as lxml_html
from lxml.etree import _Element

from newsletter.desk.prepare import prepare
from newsletter.desk.preview import sample_message
from newsletter.desk.slugs import Slugs
from newsletter.errors import NewsletterError
from newsletter.model.email import fill
from newsletter.model.finding import Finding
from newsletter.model.picture import Picture, media_type
from newsletter.project import Project

_LINES = frozenset(
    "address blockquote br dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p pre table "
    "td th tr ul".split()
)
_UNSEEN = frozenset(("head", "script", "style", "template", "title"))
SEEN_HEADERS = ("Subject", "Preheader", "From", "Reply-To")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """A link, or a picture with its description, of a mail."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Side:
    """A mail to a sample reader. `visible` is what the HTML shows, a line for each block.

    One that cannot be rendered has nothing but a `problem`.
    """

    stem: str
    headers: tuple[tuple[str, str], ...] = ()
    html: str = ""
    text: str = ""
    visible: tuple[str, ...] = ()
    links: tuple[Reference, ...] = ()
    shown: tuple[Reference, ...] = ()
    findings: tuple[Finding, ...] = ()
    pictures: tuple[Picture, ...] = ()
    pictures_url: str = ""
    problem: str = ""

    @property
    def html_bytes(self) -> int:
        return len(self.html.encode())

    def with_pictures_inside(self) -> str:
        """The HTML with the pictures from beside the issue in it, so that it needs no file."""
        html = self.html
        for picture in self.pictures:
            content = base64.b64encode(picture.content).decode()
            inside = f"data:{media_type(picture.name)};base64,{content}"
            html = html.replace(f"{self.pictures_url}/{picture.name}", inside)
        return html


def render(project: Project, path: Path, slugs: Slugs, today: dt.date) -> Side:
    """The mail of an issue's file, by the same steps as that of a send."""
    try:
        prepared = prepare(project, str(path), slugs=slugs, today=today)
        message = sample_message(prepared, project)
    except NewsletterError as error:
        place = f"{error.where}: " if error.where else ""
        problem = f"{place}{error.message}".replace(f"{project.root}/", "")
        return Side(path.stem, problem=problem)
    preheader = fill(prepared.email.preheader, message.values)
    seen = (message.subject, preheader, message.sender, message.reply_to)
    document = lxml_html.document_fromstring(message.html)
    return Side(
        stem=path.stem,
        headers=(*zip(SEEN_HEADERS, seen, strict=True), *message.headers),
        html=message.html,
        text=message.text,
        visible=tuple(_lines(document)),
        links=tuple(
            Reference(str(link.get("href")), _words("".join(link.itertext())))
            for link in document.iter("a")
            if link.get("href")
        ),
        shown=tuple(
            Reference(str(image.get("src", "")), _words(str(image.get("alt", ""))))
            for image in document.iter("img")
        ),
        findings=prepared.findings,
        pictures=prepared.pictures,
        pictures_url=project.settings.pictures_url,
    )


def _lines(document: _Element) -> Iterator[str]:
    """The text that is seen, a line for each block, with the descriptions of pictures."""
    text = "".join(_pieces(document))
    return filter(None, map(_words, text.split("\n")))


def _pieces(element: _Element) -> Iterator[str]:
    if not isinstance(element.tag, str) or element.tag in _UNSEEN:
        return
    if _HIDDEN.search(str(element.get("style", ""))):
        return
    is_line = element.tag in _LINES
    yield "\n" if is_line else ""
    if element.tag == "img":
        yield f"[{element.get('alt', '')}]" if element.get("alt") else ""
    yield _as_line(element.text)
    for child in element:
        yield from _pieces(child)
        yield _as_line(child.tail)
    yield "\n" if is_line else ""


def _as_line(text: object) -> str:
    return str(text).replace("\n", " ") if text else ""


def _words(text: str) -> str:
    return " ".join(text.split())
