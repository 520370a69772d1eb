"""`newsletter suppressions`: addresses that are never mailed."""

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.subscribers import hashes_of, suppression_json


@click.group()
def suppressions() -> None:
    """Addresses that are never mailed."""


@suppressions.command(name="list")
@command
def list_(session: Session) -> None:
    """Show all suppressions, newest first; an erased person is a hash."""
    from newsletter.store import suppressions as queries

    with session.store.read() as connection:
        for found in queries.newest_first(connection):
            if session.json:
                session.emit(suppression_json(found) or {})
            else:
                session.console.print(
                    f"{found.created_at:%Y-%m-%d}  {found.reason:11}  {found.address}"
                )


@suppressions.command()
@click.argument("address")
@command
def add(session: Session, address: str) -> None:
    """Never mail an address again."""
    from newsletter.audience import subscribers as service
    from newsletter.audience.address import parse
    from newsletter.project import utc_now

    found = service.suppress(session.store, parse(address), utc_now())
    if session.json:
        session.emit(suppression_json(found) or {})
    else:
        session.console.print(f"{found.address} is never mailed ({found.reason}).")


@suppressions.command()
@click.argument("address")
@command
def remove(session: Session, address: str) -> None:
    """Allow an address to be mailed again."""
    from newsletter.audience import subscribers as service
    from newsletter.audience.address import parse
    from newsletter.project import utc_now

    mailbox = parse(address)
    found = service.unsuppress(session.store, mailbox, hashes_of(session), utc_now())
    if session.json:
        session.emit({"address": mailbox.text, "removed": found.reason})
    else:
        session.console.print(f"{mailbox.text} may be mailed again (it was: {found.reason}).")
