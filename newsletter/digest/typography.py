"""Straight quotes and hyphens -> the quotes and dashes of a language.

Which quote opens and which closes is markdown-it's answer. Code, addresses, attributes, braces such
as merge fields, escapes and entities stay as they are written, and so does a paragraph with more
quotes than anybody writes.
"""

import re
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import cast

from markdown_it.rules_core import StateCore
from markdown_it.rules_core.smartquotes import process_inlines
from markdown_it.token import Token

from newsletter.languages import Signs

SIGNS = "signs"  # in the environment of the parser: the Signs to set, if any

_MOST_QUOTES = 200  # the library takes the square of them
_LONGEST = 20_000
_STRAIGHT = re.compile(r"""['"]|--""")
_NARROW = re.compile(r" (?=[;!?»]+(?:[\s)”]|$))|(?<=«) ")
_BEFORE_COLON = re.compile(r" (?=:(?:\s|$))")
# Braces of merge fields and templates; feet and minutes, as in 5'10".
_AS_WRITTEN = re.compile(r"(\{\{[^{}]*\}\}|\{%[^%]*%\}|(?<=\d)'(?=\d))")
_CODE = re.compile(r"<(/?)(?:code|kbd|pre|samp|script|style|tt)\b", re.IGNORECASE)
_SPACED = re.compile(r"(?<!\S)---?(?!\S)")
_CHUNK = re.compile(r"\S+")  # as a whole: to look for hyphens in it here takes the square of it
_JOINED = re.compile(r"""(?<=[\w"'“”‘’«»)])---?(?=[\w"'“”‘’«»(])""")
_TECHNICAL = re.compile(r"[/\\@=<>_.]\S|^-|\bxn--", re.IGNORECASE)
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])'(?=[A-Za-z])")


def rule(state: StateCore) -> None:
    """A core rule of the parser."""
    signs = state.env.get(SIGNS)
    if signs is None:
        return
    for block in state.tokens:
        if block.type == "inline" and block.children and _is_wanted(block.content, signs):
            block.children = _set(block.children, signs)


def typeset(text: str, signs: Signs | None) -> str:
    """A text without markup, set likewise."""
    if signs is None or not _is_wanted(text, signs):
        return text
    return "".join(token.content for token in _set([Token("text", "", 0, content=text)], signs))


def has_straight_signs(text: str) -> bool:
    """Whether there is anything to set, in whatever language."""
    return bool(_STRAIGHT.search(text) or _NARROW.search(text) or _BEFORE_COLON.search(text))


def _is_wanted(text: str, signs: Signs) -> bool:
    straight = has_straight_signs(text) if signs.narrow else _STRAIGHT.search(text)
    quotes = text.count('"') + text.count("'")
    return bool(straight) and quotes <= _MOST_QUOTES and len(text) <= _LONGEST


def _set(tokens: Sequence[Token], signs: Signs) -> list[Token]:
    parted = list(_parted(tokens))
    texts = [token for token in parted if token.type == "text"]
    if signs.pairwise:
        for text in texts:
            text.content = _APOSTROPHE.sub("’", text.content)
        _pair(texts, '"', *signs.quotes[:2])
        _pair(texts, "'", *signs.quotes[2:])
    else:
        options = SimpleNamespace(md=SimpleNamespace(options=signs))
        process_inlines(parted, cast("StateCore", options))  # which reads the quotes alone
    for text in texts:
        text.content = _with_dashes(text.content, signs)
        if signs.narrow:
            text.content = _BEFORE_COLON.sub("\u00a0", _NARROW.sub("\u202f", text.content))
    return parted


def _parted(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens, with what stays as it is written as special ones."""
    in_code = in_address = 0
    for token in tokens:
        match token.type:
            case "html_inline" if tag := _CODE.match(token.content):
                in_code = max(0, in_code + (-1 if tag[1] else 1))
            case "link_open" | "link_close" if token.info == "auto":
                in_address += token.nesting
            case "text" if in_code or in_address:
                token.type = "text_special"
            case "text":
                yield from _parts(token)
                continue
            case _:
                pass
        yield token


def _parts(token: Token) -> Iterator[Token]:
    for index, part in enumerate(_AS_WRITTEN.split(token.content)):
        kind = "text_special" if index % 2 else "text"
        if part:
            yield Token(kind, "", 0, content=part, level=token.level, meta=dict(token.meta))


def _pair(texts: Sequence[Token], straight: str, opening: str, closing: str) -> None:
    """Set quotes by turns, where their number and what is beside them allow it."""
    places = [
        (token, place)
        for token in texts
        for place, character in enumerate(token.content)
        if character == straight
    ]
    opens = [_may_open(token.content, place) for token, place in places[::2]]
    closes = [not token.content[place - 1 : place].isspace() for token, place in places[1::2]]
    if len(places) % 2 or not all((*opens, *closes)):
        return
    for number, (token, place) in enumerate(places):
        sign = closing if number % 2 else opening
        token.content = token.content[:place] + sign + token.content[place + 1 :]


def _may_open(text: str, place: int) -> bool:
    """Not before a space, and not behind a figure, where it is a sign for inches."""
    return not text[place + 1 : place + 2].isspace() and not text[place - 1 : place].isdigit()


def _with_dashes(text: str, signs: Signs) -> str:
    if "--" not in text:
        return text

    def dash(hyphens: re.Match[str]) -> str:
        return signs.dashes[len(hyphens[0]) - 2]

    def joined(chunk: re.Match[str]) -> str:
        stays = "--" not in chunk[0] or _TECHNICAL.search(chunk[0])
        return chunk[0] if stays else _JOINED.sub(dash, chunk[0])

    return _CHUNK.sub(joined, _SPACED.sub(dash, text))
