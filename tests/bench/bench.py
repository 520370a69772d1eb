"""What every bench is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.stores import Stores


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how much to measure.

    `rows` people are imported and planned for, a tenth of them is sent to, a hundredth is written
    to the outbox. A long issue has `long_kb`, and a folder of many has `issues`. Long runs are
    repeated `repeats` times, short ones more often.
    """

    folder: Path
    stores: Stores
    kinds: Sequence[str]
    rows: int
    long_kb: int
    issues: int
    repeats: int
    short_repeats: int
