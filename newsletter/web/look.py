"""The face of the public pages, and of the mails that they cause: the theme `digest`, in the brand.

A project's own theme is for its issues: a mistake in it must not keep anybody from leaving.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from newsletter.desk.brand import Brand, branded
from newsletter.project import Project
from newsletter.render import Logo, Theme, load_theme, packaged_templates


def _packaged() -> Theme:
    return load_theme("digest", [packaged_templates()])


@dataclass(frozen=True, slots=True)
class Look:
    """`logo_name` is that of a logo which this site serves itself."""

    theme: Theme = field(default_factory=_packaged)
    logo: Logo | None = None
    logo_name: str = ""
    description: str = ""
    author: str = ""
    links: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, brand: Brand) -> Self:
        """Raises ConfigurationError for an accent that cannot be read on a page."""
        wish, kind = project.settings.brand, project.settings.media.kind
        site_pictures = brand.pictures if kind == "site" else ()
        return cls(
            theme=branded(_packaged(), project),
            logo=brand.logo,
            logo_name=site_pictures[0].name if site_pictures else "",
            description=wish.description,
            author=wish.author,
            links=wish.links,
        )

    @property
    def light(self) -> Mapping[str, str]:
        return self._table("colours")

    @property
    def dark(self) -> Mapping[str, str]:
        return self._table("dark")

    @property
    def fonts(self) -> Mapping[str, str]:
        return self._table("fonts")

    def _table(self, name: str) -> Mapping[str, str]:
        table: Mapping[str, str] = self.theme.settings[name]
        return table

    @property
    def variables(self) -> str:
        """Colours and fonts, as a style sheet names them: `--on-accent`, `--serif`."""
        light, dark = _variables({**self.light, **self.fonts}), _variables(self.dark)
        return (
            f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        )


def _variables(table: Mapping[str, str]) -> str:
    return " ".join(f"--{name.replace('_', '-')}: {value};" for name, value in table.items())
