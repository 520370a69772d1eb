"""Languages of readers: which way they are written, and what a tag such as `zh-Hant-HK` means.

tags     a tag -> the tags whose words serve it, and its direction
quotes   the quotes and dashes of a language
shortening  the beginning of a text
words    the words of the mail and of the pages, with plurals
sponsoring  what sponsored blocks are called
scripts  the script that a text is plainly written in, and the language that it implies
"""

from newsletter.languages.quotes import Signs, signs
from newsletter.languages.scripts import inferred, is_written_in, script_of
from newsletter.languages.shortening import cut, is_wide, shortened, word_end
from newsletter.languages.sponsoring import is_sponsor
from newsletter.languages.tags import direction, forms
from newsletter.languages.words import FALLBACK, fill, locale, nearest, pattern, words

__all__ = [
    "FALLBACK",
    "Signs",
    "cut",
    "direction",
    "fill",
    "forms",
    "inferred",
    "is_sponsor",
    "is_wide",
    "is_written_in",
    "locale",
    "nearest",
    "pattern",
    "script_of",
    "shortened",
    "signs",
    "word_end",
    "words",
]
