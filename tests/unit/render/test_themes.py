"""What every theme that comes with the program can do."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter import languages
from newsletter.render import Theme, load_theme, packaged_templates, words_used
from newsletter.render.sandbox import Templates
from tests.browser.samples import EVERY_BLOCK, REAL, ROOT, THEMES, digest_of, email_of, html_of
from tests.unit.render.rendering import MASTHEAD, issue, mail, rendered, shown, visible

LANGUAGES = sorted(p.stem for p in (Path(languages.__file__).parent / "words").glob("*.toml"))
YARDSTICK = "2026-01-07-ai-daily"
MOST_BYTES = 60 * 1024

each_theme = pytest.mark.parametrize("name", THEMES)


def theme_of(name: str) -> Theme:
    return load_theme(name, [packaged_templates()])


def test_these_are_the_themes() -> None:
    assert THEMES == ["digest", "letter", "links", "product"]


@each_theme
def test_a_theme_says_what_it_is_and_is_called_as_its_folder(name: str) -> None:
    settings = theme_of(name).settings

    assert settings["name"] == name
    assert settings["description"]
    assert len({theme_of(other).settings["description"] for other in THEMES}) == len(THEMES)


@each_theme
def test_every_file_of_a_theme_is_a_template_that_compiles(name: str) -> None:
    templates = Templates(theme_of(name))
    files = [
        path.relative_to(folder).as_posix()
        for folder in theme_of(name).folders
        for path in folder.rglob("*")
        if path.suffix in (".j2", ".css")
    ]

    templates.words_used(*files)  # reads and parses each

    assert len(files) >= 8


@each_theme
def test_a_theme_has_all_its_words_in_every_language(name: str) -> None:
    theme = theme_of(name)
    used = words_used(theme, digest_of(EVERY_BLOCK))

    assert len(used) > 5
    for language in LANGUAGES:
        assert theme.only_english(language) & used == set(), language


@each_theme
def test_both_parts_of_a_mail_have_the_links_that_a_reader_needs(name: str) -> None:
    email = email_of(EVERY_BLOCK, name)

    for part in (email.html, email.text):
        fields = {piece.name for piece in part if not isinstance(piece, str)}
        assert {"unsubscribe_url", "preferences_url", "web_url", "subscribe_url"} <= fields


@each_theme
def test_no_theme_leaves_out_what_another_shows(name: str) -> None:
    """Each word of the issue is in it, whatever the theme says beside it."""
    words, own = (
        set(re.findall(r"\w+", " ".join(visible(html_of(EVERY_BLOCK, theme)).itertext())))
        for theme in ("digest", name)
    )

    said_otherwise = {"In", "this", "issue", "本期要点"}  # above the summary
    assert words - own <= said_otherwise


@each_theme
def test_each_theme_shows_the_summary_as_points_or_as_sentences(name: str) -> None:
    for summary in ("|\n  - First of all\n  - Then the second", "First of all. Then the second"):
        html = mail(rendered(issue("Text.\n", summary=summary), theme_of(name))).html

        assert "First of all" in shown(visible(html))
        assert "Then the second" in shown(visible(html))


@each_theme
def test_a_long_daily_is_far_from_where_gmail_cuts_it(name: str) -> None:
    if not REAL.exists():
        pytest.skip("needs the real digest")

    assert len(html_of(YARDSTICK, name).encode()) <= MOST_BYTES


@each_theme
def test_a_cover_that_is_wider_than_the_mail_is_as_wide_as_there_is_room(name: str) -> None:
    """Outlook takes the width from the attribute alone, and the height stays in proportion."""
    digest = issue("Text.\n", coverImage="https://a.example/c.png")
    theme = replace(theme_of(name), settings={**theme_of(name).settings, "column": 400})
    meta = replace(digest.meta, cover_size=(944, 472))
    small = replace(digest, meta=meta, position=digest.position)

    (picture,) = visible(mail(rendered(small, theme)).html).iter("img")

    width, height = (int(picture.get(side)) for side in ("width", "height"))
    assert width in (400, 472)
    assert height == width // 2


@each_theme
def test_an_author_signs_only_a_letter(name: str) -> None:
    html = mail(rendered(issue(), theme_of(name), replace(MASTHEAD, author="The desk"))).html

    assert ("— The desk" in shown(visible(html))) is (name == "letter")


_IN_TURN = """
import cssutils
from tests.browser.samples import THEMES, email_of
from tests.counting import calls

for theme in THEMES:
    email_of("2026-11-20-quiet-machines", theme)
parsed = [
    calls(lambda: email_of("2026-11-20-quiet-machines", theme), cssutils.parseStyle)
    for theme in THEMES
]
assert parsed == [0] * len(THEMES), parsed
"""


def test_themes_that_take_turns_parse_no_style_again() -> None:
    """It takes most of the time of a mail. Premailer reads how much to keep when it is imported,
    which here is before all else."""
    subprocess.run([sys.executable, "-c", _IN_TURN], cwd=ROOT, check=True)


@each_theme
def test_no_theme_makes_markup_of_what_an_author_wrote(name: str) -> None:
    """In the headings, hosts and addresses that a theme writes itself."""
    evil = "&lt;script&gt;pwned()&lt;/script&gt;"
    link = f"[{evil}](https://a.example/?q=%22&b=c)"
    body = f"## {evil}\n\n### {link}\n\nx\n\n## B\n\n- {link}, {evil}\n- {link}\n- {link}\n"

    html = mail(rendered(issue(body), theme_of(name))).html

    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 6
    assert html.count('"https://a.example/?q=%22&amp;b=c"') >= 4


@each_theme
def test_a_card_that_holds_more_than_usual_is_shown_whole(name: str) -> None:
    card = (
        '<div class="card"><h3>Join us</h3><p>One.</p><p>Two <em>more</em>.</p>'
        '<a href="https://a.example/join">Join</a><p>And after it.</p></div>\n'
    )
    digest = issue(f"Text.\n\n## S\n\nx\n\n---\n\n{card}")
    assert digest.promo
    assert not digest.promo.complete

    text = shown(visible(mail(rendered(digest, theme_of(name))).html))

    assert all(part in text for part in ("Join us", "One.", "Two", "And after it."))
