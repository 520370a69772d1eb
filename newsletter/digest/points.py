"""In which line of its file each point of the summary stands."""

from collections.abc import Iterable, Iterator

_BEGINNING = 12  # characters by which a point is looked for


def placed(
    points: Iterable[tuple[str, int]], text: str, body_line: int
) -> Iterator[tuple[str, int]]:
    """The points of a summary, each with its own line as far as they stand in their order as they
    are read; the others keep the line of their key."""
    lines = [" ".join(line.split()) for line in text.split("\n", body_line)[: body_line - 1]]
    above = 0
    in_order = True
    for point, key_line in points:
        words = " ".join(point.split())
        first = max(above, key_line - 1)
        found = (n for n, line in enumerate(lines[first:], first + 1) if _begins(words, line))
        line = next(found, None) if in_order else None
        in_order = line is not None
        above = line or above
        yield point, line or key_line


def _begins(words: str, line: str) -> bool:
    """Whether a line holds the beginning of a point, which may go on in the next."""
    return words[:_BEGINNING] in line or bool(
        (text := line.lstrip("-*+\"' ")) and words.startswith(f"{text} ")
    )
