"""What the packaged themes must not hold, for mrml accepts it in silence and gets it wrong."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.render import packaged_templates
from newsletter.render.compile import INLINE_MARK

TEMPLATES = packaged_templates()
MJML = sorted(TEMPLATES.glob("*/*.mjml.j2"))
SHEETS = sorted(TEMPLATES.glob("*/*.css"))
MARKED = rf"{re.escape(INLINE_MARK)}|\{{% include \"digest/style.css\" %\}}"
INLINED = [path for path in SHEETS if re.search(MARKED, path.read_text("utf-8"))]
THEMES = sorted(TEMPLATES.glob("*/theme.toml"))
COMPONENTS = frozenset(
    "mjml mj-head mj-body mj-title mj-attributes mj-all mj-class mj-raw mj-style mj-section "
    "mj-column mj-wrapper mj-group mj-text mj-image mj-button mj-divider mj-spacer mj-table".split()
)
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<(mj[\w-]*)((?:\s+[\w:-]+=\"[^\"]*\")*)\s*/?>")
_ATTRIBUTE = re.compile(r"([\w:-]+)=\"([^\"]*)\"")
_SHORT_HEX = re.compile(r"#[0-9a-fA-F]{3}(?![0-9a-fA-F])")

each_mjml = pytest.mark.parametrize(
    "path", MJML, ids=lambda path: f"{path.parent.name}/{path.name}"
)
each_sheet = pytest.mark.parametrize(
    "path", SHEETS, ids=lambda path: f"{path.parent.name}/{path.name}"
)


def components(path: Path) -> Iterator[tuple[str, str, str]]:
    """Each attribute of each MJML component as (component, attribute, value)."""
    source = _EXPRESSION.sub("{{}}", _JINJA.sub("", path.read_text("utf-8")))
    for tag in _TAG.finditer(source):
        yield tag[1], "", ""
        for attribute in _ATTRIBUTE.finditer(tag[2]):
            yield tag[1], attribute[1], attribute[2]


def test_there_are_templates_to_look_at() -> None:
    assert MJML
    assert SHEETS
    assert THEMES
    assert sum(1 for path in MJML for _ in components(path)) > 20


@each_mjml
def test_every_padding_carries_its_unit(path: Path) -> None:
    """From `0 24px` mrml makes a width of 600 instead of 552, and from a percentage too."""
    wrong = [
        (component, name, value)
        for component, name, value in components(path)
        if "padding" in name and not re.fullmatch(r"(\d+px)( \d+px){0,3}", value)
    ]

    assert wrong == []


@each_mjml
def test_every_length_carries_its_unit(path: Path) -> None:
    lengths = ("width", "height", "font-size", "border-radius")
    wrong = [
        (component, name, value)
        for component, name, value in components(path)
        if name in lengths and not re.fullmatch(r"(\d+(\.\d+)?|\{\{\}\})(px|%)", value)
    ]

    assert wrong == []


@each_mjml
def test_every_component_is_one_that_mrml_renders_right(path: Path) -> None:
    """It keeps unknown ones as they are, includes no file, and gets mj-hero wrong."""
    assert {component for component, _, _ in components(path)} <= COMPONENTS


@each_mjml
def test_no_sheet_relies_on_mrml_to_inline_it(path: Path) -> None:
    """It writes `<mj-style inline="inline">` as an ordinary sheet."""
    assert [found for found in components(path) if found[0] == "mj-style" and found[1]] == []


@each_mjml
def test_no_component_has_two_classes_of_attributes(path: Path) -> None:
    """Of two the first wins in mrml, the last in MJML."""
    classes = [value for _, name, value in components(path) if name == "mj-class"]

    assert [value for value in classes if len(value.split()) > 1] == []


@each_mjml
def test_no_colour_of_a_component_has_three_digits(path: Path) -> None:
    """Outlook's bgcolor and VML need six; MJML would write them out, mrml does not."""
    assert [found for found in components(path) if _SHORT_HEX.search(found[2])] == []


@pytest.mark.parametrize("path", THEMES, ids=lambda path: path.parent.name)
def test_no_colour_of_a_theme_has_three_digits(path: Path) -> None:
    """They stand in components and sheets alike."""
    settings = tomllib.loads(path.read_text("utf-8"))
    colours = [*settings["colours"].values(), *settings["dark"].values()]

    assert colours
    assert [c for c in colours if not re.fullmatch(r"#[0-9a-f]{6}", c)] == []


@each_mjml
def test_no_comment_reveals_itself_to_old_browsers(path: Path) -> None:
    """premailer turns `<![if !mso]>` into a comment that never ends."""
    assert "<![if" not in path.read_text("utf-8")


@each_mjml
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    """A mail asks no other host for anything but the pictures of its issue."""
    assert not re.search(r"<link|<script|mj-font|https?://", path.read_text("utf-8"))


@each_sheet
def test_no_sheet_loads_another_or_a_font(path: Path) -> None:
    assert not re.search(r"@import|@font-face|url\(", path.read_text("utf-8"))


@each_sheet
def test_no_colour_is_written_as_old_mail_programs_drop_it(path: Path) -> None:
    """`rgb(0 0 0 / 50%)` is discarded in silence for an earlier colour."""
    assert not re.search(r"(?:rgb|hsl|hwb|lab|lch|color)a?\(", path.read_text("utf-8"))


@pytest.mark.parametrize("path", INLINED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_to_be_inlined_is_important(path: Path) -> None:
    """Inlined, it would beat dark mode; and what is to be inlined holds no media queries."""
    sheet = _JINJA.sub("", path.read_text("utf-8"))

    assert "!important" not in sheet
    assert "@" not in sheet


def test_every_theme_has_one_sheet_to_inline() -> None:
    """Its own, or that of the theme which it extends below its own rules."""
    for theme in {path.parent for path in MJML if path.name == "email.mjml.j2"}:
        marked = [p.name for p in theme.glob("*.css") if re.search(MARKED, p.read_text("utf-8"))]

        assert marked == ["style.css"], theme
