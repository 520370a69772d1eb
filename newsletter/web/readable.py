"""A sealed email as feed readers show it: its headings, lists, links and pictures, no layout.

A mail is laid out by tables and inline styles, which feed readers show badly or not at all.
"""

import nh3
from lxml import html as lxml_html

from newsletter.model.email import LIST_NAME, URL_FIELDS, MergeField, MergeText, Place
from newsletter.web.sealed import Surroundings, for_everybody

# Marks what only a mail needs; no author can have written it.
_MARK = "about:mail-only"

_TAGS = set(
    "h1 h2 h3 h4 h5 h6 p div ul ol li a img em strong s sup sub u code pre blockquote hr br "
    "table thead tbody tr th td figure figcaption".split()
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "th": {"colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
}
_PARTS = ("thead", "tbody", "tr", "td", "th")
_BLOCKS = {"p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "div", "ul", "ol", "table", "blockquote"}
_LINES = ("p", "li", "h1", "h2", "h3", "h4", "h5", "h6")


def readable(template: MergeText, around: Surroundings) -> str:
    """The HTML of a sealed email for a feed, with nothing of any one reader.

    Left out are what a mail hides, and the lines that only a mail needs: why it came, and its
    personal links.
    """
    marked = for_everybody(tuple(map(_marked, template)), around)
    if not marked.strip():
        return ""
    document = lxml_html.document_fromstring(marked)
    bodies = document.xpath("//body")
    body = bodies[0] if bodies else document
    for element in body.xpath(".//*[@aria-hidden='true' or contains(@style, 'display:none')]"):
        _drop(element)
    for element in body.xpath(f".//*[contains(@href, '{_MARK}')]"):
        _drop(_line_of(element))
    for element in body.xpath(f".//*[text()[contains(., '{_MARK}')]]"):
        _drop(_line_of(element))
    for table in body.xpath(".//table[@role='presentation']"):
        _take_apart(table)
    for element in body.xpath(".//div"):
        if any(child.tag in _BLOCKS for child in element) or _is_empty(element):
            element.drop_tag()
    for element in body.xpath(".//a[starts-with(@href, '#')]"):
        element.set("href", f"{around.web_url}{element.get('href')}")
    inner = (body.text or "") + "".join(
        lxml_html.tostring(child, encoding="unicode") for child in body
    )
    inner = inner.replace(_MARK, "")
    return nh3.clean(inner, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None).strip()


def _marked(piece: str | MergeField) -> str | MergeField:
    """A merge field that only a mail needs, as the mark."""
    if not isinstance(piece, MergeField) or piece.name not in (*URL_FIELDS, LIST_NAME):
        return piece
    return MergeField("", Place.TEXT, _MARK)


def _line_of(element: lxml_html.HtmlElement) -> lxml_html.HtmlElement:
    """The paragraph that an element stands in, or the element alone where there is none."""
    return next((up for up in element.iterancestors(*_LINES)), element)


def _drop(element: lxml_html.HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _is_empty(element: lxml_html.HtmlElement) -> bool:
    return len(element) == 0 and not (element.text or "").strip()


def _take_apart(table: lxml_html.HtmlElement) -> None:
    """Make blocks of the cells of a table that is for layout alone."""
    own = [part for part in table.iter(*_PARTS) if next(part.iterancestors("table"), None) is table]
    for part in own:
        if part.tag in ("td", "th"):
            part.tag = "div"
        else:
            part.drop_tag()
    table.drop_tag()
