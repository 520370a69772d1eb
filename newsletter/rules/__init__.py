"""The rules of lint by their ids: which severities their findings have, and what each one says.

rules.toml holds all of them, in the order of docs/lint.md: those on the digest and the email, and
those of the parser, of pictures and of issues among others.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from newsletter.meant import meant
from newsletter.model.finding import Severity

_FILE = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True, slots=True)
class LintRule:
    """`says` is a sentence about what is right, or about what is wrong."""

    id: str
    severities: tuple[Severity, ...]
    says: str

    @property
    def is_always_error(self) -> bool:
        """Whether no newsletter can do without it."""
        return self.severities == (Severity.ERROR,)


@lru_cache
def rules() -> Mapping[str, LintRule]:
    """Every rule, by its id."""
    table = tomllib.loads(_FILE.read_text("utf-8"))
    return MappingProxyType(
        {
            name: LintRule(name, tuple(map(Severity, entry["severities"])), entry["says"])
            for name, entry in table.items()
        }
    )


def advice_on(unknown: str) -> str:
    """What to do about an id that is none."""
    close = meant(unknown, rules())
    return f"Did you mean {close!r}?" if close else "docs/lint.md lists the rules."
