"""The words of the public pages: complete in both languages, and none that nobody uses."""

import re
import tomllib
from pathlib import Path

import pytest

from newsletter.audience.confirming import Answer
from newsletter.audience.leaving import Undone
from newsletter.errors import ConfigurationError
from newsletter.model.subscriber import RequestKind
from newsletter.web.texts import load_texts

WEB = Path(__file__).parents[2] / "newsletter" / "web"
LANGUAGES = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in WEB.glob("texts/*.toml")}
# What is answered with a page of its own, and not with a file or with what erasing has to say.
PAGES = tuple(answer for answer in Answer if answer not in (Answer.DATA, Answer.ERASE))
# Keys that a template or a module puts together, by what stands in the place of %s or {…}.
CHOICES = {
    "problem_%s": ("400", "404", "405", "413", "429", "503"),
    "problem_%s_text": ("400", "404", "405", "413", "429", "503"),
    "%s_title": tuple(Undone),
    "%s_text": tuple(Undone),
    "confirm_%s_title": tuple(RequestKind),
    "confirm_%s_text": tuple(RequestKind),
    "confirm_%s_button": tuple(RequestKind),
    "confirmed_%s_title": PAGES,
    "confirmed_%s_text": PAGES,
}
MAILS = {f"mail_{kind}_{part}" for kind in RequestKind for part in ("subject", "text", "button")}


def used() -> set[str]:
    """Every key that a template or a module of the pages names."""
    keys = set(MAILS)
    for path in WEB.glob("templates/*.html"):
        source = path.read_text("utf-8")
        keys |= set(re.findall(r"\bt\.(\w+)", source))
        for key in re.findall(r'\bt\["([^"]+)"', source):
            keys |= {key % choice for choice in CHOICES[key]} if "%s" in key else {key}
    for path in WEB.glob("*.py"):
        source = path.read_text("utf-8")
        keys |= set(re.findall(r'"((?:note|mail_ignore)\w*)"', source))
        keys |= set(re.findall(r'\btexts\["(\w+)"\]', source))
    return keys - {"language"}  # which is not a word but the language of the words


def test_both_languages_have_the_same_keys() -> None:
    assert set(LANGUAGES) == {"en", "zh"}
    assert set(LANGUAGES["en"]) == set(LANGUAGES["zh"])


def test_every_key_that_is_used_has_words_and_no_other_has() -> None:
    assert used() == set(LANGUAGES["en"])


@pytest.mark.parametrize("key", LANGUAGES["en"])
def test_both_languages_have_the_same_places_to_fill(key: str) -> None:
    english, chinese = (re.findall(r"\{\w+\}", LANGUAGES[name][key]) for name in ("en", "zh"))

    assert sorted(english) == sorted(chinese)


def test_a_project_adds_a_language_or_other_words(tmp_path: Path) -> None:
    (tmp_path / "fr.toml").write_text('unsubscribe_button = "Se désabonner"\n', "utf-8")

    french = load_texts("fr-CA", tmp_path)

    assert french["unsubscribe_button"] == "Se désabonner"
    assert french["subscribe_title"] == LANGUAGES["en"]["subscribe_title"]


@pytest.mark.parametrize(
    ("text", "said"), [("a = 1", "must be a text"), ("= nonsense", "cannot be read")]
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "fr.toml").write_text(text, "utf-8")

    with pytest.raises(ConfigurationError, match=said):
        load_texts("fr", tmp_path)
