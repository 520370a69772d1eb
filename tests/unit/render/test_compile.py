"""From MJML to inlined HTML."""

from newsletter.render.compile import to_html


def _compiled(body: str, style: str = "", responsive: str = "") -> str:
    return to_html(
        f"<mjml><mj-head><mj-style>/* inline */ {style}</mj-style>"
        f"<mj-style>{responsive}</mj-style></mj-head><mj-body><mj-section><mj-column>"
        f"<mj-text>{body}</mj-text></mj-column></mj-section></mj-body></mjml>",
        "email.mjml.j2",
    )


def test_text_that_looks_like_markup_is_kept() -> None:
    """Slimming the tags touches attributes only, never what an author wrote about them."""
    text = 'a class="" and data-premailer="ignore" and style="a; b" and class="p"'
    escaped = text.replace('"', "&quot;")

    html = _compiled(f'<p class="p" title="{escaped}">{escaped}</p>', ".p { margin: 0 }")

    assert html.count(text) + html.count(escaped) == 2


def test_only_classes_of_the_responsive_sheet_stay() -> None:
    """The others were for the inlining alone."""
    html = _compiled(
        '<p class="p soft">x</p>',
        ".p { margin: 0 } .soft { color: #123456 }",
        "@media (max-width: 480px) { .soft { color: #654321 !important } }",
    )

    assert '<p class="soft" style="margin:0;color:#123456">x</p>' in html


def test_the_doctype_survives() -> None:
    """Without it a mail is shown in quirks mode."""
    assert _compiled("x").startswith("<!DOCTYPE html>")


def test_media_queries_and_their_important_rules_survive() -> None:
    """Dark mode and phones depend on them."""
    sheet = "@media (prefers-color-scheme: dark) { .p { color: #ffffff !important } }"

    html = _compiled('<p class="p">x</p>', ".p { color: #000000 }", sheet)

    assert "prefers-color-scheme: dark" in html
    assert "!important" in html


def test_conditional_comments_stay_whole() -> None:
    """Outlook on Windows lays the mail out by them."""
    html = _compiled("x")

    assert "<!--[if mso" in html
    assert html.count("<!--[if") == html.count("<![endif]-->")
