"""`[brand]` made ready: the logo as a picture that readers get, the accent in a theme."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from newsletter import config
from newsletter.errors import ConfigurationError
from newsletter.model.finding import Severity
from newsletter.model.picture import Picture, PictureResult
from newsletter.pictures import PictureFolder, inks
from newsletter.project import Project
from newsletter.render import Logo, Theme, colours

LOGO_WIDTH, LOGO_HEIGHT = 240, 64  # CSS pixels at most, in a mail and on a page
_PROJECT_FOLDER = "the project's folder"
_OF_THE_WORLD_HEIGHT = 48  # of a logo on another site, whose size is not known
_NIGHT = "#1f1d1b"  # roughly the ground of a logo in dark mode
_LOST = 2.0  # a contrast below which a shape is hardly seen
_TOO_MUCH_LOST = 0.2  # of what is seen of a logo by day


@dataclass(frozen=True, slots=True)
class Brand:
    """`pictures` are those that must be published for the logo to be seen, `files` what they were
    made of: one, or none."""

    logo: Logo | None = None
    pictures: tuple[Picture, ...] = ()
    files: tuple[Path, ...] = ()


def brand_of(project: Project) -> Brand:
    """The brand of a project. Raises ConfigurationError for a logo that cannot be shown."""
    wish = project.settings.brand
    if not wish.logo:
        return Brand()
    if wish.logo_is_address:
        return Brand(Logo(wish.logo, None, _OF_THE_WORLD_HEIGHT))
    logo, folder = _scaled(wish.logo, project.root, project.settings.pictures_url)
    for problem in logo.problems:
        if problem.severity is Severity.ERROR:
            raise ConfigurationError(
                problem.message, where=place_of(project, "logo"), hint=problem.fix
            )
    is_dark = any(_is_lost_at_night(picture.content) for picture in folder.pictures)
    shown = Logo(logo.url or "", logo.width, logo.height, is_dark)
    return Brand(shown, folder.pictures, folder.files)


def _scaled(file: str, root: Path, base_url: str) -> tuple[PictureResult, PictureFolder]:
    """The logo, no wider and no higher than there is room."""
    of_the_project = root / config.FILE_NAME
    folder = PictureFolder(of_the_project, root, base_url, _PROJECT_FOLDER)
    logo = folder.find(file, LOGO_WIDTH)
    if logo.height > LOGO_HEIGHT:
        width = max(1, logo.width * LOGO_HEIGHT // logo.height)
        folder = PictureFolder(of_the_project, root, base_url, _PROJECT_FOLDER)
        logo = folder.find(file, width)
    return logo, folder


@lru_cache(maxsize=8)
def _is_lost_at_night(content: bytes) -> bool:
    counts = inks(content)
    lost = sum(count for ink, count in counts.items() if colours.contrast(ink, _NIGHT) < _LOST)
    return lost > _TOO_MUCH_LOST * sum(counts.values())


def branded(theme: Theme, project: Project) -> Theme:
    """A theme in the accent of the brand. Raises ConfigurationError where that cannot be read."""
    accent = project.settings.brand.accent
    if not accent:
        return theme
    settings = dict(theme.settings)
    light = _table(settings, "colours")
    settings["colours"] = {**light, **accents(accent, light, place_of(project, "accent"))}
    if dark := _table(settings, "dark"):
        settings["dark"] = {**dark, **in_the_dark(accent, dark)}
    return replace(theme, settings=settings)


def accents(accent: str, light: Mapping[str, str], place: str) -> dict[str, str]:
    """The accent and what stands on it. Raises ConfigurationError that names both colours where one
    of them cannot be read on its ground."""
    colours_of_accent = {"accent": accent, "on_accent": colours.readable_on(accent)}
    for pair in colours.faint({**light, **colours_of_accent}):
        if pair.name == "accent":
            raise ConfigurationError(
                f"{accent} on {light[pair.ground]} ({pair.ground}) has {pair}",
                where=place,
                hint="Choose a darker accent; docs/settings.md says where it stands.",
            )
    return colours_of_accent


def in_the_dark(accent: str, dark: Mapping[str, str]) -> dict[str, str]:
    """The accent as it reads on a dark ground, and what stands on it."""
    there = colours.in_the_dark("accent", accent, dark)
    return {"accent": there, "on_accent": colours.readable_on(there)}


def place_of(project: Project, key: str) -> str:
    """Where a key of `[brand]` was written: a variable, or `file:line`."""
    if variable := config.variable_of(["brand", key]):
        return variable
    path = project.root / config.FILE_NAME
    try:
        line = config.line_of(["brand", key], path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        line = None
    return f"{project.name_of(path)}:{line}" if line else f"brand.{key}"


def _table(settings: Mapping[str, object], name: str) -> dict[str, str]:
    table = settings.get(name, {})
    return {str(key): str(value) for key, value in table.items()} if isinstance(table, dict) else {}
