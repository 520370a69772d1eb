"""The words of an issue, as hunspell and its dictionaries judge them."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from newsletter.desk.prepare import Prepared
from newsletter.desk.tools.base import failed, missing, program
from newsletter.lint.visible import runs
from newsletter.model.finding import Finding, Position, Severity
from newsletter.project import Project

_WHAT = "the spelling"
_SECONDS = 120
_FOLDERS = (
    "/usr/share/hunspell",
    "/usr/share/myspell",
    "/usr/local/share/hunspell",
    "/Library/Spelling",
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WITH_OTHERS = re.compile(r"[\w@#./:-]*[\d_@#/:][\w@#./:-]*|\w+(?:\.\w+)+|\{\{.*?\}\}")
_BEGINS = re.compile(r"(?:\A|[.!?:…])[^\w,;]*\Z")  # a sentence
_CAPITAL_FOLLOWS = re.compile(r"[ .’']{1,3}[A-Z]")
_BEFORE = 10  # characters that tell of it
_SUGGESTIONS = 3
_MOST = 50  # findings an issue: beyond them the dictionary does not know its language


@dataclass(frozen=True, slots=True)
class _Use:
    """A word with where it stands first, and how often it stands."""

    place: Position
    count: int


def spelling(issues: Sequence[Prepared], project: Project) -> Iterator[Finding]:
    """Each unknown word once an issue; names are those of `[lint] words`."""
    path = program("hunspell")
    if path is None:
        yield missing(_WHAT, "hunspell")
        return
    known = {word.casefold() for word in project.settings.lint.words}
    without = set()
    for issue in issues:
        language = issue.email.language
        dictionaries = dictionaries_for(language)
        if not dictionaries:
            if language not in without:
                without.add(language)
                yield missing(f"{_WHAT} of {language}", f"a dictionary of hunspell for {language}")
            continue
        uses = _words(issue)
        wanted = [word for word in uses if word.casefold() not in known]
        try:
            wrong = _judged(path, dictionaries, wanted)
        except (OSError, subprocess.SubprocessError) as error:
            yield failed(_WHAT, f"hunspell: {error}")
            return
        for word, better in list(wrong.items())[:_MOST]:
            yield _finding(word, better, uses[word], dictionaries)
        if len(wrong) > _MOST:
            yield _too_many(issue, len(wrong) - _MOST, dictionaries)


def dictionaries_for(language: str) -> tuple[Path, ...]:
    """The dictionary of a language in its region, else those of the language in all regions."""
    folders = [*filter(None, os.environ.get("DICPATH", "").split(os.pathsep)), *_FOLDERS]
    found = {path.stem: path for folder in folders for path in sorted(Path(folder).glob("*.dic"))}
    base, _, region = language.replace("-", "_").partition("_")
    if exact := found.get(f"{base}_{region.upper()}"):
        return (exact,)
    return tuple(path for name, path in sorted(found.items()) if name.partition("_")[0] == base)


def _words(issue: Prepared) -> dict[str, _Use]:
    """Words in plain letters: names, numbers, addresses and code are no words.

    A capital within a sentence begins a name, but in German.
    """
    uses: dict[str, _Use] = {}
    capitals = () if issue.email.language.startswith("de") else tuple(ascii_uppercase)
    for run in runs(issue.digest):
        plain = _WITH_OTHERS.sub(lambda other: " " * len(other[0]), run.text)
        for match in _WORD.finditer(plain):
            word = match[0].replace("’", "'")
            if len(word) < 2 or word[1:] != word[1:].lower():
                continue
            if word.startswith(capitals) and _is_name(plain, *match.span()):
                continue
            first = uses.get(word, _Use(run.place(match.start()), 0))
            uses[word] = _Use(first.place, first.count + 1)
    return uses


def _is_name(text: str, start: int, end: int) -> bool:
    """Whether a word with a capital stands within a sentence, or before another such word."""
    begins = _BEGINS.search(text[max(0, start - _BEFORE) : start])
    return not begins or bool(_CAPITAL_FOLLOWS.match(text, end))


def _judged(
    path: str, dictionaries: Sequence[Path], words: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The words that no dictionary knows, with what may be meant."""
    done = subprocess.run(  # noqa: S603 -- the program that was found
        [
            path,
            "-a",
            "-i",
            "utf-8",
            "-d",
            ",".join(str(each.with_suffix("")) for each in dictionaries),
        ],
        input="".join(f"^{word}\n" for word in words).encode(),
        capture_output=True,
        check=True,
        timeout=_SECONDS,
    )
    wrong: dict[str, tuple[str, ...]] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith(("& ", "# ")):
            head, _, meant = line.partition(": ")
            word = head.split()[1]
            wrong[word] = tuple(filter(None, meant.split(", ")))[:_SUGGESTIONS]
    return {word: wrong[word] for word in words if word in wrong}


def _too_many(issue: Prepared, more: int, dictionaries: Sequence[Path]) -> Finding:
    names = " or ".join(each.stem for each in dictionaries)
    return Finding(
        "misspelling",
        Severity.INFO,
        issue.digest.position,
        f"{more} more words are not in {names} of hunspell",
        "Is that the language of the issue? If not, name it in the front matter.",
    )


def _finding(
    word: str, better: tuple[str, ...], use: _Use, dictionaries: Sequence[Path]
) -> Finding:
    times = "" if use.count == 1 else f", {use.count} times"
    meant = f"Did you mean {' or '.join(map(repr, better))}? If not, add" if better else "Add"
    return Finding(
        "misspelling",
        Severity.INFO,
        use.place,
        f"{word!r} is not in {' or '.join(each.stem for each in dictionaries)} of hunspell{times}",
        f"{meant} the word to words of [lint] in newsletter.toml.",
    )
