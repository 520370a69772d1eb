"""Front matter: misspelt keys, texts that other readers of YAML would cut off, dates."""

import datetime as dt
import json
import re
from collections.abc import Iterator

from newsletter.desk.mending.source import Edit, IssueText, Repair
from newsletter.digest import Parsed, characters, dates, front_matter
from newsletter.digest.front_matter import FrontMatter
from newsletter.digest.keys import KNOWN, PROSE
from newsletter.meant import meant
from newsletter.model.finding import Finding, Position, Severity

_LONG_WORD = 6  # letters: of shorter ones, another letter makes another word (data, start)
_ENTRY = re.compile(
    r"(?P<start>(?P<key>[A-Za-z][\w-]*)[ \t]*:[ \t]+)(?P<text>[^\s\"'\[{|>&*!#].*?)\s*"
)
_POINT = re.compile(r"(?P<start>[ \t]*-[ \t]+)(?P<text>[^\s\"'\[{|>&*!#-].*?)\s*")
_TOP_KEY = re.compile(r"(?P<key>[A-Za-z][\w-]*)[ \t]*:")
_CUT_OFF = re.compile(r"[ \t]#(?![ \t]|$)|:(?:[ \t]|$)")
_DATE = re.compile(
    r"(?:date|publishDate)[ \t]*[:=][ \t]*(?P<quote>[\"']?)(?P<text>[^\"'#]+?)(?P=quote)\s*",
    re.IGNORECASE,
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
_NAMED_ZONE = re.compile(r"[A-Za-z]+/[A-Za-z]")


def split(source: IssueText, file: str) -> FrontMatter:
    return front_matter.split(characters.clean(source.text), file)


def misspelt_keys(source: IssueText, parsed: Parsed, file: str) -> Iterator[Repair]:
    """Keys one slip away from a known one that the issue does not have."""
    front = split(source, file)
    for key, line in front.lines.items():
        known = meant(key, KNOWN)
        if key in KNOWN or key not in front.values or known is None or not _is_slip(key, known):
            continue
        start, text = source.line(line)
        spot = re.match(rf"\s*[\"']?({re.escape(key)})(?=[\"']?\s*[:=])", text)
        if spot and known not in front.values:
            edit = Edit(start + spot.start(1), start + spot.end(1), known)
            message = f"the key {key!r} was meant as {known!r}"
            yield _change("unknown-key", file, line, message, edit)


def _is_slip(key: str, known: str) -> bool:
    """Whether a key differs by its capitals, hyphens or one letter; a plural is another word."""
    one, other = (re.sub(r"[-_]", "", name).lower() for name in (key, known))
    if one == other:
        return True
    if one == f"{other}s" or abs(len(one) - len(other)) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(other))
    rest, rest_of_other = one[same:], other[same:]
    swapped = rest[:2] == rest_of_other[:2][::-1] and rest[2:] == rest_of_other[2:]
    added = rest[1:] == rest_of_other or rest == rest_of_other[1:]
    replaced = rest[1:] == rest_of_other[1:] and len(other) >= _LONG_WORD
    return swapped or added or replaced


def bare_texts(source: IssueText, parsed: Parsed, file: str) -> Iterator[Repair]:
    """Texts without quotes which other readers of YAML would cut off at a # or refuse for a colon.

    A # before a space may begin a comment, so it is left to the author.
    """
    front = split(source, file)
    top = parsed.source.lstrip("\n \t")
    if not top.startswith("---") or any(f.severity is Severity.ERROR for f in front.findings):
        return
    key = ""
    for line in range(2, front.body_line - 1):
        start, text = source.line(line)
        if entry := _TOP_KEY.match(text):
            key = entry["key"]
        match = _ENTRY.fullmatch(text) or _POINT.fullmatch(text)
        goes_on = re.match(r"[ \t]+(?!-[ \t])\S", source.line(line + 1)[1])
        if not match or key not in PROSE or goes_on or not _CUT_OFF.search(match["text"]):
            continue
        if re.search(r"[ \t]#(?:[ \t]|$)", match["text"]):
            continue
        edit = Edit(start + match.start("text"), start + match.end("text"), _quoted(match["text"]))
        message = f"{match['text'][:60]!r} has quotes now: it is a text to every reader of YAML"
        yield _change("front-matter-quotes", file, line, message, edit)


def _quoted(text: str) -> str:
    if not re.search(r"[\"\\]", text):
        return f'"{text}"'
    return json.dumps(text, ensure_ascii=False) if "'" in text else f"'{text}'"


def dates_in_iso(source: IssueText, parsed: Parsed, file: str) -> Iterator[Repair]:
    """A date in another form than 2026-01-31, where it can be read in one way only."""
    front = split(source, file)
    for key in ("date", "publishDate"):
        start, text = source.line(front.lines.get(key, 0))
        match = _DATE.fullmatch(text)
        if match is None or _ISO.fullmatch(match["text"]) or _NAMED_ZONE.search(match["text"]):
            continue
        written = match["text"].strip()
        if date := _only_reading(written):
            iso = date.isoformat()
            edit = Edit(start + match.start("text"), start + match.end("text"), iso)
            message = f"the date {written!r} is written as {iso}"
            yield _change("date-form", file, front.lines[key], message, edit)


def _only_reading(text: str) -> dt.date | dt.datetime | None:
    if both := dates.readings(text):
        days = [day for day in both if day != "no day"]
        is_day_alone = re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}", text)
        return dates.parsed(days[0]) if len(set(days)) == 1 and is_day_alone else None
    return dates.parsed(text)


def _change(rule: str, file: str, line: int, message: str, edit: Edit) -> Repair:
    place = Position(file, line)
    return Repair(Finding(rule, Severity.INFO, place, message, edit.text), (edit,))
