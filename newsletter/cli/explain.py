"""`newsletter explain`: what an address got, and why."""

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.showing import in_zone
from newsletter.cli.subscribers import hashes_of
from newsletter.errors import UsageError


@click.command(
    epilog=examples("explain ada@example.com", "explain ada@example.com --issue 2026-01-06-welcome")
)
@click.argument("address")
@click.option("--issue", help="Whether this issue reached them, and why or why not.")
@command
def explain(session: Session, address: str, issue: str | None) -> None:
    """Tell the whole story of an address: what it got, and why not."""
    from newsletter.audience.explaining import explain as tell
    from newsletter.operations import records

    slug = None if issue is None else _slug(session, issue)
    settings = session.project.settings

    def note_of(word: str) -> str | None:
        from newsletter.feedback.sources import source_of

        return source_of(settings.events).notes.get(word)

    timezone = settings.newsletter.timezone
    explanation = tell(
        session.store, address, hashes_of(session), session.clock(), slug, timezone, note_of
    )
    if session.json:
        session.emit(records.explanation(explanation))
        return
    session.console.print(explanation.summary)
    if not explanation.facts:
        return
    table = session.table("when", "what", "")
    for fact in explanation.facts:
        table.add_row(in_zone(session, fact.at, to_the_second=True), fact.kind, fact.text)
    session.console.print(table)


def _slug(session: Session, issue: str) -> str:
    """The slug of an issue, even where its file has gone since it was sent."""
    from newsletter.desk.slugs import slug_of_issue
    from newsletter.store.people import history

    try:
        return slug_of_issue(session.project, issue)
    except UsageError:
        with session.store.read() as connection:
            if history.sends_of(connection, issue):
                return issue
        raise
