"""The words of the public pages: none that nobody uses, and those of a project above them."""

import re
from pathlib import Path

import pytest

from newsletter.audience.confirming import ClickResult
from newsletter.audience.leaving import UndoResult
from newsletter.errors import ConfigurationError
from newsletter.languages import words
from newsletter.model.subscriber import RequestKind
from newsletter.web.texts import load_texts

PACKAGE = Path(__file__).parents[3] / "newsletter"
ENGLISH = words("en", "pages")
# What is answered with a page of its own, and not with a file or with what erasing has to say.
PAGES = tuple(
    answer for answer in ClickResult if answer not in (ClickResult.DATA, ClickResult.ERASE)
)
# Keys that a template or a module puts together, by what stands in the place of %s or {…}.
CHOICES = {
    "problem_%s": ("400", "404", "405", "413", "429", "503"),
    "problem_%s_text": ("400", "404", "405", "413", "429", "503"),
    "%s_title": tuple(UndoResult),
    "%s_text": tuple(UndoResult),
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
    for path in PACKAGE.glob("web/templates/*.html"):
        source = path.read_text("utf-8")
        keys |= set(re.findall(r"\bt\.(\w+)", source))
        for key in re.findall(r'\bt\["([^"]+)"', source):
            keys |= {key % choice for choice in CHOICES[key]} if "%s" in key else {key}
    for path in (*PACKAGE.glob("web/*.py"), *PACKAGE.glob("notices/*.py")):
        source = path.read_text("utf-8")
        keys |= set(re.findall(r'"((?:note|mail_ignore)\w*)"', source))
        keys |= set(re.findall(r'\btexts\["(\w+)"\]', source))
    return keys - {"language"}  # which is not a word but the language of the words


def test_every_key_that_is_used_has_words_and_no_other_has() -> None:
    assert used() | {"date"} == set(ENGLISH)  # which is how dates are written


def test_a_project_adds_a_language_or_other_words(tmp_path: Path) -> None:
    (tmp_path / "fr.toml").write_text('unsubscribe_button = "Se désabonner"\n', "utf-8")

    french = load_texts("fr-CA", tmp_path)

    assert french["unsubscribe_button"] == "Se désabonner"
    assert french["subscribe_title"] == words("fr", "pages")["subscribe_title"]
    assert french["language"] == "fr-CA"


def test_a_language_that_only_a_project_has_is_english_where_the_project_has_no_word(
    tmp_path: Path,
) -> None:
    (tmp_path / "sv.toml").write_text('unsubscribe_button = "Avsluta"\n', "utf-8")
    (tmp_path / "en.toml").write_text('subscribe_title = "Join us"\n', "utf-8")

    swedish = load_texts("sv-FI", tmp_path)

    assert swedish["unsubscribe_button"] == "Avsluta"
    assert swedish["subscribe_title"] == "Join us"
    assert swedish["language"] == "sv-FI"


def test_a_language_without_words_says_that_its_words_are_english(tmp_path: Path) -> None:
    """A screen reader takes its voice from it."""
    assert load_texts("sv", tmp_path) == {**ENGLISH, "language": "en"}


def test_other_words_of_a_project_serve_all_regions_and_the_nearest_file_wins(
    tmp_path: Path,
) -> None:
    (tmp_path / "zh.toml").write_text('send = "一"\npause = "一"\n', "utf-8")
    (tmp_path / "zh-Hant.toml").write_text('pause = "二"\n', "utf-8")

    words_of = {tag: load_texts(tag, tmp_path) for tag in ("zh-CN", "zh-Hant-HK")}

    assert [(texts["send"], texts["pause"]) for texts in words_of.values()] == [
        ("一", "一"),
        ("一", "二"),
    ]


@pytest.mark.parametrize(
    ("text", "said"), [("a = 1", "must be text"), ("= nonsense", "cannot be read")]
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "fr.toml").write_text(text, "utf-8")

    with pytest.raises(ConfigurationError, match=said):
        load_texts("fr", tmp_path)
