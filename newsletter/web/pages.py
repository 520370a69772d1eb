"""Templates of the public pages -> HTML: escaped, strict, without anything from elsewhere."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from newsletter.config import NewsletterSettings
from newsletter.languages import direction, fill
from newsletter.web.look import Look

_PROBLEMS = (400, 404, 405, 413, 429, 503)
_RETRY_AFTER = {429: "3600", 503: "30"}  # seconds


class Pages:
    """The pages of one newsletter; `texts` are their words in its language."""

    def __init__(
        self, newsletter: NewsletterSettings, texts: Mapping[str, str], look: Look | None = None
    ) -> None:
        self.look = look or Look()
        self._environment = Environment(
            loader=PackageLoader("newsletter.web"),
            autoescape=True,
            auto_reload=False,  # it would check the files of a page each time
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["fill"] = fill
        self._environment.filters["direction"] = direction
        self._environment.globals["newsletter"] = newsletter
        self._environment.globals["t"] = texts
        self._environment.globals["look"] = self.look
        # A site may lie below a path of its host, which the proxy before it takes away.
        self._environment.globals["base"] = urlsplit(newsletter.base_url).path

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of `templates/`; it must not be cached, since it may be about one reader."""
        return HTMLResponse(self.html(template, **values), status, {"Cache-Control": "no-store"})

    def html(self, template: str, **values: Any) -> str:
        """A template as text; `values` win over what all pages share."""
        return self._environment.get_template(template).render(values)

    def problem(self, status: int) -> HTMLResponse:
        """The page of an error; those without words of their own share the ones of 400 and 503."""
        code = status if status in _PROBLEMS else 503 if status >= 500 else 400
        page = self.page("problem.html", status=status, code=code)
        if status in _RETRY_AFTER:
            page.headers["Retry-After"] = _RETRY_AFTER[status]
        return page
