"""How soon the command line answers."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import NEWSLETTER, command

_HEAVY = ("boto3", "sqlalchemy", "premailer", "fastapi", "jinja2")
# Shows the help, then the name of each module that it took.
_HELP = """
import contextlib, io, sys
from newsletter.cli import main
sys.argv = ["newsletter", "--help"]
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main()
assert "subscribers" in shown.getvalue()
print(*sys.modules)
"""


# Each reads a store that holds one send to one person.
_READING = (
    ("status",),
    ("sends",),
    ("lists",),
    ("segments",),
    ("suppressions", "list"),
    ("subscribers", "show", "ada@example.com"),
    ("explain", "ada@example.com"),
)


def startup(bench: Bench) -> Iterator[Figure]:
    shown = [command(NEWSLETTER, "--help") for _ in range(bench.short_repeats)]
    bare = [command(sys.executable, "-c", "pass") for _ in range(bench.short_repeats)]
    milliseconds = tuple(one.processor_seconds * 1000 for one in shown)
    yield Figure("newsletter --help, processor time", milliseconds, "ms", at_most=150)
    ratios = tuple(
        one.processor_seconds / other.processor_seconds
        for one, other in zip(shown, bare, strict=True)
    )
    yield Figure("  against an empty Python program", ratios, "x", at_most=6)
    loaded = set(command(sys.executable, "-c", _HELP).output.split())
    heavy = loaded.intersection(_HEAVY)
    yield Figure(f"  of {', '.join(_HEAVY)} imported", (len(heavy),), "", at_most=0)
    folder = str(bench.folder / "begun")
    command(NEWSLETTER, "init", folder)
    yield _writing(folder, bench.short_repeats)
    asked = _READING if bench.short_repeats > 1 else _READING[:1]  # one shows that it runs
    yield from _reading(folder, asked, bench.short_repeats)


def _writing(folder: str, repeats: int) -> Figure:
    """One address, and one row: all the rest is start-up, most of it SQLAlchemy's."""
    ratios: list[float] = []
    for number in range(repeats):
        address = f"reader{number}@example.com"
        asked = command(NEWSLETTER, "suppressions", "add", address, "--project", folder)
        ratios.append(asked.processor_seconds / _sqlalchemy())
    return Figure("suppressions add, against `import sqlalchemy`", tuple(ratios), "x", at_most=1.5)


def _reading(folder: str, commands: Sequence[tuple[str, ...]], repeats: int) -> Iterator[Figure]:
    issue = next(Path(folder, "issues").glob("*.md")).stem
    for call in (
        ("lists", "create", "news"),
        ("subscribers", "add", "ada@example.com", "--list", "news"),
        ("send", issue, "--list", "news", "--yes"),
    ):
        command(NEWSLETTER, *call, "--project", folder)
    for asked in commands:
        ratios = tuple(
            command(NEWSLETTER, *asked, "--project", folder).processor_seconds / _sqlalchemy()
            for _ in range(repeats)
        )
        name = " ".join(word for word in asked if "@" not in word)
        yield Figure(f"  {name}, against the same", ratios, "x", at_most=1.5)


def _sqlalchemy() -> float:
    """The processor time of an import in a process of its own."""
    return command(sys.executable, "-c", "import sqlalchemy").processor_seconds
