"""Straight quotes and hyphens -> the quotes and dashes of a language.

markdown-it decides which quote opens and which closes, once apostrophes that begin a word are set,
and marks of feet, inches, minutes and seconds are put aside. Code, addresses, attributes, braces
such as merge fields, escapes and entities stay as they are written, and so does a paragraph with
more quotes than people write.
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

_MOST_QUOTES = 200  # the library takes time in the square of them
_LONGEST = 20_000
_STRAIGHT = re.compile(r"""['"]|--""")
_NARROW = re.compile(r" (?=[;!?»]+(?:[\s)”]|$))|(?<=«) ")
_BEFORE_COLON = re.compile(r" (?=:(?:\s|$))")
# Braces of merge fields and templates; feet and minutes, as in 5'10"; 'n' of rock 'n' roll, which
# may also be a letter in quotes.
_AS_WRITTEN = re.compile(r"(\{\{[^{}]*\}\}|\{%[^%]*%\}|(?<=\d)'(?=\d)|(?<=\w )'[nN]'(?= \w))")
_CODE = re.compile(r"<(/?)(?:code|kbd|pre|samp|script|style|tt)\b", re.IGNORECASE)
_SPACED = re.compile(r"(?<!\S)---?(?!\S)")
_CHUNK = re.compile(r"\S+")  # as a whole: searching for hyphens here would take quadratic time
_JOINED = re.compile(r"""(?<=(.))---?(?=[\w"'“”‘’«»(])""")
_TECHNICAL = re.compile(r"[/\\@=<>_.]\S|^-|\bxn--", re.IGNORECASE)
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])'(?=[A-Za-z])")
# Before a shortened year or word: the '60s, '98, 'twas, get 'em, Dutch 's avonds.
_CLIPPED = re.compile(
    r"(?<![\w'’])'(?=\d\d(?:s\b|(?![\w'’]))|[stnkmr](?![\w'’])"
    r"|(?i:em|til|t(?:is|was|were|will|would)(?:n't)?)(?![\w'’]))"
)
_FIGURES = frozenset("0123456789¼½¾⅓⅔⅛⅜⅝⅞")
_BEHIND_A_FIGURE = re.compile(r"[0-9¼½¾⅓⅔⅛⅜⅝⅞]['\"]")
_CLOSED = frozenset(".,;:!?)]}”’»…%")  # a quote after one of these does not open
_MEASURE = re.compile(r"'\s?(?:\d+(?:[.,]\d+)?[\s½¼¾]*\"|(?:by|x|×)\s?\d)")


def rule(state: StateCore) -> None:
    """A core rule of the parser."""
    signs = state.env.get(SIGNS)
    if signs is None:
        return
    for block in state.tokens:
        if block.type == "inline" and block.children and _is_wanted(block.content, signs):
            block.children = _set(block.children, signs)


def typeset(text: str, signs: Signs | None) -> str:
    """A text without markup, typeset in the same way."""
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
    for token in parted:
        if token.type == "text":
            token.content = _CLIPPED.sub("’", token.content)
    if not signs.pairwise:
        parted = list(_without_primes(parted))
    texts = [token for token in parted if token.type == "text"]
    if signs.pairwise:
        for text in texts:
            text.content = _APOSTROPHE.sub("’", text.content)
        _pair(texts, '"', *signs.quotes[:2])
        _pair(texts, "'", *signs.quotes[2:])
    else:
        options = SimpleNamespace(md=SimpleNamespace(options=signs))
        process_inlines(parted, cast("StateCore", options))  # it only reads the quotes
    for text in texts:
        text.content = _with_dashes(text.content, signs)
        if signs.narrow:
            text.content = _BEFORE_COLON.sub("\u00a0", _NARROW.sub("\u202f", text.content))
    return parted


def _parted(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens, with special ones for what stays as it is written."""
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
        if part:
            yield _part(token, part, stays=bool(index % 2))


def _part(token: Token, content: str, *, stays: bool) -> Token:
    kind = "text_special" if stays else "text"
    return Token(kind, "", 0, content=content, level=token.level, meta=dict(token.meta))


def _without_primes(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens, with special ones for marks of feet, inches, minutes and seconds."""
    breaks = ("softbreak", "hardbreak")
    contents = ["\n" if token.type in breaks else token.content for token in tokens]
    text = "".join(contents)
    if not _BEHIND_A_FIGURE.search(text):
        yield from tokens
        return
    primes = sorted((*_primes(text, '"'), *_primes(text, "'")))
    start = 0
    for token, content in zip(tokens, contents, strict=True):
        end = start + len(content)
        own = [place - start for place in primes if start <= place < end]
        if token.type == "text" and own:
            position = 0
            for place in own:
                yield _part(token, content[position:place], stays=False)
                yield _part(token, content[place], stays=True)
                position = place + 1
            yield _part(token, content[position:], stays=False)
        else:
            yield token
        start = end


def _primes(text: str, sign: str) -> Iterator[int]:
    """The places where a quote after a figure does not close."""
    places = [
        place
        for place, character in enumerate(text)
        if character == sign and not _is_in_word(text, place)
    ]
    is_open = False
    for number, place in enumerate(places):
        if text[place - 1 : place] not in _FIGURES:
            is_open = _opens(text, place)
        elif not is_open or _is_closed_later(text, places[number:]):
            yield place
        else:
            is_open = False


def _is_in_word(text: str, place: int) -> bool:
    return text[place - 1 : place].isalnum() and text[place + 1 : place + 2].isalnum()


def _opens(text: str, place: int) -> bool:
    before, behind = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    return bool(behind.strip()) and not (before.isalnum() or before in _CLOSED)


def _is_closed_later(text: str, places: Sequence[int]) -> bool:
    """Whether an open quote closes after the first of these places, the mark of a figure."""
    if text[places[0]] == "'" and not _MEASURE.match(text, places[0]):
        return False
    others = (place for place in places if text[place - 1] not in _FIGURES)
    following = next(others, None)
    return following is not None and not _opens(text, following)


def _pair(texts: Sequence[Token], straight: str, opening: str, closing: str) -> None:
    """Set opening and closing quotes by turns, where their number and neighbours allow it."""
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
    """Whether a quote may open: not before a space, nor after a figure, where it means inches."""
    return not text[place + 1 : place + 2].isspace() and not text[place - 1 : place].isdigit()


def _with_dashes(text: str, signs: Signs) -> str:
    if "--" not in text:
        return text
    _, closing, _, inner_closing = signs.quotes
    behind = ({*closing, *inner_closing} | {")"}) - {*signs.quotes[0], *signs.quotes[2]}

    def dash(hyphens: re.Match[str]) -> str:
        return signs.dashes[len(hyphens[0]) - 2]

    def joining(hyphens: re.Match[str]) -> str:
        """A dash after a word; elsewhere the hyphens of an option such as `--all` stay."""
        before = hyphens[1]
        return dash(hyphens) if before.isalnum() or before in behind else hyphens[0]

    def joined(chunk: re.Match[str]) -> str:
        stays = "--" not in chunk[0] or _TECHNICAL.search(chunk[0])
        return chunk[0] if stays else _JOINED.sub(joining, chunk[0])

    return _CHUNK.sub(joined, _SPACED.sub(dash, text))
