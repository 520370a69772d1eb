"""The script that a text is plainly written in, and the language that is inferred from it."""

import pytest

from newsletter.languages import inferred, is_written_in, script_of

TEXTS = {
    "ar": "كل أسبوع نجمع لكم أهم الأخبار عن الأدوات المفتوحة وما تعلمناه منها.",
    "fa": "هر هفته خبرهای مهم دربارهٔ ابزارهای آزاد را برای شما گرد می‌آوریم.",
    "ur": "ہر ہفتے ہم آپ کے لیے کھلے اوزاروں کے بارے میں اہم خبریں جمع کرتے ہیں۔",
    "he": "בכל שבוע אנחנו אוספים עבורכם את החדשות החשובות על כלים פתוחים.",
    "zh-CN": "我们每周为读者整理开源工具的重要新闻，还有我们学到的东西。",
    "zh-TW": "我們每週為讀者整理開源工具的重要新聞，還有我們學到的東西。",
    "ja": "毎週、オープンなツールについての大切なニュースをお届けします。",
    "ko": "매주 공개 도구에 관한 중요한 소식을 모아 보내 드립니다. 배운 것도 함께 나눕니다.",
    "ru": "Каждую неделю мы собираем для вас важные новости об открытых инструментах.",
    "uk": "Щотижня ми збираємо для вас важливі новини про відкриті інструменти.",
}
UNSURE = {
    "bg": "Всяка седмица събираме за вас важните новини за отворените инструменти.",
    "sr": "Сваке недеље за вас скупљамо важне вести о отвореним алатима, љубазно и њежно.",
    "be": "Кожны тыдзень мы збіраем для вас важныя навіны пра адкрытыя інструменты, ўсё разам.",
    "ps": "موږ هره اونۍ ستاسو لپاره مهم خبرونه راټولوو، ښه ګټه ورڅخه واخلئ، ړومبی ځل.",
}
LATIN = "Every week we collect the important news about open tools for you."


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_a_text_in_a_plain_script_tells_its_language(language: str, text: str) -> None:
    assert inferred(text, "en") == language


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_names_in_latin_letters_do_not_hide_the_script(language: str, text: str) -> None:
    assert inferred(f"{text} Python, GitHub https://example.com/a/long/address?q=1", "de") == (
        language
    )


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_a_newsletter_in_that_language_keeps_its_own_tag(language: str, text: str) -> None:
    assert inferred(text, language) is None
    assert inferred(text, language.partition("-")[0]) is None


@pytest.mark.parametrize("text", UNSURE.values(), ids=UNSURE)
def test_a_script_that_tells_no_language_is_seen_and_nothing_is_guessed(text: str) -> None:
    """A wrong guess would be worse than none: a screen reader reads by it."""
    assert script_of(text) is not None
    assert inferred(text, "en") is None


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("", "en"),
        (LATIN, "en"),
        (LATIN, "ar"),
        ("Привет!", "en"),
        (f"{LATIN} {TEXTS['ru']}", "en"),
        (f"{LATIN} {LATIN} Он сказал: «Добрый день», и ушёл.", "en"),
        (TEXTS["fa"], "ar"),
        (UNSURE["bg"], "bg"),
        (TEXTS["ru"], "kk"),
        ("東京都知事選挙投票日前日最終演説会場変更告知", "ja"),
    ],
)
def test_what_may_be_in_the_usual_language_is_taken_for_it(text: str, usual: str) -> None:
    assert inferred(text, usual) is None


@pytest.mark.parametrize(
    ("text", "usual", "language"),
    [
        (TEXTS["zh-CN"], "ja", None),
        (TEXTS["zh-CN"], "ko", "zh-CN"),
        (TEXTS["ja"], "zh-CN", "ja"),
        (TEXTS["ru"], "sr-Latn", "ru"),
        (TEXTS["ru"], "sr", None),
    ],
)
def test_the_script_of_the_usual_language_is_that_of_its_tag(
    text: str, usual: str, language: str | None
) -> None:
    assert inferred(text, usual) == language


def test_merge_fields_and_addresses_are_no_letters_of_the_text() -> None:
    text = "{{ subscriber.name | default('reader') }} someone@example.com https://example.com/abc "

    assert script_of(text * 20 + TEXTS["he"]) == script_of(TEXTS["he"])


@pytest.mark.parametrize("language", ["en-x-private", "sl-rozaj-biske-1994", "qaa", "de-1996"])
def test_odd_tags_are_of_some_script(language: str) -> None:
    script = script_of(TEXTS["ru"])

    assert script is not None
    assert not is_written_in(language, script)
