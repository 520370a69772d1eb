"""The style sheet of the public pages: its colours are those of the theme, and stand out."""

import re

import pytest

from newsletter.render import colours
from newsletter.web.assets import style_sheet
from newsletter.web.look import Look

SHEET = style_sheet(Look()).decode()
MODES = ("light", "dark")


def variables(mode: str) -> dict[str, str]:
    """The colours of a mode by their names; the dark ones stand above the light ones."""
    dark = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", SHEET)
    everywhere = re.findall(r":root \{(.*?)\}", SHEET)
    rules = [rule for rule in everywhere if rule not in dark] + (dark if mode == "dark" else [])
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", "".join(rules)))


def test_every_variable_has_a_value() -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", SHEET))

    assert used
    assert used <= set(re.findall(r"--([\w-]+):", SHEET))
    assert set(variables("light")) == set(variables("dark"))


@pytest.mark.parametrize("mode", MODES)
def test_the_colours_of_the_theme_are_those_of_the_pages(mode: str) -> None:
    look = Look()
    table = look.light if mode == "light" else look.dark

    found = variables(mode)

    assert {name.replace("_", "-"): value for name, value in table.items()}.items() <= found.items()


@pytest.mark.parametrize("mode", MODES)
def test_what_warns_is_read_and_its_frame_is_seen(mode: str) -> None:
    """It has the same colour whatever the brand is."""
    found = variables(mode)

    for ground in ("sheet", "tint", "impact-tint"):
        assert colours.contrast(found["danger"], found[ground]) >= colours.TEXT_CONTRAST
    assert colours.contrast(found["on-danger"], found["danger"]) >= colours.TEXT_CONTRAST


@pytest.mark.parametrize("selector", ["input, textarea", "button.quiet"])
def test_fields_and_buttons_have_a_frame_that_is_seen(selector: str) -> None:
    """`edge` has a contrast of 3 to every ground: see newsletter/render/colours.py."""
    rule = re.search(rf"^{re.escape(selector)} \{{(.*?)\}}", SHEET, re.MULTILINE | re.DOTALL)

    assert rule
    assert re.search(r"border(?:-color)?: (?:1px solid )?var\(--edge\)", rule[1])
