"""A mail as other programs show it: what each of them drops is dropped, and nothing else."""

import re

import pytest

from newsletter.desk import views
from newsletter.desk.views import ColourMode

MAIL = """<!DOCTYPE html><html><head><title>T</title>
<!--[if !mso]><!--><meta name="x"><!--<![endif]-->
<!--[if mso]><noscript><xml></xml></noscript>
<style>td{mso-line-height-rule:exactly}</style><![endif]-->
<style>:root{color-scheme:light dark}.a{color:#102030}
@media only screen and (max-width:480px){
  .a{padding:1px}.b{padding:2px}
}
@media (prefers-color-scheme:dark){.a{color:#eeeeee!important}}</style>
<meta name="color-scheme" content="light dark"></head>
<body style="background-color:#ffffff">
<td bgcolor="#fff" style='color:rgb(0, 0, 0)'>Words &amp; #fff</td>
<img src="https://x.example/a.png" width="640" alt="A loom" style="max-width:100%">
<img src='b.gif' width="50%" alt=""></body></html>"""


def test_light_mode_has_no_dark_colours() -> None:
    html = views.coloured(MAIL, ColourMode.LIGHT)

    assert "@media (max-width:0){.a{color:#eeeeee!important}}" in html
    assert "color-scheme:light}" in html
    assert 'content="light"' in html


def test_dark_mode_has_the_mails_own_dark_colours() -> None:
    html = views.coloured(MAIL, ColourMode.DARK)

    assert "@media (min-width:0){.a{color:#eeeeee!important}}" in html
    assert "color-scheme:dark}" in html
    assert 'content="dark"' in html


def test_forced_dark_turns_all_colours_over_and_leaves_words_and_pictures() -> None:
    html = views.coloured(MAIL, ColourMode.FORCED)

    assert "@media (max-width:0)" in html
    assert not re.search(r"#ffffff|#102030|bgcolor=\"#fff\"", html)
    assert "Words &amp; #fff" in html
    assert 'src="https://x.example/a.png"' in html
    ground, ink = re.findall(r"background-color:(#\w{6})|color:rgb\((\d+)", html)
    assert int(ground[0][1:3], 16) < 40
    assert int(ink[1]) > 200


def test_without_pictures_their_words_stay() -> None:
    html = views.without_pictures(MAIL)

    assert "a.png" not in html
    assert "b.gif" not in html
    assert 'alt="A loom"' in html


def test_without_styles_what_is_inlined_stays() -> None:
    html = views.without_styles(MAIL)

    assert "<style" not in html
    assert 'style="background-color:#ffffff"' in html


def test_outlook_reads_its_comments_and_no_media_query() -> None:
    html = views.in_outlook(MAIL)

    assert "mso-line-height-rule" in html
    assert '<meta name="x">' not in html
    assert "max-width:480px" not in html
    assert "<noscript>" not in html


def test_outlook_takes_the_width_of_a_picture_from_its_attribute() -> None:
    html = views.in_outlook(MAIL)

    assert "max-width:100%;width:640px!important;max-width:none!important" in html
    assert 'width="50%" alt=""' in html


@pytest.mark.parametrize("look", list(ColourMode))
def test_words_about_css_stay(look: ColourMode) -> None:
    words = (
        "<p>@media (prefers-color-scheme: dark) { a { color-scheme: light dark } } "
        '&lt;td style="color:#ffffff" bgcolor="#fff"&gt;</p>'
    )
    mail = MAIL.replace("</body>", f"{words}</body>")

    assert words in views.in_outlook(views.coloured(mail, look))


@pytest.mark.parametrize("look", list(ColourMode))
def test_a_mail_without_styles_is_shown_too(look: ColourMode) -> None:
    assert "<p>Hi</p>" in views.coloured("<html><head></head><body><p>Hi</p></body></html>", look)
