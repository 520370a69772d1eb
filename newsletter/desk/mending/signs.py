"""Straight quotes among those of the language, in an issue that sets its quotes by hand."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from newsletter.desk.mending.source import Edit, IssueText, Repair
from newsletter.digest import Parsed
from newsletter.languages import Signs
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Text
from newsletter.model.walking import walk

_STRAIGHT = "\"'"
_SHOWN = 4
_NARROW = "\u202f\u00a0"


def set_quotes(
    source: IssueText, parsed: Parsed, *, file: str, typeset: Digest, signs: Signs
) -> Iterator[Repair]:
    """`typeset` is the digest as `smart` would set it.

    Only where most double quotes are those of the language already: elsewhere straight ones are a
    habit. Lines with quotes that readers do not see, such as those of code, are left out.
    """
    written, becomes = _texts(parsed.digest), _texts(typeset)
    if not _sets_by_hand(written, signs) or len(written) != len(becomes):
        return
    texts: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for one, other in zip(written, becomes, strict=True):
        texts[one.position.line].append((one.text, other.text))
    for line, pairs in texts.items():
        if edits := _edits(*source.line(line), pairs, signs):
            shown = " ".join(edit.text for edit in edits[:_SHOWN])
            message = f"straight quotes, {len(edits)} of them, became {shown}"
            place = Position(file, line)
            yield Repair(Finding("straight-quotes", Severity.INFO, place, message, shown), edits)


def _edits(
    start: int, line: str, pairs: Sequence[tuple[str, str]], signs: Signs
) -> tuple[Edit, ...]:
    """The edits of a line whose texts are written and typeset so; none where it has other quotes
    than those of its texts."""
    places = [place for place, sign in enumerate(line) if sign in _STRAIGHT]
    quotes: list[str] = []
    for written, becomes in pairs:
        quotes += _quotes(written, becomes, signs) or ()
    if len(quotes) != len(places):
        return ()
    return tuple(
        Edit(start + place, start + place + 1, quote)
        for place, quote in zip(places, quotes, strict=True)
        if quote not in _STRAIGHT and _is_plain(line, place)
    )


def _is_plain(line: str, place: int) -> bool:
    """Whether a quote is a double one, or an apostrophe within a word: others may be of code."""
    around = line[max(0, place - 1) : place] + line[place + 1 : place + 2]
    return line[place] == '"' or (len(around) == 2 and around.isalpha())


def _texts(digest: Digest) -> list[Text]:
    return [node for node in walk(digest) if isinstance(node, Text)]


def _sets_by_hand(texts: Sequence[Text], signs: Signs) -> bool:
    text = "".join(node.text for node in texts)
    own = sum(text.count(sign.strip(_NARROW)) for sign in set(signs.quotes[:2]))
    return own > text.count('"')


def _quotes(written: str, becomes: str, signs: Signs) -> Sequence[str] | None:
    """What each straight quote of a text becomes; None where the two cannot be compared."""
    quotes: list[str] = []
    forms = sorted({*signs.quotes, "’", *_STRAIGHT}, key=len, reverse=True)
    place = other = 0
    while place < len(written):
        sign, rest = written[place], becomes[other:]
        hyphens = len(written) - place - len(written[place:].lstrip("-")) if sign == "-" else 0
        if sign in _STRAIGHT:
            quote = next((form for form in forms if rest.startswith(form)), None)
            if quote is None:
                return None
            quotes.append(quote)
            place, other = place + 1, other + len(quote)
        elif rest[:1] == sign or (sign == " " and rest[:1] in _NARROW and rest):
            place, other = place + 1, other + 1
        elif dash := next(
            (dash for dash in signs.dashes[::-1] if hyphens and rest.startswith(dash)), ""
        ):
            place, other = place + hyphens, other + len(dash)
        else:
            return None
    return quotes
