"""Tags: which of them are HTML, and what the others are.

A tag that is not an element of HTML is the author's text: `Vec<T>`, `<your-name>`, `a<b and c>d`.
So is an element that a sentence names and nothing closes: the `<dialog>` element. A component of
another program becomes the link that it holds.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.digest.report import Report
from newsletter.model.finding import Position, Severity

_ELEMENTS = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink "
    "blockquote body br button canvas caption center cite code col colgroup data datalist dd del "
    "details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame "
    "frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend "
    "li link main map mark marquee math menu menuitem meta meter nav nobr noframes noscript object "
    "ol optgroup option output p param picture pre progress q rb rp rt rtc ruby s samp script "
    "search section select slot small source span strike strong style sub summary sup svg table "
    "tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr".split()
)
_FLAGS = frozenset(
    "allowfullscreen async autofocus autoplay checked class compact contenteditable controls "
    "crossorigin declare default defer disabled download draggable formnovalidate frameborder "
    "hidden id inert ismap itemscope loop markdown mozallowfullscreen multiple muted nohref "
    "nomodule noresize noshade novalidate nowrap open playsinline popover readonly required "
    "reversed scrolling selected spellcheck style truespeed webkitallowfullscreen".split()
)
# Elements whose end is often left out, so that one alone is still meant as HTML.
FORMATTING = frozenset("a b i s u em strong cite del strike sup sub ins code kbd tt mark".split())
WITHOUT_END = frozenset(
    "big br center dd div dt font hr li p rb rp rt small span td th tr wbr".split()
)
_LEADING = frozenset(
    "a audio base embed iframe img input link object script source track video".split()
)
# Elements of which a mail keeps nothing.
LEFT_OUT = frozenset(
    "applet base basefont canvas datalist input link meta meter param progress template "
    "track".split()
)
_TAG_REACH = 4_096  # how long a tag may be

_NAME = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(
    r"[\s/]+(?:([A-Za-z_:@][A-Za-z0-9_:@.-]*+)(?:\s*+=\s*+(\"[^\"]*+\"|'[^']*+'|[^\s\"'=<>`]++))?)?+"
)
_INSTRUCTION = re.compile(r"<([!?][\w\[-]{0,20})")
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_TARGETS = ("href", "url", "src")
_LABELS = ("title", "label", "text", "name", "alt", "caption")
_PICTURE = re.compile(r"\.(png|jpe?g|gif|webp|avif)([?#]|$)", re.IGNORECASE)
# Scripts that only serve other parts of a page: there is nothing to link to.
_SERVING_SCRIPT = re.compile(
    r"\.min\.js$|/gtag/|/(jquery[^/]*|(widgets?|embeds?|sdk|analytics|player(_api)?|loader|all|main"
    r"|app|index|bundle|ei)\.js)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as it is written; an attribute without a value is None."""

    source: str
    name: str
    closing: bool = False
    attributes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def element(self) -> str:
        """The name of the element, if it is one."""
        return self.name.lower()

    @property
    def is_html(self) -> bool:
        return self.element in _ELEMENTS and all(
            value is not None or key in _FLAGS or key.startswith(("data-", "aria-"))
            for key, value in self.attributes.items()
        )

    @property
    def target(self) -> str:
        return self._first(_TARGETS)

    @property
    def label(self) -> str:
        return self._first(_LABELS)

    def _first(self, keys: tuple[str, ...]) -> str:
        return next((value for key in keys if (value := self.attributes.get(key))), "")

    @property
    def is_component(self) -> bool:
        """Whether it is a component: it has a target, as no HTML element of that name has."""
        leads = self.element in _LEADING and not self.name.startswith("Link")
        return bool(self.target) and not (self.is_html and leads)

    @property
    def is_picture(self) -> bool:
        """A component that shows the picture at its target."""
        return bool(_PICTURE.search(self.target) or self.element == "image")


def read(source: str, start: int = 0) -> Tag | None:
    """The tag that begins at `start`, None where there is none."""
    end = min(len(source), start + _TAG_REACH)
    name = _NAME.match(source, start, end)
    if not name:
        return None
    attributes: dict[str, str | None] = {}
    at = name.end()
    while (match := _ATTRIBUTE.match(source, at, end)) and match.end() > at:
        at = match.end()
        if match[1]:
            attributes.setdefault(match[1].lower(), match[2] and _unquoted(match[2]))
    if source[at : at + 1] != ">":
        return None
    return Tag(source[start : at + 1], name[2], bool(name[1]), attributes)


def _unquoted(value: str) -> str:
    return html.unescape(value[1:-1] if value[0] in "\"'" else value)


def is_name(name: str) -> bool:
    """Whether HTML knows an element of that name, or may know it in a namespace."""
    return name.lower() in _ELEMENTS or ":" in name


def is_html_line(line: str) -> bool:
    """Whether a line that begins with a tag is HTML rather than text."""
    tag = read(line)
    return tag is None or tag.is_html


def is_text(
    tag: Tag, *, closed: bool, glued: bool, without_end: frozenset[str] = WITHOUT_END
) -> bool:
    """Whether an opening tag is text: `glued` to a word, or `closed` further on, or neither."""
    if not tag.is_html:
        return True
    if tag.attributes or closed or tag.element in ("br", "hr", "wbr"):
        return False
    if glued and (tag.name.isupper() or tag.element in FORMATTING):
        return True
    return tag.element not in FORMATTING | without_end


def script_target(source: str) -> str:
    """The page that a script would show; empty for one that shows nothing."""
    if not source or _SERVING_SCRIPT.search(source.split("?")[0]):
        return ""
    return source.removesuffix(".js")


def tell_of_component(tag: Tag, place: Position, report: Report) -> None:
    report.components.add(tag.name)
    report.add(
        "foreign-markup",
        Severity.WARNING,
        place,
        f"<{tag.name}> is not HTML: only the link in it is shown",
        "Write [text](https://…).",
    )


def tell_of_source(tag: Tag, place: Position, report: Report) -> None:
    """Report a tag that stays as text only where it looks like a component."""
    if tag.closing or tag.source.endswith("/>") or any(tag.attributes.values()):
        report.add(
            "foreign-markup",
            Severity.WARNING,
            place,
            f"<{'/' * tag.closing}{tag.name}> is not HTML: readers see it as it stands",
            "Write what it shows, or a link to it.",
        )


def tell_of_loss(element: str, place: Position, report: Report) -> None:
    report.add("html-dropped", Severity.INFO, place, f"<{element}> is left out", "Remove it.")


def tell_of_instruction(source: str, place: Position, report: Report, start: int = 0) -> None:
    """Report an instruction such as `<?php` or `<!DOCTYPE`."""
    if match := _INSTRUCTION.match(source, start):
        tell_of_loss(match[1], place, report)


def tell_of_form(tag: Tag, place: Position, report: Report) -> None:
    """Report the address of a form: in mail a form sends nothing, and only its text is kept."""
    if target := tag.attributes.get("action") or tag.attributes.get("formaction"):
        report.add(
            "html-dropped",
            Severity.WARNING,
            place,
            f"<{tag.element}> sends nothing in a mail, so its address {target} is left out",
            "Write [text](https://…), with the address of a page that has the form.",
        )


def tell_of_hidden(tag: Tag, place: Position, report: Report) -> None:
    """Report what a page hides: a mail shows it, since the author's styles are not kept."""
    if "hidden" in tag.attributes or _HIDING.search(tag.attributes.get("style") or ""):
        report.add(
            "hidden-text",
            Severity.WARNING,
            place,
            f"<{tag.element}> hides what it holds, but a mail shows it",
            "Remove it, or make it a comment: <!-- … -->",
        )


def tell_of_shown_comment(place: Position, report: Report) -> None:
    report.add(
        "comment-shown",
        Severity.ERROR,
        place,
        "a comment is broken off by a blank line: readers see the rest of it",
        "Remove the blank lines in it, or begin it on a line of its own.",
    )


def tell_of_comment_as_code(place: Position, report: Report) -> None:
    report.add(
        "comment-shown",
        Severity.ERROR,
        place,
        "a comment with four spaces before it is code: readers see it",
        "Take the spaces away, or put it between ``` if readers are to see it.",
    )


def tell_of_open(element: str, place: Position, report: Report) -> None:
    report.add(
        "html-unclosed",
        Severity.WARNING,
        place,
        f"<{element}> is not closed: it goes on to the end of its paragraph",
        f"Close it with </{element}>, or write `<{element}>` if readers are to see it.",
    )
