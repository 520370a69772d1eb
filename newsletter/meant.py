"""What was probably meant by a name that is none of the known ones."""

import difflib
from collections.abc import Iterable, Sequence

_NEAR = 0.6  # of difflib's measure


def meant(name: str, names: Iterable[str], near: float = _NEAR) -> str | None:
    """The most similar known name, whatever its capitals; None where none is near."""
    by_letters: dict[str, str] = {}
    for each in names:
        by_letters.setdefault(each.casefold(), each)
    close = difflib.get_close_matches(name.casefold(), by_letters, n=1, cutoff=near)
    return by_letters[close[0]] if close else None


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """The hint for a name that is none of the known ones; empty where there are none."""
    if close := meant(name, names):
        return f"Did you mean {close!r}?"
    return f"There are: {', '.join(names[:10])}." if names else ""
