"""Templates and words of the studio -> pages, in the language that a browser asks for."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from newsletter import __version__

LANGUAGES = ("en", "zh")


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    words = words_for(request.headers.get("accept-language", ""))
    html = (
        _environment()
        .get_template(template)
        .render(
            t=words,
            nonce=request.state.nonce,
            rights=request.state.rights,
            version=__version__,
            **values,
        )
    )
    return HTMLResponse(html, status)


def words_for(accepted: str) -> Mapping[str, str]:
    """The words in the first language of an Accept-Language header that there are words for."""
    for choice in accepted.lower().split(","):
        language = choice.partition(";")[0].strip().partition("-")[0]
        if language in LANGUAGES:
            return words(language)
    return words(LANGUAGES[0])


@cache
def words(language: str) -> Mapping[str, str]:
    text = files("newsletter.studio").joinpath("words", f"{language}.toml").read_text("utf-8")
    return {"language": language, **tomllib.loads(text)}


def sentence(line: str) -> str:
    """A line of an alarm or of a reason as a sentence, which stands beside others."""
    return f"{line[:1].upper()}{line[1:].rstrip('.')}." if line else ""


def number(value: float) -> str:
    return f"{value:,}"


def share(value: float) -> str:
    """`42.7%`, `50%`."""
    return f"{value:.1%}".replace(".0%", "%")


def duration(seconds: float, language: str) -> str:
    """`40 sec`, `12 min`, `3 hr`."""
    from babel.dates import format_timedelta

    span = dt.timedelta(seconds=max(1.0, seconds))
    return format_timedelta(
        span, granularity="second", threshold=1.5, format="short", locale=language
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("newsletter.studio"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, share=share, duration=duration)
    return environment
