"""A text as the words that it is searched by; static/search.js does the same.

Scripts that put no space between words are searched by pairs of letters: 慢软件 holds 慢软, 软件,
and 件 for itself, so that one letter is found, too. Case, accents and vowel signs do not count.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

MOST_WORDS = 8  # of a query; and so many pairs of a run of letters
LONGEST_QUERY = 100
_PREFIX_LENGTH = 3  # shorter words are found whole
_MOST_PLACES = 200  # of a text that an excerpt is chosen from

# Thai, Lao, Burmese, Khmer, Hangul, kana, Bopomofo and Han, half-width forms too.
_WIDE = (
    "\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1100-\u11ff\u1780-\u17e9\u3005-\u3007\u3041-\u3096"
    "\u30a1-\u30fa\u30fc\u3105-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
# Letters and digits, and the signs that stand with them: accents, vowels, those of Indic scripts.
_SIGNS = "\u0300-\u036f\u0591-\u05c7\u0640\u064b-\u0652\u0670"
_INDIC = "\u0900-\u0963\u0966-\u0dff"
_RUN = re.compile(f"[{_WIDE}\u3099\u309a]+|(?:(?![{_WIDE}])[^\\W_]|[{_SIGNS}{_INDIC}])+")
_STARTS_WIDE = re.compile(f"[{_WIDE}]")
_DROPPED = re.compile(f"[{_SIGNS}]")


@dataclass(frozen=True, slots=True)
class TermRun:
    """Letters that stand together, folded, and where they stand in the text."""

    text: str
    start: int
    end: int

    @property
    def is_wide(self) -> bool:
        return bool(_STARTS_WIDE.match(self.text))

    @property
    def terms(self) -> tuple[str, ...]:
        """What it is found by."""
        if not self.is_wide:
            return (self.text,)
        return *map("".join, pairwise(self.text)), self.text[-1]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word of a query: terms that stand one behind the other, the last maybe only begun."""

    text: str
    terms: tuple[str, ...]
    is_prefix: bool


def runs(text: str) -> Iterator[TermRun]:
    """The runs of a text in NFC, in order."""
    for match in _RUN.finditer(text):
        if folded := fold(match[0]):
            yield TermRun(folded, match.start(), match.end())


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """A word without case, accents and vowel signs, whatever its letters are made of."""
    apart = unicodedata.normalize("NFKD", word.lower())
    together = unicodedata.normalize("NFC", _DROPPED.sub("", apart))
    return together.lower().replace("ς", "σ")


def terms(text: str) -> Iterator[str]:
    for run in runs(unicodedata.normalize("NFC", text)):
        yield from run.terms


def wanted(query: str) -> tuple[Wanted, ...]:
    """The words of a query that count; none where there is no letter in it."""
    found: dict[str, Wanted] = {}
    for run in runs(unicodedata.normalize("NFC", query[:LONGEST_QUERY])):
        if run.is_wide:
            pairs = run.terms[:-1][:MOST_WORDS]
            text = run.text[: MOST_WORDS + 1]
            found[text] = Wanted(text, pairs or run.terms, is_prefix=not pairs)
        else:
            is_prefix = len(run.text) >= _PREFIX_LENGTH
            found[run.text] = Wanted(run.text, (run.text,), is_prefix)
    return tuple(found.values())[:MOST_WORDS]


SnippetPiece = tuple[str, bool]  # and whether it is what was searched for


def marked(text: str, words: Sequence[Wanted]) -> list[SnippetPiece]:
    """A text in pieces, those marked that a query asks for."""
    text = unicodedata.normalize("NFC", text)
    pieces, at = [], 0
    for start, end in _spans(text, words):
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    pieces.append((text[at:], False))
    return [piece for piece in pieces if piece[0]]


def excerpt(text: str, words: Sequence[Wanted], width: int = 180) -> str:
    """The part of a text around the first place that most words of a query stand near to; empty
    where none of them is in it. Letters of wide scripts count twice."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    spans = list(islice(_spans(text, words), _MOST_PLACES))  # each is compared with all others
    if not spans:
        return ""
    if _STARTS_WIDE.match(text[spans[0][0]]):
        width //= 2
    begins = max(spans, key=lambda span: (_near(text, spans, span[0], width), -span[0]))[0]
    start = max(0, begins - width // 4)
    start = 0 if start == 0 else _word_begin(text, start, begins)
    end = min(len(text), start + width)
    if end < len(text):
        end = max(text.rfind(" ", begins + 1, end), end - 20)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{text[start:end].strip()}{after}"


def _near(text: str, spans: Sequence[tuple[int, int]], begin: int, width: int) -> int:
    return len({fold(text[a:b]) for a, b in spans if begin <= a < begin + width * 3 // 4})


def _word_begin(text: str, start: int, latest: int) -> int:
    space = text.find(" ", start, latest)
    return start if space < 0 else space + 1


def _spans(text: str, words: Sequence[Wanted]) -> Iterator[tuple[int, int]]:
    """Where the words of a query stand in a text, in order, none over another."""
    for run in runs(text):
        if not run.is_wide:
            if any(_is_met(run.text, word) for word in words):
                yield run.start, run.end
            continue
        if run.end - run.start != len(run.text):  # half-width letters and their signs
            if any(word.text in run.text for word in words):
                yield run.start, run.end
            continue
        at = 0
        while at < len(run.text):
            met = max((len(w.text) for w in words if run.text.startswith(w.text, at)), default=0)
            if met:
                yield run.start + at, run.start + at + met
            at += met or 1


def _is_met(text: str, word: Wanted) -> bool:
    return text.startswith(word.text) if word.is_prefix else text == word.text
