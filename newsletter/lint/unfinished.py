"""What authors leave for later: marks that readers should never see.

A mark counts only where it can hardly be a word: "todo" is Spanish for all, TK a company or an
airline, XXX the Roman thirty, and all three stand in names. `send` refuses an issue with such a
mark; `test`, `render` and `lint` report it.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from newsletter.lint.visible import holds_any, inbox_texts, quoted, runs
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Image
from newsletter.model.nodes import nodes_of

RULE = "unfinished-text"

_SIGNS = (
    "TODO",
    "FIXME",
    "TK",
    "XXX",
    "[",
    "［",
    "【",
    "odo:",
    "o do:",
    "o-do:",
    "orem ipsum",
    "OREM IPSUM",
)
_VERBS = (
    "add|ask|check|complete|confirm|describe|explain|fill|find|finish|fix|get|insert|link|mention"
    "|move|remove|replace|rewrite|update|verify|write"
)
_TO_DO = (
    "buy|call|email|include|make|put|read|see|send|talk"  # behind a Todo:, which is Spanish too
)
_LATER = "TODO|FIXME"
_WHEN = "asap|before|here|later|soon|tomorrow"
_FIXME_ITSELF = "are|comments?|in|is|notes?|tags?|was|were"  # words about the mark itself
_TO_INSERT = (
    r"insert\b|placeholder\b|fill (?:in|me)\b|to be (?:added|written)\b"
    r"|your (?:name|text|title|headline|summary|link|logo|company|image|photo|content|message)\b"
    r"|ins(?:érer|érez|ertar|erte|erir|ira|erire|erisci)\b|à compléter|completar\b|wstaw\b"
    r"|uzupełnić\b|встав(?:ить|ьте|ити|те)\b|(?:请|請)?在?(?:此|此处|此處|这里|這裡)?(?:插入|填写|填寫|填入)"
    r"|待(?:补充|補充|填|写|寫)|ここに|أدخل|أدرج|הכנס|הוסיפו"
)
_TO_INSERT_AT_END = (
    "einfügen|einsetzen|ergänzen|invoegen|invullen|ekleyin|を挿入|を記入|を入力|입력|삽입"
)
_MARK = re.compile(
    rf"(?:^|[.;!?]\s+)\W*(?P<begins>(?:{_LATER})(?:\s*[:(]|\s+[-–—]+\s|\s+(?:{_VERBS}|{_WHEN})\b))"
    rf"|^\W*(?P<fixme>FIXME\s+(?!(?:{_FIXME_ITSELF})\b)\w)"
    rf"|^\W*(?P<to_do>[Tt]o[ -]?do:\s+(?:{_VERBS}|{_TO_DO})\b)"
    rf"|[(\[{{<［【]\s*(?P<bracketed>(?:{_LATER})(?=\s*[:\])}}>］】]|\s+(?:{_VERBS})\b))"
    rf"|^\W*(?P<alone>{_LATER}|TK|X{{3,}}(?!\.))\W*$"
    rf"|[:：]\s*(?P<value>{_LATER}|TK|X{{3,}})\W*$"
    r"|\[\s*(?P<square>(?:TODO|TBD|TK|X{3,})\b[^\]\n]{0,80})\]"
    r"|(?P<thrice>\bTK(?:TK)+\b|\bTK\s+TK\b|\(TK:)"
    r"|(?P<sum>[$€£¥](?:TK|X{3,})\b|\bTK\s?(?:%|percent\b|million\b|billion\b|people\b|words\b))"
    r"|(?:^|[(\[]\s*)(?P<note>XXX:\s+[a-z])"
    r"|(?P<latin>(?i:lorem ipsum dolor))"
    rf"|[\[［【]\s*(?P<insert>(?i:{_TO_INSERT})[^\]］】\n]{{0,80}})[\]］】]"
    rf"|[\[［【](?P<insert_here>[^\[\]［］【】\n]{{0,60}}(?i:{_TO_INSERT_AT_END}))\s*[\]］】]",
    re.MULTILINE,
)

_BRACKETS = ("square", "insert", "insert_here")  # the kinds of marks that end with their bracket


def unfinished_text(digest: Digest) -> Iterator[Finding]:
    """A note of the author's, such as TODO, that readers are not meant to see."""
    for text, place in _texts(digest):
        if any(sign in text for sign in _SIGNS):
            for match in _MARK.finditer(text):
                start = match.start(str(match.lastgroup))
                yield _finding(_words(match), place(start))


def _words(match: re.Match[str]) -> str:
    """What a finding quotes: a note in brackets with both, any other to the end of its line."""
    kind = str(match.lastgroup)
    if kind in _BRACKETS:
        return match[0]
    start = match.start() if kind == "bracketed" else match.start(kind)
    return match.string[start:].partition("\n")[0]


def _texts(digest: Digest) -> Iterator[tuple[str, Callable[[int], Position]]]:
    """What readers see, with the place of each character."""
    for text, place in inbox_texts(digest):
        yield text, partial(_always, place)
    for run in runs(digest) if holds_any(digest, _SIGNS) else ():
        yield run.text, run.place
    for node in nodes_of(digest):
        if isinstance(node, Image):
            yield node.alt, partial(_place_of, node)


def _always(place: Position, offset: int) -> Position:
    return place


def _place_of(picture: Image, offset: int) -> Position:
    return picture.position


def _finding(text: str, place: Position) -> Finding:
    words = quoted(" ".join(text.split()))
    return Finding(
        RULE,
        Severity.WARNING,
        place,
        f"{words!r} is not finished, and `send` refuses it",
        f"Write what is meant; or, if readers are to see it, lint-ignore: [{RULE}].",
    )
