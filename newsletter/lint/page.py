"""The HTML of a mail as a reader sees it: its blocks of text, its links, its colours by day and by
night.

What is inherited, painted over or set by a style sheet is worked out for the few properties that
rules look at. Sheets for narrow screens and for Outlook alone are left out.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import lxml.html
from cssselect import SelectorError
from lxml.cssselect import CSSSelector

from newsletter.lint.styles import Declaration, colour, declarations, ground_of, painted, rules

_BLOCKS = frozenset(
    "address article blockquote body br dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol "
    "p pre section table tbody td tfoot th thead tr ul".split()
)
_BOLD = frozenset("b strong h1 h2 h3 h4 h5 h6 th".split())
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "small": 0.83, "sub": 0.83, "sup": 0.83}  # of a browser
_RELEVANT = frozenset(
    "color background background-color font-size font-weight display opacity visibility".split()
)
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark")
_EVERY_SCREEN = re.compile(r"@media\s*(?:only\s+)?(?:all|screen)?\s*$")
_SIMPLE = re.compile(r"\.([\w-]+)|([a-z][a-z0-9]*)")
_LENGTH = re.compile(r"([\d.]+)(px|pt|em|rem|%)?")
_PIXELS = {"px": 1.0, "pt": 4 / 3, "rem": 16.0}
_ROOT_SIZE = 16.0

Modes = tuple[str, str]  # by day and by night


class TextLook(NamedTuple):
    """How text at some place looks; colours are #rrggbb."""

    ink: Modes = ("#000000", "#000000")
    ground: Modes = ("#ffffff", "#ffffff")
    size: float = _ROOT_SIZE  # CSS pixels
    bold: bool = False
    hidden: bool = False


class StyledText(NamedTuple):
    text: str
    look: TextLook


@dataclass(frozen=True, slots=True)
class Page:
    """`blocks` are the visible texts between two ends of a block, in order; `words` the runs of one
    look. `targets` are where links lead, `sources` where pictures come from."""

    blocks: tuple[str, ...]
    words: tuple[StyledText, ...]
    targets: tuple[str, ...]
    sources: tuple[str, ...]


@lru_cache(maxsize=2)  # rules look at the same page
def page_of(html: str) -> Page:
    if not html.strip():
        return Page((), (), (), ())
    root = lxml.html.document_fromstring(html)
    return _Reader(_Cascade(root), root).page()


RuleNumbers = tuple[tuple[int, ...], tuple[int, ...]]  # the numbers of rules by day and by night


class _Cascade:
    """The rules of style sheets by the elements that they match."""

    def __init__(self, root: Any) -> None:
        self.declared: list[tuple[tuple[int, ...], tuple[Declaration, ...]]] = []
        self._matched: dict[Any, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        by_name = _by_name(root)
        for style in root.iter("style"):
            if style.get("media", "all") not in ("all", "screen"):
                continue
            for rule in rules(style.text or ""):
                self._add(rule, root, by_name)

    def _add(self, rule: Any, root: Any, by_name: Mapping[str, Sequence[Any]]) -> None:
        relevant = tuple(each for each in rule.declarations if each.name in _RELEVANT)
        is_dark = any(_DARK.search(condition) for condition in rule.conditions)
        is_special = any(
            not (_DARK.search(condition) or _EVERY_SCREEN.match(condition))
            for condition in rule.conditions
        )
        if not relevant or is_special:
            return
        for selector in rule.selectors:
            elements, specificity = _selected(selector, root, by_name)
            number = len(self.declared)
            self.declared.append(((*specificity, number), relevant))
            for element in elements:
                by_day, by_night = self._matched[element]
                by_night.append(number)
                if not is_dark:
                    by_day.append(number)

    def key(self, element: Any) -> RuleNumbers:
        if element not in self._matched:
            return (), ()
        by_day, by_night = self._matched[element]
        return tuple(by_day), tuple(by_night)

    def style(self, numbers: tuple[int, ...], inline: str) -> dict[str, str]:
        """What holds of what is declared: important rules last, else the style attribute."""
        sheets = [each for _, each in sorted(self.declared[number] for number in numbers)]
        layers = (*sheets, declarations(inline) if inline else ())
        style: dict[str, str] = {}
        for important in (False, True):
            for each in (each for layer in layers for each in layer if each.important is important):
                style[each.name] = each.value
                if each.name == "background":  # the shorthand sets all of them
                    style.pop("background-color", None)
        return style


def _by_name(root: Any) -> dict[str, list[Any]]:
    """The elements of each class, with a dot before its name, and of each tag."""
    elements: dict[str, list[Any]] = defaultdict(list)
    for element in root.iter(lxml.etree.Element):
        elements[element.tag].append(element)
        for name in element.get("class", "").split():
            elements[f".{name}"].append(element)
    return elements


def _selected(
    selector: str, root: Any, by_name: Mapping[str, Sequence[Any]]
) -> tuple[Sequence[Any], tuple[int, ...]]:
    """The elements that a selector matches, and its specificity."""
    if match := _SIMPLE.fullmatch(selector):
        return by_name.get(selector, ()), (0, 1, 0) if match[1] else (0, 0, 1)
    compiled = _compiled(selector)
    if compiled is None:
        return (), (0, 0, 0)
    names = re.findall(r"\.[\w-]+", selector)
    if any(name not in by_name for name in names):
        return (), (0, 0, 0)
    counts = (
        selector.count("#"),
        len(names) + selector.count("["),
        len(re.findall(r"\b[a-z]", selector)),
    )
    return compiled(root), counts


@lru_cache(maxsize=256)
def _compiled(selector: str) -> CSSSelector | None:
    if ":" in selector or "[data-og" in selector:  # states, and what Outlook adds by itself
        return None
    try:
        return CSSSelector(selector, translator="html")
    except SelectorError:
        return None


@dataclass
class _Reader:
    cascade: _Cascade
    root: Any
    blocks: list[str] = field(default_factory=list)
    words: list[StyledText] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _looks: dict[Any, TextLook] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What a browser shows by night where a page says that it has a dark mode."""
        is_dark = self.root.xpath("//meta[@name='color-scheme'][contains(@content,'dark')]")
        self._ink = ("#000000", "#ffffff" if is_dark else "#000000")
        self._ground = ("#ffffff", "#121212" if is_dark else "#ffffff")
        self._link_ink = ("#0000ee", "#9e9eff" if is_dark else "#0000ee")

    def page(self) -> Page:
        for body in self.root.iter("body"):
            self._read(body, TextLook(self._ink, self._ground))
        self._end_block()
        return Page(tuple(self.blocks), tuple(self.words), tuple(self.targets), tuple(self.sources))

    def _read(self, element: Any, around: TextLook) -> None:
        tag = element.tag
        look = self._look(element, around)
        if look.hidden:
            return
        if tag == "a" and (target := element.get("href")) is not None:
            self.targets.append(target)
        elif tag == "img":
            self.sources.append(element.get("src", ""))
            if alt := element.get("alt"):
                self._open.append(alt)
        is_block = tag in _BLOCKS
        if is_block:
            self._end_block()
        self._write(element.text, look)
        for child in element:
            if isinstance(child.tag, str):
                self._read(child, look)
            self._write(child.tail, look)
        if is_block:
            self._end_block()

    def _write(self, text: str | None, look: TextLook) -> None:
        if text:
            self._open.append(text)
            if not text.isspace():
                self.words.append(StyledText(text, look))

    def _end_block(self) -> None:
        if (text := "".join(self._open).strip()) != "":
            self.blocks.append(text)
        self._open.clear()

    def _look(self, element: Any, around: TextLook) -> TextLook:
        by_day, by_night = self.cascade.key(element)
        attributes = element.attrib
        key = (
            around,
            element.tag,
            *map(attributes.get, ("style", "bgcolor", "color", "href", "aria-hidden", "hidden")),
            by_day,
            by_night,
        )
        if key not in self._looks:
            self._looks[key] = self._worked_out(element, around, by_day, by_night)
        return self._looks[key]

    def _worked_out(
        self, element: Any, around: TextLook, by_day: tuple[int, ...], by_night: tuple[int, ...]
    ) -> TextLook:
        inline = element.get("style", "")
        day = self.cascade.style(by_day, inline)
        night = self.cascade.style(by_night, inline) if by_night != by_day else day
        size = _size(day.get("font-size", ""), around.size, _SIZES.get(element.tag, 1.0))
        hidden = (
            element.tag in ("style", "script", "title")
            or element.get("aria-hidden") == "true"
            or element.get("hidden") is not None
            or day.get("display") == "none"
            or day.get("visibility") == "hidden"
        )
        ground = (
            _ground(element, day, around.ground[0]),
            _ground(element, night, around.ground[1]),
        )
        usual = self._link_ink if element.tag == "a" and element.get("href") else around.ink
        ink = (_ink(element, day, usual[0], ground[0]), _ink(element, night, usual[1], ground[1]))
        weight = day.get("font-weight", "bold" if element.tag in _BOLD else "")
        bold = around.bold if weight in ("", "inherit") else _is_bold(weight)
        return TextLook(ink, ground, size, bold, hidden)


def _ground(element: Any, style: Mapping[str, str], around: str) -> str:
    own = ground_of(style) or colour(element.get("bgcolor", ""))
    return around if own is None else painted(own, around)


def _ink(element: Any, style: Mapping[str, str], around: str, ground: str) -> str:
    own = colour(style.get("color", "")) or colour(element.get("color", ""))
    return around if own is None else painted(own, ground)


def _is_bold(weight: str) -> bool:
    return int(weight) >= 700 if weight.isdecimal() else weight in ("bold", "bolder")


def _size(written: str, around: float, usual: float) -> float:
    match = _LENGTH.fullmatch(written)
    if match is None:
        return around * usual
    number = float(match[1])
    match match[2]:
        case "em":
            return number * around
        case "%":
            return number * around / 100
        case unit:
            return number * _PIXELS.get(unit or "", 1.0)
