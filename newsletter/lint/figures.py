"""Numbers whose unit went wrong on the way from one language into another."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from newsletter.lint.visible import Run, holds_any, runs_of
from newsletter.model.blocks import Item, Section
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Node
from newsletter.model.nodes import nodes_of
from newsletter.model.walking import walk

# What each unit is worth. Those of one row look alike to a translator, and are not.
_ROWS = (
    ({"B": 10**9, "bn": 10**9, "billion": 10**9}, {"亿": 10**8, "億": 10**8, "억": 10**8}),
    ({"M": 10**6, "million": 10**6}, {"万": 10**4, "萬": 10**4, "만": 10**4}),
    (
        {"B": 10**9, "bn": 10**9, "billion": 10**9},
        {"Billion": 10**12, "Billionen": 10**12, "billones": 10**12, "biljoen": 10**12},
    ),
)
_UNITS = sorted({unit for row in _ROWS for units in row for unit in units}, key=len, reverse=True)
_MONEY = (
    "美元|美金|欧元|歐元|英镑|英鎊|日元|日圆|日圓|円|元|人民币|人民幣|港元|港币|韩元|卢比|ドル|ユーロ|"
    r"원|달러|dollars?\b|euros?\b|pounds?\b|yen\b|yuan\b|USD\b|EUR\b|€|\$|dólares\b"
)
_FIGURE = re.compile(
    r"(?P<sign>[$€£¥₩]\s?)?(?<![A-Za-z0-9_.,])(?P<number>\d{1,4}(?:\.\d{1,2})?)[\s-]?"
    rf"(?P<unit>{'|'.join(_UNITS)})(?![A-Za-z0-9_万萬만亿億억])[\s-]?(?P<money>{_MONEY})?"
)
_SIGNS = ("亿", "億", "억", "万", "萬", "만", "Billionen", "billones", "biljoen")


@dataclass(frozen=True, slots=True)
class _Figure:
    text: str
    number: str
    unit: str
    is_money: bool
    place: Position

    @property
    def amount(self) -> tuple[str, bool]:
        """What it counts, whatever its unit: dollars, or other things."""
        return self.number, self.is_money

    def value(self, worth: int) -> int:
        return round(float(self.number) * worth)


def number_unit(digest: Digest) -> Iterator[Finding]:
    """A number means the same in both of its units: 7B is 70亿, and 7亿 is not."""
    for scope in _scopes(digest):
        figures = [figure for run in scope for figure in _figures(run)]
        if len(figures) > 1:
            yield from _slips(figures)


def _scopes(digest: Digest) -> Iterator[Sequence[Run]]:
    """What speaks of one thing: an item with its text, else each paragraph or point."""
    if not holds_any(digest, _SIGNS):
        return
    items = [node for node in nodes_of(digest) if _is_one_story(node)]
    within = {id(node) for item in items for node in walk(item)}
    yield from (list(runs_of(item)) for item in items)
    for node in nodes_of(digest):
        if id(node) not in within:
            yield from ([run] for run in runs_of(node, below=False))


def _is_one_story(node: Node) -> bool:
    """Whether a node is a heading with its text and nothing else."""
    if isinstance(node, Section):
        return not any(isinstance(part, Section | Item) for part in node.parts)
    return isinstance(node, Item)


def _figures(run: Run) -> Iterator[_Figure]:
    for match in _FIGURE.finditer(run.text):
        yield _Figure(
            match[0].strip(),
            match["number"],
            match["unit"],
            bool(match["sign"] or match["money"]),
            run.place(match.start()),
        )


def _slips(figures: Sequence[_Figure]) -> Iterator[Finding]:
    """Pairs of one number in units that look alike, where no other figure says it rightly."""
    slips: dict[tuple[str, str], Finding] = {}
    for ours, theirs in _ROWS:
        others = {figure.amount: figure for figure in figures if figure.unit in theirs}
        right = {figure.value(theirs[figure.unit]) for figure in others.values()}
        for one in figures:
            other = others.get(one.amount)
            if other and one.unit in ours and one.value(ours[one.unit]) not in right:
                slips.setdefault((one.text, other.text), _finding(one, other, ours, theirs))
    yield from slips.values()


def _finding(
    one: _Figure, other: _Figure, ours: Mapping[str, int], theirs: Mapping[str, int]
) -> Finding:
    return Finding(
        "number-unit",
        Severity.WARNING,
        max(one.place, other.place),
        f"{one.text!r} and {other.text!r} are not the same number",
        f"Compare with the source: 1 {one.unit} is {ours[one.unit] / theirs[other.unit]:g} "
        f"{other.unit}.",
    )
