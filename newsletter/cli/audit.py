"""`newsletter audit`: who did what."""

from functools import partial

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import SendId
from newsletter.cli.showing import in_zone


@click.command(epilog=examples("audit", "audit --send 20260106-a1b2c3 --json"))
@click.option("--send", type=SendId(), help="Only what was done to this send.")
@command
def audit(session: Session, send: str | None) -> None:
    """Show who did what to sends, readers and the archive, newest first."""
    from newsletter.operations import records
    from newsletter.sending.reading import read
    from newsletter.store import audit as log
    from newsletter.store.pages import stream

    subject = "" if send is None else read(session.store, send).id
    is_any = False
    for deed in stream(session.store, partial(log.page, subject=subject)):
        is_any = True
        if session.json:
            session.emit(records.deed(deed))
        else:
            about = " ".join(filter(None, (deed.kind, deed.subject, deed.detail)))
            session.console.print(f"{in_zone(session, deed.at)}  {deed.who}: {about}")
    if not is_any and not session.json:
        session.console.print("Nobody has done anything yet.")
