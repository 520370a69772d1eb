"""What the Email Markup Consortium checks of a mail's HTML, one function a rule; each yields what
breaks it. Its report of 2025: 99.9 % of 443,585 mails fail at least one.

Contrast, landmarks and the names of controls are axe's, in tests/browser.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import lxml.html

from newsletter.lint.vague import is_vague

Rule = Callable[[str], Iterator[str]]

_SCRIPTED_ATTRIBUTE = re.compile(r"on[a-z]+")
_TEXT, _SMALL_PRINT = 16, 13  # pixels
_LINES = ("p", "li", "td", "th", "div", "h1", "h2", "h3", "h4", "h5", "h6", "body")


def document_has_a_language(html: str) -> Iterator[str]:
    """A screen reader chooses its voice by it."""
    if not _document(html).get("lang", "").strip():
        yield "<html> without lang"


def document_has_a_direction(html: str) -> Iterator[str]:
    if _document(html).get("dir") not in ("ltr", "rtl"):
        yield "<html> without dir"


def document_has_a_title(html: str) -> Iterator[str]:
    titles = [title.text_content().strip() for title in _document(html).iter("title")]
    if len(titles) != 1 or not titles[0]:
        yield f"titles: {titles}"


def content_has_a_language_and_a_direction(html: str) -> Iterator[str]:
    """Many programs drop <html> and <body> with all that they say."""
    first = [e for e in _body(html).iterchildren() if isinstance(e.tag, str) and _is_shown(e)]
    for element in first:
        inner = element.xpath("descendant-or-self::*[@role='article' or @role='main']")
        if not any(e.get("lang") and e.get("dir") in ("ltr", "rtl") for e in [element, *inner]):
            yield _told(element)
    if not first:
        yield "no content"


def content_is_an_article_with_a_name(html: str) -> Iterator[str]:
    """Or else it is one with what stands around it in a web mail."""
    articles = _body(html).xpath(".//*[@role='article']")
    if len(articles) != 1 or not articles[0].get("aria-label", "").strip():
        yield f"{len(articles)} articles, or one without a name"


def table_of_layout_says_so(html: str) -> Iterator[str]:
    """Else a screen reader reads out rows and columns."""
    for table in _body(html).iter("table"):
        if table.get("role") not in ("presentation", "none") and not table.xpath(".//th"):
            yield _told(table)


def table_of_data_names_its_columns(html: str) -> Iterator[str]:
    for cell in _body(html).iter("th"):
        if cell.get("scope") not in ("col", "row", "colgroup", "rowgroup"):
            yield _told(cell)


def there_is_one_first_heading(html: str) -> Iterator[str]:
    headings = list(_body(html).iter("h1"))
    if len(headings) != 1 or not headings[0].text_content().strip():
        yield f"{len(headings)} of h1"


def headings_skip_no_level(html: str) -> Iterator[str]:
    headings = list(_body(html).iter("h1", "h2", "h3", "h4", "h5", "h6"))
    for above, below in pairwise(headings):
        if int(below.tag[1]) > int(above.tag[1]) + 1:
            yield f"{above.tag} -> {_told(below)}"


def link_has_a_text(html: str) -> Iterator[str]:
    for link in _links(html):
        if link.get("href") is not None and not _name(link):
            yield _told(link)


def link_says_where_it_leads(html: str) -> Iterator[str]:
    for link in _links(html):
        if is_vague(_name(link)):
            yield _told(link)


def link_has_a_target(html: str) -> Iterator[str]:
    for link in _links(html):
        if not re.match(r"(?:https?:|mailto:|#).", link.get("href", "")):
            yield _told(link)


def link_in_a_text_is_told_by_more_than_its_colour(html: str) -> Iterator[str]:
    """Underlined, bold, a button, or all that stands in its line."""
    for link in _links(html):
        block = next(e for e in link.iterancestors() if e.tag in _LINES)
        alone = _words(block) == _words(link)
        style = _style(link)
        marked = style.get("text-decoration", "underline").startswith("underline")
        marked |= style.get("font-weight") == "bold" or bool(
            {"border", "background-color"} & {*style}
        )
        if not (marked or alone):
            yield _told(link)


def picture_has_a_description_or_is_decoration(html: str) -> Iterator[str]:
    for picture in _body(html).iter("img"):
        if picture.get("alt") is None:
            yield _told(picture)


def picture_is_not_described_by_its_file(html: str) -> Iterator[str]:
    """`image1.png` says nothing."""
    for picture in _body(html).iter("img"):
        if re.fullmatch(r"(?:\S+\.(?:png|jpe?g|gif|webp)|image ?\d*)", picture.get("alt") or "-"):
            yield _told(picture)


def page_can_be_enlarged(html: str) -> Iterator[str]:
    for meta in _document(html).iter("meta"):
        content = meta.get("content", "").replace(" ", "").lower()
        if meta.get("name", "").lower() == "viewport" and re.search(
            r"user-scalable=(?:no|0)|maximum-scale=[0-4](?:\.\d+)?(?:,|$)", content
        ):
            yield content


def small_print_is_large_enough(html: str) -> Iterator[str]:
    for element, _ in _texts(html):
        if _size(element) < _SMALL_PRINT:
            yield _told(element)


def most_text_is_large_enough(html: str) -> Iterator[str]:
    """Tables, labels and the foot may be smaller."""
    letters = {True: 0, False: 0}
    for element, count in _texts(html):
        letters[_size(element) >= _TEXT] += count
    if letters[False] >= letters[True]:
        yield f"{letters[False]} letters are smaller than {_TEXT} pixels, {letters[True]} are not"


def nothing_comes_from_elsewhere(html: str) -> Iterator[str]:
    """No style sheet, font or script of another server: programs drop them, and they track."""
    yield from (_told(e) for e in _document(html).iter("script", "iframe", "form", "object"))
    yield from (_told(e) for e in _document(html).iter("link"))
    yield from re.findall(r"@import[^;]*|@font-face[^}]*", html)
    for element in _document(html).iter():
        yield from (name for name in element.attrib if _SCRIPTED_ATTRIBUTE.fullmatch(name))


RULES: tuple[Rule, ...] = (
    document_has_a_language,
    document_has_a_direction,
    document_has_a_title,
    content_has_a_language_and_a_direction,
    content_is_an_article_with_a_name,
    table_of_layout_says_so,
    table_of_data_names_its_columns,
    there_is_one_first_heading,
    headings_skip_no_level,
    link_has_a_text,
    link_says_where_it_leads,
    link_has_a_target,
    link_in_a_text_is_told_by_more_than_its_colour,
    picture_has_a_description_or_is_decoration,
    picture_is_not_described_by_its_file,
    page_can_be_enlarged,
    small_print_is_large_enough,
    most_text_is_large_enough,
    nothing_comes_from_elsewhere,
)


def _document(html: str) -> Any:
    return lxml.html.document_fromstring(html)


def _links(html: str) -> list[Any]:
    """What has no target but a name is a place to lead to."""
    return [a for a in _body(html).iter("a") if a.get("href") is not None or not a.get("name")]


def _body(html: str) -> Any:
    (body,) = _document(html).iter("body")
    return body


def _is_shown(element: Any) -> bool:
    around = [element, *element.iterancestors()]
    return not any(
        e.get("aria-hidden") == "true" or _style(e).get("display") == "none" for e in around
    )


def _texts(html: str) -> Iterator[tuple[Any, int]]:
    """The elements that readers see text right in, with how many letters it has."""
    for element in _body(html).iter():
        if isinstance(element.tag, str) and _is_shown(element):
            texts = [element.text or "", *(child.tail or "" for child in element)]
            if count := len("".join("".join(texts).split())):
                yield element, count


def _name(link: Any) -> str:
    described = [picture.get("alt") or "" for picture in link.iter("img")]
    return " ".join([link.get("aria-label", ""), link.text_content(), *described]).strip()


def _words(element: Any) -> str:
    return "".join(element.text_content().split())


def _style(element: Any) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _size(element: Any) -> float:
    """The size of its letters in pixels: its own, or that of what is nearest around it."""
    for e in [element, *element.iterancestors()]:
        if match := re.fullmatch(r"([\d.]+)px", _style(e).get("font-size", "")):
            return float(match[1])
    return 16.0


def _told(element: Any) -> str:
    return f"{lxml.html.tostring(element, encoding='unicode').split('>')[0]}>"
