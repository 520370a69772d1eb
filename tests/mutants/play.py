"""`make mutants`: take one guard away after the other, and see the tests that watch it fail.

`SHARE=0.1` plays a tenth of them. It leaves with 1 where fewer than 90 % are killed, or one
survives without a reason; and with 2 where a mutant cannot be tried: its text or its tests are
gone, or the tests fail although nothing is mutated.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from tests.mutants.guards import ROOT, Mutant, mutants, share_of

_ENOUGH = 0.9
_PATIENCE_SECONDS = 600
_SHOWN = 2_000  # the last characters of what pytest says
# The sample newsletter is what commands are rehearsed with.
_COPIED = (
    *("newsletter", "templates", "tests", "docs", "pyproject.toml"),
    *("newsletter.toml", "issues"),
)


class CannotBeTried(Exception):
    """A mutant, or all of them: the message says why."""


def copy_of_the_tree(folder: Path) -> None:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy2(source, folder / name)


def failing(folder: Path, tests: Collection[str], *, postgresql: bool) -> bool:
    """Run tests on a copy of the tree; whether one of them fails."""
    marked = "postgresql" if postgresql else "not postgresql"
    options = ["-q", "-x", "-p", "no:cacheprovider", "-m", marked]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        # What was compiled from a mutant must not be taken for what stands there later.
        "PYTHONDONTWRITEBYTECODE": "1",
        # No test needs them, and loading them takes longer than most tests.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotBeTried(f"{error.timeout:.0f} seconds are not enough: {error.cmd}") from error
    if done.returncode not in (0, 1):
        raise CannotBeTried(f"{done.stdout}{done.stderr}".strip()[-_SHOWN:])
    if done.returncode == 0 and " passed" not in done.stdout:
        raise CannotBeTried(f"no test was run: {' '.join(tests)}")
    return done.returncode == 1


def survives(folder: Path, mutant: Mutant) -> bool:
    path = folder / mutant.file
    original = path.read_bytes()
    mutant.apply(folder)
    try:
        return not failing(folder, mutant.tests, postgresql=mutant.postgresql)
    finally:
        path.write_bytes(original)


def play(chosen: Collection[Mutant]) -> int:
    """Try mutants and print what became of each; returns the exit code."""
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="newsletter-mutants-") as name:
        folder = Path(name)
        copy_of_the_tree(folder)
        for kind in {mutant.postgresql for mutant in chosen}:
            tests = {test for each in chosen if each.postgresql is kind for test in each.tests}
            if failing(folder, sorted(tests), postgresql=kind):
                raise CannotBeTried("the tests fail although nothing is mutated")
        for mutant in chosen:
            started = time.monotonic()
            survived = survives(folder, mutant)
            if survived:
                survivors.append(mutant)
            verdict = "SURVIVES" if survived else "killed"
            seconds = time.monotonic() - started
            print(f"{verdict:<9}{seconds:4.0f} s  {mutant.file}: {mutant.guard}", flush=True)
            if survived and mutant.survives:
                print(f"                 {mutant.survives}", flush=True)
    return verdict_of(chosen, survivors)


def verdict_of(chosen: Collection[Mutant], survivors: Collection[Mutant]) -> int:
    killed = len(chosen) - len(survivors)
    unexplained = sum(not mutant.survives for mutant in survivors)
    print(
        f"{killed} of {len(chosen)} killed ({killed / len(chosen):.0%}), {len(survivors)} survive, "
        f"{unexplained} of them without a reason"
    )
    too_many = len(survivors) > 1 and killed < _ENOUGH * len(chosen)  # one of a few is no share
    return int(too_many or unexplained > 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those with this in their guard or file")
    only = parser.parse_args().only
    every = [mutant for mutant in mutants() if only in f"{mutant.file} {mutant.guard}"]
    if not every:
        parser.error(f"no guard is called {only!r}")
    try:
        return play(share_of(every, float(os.environ.get("SHARE", "1"))))
    except (CannotBeTried, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
