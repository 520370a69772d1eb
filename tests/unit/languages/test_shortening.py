"""A text that is cut off ends with a whole word, and never inside of a character."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.languages import shortened

FAMILY = "👩‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("text", "length", "wanted"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 8, "one two…"),
        ("one two, three", 10, "one two…"),
        ("one two (three)", 10, "one two…"),
        ("one – two three", 7, "one…"),
        ("well-made things", 7, "well-m…"),
        ("Donaudampfschifffahrt", 10, "Donaudamp…"),
        ("안녕하세요 여러분 반갑습니다", 12, "안녕하세요 여러분…"),
        ("物理机器人量产元年", 6, "物理机器人…"),
        ("甲乙丙丁，戊己", 5, "甲乙丙…"),
        ("甲乙丙丁，戊己", 6, "甲乙丙丁…"),
        ("他说“甲乙丙”然后", 4, "他说…"),
        ("最新发布GPT-5.5模型", 8, "最新发布…"),
        ("ちょっとまって", 5, "ちょっと…"),
        ("がんばって", 4, "がん…"),
        ("สวัสดีครับ ผมชื่อ", 14, "สวัสดีครับ…"),
        ("ขอบคุณมากๆครับเพื่อน", 6, "ขอบคุ…"),
        ("เพื่อนเก่า", 7, "เพื่อน…"),
        ("a\u0301b\u0302c\u0303d\u0304e\u0305f", 8, "a\u0301b\u0302c\u0303…"),
        (f"ab {FAMILY} cd", 8, "ab…"),
        (f"ab {FAMILY} cd", 12, f"ab {FAMILY}…"),
        ("ab 👍🏽👍🏽 cd", 5, "ab…"),
        ("ab 🇯🇵🇩🇪 cd", 7, "ab 🇯🇵…"),
        ("ab ❤️❤️ cd", 5, "ab…"),
    ],
)
def test_it_ends_with_a_whole_word(text: str, length: int, wanted: str) -> None:
    assert shortened(text, length) == wanted


@given(st.text(alphabet="ab ,中か。́🏽👍🇯‍❤️ทเ", max_size=60), st.integers(4, 60))
def test_it_is_a_beginning_and_not_too_long(text: str, length: int) -> None:
    result = shortened(text, length)

    assert len(result) <= length
    assert result == text or text.startswith(result.removesuffix("…"))


@given(st.lists(st.sampled_from(["word", "e\u0301te\u0301", "naïve", FAMILY]), min_size=1))
def test_of_words_in_spaces_each_is_whole(words: list[str]) -> None:
    text = " ".join(words)
    result = shortened(text, 40)

    assert result == text or set(result.removesuffix("…").split()) <= set(words)


@given(st.text(alphabet="中文字，。", min_size=30))
def test_no_line_of_chinese_ends_before_a_sign_that_belongs_to_it(text: str) -> None:
    result = shortened(unicodedata.normalize("NFC", text), 20)

    assert result == text or not result.removesuffix("…").endswith("，")
