"""The themes of a newsletter: which there are, a new one, and how each shows every block."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from newsletter.desk.languages import words_missing
from newsletter.desk.prepare import Prepared, blamed_on, prepare
from newsletter.desk.slugs import front_matter_of
from newsletter.errors import NewsletterError, Refused, RenderError, UsageError
from newsletter.files import made_whole, make_folder, write_whole
from newsletter.model.finding import Finding, Position
from newsletter.project import Project
from newsletter.render import Theme, load_theme, packaged_templates, theme_names
from newsletter.render.sandbox import Templates
from newsletter.scaffold import KITCHEN_SINK

_DAY = dt.date(2026, 11, 20)  # of the issue with every block
_MAIN = "email.mjml.j2"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_OWN_NAME = re.compile(r'^name\s*=\s*"[^"\n]*"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ThemeEntry:
    """A theme as a list shows it; `folder` is where it lies, the newsletter's own before that of
    the program. `fault` says why it cannot be used, if so."""

    name: str
    description: str
    folder: Path
    is_own: bool
    extends: str | None
    is_usual: bool
    issues: int
    fault: str | None = None


def search_of(project: Project) -> list[Path]:
    """The folders in which the themes of a newsletter are."""
    return [project.templates, packaged_templates()]


def load(project: Project, name: str | None) -> Theme:
    """A theme that a person named, else the usual one of the newsletter."""
    with blamed_on("--theme" if name else "newsletter.theme"):
        return load_theme(name or project.settings.newsletter.theme, search_of(project))


def entries(project: Project) -> list[ThemeEntry]:
    """All themes, by their names."""
    used = _used_by_issues(project)
    found = (_entry(project, name, used[name]) for name in theme_names(search_of(project)))
    return [entry for entry in found if entry]


def _entry(project: Project, name: str, issues: int) -> ThemeEntry | None:
    folders = [folder / name for folder in search_of(project) if (folder / name).is_dir()]
    is_own = folders[0].parent == project.templates
    is_usual = name == project.settings.newsletter.theme
    try:
        theme = load_theme(name, search_of(project))
    except (RenderError, UsageError) as error:
        fault = f"{error.where}: {error.message}"
        return ThemeEntry(name, "", folders[0], is_own, None, is_usual, issues, fault)
    if not any((folder / _MAIN).exists() for folder in theme.folders):
        return None  # a folder of something else
    extends = theme.bases[0][0] if theme.bases else None
    description = theme.description
    return ThemeEntry(name, description, folders[0], is_own, extends, is_usual, issues)


def _used_by_issues(project: Project) -> Counter[str]:
    """How many issues name which theme."""
    named = (front_matter_of(project, path, "theme") for path in project.readable_issue_files())
    return Counter(name for name in named if name)


def new_theme(project: Project, name: str, source: str) -> tuple[Path, ...]:
    """Copy a theme into the newsletter's `templates/` under another name; returns its files.

    Raises UsageError for a name that is none and for an unknown source, Refused where there is a
    theme or a folder of that name already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a theme",
            where="NAME",
            hint="Use lower-case letters, digits and hyphens, as in morning-edition.",
        )
    folder = project.templates / name
    if folder.exists() or name in theme_names(search_of(project)):
        raise Refused(
            f"there is a theme {name!r} already",
            where=str(folder if folder.exists() else packaged_templates() / name),
            hint="Nothing was changed. Choose another name.",
        )
    with blamed_on("--from"):
        theme = load_theme(source, search_of(project))
    contents = _contents(theme, name)
    try:
        with made_whole(folder) as stage:
            for path, content in contents.items():
                make_folder((stage / path).parent)
                write_whole(stage / path, content)
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}",
            where=str(folder),
            hint="Make room or give access, then run it again.",
        ) from error
    return tuple(folder / path for path in contents)


def _contents(theme: Theme, name: str) -> dict[str, bytes]:
    """The files of a copy. What the newsletter itself changes in the settings of a theme of the
    program stays where it is, and the copy extends it."""
    layers = [folder for folder in reversed(theme.folders) if folder in theme.own_folders]
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for folder in layers
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if sum((folder / "theme.toml").exists() for folder in layers) == 1:
        settings = contents["theme.toml"].decode()
    else:
        settings = f'extends = "{theme.name}"\n'
    line = f'name = "{name}"'
    named, count = _OWN_NAME.subn(line, settings, count=1)
    contents["theme.toml"] = (named if count else f"{line}\n{settings}").encode()
    return contents


def kitchen_sink(project: Project, name: str) -> Prepared:
    """The issue that has every block, in a theme. Raises UsageError for an unknown one."""
    return prepare(project, str(KITCHEN_SINK), theme=name, today=_DAY)


def check(project: Project, name: str) -> list[Finding]:
    """What is wrong with a theme: in its templates, used or not, in what becomes of every block,
    and in its words for the newsletter's language. Raises RenderError where it cannot be run."""
    theme = load_theme(name, search_of(project))
    Templates(theme).check()
    prepared = kitchen_sink(project, name)
    language = project.settings.newsletter.language
    words = words_missing(prepared.digest, theme, language, _place(theme))
    return [*prepared.findings, *words]


def _place(theme: Theme) -> Position:
    return Position(f"templates/{theme.name}/theme.toml", 1)


def names_or_all(project: Project, names: tuple[str, ...]) -> Iterator[str]:
    """The themes that are named, else all of them."""
    yield from names or (entry.name for entry in entries(project))
