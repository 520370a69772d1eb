"""How soon the command line answers."""

import sys
from collections.abc import Iterator

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


def startup(bench: Bench) -> Iterator[Figure]:
    shown = tuple(command(NEWSLETTER, "--help").seconds for _ in range(bench.short_repeats))
    bare = tuple(command(sys.executable, "-c", "pass").seconds for _ in range(bench.short_repeats))
    yield Figure("newsletter --help", tuple(s * 1000 for s in shown), "ms", at_most=150)
    ratios = tuple(one / other for one, other in zip(shown, bare, strict=True))
    yield Figure("  against an empty Python program", ratios, "x")
    loaded = set(command(sys.executable, "-c", _HELP).output.split())
    heavy = loaded.intersection(_HEAVY)
    yield Figure(f"  of {', '.join(_HEAVY)} imported", (len(heavy),), "", at_most=0)
    yield _asking_the_store(bench)


def _asking_the_store(bench: Bench) -> Figure:
    """One address, and one row: all the rest is start-up, most of it SQLAlchemy's."""
    folder = str(bench.folder / "begun")
    command(NEWSLETTER, "init", folder)
    ratios = []
    for number in range(bench.short_repeats):
        address = f"reader{number}@example.com"
        asked = command(NEWSLETTER, "suppressions", "add", address, "--project", folder)
        bare = command(sys.executable, "-c", "import sqlalchemy")
        ratios.append(asked.processor_seconds / bare.processor_seconds)
    return Figure("suppressions add, against `import sqlalchemy`", tuple(ratios), "x", at_most=2.5)
