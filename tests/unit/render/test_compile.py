"""From MJML to inlined HTML, past the traps of mrml and premailer."""

import logging
import re
import socket
from itertools import chain

import mjml
import pytest

from newsletter.errors import RenderError
from newsletter.render.compile import to_html
from tests.unit.render.rendering import shown, visible

PICTURE = "https://a.example/i.png"


def compiled(body: str, style: str = "", responsive: str = "", head: str = "") -> str:
    """HTML in one text of a mail, below a sheet to be inlined and one to be left alone."""
    return laid_out(f"<mj-text>{body}</mj-text>", style, responsive, head)


def laid_out(components: str, style: str = "", responsive: str = "", head: str = "") -> str:
    return to_html(source(components, style, responsive, head), "email.mjml.j2")


def source(components: str, style: str = "", responsive: str = "", head: str = "") -> str:
    return (
        f"<mjml><mj-head>{head}<mj-style>/* inline */ {style}</mj-style>"
        f"<mj-style>{responsive}</mj-style></mj-head><mj-body><mj-section><mj-column>"
        f"{components}</mj-column></mj-section></mj-body></mjml>"
    )


def sheets(html: str) -> str:
    """All style sheets that a mail keeps."""
    return "".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for another host fails."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"the network was asked for: {args} {kwargs}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


# --- what an author wrote -----------------------------------------------------------------------


def test_text_that_looks_like_markup_is_kept() -> None:
    """Slimming the tags touches attributes only, never what an author wrote about them."""
    text = 'a class="" and data-premailer="ignore" and style="a; b" and class="p"'
    escaped = text.replace('"', "&quot;")

    html = compiled(f'<p class="p" title="{escaped}">{escaped}</p>', ".p { margin: 0 }")

    assert html.count(text) + html.count(escaped) == 2


def test_entities_become_the_signs_they_stand_for() -> None:
    """UTF-8 needs no entities but those of markup."""
    html = compiled("&nbsp;&copy;&#8203;&#x4e2d;&amp;copy; &lt;b&gt;")

    assert "\u00a0©\u200b中&amp;copy; &lt;b&gt;" in html


def test_a_bare_sign_behind_chinese_is_an_error_not_a_panic() -> None:
    """mrml panics there, with an exception that `except Exception` does not see."""
    with pytest.raises(RenderError) as caught:
        compiled("中->文")

    assert caught.value.where == "email.mjml.j2"
    assert "bare >" in caught.value.hint


def test_an_escaped_sign_behind_chinese_is_shown() -> None:
    html = compiled('<p title="中>文 > 英">中-&gt;文 &gt; 英文</p>')

    (paragraph,) = visible(html).iter("p")
    assert shown(paragraph) == "中->文 > 英文"
    assert paragraph.get("title") == "中>文 > 英"


@pytest.mark.parametrize("sign", ["\0", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_a_sign_that_xml_forbids_is_left_out(sign: str) -> None:
    """mrml refuses the whole mail for one of them."""
    html = compiled(f"before{sign}after")

    assert "beforeafter" in html


def test_a_broken_template_is_an_error_with_its_line() -> None:
    """mrml counts bytes, and Chinese letters take three."""
    with pytest.raises(RenderError) as caught:
        laid_out("<mj-text>中文\n中文</mj-text>\n<mj-include path='part.mjml' />")

    assert caught.value.where == "email.mjml.j2:3"
    assert caught.value.hint


@pytest.mark.parametrize("text", ["<p>not closed", "5 < 6", "<![CDATA[x]]>"])
def test_what_mrml_cannot_read_is_an_error(text: str) -> None:
    with pytest.raises(RenderError, match="MJML"):
        compiled(text)


# --- addresses ----------------------------------------------------------------------------------


def test_an_address_that_is_a_word_survives() -> None:
    """Merge fields travel as such words: braces with spaces in an address would be encoded."""
    html = compiled(
        '<a href="mergefield0x1z">x</a> <a href="https://a.example/?u=mergefield0x2z">y</a>'
    )

    assert 'href="mergefield0x1z"' in html
    assert 'href="https://a.example/?u=mergefield0x2z"' in html


def test_chinese_in_an_address_is_encoded() -> None:
    """Mail programs differ in what they make of it raw."""
    html = compiled('<a href="https://a.example/中文?x=1&amp;copy=2">x</a>')

    assert 'href="https://a.example/%E4%B8%AD%E6%96%87?x=1&amp;copy=2"' in html


# --- sizes of pictures --------------------------------------------------------------------------


def test_a_picture_keeps_its_width_for_outlook() -> None:
    """Outlook obeys the attribute, which premailer would replace by the style's 100 %."""
    html = compiled(
        f'<img src="{PICTURE}" width="640" height="1" class="i" />',
        ".i { width: 100%; height: auto }",
    )

    (picture,) = visible(html).iter("img")
    assert (picture.get("width"), picture.get("height")) == ("640", "1")


def test_no_attribute_is_made_of_a_style() -> None:
    """`width="calc(100% - 2px)"` and the like mean nothing as attributes."""
    html = compiled(
        '<table class="t"><tr><td class="t">x</td></tr></table>',
        ".t { width: calc(100% - 2px); height: auto; text-align: center; vertical-align: top; "
        "background-color: #112233 }",
    )

    (table,) = (table for table in visible(html).iter("table") if "calc" in table.get("style", ""))
    assert set(table.attrib) == {"style"}


# --- style sheets -------------------------------------------------------------------------------


def test_the_marked_sheet_is_inlined_and_gone() -> None:
    """mrml itself would leave it a style sheet, which half of the mail programs drop."""
    html = compiled('<p class="p">x</p>', ".p { color: #123456 }")

    assert '<p style="color:#123456">x</p>' in html
    assert "#123456" not in sheets(html)
    assert "inline */" not in html


def test_only_classes_of_the_responsive_sheet_stay() -> None:
    """The others were for the inlining alone."""
    html = compiled(
        '<p class="p soft">x</p>',
        ".p { margin: 0 } .soft { color: #123456 }",
        "@media (max-width: 480px) { .soft { color: #654321 !important } }",
    )

    assert '<p class="soft" style="margin:0;color:#123456">x</p>' in html


def test_the_doctype_survives_in_capitals() -> None:
    """Without it a mail is shown in quirks mode, and lxml drops one in small letters."""
    assert compiled("x").startswith("<!DOCTYPE html>")


def test_media_queries_and_their_important_rules_survive() -> None:
    """Dark mode and phones depend on them."""
    html = compiled(
        '<p class="p">x</p>',
        ".p { color: #102030 }",
        "@media (prefers-color-scheme: dark) { .p { color: #ffffff !important } }",
    )

    rule = "".join(sheets(html).split())
    assert "@media(prefers-color-scheme:dark){.p{color:#ffffff!important}}" in rule
    assert [p.get("style") for p in visible(html).iter("p")] == ["color:#102030"]


def test_media_queries_in_the_marked_sheet_survive_too() -> None:
    """A project may write its rules for phones where all the others are."""
    html = compiled('<p class="p">x</p>', "@media print { .p { color: #102030 !important } }")

    assert "@mediaprint{.p{color:#102030!important}}" in "".join(sheets(html).split())


@pytest.mark.parametrize(
    "rule",
    [
        "@font-face { font-family: Valley; src: url(https://a.example/f.woff2) }",
        "@supports (display: grid) { .p { display: grid } }",
        "[data-ogsc] .p { color: #ffffff }",
        "u + .body .p { color: #ffffff }",
        ".p:hover { color: #ffffff }",
    ],
)
def test_rules_that_cannot_be_inlined_survive(rule: str) -> None:
    """premailer would drop each of them."""
    html = compiled('<p class="p">x</p>', "", rule)

    assert "".join(rule.split()) in "".join(sheets(html).split())


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (".p { color: #102030 }", ".p{color:#102030}"),
        (".gone { color: #102030 }", ""),
        (".gone, .p, .p .gone { color: #102030 }", ".p{color:#102030}"),
        ("@media print { .gone { top: 0 } .p { top: 1px } }", "@media print{.p{top:1px}}"),
        ("[data-ogsc] .gone { color: #102030 }", ""),
        (".p:not(.gone) { color: #102030 }", ".p:not(.gone){color:#102030}"),
        (".ExternalClass { width: 100% }", ".ExternalClass{width:100%}"),
        (
            '.p::after { content: "a: b, c !important" }',
            '.p::after{content:"a: b, c !important"}',
        ),
    ],
)
def test_rules_for_what_a_mail_does_not_have_are_left_out(rule: str, kept: str) -> None:
    """Where a class is the theme's, that is, and not one that a mail program gives; each mail
    would carry all of dark mode."""
    html = compiled('<p class="p">x</p>', ".p { margin: 0 } .gone { margin: 1px }", rule)

    last = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)[-1]
    assert last == kept


def test_important_is_not_inlined_from_the_responsive_sheet() -> None:
    """Inlined it would beat every rule of dark mode."""
    html = compiled('<p class="p">x</p>', ".p { margin: 0 }", ".p { color: #ffffff !important }")

    assert "!important" not in "".join(str(p.get("style")) for p in visible(html).iter("p"))
    assert "!important" in sheets(html)


def test_nothing_of_premailer_is_left() -> None:
    html = compiled(
        '<p class="p">x</p>', ".p { margin: 0 }", "@media screen { .p { margin: 1px } }"
    )

    assert "premailer" not in html


def test_premailer_is_quiet_about_properties_it_does_not_know(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each of MJML's mso-… properties would be a warning."""
    with caplog.at_level(logging.WARNING):
        compiled('<p class="p">x</p>', ".p { mso-line-height-rule: exactly; text-wrap: balance }")

    assert caplog.messages == []


# --- Outlook ------------------------------------------------------------------------------------

OUTLOOK = (
    f'<mj-text><p>x</p></mj-text><mj-button href="{PICTURE}">Go</mj-button>'
    "</mj-column><mj-column><mj-text>y</mj-text></mj-column></mj-section>"
    f'<mj-section background-url="{PICTURE}" background-color="#ffeedd"><mj-column>'
    '<mj-raw><!--[if mso]><v:rect xmlns:v="urn:schemas-microsoft-com:vml" fill="true">'
    '<v:textbox inset="0,0,0,0"></v:textbox></v:rect><![endif]--></mj-raw>'
    f'<mj-image width="40px" src="{PICTURE}" alt="i" />'
)
_CONDITIONAL = re.compile(r"<!--\[if ([^\]]*)\]>(.*?)<!\[endif\]-->", re.DOTALL)


def for_outlook(html: str) -> list[str]:
    """The tags that only Outlook sees, in order."""
    return list(
        chain.from_iterable(
            re.findall(r"</?[\w:]+", content)
            for condition, content in _CONDITIONAL.findall(html)
            if "!mso" not in condition
        )
    )


def test_what_outlook_alone_sees_stays_in_its_order() -> None:
    """Outlook on Windows lays the mail out by the tables in conditional comments."""
    written = mjml.mjml2html(source(OUTLOOK), fonts={})

    html = laid_out(OUTLOOK)

    assert for_outlook(html) == for_outlook(written)
    assert "<v:rect" in for_outlook(html)


def test_conditional_comments_open_and_close_in_turn() -> None:
    html = laid_out(OUTLOOK)

    signs = re.findall(r"<!--\[if [^\]]*\]>|<!\[endif\]-->|<!--<!\[endif\]-->", html)
    assert all(sign.startswith("<!--[if") for sign in signs[::2])
    assert all(sign.endswith("<![endif]-->") for sign in signs[1::2])
    assert "<![if" not in html


def test_what_outlook_must_not_see_stays_hidden_from_it() -> None:
    assert '<!--[if !mso]><!--><meta http-equiv="X-UA-Compatible"' in compiled("x")


# --- no network, no files -----------------------------------------------------------------------


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("font", ["Roboto", "Ubuntu", "Open Sans", "Lato", "Droid Sans"])
def test_a_font_that_google_has_is_not_asked_for(font: str) -> None:
    """mrml would link it, premailer would fetch it, and readers would tell Google they read."""
    html = laid_out(f'<mj-text font-family="{font}, Arial">x</mj-text>')

    assert font in html
    assert "<link" not in html
    assert "fonts.g" not in html


@pytest.mark.usefixtures("no_network")
def test_a_style_sheet_elsewhere_is_not_fetched() -> None:
    html = compiled(
        "x", head='<mj-raw><link rel="stylesheet" href="https://css.example/b.css" /></mj-raw>'
    )

    assert "x" in shown(visible(html))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("word", ["@import", "@IMPORT", "@\\69mport", "@i\\6d port"])
@pytest.mark.parametrize("url", ["https://css.example/a.css", "file:///etc/passwd"])
def test_a_style_sheet_that_imports_another_is_refused(word: str, url: str) -> None:
    """The parser below premailer would fetch it, whatever premailer is told, and from files too."""
    with pytest.raises(RenderError, match="imports another") as caught:
        compiled("x", f'{word} url("{url}");')

    assert caught.value.where == "email.mjml.j2"


@pytest.mark.parametrize("kind", ["mjml", "html", "css"])
def test_no_file_is_included(kind: str) -> None:
    """An include is the one way of MJML to a file."""
    with pytest.raises(RenderError) as caught:
        laid_out(f'<mj-include path="/etc/passwd" type="{kind}" />')

    assert "root:" not in caught.value.message
