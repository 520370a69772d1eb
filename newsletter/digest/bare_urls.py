"""Bare URLs in a text: they end at CJK punctuation, which no URL holds unencoded."""

import re

from markdown_it.rules_core import StateCore
from markdown_it.rules_core import linkify as linkify_texts
from markdown_it.rules_inline import StateInline, linkify
from markdown_it.token import Token

_URL_END = r"\u3000-\u303f\uff01-\uff0f\uff1a-\uff1f\uff3b-\uff40\uff5b-\uff65“”‘’…"
_AFTER_URL = re.compile(f"[{_URL_END}]")
_URL_STOP = re.compile(rf"[{_URL_END}\s]")
_URL_PARTS = re.compile(f"[^{_URL_END}]+|[{_URL_END}]+")
_URL_REACH = 4_096  # how far a bare URL is looked at for where it ends


def bare_url(state: StateInline, silent: bool) -> bool:
    """The stock rule, which sees no further than the next CJK punctuation."""
    if not state.src.startswith("://", state.pos):
        return False
    whole, end = state.src, _URL_STOP.search(state.src, state.pos, state.pos + _URL_REACH)
    if end and _AFTER_URL.match(end[0]):
        state.src = whole[: end.start()]
    try:
        return linkify(state, silent)
    finally:
        state.src = whole


def part_at_url_ends(state: StateCore) -> None:
    """The same for URLs that are found later, in texts: the texts are joined again afterwards."""
    for block in state.tokens:
        if block.type != "inline" or not block.children or "://" not in block.content:
            continue
        children: list[Token] = []
        for token in block.children:
            if token.type == "text" and _AFTER_URL.search(token.content):
                children += (
                    Token("text", "", 0, content=part, level=token.level)
                    for part in _URL_PARTS.findall(token.content)
                )
            else:
                children.append(token)
        block.children = children


def addresses_in_texts(state: StateCore) -> None:
    """The stock rule, asked only about paragraphs in which a short look finds a sign of one."""
    whole = state.tokens
    state.tokens = [block for block in whole if any(map(_may_hold_one, block.children or ()))]
    linkify_texts(state)
    state.tokens = whole


def _may_hold_one(token: Token) -> bool:
    return token.type == "text" and (":" in token.content or "//" in token.content)
