"""The quotes and dashes of a language, in place of straight quotes and hyphens."""

from dataclasses import dataclass

from newsletter.languages.tags import forms

# Outer and inner quotes, each an opening and a closing one, by the tags that have their own.
_QUOTES = {
    "ar": ("«", "»", "“", "”"),
    "de": ("„", "“", "‚", "‘"),
    "de-ch": ("«", "»", "‹", "›"),
    "en": ("“", "”", "‘", "’"),
    "es": ("«", "»", "“", "”"),
    "fr": ("«\u202f", "\u202f»", "“", "”"),
    "he": ("”", "”", "’", "’"),
    "it": ("«", "»", "“", "”"),
    "ja": ("「", "」", "『", "』"),
    "ko": ("“", "”", "‘", "’"),
    "nl": ("“", "”", "‘", "’"),
    "pl": ("„", "”", "«", "»"),
    "pt": ("“", "”", "‘", "’"),
    "pt-pt": ("«", "»", "“", "”"),
    "ru": ("«", "»", "„", "“"),
    "tr": ("“", "”", "‘", "’"),
    "uk": ("«", "»", "„", "“"),
    "zh-cn": ("“", "”", "‘", "’"),
    "zh-tw": ("「", "」", "『", "』"),
}
# What `--` and `---` become where they are not a short and a long dash.
_DASHES = {
    "es": ("—", "—"),
    "ja": ("——", "——"),
    "ru": ("—", "—"),
    "uk": ("—", "—"),
    "zh": ("——", "——"),
}
_UNSPACED = frozenset({"ja", "ko", "zh"})


@dataclass(frozen=True, slots=True)
class Signs:
    """`quotes` are outer and inner ones, opening and closing; `dashes` a short and a long one.

    `pairwise` where words join quotes without a space, so that only their order tells which of them
    open; `narrow` where a space that does not break stands before `; : ! ?` and inside of quotes.
    """

    quotes: tuple[str, str, str, str]
    dashes: tuple[str, str]
    pairwise: bool
    narrow: bool


def signs(language: str) -> Signs | None:
    """The signs of the nearest language that has some, None where there is none."""
    tags = forms(language)
    quotes = [_QUOTES[tag] for tag in tags if tag in _QUOTES]
    if not quotes:
        return None
    dashes = [_DASHES[tag] for tag in tags if tag in _DASHES]
    return Signs(
        quotes[-1],
        dashes[-1] if dashes else ("–", "—"),
        pairwise=tags[0] in _UNSPACED,
        narrow=tags[0] == "fr",
    )
