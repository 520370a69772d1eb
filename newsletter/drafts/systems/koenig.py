"""What the editor of Ghost keeps of a post that was never shown -> HTML: lexical and mobiledoc.

Both are trees in JSON; of a card that nobody here knows only its text stays.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from markdown_it import MarkdownIt

# The bits of `format`, each with the element that it means.
_FORMATS = ((1, "strong"), (2, "em"), (4, "s"), (8, "u"), (16, "code"), (32, "sub"), (64, "sup"))
_ELEMENTS = {
    "paragraph": "p",
    "quote": "blockquote",
    "extended-quote": "blockquote",
    "aside": "blockquote",
    "listitem": "li",
}
_WITHOUT_TEXT = ("paywall", "signup", "email-cta", "transistor")
_MOST_DEPTH = 40


def lexical(source: str) -> tuple[str, list[str]]:
    """HTML, and the names of cards that are left out."""
    try:
        root = json.loads(source)["root"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "", ["a text that is not whole"]
    unknown: list[str] = []
    return "".join(_node(root, unknown, 0)), unknown


def _node(node: object, unknown: list[str], depth: int) -> Iterator[str]:
    if not isinstance(node, dict) or depth > _MOST_DEPTH:
        return
    kind = str(node.get("type") or "")
    children = node.get("children")
    inner = "".join(part for child in children or () for part in _node(child, unknown, depth + 1))
    if kind in ("text", "extended-text"):
        yield _formatted(_text(node, "text"), node.get("format"))
    elif kind == "root":
        yield inner
    elif kind in _ELEMENTS:
        yield f"<{_ELEMENTS[kind]}>{inner}</{_ELEMENTS[kind]}>"
    elif kind in ("heading", "extended-heading"):
        tag = str(node.get("tag"))
        tag = tag if tag in ("h1", "h2", "h3", "h4", "h5", "h6") else "h2"
        yield f"<{tag}>{inner}</{tag}>"
    elif kind == "list":
        tag = "ol" if node.get("listType") == "number" else "ul"
        yield f"<{tag}>{inner}</{tag}>"
    elif kind == "link":
        yield f'<a href="{_text(node, "url")}">{inner}</a>'
    elif kind == "linebreak":
        yield "<br>"
    elif card := _CARDS.get(kind):
        yield card(node)
    else:
        if kind not in _WITHOUT_TEXT and not inner:
            unknown.append(kind)
        yield inner


def _formatted(text: str, bits: object) -> str:
    for bit, tag in _FORMATS:
        if isinstance(bits, int) and bits & bit:
            text = f"<{tag}>{text}</{tag}>"
    return text


def _text(node: Mapping[str, Any], key: str) -> str:
    return escape(str(node.get(key) or ""))


def _image(node: Mapping[str, Any]) -> str:
    image = f'<img src="{_text(node, "src")}" alt="{_text(node, "alt")}">'
    if href := _text(node, "href"):
        image = f'<a href="{href}">{image}</a>'
    caption = str(node.get("caption") or "")
    return f"<figure>{image}{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"


def _gallery(node: Mapping[str, Any]) -> str:
    images = node.get("images")
    return "".join(_image(each) for each in images or () if isinstance(each, dict))


def _bookmark(node: Mapping[str, Any]) -> str:
    metadata = node.get("metadata")
    title = _text(metadata, "title") if isinstance(metadata, dict) else ""
    return f'<p><a href="{_text(node, "url")}">{title or _text(node, "url")}</a></p>'


def _markdown(node: Mapping[str, Any]) -> str:
    return str(MarkdownIt().render(str(node.get("markdown") or "")))


def _html(node: Mapping[str, Any]) -> str:
    return str(node.get("html") or "")


_CARDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "image": _image,
    "gallery": _gallery,
    "bookmark": _bookmark,
    "markdown": _markdown,
    "card-markdown": _markdown,
    "html": _html,
    "email": _html,
    "horizontalrule": lambda node: "<hr>",
    "hr": lambda node: "<hr>",
    "codeblock": lambda node: f"<pre>{_text(node, 'code')}</pre>",
    "code": lambda node: f"<pre>{_text(node, 'code')}</pre>",
    "callout": lambda node: f"<blockquote>{node.get('calloutText') or ''}</blockquote>",
    "button": lambda node: (
        f'<p><b><a href="{_text(node, "buttonUrl")}">{_text(node, "buttonText")}</a></b></p>'
    ),
    "toggle": lambda node: f"<h4>{node.get('heading') or ''}</h4>{node.get('content') or ''}",
    "header": lambda node: (
        f"<h2>{node.get('header') or ''}</h2><p>{node.get('subheader') or ''}</p>"
    ),
    "embed": lambda node: (
        str(node.get("html") or "")
        or f'<p><a href="{_text(node, "url")}">{_text(node, "url")}</a></p>'
    ),
    "video": lambda node: f'<video src="{_text(node, "src")}"></video>',
    "audio": lambda node: (
        f'<audio src="{_text(node, "src")}" title="{_text(node, "title")}"></audio>'
    ),
    "file": lambda node: f'<p><a href="{_text(node, "src")}">{_text(node, "fileTitle")}</a></p>',
}


def mobiledoc(source: str) -> tuple[str, list[str]]:
    """The same for the format of Ghost before version 5: https://github.com/bustle/mobiledoc-kit."""
    unknown: list[str] = []
    try:
        document = json.loads(source)
        return "".join(_section(each, document, unknown) for each in document["sections"]), unknown
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ["a text that is not whole"]


def _section(section: list[Any], document: Mapping[str, Any], unknown: list[str]) -> str:
    match section:
        case [1, str(tag), list(markers), *_]:
            return f"<{tag}>{_markers(markers, document)}</{tag}>"
        case [3, str(tag), list(items), *_]:
            inner = "".join(f"<li>{_markers(item, document)}</li>" for item in items)
            return f"<{tag}>{inner}</{tag}>"
        case [10, int(number), *_]:
            kind, payload = document["cards"][number]
            if card := _CARDS.get(str(kind)):
                return card(payload)
            unknown.append(str(kind))
    return ""


def _markers(markers: list[Any], document: Mapping[str, Any]) -> str:
    """Runs of text, each with the elements that open before it and how many end after it."""
    pieces: list[str] = []
    opened: list[str] = []
    for kind, opening, closing, value in markers:
        for number in opening:
            tag, *attributes = document["markups"][number]
            target = dict(zip(*[iter(attributes[0] if attributes else ())] * 2, strict=False))
            href = f' href="{escape(str(target["href"]))}"' if "href" in target else ""
            pieces.append(f"<{tag}{href}>")
            opened.append(str(tag))
        pieces.append("<br>" if kind == 1 else escape(str(value), quote=False))
        pieces += (f"</{opened.pop()}>" for _ in range(min(closing, len(opened))))
    return "".join(pieces)
