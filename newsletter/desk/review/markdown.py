"""A review as Markdown for a comment: of no issue's text can anything be more than text.

All of it stands in code, where GitHub and Forgejo neither mention people nor show pictures, and
behind more backticks than it has itself.
"""

import re
from collections.abc import Iterator, Sequence

from newsletter.desk.review import texts
from newsletter.desk.review.changes import Fate, MailChange, Review
from newsletter.desk.review.sides import Reference, Side
from newsletter.gate import visible
from newsletter.lint.sizes import MOST_BYTES
from newsletter.model.finding import Finding

MARK = "<!-- newsletter review -->"  # by which a comment is found again
MOST_CHARACTERS = 65_536  # of a comment, at GitHub
_MOST_ENTRIES = 20  # of one kind
_MOST_OF_A_LINE = 300
_MOST_OF_A_DIFF = 8_000
_CUT = "\n\n*The rest does not fit into a comment. The HTML file has all of it.*\n"


def markdown(review: Review) -> str:
    """The whole review, or as many of its parts as a comment may have."""
    parts = [f"{MARK}\n## {_title(review)}\n\n{_about(review)}\n"]
    room = MOST_CHARACTERS - len(parts[0]) - len(_CUT)
    for part in (part for change in review.changes for part in _change(change)):
        if len(part) > room:
            return "".join([*parts, _CUT])
        parts.append(part)
        room -= len(part)
    return "".join(parts)


def _title(review: Review) -> str:
    amount = len(review.changes)
    return "No mail changes" if not amount else f"{amount} mail{'s' * (amount > 1)} changed"


def _about(review: Review) -> str:
    words = [f"Compared with {code(str(review.base))}.", *others(review)]
    if review.errors:
        words.append(f"**{review.errors} new findings of severity error.**")
    return " ".join(words)


def others(review: Review) -> Iterator[str]:
    """A sentence for each kind of issue that is not shown."""
    if review.same:
        yield f"The same as before: {review.same}."
    if review.sent:
        yield f"Sent already, so not compared: {review.sent}."
    if review.older:
        yield f"Unchanged files that are older, so not compared: {review.older}."


def _change(change: MailChange) -> Iterator[str]:
    was = f", which was {code(change.before.stem)}" if change.status is Fate.RENAMED else ""
    yield f"\n### {code(change.stem)}: {change.status}{was}\n\n"
    for side, when in ((change.before, "Before, it"), (change.after, "It")):
        if side.problem:
            yield f"{when} could not be rendered: {code(side.problem)}\n\n"
    yield f"{size(change.before, change.after)}\n"
    yield from _entries(
        "Headers",
        [
            f"{code(header.name)}: {_was(header.before)}{code(header.after or '(none)')}"
            for header in change.headers
        ],
    )
    yield from _entries("New findings", [_finding(finding) for finding in change.findings_added])
    yield from _entries("Mended", [_finding(finding) for finding in change.findings_removed])
    yield from _entries(
        "Links that lead elsewhere",
        [f"{code(link.name)}: {_was(link.before)}{code(link.after)}" for link in change.links],
    )
    yield from _entries("New links", [_reference(link) for link in change.links_added])
    yield from _entries("Links that are gone", [_reference(link) for link in change.links_removed])
    yield from _entries("New pictures", [_reference(image) for image in change.pictures_added])
    yield from _entries(
        "Pictures that are gone", [_reference(one) for one in change.pictures_removed]
    )
    yield from _diff("What the HTML shows", change.before.visible, change.after.visible)
    yield from _diff(
        "The text part", change.before.text.splitlines(), change.after.text.splitlines()
    )


def size(before: Side, after: Side) -> str:
    """The size of the HTML before and now, beside what Gmail shows of a mail."""
    now = after if after.html else before
    was = f"{before.html_bytes:,} → " if before.html and after.html else ""
    clipped = " **Gmail may cut it off.**" if now.html_bytes > MOST_BYTES else ""
    return f"HTML: {was}{now.html_bytes:,} bytes of {MOST_BYTES:,}.{clipped}"


def _entries(title: str, entries: Sequence[str]) -> Iterator[str]:
    if not entries:
        return
    more = len(entries) - _MOST_ENTRIES
    shown = [f"- {entry}\n" for entry in entries[:_MOST_ENTRIES]]
    yield f"\n**{title}**\n\n{''.join(shown)}{f'- and {more} more' if more > 0 else ''}\n"


def _was(before: str) -> str:
    return f"{code(before)} → " if before else ""


def _reference(reference: Reference) -> str:
    return (
        f"{code(reference.text)}: {code(reference.url)}" if reference.text else code(reference.url)
    )


def _finding(finding: Finding) -> str:
    return code(str(finding))


def _diff(title: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    changed = texts.unified(before, after)
    if not changed:
        return
    text = "\n".join(_as_many_as_fit([_shortened(visible(line)) for line in changed]))
    fence = "`" * max(3, _longest_run(text) + 1)
    yield (f"\n<details><summary>{title}</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>\n")


def _as_many_as_fit(lines: Sequence[str]) -> Iterator[str]:
    room = _MOST_OF_A_DIFF
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield f"… and {len(lines) - number} more lines"
            return
        yield line


def code(text: str) -> str:
    """A text as code in a line: seen as it is, and nothing more."""
    text = _shortened(visible(text)) or " "
    ticks = "`" * (_longest_run(text) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"{ticks}{text}{ticks}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_OF_A_LINE else f"{text[: _MOST_OF_A_LINE - 1]}…"
