"""The text of a mail and its HTML say the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.lint.parity import text_html_parity
from newsletter.render import packaged_templates
from tests.browser.samples import EVERY_BLOCK, RIGHT_TO_LEFT, THEMES, email_of
from tests.unit.render.rendering import issue, own_theme, rendered

BODY = "A [loom](https://example.com/loom) came.\n\n## Threads\n\n- One\n- [x] Two 12.5 %\n"
DIGEST = issue(BODY)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", [EVERY_BLOCK, RIGHT_TO_LEFT])
def test_a_theme_says_the_same_in_both_parts(name: str, theme: str) -> None:
    """Of every kind of block, from left to right and from right to left."""
    found = list(text_html_parity(DIGEST, email_of(name, theme)))

    assert [finding.message for finding in found] == []


@pytest.mark.parametrize(
    ("part", "old", "new", "message", "line"),
    [
        ("text", "A loom", "Looms", "the text part lacks 'A loom came.'", 5),
        ("text", "Threads", "", "the text part lacks 'Threads'", 7),
        ("text", "<https://example.com/loom>", "", "the text part lacks the link https://exa", 5),
        ("html", 'href="https://example.com/loom"', "", "the HTML lacks the link https://exa", 5),
        ("html", ">One<", "><", "the HTML lacks '- One', which the text part has", 9),
        ("html", "12.5", "12.6", "the text part lacks", 1),
    ],
)
def test_what_one_part_lacks_is_told_with_its_line(
    part: str, old: str, new: str, message: str, line: int
) -> None:
    email = rendered(DIGEST)
    template = email.html if part == "html" else email.text
    changed = tuple(p.replace(old, new) if isinstance(p, str) else p for p in template)
    assert changed != template
    email = replace(email, html=changed) if part == "html" else replace(email, text=changed)

    found = next(text_html_parity(DIGEST, email))

    assert message in found.message
    assert found.position.line == line


def test_a_theme_that_leaves_the_sections_out_of_its_text_is_told_briefly(tmp_path: Path) -> None:
    source = (packaged_templates() / "digest" / "email.txt.j2").read_text("utf-8")
    theme = own_theme(tmp_path, {"email.txt.j2": source.replace("{{ body }}", "")})

    found = list(text_html_parity(DIGEST, rendered(DIGEST, theme)))

    assert len(found) == 3
    assert {finding.fix for finding in found} == {"Add it to email.txt.j2 of the theme."}
