"""Words of commands that are printed for people to paste into a shell."""

import shlex
from collections.abc import Iterable


def quoted(word: str) -> str:
    """The word as shells read it back. What a terminal would obey, such as a line end, is written
    as bash, zsh, ksh and POSIX of 2024 know it: $'a\\nb'."""
    if word.isprintable():
        return shlex.quote(word)
    escaped = "".join(_escaped(sign) for sign in word)
    return f"$'{escaped}'"


def quoted_path(path: str) -> str:
    """A path, which no command takes for an option."""
    return quoted(f"./{path}" if path.startswith("-") else path)


def quoted_argument(word: str) -> str:
    """The last word of a command, which takes it for no option."""
    return f"-- {quoted(word)}" if word.startswith("-") else quoted(word)


def joined(words: Iterable[str]) -> str:
    """A whole command."""
    return " ".join(map(quoted, words))


def _escaped(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return "".join(f"\\{byte:03o}" for byte in sign.encode("utf-8", "surrogateescape"))
