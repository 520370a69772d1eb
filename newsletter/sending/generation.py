"""The file beside the signing secret that remembers how old the stores of this folder are.

A counter in each store goes up with each run of a send; the file follows it, a line for each store:
its id and its generation. A store behind its line was restored from a copy. A number alone is from
before stores had ids, and holds for those that have no line.
"""

from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.errors import ConfigurationError
from newsletter.files import (
    folder_lock,
    in_the_way,
    make_folder,
    read_ordinary,
    refuse_unlike_a_file,
    write_whole,
)
from newsletter.store import state

_NAME = "generation"
_ANY = ""  # the store of a line without an id


def check_place(file: Path) -> None:
    """Raises ConfigurationError where the file could not be written, which would end a send."""
    if folder := in_the_way(file):
        raise ConfigurationError(
            f"nothing can be written to {folder}, where a send notes how old the store is",
            where="store.state",
            hint="Nothing was sent. Give access, or name another file that is kept, as [store] "
            "state or NEWSLETTER_STORE__STATE.",
        )
    try:
        refuse_unlike_a_file(file)
    except OSError as error:
        raise ConfigurationError(
            f"a send cannot note there how old the store is: {error.strerror}",
            where=str(file),
            hint="Nothing was sent. Put it aside, or name another file that is kept, as [store] "
            "state or NEWSLETTER_STORE__STATE.",
        ) from error


def of(connection: Connection) -> int:
    """The generation of a store."""
    return state.value(connection, _NAME)


def is_behind(connection: Connection, file: Path) -> bool:
    """Whether the store has forgotten what its file remembers.

    A transaction may see the store as it was before another process made it newer and said so in
    the file: then the store is asked once more, as it is now.
    """
    known = remembered(file, state.store_id(connection))
    if known <= of(connection):
        return False
    with connection.engine.connect() as fresh:
        return known > of(fresh)


def advance(connection: Connection) -> int:
    """One more; the caller writes it to the file once it is committed."""
    return state.increment(connection, _NAME)


def raise_above(connection: Connection, generation: int) -> int:
    """Make the store newer than a generation; returns its own."""
    return state.raise_to(connection, _NAME, generation + 1)


def remembered(file: Path, store_id: str) -> int:
    """The generation that the file has for a store; 0 where it has none."""
    lines = _read(file)
    return lines.get(store_id, lines.get(_ANY, 0))


def note(file: Path, store_id: str, generation: int) -> None:
    """Let the file follow the store, never backwards, even where several processes do so at
    once."""
    make_folder(file.parent, private=True)
    with folder_lock(file.parent):
        lines = _read(file)
        if generation <= lines.get(store_id, 0):
            return
        if store_id not in lines and _ANY in lines:
            lines[_ANY] = max(lines[_ANY], generation)  # its copies from before it had an id
        lines[store_id] = generation
        text = "".join(f"{name} {number}".strip() + "\n" for name, number in lines.items())
        write_whole(file, text.encode(), private=True)


def _read(file: Path) -> dict[str, int]:
    """The generation of each store; other lines are left out."""
    try:
        lines = read_ordinary(file).decode("ascii").splitlines()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    parts = [line.rpartition(" ") for line in lines]
    return {store_id: int(number) for store_id, _, number in parts if number.isdecimal()}
