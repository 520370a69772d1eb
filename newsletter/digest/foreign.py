"""Markup of other generators: what is translated, and what is reported because readers see it.

What is left out or translated gets a note; what stays as text gets a warning. There is one finding
for each construct in a file, at its first place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from markdown_it.common.utils import normalizeReference
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from rich.emoji import Emoji, NoEmoji

from newsletter.digest.report import Report
from newsletter.model.finding import Position, Severity

FOREIGN = "foreign"  # the type of a token: readers see its `content`; `info` is its source
CONSTRUCT = "construct"  # in the meta of a token: the construct that it was translated from
HEADING = "in a heading"  # in the environment: where the text at hand stands
MATH = "with mathematics"

_REACH = 4_000  # how long a note or a marked text may be
_ATTRIBUTE = r"(?:[#.][\w:.-]+|[\w:-]+=(?:\"[^\"{}]*\"|'[^'{}]*'|[^\s\"'{}]+))"
ATTRIBUTES = re.compile(rf"\{{\s*{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}")
_KRAMDOWN = re.compile(rf"\{{:(?:\s*(?:{_ATTRIBUTE}|(?:no_)?toc))+\s*\}}")
_SHORTCODE = re.compile(r":([a-z0-9+-][a-z0-9_+-]{0,40}):(?![\w`])")
_WIKI = re.compile(
    r"\[\[(?=[^\W\d])([^\[\]|\n]{1,200})(?:\|([^\[\]|\n]{1,200}))?(?<!\s)\]\](?![\[(:])"
)
_CONTENTS = re.compile(r"\[toc\]|\[\[_?toc_?\]\]|\{\{\s*toc\s*\}\}", re.IGNORECASE)
_WITH_MATH = re.compile(r"\$\$|\\begin\{|\\\[|\\\(")


class Construct(Enum):
    """What it is, whether readers see it, and what to write instead."""

    ATTRIBUTES = ("attributes of an element", False, "Remove them.")
    NOTE = ("a note to editors", False, "Write <!-- note --> to keep it.")
    IMPORT = ("an import", False, "Remove it.")
    CONTENTS = (
        "a table of contents",
        False,
        "Let it stand alone in a paragraph, in an issue with sections.",
    )
    CONTENTS_AGAIN = ("a table of contents, when there is one above", False, "Remove it.")
    BREAK = ("a line break", False, "Write one \\ at the end of the line.")
    EMOJI = ("a short name of an emoji", False, "Write the emoji itself.")
    WIKI = ("a link of a wiki, whose text stays", False, "Write [text](https://…).")
    MARK = ("marked text, shown bold", False, "Write **text**.")
    LIQUID = ("a tag of Liquid", True, "Write what it would put here.")
    HUGO = ("a shortcode of Hugo", True, "Write what it would put here.")
    SHORTCODE = ("a shortcode of WordPress", True, "Write what it would put here.")
    MODULE = ("code of MDX", True, "Remove it.")
    ROLE = ("a role of MyST", True, "Write the text alone, or a link.")
    DIRECTIVE = ("a directive", True, "Close it with ::: or write what it would put here.")
    FENCE = ("a directive of MyST, shown as code", True, "Write ::: name and end it with :::")
    TRANSCLUSION = ("a note that is put in", True, "Write what it says.")
    SNIPPET = ("a snippet that is put in", True, "Write what it says.")
    SUBSCRIPT = ("a subscript of Pandoc", True, "Write <sub>2</sub>.")
    SUPERSCRIPT = ("a superscript of Pandoc", True, "Write <sup>2</sup>.")
    INSERTED = ("inserted text", True, "Write <ins>text</ins>.")
    DEFINITION = ("an entry of a definition list", True, "Write **term:** and what it means.")
    ABBREVIATION = ("what an abbreviation means", True, "Write it where the text has it.")
    TAB = ("the title of a tab", True, "Write **title:** and what stands in the tab.")
    PAGE_BREAK = ("a page break", True, "Remove it.")
    EMBEDDED = ("code of a template", True, "Write what it would put here.")
    INLINE_NOTE = ("a footnote of Pandoc", True, "Write [^1], and below [^1]: with its text.")
    HEADING = ("a heading without a space", True, "Write ## and a space.")
    UNDERLINE = ("a line under nothing", True, "Write --- for a rule, or remove it.")

    @property
    def description(self) -> str:
        return self.value[0]

    @property
    def stays(self) -> bool:
        return self.value[1]

    @property
    def fix(self) -> str:
        return self.value[2]


# Constructs that readers see; the rules of the parser have removed all that can be translated.
_AT_BEGINNING: tuple[tuple[Construct, re.Pattern[str]], ...] = (
    (Construct.MODULE, re.compile(r"export (?:const|default|function|let)\b")),
    (Construct.DIRECTIVE, re.compile(r":::+\s*\{?\w*|::\w[\w-]*[\[{]")),
    (Construct.SNIPPET, re.compile(r"-+8<-+|<<<\s+[@./]\S{0,80}")),
    (Construct.DEFINITION, re.compile(r":[ \t]+\S[^\n]{0,40}")),
    (Construct.ABBREVIATION, re.compile(r"\*\[[^\[\]\n]{1,60}\]:")),
    (Construct.TAB, re.compile(r"===[+!]?\s+[\"“„«「”][^\n]{0,60}")),
    (Construct.PAGE_BREAK, re.compile(r"\\(?:newpage|pagebreak|clearpage)\b")),
    (Construct.HEADING, re.compile(r"#{2,6}[^\W\d]")),
    (Construct.UNDERLINE, re.compile(r"={3,}$")),
)
# Each with a sign that it contains, for a quick check: most texts have none of them.
_ANYWHERE: tuple[tuple[Construct, str, re.Pattern[str]], ...] = (
    (Construct.LIQUID, "{%", re.compile(r"(?<!\{)\{%-?\s*[a-z]\w*(?:[^{}\n]{0,80}%\})?")),
    (Construct.HUGO, "{{", re.compile(r"\{\{[<%]\s*/?\s*[\w/-]+")),
    (
        Construct.SHORTCODE,
        "[/",
        re.compile(r"\[([a-z]{3,20})(?:\s[^\[\]]{0,200})?\][^\[\]]{0,200}\[/\1\]"),
    ),
    (Construct.TRANSCLUSION, "![[", re.compile(r"!\[\[[^\[\]]{1,200}\]\]")),
    (Construct.SUBSCRIPT, "~", re.compile(r"(?<=[A-Za-z])~\d{1,3}~")),
    (Construct.SUPERSCRIPT, "^", re.compile(r"(?<=[A-Za-z0-9)])\^[\w+-]{1,5}\^")),
    (
        Construct.INSERTED,
        "++",
        re.compile(r"(?<![\w+])\+\+(?=\w)[^+\n]{1,80}(?<=\w)\+\+(?![\w+])"),
    ),
    (Construct.EMBEDDED, "<%", re.compile(r"<%(?:[=#-]|\s)[^<>%\n]{0,80}%>")),
    (Construct.INLINE_NOTE, "^[", re.compile(r"\^\[[^\W\d][^\[\]\n]{1,60}")),
)
_ROLE = re.compile(r"\{[a-z][a-z0-9:+.-]*\}$")
_FENCE = re.compile(
    r"\{(?:note|tip|hint|important|warning|caution|danger|attention|error|seealso|admonition|figure"
    r"|image|toctree|include|code-block|math|card|grid|tab-set|dropdown)\}"
)


@dataclass
class Occurrences:
    place: Position
    source: str
    count: int = 1


def note(construct: Construct, source: str, place: Position, report: Report) -> None:
    """Remember a construct; `tell` turns what is remembered into findings."""
    if occurrences := report.foreign.get(construct.name):
        occurrences.count += 1
    else:
        report.foreign[construct.name] = Occurrences(place, " ".join(source.split())[:60])


def tell(report: Report) -> None:
    for name, occurrences in report.foreign.items():
        construct = Construct[name]
        more = f", and {occurrences.count - 1} more" if occurrences.count > 1 else ""
        consequence = (
            "readers see it as it stands" if construct.stays else "it is not shown as written"
        )
        report.add(
            "foreign-markup",
            Severity.WARNING if construct.stays else Severity.INFO,
            occurrences.place,
            f"{occurrences.source!r}{more}: {construct.description}; {consequence}",
            construct.fix,
        )


def note_left(text: str, place: Position, report: Report, *, first: bool) -> None:
    """Remember the constructs that a text shows; `first` if it begins its paragraph."""
    for construct, pattern in _AT_BEGINNING if first else ():
        if match := pattern.match(text):
            note(construct, match[0], place, report)
    for construct, sign, pattern in _ANYWHERE:
        for match in pattern.finditer(text) if sign in text else ():
            note(construct, match[0], place, report)


def note_role(before: str, code: str, place: Position, report: Report) -> None:
    """Remember a role such as {ref}`name`: the text `before` the code ends in the braces."""
    if match := _ROLE.search(before[-40:]):
        note(Construct.ROLE, f"{match[0]}`{code}`", place, report)


def note_fence(info: str, place: Position, report: Report) -> None:
    if match := _FENCE.match(info):
        note(Construct.FENCE, f"```{match[0]}", place, report)


def is_attributes(source: str, start: int, end: int) -> bool:
    """Whether a line holds attributes as kramdown has them, and nothing else."""
    match = _KRAMDOWN.match(source, start, end)
    return match is not None and not source[match.end() : end].strip()


def surroundings(before: str, text: str) -> Mapping[str, bool]:
    """What the rules below read from the environment, for a text after a token of type `before`."""
    return {HEADING: before == "heading_open", MATH: bool(_WITH_MATH.search(text))}


def is_contents(text: str, references: Mapping[str, object]) -> bool:
    return bool(_CONTENTS.fullmatch(text)) and normalizeReference("toc") not in references


def is_contents_token(token: Token) -> bool:
    return token.meta.get(CONSTRUCT) is Construct.CONTENTS


# --- rules of the inline parser -------------------------------------------------------------------


def _push(
    state: StateInline, silent: bool, end: int, construct: Construct, shown: str = ""
) -> bool:
    if not silent:
        token = state.push(FOREIGN, "", 0)
        token.content, token.info = shown, state.src[state.pos : end]
        token.meta[CONSTRUCT] = construct
    state.pos = end
    return True


def _is_word(source: str, at: int) -> bool:
    """Whether there is a digit, or a letter of a script that uses spaces."""
    return 0 <= at < len(source) and source[at].isalnum() and source[at] < "\u1100"


def attributes(state: StateInline, silent: bool) -> bool:
    """`{: .class}` anywhere, `{#id .class}` after a link, a picture, code, and a heading."""
    if state.src[state.pos] != "{":
        return False
    reach = min(state.posMax, state.pos + _REACH)
    if match := _KRAMDOWN.match(state.src, state.pos, reach):
        return _push(state, silent, match.end(), Construct.ATTRIBUTES)
    match = ATTRIBUTES.match(state.src, state.pos, reach)
    if not match:
        return False
    before = state.tokens[-1].type if state.tokens and not state.pending else ""
    ends = state.env.get(HEADING) and match.end() == len(state.src)
    if not (ends or before in ("link_close", "image", "code_inline")):
        return False
    return _push(state, silent, match.end(), Construct.ATTRIBUTES)


def notes(state: StateInline, silent: bool) -> bool:
    """`%% a note %%` of Obsidian and `{/* a note */}` of MDX."""
    start, source = state.pos, state.src
    closing = "%%" if source.startswith("%%", start) else "*/}"
    if closing == "*/}" and not source.startswith("{/*", start):
        return False
    end = source.find(closing, start + len(closing), min(state.posMax, start + _REACH))
    if end < 0:
        return False
    after = end + len(closing)
    if closing == "%%":
        words = source[start + 2 : end]
        beside = source[start - 1 : start] == "%" or source[after : after + 1] == "%"
        if beside or _is_word(source, start - 1) or _is_word(source, after) or not words.strip():
            return False
        if not any(sign.isspace() for sign in words):  # a merge field of another system
            return False
    return _push(state, silent, after, Construct.NOTE)


def emoji(state: StateInline, silent: bool) -> bool:
    """`:rocket:`, by the names of GitHub and Slack."""
    match = _SHORTCODE.match(state.src, state.pos, state.posMax)
    if not match or _is_word(state.src, state.pos - 1):
        return False
    after_emoji = state.tokens and state.tokens[-1].type == FOREIGN and not state.pending
    if state.src[state.pos - 1 : state.pos] == ":" and not after_emoji:
        return False
    sign = _emoji(match[1])
    return bool(sign) and _push(state, silent, match.end(), Construct.EMOJI, sign)


@cache
def _emoji(name: str) -> str:
    """The emoji of a name, in colour where it has an older form in black; or nothing."""
    try:
        sign = str(Emoji(name))
        return sign if len(sign) > 1 or sign > "\u2fff" else str(Emoji(name, variant="emoji"))
    except NoEmoji:
        return ""


def is_wiki_link(source: str, start: int, references: Mapping[str, object]) -> bool:
    match = _WIKI.match(source, start)
    return (
        match is not None
        and source[start - 1 : start] != "!"
        and normalizeReference(match[1]) not in references
    )


def wiki_link(state: StateInline, silent: bool) -> bool:
    """`[[a|b]]` becomes b, since there is no page to link to."""
    if not is_wiki_link(state.src, state.pos, state.env.get("references", {})):
        return False
    match = _WIKI.match(state.src, state.pos)
    if not match or match.end() > state.posMax:
        return False
    return _push(state, silent, match.end(), Construct.WIKI, (match[2] or match[1]).strip())


def mark(state: StateInline, silent: bool) -> bool:
    """`==marked==`, as bold text; but not a comparison such as `a == b`."""
    start, source = state.pos, state.src
    if not source.startswith("==", start) or _is_word(source, start - 1):
        return False
    first = source[start + 2 : start + 3]
    if not first.strip() or first == "=" or source[start - 1 : start] == "=":
        return False
    end = _end_of_mark(source, start + 3, min(state.posMax, start + 500))
    if end < 0:
        return False
    if not silent:
        _push_marked(state, start + 2, end)
    state.pos = end + 2
    return True


def _end_of_mark(source: str, start: int, limit: int) -> int:
    end = source.find("==", start, limit)
    beside = end < 0 or source[end - 1].isspace() or source[end + 2 : end + 3] == "="
    return -1 if beside or _is_word(source, end + 2) else end


def _push_marked(state: StateInline, start: int, end: int) -> None:
    limit = state.posMax
    token = state.push("strong_open", "strong", 1)
    token.meta[CONSTRUCT], token.info = Construct.MARK, state.src[start - 2 : end + 2]
    state.pos, state.posMax = start, end
    state.md.inline.tokenize(state)
    state.posMax = limit
    state.push("strong_close", "strong", -1)


def line_break(state: StateInline, silent: bool) -> bool:
    r"""`\\` at the end of a line, as kramdown writes a break; not in mathematics."""
    if not state.src.startswith("\\\\\n", state.pos) or state.env.get(MATH):
        return False
    if not silent:
        token = state.push("hardbreak", "br", 0)
        token.meta[CONSTRUCT], token.info = Construct.BREAK, "\\\\"
    state.pos += 3
    while state.pos < state.posMax and state.src[state.pos] in " \t":
        state.pos += 1
    return True
