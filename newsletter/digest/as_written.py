"""Text values of front matter in quotes, so that they are read as their author wrote them.

Bare, YAML would type them (`1.10`, `12:30`, `yes`), cut them off at a `#`, or take a sign in them
for its own (`&`, `*`, `!`, `[`, `: `); TOML would refuse most of them. What is plainly meant as
YAML stays so: quotes, blocks, lists, mappings, an anchor that is used.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import yaml

from newsletter.digest.bounds import out_of_bounds
from newsletter.digest.keys import NAMES, PROSE

_KEY = r"(?P<start>(?P<quote>[\"']?)(?P<name>[A-Za-z][\w-]*)(?P=quote)[ \t]*{sign})"
_YAML_ENTRY = re.compile(_KEY.format(sign=":") + r"(?:[ \t](?P<value>.*))?")
_TOML_ENTRY = re.compile(_KEY.format(sign="=") + r"(?P<value>.*)")
_BELONGS = re.compile(r"[ \t\]}#]|-(?:[ \t]|$)|$")  # to the entry above it
_ITEM = re.compile(r"(?P<start>[ \t]*-)(?:[ \t]+(?P<value>.*)|$)")
_PAIR = re.compile(r"[ \t]*(?:[\w\"'-]+[ \t]*:|\?)(?:[ \t]|$)")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", re.DOTALL)
_BLOCK = re.compile(r"[|>][-+0-9]*[ \t]*(?:#.*)?")
_COMMENT = re.compile(r"#(?:[ \t]|$)")
_TAG = re.compile(r"!(?:!str)?[ \t]+[\"']|!!str[ \t]")
_HASH = re.compile(r"(?:^|[ \t\n])#")
_COMMENT_BEHIND = re.compile(r"[ \t\n]#(?:[ \t\n]|$)")
_TEXTS = PROSE | NAMES
_NULLS = frozenset({"null", "Null", "NULL", "~"})


@dataclass(frozen=True, slots=True)
class Doubt:
    """A text value that may have another meaning; lines count from 0."""

    line: int
    key: str
    text: str

    @property
    def is_null(self) -> bool:
        return self.text in _NULLS

    @property
    def is_comment(self) -> bool:
        """Whether a comment stands in place of the text, or behind a name."""
        behind = self.key in NAMES and _COMMENT_BEHIND.search(self.text)
        return bool(_COMMENT.match(self.text) or behind)


@dataclass
class Quoted:
    """Front matter with its text values in quotes, line by line as it was."""

    lines: list[str]
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def source(self) -> str:
        return "\n".join(self.lines)

    def quote(self, line: int, start: str, key: str, text: str) -> None:
        """Write a text behind the key or the dash that begins its line."""
        is_null = text in _NULLS
        if is_null and key in NAMES and key != "slug":
            return
        if is_null or _HASH.search(text):
            self.doubts.append(Doubt(line, key, text))
        if key in NAMES and _COMMENT_BEHIND.search(text):
            return
        literal = json.dumps(text, ensure_ascii=False)
        literal = literal.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        self.lines[line] = f"{start} {literal}"


def yaml_quoted(source: str) -> Quoted:
    """YAML with the text values at its top level in quotes."""
    quoted = Quoted(source.split("\n"))
    used = _used_anchors(source)
    begin = 0
    while begin < len(quoted.lines):
        entry = _YAML_ENTRY.fullmatch(quoted.lines[begin])
        end = _end_of_entry(quoted.lines, begin)
        if entry and entry["name"] in _TEXTS:
            _quote_entry(quoted, entry, begin, end, used)
        begin = end
    return quoted


def toml_quoted(lines: Sequence[str]) -> Quoted:
    """TOML with the bare text values above its first table in quotes."""
    quoted = Quoted(list(lines))
    closing = ""
    for number, line in enumerate(lines):
        if closing:
            closing = "" if closing in line else closing
        elif line.lstrip().startswith("["):
            break
        elif entry := _TOML_ENTRY.fullmatch(line.strip()):
            value = entry["value"].strip()
            if value[:3] in ('"""', "'''") and value.count(value[:3]) == 1:
                closing = value[:3]
            is_bare = value and value[0] not in "\"'[{" and not _COMMENT.match(value)
            if is_bare and entry["name"] in _TEXTS:
                quoted.quote(number, entry["start"], entry["name"], value)
    return quoted


def _end_of_entry(lines: Sequence[str], begin: int) -> int:
    """The line after an entry; a text in quotes may go on in the first column."""
    entry = _YAML_ENTRY.fullmatch(lines[begin])
    value = ((entry["value"] if entry else "") or "").strip()
    if value[:1] in ("'", '"') and not _QUOTED.match(value):
        closed = _QUOTED.match("\n".join([value, *lines[begin + 1 :]]))
        return begin + 1 + closed[0].count("\n") if closed else len(lines)
    end = begin + 1
    while end < len(lines) and _BELONGS.match(lines[end]):
        end += 1
    return end


def _quote_entry(
    quoted: Quoted, entry: re.Match[str], begin: int, end: int, used: frozenset[str]
) -> None:
    value = (entry["value"] or "").strip()
    below = [line for line in quoted.lines[begin + 1 : end] if not line.startswith("#")]
    if _COMMENT.match(value):
        if not any(map(str.strip, below)):
            quoted.doubts.append(Doubt(begin, entry["name"], value))
        value = ""
    while not value and below and (not below[0].strip() or _COMMENT.match(below[0].strip())):
        del below[0]
    if not value and below and _ITEM.fullmatch(below[0]):
        _quote_items(quoted, entry["name"], begin + 1, end, used)
        return
    apart = any(line.startswith("-") for line in below)
    if not apart and (text := _text([value, *below], used)):
        quoted.lines[begin + 1 : end] = [""] * (end - begin - 1)
        quoted.quote(begin, entry["start"], entry["name"], text)


def _quote_items(quoted: Quoted, key: str, begin: int, end: int, used: frozenset[str]) -> None:
    """The points of a list, each with the lines that go on below it."""
    items = [(n, item) for n in range(begin, end) if (item := _ITEM.fullmatch(quoted.lines[n]))]
    items = [(n, item) for n, item in items if len(item["start"]) <= len(items[0][1]["start"])]
    for (start, item), stop in zip(items, [*(n for n, _ in items[1:]), end], strict=True):
        below = [line for line in quoted.lines[start + 1 : stop] if not line.startswith("#")]
        value = (item["value"] or "").strip()
        if not _ITEM.fullmatch(value) and (text := _text([value, *below], used)):
            quoted.lines[start + 1 : stop] = [""] * (stop - start - 1)
            quoted.quote(start, item["start"], key, text)


def _text(lines: Sequence[str], used: frozenset[str]) -> str:
    """The text of some lines as YAML folds them; empty where they are something else."""
    whole = "\n".join(line.strip() for line in lines).strip()
    if not whole or any(_PAIR.match(line) for line in lines[1:] if line) or _is_yaml(whole, used):
        return ""
    return re.sub(r"\n+", lambda ends: "\n" * (len(ends[0]) - 1) or " ", whole)


def _is_yaml(text: str, used: frozenset[str]) -> bool:
    """Whether a value is in a form of YAML's own."""
    match text[0]:
        case '"' | "'":
            closed = _QUOTED.match(text)
            rest = text[closed.end() :] if closed else ""
            return not rest.strip() or bool(re.match(r"\s+#", rest))
        case "|" | ">":
            return bool(_BLOCK.fullmatch(text.split("\n")[0]))
        case "[":
            return _parses(text)
        case "{":
            return ":" in text and not text.startswith("{{") and _parses(text)
        case "&" | "*":
            return text[1:].split()[:1] != [] and text[1:].split()[0] in used
        case "!":
            return bool(_TAG.match(text))
        case _:
            return False


def _used_anchors(source: str) -> frozenset[str]:
    """The names that stand both after an & and after a *."""
    return frozenset(re.findall(r"&([\w-]+)", source)) & frozenset(
        re.findall(r"\*([\w-]+)", source)
    )


def _parses(text: str) -> bool:
    """Whether a text is YAML, even if it exceeds the limits."""
    try:
        out_of_bounds(text)
    except yaml.YAMLError:
        return False
    return True
