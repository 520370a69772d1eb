"""The Markdown parser: CommonMark with tables, strikethrough, footnotes and bare URLs.

https://spec.commonmark.org/0.31.2/, and for tables and strikethrough https://github.github.com/gfm/.

Two things differ from the standard. Emphasis beside Chinese, Japanese or Korean letters is
recognised, after the CJK-friendly emphasis specification; text without such letters parses as
ever. And a bare URL ends at CJK punctuation, which is never part of one.

Anything nested too deep, and a paragraph with too many signs of markup, is plain text. Such an
inline token says so in its `meta`, under `LIMIT`. `newsletter.digest.limits` refuses documents that
are too large.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from types import MethodType, SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from markdown_it import MarkdownIt, helpers
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, backtick, html_inline, image, link
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_ref

from newsletter.digest import (
    bare_urls,
    containers,
    definitions,
    foreign,
    tables,
    tags,
    typography,
    urls,
)
from newsletter.digest.limits import MAX_MARKS, marks

MAX_NESTING = 40
LIMIT = "limit"
CHECK_BLOCKS = "check blocks"  # in the environment: a function that gets the tokens of all blocks
LABELS = "labels"  # in it: where labels end, by the state that reads them
COMMENT = "comment_open"  # the type of a token of a comment that does not end in its paragraph
LINES = "lines"  # in the meta of an inline token: line ends of its source that its content hides

# Where a rule may begin; the stock parser tries each rule at many more signs.
_BEGINNING = re.compile(
    r"[\n&*<\[\]\\_`~]|!(?=\[)|:(?=//|[a-z0-9+-][a-z0-9_+-]{0,40}:)|=(?==)|%(?=%)|\{(?=[:#./\w])"
)
# Most links are like this, and need no rule to find where they end.
_PLAIN_LABEL = re.compile(r"[^\n&*<\[\]\\_`~!:=%{]*+\]")
_PLAIN_TARGET = re.compile(r"[^\x00-\x20\x7f<\\()&]++(?=[ )])")
_TARGET_SIGN = re.compile(r"\\[^ ]|[()\x00-\x20\x7f]")
_MAX_BRACKETS = 32
_FOOTNOTE = re.compile(r"\[\^[^\s\]]{1,200}\]")


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
    # Every target becomes a link here, so that urls.check decides and reports.
    setattr(markdown, "validateLink", lambda url: True)  # noqa: B010 -- a method, to mypy
    setattr(markdown, "normalizeLink", _normalized)  # noqa: B010 -- as above
    markdown.inline.terminator_re = _BEGINNING
    in_one_reading = SimpleNamespace(
        parseLinkLabel=_label_end,
        parseLinkDestination=_destination,
        parseLinkTitle=helpers.parseLinkTitle,
    )
    setattr(markdown, "helpers", in_one_reading)  # noqa: B010 -- a module, to mypy
    markdown.block.ruler.at(
        "html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]}
    )
    markdown.block.ruler.at("table", tables.rule, {"alt": ["paragraph", "reference"]})
    markdown.block.ruler.at("reference", definitions.rule, {"alt": ["paragraph", "blockquote"]})
    for name, block_rule in (
        ("container", containers.container),
        ("admonition", containers.admonition),
    ):
        markdown.block.ruler.before(
            "hr", name, block_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]}
        )
    markdown.block.ruler.before("reference", "imports", containers.imports)
    markdown.block.ruler.before("reference", "long_note", containers.long_note)
    markdown.inline.ruler.before("link", "wiki_link", foreign.wiki_link)
    markdown.inline.ruler.before("escape", "line_break", foreign.line_break)
    for inline_rule in (foreign.attributes, foreign.notes, foreign.emoji, foreign.mark):
        markdown.inline.ruler.push(inline_rule.__name__, inline_rule)
    markdown.inline.ruler.at("footnote_ref", _short_footnote)
    markdown.inline.ruler.at("emphasis", _emphasis)
    markdown.inline.ruler.at("html_inline", _html_inline)
    for name, rule in (("backticks", backtick), ("image", image), ("link", link)):
        markdown.inline.ruler.at(name, _counting_lines(rule))
    markdown.inline.ruler.at("linkify", bare_urls.bare_url)
    markdown.core.ruler.before("inline", "check_blocks", _check_blocks)
    markdown.core.ruler.at("inline", _inline_within_limits)
    markdown.core.ruler.at("linkify", bare_urls.addresses_in_texts)
    markdown.core.ruler.before("linkify", "url_end", bare_urls.part_at_url_ends)
    markdown.core.ruler.before("text_join", "typography", typography.rule)
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


def _html_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The stock rule, except for a tag that is not HTML: it may stand before any text."""
    first = state.bMarks[start] + state.tShift[start]
    line = state.src[first : state.eMarks[start]]
    return tags.is_html_line(line) and html_block(state, start, end, silent)


def _html_inline(state: StateInline, silent: bool) -> bool:
    """The stock rule, except that a comment which continues after a blank line is reported."""
    if html_inline(state, silent):
        return True
    if not state.src.startswith("<!--", state.pos):
        return False
    if not silent:
        state.push(COMMENT, "", 0).content = "<!--"
    state.pos += len("<!--")
    return True


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
    opens = not _is_space(after) and (
        not _is_western_punctuation(after)
        or _is_space(before)
        or _is_western_punctuation(before)
        or is_cjk(before)
    )
    closes = not _is_space(before) and (
        not _is_western_punctuation(before)
        or _is_space(after)
        or _is_western_punctuation(after)
        or is_cjk(after)
    )
    return opens, closes


def _is_space(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _is_western_punctuation(character: str) -> bool:
    code = ord(character)
    return (isMdAsciiPunct(code) or isPunctChar(character)) and not is_cjk(character)


def is_cjk(character: str) -> bool:
    """A letter or sign of Chinese, Japanese or Korean, full-width forms included, emoji
    excluded."""
    return (
        character > "\u10ff"
        and unicodedata.east_asian_width(character) in "WFH"
        and unicodedata.category(character) != "So"
    )


def _counting_lines(
    rule: Callable[[StateInline, bool], bool],
) -> Callable[[StateInline, bool], bool]:
    """The rule, which notes on its last token how many line ends its source has."""

    def counting(state: StateInline, silent: bool) -> bool:
        start, count = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if not silent and len(state.tokens) > count:
            state.tokens[-1].meta[LINES] = state.src.count("\n", start, state.pos)
        return True

    return counting


def _label_end(state: StateInline, start: int, disableNested: bool = False) -> int:
    """The stock helper in one pass: the original reads on to the end for every open bracket."""
    end, holds_link = _label(state, start)
    return -1 if disableNested and holds_link else end


def _label(state: StateInline, start: int) -> tuple[int, bool]:
    """Where the bracket at `start` is closed, -1 for nowhere, and whether a link is in it."""
    labels = state.env.setdefault(LABELS, WeakKeyDictionary()).setdefault(state, {})
    key = (start, state.posMax)
    if key not in labels:
        before, state.pos = state.pos, start + 1
        labels[key] = _read_label(state)
        state.pos = before
    label: tuple[int, bool] = labels[key]
    return label


def _read_label(state: StateInline) -> tuple[int, bool]:
    plain = _PLAIN_LABEL.match(state.src, state.pos, state.posMax)
    if plain and state.level < state.md.options["maxNesting"]:
        return plain.end() - 1, False
    holds_link = False
    while state.pos < state.posMax:
        at, sign = state.pos, state.src[state.pos]
        if sign == "]":
            return at, holds_link
        state.md.inline.skipToken(state)
        if sign != "[":
            continue
        if state.pos > at + 1:
            references = state.env.get("references", {})
            holds_link |= not foreign.is_wiki_link(state.src, at, references)
            continue
        end, deeper = _label(state, at)
        holds_link |= deeper
        if end < 0:  # the inner bracket takes every one that could close this one
            break
        state.pos = end + 1
    return -1, holds_link


def _destination(source: str, start: int, end: int) -> Any:
    """The stock helper, but only for balanced targets: it is slow on text that is not one."""
    if plain := _PLAIN_TARGET.match(source, start, end):
        return SimpleNamespace(ok=True, pos=plain.end(), str=plain[0])
    may_be_one = source.startswith("<", start) or _is_balanced(source, start, end)
    return helpers.parseLinkDestination(source, start, end if may_be_one else start)


def _is_balanced(source: str, start: int, end: int) -> bool:
    """Whether a target closes the brackets that it opens, within the limit of the stock helper."""
    level = 0
    for sign in _TARGET_SIGN.finditer(source, start, end):
        if sign[0] == "(":
            level += 1
        elif sign[0] == ")":
            level -= 1
        elif len(sign[0]) == 1:  # white space
            break
        if level < 0 or level > _MAX_BRACKETS:
            break
    return level <= 0


def _normalized(url: str) -> str:
    """The stock method, which takes an address apart; a plain one stays as it is."""
    return url if urls.is_plain(url) else normalizeLink(url)


def _short_footnote(state: StateInline, silent: bool) -> bool:
    """The stock rule, but only where a closing bracket is near."""
    if not _FOOTNOTE.match(state.src, state.pos, state.posMax):
        return False
    return footnote_ref(state, silent)


def _check_blocks(state: StateCore) -> None:
    """Let the caller refuse a document before its text is parsed."""
    if check := state.env.get(CHECK_BLOCKS):
        check(state.tokens)


def _inline_within_limits(state: StateCore) -> None:
    """The stock rule, except for paragraphs that would take too long: see `_literal`."""
    before = ""
    for token in state.tokens:
        if token.type != "inline":
            before = token.type
            continue
        token.children = []
        state.env.update(foreign.surroundings(before, token.content))
        if foreign.is_contents(token.content, state.env.get("references", {})):
            contents = Token(foreign.FOREIGN, "", 0, info=token.content)
            contents.meta[foreign.CONSTRUCT] = foreign.Construct.CONTENTS
            token.children.append(contents)
        elif marks(token.content) > MAX_MARKS:
            token.meta[LIMIT] = f"one paragraph has more than {MAX_MARKS} signs of markup"
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _literal(state: StateCore) -> None:
    """Paragraphs over the limit as text: the last rule, so that no other spends time on them."""
    for block in state.tokens:
        if block.type != "inline" or block.children or LIMIT not in block.meta:
            continue
        block.children = []
        for index, line in enumerate(block.content.split("\n")):
            if index:
                block.children.append(Token("softbreak", "br", 0))
            block.children.append(Token("text", "", 0, content=line.strip()))
