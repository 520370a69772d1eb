"""The script that a text is plainly written in, and the language that it implies."""

import re
import unicodedata
from collections import Counter
from enum import StrEnum
from functools import lru_cache

from babel.core import get_global

_MERGE_FIELD = re.compile(r"\{\{[^{}]*\}\}")
_FEWEST = 20  # letters, each counted as so many Latin ones
_SHARE = 0.6  # of all letters: names of products in Latin letters stand in every language
_FOREIGN = 0.01
_MARKED = 0.005
_SYLLABLES = 0.05  # Japanese has a third or more of kana; Chinese quotes a word of it at most

_SIMPLIFIED = set(
    "们这国来时说会对发经学过还进动关开机东车书长门问间头电话见员点业实现网应体区"
    "万与个为产无种变结给让认识语读写号图师热处务"
)
_TRADITIONAL = set(
    "們這國來時說會對發經學過還進動關開機東車書長門問間頭電話見員點業實現網應體區"
    "萬與個為產無種變結給讓認識語讀寫號圖師熱處務"
)
_ARABIC = set("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي")
_PERSIAN = set("پچژگکی")
_URDU = set("ٹڈڑںےھہۂۃۓ")
_RUSSIAN = set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
_UKRAINIAN = set("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя")


class Script(StrEnum):
    """Scripts that are plainly not Latin, by their names in ISO 15924."""

    ARABIC = "Arab"
    CHINESE = "Hani"
    CYRILLIC = "Cyrl"
    HEBREW = "Hebr"
    JAPANESE = "Jpan"
    KOREAN = "Kore"


# How the names of a script's letters begin in Unicode, and how many Latin letters one is worth.
_LETTERS = {
    "ARABIC": (Script.ARABIC, 1),
    "CJK": (Script.CHINESE, 3),
    "CYRILLIC": (Script.CYRILLIC, 1),
    "HANGUL": (Script.KOREAN, 2),
    "HEBREW": (Script.HEBREW, 1),
    "HIRAGANA": (Script.JAPANESE, 3),
    "KATAKANA": (Script.JAPANESE, 3),
}
_WRITTEN_IN = {
    "Hans": {Script.CHINESE},
    "Hant": {Script.CHINESE},
    "Jpan": {Script.JAPANESE, Script.CHINESE},
}


def script_of(text: str) -> Script | None:
    """The script of nearly all letters of a text, None for the Latin and for any mixture."""
    return _script_of(_letters(text))


def _script_of(letters: Counter[str]) -> Script | None:
    weights: Counter[Script | None] = Counter()
    for letter, count in letters.items():
        script, weight = _kind(letter)
        weights[script] += weight * count
    east = weights[Script.CHINESE] + weights[Script.JAPANESE]
    if weights[Script.JAPANESE] > _SYLLABLES * east:
        weights[Script.JAPANESE], weights[Script.CHINESE] = east, 0
    whole = weights.total()
    for script, weight in weights.items():
        if script and whole >= _FEWEST and weight >= _SHARE * whole:
            return script
    return None


def is_written_in(language: str, script: Script) -> bool:
    """Whether a language is one of this script: by its tag, else as CLDR says of it."""
    usual = _usual_script(language)
    return script in _WRITTEN_IN.get(usual, {usual})


def inferred(text: str, usual: str) -> str | None:
    """The language of a text that is plainly not in the `usual` one; None where it may be, or where
    its script does not tell the language."""
    letters = _letters(text)
    script = _script_of(letters)
    if script is None or is_written_in(usual, script):
        return None
    return _language(script, letters)


def _letters(text: str) -> Counter[str]:
    if "{{" in text:
        text = _MERGE_FIELD.sub(" ", text)
    words = [word for word in text.lower().split() if "/" not in word and "@" not in word]
    counts = Counter("".join(words))
    return Counter({sign: count for sign, count in counts.items() if sign.isalpha()})


@lru_cache(maxsize=4096)
def _kind(letter: str) -> tuple[Script | None, int]:
    first = unicodedata.name(letter, "").partition(" ")[0]
    return _LETTERS.get(first, (None, 1))


@lru_cache
def _usual_script(language: str) -> str:
    first, *more = language.lower().split("-")
    scripts = (part.title() for part in more if len(part) == 4 and part.isalpha())
    likely = get_global("likely_subtags").get(first, "_Latn").split("_")[1]
    return next(scripts, likely)


def _language(script: Script, letters: Counter[str]) -> str | None:
    match script:
        case Script.HEBREW:
            return "he"
        case Script.JAPANESE:
            return "ja"
        case Script.KOREAN:
            return "ko"
        case Script.CHINESE:
            is_traditional = _count(letters, _TRADITIONAL) > _count(letters, _SIMPLIFIED)
            return "zh-TW" if is_traditional else "zh-CN"
        case Script.ARABIC:
            return _of_arabic_letters(letters)
        case Script.CYRILLIC:
            return _of_cyrillic_letters(letters)


def _of_arabic_letters(letters: Counter[str]) -> str | None:
    arabic = _of_script(letters, Script.ARABIC)
    if _share(arabic, _ARABIC | _PERSIAN | _URDU) < 1 - _FOREIGN:
        return None
    if _share(arabic, _URDU) > _FOREIGN:
        return "ur"
    only_arabic = _count(arabic, set("كيىة"))
    return "fa" if _count(arabic, _PERSIAN) > only_arabic else "ar"


def _of_cyrillic_letters(letters: Counter[str]) -> str | None:
    cyrillic = _of_script(letters, Script.CYRILLIC)
    if _share(cyrillic, _RUSSIAN | _UKRAINIAN) < 1 - _FOREIGN:
        return None
    is_russian = _share(cyrillic, set("ыэё")) > _MARKED
    is_ukrainian = _share(cyrillic, set("іїєґ")) > _MARKED
    if is_russian == is_ukrainian:  # Bulgarian has neither, Belarusian has both
        return None
    return "ru" if is_russian else "uk"


def _of_script(letters: Counter[str], script: Script) -> Counter[str]:
    return Counter({sign: count for sign, count in letters.items() if _kind(sign)[0] is script})


def _count(letters: Counter[str], signs: set[str]) -> int:
    return sum(letters[sign] for sign in signs)


def _share(letters: Counter[str], signs: set[str]) -> float:
    return _count(letters, signs) / letters.total()
