"""Every theme, in every sample, passes the checks of the Email Markup Consortium, and each can
fail."""

import re
from pathlib import Path

import pytest

from newsletter.render import load_theme
from tests.browser.samples import LOOKS, html_of
from tests.unit.render import emc
from tests.unit.render.emc import RULES, Rule
from tests.unit.render.rendering import delivered, issue, mail, rendered
from tests.unit.test_extending import install

PICTURE = "https://a.example/i.png"

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)


@pytest.mark.parametrize(("name", "theme"), LOOKS)
@each_rule
def test_a_sample_passes_the_check(rule: Rule, name: str, theme: str) -> None:
    assert list(rule(html_of(name, theme))) == []


@each_rule
def test_the_theme_of_the_page_on_themes_passes_the_check(rule: Rule, tmp_path: Path) -> None:
    install(tmp_path, "templates/plain/")

    result = mail(rendered(issue(SMALL), load_theme("plain", [tmp_path / "templates"])))

    assert list(rule(result.html)) == []


SMALL = f"""\
See [the looms](https://a.example/looms) of it.

## Looms

### Carding

![A loom]({PICTURE})

| a | b |
|---|---|
| c | d |

They came on the first day of snow, and the weavers of the valley watched them for an afternoon.
They are slower than people say, and they never tire, which is what their owners had asked for.
"""
# A piece of the HTML -> what breaks the rule, once it stands in its place.
BREAKS = (
    (emc.document_has_a_language, r"<html lang=\"en\"", "<html"),
    (emc.document_has_a_direction, r"(<html [^>]*) dir=\"ltr\"", r"\1"),
    (emc.document_has_a_title, r"<title>.*?</title>", "<title> </title>"),
    (emc.content_has_a_language_and_a_direction, r"(<div [^>]*) dir=\"ltr\"", r"\1"),
    (emc.content_has_a_language_and_a_direction, r"(<div [^>]*) lang=\"en\"", r"\1"),
    (emc.content_is_an_article_with_a_name, r" role=\"article\"", ""),
    (emc.content_is_an_article_with_a_name, r" aria-label=\"[^\"]*\"", ""),
    (emc.table_of_layout_says_so, r" role=\"presentation\"", ""),
    (emc.table_of_data_names_its_columns, r" scope=\"col\"", ""),
    (emc.there_is_one_first_heading, r"(<h1.*?</h1>)", r"\1\1"),
    (emc.there_is_one_first_heading, r"<(/?)h1", r"<\1h2"),
    (emc.headings_skip_no_level, r"<(/?)h2", r"<\1h4"),
    (emc.link_has_a_text, "the looms", ""),
    (emc.link_says_where_it_leads, "the looms", "here"),
    (emc.link_has_a_target, "https://a.example/looms", ""),
    (
        emc.link_in_a_text_is_told_by_more_than_its_colour,
        "text-decoration:underline",
        "text-decoration:none",
    ),
    (emc.picture_has_a_description_or_is_decoration, ' alt="A loom"', ""),
    (emc.picture_is_not_described_by_its_file, ' alt="A loom"', ' alt="IMG_1.jpg"'),
    (emc.page_can_be_enlarged, "initial-scale=1", "initial-scale=1,user-scalable=no"),
    (emc.page_can_be_enlarged, "initial-scale=1", "initial-scale=1, maximum-scale=1.0"),
    (emc.small_print_is_large_enough, "font-size:13px", "font-size:12px"),
    (emc.most_text_is_large_enough, "font-size:1[6-9]px", "font-size:15px"),
    (emc.nothing_comes_from_elsewhere, "</head>", '<link rel="stylesheet" href="x"></head>'),
    (emc.nothing_comes_from_elsewhere, "</head>", "<style>@import url(x);</style></head>"),
    (emc.nothing_comes_from_elsewhere, "<p ", '<p onclick="x()" '),
)


@pytest.mark.parametrize(("rule", "piece", "broken"), BREAKS)
def test_each_check_fails_where_it_is_broken(rule: Rule, piece: str, broken: str) -> None:
    html = delivered(SMALL).html

    assert list(rule(html)) == []
    assert list(rule(re.sub(piece, broken, html)))


def test_every_check_is_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BREAKS} == set(RULES)
