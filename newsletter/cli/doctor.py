"""`newsletter doctor`: what is wrong, why it matters, and what mends it."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples

if TYPE_CHECKING:
    from newsletter.doctor import CheckGroup, CheckLine

_GROUPS = "project store machine looks site domain transport events rules".split()
_SIGNS = {"ok": "✓", "skipped": "–", "warn": "!", "fail": "✗"}
_PLAIN_SIGNS = {"ok": "+", "skipped": "-", "warn": "!", "fail": "x"}
_STYLES = {"ok": "green", "skipped": "dim", "warn": "yellow", "fail": "red"}
_COUNTED = {
    "ok": "ok",
    "warn": "with a warning",
    "fail": "failed",
    "skipped": "not looked at",
}


@click.command(
    epilog=examples(
        "doctor", "doctor --only domain --only rules", "doctor --live", "doctor --quiet"
    )
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(_GROUPS),
    metavar="GROUP",
    help=f"Only this group, or several: {', '.join(_GROUPS)}.",
)
@click.option(
    "--live",
    is_flag=True,
    help="Mail the provider's simulator, too, and wait until all came back.",
)
@click.option(
    "--wait",
    "wait_seconds",
    type=click.IntRange(1, 3600),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="With --live: how long to wait for reports.",
)
@click.option("--quiet", is_flag=True, help="Show only what is not as it should be, as for cron.")
@command
def doctor(
    session: Session, only: tuple[str, ...], live: bool, wait_seconds: int, quiet: bool
) -> int:
    """Check all that sending depends on, and say what mends it."""
    from newsletter import config
    from newsletter.doctor import CheckGroup, CheckVerdict, examine

    root = config.find_root((session.folder or Path()).resolve())
    lines = examine(root, [CheckGroup(name) for name in only])
    if live:
        lines += _rehearsed(session, wait_seconds)
    show_lines(session, lines, quiet=quiet)
    return int(any(line.verdict is CheckVerdict.FAIL for line in lines))


def _rehearsed(session: Session, wait_seconds: int) -> list["CheckLine"]:
    """What a rehearsal shows; one that cannot begin is a line, too."""
    from newsletter.cli.running import open_worker
    from newsletter.doctor.live import not_played
    from newsletter.errors import NewsletterError
    from newsletter.operations.rehearsal import Rehearsal

    try:
        worker = open_worker(session)
        rehearsal = Rehearsal(session.project, session.store, worker, session.notes.print)
        return rehearsal.play(wait_seconds)
    except NewsletterError as error:
        return [not_played(error)]


def show_lines(session: Session, lines: Sequence["CheckLine"], *, quiet: bool) -> None:
    """Print what the doctor found, group by group, with its counts at the end."""
    from newsletter.operations import records

    counts = Counter(str(line.verdict) for line in lines)
    if quiet:
        lines = [line for line in lines if line.verdict in ("warn", "fail")]
    if session.json:
        session.emit(records.examination(lines, counts))
        return
    for group, of_group in groupby(lines, key=lambda line: line.check.group):
        _show_group(session, group, list(of_group))
    if not quiet:
        session.console.print(_sum(counts))


def _show_group(session: Session, group: "CheckGroup", lines: Sequence["CheckLine"]) -> None:
    console, signs = session.console, _signs()
    console.print(str(group), style="bold")
    unseen = [line for line in lines if line.verdict == "skipped"]
    for line in lines:
        if line in unseen:
            continue
        verdict, found = line.verdict, line.diagnosis.found
        console.print(
            f"  {signs[verdict]} {verdict:4}  {line.check.id}: {found}", style=_STYLES[verdict]
        )
        if verdict != "ok":
            console.print(f"          {line.check.why}")
            console.print(f"          → {line.diagnosis.cure}")
    for reason, of_reason in groupby(unseen, key=lambda line: line.diagnosis):
        ids = ", ".join(line.check.id for line in of_reason)
        console.print(f"  {signs['skipped']} not looked at: {ids} ({reason.found})", style="dim")
        if reason.cure:
            console.print(f"          → {reason.cure}")


def _sum(counts: Mapping[str, int]) -> str:
    parts = [f"{counts[name]} {words}" for name, words in _COUNTED.items()]
    return ", ".join(parts) + "."


def _signs() -> Mapping[str, str]:
    """Signs that standard output can show."""
    try:
        "".join(_SIGNS.values()).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return _PLAIN_SIGNS
    return _SIGNS
