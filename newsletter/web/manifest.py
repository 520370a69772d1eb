"""The manifest of a static site: which files are ours, signed with the newsletter's key.

Only what it lists is ever replaced or removed. Anybody who can write into the folder could change
the list, so one without our signature is refused.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from pathlib import Path

from newsletter.errors import Refused
from newsletter.files import open_ordinary, write_whole

NAME = ".newsletter-archive"
_PURPOSE = b"newsletter.archive:"


def read(folder: Path, keys: tuple[str, ...]) -> set[str]:
    """The paths that earlier builds wrote; none where there was none. Raises Refused.

    A pipe in its place is not waited for.
    """
    file = folder / NAME
    try:
        with open_ordinary(file) as opened:
            content = opened.read()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise _refused(file, f"cannot be read ({error.strerror})") from error
    try:
        noted = json.loads(content)
        paths, signature = noted["paths"], noted["signature"]
        is_ours = any(hmac.compare_digest(signature, _signature(paths, key)) for key in keys)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused(file, "is not one of ours") from error
    if not is_ours or not all(map(_is_plain, paths)):
        raise _refused(file, "was changed since, or is of another newsletter")
    return set(paths)


def write(folder: Path, paths: Iterable[str], keys: tuple[str, ...]) -> None:
    """Write the list of our files, signed with the newest key."""
    listed = sorted(paths)
    noted = {"paths": listed, "signature": _signature(listed, keys[0])}
    content = (json.dumps(noted, ensure_ascii=False) + "\n").encode()
    file = folder / NAME
    if not (file.is_file() and file.read_bytes() == content):
        write_whole(file, content)


def _signature(paths: list[str], key: str) -> str:
    listed = json.dumps(paths, separators=(",", ":")).encode()
    return hmac.new(key.encode(), _PURPOSE + listed, hashlib.sha256).hexdigest()


def _is_plain(path: object) -> bool:
    """Whether it is a relative path below the folder, whose first name has no dot in front."""
    if not isinstance(path, str) or path.startswith("."):
        return False
    return all(name not in ("", ".", "..") for name in path.split("/"))


def _refused(file: Path, why: str) -> Refused:
    return Refused(
        f"the list of what was built here {why}; nothing was written or removed",
        where=str(file),
        hint="Build into an empty folder, or remove this one and build it again.",
    )
