"""What a reader can see in an issue, found twice: in the parser's tokens and in the Digest.

The two ways share no code but the parser object itself. Both give leaves in reading order: text
and code without white space, pictures, links with their text, rules, ticks of tasks, references
to footnotes. An embed is a link without text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from lxml.html import defs
from markdown_it.token import Token

from newsletter.digest import markdown
from newsletter.model.blocks import (
    CodeBlock,
    Embed,
    Figure,
    ListItem,
    Rule,
)
from newsletter.model.inline import (
    Code,
    FootnoteReference,
    Image,
    Link,
    Node,
    Text,
)
from newsletter.model.walking import walk

Leaf = tuple[str, ...]
_LINK_END = ("link end",)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)[^<>]*>")
_DROPPED = ("script", "style")
_EMBEDS = ("iframe", "embed", "video", "audio")
_TASK = re.compile(r"\[([ xX])\]\s+")


# --- from the tokens ----------------------------------------------------------------------------


def blocks_of(body: str) -> list[tuple[Token, list[Leaf]]]:
    """The first token and the leaves of each top-level block, footnotes last."""
    found: list[tuple[Token, list[Leaf]]] = []
    tokens = markdown.parser().parse(body)
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            found.append((token, []))
        leaves = found[-1][1]
        match token.type:
            case "inline":
                children = list(token.children or [])
                before = [before.type for before in tokens[max(0, index - 2) : index]]
                in_item = before == ["list_item_open", "paragraph_open"]
                leaves += _tick(children) if in_item else []
                leaves += _with_link_texts(_inline(children))
            case "fence" | "code_block":
                leaves.append(("text", _squeezed(token.content)))
            case "hr":
                leaves.append(("rule",))
            case "html_block":
                leaves += _with_link_texts(_html_leaves(token.content))
            case _:
                pass
    return found


def _tick(children: list[Token]) -> list[Leaf]:
    """The tick of a task, which is taken off its text."""
    match = children and children[0].type == "text" and _TASK.match(children[0].content)
    if not match:
        return []
    children[0] = Token("text", "", 0, content=children[0].content[match.end() :])
    return [("task", str(match[1] in "xX"))]


def _inline(children: Sequence[Token]) -> Iterator[Leaf]:
    html = _Html()
    shown: list[str | None] = []
    for token in children:
        match token.type:
            case "html_inline":
                html.feed(_with_text(token.content))
                yield from html.take()
            case _ if html.silent:
                pass
            case "link_open":
                shown.append(shown_url(str(token.attrs["href"]), mail=True))
                yield from (("link", url) for url in shown[-1:] if url)
            case "link_close":
                yield from (_LINK_END for url in [shown.pop()] if url)
            case "image":
                yield from _image(str(token.attrs["src"]), _words(_inline(token.children or [])))
            case "footnote_ref":
                yield ("reference", str(token.meta["id"] + 1))
            case "text" | "text_special" | "code_inline" | "comment_open" | "foreign":
                yield ("text", _squeezed(token.content))
            case _:
                pass
    yield from html.end()


def _html_leaves(source: str) -> list[Leaf]:
    parser = _Html()
    parser.feed(_with_text(source))
    parser.close()
    return [*parser.take(), *parser.end()]


def _with_text(source: str) -> str:
    """HTML with what is no element of it as text."""
    return _TAG.sub(lambda tag: tag[0] if tag[1].lower() in defs.tags else escape(tag[0]), source)


class _Html(HTMLParser):
    """The leaves of HTML; an element that stays open ends with its block."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = ""
        self._leaves: list[Leaf] = []
        self._links: list[bool] = []
        self._player = ""  # a video or audio that still lacks its source

    def take(self) -> list[Leaf]:
        taken, self._leaves = self._leaves, []
        return taken

    def end(self) -> list[Leaf]:
        return [_LINK_END for shown in self._links if shown]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _DROPPED:
            self.silent = tag
        if self.silent:
            return
        resource = shown_url(values.get("src", ""), mail=False)
        if tag == "a" and "href" in values:
            url = shown_url(values["href"], mail=True)
            self._links.append(url is not None)
            self._leaves += [("link", url)] if url else []
        elif tag == "img":
            self._leaves += _image(values.get("src", ""), _squeezed(values.get("alt", "")))
        elif tag == "hr":
            self._leaves.append(("rule",))
        elif tag in _EMBEDS or (tag == "source" and self._player):
            self._leaves += [("link", resource), _LINK_END] if resource else []
            self._player = "" if resource or tag in ("iframe", "embed") else tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.silent:
            self.silent = ""
        elif tag == self._player:
            self._player = ""
        elif tag == "a" and self._links and self._links.pop():
            self._leaves.append(_LINK_END)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self._leaves.append(("text", _squeezed(data)))


def _image(source: str, alt: str) -> list[Leaf]:
    url = shown_url(source, mail=False)
    return [("text", alt)] if url is None else [("image", url, alt)]


def shown_url(raw: str, *, mail: bool) -> str | None:
    """A web or mail target as a reader gets it, None where it is neither."""
    url = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", unquote(raw)).strip()
    if url == "{{web_url}}" and mail:
        return url
    if url.startswith("//"):
        url = f"https:{url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme == "mailto":
        return url if mail else None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _with_link_texts(leaves: Iterable[Leaf]) -> list[Leaf]:
    """The leaves with the text of each link beside its target, and no ends of links."""
    result: list[Leaf] = []
    opened: list[int] = []
    for leaf in leaves:
        if leaf == _LINK_END:
            start = opened.pop()
            result[start] = (*result[start], _words(result[start + 1 :]))
            continue
        if leaf[0] == "link":
            opened.append(len(result))
        result.append(leaf)
    assert not opened
    return result


# --- from the digest ----------------------------------------------------------------------------


def leaves_of(*roots: Node) -> list[Leaf]:
    """The leaves among the nodes that `walk` yields, in its order."""
    return [leaf for root in roots for node in walk(root) if (leaf := _leaf(node))]


def _leaf(node: Node) -> Leaf | None:
    match node:
        case Text() | Code() | CodeBlock():
            return ("text", _squeezed(node.text))
        case Image():
            return ("image", unquote(node.url), _squeezed(node.alt))
        case Link():
            return ("link", unquote(node.url), _words(leaves_of(*node.children)))
        case Figure(url=str(url)):
            return ("link", unquote(url), _squeezed(node.image.alt))
        case Embed():
            return ("link", unquote(node.url), "")
        case Rule():
            return ("rule",)
        case FootnoteReference():
            return ("reference", str(node.number))
        case ListItem(checked=bool(checked)):
            return ("task", str(checked))
        case _:
            return None


# --- both ---------------------------------------------------------------------------------------


def joined(leaves: Iterable[Leaf]) -> list[Leaf]:
    """The leaves with neighbouring texts as one and without empty ones."""
    result: list[Leaf] = []
    bare = ""  # the text of a link that shows its own address: a video has a card without it
    for leaf in leaves:
        if leaf == ("text", "") or (bare and leaf == ("text", bare)):
            bare = ""
            continue
        bare = leaf[-1] if leaf[0] == "link" and unquote(leaf[-1]) == leaf[1] else ""
        leaf = ("link", leaf[1], "") if bare else leaf
        if leaf[0] == "text" and result and result[-1][0] == "text":
            result[-1] = ("text", result[-1][1] + leaf[1])
        else:
            result.append(leaf)
    return result


def _words(leaves: Iterable[Leaf]) -> str:
    return "".join(
        f"[{leaf[-1]}]" if leaf[0] == "reference" else leaf[-1]
        for leaf in leaves
        if leaf[0] in ("text", "image", "reference")
    )


def _squeezed(text: str) -> str:
    return "".join(text.split())
