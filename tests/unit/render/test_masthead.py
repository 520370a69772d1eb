"""What stands around the content: name, date, reading time, preheader, language, direction."""

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import lxml.html
import pytest

from newsletter.model.digest import Digest
from newsletter.model.email import fill
from newsletter.render import reading_minutes
from newsletter.render.dates import written_date
from tests.mailbox import Mail
from tests.unit.digest.reading import read
from tests.unit.render.rendering import (
    MASTHEAD,
    issue,
    mail,
    rendered,
    shown,
    visible,
)

DAY = dt.date(2026, 1, 7)


def received(digest: Digest, language: str = "en") -> Mail:
    return mail(rendered(digest, masthead=replace(MASTHEAD, language=language)))


def preheader(digest: Digest) -> str:
    return fill(rendered(digest).preheader, {})


# --- who, when ----------------------------------------------------------------------------------


def test_both_parts_name_the_newsletter_and_its_postal_address() -> None:
    result = received(issue())

    for part in (shown(visible(result.html)), result.text):
        assert "Valley Post" in part
        assert "1 Mill Lane, Valley" in part


def test_a_name_with_signs_of_markup_is_shown_as_it_is() -> None:
    odd = replace(MASTHEAD, name='A <b>"B"</b> & C', postal_address="5 > 4")

    result = mail(rendered(issue(), masthead=odd))

    for part in (shown(visible(result.html)), result.text):
        assert 'A <b>"B"</b> & C' in part
        assert "5 > 4" in part


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "Wednesday, 7 January 2026"),
        ("en-GB", "Wednesday, 7 January 2026"),
        ("zh-CN", "2026年1月7日 星期三"),
        ("ZH", "2026年1月7日 星期三"),
        ("ja", "2026年1月7日（水）"),
        ("de", "Mittwoch, 7. Januar 2026"),
        ("de-AT", "Mittwoch, 7. Jänner 2026"),
        ("zh-Hant-HK", "2026年1月7日 星期三"),
        ("sv", "onsdag 7 januari 2026"),
        ("zza", "2026-01-07"),
    ],
)
def test_a_date_is_written_as_its_readers_write_it(language: str, written: str) -> None:
    assert written_date(DAY, language) == written


def test_every_day_of_a_week_has_its_name() -> None:
    days = [DAY + dt.timedelta(days=n) for n in range(7)]

    assert "".join(written_date(day, "zh")[-1] for day in days) == "三四五六日一二"
    assert [
        written_date(day, "en").split(",")[0][:2] for day in days
    ] == "We Th Fr Sa Su Mo Tu".split()
    assert "".join(written_date(day, "ja")[-2] for day in days) == "水木金土日月火"


@pytest.mark.parametrize(
    "date",
    ["2026-01-07", "2026-01-07 23:30:00", "2026-01-07T00:30:00+08:00", "2026-01-07T23:30:00Z"],
)
def test_the_day_is_the_one_its_author_wrote(date: str) -> None:
    """Whatever the time zone of the machine or of the newsletter."""
    masthead = replace(MASTHEAD, timezone="America/Los_Angeles")

    result = mail(rendered(issue(date=date), masthead=masthead))

    assert "Wednesday, 7 January 2026" in shown(visible(result.html))
    assert "Wednesday, 7 January 2026" in result.text


def test_an_issue_without_a_date_shows_none() -> None:
    result = received(read("---\ntitle: T\n---\nText.\n").digest)

    assert result.text.split("\n")[1] == "1 min read"


# --- how long -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        ("", 1),
        ("word " * 219, 1),
        ("word " * 440, 3),
        ("字" * 398, 1),
        ("字" * 1_190, 3),
        ("字" * 200 + " " + "word " * 100, 1),
        ("字" * 400 + " " + "word " * 110, 2),
        ("말 " * 440, 3),
        ("`" + "code " * 2_000 + "`", 1),
    ],
)
def test_reading_takes_a_minute_for_400_characters_or_220_words(body: str, minutes: int) -> None:
    """Chinese and Japanese count by character, all else by word, code not at all."""
    assert reading_minutes(issue(body + "\n")) == minutes


# --- preheader ----------------------------------------------------------------------------------


def test_the_preheader_is_that_of_the_front_matter() -> None:
    assert (
        preheader(issue(preheader="Behind the subject", summary="['one']")) == "Behind the subject"
    )


def test_without_one_the_summary_stands_behind_the_subject() -> None:
    assert preheader(issue(summary="['one **two**', '[three](https://a.example/)']")) == (
        "one two · three"
    )


def test_without_a_summary_the_first_paragraphs_do() -> None:
    assert preheader(issue("One *two*.\n\nThree.\n\nFour.\n")) == "One two. Three."


def test_without_any_text_before_the_sections_their_items_do() -> None:
    source = "## S\n\n### [One](https://a.example/)\n\nx\n\n### Two\n\ny\n"

    assert preheader(issue(source)) == "One · Two"


def test_a_long_preheader_is_cut() -> None:
    text = preheader(issue("字" * 500))

    assert text == "字" * 109 + "…"


def test_the_preheader_comes_first_and_is_hidden() -> None:
    """Inboxes show the first text of the HTML; readers of the mail must not see it twice."""
    html = received(issue("Text.\n", preheader="Behind the subject")).html

    body = lxml.html.document_fromstring(html).find("body")
    assert body is not None
    assert str(body.text_content()).strip().startswith("Behind the subject")
    assert "Behind the subject" not in shown(visible(html))


def test_the_subject_is_that_of_the_front_matter_or_the_title() -> None:
    assert received(issue(title="A title")).subject == "A title"
    assert received(issue(title="A title", subject="A subject")).subject == "A subject"


# --- language and direction ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Unsubscribe"),
        ("zh-CN", "退订"),
        ("zh-SG", "退订"),
        ("ZH-cn", "退订"),
        ("de-CH", "Abmelden"),
        ("zza", "Unsubscribe"),
    ],
)
def test_the_words_of_the_theme_are_in_the_language_of_the_issue_or_english(
    language: str, words: str
) -> None:
    result = received(issue(language=language))

    assert words in shown(visible(result.html))
    assert words in result.text


def test_an_issue_without_a_language_has_that_of_the_newsletter() -> None:
    result = received(issue(), language="zh-CN")

    assert lxml.html.document_fromstring(result.html).get("lang") == "zh-CN"
    assert "退订" in result.text


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("en", "ltr"),
        ("zh-CN", "ltr"),
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("FA", "rtl"),
        ("arn", "ltr"),
    ],
)
def test_a_mail_says_its_language_and_its_direction(language: str, direction: str) -> None:
    """Screen readers choose their voice by it, and Arabic is unreadable the other way round."""
    result = received(issue(language=language))

    document = lxml.html.document_fromstring(result.html)
    (article,) = document.xpath('//*[@role="article"]')
    assert (document.get("lang"), document.get("dir")) == (language, direction)
    assert (article.get("lang"), article.get("dir")) == (language, direction)


# --- structure ----------------------------------------------------------------------------------

OUTLINE = """\
Lead.

## First

### [One](https://a.example/1)

Text.

### Two

Text.

## Second

| a |
|---|
| b |

![alt](https://a.example/i.png)
"""


def headings(result: Mail) -> list[tuple[str, str]]:
    elements = visible(result.html).iter("h1", "h2", "h3", "h4", "h5", "h6")
    return [(str(e.tag), shown(e).strip()) for e in elements]


def test_headings_have_the_levels_of_the_outline() -> None:
    """People who listen to a mail jump from heading to heading."""
    assert headings(received(issue(OUTLINE, title="The title"))) == [
        ("h1", "The title"),
        ("h2", "First"),
        ("h3", "One"),
        ("h3", "Two"),
        ("h2", "Second"),
    ]


def test_no_level_of_headings_is_left_out() -> None:
    source = "## A\n\n### B\n\n#### C\n\nx\n\n## D\n\n#### E\n\ny\n\n> ### F\n"

    levels = [int(tag[1]) for tag, _ in headings(received(issue(source)))]

    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_tables_of_layout_are_none_to_a_screen_reader() -> None:
    """Only a table of data has cells worth announcing."""
    body = visible(received(issue(OUTLINE, summary="['one']")).html)

    tables = [
        (t.get("role"), bool(t.xpath("./tr/th|./thead|./tbody/tr/th"))) for t in body.iter("table")
    ]
    assert all(role == "presentation" for role, data in tables if not data)
    assert [role for role, data in tables if data] == [None]


def test_every_picture_has_an_alternative_text_and_every_link_a_text() -> None:
    body = visible(received(issue(OUTLINE, coverImage="https://a.example/c.png")).html)

    assert [p.get("src") for p in body.iter("img") if p.get("alt") is None] == []
    assert [a.get("href") for a in body.iter("a") if not shown(a).strip()] == []


def test_the_title_of_the_document_is_the_subject() -> None:
    document = lxml.html.document_fromstring(received(issue(subject="A subject")).html)

    assert document.findtext(".//title") == "A subject"
