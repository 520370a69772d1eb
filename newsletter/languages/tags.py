"""A language tag -> its direction, and the tags whose words serve its readers.

BCP 47: https://www.rfc-editor.org/info/bcp47
"""

from typing import Literal

_FORMER = {"iw": "he", "ji": "yi", "in": "id", "no": "nb", "cmn": "zh"}
_TRADITIONAL = {"hant", "tw", "hk", "mo"}
_RIGHT_TO_LEFT = {
    *("ar", "arc", "arz", "azb", "bal", "ckb", "dv", "fa", "glk", "he", "ks", "lrc", "mzn", "nqo"),
    *("pnb", "prs", "ps", "sd", "skr", "syr", "ug", "ur", "yi"),
}
_RIGHT_TO_LEFT_SCRIPTS = {"adlm", "arab", "aran", "hebr", "nkoo", "rohg", "syrc", "thaa"}


def direction(language: str) -> Literal["ltr", "rtl"]:
    """Which way a language is written: by the script that its tag names, else by its usual one."""
    first, *more = _parts(language)
    scripts = {part for part in more if len(part) == 4 and part.isalpha()}
    if scripts:
        return "rtl" if scripts & _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if first in _RIGHT_TO_LEFT else "ltr"


def forms(language: str) -> tuple[str, ...]:
    """The tags whose words serve a language, the nearest last, in lower case.

    `de-AT` → `de`, `de-at`; `zh-Hant-HK` → `zh`, `zh-tw`, `zh-hant`, `zh-hant-hk`; `iw` → `he`,
    `iw`. Chinese without a script or region is simplified.
    """
    first, *more = _parts(language)
    is_traditional = "hans" not in more and _TRADITIONAL & set(more)
    chinese = "zh-tw" if is_traditional else "zh-cn"
    tags = [first, *([chinese] if first == "zh" else [])]
    tags += ["-".join((first, *more[:count])) for count in range(1, len(more) + 1)]
    as_written = language.lower()
    return tuple(dict.fromkeys((*tags, as_written)))


def _parts(language: str) -> list[str]:
    first, *more = language.lower().replace("_", "-").split("-")
    return [_FORMER.get(first, first), *more]
