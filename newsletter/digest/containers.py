"""Blocks of other generators: `::: name`, `!!! name`, imports, and notes that go on for lines."""

import re

from markdown_it.rules_block import StateBlock

from newsletter.digest.foreign import ATTRIBUTES, CONSTRUCT, FOREIGN, Construct
from newsletter.languages import is_sponsor

LABELLED = "labelled"  # its tokens: labelled_open, inline (the label), blocks, labelled_close

SPONSOR = "sponsor"  # the name of sponsored blocks, whatever their author calls them

_ENDS = "ends of containers"  # in the environment
_NOTE_LINES = 100  # how long a note may be
_INDENT = 4
_COLONS = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*(:{3,})[ \t]*(.*)")
_NAME = r"[^\W\d_][\w-]*"
_OPENING = re.compile(rf":{{3,}}[ \t]*(?:\{{[ \t]*\.?({_NAME})[^{{}}]*\}}|({_NAME}))(.*)")
_BRACKET = re.compile(r"\\.|[\[\]]")
_MOST_WORDS = 3  # words of a title that may belong to the name of a block
_FENCE = re.compile(r"[ \t>]*(```+|~~~+)")
_ADMONITION = re.compile(
    rf"(?:!!!|\?\?\?\+?)[ \t]+({_NAME}(?:[ \t]+{_NAME})*)"
    r"(?:[ \t]+\"((?:[^\"\\]|\\.)*+)\")?[ \t]*"
)
_IMPORT = re.compile(r"import\s+(?:[\w*{}\s,$]{1,500}\s+from\s+)?[\"'][^\"']{1,500}[\"'];?\s*")


def kind_and_label(name: str, title: str = "") -> tuple[str, str]:
    """The kind of a block and its label; a sponsored one is `SPONSOR` with its title alone."""
    words_of_name = name.replace("-", " ").replace("_", " ")
    title = title.strip()
    for words in range(_MOST_WORDS):  # some languages have no single word for a sponsor
        parts = title.split(maxsplit=words)
        if is_sponsor(" ".join([words_of_name, *parts[:words]])):
            return SPONSOR, " ".join(parts[words:])
    return name, title or words_of_name.capitalize()


def _title(rest: str) -> str:
    """The title in the text after the name of a container: `[title]`, or all of it.

    Attributes at its end, which are about its look, and colons that close the line are not part of
    it.
    """
    text = rest.rstrip()
    bare = text.rstrip(":")
    text = bare.rstrip() if len(text) - len(bare) > 2 else text
    begin = text.rfind("{")
    if begin >= 0 and (text[begin:] == "{open}" or ATTRIBUTES.fullmatch(text, begin)):
        text = text[:begin].rstrip()
    if text.startswith("[") and _closing_bracket(text) == len(text) - 1:
        return text[1:-1]
    return text[1:] if text.startswith((":", "：")) else text


def _closing_bracket(text: str) -> int:
    """Where the bracket that opens a text is closed; -1 for nowhere."""
    depth = 0
    for sign in _BRACKET.finditer(text):
        depth += {"[": 1, "]": -1}.get(sign[0], 0)
        if not depth:
            return sign.start()
    return -1


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def container(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`::: name title`, up to its `:::`; one that is never closed is text."""
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(":::", first) or state.is_code_block(start):
        return False
    opening = _OPENING.fullmatch(_line(state, start))
    last = _ends(state).get(start, end)
    if not opening or last >= min(end, state.lineMax):
        return False
    if silent:
        return True
    name, label = kind_and_label(opening[1] or opening[2], _title(opening[3]))
    _push_labelled(state, name, label, start, last, state.blkIndent)
    state.line = last + 1 if state.line >= last else state.line
    return True


def _ends(state: StateBlock) -> dict[int, int]:
    """The line of the `:::` that ends each container, by the line that begins it; found once."""
    if _ENDS not in state.env:
        state.env[_ENDS] = _find_ends(state.src)
    ends: dict[int, int] = state.env[_ENDS]
    return ends


def _find_ends(source: str) -> dict[int, int]:
    ends: dict[int, int] = {}
    opened: list[tuple[int, int]] = []
    fence = ""
    for number, line in enumerate(source.split("\n") if ":::" in source else ()):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and (colons := _COLONS.fullmatch(line)):
            if colons[2].strip(":"):
                opened.append((number, len(colons[1])))
            elif opened and len(colons[1]) >= opened[-1][1]:
                ends[opened.pop()[0]] = number
    return ends


def admonition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`!!! name "title"` with what is indented by four spaces below it."""
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(("!!!", "???"), first) or state.is_code_block(start):
        return False
    opening = _ADMONITION.fullmatch(_line(state, start))
    if not opening:
        return False
    last = start
    for line in range(start + 1, min(end, state.lineMax)):
        if state.isEmpty(line):
            continue
        if state.sCount[line] < state.blkIndent + _INDENT:
            break
        last = line
        if silent:
            break
    if last == start:
        return False
    if not silent:
        name = opening[1] if is_sponsor(opening[1]) else opening[1].split()[0]
        name, label = kind_and_label(name, opening[2] or "")
        indent = state.blkIndent + _INDENT
        _push_labelled(state, name, label, start, last + 1, indent)
        state.line = max(state.line, last + 1)
    return True


def _push_labelled(
    state: StateBlock, name: str, label: str, start: int, end: int, indent: int
) -> None:
    outer = state.parentType, state.lineMax, state.blkIndent
    opening = state.push(f"{LABELLED}_open", "div", 1)
    opening.map, opening.info = [start, end], name
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = label, [start, start + 1], []
    state.parentType, state.lineMax, state.blkIndent = "container", end, indent
    state.line = start + 1
    state.md.block.tokenize(state, start + 1, end)
    state.parentType, state.lineMax, state.blkIndent = outer
    state.push(f"{LABELLED}_close", "div", -1)


def imports(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`import x from "y"`, as at the top of MDX."""
    first = state.bMarks[start] + state.tShift[start]
    if silent or not state.src.startswith("import", first) or state.is_code_block(start):
        return False
    if not _IMPORT.fullmatch(_line(state, start)):
        return False
    return _push_foreign(state, start, start + 1, Construct.IMPORT)


def long_note(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A note between `%%` that begins a line and ends on another, blank lines or not."""
    line = _line(state, start)
    if silent or not line.startswith("%%") or "%%" in line[2:]:
        return False
    for last in range(start + 1, min(end, start + _NOTE_LINES)):
        if state.sCount[last] < state.blkIndent and not state.isEmpty(last):
            return False
        if _line(state, last).rstrip().endswith("%%"):
            return _push_foreign(state, start, last + 1, Construct.NOTE)
    return False


def _push_foreign(state: StateBlock, start: int, end: int, construct: Construct) -> bool:
    token = state.push(FOREIGN, "", 0)
    token.map, token.info = [start, end], state.getLines(start, end, state.blkIndent, False)
    token.meta[CONSTRUCT] = construct
    state.line = end
    return True
