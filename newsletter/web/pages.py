"""Templates of the public pages -> HTML: escaped, strict, without anything from elsewhere."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from newsletter.config import NewsletterSettings


class Pages:
    """The pages of one newsletter; `texts` are their words in its language."""

    def __init__(self, newsletter: NewsletterSettings, texts: Mapping[str, str]) -> None:
        self._environment = Environment(
            loader=PackageLoader("newsletter.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["newsletter"] = newsletter
        self._environment.globals["t"] = texts

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of `templates/`; nobody may keep a copy, for it may be about one reader."""
        html = self._environment.get_template(template).render(values)
        return HTMLResponse(html, status, {"Cache-Control": "no-store"})
