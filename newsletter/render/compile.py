"""MJML -> HTML with its styles inlined, past the traps of both libraries."""

import re
from functools import cache, lru_cache, partial

import mjml

from newsletter.errors import RenderError
from newsletter.render.inlining import inlined

# A style block that holds this comment is inlined; MJML's own and the responsive one stay as they
# are, since premailer would drop their @media and push the mail past Gmail's limit.
INLINE_MARK = "/* inline */"

# Serialised HTML: a bare < begins a tag, never a text, and values are quoted.
_ATTRIBUTE = re.compile(r"""\s+([\w:-]+)=("[^"]*"|'[^']*')""")
_TAG = re.compile(r"""(<[A-Za-z][\w:-]*)((?:\s+[\w:-]+(?:=(?:"[^"]*"|'[^']*'))?)*\s*/?)>""")

_SHEETS_KEPT = 32  # each mail has four; three of them are the same for all mails in its language
_STYLES_KEPT = 1024  # of tags: a theme has some dozens

_SLIMMED = re.compile(r"\s(?:data-premailer|class|style)=")

# Neighbouring comments for Outlook become one: mrml writes four between sections.
_OUTLOOK = re.compile(r"<!--\[if mso \| IE\]>(?>(.*?)<!\[endif\]-->)\s*", re.DOTALL)
_OUTLOOK_RUN = re.compile(f"{_OUTLOOK.pattern}(?:{_OUTLOOK.pattern})+", re.DOTALL)

_SHEET = re.compile(r"<style([^>]*)>(.*?)</style>", re.DOTALL)
# What cssutils, used by premailer, would fetch; an escape could hide its name.
_IMPORT = re.compile(r"@(?:import|[\w-]*\\)", re.IGNORECASE)

# Without it, in a style sheet or an attribute, no picture floats.
_FLOAT = re.compile(r"""<style[^>]*>[^<]*float|style="[^"]*float""")

# White space without meaning in a style attribute and in a style sheet.
_SPACED = re.compile(r"(?<=[;,])\s+")
_SHEET_SPACE = re.compile(
    r"""("[^"]*"|'[^']*')|\s*([{};,])\s*|(?<=:)\s+|\s+(?=!important)"""  # but for its strings
)

_CLASS = re.compile(r'\sclass="([^"]*)"')
# A rule of the other sheets, in a media query or not; `@media` itself has rules in its braces.
_RULE = re.compile(r"([^{}]+)(\{[^{}]*\})")
_CLASS_NAME = re.compile(r"\.(-?[A-Za-z_][\w-]*)")

# Characters that XML does not allow: mrml refuses them, and lxml stops there.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_POSITION = re.compile(r"position (\d+)")


def to_html(source: str, name: str) -> str:
    """Compile MJML and inline the style block marked by INLINE_MARK. Raises RenderError."""
    html = _mjml(_NOT_XML.sub("", source), name)
    # mrml aligns every column to the left, whatever its direction.
    html = html.replace("text-align:left;direction:rtl;", "text-align:right;direction:rtl;")
    # lxml only recognises a doctype in capitals, and without one a mail is shown in quirks mode.
    html = re.sub(r"^\s*<!doctype html>", "<!DOCTYPE html>", html, count=1, flags=re.IGNORECASE)
    marked = "".join(sheet for _, sheet in _SHEET.findall(html) if INLINE_MARK in sheet)
    if _IMPORT.search(marked):
        raise RenderError(
            "a style sheet to be inlined imports another", where=name, hint="Copy its rules."
        )
    floats = "float" in html and bool(_FLOAT.search(html))
    used = frozenset(name for value in _CLASS.findall(html) for name in value.split())
    unused = _classes_of(marked) - used  # no mail program adds a class of the theme to anything
    html = _SHEET.sub(partial(_left_alone, unused), html)
    html = _OUTLOOK_RUN.sub(_merged, html)
    result = inlined(html, name, floats=floats)
    remaining = _classes_of("".join(sheet for _, sheet in _SHEET.findall(result)))
    slim = cache(partial(_slim, remaining))  # most tags are there many times
    return _TAG.sub(lambda tag: slim(tag[1], tag[2]), result)


@lru_cache(maxsize=_SHEETS_KEPT)
def _classes_of(sheet: str) -> frozenset[str]:
    return frozenset(_CLASS_NAME.findall(sheet))


def _slim(used: frozenset[str], begin: str, attributes: str) -> str:
    """A tag without what only inlining needed: classes were a tenth of the mail."""
    if not _SLIMMED.search(attributes):
        return f"{begin}{attributes}>"

    def without_idle(attribute: re.Match[str]) -> str:
        name, value = attribute[1], attribute[2]
        if name == "data-premailer":
            return ""
        if name == "class":
            names = [part for part in value[1:-1].split() if part in used]
            return f' class="{" ".join(names)}"' if names else ""
        if name == "style":
            return f" style={_tight(value)}"
        return attribute[0]

    return f"{begin}{_ATTRIBUTE.sub(without_idle, attributes)}>"


@lru_cache(maxsize=_STYLES_KEPT)
def _tight(style: str) -> str:
    return _SPACED.sub("", style)


def _merged(run: re.Match[str]) -> str:
    return f"<!--[if mso | IE]>{''.join(_OUTLOOK.findall(run[0]))}<![endif]-->"


def _left_alone(unused: frozenset[str], style: re.Match[str]) -> str:
    """A style sheet that is not inlined, without its unused rules; the marked one as it is."""
    if INLINE_MARK in style[2]:
        return style[0]
    return f'<style{style[1]} data-premailer="ignore">{_without_idle(style[2], unused)}</style>'


@lru_cache(maxsize=_SHEETS_KEPT)
def _without_idle(sheet: str, unused: frozenset[str]) -> str:
    """A sheet without rules that match nothing, and without needless white space."""
    used = _RULE.sub(partial(_for_used, unused), sheet)
    return _SHEET_SPACE.sub(r"\1\2", used).strip()


def _for_used(unused: frozenset[str], rule: re.Match[str]) -> str:
    """A rule without the selectors for a class that nothing has."""
    if "(" in rule[1] or "@" in rule[1] or not unused.intersection(_CLASS_NAME.findall(rule[1])):
        return rule[0]
    selectors = rule[1].split(",")
    used = [each for each in selectors if not unused.intersection(_CLASS_NAME.findall(each))]
    return f"{','.join(used)}{rule[2]}" if used else ""


def _mjml(source: str, name: str) -> str:
    try:
        # Without `fonts` mrml would link web fonts for some font names.
        return str(mjml.mjml2html(source, fonts={}))
    except ValueError as error:
        raise RenderError(
            f"MJML: {error}", where=_place(source, name, str(error)), hint="Mend the template."
        ) from error
    except BaseException as error:
        # mrml panics with a BaseException of its own; only that one may be caught here.
        if type(error).__name__ != "PanicException":
            raise
        raise RenderError(
            "MJML cannot read the rendered template", where=name, hint="Look for a bare > in it."
        ) from None


def _place(source: str, name: str, message: str) -> str:
    """mrml names byte offsets; people want lines (of the rendered MJML)."""
    match = _POSITION.search(message)
    if match is None:
        return name
    line = source.encode()[: int(match[1])].count(b"\n") + 1
    return f"{name}:{line}"
