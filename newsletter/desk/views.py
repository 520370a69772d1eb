"""A finished mail as other programs show it: approximations for the eye, which prove nothing.

What clients do is taken from the data of caniemail.com and from what is known of Word's engine:
https://www.caniemail.com/clients/outlook/. Each function takes the HTML of a mail and returns HTML
that an ordinary browser shows that way.
"""

import colorsys
import re
from collections.abc import Callable
from enum import StrEnum

from newsletter import contrast


class ColourMode(StrEnum):
    """How a client colours a mail."""

    LIGHT = "light"
    DARK = "dark"  # as the mail itself wishes
    FORCED = "forced"  # recoloured by the client, whatever the mail wishes


_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[a-z][^>]*>", re.IGNORECASE)
_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
_ALWAYS, _NEVER = "(min-width:0)", "(max-width:0)"
_SCHEME = re.compile(
    r"(color-scheme:\s*|name=\"(?:supported-)?color-schemes?\" content=\")light dark"
)
_MSO = re.compile(r"<!--\[if [^\]]*mso[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_NOT_MSO = re.compile(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", re.DOTALL)
_NOSCRIPT = re.compile(r"<noscript>.*?</noscript>", re.DOTALL)
_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_PICTURE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SOURCE = re.compile(r"""\s(?:src|srcset)=(?:"[^"]*"|'[^']*')""", re.IGNORECASE)
_WIDTH = re.compile(r"""\swidth="(\d+)(?:px)?\"""", re.IGNORECASE)
_STYLES_OF_TAG = re.compile(r"""\sstyle=("[^"]*"|'[^']*')""", re.IGNORECASE)
_GROUND = re.compile(r"""\sbgcolor="[^"]*\"""", re.IGNORECASE)
_HEX = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_RGB = re.compile(r"rgba?\(\s*(\d+)[,\s]+(\d+)[,\s]+(\d+)")
_DARKEST, _LIGHTEST = 0.09, 0.93  # the lightness of what was white and black, as clients have it

_WORD = (
    "<style>div,p,a,pre,blockquote,ul,ol,li,h1,h2,h3,h4,span{padding:0!important;"
    "max-width:none!important;border-radius:0!important;text-wrap:wrap!important}"
    "table,td,a,img{border-radius:0!important}div{display:block!important;width:auto!important}"
    "a{display:inline!important}img{max-width:none!important}</style>"
)


def coloured(html: str, look: ColourMode) -> str:
    """The mail in light or dark mode, whatever mode the browser is in."""
    match look:
        case ColourMode.LIGHT:
            return _with_scheme(html, "light", prefers="light")
        case ColourMode.DARK:
            return _with_scheme(html, "dark", prefers="dark")
        case ColourMode.FORCED:
            return _forced(_with_scheme(html, "dark", prefers="light"))


def _with_scheme(html: str, scheme: str, prefers: str) -> str:
    def told(place: re.Match[str]) -> str:
        asked = _PREFERS.sub(lambda ask: _ALWAYS if ask[1] == prefers else _NEVER, place[0])
        return _SCHEME.sub(rf"\g<1>{scheme}", asked)

    return _outside_words(html, told)


def _outside_words(html: str, change: Callable[[re.Match[str]], str]) -> str:
    """Style sheets and tags changed: an issue may be about CSS, and its words stay."""
    return _TAG.sub(change, _STYLE.sub(change, html))


def _forced(html: str) -> str:
    """Each colour with its lightness turned over, as apps do to mails that have no dark mode.

    Pictures stay as they are. A mail that names no ground is white, so it gets one.
    """
    html = _STYLE.sub(lambda style: _recoloured(style[0]), html)
    html = _TAG.sub(lambda tag: _STYLES_OF_TAG.sub(_recoloured_part, tag[0]), html)
    html = _TAG.sub(lambda tag: _GROUND.sub(_recoloured_part, tag[0]), html)
    ground, ink = _turned(1.0, 1.0, 1.0), _turned(0.0, 0.0, 0.0)
    return _into_head(html, f"<style>html{{background:{ground};color:{ink}}}</style>")


def _recoloured_part(part: re.Match[str]) -> str:
    return _recoloured(part[0])


def _recoloured(css: str) -> str:
    css = _HEX.sub(lambda colour: _turned(*_parts(colour[0])), css)
    return _RGB.sub(lambda colour: colour[0][: colour[0].index("(") + 1] + _as_numbers(colour), css)


def _as_numbers(colour: re.Match[str]) -> str:
    red, green, blue = (min(int(part), 255) / 255 for part in colour.groups())
    return ",".join(str(int(part * 255)) for part in _parts(_turned(red, green, blue)))


def _parts(colour: str) -> tuple[float, float, float]:
    digits = colour.removeprefix("#")
    return contrast.parts("".join(2 * digit for digit in digits) if len(digits) == 3 else digits)


def _turned(red: float, green: float, blue: float) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    lightness = _DARKEST + (1 - lightness) * (_LIGHTEST - _DARKEST)
    return contrast.written(*colorsys.hls_to_rgb(hue, lightness, saturation * 0.8))


def without_pictures(html: str) -> str:
    """As where pictures are not loaded: what they say stands in their places."""
    return _PICTURE.sub(lambda tag: _SOURCE.sub("", tag[0]), html)


def without_styles(html: str) -> str:
    """As where `<style>` is dropped, as by Gmail for others' addresses: what was inlined stays."""
    return _STYLE.sub("", html)


def in_outlook(html: str) -> str:
    """Roughly as Outlook for Windows lays it out: padding of table cells only, no media queries, no
    rounded corners, no `max-width`, pictures as wide as their attribute says."""
    html = _NOSCRIPT.sub("", _MSO.sub(r"\1", _NOT_MSO.sub("", html)))
    html = _STYLE.sub(lambda style: _MEDIA.sub("", style[0]), html)
    html = _PICTURE.sub(lambda tag: _as_wide_as_said(tag[0]), html)
    return _into_head(html, _WORD)


def _as_wide_as_said(tag: str) -> str:
    width = _WIDTH.search(tag)
    if width is None:
        return tag
    fixed = f"width:{width[1]}px!important;max-width:none!important"
    bare = _STYLES_OF_TAG.sub(lambda style: f" style={style[1][:-1]};{fixed}{style[1][-1]}", tag, 1)
    return bare if bare != tag else f'<img style="{fixed}"{tag[4:]}'


def _into_head(html: str, element: str) -> str:
    return html.replace("</head>", f"{element}</head>", 1)
