"""Rules on what an author wrote: numbers, promises, signs, descriptions and addresses, in the
languages in which they are written."""

from dataclasses import replace

import pytest

from newsletter.lint import check
from newsletter.lint.tracking import tracking_in, without_tracking
from newsletter.model.finding import Severity
from tests.unit.lint.examples import PROSE, findings, front, longer, parsed_issue
from tests.unit.lint.test_mail_rules import EMAIL, LEAVE


@pytest.mark.parametrize(
    "alt",
    [
        "May be an image of 2 people and text that says 'Looms'",
        "Image may contain: loom",
        "A picture containing text, indoor Description automatically generated",
        "A close up of a logo Description generated with very high confidence",
        "Ein Bild, das Text enthält. Automatisch generierte Beschreibung",
        "Könnte ein Bild von 3 Personen sein",
        "Peut être une image de 1 personne",
        "Puede ser una imagen de texto",
        "テキスト の画像のようです",
        "可能是包含下列内容的图片：1 个人",
        *("alt text", "Image description", "图片描述", "Alternativtext", "代替テキスト", "图片 1"),
        *("Screenshot 2026-01-07 at 10.22.31", "Bildschirmfoto 2026-01-07 um 10.22", "Bild 3"),
        *("截屏2026-01-07 10.22.31", "WhatsApp Image 2026-01-07 at 10.22", "Pasted image 20260107"),
    ],
)
def test_a_description_that_a_program_wrote_is_told(alt: str) -> None:
    (found,) = findings(longer(f"![{alt}](https://example.com/loom.png)\n"), "vague-alt")

    assert (found.severity, found.position.line) == (Severity.WARNING, 9)


@pytest.mark.parametrize(
    "alt",
    [
        *(
            "Maybe the oldest loom",
            "A picture containing a map of the valley",
            "Screenshot of 1984",
        ),
        *(
            "Bild eines Webstuhls",
            "图片中的织机",
            "Alternative routes",
            "A chart with high confidence",
        ),
        *("A photo of 2026", "The cover image of Looms", "Signal strength over 24 hours"),
    ],
)
def test_a_description_of_an_author_is_left_alone(alt: str) -> None:
    assert findings(longer(f"![{alt}](https://example.com/loom.png)\n"), "vague-alt") == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Please find the report attached.",
            "We have attached the plan.",
            "The plan is attached.",
        ),
        *("Den Plan findest du im Anhang.", "Anbei der Plan.", "Le plan est en pièce jointe."),
        *("En el adjunto está el plan.", "Il piano è in allegato.", "O plano segue em anexo."),
        *("Plan w załączniku.", "План во вложении.", "In de bijlage staat het plan."),
        *(
            "计划详见附件。",
            "計畫請見附件。",
            "添付ファイルをご覧ください。",
            "첨부 파일을 확인하세요.",
        ),
    ],
)
def test_a_promise_of_a_file_is_told(text: str) -> None:
    (found,) = findings(longer(f"{text}\n"), "attachment-missing")

    assert (found.severity, found.position.line) == (Severity.WARNING, 9)


@pytest.mark.parametrize(
    "text",
    [
        *("No strings attached.", "It is attached to the wall.", "Attachment theory is old."),
        *("They attached great importance to it.", "Im Anhang der Richtlinie steht es."),
        *(
            "恶意附件会窃取密码。",
            "附近的织机。",
            "[See the attachment](https://example.com/p.pdf)",
        ),
        *(
            "When the debugger is attached, it stops.",
            "The loom with its attached spindle works.",
            "`see the attachment`",
            "添付書類の歴史",
            "Anbei ein paar Links der Woche:",
            "Во вложении к письму 1991 года был код.",
        ),
    ],
)
def test_words_that_promise_nothing_are_left_alone(text: str) -> None:
    assert findings(longer(f"{text}\n"), "attachment-missing") == []


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("模型有7B，即7亿参数。", "1 B is 10 亿"),
        ("模型有1.5 billion，即1.5億。", "1 billion is 10 億"),
        ("用户达5M（5万）。", "1 M is 100 万"),
        ("筹得 $7B，合7亿美元。", "1 B is 10 亿"),
        ("7 billion, also 7 Billionen.", "1 billion is 0.001 Billionen"),
    ],
)
def test_a_number_in_two_units_is_compared(text: str, advice: str) -> None:
    (found,) = findings(longer(f"{text}\n"), "number-unit")

    assert advice in found.fix


@pytest.mark.parametrize(
    "text",
    [
        *("模型有7B，即70亿参数。", "7B 模型，融资7亿美元。", "7B（70亿），不是7亿。", "7B，8亿。"),
        *("7B\n\n7亿", "4K 屏幕，4万元。", "5MB，5万字。", "7Bs 7亿", "1.7B 7亿", "1.5万亿，1.5T"),
    ],
)
def test_numbers_that_say_the_same_or_count_other_things_are_left_alone(text: str) -> None:
    assert findings(longer(f"{text}\n"), "number-unit") == []


def test_half_width_signs_are_a_habit_where_most_are() -> None:
    """Three full-width ones for each half-width one make that a slip."""
    assert findings(longer("来了,很慢,很好，不累。\n"), "mixed-width") == []
    assert findings(longer("来，了，很，慢,很，好，不,累。\n"), "mixed-width") == []
    assert len(findings(longer("来，了，很，慢,很，好，不，累:了，吗。\n"), "mixed-width")) == 2


@pytest.mark.parametrize("text", ["`你好,世界`，好，好，好。", "于10:30，A,B，C，好，好。"])
def test_half_width_signs_of_code_and_figures_are_left_alone(text: str) -> None:
    assert findings(longer(f"{text}\n"), "mixed-width") == []


@pytest.mark.parametrize(
    ("url", "rest"),
    [
        ("https://a.example/?utm_source=x", "https://a.example/"),
        ("https://a.example/p?id=1&utm_source=x&b=%20#f", "https://a.example/p?id=1&b=%20#f"),
        ("https://a.example/?utm_medium=x&amp;id=1", "https://a.example/?id=1"),
        ("https://a.example/?id=1&amp;fbclid=x&amp;b=2", "https://a.example/?id=1&amp;b=2"),
        ("https://a.example/?UTM_Source=x&mc_eid=1", "https://a.example/"),
        ("https://mp.weixin.qq.com/s?sn=1&chksm=2&scene=3", "https://mp.weixin.qq.com/s?sn=1"),
        ("https://a.example/?chksm=2&sn=1&q=utm_source", None),
        ("https://a.example/?a&b=&=c&d#utm_source=x", None),
        ("https://a.example/utm_source=x", None),
        ("https://a.example/?utm_source=x&X-Amz-Signature=1", None),
        ("https://a.example/?gclid=1;id=2", None),
    ],
)
def test_only_parameters_that_track_are_named_and_removed(url: str, rest: str | None) -> None:
    assert without_tracking(url) == (rest or url)
    assert bool(list(tracking_in(url))) is (rest is not None)
    assert without_tracking(without_tracking(url)) == without_tracking(url)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("© 2024 Valley", True),
        ("Copyright © 2019–2025 Valley", True),
        ("© 2019–2026 Valley", False),
        ("© 2026 Valley", False),
        ("Photo: © 2019 Ann", False),
        ("![A loom](https://e.example/l.png '© 2019 Ann')", False),
        ("© 2019 Ann\n\nOne.\n\nTwo.\n\nThree.", False),
    ],
)
def test_an_old_year_of_copyright_is_told_where_it_ends_an_issue(last: str, told: bool) -> None:
    digest = parsed_issue(longer(f"{last}\n")).digest
    email = replace(EMAIL, text=(last, LEAVE))

    found = [finding for finding in check(digest, email) if finding.rule == "old-copyright"]

    assert [finding.position.line for finding in found] == ([9] if told else [])


@pytest.mark.parametrize(("foot", "told"), [("© 2024 Valley", True), ("© 2026 Valley", False)])
@pytest.mark.parametrize("part", ["html", "text"])
def test_an_old_year_in_the_foot_of_a_theme_is_told(part: str, foot: str, told: bool) -> None:
    digest = parsed_issue(front() + PROSE).digest
    email = (
        replace(EMAIL, html=(foot, LEAVE)) if part == "html" else replace(EMAIL, text=(foot, LEAVE))
    )

    found = [finding.rule for finding in check(digest, email)]

    assert ("old-copyright" in found) is told


WORDS = " ".join(["word"] * 51)


@pytest.mark.parametrize(
    ("html", "told"),
    [
        (f"<p>{WORDS}</p><p>Looms came to the valley</p>", True),
        (f"<p>{'字' * 104}</p><p>Looms came to the valley</p>", True),
        (f"<p>{WORDS[:-5]}</p><p>Looms <b>came</b> to the valley</p>", False),
        (f"<p>{'字' * 100}</p><p>Looms came to the valley</p>", False),
        (f"<div style='display: none'>{WORDS}</div><p>Looms came to the valley</p>", False),
        (f"<head><title>{WORDS}</title></head><p>Looms came to the valley</p>", False),
        (f"<!-- {WORDS} --><p>Looms came to the valley</p>", False),
        (f"<p>{WORDS}</p>", False),  # a theme that shows no summary
        ("<p>short</p>", False),
    ],
)
def test_what_stands_above_the_news_is_counted_as_readers_see_it(html: str, told: bool) -> None:
    digest = parsed_issue(front() + PROSE).digest

    found = check(digest, replace(EMAIL, html=(html, LEAVE)))

    assert ("late-news" in {finding.rule for finding in found}) is told
