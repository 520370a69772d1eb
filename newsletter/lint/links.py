"""Failed links: readers see the brackets as they were written."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import Run, holds_any, quoted, runs
from newsletter.model.digest import Digest
from newsletter.model.email import URL_FIELD
from newsletter.model.finding import Finding, Severity

_LINK = re.compile(
    r"\[(?P<text>[^\[\]\n]{0,200})\](?P<gap>[ \t\n]{0,2})"
    r"\((?P<target>(?:[^()\n]|\([^()\n]{0,100}\)){0,300})(?P<end>\)?)"
    r"|\]\((?P<rest>[^()\n]{0,300})"
    r"|\[(?P<before_wide>[^\[\]\n]{1,200})\]（(?P<wide>[^（）\n]{1,300})）"
    r"|[【［](?P<in_wide>[^【】［］\n]{1,200})[】］]\((?P<behind_wide>[^()\n]{1,300})\)"
    r"|<(?P<angles>(?:https?://|mailto:)[^<>\s]{1,300}[ \t][^<>\n]{0,300})>"
)
_ADDRESS = re.compile(r"\s*(?:https?:|mailto:|www\.|\.{0,2}/)", re.IGNORECASE)
_TITLED = re.compile(r"(?P<address>.*?)(?P<title>\s+[\"“„«「][^\"]*[\"”“»」])?")


def broken_link(digest: Digest) -> Iterator[Finding]:
    """A link that readers see as brackets, or that leads nowhere."""
    for run in runs(digest) if holds_any(digest, "]】］<") else ():
        for match in _LINK.finditer(run.text) if not run.is_plain else ():
            if fix := _fix(match, run):
                kind = "picture" if run.text[match.start() - 1 : match.start()] == "!" else "link"
                yield Finding(
                    "broken-link",
                    Severity.WARNING,
                    run.place(match.start()),
                    f"{quoted(match[0])!r} is not a {kind}: readers see the brackets",
                    fix,
                )


def _fix(match: re.Match[str], run: Run) -> str:
    """What to do about a failed link; empty where it was never meant as one."""
    if match["angles"]:
        return f"Write %20 for each space: <{match['angles'].replace(' ', '%20')}>."
    if address := match["wide"] or match["behind_wide"]:
        text = match["before_wide"] or match["in_wide"]
        full_width = re.search(r"[^\W\d_]", text) and _ADDRESS.match(address)
        return f"Write [{text}]({address}), without full-width brackets." if full_width else ""
    target = match["target"] if match["rest"] is None else match["rest"]
    if match["gap"]:
        full_width = re.search(r"[^\W\d_]", match["text"]) and _ADDRESS.match(target)
        return "Remove the space between ] and (." if full_width else ""
    if field := URL_FIELD.fullmatch(target.strip()):
        return f"Write it without spaces: [text]({{{{{field[1]}}}}})."
    if "{{" in target:
        return "Write the address itself: no field is filled in there."
    titled = _TITLED.fullmatch(target.strip())
    address, title = (titled["address"], titled["title"]) if titled else (target, None)
    if '"' in address:
        return 'Close the quotes of its title: [text](https://… "title").'
    if match["end"] == "":
        return f"Close it: [text]({target.split()[0].rstrip('）') if target.split() else 'https://…'})."
    if " " in address:
        target_and_title = address.replace(" ", "%20") + (' "…"' if title else "")
        return f"Write %20 for each space: ({target_and_title})."
    if match["rest"] is not None:
        return "Close it: [text](https://…)."
    if run.has_link(*match.span("text")):
        return "Keep one link of the two: no link can stand within another."
    if run.has_link(*match.span("target")):
        return "Remove the backslash before the bracket, or put code around it to show it."
    return "Leave a blank line below HTML that stands before it, or remove a backslash in it."
