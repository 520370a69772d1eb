"""The mutants of `guards.toml`: each takes one guard away, and names the tests that fail then."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LIST = Path(__file__).parent / "guards.toml"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`text` of a file, which stands there exactly once, becomes `mutated`; then `tests` must fail.

    `survives` says why no test can fail, where that is so. Tests run on SQLite, or, where that
    shows nothing, on PostgreSQL.
    """

    guard: str
    file: str
    text: str
    mutated: str
    tests: tuple[str, ...]
    survives: str = ""
    postgresql: bool = False

    def apply(self, root: Path) -> None:
        """Take the guard away in a copy of the tree. Raises ValueError where it is not there."""
        path = root / self.file
        source = path.read_text("utf-8")
        if (times := source.count(self.text)) != 1:
            raise ValueError(f"{self.guard}: {times} times, not once, in {self.file}: {self.text}")
        path.write_text(source.replace(self.text, self.mutated), "utf-8")


def mutants() -> list[Mutant]:
    """All of them, those of a file in the order of the list."""
    entries = tomllib.loads(_LIST.read_text("utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def share_of(every: list[Mutant], share: float) -> list[Mutant]:
    """Evenly spread ones, at least one: of a tenth the first, the eleventh and so on."""
    amount = max(1, round(share * len(every)))
    return [every[index * len(every) // amount] for index in range(amount)]
