"""MJML that its compiler accepts without a word, and what it gets wrong."""

from pathlib import Path

import mjml
import pytest

from newsletter.desk.mjml import mjml_findings
from newsletter.lint.mjml import MjmlFault, mjml_faults
from newsletter.render import load_theme, packaged_templates, render_with_mjml
from tests.browser.samples import EVERY_BLOCK, RIGHT_TO_LEFT, THEMES, digest_of
from tests.unit.render.rendering import MASTHEAD, issue, own_theme


def faults(inner: str) -> list[MjmlFault]:
    return list(mjml_faults(f"<mjml>\n<mj-body>\n{inner}\n</mj-body>\n</mjml>\n"))


def in_column(inner: str) -> str:
    return f"<mj-section><mj-column>\n{inner}\n</mj-column></mj-section>"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sample", [EVERY_BLOCK, RIGHT_TO_LEFT])
def test_a_theme_that_comes_with_newsletter_is_mjml(sample: str, theme: str) -> None:
    look = load_theme(theme, [packaged_templates()])

    _, written = render_with_mjml(digest_of(sample), look, MASTHEAD)

    assert list(map(str, mjml_findings(written, look))) == []


@pytest.mark.parametrize(
    ("inner", "line", "message"),
    [
        (in_column("<mj-txt>a</mj-txt>"), 4, "<mj-txt> is no component of MJML"),
        (in_column("<p>a</p>"), 4, "<p> is no component of MJML"),
        (in_column("some words"), 4, "'some words' stands in <mj-column> itself"),
        ("<mj-section><mj-text>a</mj-text></mj-section>", 3, "may not stand in <mj-section>"),
        (in_column("<mj-text colour='red'>a</mj-text>"), 4, "<mj-text> has no attribute colour"),
        (in_column("<mj-text padding='0 24px'>a</mj-text>"), 4, 'padding="0 24px" of <mj-text>'),
        (in_column("<mj-text padding-left='5%'>a</mj-text>"), 4, 'padding-left="5%" of <mj-text>'),
        (in_column("<mj-button inner-padding='1'>a</mj-button>"), 4, 'inner-padding="1"'),
        (
            in_column("<mj-text color='#000000' color='#ffffff'>a</mj-text>"),
            4,
            "<mj-text> has color 2 times",
        ),
        (in_column("<mj-image src='a' title='b' />"), 4, "title of <mj-image> is left out"),
        ("<mj-wrapper gap='4px'></mj-wrapper>", 3, "gap of <mj-wrapper>"),
        (in_column("<mj-text mj-class='a b'>a</mj-text>"), 4, "the first counts, not the last"),
    ],
)
def test_what_is_accepted_and_wrong_is_told(inner: str, line: int, message: str) -> None:
    source = f"<mjml><mj-body>{inner}</mj-body></mjml>"
    assert mjml.mjml2html(source, fonts={})  # the compiler says nothing

    (fault,) = faults(inner)

    assert message in fault.message
    assert fault.line == line
    assert fault.fix.endswith((".", "?"))


@pytest.mark.parametrize(
    "inner",
    [
        in_column("<mj-text padding='0px 24px'>some <b>words</b> <p x='1' x='2'>a</p></mj-text>"),
        in_column('<mj-image src="a" alt="a > b" css-class="x" mj-class="y" />'),
        "<!-- <mj-foo> --><mj-raw><foo bar='0'>words</foo></mj-raw>",
        "<mj-wrapper><mj-section><mj-group><mj-column /></mj-group></mj-section></mj-wrapper>",
    ],
)
def test_mjml_in_order_and_the_html_in_it_are_left_alone(inner: str) -> None:
    assert faults(inner) == []


def test_defaults_may_name_every_component_and_any_class() -> None:
    head = "<mj-all color='#000000' /><mj-class name='a' color='#000000' /><mj-text padding='0' />"

    (fault,) = mjml_faults(f"<mjml><mj-head><mj-attributes>{head}</mj-attributes></mj-head></mjml>")

    assert (fault.tag, fault.attribute) == ("mj-text", "padding")


def test_a_fault_is_told_at_the_line_of_the_template(tmp_path: Path) -> None:
    """Once, however many sections there are."""
    source = (packaged_templates() / "digest" / "email.mjml.j2").read_text("utf-8")
    old = '<mj-text css-class="pad" padding="12px 36px 8px 36px">'
    theme = own_theme(tmp_path, {"email.mjml.j2": source.replace(old, old[:-1] + ' colr="x">')})
    line = source[: source.index(old)].count("\n") + 1

    digest = issue("## A\n\nText.\n\n## B\n\nText.\n")
    _, written = render_with_mjml(digest, theme, MASTHEAD)

    (found,) = mjml_findings(written, theme)

    assert str(found.position) == f"templates/digest/email.mjml.j2:{line}"
    assert found.fix == "Did you mean 'color'?"
