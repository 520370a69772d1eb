"""The brand as the public pages show it, and the mails that they cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from newsletter.desk.brand import Brand, accents, in_the_dark, place_of
from newsletter.project import Project
from newsletter.render import Logo

_LIGHT = {"sheet": "#ffffff", "tint": "#f7f4ee"}  # the grounds of static/style.css
_DARK = {"sheet": "#1f1d1b", "tint": "#292623"}


@dataclass(frozen=True, slots=True)
class Look:
    """`logo_name` is that of a logo which this very site serves; `light` and `dark` are the colours
    `accent` and `on_accent`, empty where they are those of the style sheet."""

    logo: Logo | None = None
    logo_name: str = ""
    description: str = ""
    author: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    light: Mapping[str, str] = field(default_factory=dict)
    dark: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, brand: Brand) -> Self:
        """Raises ConfigurationError for an accent that cannot be read on a page."""
        wish, kind = project.settings.brand, project.settings.media.kind
        served = brand.pictures if kind == "site" else ()
        accent = wish.accent
        return cls(
            logo=brand.logo,
            logo_name=served[0].name if served else "",
            description=wish.description,
            author=wish.author,
            links=wish.links,
            light=accents(accent, _LIGHT, place_of(project, "accent")) if accent else {},
            dark=in_the_dark(accent, _DARK) if accent else {},
        )

    @property
    def style(self) -> str:
        """The rules that come after those of the style sheet."""
        if not self.light:
            return ""
        light, dark = (
            f":root {{ --accent: {colours['accent']}; --on-accent: {colours['on_accent']}; }}"
            for colours in (self.light, self.dark)
        )
        return f"\n{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"
