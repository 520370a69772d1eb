"""Markup of generators -> Markdown, outside of code; what nobody knows stays, and is told."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from newsletter.drafts.posts import Change, ChangeKind

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)'|`([^`]*)`|(\S+))|\"([^\"]*)\"|(\S+)")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`becomes` gets what `pattern` matches, and returns None where that stays as it stands."""

    pattern: re.Pattern[str]
    becomes: Callable[[re.Match[str]], str | None]
    kind: ChangeKind = ChangeKind.CONVERTED


def rewritten(
    body: str, rewrites: Sequence[Rewrite], name: str, first_line: int
) -> tuple[str, list[Change]]:
    """A text with all rewrites, one after the other, and where each did something."""
    changes: list[Change] = []
    for rewrite in rewrites:
        code = _code_lines(body)

        def replace(
            match: re.Match[str], rewrite: Rewrite = rewrite, code: frozenset[int] = code
        ) -> str:
            line = match.string.count("\n", 0, match.start())
            if line in code or _is_in_code(match):
                return match[0]
            text = rewrite.becomes(match)
            kind = ChangeKind.UNKNOWN if text is None else rewrite.kind
            source = " ".join(match[0].split())[:80]
            changes.append(Change(f"{name}:{first_line + line}", kind, source))
            # As many lines as before, so that each keeps its number.
            return match[0] if text is None else text

        body = rewrite.pattern.sub(replace, body)
    return body, changes


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


def _is_in_code(match: re.Match[str]) -> bool:
    """Whether a match stands between backticks of its line."""
    before = match.string[: match.start()].rpartition("\n")[2]
    return (
        len(re.findall("`+", before)) % 2 == 1
        and "`" in match.string[match.end() :].partition("\n")[0]
    )


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
