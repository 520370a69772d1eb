"""Mail programs, and what each of them lacks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DATA = Path(__file__).with_name("caniemail.json")
_LACKS = "n"


@dataclass(frozen=True, slots=True)
class Programs:
    """`names` are those of mail programs as people know them, by `family/platform`; `support` has
    for each feature its title and a letter for each program, in that order."""

    names: Mapping[str, str]
    support: Mapping[str, tuple[str, str]]

    def lacking(self, feature: str, programs: Sequence[str]) -> tuple[str, ...]:
        """Those of `programs` that do not support a feature at all; partial support counts."""
        _, letters = self.support[feature]
        lack = {name for name, letter in zip(self.names, letters, strict=True) if letter == _LACKS}
        return tuple(name for name in programs if name in lack)

    def title(self, feature: str) -> str:
        return self.support[feature][0]

    def known_names(self) -> tuple[str, ...]:
        """What a setting may name: each family, and each program."""
        families = dict.fromkeys(name.partition("/")[0] for name in self.names)
        return (*families, *self.names)

    def of(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The programs of families and programs."""
        return tuple(
            name for name in self.names if name in wanted or name.partition("/")[0] in wanted
        )


@lru_cache(maxsize=1)
def programs() -> Programs:
    data = json.loads(_DATA.read_text("utf-8"))
    support = {name: (title, letters) for name, (title, letters) in data["support"].items()}
    return Programs(data["programs"], support)
