"""What a language tag means: its direction, and whose words serve its readers."""

import pytest

from newsletter.languages import direction, forms


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "ltr"),
        ("ar", "rtl"),
        ("AR-EG", "rtl"),
        ("iw", "rtl"),
        ("ji", "rtl"),
        ("ckb", "rtl"),
        ("arn", "ltr"),
        ("az", "ltr"),
        ("az-Arab-IR", "rtl"),
        ("pa-PK-Arab", "rtl"),
        ("ar-Latn", "ltr"),
    ],
)
def test_a_language_is_written_from_the_left_or_from_the_right(
    language: str, expected: str
) -> None:
    """A script in the tag decides, else the language's usual one."""
    assert direction(language) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", ["de"]),
        ("DE-at", ["de", "de-at"]),
        ("pt-BR", ["pt", "pt-br"]),
        ("iw-IL", ["he", "he-il", "iw-il"]),
        ("zh", ["zh", "zh-cn"]),
        ("zh-Hans", ["zh", "zh-cn", "zh-hans"]),
        ("zh-SG", ["zh", "zh-cn", "zh-sg"]),
        ("zh-TW", ["zh", "zh-tw"]),
        ("zh-Hant-HK", ["zh", "zh-tw", "zh-hant", "zh-hant-hk"]),
        ("ZH-hk", ["zh", "zh-tw", "zh-hk"]),
        ("zh-Hans-HK", ["zh", "zh-cn", "zh-hans", "zh-hans-hk"]),
    ],
)
def test_the_words_of_a_tag_are_those_of_its_parts_the_nearest_last(
    language: str, expected: list[str]
) -> None:
    assert list(forms(language)) == expected
