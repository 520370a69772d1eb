"""The Markdown parser: CommonMark with tables, strikethrough, footnotes and bare URLs.

Two things differ from the standard. Emphasis beside Chinese, Japanese or Korean letters is
recognised, after the CJK-friendly emphasis specification; text without such letters parses as
ever. And a bare URL ends at CJK punctuation, which is never part of one.

Two limits keep a hostile file from taking minutes: what is nested too deep, and a paragraph with
too many signs of markup, is text. Such an inline token says so in its `meta`, under `LIMIT`.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from types import MethodType

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, backtick, image, link, linkify
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

MAX_NESTING = 40
MAX_MARKS = 5_000  # of one paragraph; the time that brackets take grows with their square
MAX_LINKS = 10_000  # of one issue, also of what only begins like one: each takes its time
LIMIT = "limit"
LINES = "lines"  # in the meta of an inline token: the line ends in its source, if it hides them

_URL_END = r"\u3000-\u303f\uff01-\uff0f\uff1a-\uff1f\uff3b-\uff40\uff5b-\uff65“”‘’…"
_AFTER_URL = re.compile(f"[{_URL_END}]")
_URL_PARTS = re.compile(f"[^{_URL_END}]+|[{_URL_END}]+")
_MARK = re.compile(r"[\[\]<*_~`&:]")
_LINK = re.compile(r"\[|://")


@cache
def parser() -> MarkdownIt:
    """The one parser; it keeps no state between texts."""
    markdown = MarkdownIt(
        "commonmark", {"html": True, "linkify": True, "maxNesting": MAX_NESTING + 20}
    )
    markdown.enable(["table", "strikethrough", "linkify"])
    footnote_plugin(markdown, inline=False, move_to_end=True)
    assert markdown.linkify is not None
    markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    # Every target becomes a link here, so that urls.check decides about it, and tells.
    setattr(markdown, "validateLink", lambda url: True)  # noqa: B010 -- a method, to mypy
    markdown.inline.ruler.at("emphasis", _emphasis)
    for name, rule in (("backticks", backtick), ("image", image), ("link", link)):
        markdown.inline.ruler.at(name, _counting_lines(rule))
    markdown.inline.ruler.at("linkify", _bare_url)
    markdown.core.ruler.at("inline", _inline_within_limits)
    markdown.core.ruler.before("linkify", "url_end", _part_at_url_ends)
    markdown.core.ruler.push("literal", _literal)
    bounded = MethodType(_bounded_tokenize, markdown.block)
    setattr(markdown.block, "tokenize", bounded)  # noqa: B010 -- as above
    return markdown


_original_tokenize = ParserBlock.tokenize


def _bounded_tokenize(self: ParserBlock, state: StateBlock, start: int, end: int) -> None:
    """Below MAX_NESTING levels the rest is text: the stock parser would drop it."""
    if state.level < MAX_NESTING:
        _original_tokenize(self, state, start, end)
        return
    text = state.getLines(start, end, state.blkIndent, False).strip()
    if text:
        state.push("paragraph_open", "p", 1).map = [start, end]
        inline = state.push("inline", "", 0)
        inline.content, inline.map, inline.children = text, [start, end], []
        inline.meta[LIMIT] = f"this is nested deeper than {MAX_NESTING} levels"
        state.push("paragraph_close", "p", -1)
    state.line = end


def _emphasis(state: StateInline, silent: bool) -> bool:
    """The stock rule for `*` and `_`, with runs judged by `_flanking`."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    can_open, can_close = scanned.can_open, scanned.can_close
    if marker == "*":
        can_open, can_close = _flanking(state.src, state.pos, state.pos + scanned.length)
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content = marker
        state.delimiters.append(
            Delimiter(
                marker=ord(marker),
                length=scanned.length,
                token=len(state.tokens) - 1,
                end=-1,
                open=can_open,
                close=can_close,
            )
        )
    state.pos += scanned.length
    return True


def _flanking(source: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether the run `source[start:end]` may open and close emphasis."""
    before = source[start - 1] if start else " "
    after = source[end] if end < len(source) else " "
    left = not _is_space(after) and (
        not _is_western_punctuation(after)
        or _is_space(before)
        or _is_western_punctuation(before)
        or is_cjk(before)
    )
    right = not _is_space(before) and (
        not _is_western_punctuation(before)
        or _is_space(after)
        or _is_western_punctuation(after)
        or is_cjk(after)
    )
    return left, right


def _is_space(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _is_western_punctuation(character: str) -> bool:
    code = ord(character)
    return (isMdAsciiPunct(code) or isPunctChar(character)) and not is_cjk(character)


def is_cjk(character: str) -> bool:
    """A letter or sign of Chinese, Japanese or Korean, full-width forms included, no emoji."""
    return (
        character > "\u10ff"
        and unicodedata.east_asian_width(character) in "WFH"
        and unicodedata.category(character) != "So"
    )


def _counting_lines(
    rule: Callable[[StateInline, bool], bool],
) -> Callable[[StateInline, bool], bool]:
    """The rule, leaving on its last token how many line ends its source has."""

    def counting(state: StateInline, silent: bool) -> bool:
        start, count = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if not silent and len(state.tokens) > count:
            state.tokens[-1].meta[LINES] = state.src.count("\n", start, state.pos)
        return True

    return counting


def _inline_within_limits(state: StateCore) -> None:
    """The stock rule, but for paragraphs that would take too long: see `_literal`."""
    links = 0
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        marks = sum(1 for _ in _MARK.finditer(token.content))
        begun = sum(1 for _ in _LINK.finditer(token.content)) if marks else 0
        if marks > MAX_MARKS:
            token.meta[LIMIT] = f"one paragraph has more than {MAX_MARKS} signs of markup"
        elif begun and links + begun > MAX_LINKS:
            token.meta[LIMIT] = f"an issue has more than {MAX_LINKS} links"
        else:
            links += begun
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _literal(state: StateCore) -> None:
    """Paragraphs over the limit, as text: the last rule, so that no other spends time on them."""
    for block in state.tokens:
        if block.type != "inline" or block.children or LIMIT not in block.meta:
            continue
        block.children = []
        for index, line in enumerate(block.content.split("\n")):
            if index:
                block.children.append(Token("softbreak", "br", 0))
            block.children.append(Token("text", "", 0, content=line.strip()))


def _bare_url(state: StateInline, silent: bool) -> bool:
    """The stock rule, which sees no further than the next CJK punctuation."""
    if not state.src.startswith("://", state.pos):
        return False
    whole, end = state.src, _AFTER_URL.search(state.src, state.pos)
    if end:
        state.src = whole[: end.start()]
    try:
        return linkify(state, silent)
    finally:
        state.src = whole


def _part_at_url_ends(state: StateCore) -> None:
    """The same for the URLs that are found later, in texts: these join again afterwards."""
    for block in state.tokens:
        if block.type != "inline" or not block.children or "://" not in block.content:
            continue
        children: list[Token] = []
        for token in block.children:
            if token.type == "text":
                children += (
                    Token("text", "", 0, content=part, level=token.level)
                    for part in _URL_PARTS.findall(token.content)
                )
            else:
                children.append(token)
        block.children = children
