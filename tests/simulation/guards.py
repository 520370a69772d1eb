"""The guards of the core, each switched off to see the simulation fail.

Those of tests/crash/guards.py are switched off as there; the others are mutants of
tests/mutants/guards.toml. A guard is switched off in a process of its own, before it loads the code
that it changes.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType

from tests.mutants.guards import ROOT, Mutant, mutants

_OF_THE_CRASHES = (
    *("claim-before-send", "lost-is-unknown", "one-transaction", "small-calls"),
    *("claim-fence", "record-fence"),
)
# The mutants that it has to notice.
_OF_THE_MUTANTS = (
    # A claim
    "who is asked to stop claims nothing",
    "who was given up claims nothing",
    "a claim whose commit nobody answered is put back",
    "a claim ends where the canary ends",
    "each try has a number of its own",
    "who left is not mailed",
    "who is suppressed is not mailed",
    "who had the issue through another list is not mailed",
    # A call and its record
    "a call without an answer is never made again",
    "what met the quota is queued again",
    "what was stopped is queued again",
    "outcomes are recorded as soon as the store answers",
    "who is put off for haste has not failed",
    "what is recorded late settles the send",
    "a retry that a wrong clock put off is due",
    # Slots
    "unused time is not saved up",
    "slots that a wrong clock took hold nobody up",
    # Workers
    "whose lease runs is not lost",
    "who renews its lease is not lost",
    "who renews no lease is lost after one",
    "a lease is renewed by its worker alone",
    "another process of this host that lives is not lost, whatever the clock says",
    "who leaves gives up what it has in flight",
    "who leaves gives up its own batches alone",
    "what a person decided since is not taken",
    "what a person stopped is left to a person",
    "what a person stops meanwhile is left to a person",
    "after an error of one thread the watch waits for the others",
    "who leaves when all is done settles the send",
    # The end
    "a send with queued ones is not over",
    "a send with unknown ones is not finished",
    "a sum that may change is not kept",
    "what turns out to be sent is not sent again",
    "what is settled stays so",
)
FOUND = (*_OF_THE_CRASHES, *_OF_THE_MUTANTS)


@dataclass(frozen=True, slots=True)
class Guard:
    what: str
    switch_off: Callable[[], None]


class _Loader(SourceFileLoader):
    """Loads a module without a guard of it, and leaves what was compiled of it alone."""

    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode()
        mutated = source.replace(self._mutant.text, self._mutant.mutated)
        if mutated == source:
            raise ValueError(f"{self._mutant.guard}: not in {self._mutant.file}")
        return compile(mutated, self.path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self.name = mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        file = str(ROOT / self._mutant.file)
        return importlib.util.spec_from_file_location(
            fullname, file, loader=_Loader(fullname, file, self._mutant)
        )


def _mutate(mutant: Mutant) -> None:
    finder = _Finder(mutant)
    if finder.name in sys.modules:
        raise RuntimeError(f"{finder.name} is loaded already")
    sys.meta_path.insert(0, finder)


def _as_in_crashes(name: str) -> None:
    from tests.crash import guards

    guards.switch_off(name)


def guards() -> dict[str, Guard]:
    """All of them, by name."""
    from_crashes = {
        name: Guard(f"{name} of the crash campaign", partial(_as_in_crashes, name))
        for name in _OF_THE_CRASHES
    }
    from_mutants = {
        mutant.guard: Guard(mutant.file, partial(_mutate, mutant)) for mutant in mutants()
    }
    return from_crashes | from_mutants
