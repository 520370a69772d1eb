"""A sealed email as a page for everybody: what was sent, with nothing of any one reader."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from newsletter.config import MEDIA_FOLDER
from newsletter.model.email import LIST_NAME, SEND_URLS, MergeField, MergeText, Place, escaped
from newsletter.model.picture import NAME_PATTERN

# A mail has pictures and styles; nothing else may load, and nothing may run.
PAGE_POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
POLICY = f"{PAGE_POLICY}; frame-ancestors 'none'"  # which no page can say of itself

_SPACE = " \t\u00a0"
_OPENING = re.compile(r"(?:^|[>\n])\s*$")
_LEADING = re.compile(rf"^[{_SPACE}]*[,，、]?[{_SPACE}]*")
_PUNCTUATION = re.compile(r"[\s,.!?;:…，。！？；：、]|$")
_VALUE = r"""(?:"[^"]*"|'[^']*')"""
_DESCRIPTION = re.compile(rf'<meta name="description" content={_VALUE}\s*/?>')
_PICTURE = re.compile(rf'src="[^"]*/{MEDIA_FOLDER}/({NAME_PATTERN})"')
_BODY = re.compile(rf"<body(?:\s+[\w:-]+(?:={_VALUE})?)*\s*>")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a page stands: its own address and that of the archive's index, both absolute.

    `here` and `up` are the same two as links within the page.
    """

    newsletter: str
    web_url: str
    archive_url: str
    here: str = "./"
    up: str = "../"


def for_everybody(template: MergeText, around: Surroundings) -> str:
    """A text of a sealed email without its merge fields.

    What is about a reader becomes the author's default; where there is none, the gap is closed:
    `Hello {{ subscriber.name }},` reads `Hello,`. Personal links lead to the place where the index
    says how to leave, and the link to the web leads to the page itself.
    """
    text, gap = "", False  # the gap is at the end of the text: nothing stands there for a field
    for piece in template:
        if isinstance(piece, MergeField):
            value = escaped(piece, _value(piece, around))
            gap = value == "" and piece.place is not Place.URL_PART
            text += value
        else:
            text = _closed(text, piece) if gap else text + piece
            gap = False
    return text.rstrip(_SPACE) if gap else text


def without_links(template: MergeText) -> MergeText:
    """A text without the lines that only a mail needs: why it came, and its personal links."""
    lines: list[list[str | MergeField]] = [[]]
    for piece in template:
        if isinstance(piece, MergeField):
            lines[-1].append(piece)
        else:
            first, *others = piece.split("\n")
            lines[-1].append(first)
            lines += [[other] for other in others]
    public = [line for line in lines if not any(_is_of_the_mail(piece) for piece in line)]
    return tuple(piece for line in public for piece in (*line, "\n"))


def _is_of_the_mail(piece: str | MergeField) -> bool:
    names = ("unsubscribe_url", "preferences_url", "web_url", LIST_NAME)
    return isinstance(piece, MergeField) and piece.name in names


def _value(field: MergeField, around: Surroundings) -> str:
    """What everybody may see in place of a field; inside the page links are relative."""
    relative = field.place is Place.URL
    match field.name:
        case "web_url":
            return around.here if relative else around.web_url
        case "unsubscribe_url" | "preferences_url":
            return f"{around.up if relative else around.archive_url}#leave"
        case name if name in SEND_URLS:
            return around.up if relative else around.archive_url
        case name if name == LIST_NAME:
            return around.newsletter
        case _:
            return field.default


def _closed(before: str, after: str) -> str:
    """Two texts that a name stood between, as one would write them without it."""
    if _OPENING.search(before[-100:]):
        return before + _LEADING.sub("", after)
    if _PUNCTUATION.match(after):
        return before.rstrip(_SPACE) + after
    return before + after


def picture_names(html: str) -> set[str]:
    """The names in a page that may be those of our pictures: newsletter.model.picture."""
    return {match[1] for match in _PICTURE.finditer(html)}


def with_own_pictures(html: str, names: Collection[str], folder: str) -> str:
    """A page that shows the pictures of these names from a folder of the site it stands on, not
    from where mails get them."""

    def moved(match: re.Match[str]) -> str:
        return f'src="{folder}/{match[1]}"' if match[1] in names else match[0]

    return _PICTURE.sub(moved, html)


def framed(html: str, *, first: str, last: str, bar: str, foot: str = "") -> str:
    """A mail's HTML with something first and last in its head, a bar above all it shows, and
    another below.

    Its description, which a reader's name may stand in, gives way to the one in `first`.
    """
    html = _DESCRIPTION.sub("", html, count=1)
    html = html.replace("<head>", f"<head>{first}", 1)
    html = html.replace("</head>", f"{last}</head>", 1)
    html = _BODY.sub(lambda body: body[0] + bar, html, count=1)
    above, end, below = html.rpartition("</body>")
    return f"{above}{foot}{end}{below}" if end else html + foot
