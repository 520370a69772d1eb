"""Which issues are compared, and which is which of the other side."""

import difflib
import html
import posixpath
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from newsletter.config import FILE_NAME
from newsletter.desk.review.base import is_picture
from newsletter.desk.slugs import slug_of_issue
from newsletter.errors import UsageError
from newsletter.project import Project

_ALIKE = 0.5  # the share of lines that an issue and the one it was renamed from have in common
_MOST_GUESSES = 400
MOST_OTHERS = 20  # whose files are as they were: the newest that are not known to be sent


@dataclass(frozen=True, slots=True)
class Pair:
    """An issue before and now; None where there was or is none."""

    before: Path | None
    after: Path | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The pairs to compare; of the other issues, how many are the same since nothing that they are
    made of changed, were sent already, and are too old to be looked at."""

    pairs: tuple[Pair, ...]
    same: int = 0
    sent: int = 0
    older: int = 0


def choose(
    now: Project,
    before: Project | None,
    changed: frozenset[str],
    is_sent: Callable[[str, Project], bool],
) -> Selection:
    """The issues whose files or pictures changed; where the theme, the settings or the logo did,
    the newest of the others, too, that are not known to be sent."""
    old, new = _files(before), _files(now)
    pairs = list(_renamed([old[name] for name in old if name not in new], new, old))
    paired = {path for pair in pairs for path in (pair.before, pair.after)}
    pairs += [Pair(old[name], None) for name in old if name not in new and old[name] not in paired]
    pairs += [Pair(None, new[name]) for name in new if name not in old and new[name] not in paired]
    pictures = [_normal(Path(name).name) for name in changed if is_picture(name)]
    others = []
    for name in new.keys() & old.keys():
        pair = Pair(old[name], new[name])
        if f"issues/{name}" in changed or _names_any(new[name], pictures):
            pairs.append(pair)
        else:
            others.append(pair)
    if before is None or not _is_shared_changed(now, before, changed):
        return Selection(_sorted(pairs), same=len(others))
    unsent = [pair for pair in _sorted(others) if not is_sent(_slug(now, pair), before)]
    looked_at = unsent[:MOST_OTHERS]
    return Selection(
        _sorted([*pairs, *looked_at]),
        sent=len(others) - len(unsent),
        older=len(unsent) - len(looked_at),
    )


def named(now: Project, before: Project | None, issues: Sequence[str]) -> Selection:
    """The issues that somebody named, now or before. Raises UsageError for one that is neither."""
    pairs = []
    for issue in issues:
        after = _path(now, issue)
        earlier = None if before is None else _path(before, _there(now, before, after) or issue)
        if after is None and earlier is None:
            now.issue_path(issue)  # raises, with what was probably meant
        pairs.append(Pair(earlier, after))
    return Selection(tuple(pairs))


def _path(project: Project, issue: str) -> Path | None:
    try:
        return project.issue_path(issue)
    except UsageError:
        return None


def _there(now: Project, before: Project, after: Path | None) -> str:
    """The place of an issue on the other side, as a whole path: a relative one is looked for in the
    current folder first. Empty for a file that lies elsewhere."""
    if after is None or not after.absolute().is_relative_to(now.root):
        return ""
    return str(before.root / after.absolute().relative_to(now.root))


def _files(project: Project | None) -> dict[str, Path]:
    """The issues of a side by their file names, the newest name first."""
    return {} if project is None else {path.name: path for path in project.readable_issue_files()}


def _renamed(gone: Sequence[Path], new: dict[str, Path], old: dict[str, Path]) -> Iterator[Pair]:
    """Each issue that is gone with the new one that is mostly the same, if several are by name."""
    fresh = [path for name, path in new.items() if name not in old]
    if len(gone) * len(fresh) > _MOST_GUESSES:
        return
    shares = [
        (_share(_lines(earlier), _lines(path)), _share(earlier.stem, path.stem), earlier, path)
        for earlier in gone
        for path in fresh
    ]
    taken: set[Path] = set()
    for share, _, earlier, path in sorted(shares, reverse=True):
        if share >= _ALIKE and taken.isdisjoint((earlier, path)):
            taken |= {earlier, path}
            yield Pair(earlier, path)


def _share(one: Sequence[object], another: Sequence[object]) -> float:
    return difflib.SequenceMatcher(None, one, another).ratio()


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line.strip()]


def _names_any(path: Path, names: Sequence[str]) -> bool:
    if not names:
        return False
    source = _normal(path.read_text("utf-8", "replace"))
    return any(name in source for name in names)


def _normal(text: str) -> str:
    """A text in which the name of a file looks the same, whether or not it is written as a part of
    a URL, and however its letters are made."""
    return unicodedata.normalize("NFC", unquote(html.unescape(text)))


def _is_shared_changed(now: Project, before: Project, changed: frozenset[str]) -> bool:
    """Whether something changed that every mail is made of."""
    logos = (_normal(project.settings.brand.logo) for project in (now, before))
    shared = {FILE_NAME, *map(posixpath.normpath, logos)}
    return any(_normal(name) in shared or name.startswith("templates/") for name in changed)


def _slug(project: Project, pair: Pair) -> str:
    return slug_of_issue(project, str(pair.after))


def _sorted(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The newest name first."""
    return tuple(
        sorted(pairs, key=lambda pair: (pair.after or pair.before or Path()).name, reverse=True)
    )
