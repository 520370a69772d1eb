"""Blocks of other generators: `::: name`, `!!! name`, imports, and notes that go on for lines."""

import re

from markdown_it.rules_block import StateBlock

from newsletter.digest.foreign import CONSTRUCT, FOREIGN, Construct

LABELLED = "labelled"  # its tokens: labelled_open, inline (the label), blocks, labelled_close

_SPONSORS = ("sponsor", "sponsors", "sponsored", "ad", "advertisement")
_ENDS = "ends of containers"  # in the environment
_NOTE_LINES = 100  # how long a note may be
_INDENT = 4
_COLONS = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*(:{3,})[ \t]*(.*)")
_OPENING = re.compile(
    r":{3,}[ \t]*(?:\{[ \t]*\.?([A-Za-z][\w-]*)[^{}]*\}|([A-Za-z][\w-]*))"
    r"(?:[ \t]+|\[)?([^{}\]]*)\]?(?:[ \t]*\{[^{}]*\})?[ \t]*:*"
)
_FENCE = re.compile(r"[ \t>]*(```+|~~~+)")
_ADMONITION = re.compile(
    r"(?:!!!|\?\?\?\+?)[ \t]+([A-Za-z][\w-]*)(?:[ \t]+[A-Za-z][\w-]*)*"
    r"(?:[ \t]+\"([^\"]*)\")?[ \t]*"
)
_IMPORT = re.compile(r"import\s+(?:[\w*{}\s,$]{1,500}\s+from\s+)?[\"'][^\"']{1,500}[\"'];?\s*")


def is_sponsor(name: str) -> bool:
    """Whether a block is called what somebody paid for."""
    return name.lower() in _SPONSORS


def label_of(name: str, title: str = "") -> str:
    """The label of a block that is called `name`; a sponsor's has a word of the mail's language."""
    if is_sponsor(name):
        return title.strip()
    return title.strip() or name.replace("-", " ").replace("_", " ").capitalize()


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
    name = opening[1] or opening[2]
    label = label_of(name, opening[3])
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
        label = label_of(opening[1], opening[2] or "")
        indent = state.blkIndent + _INDENT
        _push_labelled(state, opening[1], label, start, last + 1, indent)
        state.line = max(state.line, last + 1)
    return True


def _push_labelled(
    state: StateBlock, name: str, label: str, start: int, end: int, indent: int
) -> None:
    kept = state.parentType, state.lineMax, state.blkIndent
    opening = state.push(f"{LABELLED}_open", "div", 1)
    opening.map, opening.info = [start, end], name
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = label, [start, start + 1], []
    state.parentType, state.lineMax, state.blkIndent = "container", end, indent
    state.line = start + 1
    state.md.block.tokenize(state, start + 1, end)
    state.parentType, state.lineMax, state.blkIndent = kept
    state.push(f"{LABELLED}_close", "div", -1)


def imports(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`import x from "y"`, as MDX begins with."""
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
