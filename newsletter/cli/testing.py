"""`newsletter test`: an issue to any address, the way its readers would get it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName
from newsletter.cli.running import open_worker
from newsletter.cli.showing import show_findings, warn
from newsletter.errors import UsageError
from newsletter.model.send import Accepted
from newsletter.stopping import stopping

if TYPE_CHECKING:
    from newsletter.model.address import Address
    from newsletter.notices.testing import Trial


@click.command(
    epilog=examples(
        "test 2026-01-06-welcome --to you@example.com",
        "test 2026-01-06-welcome --to you@example.com --as ada@example.com",
    )
)
@click.argument("issue", type=IssueName())
@click.argument("more", nargs=-1, metavar="[ADDR]...")
@click.option("--to", multiple=True, metavar="ADDR", help="An address to mail; may be repeated.")
@click.option(
    "--as",
    "as_subscriber",
    metavar="SUBSCRIBER",
    help="Show it as this reader would get it, not as the addressee would.",
)
@command
def test(
    session: Session,
    issue: str,
    more: tuple[str, ...],
    to: tuple[str, ...],
    as_subscriber: str | None,
) -> int:
    """Send an issue to any address, as a test."""
    from newsletter.audience.address import parse
    from newsletter.desk.prepare import prepare
    from newsletter.operations.trials import reader_of, try_out, warnings

    prepared = prepare(session.project, issue)
    addresses = _addresses((*to, *more))
    show_findings(session, prepared, is_test=True)
    reader = None if as_subscriber is None else reader_of(session.store, parse(as_subscriber))
    for warning in warnings(session.store, prepared):
        warn(session, warning)
    worker = open_worker(session)
    with stopping(worker.stop):
        trials = try_out(worker, session.project, prepared, addresses, reader)
    _show(session, prepared.digest.slug, prepared.email.content_hash, trials)
    return 0 if all(isinstance(trial.outcome, Accepted) for trial in trials) else 1


def _addresses(texts: Sequence[str]) -> "Sequence[Address]":
    from newsletter.audience.address import parse

    addresses = [parse(text) for text in texts]
    if patterns := [address.text for address in addresses if set("*?") & set(address.text)]:
        raise UsageError(
            f"{patterns[0]} is a pattern, not an address", hint="Name each address with --to."
        )
    if not addresses:
        raise UsageError("to which address?", hint="Name one: --to you@example.com")
    return addresses


def _show(session: Session, slug: str, content_hash: str, trials: "tuple[Trial, ...]") -> None:
    from newsletter.operations.records import trial

    rows = [trial(each) for each in trials]
    if session.json:
        session.emit({"slug": slug, "content_hash": content_hash, "tests": rows})
        return
    for row in rows:
        session.console.print(f"{row['status']:9} {row['address']}  {row['reason'] or ''}".rstrip())
