"""Front matter: YAML, TOML, `Key: value` lines or none, as one mapping with the line of each key.

Nothing here raises: what is wrong becomes a finding, and the body is read all the same.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from newsletter.digest.as_written import Doubt, toml_quoted, yaml_quoted
from newsletter.digest.bounds import out_of_bounds
from newsletter.digest.keys import KNOWN, PROSE, TYPED
from newsletter.model.finding import Finding, Position, Severity

_MAX_CHARACTERS = 64 * 1024
_MAX_DOTS = 1_000  # in a line of TOML: a dotted key takes the square of its parts
_PELICAN_KEYS = ("title", "date", "number", "category", "description", "tags", "slug", "summary")
_SPELT = {key.lower(): key for key in KNOWN}  # in header lines capitals make no difference
_PELICAN_LINE = re.compile(r"([A-Za-z][A-Za-z_-]*):[ \t]*(.*)")


# After a mere rule at the top of a text, something else would follow.
_BELOW_BLANKS = re.compile(r"(?:[ \t]*\n)+(?=(?:---|\+\+\+)[ \t]*\n\s*[A-Za-z][\w-]*[ \t]*[:=])")


@dataclass
class FrontMatter:
    """`values` by key as written, `lines` the file line of each, `body` begins at `body_line`."""

    values: dict[str, Any]
    lines: dict[str, int]
    body: str
    body_line: int
    findings: list[Finding] = field(default_factory=list)


class _Loader(yaml.CSafeLoader):
    """YAML's safe loader, but dates stay text: a wrong date gets its own finding."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class _YamlHandler(YAMLHandler):
    """Keeps the first of duplicate keys and remembers the line of each."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self.lines: dict[str, int] = {}
        self.findings: list[Finding] = []

    def load(self, fm: str, **kwargs: object) -> dict[str, Any]:
        if len(fm) > _MAX_CHARACTERS:
            return self._fault("front-matter-too-large", 1, "the front matter is over 64 KB")
        try:
            quoted = yaml_quoted(fm)
            if fault := out_of_bounds(quoted.source):
                return self._fault(*fault)
            loader = _Loader(quoted.source)
            node = loader.get_single_node()
            if node is None:
                return {}
            if not isinstance(node, yaml.MappingNode):
                return self._fault(
                    "front-matter-not-mapping", 1, "the front matter holds no `key: value` lines"
                )
            node.value = list(self._first_of_each(node))
            self.findings += (_doubtful(doubt, self.file) for doubt in quoted.doubts)
            values = {str(key): value for key, value in loader.construct_document(node).items()}
            _must_be_writable(values)
            return values
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            column = mark.column + 1 if mark else None
            problem = error.problem or "cannot be read"
            return self._fault(
                "front-matter-invalid", line, f"the front matter is not YAML: {problem}", column
            )
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            return self._fault("front-matter-invalid", 1, f"the front matter is not YAML: {error}")

    def _first_of_each(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in self.lines:
                first = self.lines[name]
                self._fault(
                    "front-matter-duplicate-key", line, f"{name!r} stands here and in line {first}"
                )
                continue
            self.lines[name] = line + 1  # the fence is line 1 of the file
            if name in KNOWN and name not in TYPED:
                _untype(value)
            yield key, value

    def _fault(
        self, rule: str, line: int, message: str, column: int | None = None
    ) -> dict[str, Any]:
        place = Position(self.file, line + 1, column)
        fix = "Mend the lines between the two --- at the top."
        self.findings.append(Finding(rule, Severity.ERROR, place, message, fix))
        return {}


def _untype(node: yaml.Node) -> None:
    """Turn a value, or those of a list, into the text that is written; an empty one stays empty."""
    for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(each, yaml.ScalarNode) and not each.tag.endswith(":null"):
            each.tag = "tag:yaml.org,2002:str"


def _doubtful(doubt: Doubt, file: str) -> Finding:
    """The finding for a text that its author may have meant differently."""
    place = Position(file, doubt.line + 2)  # the fence is line 1 of the file
    if doubt.is_null:
        message = f"{doubt.key} is the word {doubt.text!r} here, but may be meant to be empty"
        fix = "Leave the value out, or put the word in quotes."
        return Finding("front-matter-null", Severity.ERROR, place, message, fix)
    if doubt.is_comment:
        message = f"a # begins a comment here: {doubt.key} ends before it"
    else:
        message = f"the # in {doubt.key} is part of the text and begins no comment"
    may_be_lost = doubt.key in PROSE and re.search(r"#(?:\s|$)", doubt.text)
    severity = Severity.WARNING if may_be_lost else Severity.INFO
    fix = "Put the text in quotes; write a comment on a line of its own."
    return Finding("front-matter-hash", severity, place, message, fix)


def _must_be_writable(values: dict[str, Any]) -> None:
    """Raise ValueError for a value that contains itself, or a number too long to write."""
    json.dumps(values, default=str)


def split(text: str, file: str) -> FrontMatter:
    """Split the front matter of a file from its body; blank lines may precede it."""
    if below := _BELOW_BLANKS.match(text):
        return _moved(split(text[below.end() :], file), text.count("\n", 0, below.end()))
    first = text.split("\n", 1)[0].rstrip()
    if first == "---":
        return _fenced_yaml(text, file)
    if first == "+++":
        return _fenced_toml(text, file)
    match = _PELICAN_LINE.fullmatch(first)
    if match and match[1].lower() in _PELICAN_KEYS:
        return _pelican(text, file)
    return FrontMatter({}, {}, text, 1)


def _moved(front: FrontMatter, lines: int) -> FrontMatter:
    """The same front matter, some `lines` further down."""
    findings = [
        replace(finding, position=replace(finding.position, line=finding.position.line + lines))
        for finding in front.findings
    ]
    numbers = {key: line + lines for key, line in front.lines.items()}
    return FrontMatter(front.values, numbers, front.body, front.body_line + lines, findings)


def _fenced_yaml(text: str, file: str) -> FrontMatter:
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        return _unclosed(text, file, "---")
    handler = _YamlHandler(file)
    values = handler.load("\n".join(lines[1:end]))
    body = "\n".join(lines[end + 1 :])
    return FrontMatter(values, handler.lines, body, end + 2, handler.findings)


def _fenced_toml(text: str, file: str) -> FrontMatter:
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "+++"), None)
    if end is None:
        return _unclosed(text, file, "+++")
    quoted = toml_quoted(lines[1:end])
    source = "\n".join([*quoted.lines, ""])
    result = FrontMatter({}, {}, "\n".join(lines[end + 1 :]), end + 2)
    try:
        if len(source) > _MAX_CHARACTERS:
            raise ValueError("it is over 64 KB")
        if any(line.count(".") > _MAX_DOTS for line in lines[1:end]):
            raise ValueError(f"a line has more than {_MAX_DOTS:,} dots")
        values = tomllib.loads(source)
        _must_be_writable(values)
        result.values = values
        result.findings += (_doubtful(doubt, file) for doubt in quoted.doubts)
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError
        inside = re.search(r"line (\d+), column (\d+)", str(error))
        last = end if "end of document" in str(error) else 2
        line = int(inside[1]) + 1 if inside else last
        result.findings.append(
            Finding(
                "front-matter-invalid",
                Severity.ERROR,
                Position(file, line, int(inside[2]) if inside else None),
                f"the front matter is not TOML: {error}",
                "Mend the lines between the two +++ at the top.",
            )
        )
    for number, line_text in enumerate(lines[1:end], start=2):
        if key := re.match(r"\s*([\w-]+)\s*=", line_text):
            result.lines.setdefault(key[1], number)
    return result


def _unclosed(text: str, file: str, fence: str) -> FrontMatter:
    finding = Finding(
        "front-matter-unclosed",
        Severity.ERROR,
        Position(file, 1),
        f"the front matter begins with {fence} and never ends",
        f"Close it with a line {fence}.",
    )
    return FrontMatter({}, {}, text.partition("\n")[2], 2, [finding])


def _pelican(text: str, file: str) -> FrontMatter:
    values: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    findings: list[Finding] = []
    repeated: set[str] = set()
    lines = text.split("\n")
    count = 0
    for count, line in enumerate(lines, start=1):
        match = _PELICAN_LINE.fullmatch(line.rstrip())
        if match is None:
            count -= 1
            break
        key = _SPELT.get(match[1].lower(), match[1].lower())
        if key not in values:
            values[key], numbers[key] = match[2].strip(), count
            continue
        if key in repeated:
            continue
        repeated.add(key)
        findings.append(
            Finding(
                "front-matter-duplicate-key",
                Severity.ERROR,
                Position(file, count),
                f"{key!r} stands here and in line {numbers[key]}",
                "Keep one of them.",
            )
        )
    return FrontMatter(values, numbers, "\n".join(lines[count:]), count + 1, findings)
