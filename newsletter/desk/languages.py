"""Whether an issue is set in its own language, and whether its theme has the words for it."""

from collections.abc import Iterator

from newsletter.languages import is_written_in, script_of
from newsletter.languages.scripts import Script
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.render import Theme, words_used, written_text

_NAMES = {
    "Arab": "Arabic",
    "Cyrl": "Cyrillic",
    "Hani": "Chinese",
    "Hebr": "Hebrew",
    "Jpan": "Japanese",
    "Kore": "Korean",
}
_SHOWN = 5


def language_findings(digest: Digest, theme: Theme, language: str, usual: str) -> Iterator[Finding]:
    """`language` is the one that the mail has, `usual` that of the newsletter."""
    if script := script_of(written_text(digest)):
        yield from _language_inferred(digest, script, language, usual)
        yield from _language_mismatch(digest, script, language)
    yield from words_missing(digest, theme, language, digest.position)


def _language_inferred(
    digest: Digest, script: Script, language: str, usual: str
) -> Iterator[Finding]:
    if digest.meta.language is None and language != usual:
        yield Finding(
            "language-inferred",
            Severity.WARNING,
            digest.position,
            f"the text is in {_NAMES[script]} script and names no language: "
            f"it is set as {language}, not as {usual}",
            f"Add language: {language} to the front matter.",
        )


def _language_mismatch(digest: Digest, script: Script, language: str) -> Iterator[Finding]:
    if not is_written_in(language, script):
        yield Finding(
            "language-mismatch",
            Severity.WARNING,
            digest.position,
            f"the text is in {_NAMES[script]} script, its language is {language}",
            "Add the language of the text to the front matter, such as language: bg.",
        )


def words_missing(
    digest: Digest, theme: Theme, language: str, place: Position
) -> Iterator[Finding]:
    """A mail in two languages looks like a mistake, and its author would not notice it."""
    candidates = theme.only_english(language)
    missing = sorted(candidates & words_used(theme, digest)) if candidates else []
    if missing:
        some = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        yield Finding(
            "words-missing",
            Severity.WARNING,
            place,
            f"the theme {theme.name} has no words in {language} for {some}: they are English",
            f"Write them below [strings.{language}] in templates/{theme.name}/theme.toml.",
        )
