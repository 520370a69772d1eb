"""The table of surroundings: each is a function that changes a scene until it yields, then undoes
it. Those of a kind stand in one of the modules beside this one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.hostile.commands import Command
from tests.hostile.scene import Scene

Change = Callable[[Scene], Iterator[None]]


@dataclass(frozen=True, slots=True)
class Surrounding:
    """`name` says it in the words of an operator.

    `harmless` says which commands do in it all that they do anywhere, `shows_all` whether what they
    print is the same, too. `where` says of which commands it is a surrounding at all. `kind` is
    that of the servers which it changes, if it changes some.
    """

    name: str
    change: Callable[[Scene], AbstractContextManager[None]]
    harmless: Callable[[Command], bool]
    shows_all: bool
    where: Callable[[Command], bool]
    kind: str = ""


SURROUNDINGS: list[Surrounding] = []


def surrounding(
    name: str,
    *,
    harmless: bool | Callable[[Command], bool] = False,
    shows_all: bool = False,
    where: Callable[[Command], bool] = lambda command: True,
    kind: str = "",
) -> Callable[[Change], Change]:
    def added(change: Change) -> Change:
        is_harmless = harmless if callable(harmless) else lambda command: harmless
        SURROUNDINGS.append(
            Surrounding(name, contextmanager(change), is_harmless, shows_all, where, kind)
        )
        return change

    return added
