"""MJML that its compiler, mrml, accepts without a word and gets wrong, or leaves out."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from newsletter.meant import did_you_mean

_DATA = Path(__file__).with_name("mjml.json")
_TOKEN = re.compile(
    r"""<!--.*?-->|<(?P<end>/?)(?P<tag>[A-Za-z][\w:-]*)(?P<attributes>(?:"[^"]*"|'[^']*'|[^>"'])*)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*("[^"]*"|'[^']*')""")
_PADDING = re.compile(r"(?:inner-)?padding(?:-(?:top|right|bottom|left))?|text-padding")
_PIXELS = re.compile(r"-?\d+(?:\.\d+)?px")
_ANY_CHILD = "mj-attributes"
# What mrml 6 drops or reckons wrongly, while MJML itself does not.
_DROPPED = {
    ("mj-body", "id"): "is left out",
    ("mj-button", "title"): "is left out",
    ("mj-hero", "fluid-height"): "gives a wrong height",
    ("mj-image", "sizes"): "is left out",
    ("mj-image", "title"): "is left out",
    ("mj-style", "inline"): "is not obeyed: put `/* inline */` into style.css",
    ("mj-table", "role"): "is left out",
    ("mj-wrapper", "gap"): "is left out",
}


@dataclass(frozen=True, slots=True)
class MjmlFault:
    """What is wrong with a tag of MJML, by the line it stands in; `attribute` is empty where it is
    the tag itself."""

    line: int
    tag: str
    attribute: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class _Mjml:
    attributes: Mapping[str, frozenset[str]]
    children: Mapping[str, frozenset[str]]
    hold_html: frozenset[str]


def mjml_faults(source: str) -> Iterator[MjmlFault]:
    """What is wrong with the MJML that a theme has written, in its order."""
    open_tags: list[str] = []
    end, counted, line = 0, 0, 1
    for token in _TOKEN.finditer(source):
        tag, parent = token["tag"], open_tags[-1] if open_tags else ""
        if _holds_html(parent) and tag != parent:
            continue
        between, end = source[end : token.start()], token.end()
        line += source.count("\n", counted, token.start())
        counted = token.start()
        if parent and not _holds_html(parent) and between.strip():
            yield _lost_text(between, line, parent)
        if tag is None:
            continue
        if not token["end"]:
            yield from _of_tag(tag, token["attributes"], line, parent)
            if not token["attributes"].endswith("/"):
                open_tags.append(tag)
        elif parent == tag:
            open_tags.pop()


def _holds_html(tag: str) -> bool:
    """Whether what is in a component is no MJML; what is in an unknown one is told with it."""
    known = _mjml()
    return tag in known.hold_html or (tag != "" and tag not in known.attributes)


def _of_tag(tag: str, written: str, line: int, parent: str) -> Iterator[MjmlFault]:
    known = _mjml()
    if tag not in known.attributes and not (parent == _ANY_CHILD and tag in ("mj-all", "mj-class")):
        fix = did_you_mean(tag, sorted(known.attributes)) or "Put HTML into mj-text or mj-raw."
        yield MjmlFault(line, tag, "", f"<{tag}> is no component of MJML", fix)
        return
    if tag not in known.children.get(parent, frozenset([tag])):
        among = ", ".join(sorted(known.children[parent])) or "nothing"
        message = f"<{tag}> may not stand in <{parent}>"
        yield MjmlFault(line, tag, "", message, f"In it may stand: {among}.")
    pairs = [(name, value[1:-1]) for name, value in _ATTRIBUTE.findall(written)]
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            message = f"<{tag}> has {name} {count} times, and only the last counts"
            yield MjmlFault(line, tag, name, message, "Keep one of them.")
    for name, value in dict(pairs).items():
        if message := _of_attribute(tag, name, value):
            yield MjmlFault(line, tag, name, message, _fix(tag, name))


def _of_attribute(tag: str, name: str, value: str) -> str:
    known = _mjml().attributes.get(tag)
    if known is not None and name not in known:
        return f"<{tag}> has no attribute {name}, which is left out"
    if dropped := _DROPPED.get((tag, name)):
        return f"{name} of <{tag}> {dropped}"
    if _PADDING.fullmatch(name) and not all(map(_PIXELS.fullmatch, value.split())):
        return f'{name}="{value}" of <{tag}> gives wrong widths in Outlook: not all of it is in px'
    if name == "mj-class" and len(value.split()) > 1:
        return f'mj-class="{value}": of several classes the first counts, not the last'
    return ""


def _fix(tag: str, name: str) -> str:
    known = _mjml().attributes.get(tag, frozenset())
    if _PADDING.fullmatch(name) and name in known:
        return 'Write px behind each number, as in "0px 24px".'
    near = "" if name in known else did_you_mean(name, sorted(known))
    return near or "Remove it."


def _lost_text(text: str, line: int, parent: str) -> MjmlFault:
    words = " ".join(text.split())[:40]
    before = text.rstrip().count("\n") - text.count("\n")
    message = f"{words!r} stands in <{parent}> itself"
    return MjmlFault(line + before, parent, "", message, "Put it into mj-text or mj-raw.")


@lru_cache(maxsize=1)
def _mjml() -> _Mjml:
    data = json.loads(_DATA.read_text("utf-8"))
    attributes = {tag: frozenset(names) for tag, names in data["attributes"].items()}
    children = {tag: frozenset(names) for tag, names in data["children"].items()}
    return _Mjml(attributes, children, frozenset(data["hold_html"]))
