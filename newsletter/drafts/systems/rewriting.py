"""Markup of generators -> Markdown, outside of code; what nobody knows stays, and is told."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from newsletter.drafts.posts import Change, ChangeKind

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_REACH = 500  # how far beside a tag backticks are looked for
_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)'|`([^`]*)`|(\S+))|\"([^\"]*)\"|(\S+)")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`becomes` gets what `pattern` matches, and returns None where that stays as it stands.

    With an `end`, all up to that is meant: `becomes` gets the beginning and what stands between.
    Patterns are bounded, so that none takes the square of a text that holds only beginnings.
    """

    pattern: re.Pattern[str]
    becomes: Callable[[re.Match[str], str], str | None]
    kind: ChangeKind = ChangeKind.CONVERTED
    end: re.Pattern[str] | None = None


def rewritten(
    body: str, rewrites: Sequence[Rewrite], name: str, first_line: int
) -> tuple[str, list[Change]]:
    """A text with all rewrites, one after the other, and where each did something."""
    changes: list[Change] = []
    for rewrite in rewrites:
        pieces: list[str] = []
        done = 0
        places = _Places(body)
        for match, end, inner in _matches(rewrite, body):
            if match.start() < done or places.is_code(match):
                continue
            text = rewrite.becomes(match, inner)
            kind = ChangeKind.UNKNOWN if text is None else rewrite.kind
            source = " ".join(body[match.start() : min(end, match.start() + 400)].split())[:80]
            place = f"{name}:{first_line + places.line(match.start())}"
            changes.append(Change(place, kind, source))
            if text is not None:
                pieces += (body[done : match.start()], text)
                done = end
        body = "".join([*pieces, body[done:]])
    return body, changes


def _matches(rewrite: Rewrite, body: str) -> Iterator[tuple[re.Match[str], int, str]]:
    """Each match, where it ends with all that belongs to it, and what stands between."""
    ends = list(rewrite.end.finditer(body)) if rewrite.end else []
    starts = [end.start() for end in ends]
    for match in rewrite.pattern.finditer(body):
        if rewrite.end is None:
            yield match, match.end(), ""
        elif (index := bisect_left(starts, match.end())) < len(ends):
            yield match, ends[index].end(), body[match.end() : starts[index]]


class _Places:
    """The lines of a text, and which of them are code."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._begins = [0, *(match.end() for match in re.finditer("\n", body))]
        self._code = _code_lines(body)

    def line(self, offset: int) -> int:
        return bisect_right(self._begins, offset) - 1

    def is_code(self, match: re.Match[str]) -> bool:
        """Whether a match stands in fenced code, or between backticks of its line."""
        line = self.line(match.start())
        if line in self._code:
            return True
        before = self._body[max(self._begins[line], match.start() - _REACH) : match.start()]
        after = self._body[match.end() : match.end() + _REACH].partition("\n")[0]
        return len(re.findall("`+", before)) % 2 == 1 and "`" in after


def line_ends(_: re.Match[str], inner: str) -> str:
    """Nothing, in as many lines as there were."""
    return "\n" * inner.count("\n")


def fenced(match: re.Match[str], inner: str) -> str:
    """Code in the language that the beginning names."""
    return f"```{match[1]}{inner}```"


def attributes(text: str) -> tuple[list[str], dict[str, str]]:
    """The values without a name and those with one, as shortcodes have them."""
    plain: list[str] = []
    named: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        if match[1]:
            named[match[1]] = next((part for part in match.groups()[1:5] if part is not None), "")
        else:
            plain.append(match[6] if match[6] is not None else match[7])
    return plain, named


def picture(source: str, alt: str, caption: str = "", link: str = "") -> str:
    """A picture in Markdown, or in HTML where it has a caption."""
    shown = f'<img src="{escape(source)}" alt="{escape(alt or caption)}">'
    if link:
        shown = f'<a href="{escape(link)}">{shown}</a>'
    text = f"<figcaption>{escape(caption, quote=False)}</figcaption>" if caption else ""
    return f"<figure>{shown}{text}</figure>"


def _code_lines(body: str) -> frozenset[int]:
    """The lines that stand in fenced code."""
    lines: set[int] = set()
    fence = ""
    for number, line in enumerate(body.split("\n")):
        match = _FENCE.match(line)
        if fence:
            lines.add(number)
            if match and match[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif match:
            fence = match[1]
            lines.add(number)
    return frozenset(lines)
