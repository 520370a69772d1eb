"""The words that come with newsletter: complete in every language, and filled as each one needs."""

import re
import string
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from babel import Locale

import newsletter.languages
from newsletter.languages import fill, locale, nearest, words

FOLDER = Path(newsletter.languages.__file__).parent / "words"
FILES: dict[str, Mapping[str, Any]] = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))
}
LANGUAGES = (
    *("ar", "de", "en", "es", "fr", "he", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk"),
    *("zh-CN", "zh-TW"),
)
OTHERS = [language for language in LANGUAGES if language != "en"]
# Places that a form for one number may leave out: the word for it stands there.
NUMBERS = {"minutes", "days"}


def leaves(
    values: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, str | dict[str, str]]]:
    """Every word with its key, one that has plural forms as a whole."""
    for key, value in values.items():
        if isinstance(value, dict) and key in ("mail", "pages"):
            yield from leaves(value, f"{key}.")
        else:
            yield above + key, value


def forms_of(word: str | Mapping[str, str]) -> list[str]:
    return [word] if isinstance(word, str) else list(word.values())


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


WORDS = {language: dict(leaves(values)) for language, values in FILES.items()}
EACH = [(language, key) for language in WORDS for key in WORDS[language]]


def test_each_of_the_languages_has_a_file() -> None:
    assert sorted(FILES) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_is_missing_and_none_is_superfluous(language: str) -> None:
    assert list(WORDS[language]) == list(WORDS["en"])


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_has_the_places_to_fill_of_the_english_one(language: str) -> None:
    for key, word in WORDS[language].items():
        wanted = places(forms_of(WORDS["en"][key])[-1]) if key != "date" else set()
        for form in forms_of(word):
            assert places(form) <= wanted, key
            assert wanted - places(form) <= (NUMBERS if isinstance(word, dict) else set()), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_that_depends_on_a_number_has_every_form_of_its_language(language: str) -> None:
    """And `other` names the number, which it stands for where there is no better form."""
    plural = Locale.parse(language, sep="-").plural_form
    needed = {plural(number) for number in range(1000)} | {"other"}

    for key, word in WORDS[language].items():
        if isinstance(word, dict):
            assert set(word) == needed, key
            assert places(word["other"]) & NUMBERS, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_without_its_number_is_for_one_number_alone(language: str) -> None:
    """Polish `one` is 1 only; Russian `one` is 21 too."""
    plural = Locale.parse(language, sep="-").plural_form
    numbers = {
        form: sum(plural(number) == form for number in range(1000))
        for form in ("zero", "one", "two", "few", "many", "other")
    }

    for key, word in WORDS[language].items():
        if isinstance(word, dict):
            for form, text in word.items():
                assert places(text) or numbers[form] == 1, (key, form)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_empty_or_has_white_space_at_its_ends(language: str) -> None:
    for key, word in WORDS[language].items():
        for form in forms_of(word):
            assert form == (form.strip() or None) or key == "comma", key
            assert form == unicodedata.normalize("NFC", form), key


@pytest.mark.parametrize("language", OTHERS)
def test_words_are_in_their_own_language(language: str) -> None:
    """A word that was left in English is one that nobody translated."""
    same = [
        key
        for key, word in WORDS[language].items()
        if word == WORDS["en"][key] and len(forms_of(word)[0].split()) > 1
    ]

    assert set(same) <= {"date", "comma", "labelled"}


SCRIPTS = {"ar": "ARABIC", "he": "HEBREW", "ru": "CYRILLIC", "uk": "CYRILLIC", "ko": "HANGUL"}


@pytest.mark.parametrize(("language", "script"), SCRIPTS.items())
def test_words_are_in_their_own_script(language: str, script: str) -> None:
    for key, word in WORDS[language].items():
        text = re.sub(r"\{\w+\}|name@example\.com", "", forms_of(word)[0])
        letters = [sign for sign in text if sign.isalpha()]
        if key != "date":
            assert all(unicodedata.name(sign).startswith(script) for sign in letters), key


def test_simplified_and_traditional_characters_are_not_mixed() -> None:
    simplified = "".join(form for word in WORDS["zh-CN"].values() for form in forms_of(word))
    traditional = "".join(form for word in WORDS["zh-TW"].values() for form in forms_of(word))

    assert not set("訂閱這個郵請連結與設會發內") & set(simplified)
    assert not set("订阅这个邮请链结与设会发内") & set(traditional)


@pytest.mark.parametrize(
    ("language", "pattern"),
    [
        ("fr", r"[^\u00a0\u202f][:;?!»]|«[^\u00a0\u202f]"),
        ("zh-CN", r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]"),
        ("zh-TW", r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]"),
        ("ja", r"[\u3040-\u9fff][,;:?!()]|[,;:?!()][\u3040-\u9fff]"),
        ("ar", r"[\u0621-\u064a][,;?]"),
    ],
)
def test_punctuation_is_that_of_the_language(language: str, pattern: str) -> None:
    for key, word in WORDS[language].items():
        if key != "date":
            for form in forms_of(word):
                assert not re.search(pattern, form), (key, form)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh", "zh-CN"),
        ("zh-Hans", "zh-CN"),
        ("zh-Hant-HK", "zh-TW"),
        ("ZH-hk", "zh-TW"),
        ("pt-BR", "pt"),
        ("pt-PT", "pt"),
        ("de-AT", "de"),
        ("iw", "he"),
        ("EN-us", "en"),
        ("sv", None),
        ("arn", None),
    ],
)
def test_a_tag_has_the_words_of_the_nearest_language(tag: str, language: str | None) -> None:
    assert nearest(tag) == language
    assert words(tag, "mail") == words(language or "en", "mail")


@pytest.mark.parametrize(
    ("language", "days", "expected"),
    [
        ("en", 1, "1 day"),
        ("en", 7, "7 days"),
        ("ru", 1, "1 день"),
        ("ru", 21, "21 день"),
        ("ru", 3, "3 дня"),
        ("ru", 30, "30 дней"),
        ("pl", 22, "22 dni"),
        ("ar", 2, "يومان"),
        ("ar", 7, "7 أيام"),
        ("ar", 90, "90 يومًا"),
        ("he", 2, "יומיים"),
        ("ja", 7, "7日間"),
    ],
)
def test_a_number_chooses_its_form(language: str, days: int, expected: str) -> None:
    assert fill(words(language, "pages")["days"], days=days) == expected


def test_other_braces_stay_and_values_are_not_filled_again() -> None:
    assert fill("{a} {b} {c}", a="{b}", b="two") == "{b} two {c}"


@pytest.mark.parametrize(
    ("tag", "known"),
    [
        ("de-AT", "de_AT"),
        ("zh-Hant-HK", "zh_Hant_HK"),
        ("de-QQ", "de"),
        ("iw", "he_IL"),
        ("zza", None),
    ],
)
def test_dates_are_those_of_the_region_where_cldr_knows_it(tag: str, known: str | None) -> None:
    found = locale(tag)

    assert (str(found) if found else None) == known
