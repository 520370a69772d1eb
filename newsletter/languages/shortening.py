"""The beginning of a text: it ends where a word does, or a character where there are no words."""

import unicodedata
from functools import lru_cache

_ELLIPSIS = "…"
_JOINER = "\u200d"
_DANGLING = " \u00a0\t\n,;:·•-–—(«„“‘[、，；：「『（《"
_SKIN = range(0x1F3FB, 0x1F400)
_FLAG = range(0x1F1E6, 0x1F200)
# Signs of Thai and Lao that belong to the letter before them, and to the one after them.
_BEHIND = frozenset("ะาำๅๆฯ\u0eb0\u0eb2\u0eb3\u0ec6\u0eaf")
_BEFORE = frozenset("เแโใไ\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々")


@lru_cache(maxsize=16_384)
def is_wide(character: str) -> bool:
    """A letter or sign of a script that is written without spaces, so none of Korean."""
    return (
        bool(character)
        and unicodedata.east_asian_width(character) in "WF"
        and not unicodedata.name(character, "").startswith("HANGUL")
    )


def shortened(text: str, length: int) -> str:
    """At most `length` characters of a text, an ellipsis where some of it is left out."""
    return text if len(text) <= length else cut(text, word_end(text, length - 1))


def cut(text: str, end: int) -> str:
    """The text up to `end`, without signs that nothing follows, and an ellipsis."""
    return text[:end].rstrip(_DANGLING) + _ELLIPSIS


def word_end(text: str, most: int) -> int:
    """Where the last whole word within `most` characters ends.

    Words of Chinese and Japanese end with each character, for there is no dictionary here. Where no
    word ends in the second half, as in a long address or in Thai, a whole character does.
    """
    ends = [end for end in range(most, 0, -1) if _is_between_characters(text, end)]
    words = (end for end in ends if end > most // 2 and _is_between_words(text, end))
    return next(words, ends[0] if ends else most)


def _is_between_characters(text: str, end: int) -> bool:
    """Whether what readers take for one character is whole: marks, emoji and flags have parts."""
    before, after = text[end - 1], text[end : end + 1]
    if not after:
        return True
    if _JOINER in (before, after) or after in _BEHIND or before in _BEFORE:
        return False
    if unicodedata.category(after)[0] == "M" or ord(after) in _SKIN:
        return False
    return ord(after) not in _FLAG or _flags_before(text, end) % 2 == 0


def _flags_before(text: str, end: int) -> int:
    """How many letters of flags stand in a row there: two make a flag."""
    count = 0
    while count < end and ord(text[end - 1 - count]) in _FLAG:
        count += 1
    return count


def _is_between_words(text: str, end: int) -> bool:
    before, after = text[end - 1], text[end : end + 1]
    if not after or before.isspace() or after.isspace():
        return True
    if after in _SMALL_KANA or unicodedata.category(after) in ("Pe", "Pf", "Po"):
        return False
    if unicodedata.category(before) in ("Ps", "Pi"):
        return False
    return any(is_wide(sign) or unicodedata.category(sign) == "So" for sign in (before, after))
