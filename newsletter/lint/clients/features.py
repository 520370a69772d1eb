"""What the HTML of a mail uses, by the names of caniemail.com."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from newsletter.lint.styles import Declaration, declarations, rules

Uses = Mapping[str, str]  # a piece of the mail for each feature that it uses

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SHEET = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_TAG = re.compile(r"""<([a-z][a-z0-9]*)((?:\s+[\w:-]+(?:=(?:"[^"]*"|'[^']*'))?)*)\s*/?>""")
_ATTRIBUTE = re.compile(r"""\s([\w:-]+)(?:=(?:"([^"]*)"|'([^']*)'))?""")
_LENGTH = re.compile(r"(?<![\w#.-])-?\d*\.?\d+([a-z]{1,4}|%)", re.IGNORECASE)
_FUNCTION = re.compile(r"([a-z-]+)\(", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|url\([^)]*\)")
_PSEUDO = re.compile(r"::?([a-z-]+)")

_ELEMENTS = {
    **dict.fromkeys(("ul", "ol", "dl"), "html-lists"),
    **{f"h{level}": "html-h1-h6" for level in range(1, 7)},
    **dict.fromkeys(
        "article aside details figcaption figure footer header main mark nav section summary "
        "time".split(),
        "html-semantics",
    ),
    "map": "html-image-maps",
    "address": "html-address",
    "s": "html-strike",
}
_ALSO_ELEMENTS = ("form", "span", "style")  # names of attributes that are those of elements, too
_PROPERTIES = {
    **dict.fromkeys(("column-gap", "row-gap"), "css-gap"),
    **dict.fromkeys(("left", "right", "top", "bottom"), "css-left-right-top-bottom"),
    **dict.fromkeys(("inline-size", "block-size"), "css-block-inline-size"),
    **dict.fromkeys(("border-inline", "border-block"), "css-border-inline-block"),
    **dict.fromkeys(("margin-inline", "margin-block"), "css-margin-inline-block"),
    **dict.fromkeys(("padding-inline", "padding-block"), "css-padding-inline-block"),
    **{
        f"{kind}-{axis}-{end}": f"css-{kind}-{axis}-start-end"
        for kind in ("margin", "padding")
        for axis in ("inline", "block")
        for end in ("start", "end")
    },
    **{
        f"border-{a}-{b}-radius": "css-border-radius-logical"
        for a in ("start", "end")
        for b in ("start", "end")
    },
    **{f"grid-template{part}": "css-grid-template" for part in ("", "-areas", "-columns", "-rows")},
    **{f"scroll-snap{part}": "css-scroll-snap" for part in ("-type", "-align", "-stop")},
    **{
        f"column{part}": "css-column-layout-properties"
        for part in ("s", "-width", "-rule", "-span")
    },
}
_VALUES = {
    ("display", "flex"): "css-display-flex",
    ("display", "inline-flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid",
    ("display", "none"): "css-display-none",
}
_FUNCTIONS = {
    "calc": "css-unit-calc",
    "var": "css-variables",
    "light-dark": "css-function-light-dark",
    **{name: f"css-function-{name}" for name in ("clamp", "max", "min")},
    **{f"{kind}-gradient": f"css-{kind}-gradient" for kind in ("linear", "radial", "conic")},
    **dict.fromkeys(
        ("oklch", "oklab", "lch", "lab", "color", "color-mix", "hwb"), "css-modern-color"
    ),
    **{name: f"css-{name}" for name in ("rgb", "rgba")},
}
_UNITS = {
    "%": "css-unit-percent",
    **{
        unit: f"css-unit-{unit}"
        for unit in "ch cm em ex in mm pc pt px rem vh vmax vmin vw".split()
    },
}
_MEDIA = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
    "hover": "css-at-media-hover",
    "orientation": "css-at-media-orientation",
    "device-pixel-ratio": "css-at-media-device-pixel-ratio",
}
_COMBINATORS = (
    (">", "child"),
    ("+", "adjacent-sibling"),
    ("~", "general-sibling"),
    ("[", "attribute"),
)
_FORMATS = {
    **{name: name for name in ("apng", "avif", "bmp", "gif", "ico", "mp4", "png", "svg", "webp")},
    **dict.fromkeys(("jpg", "jpeg"), "jpg"),
    **dict.fromkeys(("heic", "heif"), "heif"),
    **dict.fromkeys(("tif", "tiff"), "tiff"),
}


def features(html: str, known: Iterable[str]) -> Uses:
    """The features of `known` that a mail uses, those in comments for Outlook left out."""
    names = frozenset(known)
    uses: dict[str, str] = {}
    for name, piece in _features(_COMMENT.sub("", html)):
        if name in names:
            uses.setdefault(name, piece)
    return uses


def picture_feature(url: str) -> str | None:
    """The format that the address of a picture names."""
    if url.startswith("data:"):
        return "image-base64"
    kind = urlsplit(url).path.rpartition(".")[2].lower()
    return f"image-{_FORMATS[kind]}" if kind in _FORMATS else None


def link_feature(url: str) -> str | None:
    """What a mail program needs to follow an address that is none of the web."""
    if url.startswith("#"):
        return "html-anchor-links"
    return "html-mailto-links" if url.startswith("mailto:") else None


def _features(html: str) -> Iterator[tuple[str, str]]:
    for sheet in _SHEET.findall(html):
        yield "html-style", "<style>"
        yield from _of_sheet(sheet)
    seen = set()
    for tag in _TAG.finditer(_SHEET.sub(" ", html)):
        if (written := tag[0]) not in seen:
            seen.add(written)
            yield from _of_tag(tag[1], tag[2])


def _of_tag(tag: str, attributes: str) -> Iterator[tuple[str, str]]:
    piece = f"<{tag}>"
    yield _ELEMENTS.get(tag, f"html-{tag}"), piece
    for name, double, single in _ATTRIBUTE.findall(attributes):
        value = double or single
        if name not in _ALSO_ELEMENTS:
            yield f"html-{name}", f"{name}= in {piece}"
        match tag, name:
            case _, "style":
                yield from _of_style(value)
            case "a", "href":
                yield link_feature(value) or "", f"href={value}"
            case "img", "src":
                yield picture_feature(value) or "", f"src={value}"
            case "img" | "source", "sizes":
                yield "html-srcset", f"sizes={value}"
            case "img", "usemap":
                yield "html-image-maps", f"usemap={value}"
            case "meta", "name" if value == "color-scheme":
                yield "html-meta-color-scheme", "<meta name=color-scheme>"
            case "input" | "button", "type":
                yield f"html-{tag}-{value}", f"<{tag} type={value}>"
            case _:
                pass


@lru_cache(maxsize=1024)
def _of_style(style: str) -> tuple[tuple[str, str], ...]:
    return tuple(found for each in declarations(style) for found in _of_declaration(each))


@lru_cache(maxsize=32)
def _of_sheet(sheet: str) -> tuple[tuple[str, str], ...]:
    return tuple(_of_rules(sheet))


def _of_rules(sheet: str) -> Iterator[tuple[str, str]]:
    for name in ("font-face", "import", "keyframes"):
        if f"@{name}" in sheet:
            yield f"css-at-{name}", f"@{name}"
    for rule in rules(sheet):
        for condition in rule.conditions:
            kind = condition[1:].partition(" ")[0].partition("(")[0]
            yield f"css-at-{kind}", condition
            for name, feature in _MEDIA.items():
                if kind == "media" and name in condition:
                    yield feature, condition
        for selector in rule.selectors:
            yield from _of_selector(selector)
        for each in rule.declarations:
            yield from _of_declaration(each)


def _of_selector(selector: str) -> Iterator[tuple[str, str]]:
    for sign, name in _COMBINATORS:
        if sign in selector:
            yield f"css-selector-{name}", selector
    for name in _PSEUDO.findall(selector):
        yield f"css-pseudo-class-{name}", selector
        yield f"css-pseudo-element-{name}", selector


def _of_declaration(each: Declaration) -> Iterator[tuple[str, str]]:
    name, value = each.name, each.value
    piece = f"{name}: {value}"
    yield _PROPERTIES.get(name, f"css-{name}"), piece
    if feature := _VALUES.get((name, value.lower())):
        yield feature, piece
    if each.important:
        yield "css-important", f"{piece} !important"
    plain = _QUOTED.sub("", value)
    for function in _FUNCTION.findall(plain):
        if feature := _FUNCTIONS.get(function.lower()):
            yield feature, piece
    for unit in _LENGTH.findall(plain):
        if feature := _UNITS.get(unit.lower()):
            yield feature, piece
    if name == "font-family" and re.search(r"\b(?:system-ui|ui-[a-z-]+)\b", plain):
        yield "css-sytem-ui", piece
