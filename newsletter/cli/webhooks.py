"""`newsletter webhooks`: other programs that are told what happens."""

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.errors import NewsletterError, UsageError
from newsletter.meant import did_you_mean

if TYPE_CHECKING:
    from newsletter.operations.told import ToldEndpoint

_SHOWN = 100


@click.group()
def webhooks() -> None:
    """Tell other programs what happens to sends and subscribers."""


@webhooks.command(name="list", epilog=examples("webhooks list", "webhooks list crm"))
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, help="Messages at most.")
@command
def list_(session: Session, name: str | None, limit: int) -> None:
    """Show the endpoints; or what one of them was told, newest first."""
    from newsletter.operations import records, told
    from newsletter.store import webhooks as queries
    from newsletter.store.pages import stream

    endpoints = told.endpoints(session.project.settings, session.store)
    if name is None:
        for each in endpoints:
            if session.json:
                session.emit(records.webhook_endpoint(each))
            else:
                session.console.print(*_in_words(each), sep="\n")
        return
    _check(name, [each.name for each in endpoints])
    for message in islice(stream(session.store, partial(queries.page, endpoint=name)), limit):
        if session.json:
            session.emit(records.webhook_message(message))
        else:
            session.console.print(
                f"{message.at:%Y-%m-%d %H:%M}  {message.event:21}  {message.state:9}  "
                f"{message.attempts} tried  {message.status}"
            )


@webhooks.command(epilog=examples("webhooks test crm"))
@click.argument("name")
@command
def test(session: Session, name: str) -> None:
    """Post a message of the type `ping` to an endpoint, now."""
    from newsletter.operations import told

    _check(name, list(session.project.settings.webhooks))
    posted = told.ping(session.project, name, session.clock())
    if not posted.is_taken:
        raise NewsletterError(
            f"the webhook {name!r} did not take it: {posted}",
            hint="Check its url, and that it has the same secret: docs/operating.md, Webhooks.",
        )
    if session.json:
        session.emit({"name": name, "status": str(posted)})
    else:
        session.console.print(f"{name} took it ({posted}).")


@webhooks.command(epilog=examples("webhooks retry", "webhooks retry crm"))
@click.argument("name", required=False)
@command
def retry(session: Session, name: str | None) -> None:
    """Let what waits or was given up be posted at once, by whoever delivers."""
    from newsletter.operations import told
    from newsletter.store import webhooks as queries

    if name is not None:
        known = told.endpoints(session.project.settings, session.store)
        _check(name, [each.name for each in known])
    with session.store.write() as connection:
        retried = queries.retry(connection, name, session.clock())
    session.show_counts({"retried": retried})


def _check(name: str, known: list[str]) -> None:
    if name not in known:
        raise UsageError(
            f"there is no webhook {name!r}",
            hint=did_you_mean(name, known) or f"Write [webhooks.{name}] into newsletter.toml.",
        )


def _in_words(endpoint: "ToldEndpoint") -> tuple[str, str]:
    place = endpoint.host or "not in newsletter.toml any more: nothing is posted"
    waiting = f"{endpoint.waiting:,} waiting"
    if endpoint.oldest_at is not None:
        waiting += f" (the first since {endpoint.oldest_at:%Y-%m-%d %H:%M})"
    amounts = f"{endpoint.delivered:,} delivered, {waiting}, {endpoint.given_up:,} given up"
    return f"{endpoint.name}  {place}", f"  {amounts}"
