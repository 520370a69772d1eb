"""Links that say "here", in every language that has words."""

import pytest

from newsletter.languages.words import available
from newsletter.lint.vague import _HERE, _MORE, is_vague

VAGUE = """
here|Click here|this link|ici|Cliquez ici|lien|hier|Klicken Sie hier|aquí|aqui|Haz clic aquí
clique aqui|qui|clicca qui|klik hier|tutaj|kliknij tutaj
здесь|Нажмите здесь|тут|сюди|burada|buradan
BURAYA TIKLAYIN|هنا|اضغط هنا|כאן|לחצו כאן|こちら|ここ|ここをクリック
여기
여기를 클릭하세요|这里|點擊這裡
Read more|Read more →|learn more|Weiterlesen|Mehr erfahren|Leer más|Lire la suite|En savoir plus
Leggi di più|Lees verder|Czytaj więcej|Saiba mais|Подробнее|Докладніше|Devamını oku|اقرأ المزيد
קראו עוד|続きを読む|더 보기|阅读全文|查看详情|閱讀更多
""".replace("\n", "|")


@pytest.mark.parametrize("text", VAGUE.strip("|").split("|"))
def test_a_link_that_says_here_says_nothing(text: str) -> None:
    assert is_vague(text)


@pytest.mark.parametrize(
    "text", ["here.", " «ici» ", "→ hier", "こちら。", "[burada]", "click\nhere"]
)
def test_signs_around_it_say_nothing_either(text: str) -> None:
    assert is_vague(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "→",
        "here, in full",
        "read more about looms",
        "more looms",
        "阅读全文数据库",
        "ici Paris",
        "Hierarchy",
        "hierbij",
        "こちらの記事",
        "报告",
        "这里的山",
        "7",
    ],
)
def test_a_link_that_names_its_target_is_none(text: str) -> None:
    assert not is_vague(text)


def test_every_language_with_words_has_such_links() -> None:
    assert set(_HERE) == set(_MORE) == set(available().values())
