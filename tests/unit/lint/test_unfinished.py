"""What authors leave for later is told, and words that look like it are left alone."""

import pytest

from newsletter.lint import refusals
from newsletter.lint.unfinished import RULE
from newsletter.model.finding import Severity
from tests.unit.lint.examples import PROSE, findings, front, longer


@pytest.mark.parametrize(
    "text",
    [
        *("TODO", "TODO: the intro", "TODO write the intro", "TODO(ana): look", "FIXME: see"),
        *(
            "TODO - write this",
            "TODO – the end",
            "TODO later",
            "Todo: buy milk",
            "To do: add a link",
        ),
        *("FIXME later", "FIXME the numbers", "[TBD]", "[TBD: who]"),
        *("Looms came. TODO: more", "(TODO: quote)", "[TODO]", "[TODO the link]", "Price: TODO"),
        *("- [ ] TODO add a link", "> **TODO:** quote", "## TODO", "{TODO: name}", "价格：TODO"),
        *(
            "TK",
            "[TK]",
            "[TK a number]",
            "Price: TK",
            "TKTK",
            "TK TK",
            "(TK: photo)",
            "$TK million",
        ),
        *("It grew by TK percent", "XXX", "[XXX]", "Price: XXX", "costs $XXX", "XXX: check this"),
        *("Text. Lorem ipsum dolor sit amet.", "LOREM IPSUM DOLOR", "[insert link here]"),
        *(
            "[Insert your text]",
            "[your name here]",
            "[placeholder]",
            "【待补充】",
            "[在此插入图片]",
        ),
        *(
            "[请填写]",
            "[ここに文章を入れる]",
            "[画像を挿入]",
            "[hier Bild einfügen]",
            "[insérer une image]",
        ),
        *("[insertar enlace]", "[inserir ligação]", "[inserire testo]", "[tekst invoegen]"),
        *("[wstaw zdjęcie]", "[вставить ссылку]", "[вставити текст]", "[metin ekleyin]"),
        *("[이미지 삽입]", "[أدخل النص]", "[הכנס טקסט]"),
        *("![TODO](https://e.example/x.png)", "| a | b |\n|---|---|\n| TODO | 1 |"),
        *("[TODO](https://e.example/)", "- One, [two](https://e.example/): TK\n- **Three**"),
    ],
)
def test_what_was_left_for_later_is_told(text: str) -> None:
    found = findings(longer(f"{text}\n"), RULE)

    assert found
    assert {one.severity for one in found} == {Severity.WARNING}
    assert {one.position.line for one in found} <= set(range(9, 13))


@pytest.mark.parametrize(
    "text",
    [
        *("`TODO: x`", "    TODO: x\n", "a TODO list", "the TODO Group", "TODO apps are many"),
        *(
            "TODO Group announced",
            "(a TODO app)",
            "todo lo que dijo",
            "Todo: nada",
            "em todo o país",
        ),
        *(
            "Todo: lo que dijo",
            "How to do: nothing",
            "Date: TBD",
            "FIXME is a mark",
            "a FIXME here",
        ),
        *("TODO-lists are many", "[TBDs]"),
        *("TODO ES POSIBLE", "ESTO ES TODO", "QUIERO TODO: PAN Y AGUA", "TODO es posible"),
        *("MÉTODO: leer", "TODOS: leer", "TODOs in the code"),
        *("a TKO in round two", "TK Elevator won", "die TK zahlt", "Techniker Krankenkasse (TK)"),
        *("works at TK.", "TK 1234 to Ankara", "在 TK 上", "TK: Turkish Airlines", "Tk and Tcl"),
        *("the XXX Olympiad", "la XXX edición", "capítulo XXX", "XXX. Kapitel", "size XXXL"),
        *(
            "XXX: State of the Union",
            "xXx returns",
            "CVE-2026-XXXX",
            "138XXXX1234",
            "Super Bowl XXX",
        ),
        *("Lorem ipsum is what printers set", "[inserted] text", "[your] article", "[Insertion]"),
        *(
            "an insert here",
            "[in full]",
            "[此处]",
            "[1]",
            "[TKO]",
            "[XXXI]",
            "https://e.example/TODO",
        ),
    ],
)
def test_words_and_names_are_left_alone(text: str) -> None:
    assert findings(longer(f"{text}\n"), RULE) == []


@pytest.mark.parametrize("key", ["title", "summary", "subject", "preheader"])
def test_the_front_matter_is_looked_at(key: str) -> None:
    (found,) = findings(front(f"{key}: 'Looms: TODO'", without=key) + PROSE, RULE)

    assert "'TODO' is not finished" in found.message


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("Was [insérer un amendement] voted?", "[insérer un amendement]"),
        ("Was [hier Bild einfügen] voted?", "[hier Bild einfügen]"),
        ("Said (TODO: quote)", "(TODO: quote)"),
    ],
)
def test_a_note_in_brackets_is_quoted_with_both_and_without_what_follows(
    text: str, quoted: str
) -> None:
    (found,) = findings(longer(f"{text}\n"), RULE)

    assert found.message.startswith(f"'{quoted}' is not finished")


def test_a_line_is_named_within_a_paragraph() -> None:
    (found,) = findings(longer("One,\ntwo **and**\nTODO: three.\n"), RULE)

    assert found.position.line == 11
    assert "'TODO: three.'" in found.message


def test_it_keeps_an_issue_from_being_sent_unless_the_author_says_so() -> None:
    source = longer("TODO: three.\n")

    (refused,) = refusals(findings(source))

    assert (refused.rule, refused.severity) == (RULE, Severity.ERROR)
    assert f"lint-ignore: [{RULE}]" in refused.fix
    assert findings(source.replace("---\n", f"---\nlint-ignore: [{RULE}]\n", 1)) == []


def test_other_warnings_keep_nothing_back() -> None:
    assert refusals(findings(longer("[here](https://example.com/1)\n"))) == ()
