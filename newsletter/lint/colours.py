"""Colours of text on their grounds, in the HTML that a mail program gets."""

from collections.abc import Iterator

from newsletter.contrast import LARGE_TEXT_CONTRAST, TEXT_CONTRAST, contrast
from newsletter.lint.page import TextLook, page_of
from newsletter.lint.reading import as_read
from newsletter.lint.visible import place_of_text, quoted
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity

_MODES = ("light", "dark")
_LARGE, _LARGE_BOLD = 24, 18.66  # CSS pixels from which letters are large, as WCAG has it


def low_contrast(digest: Digest, email: Email) -> Iterator[Finding]:
    """Text stands out from its ground, in light mode and in dark mode."""
    reported = set()
    for words in page_of(as_read(email).html).words:
        look = words.look
        required = _required(look)
        for mode, ink, ground in zip(_MODES, look.ink, look.ground, strict=True):
            pair = (ink, ground)
            if pair in reported or not any(map(str.isalnum, words.text)):
                continue
            if (ratio := contrast(ink, ground)) < required:
                reported.add(pair)
                text = quoted(" ".join(words.text.split()))
                yield Finding(
                    "low-contrast",
                    Severity.WARNING,
                    place_of_text(words.text, digest),
                    f"{text!r} is {ink} on {ground} in {mode} mode: a contrast of {ratio:.2f}, "
                    f"where text of its size wants {required:g}",
                    "Make one of the two colours of the theme darker, or the other lighter.",
                )


def _required(look: TextLook) -> float:
    is_large = look.size >= (_LARGE_BOLD if look.bold else _LARGE)
    return LARGE_TEXT_CONTRAST if is_large else TEXT_CONTRAST
