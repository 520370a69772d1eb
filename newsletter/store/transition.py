"""A step between statuses: where it may start, and where it leads.

The modules that write a status declare their steps with this; docs/architecture.md draws them:
`ledger.transitions` for a send; `people.subscribing`, `people.requesting` and `people.suppressing`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import sqlalchemy as sa

Status = TypeVar("Status", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Transition(Generic[Status]):
    """The statuses that a step starts from, and the one that it leads to; None is no row at all."""

    sources: frozenset[Status | None]
    target: Status | None

    def check(self, name: str, status: Status | None) -> None:
        """Raises ValueError where the step cannot start from a status; `name` says whose it is."""
        if status not in self.sources:
            raise ValueError(f"{name} is {status or 'nothing'}: it cannot become {self.target}")

    def starts_at(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """The condition that the step can start from a row's status."""
        return column.in_(self._rows)

    def starts_at_sql(self, column: str) -> str:
        """As `starts_at`, for a statement that is written as text."""
        return f"{column} IN ({', '.join(map(repr, self._rows))})"

    @property
    def _rows(self) -> list[str]:
        return sorted(source.value for source in self.sources if source is not None)


def step(*sources: Status | None, to: Status | None) -> Transition[Status]:
    return Transition(frozenset(sources), to)
