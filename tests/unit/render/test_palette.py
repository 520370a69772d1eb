"""Colours of a theme: names that are known, texts that can be read, dark ones made of light."""

import itertools
import tomllib
from pathlib import Path

import pytest

from newsletter.errors import RenderError
from newsletter.render import colours, load_theme, packaged_templates
from tests.unit.render.rendering import issue, mail, own_theme, rendered

PACKAGED = tomllib.loads((packaged_templates() / "digest" / "theme.toml").read_text("utf-8"))
BLOCKS = ("insight", "impact", "neutral")
BOXES = ("sheet", "tint", *(f"{name}_tint" for name in BLOCKS))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#a8321f", "#a8321f", 1.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert colours.contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert colours.contrast(other, one) == colours.contrast(one, other)


@pytest.mark.parametrize("path", sorted(packaged_templates().glob("*/theme.toml")), ids=str)
@pytest.mark.parametrize("palette", ["colours", "dark"])
def test_every_text_and_bar_of_a_packaged_theme_stands_out(path: Path, palette: str) -> None:
    assert list(colours.faint(tomllib.loads(path.read_text("utf-8")).get(palette, {}))) == []


@pytest.mark.parametrize("palette", ["colours", "dark"])
@pytest.mark.parametrize(
    ("name", "ground", "wanted"),
    [
        *((name, box, 4.5) for name in ("ink", "soft", "accent") for box in BOXES),
        ("soft", "paper", 4.5),
        ("on_accent", "accent", 4.5),
        *((name, f"{name}_tint", 4.5) for name in BLOCKS),
        *((name, ground, 3.0) for name in BLOCKS for ground in ("sheet", "tint")),
        *(("edge", box, 3.0) for box in BOXES),
        ("accent", "paper", 3.0),
    ],
)
def test_what_stands_on_a_ground_is_compared_with_it(
    palette: str, name: str, ground: str, wanted: float
) -> None:
    """Text with 4.5, bars, frames and rings of focus with 3: so much and no more."""
    on_ground = PACKAGED[palette][ground]
    shades = [f"#{shade:02x}{shade:02x}{shade:02x}" for shade in range(256)]
    above = [shade for shade in shades if colours.contrast(shade, on_ground) >= wanted]
    below = [shade for shade in shades if colours.contrast(shade, on_ground) < wanted]

    for shade, is_faint in ((nearest(above, on_ground), False), (nearest(below, on_ground), True)):
        pairs = colours.faint({name: shade, ground: on_ground})
        assert [(pair.name, pair.ground, pair.required) for pair in pairs] == [
            (name, ground, wanted)
        ] * is_faint


def nearest(shades: list[str], ground: str) -> str:
    """Of shades on one side of a contrast, the one at its border."""
    by_contrast = sorted(shades, key=lambda shade: colours.contrast(shade, ground))
    return by_contrast[-1] if ground in shades else by_contrast[0]


@pytest.mark.parametrize("name", ["accent", "edge", "ink", "soft"])
def test_every_colour_of_the_cube_stands_out_in_the_dark(name: str) -> None:
    """On the dark sheet and in its boxes; and so do the words of a button, in either light."""
    dark = PACKAGED["dark"]
    for parts in itertools.product(range(0, 256, 51), repeat=3):
        light = "#{:02x}{:02x}{:02x}".format(*parts)
        there = colours.in_the_dark(name, light, dark)

        assert [pair for pair in colours.faint({**dark, name: there}) if pair.name == name] == []
        for ground in (light, there):
            assert colours.contrast(colours.readable_on(ground), ground) >= colours.TEXT_CONTRAST


@pytest.mark.parametrize(
    ("settings", "line", "words"),
    [
        ('[colors]\nink = "#000000"\n', 1, ("unknown key colors", "colours")),
        ('[colours]\nacent = "#a8321f"\n', 2, ("unknown key colours.acent", "accent")),
        ('\n[dark]\nsheat = "#000000"\n', 3, ("unknown key dark.sheat", "sheet")),
        ('[fonts]\nserrif = "Georgia"\n', 2, ("unknown key fonts.serrif", "serif")),
        ('[colours]\naccent = "red"\n', 2, ("colours.accent is not a colour", "six digits")),
        ('[colours]\naccent = "#a83"\n', 2, ("colours.accent is not a colour", "six digits")),
        ("[colours]\naccent = 7\n", 2, ("colours.accent is not a colour", "six digits")),
        ("colours = 7\n", 1, ("colours is not a table",)),
        (
            '[colours]\naccent = "#999999"\n',
            2,
            ("accent #999999 on sheet #ffffff", "contrast of 2.85", "4.5"),
        ),
        ('[dark]\nsoft = "#555555"\n', 2, ("dark: soft #555555 on paper #141311", "4.5")),
        ('[colours]\nsheet = "#222222"\n', 2, ("ink #22201d on sheet #222222", "4.5")),
        (
            '[colours]\nedge = "#cccccc"\n',
            2,
            ("edge #cccccc on sheet #ffffff", "contrast of 1.61", "bars and frames want 3"),
        ),
        ('[dark]\nedge = "#333333"\n', 2, ("dark: edge #333333 on sheet #1f1d1b", "want 3")),
    ],
)
def test_a_fault_is_an_error_with_its_line_and_what_was_meant(
    tmp_path: Path, settings: str, line: int, words: tuple[str, ...]
) -> None:
    with pytest.raises(RenderError) as caught:
        own_theme(tmp_path, {"theme.toml": settings})

    error = caught.value
    assert error.where == f"{tmp_path / 'digest' / 'theme.toml'}:{line}"
    assert all(word in f"{error.message} {error.hint}" for word in words)
    assert error.hint


def test_a_theme_of_its_own_names_its_colours_as_it_likes(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "theme.toml").write_text('greeting = "Hi"\n[colours]\nteal = "#008080"\n')

    assert load_theme("plain", [tmp_path]).settings["colours"] == {"teal": "#008080"}


def test_a_light_colour_without_a_dark_one_gets_one_that_reads(tmp_path: Path) -> None:
    own = '[colours]\naccent = "#1a4fa0"\ntint = "#eef3fb"\n'

    theme = own_theme(tmp_path, {"theme.toml": own})

    dark = theme.settings["dark"]
    assert dark["accent"] != PACKAGED["dark"]["accent"]
    assert dark["ink"] == PACKAGED["dark"]["ink"]
    assert colours.contrast(dark["tint"], "#000000") < 3  # a ground grows dark
    assert list(colours.faint(dark)) == []
    assert dark["accent"] in mail(rendered(issue("Text.\n"), theme)).html


def test_a_dark_colour_that_is_given_stays(tmp_path: Path) -> None:
    own = '[colours]\naccent = "#1a4fa0"\n[dark]\naccent = "#9cc0ee"\n'

    theme = own_theme(tmp_path, {"theme.toml": own})

    assert theme.settings["dark"]["accent"] == "#9cc0ee"
