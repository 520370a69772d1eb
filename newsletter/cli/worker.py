"""`newsletter worker`: sends what is due, until stopped."""

from collections.abc import Sequence

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.running import runner, stopping
from newsletter.cli.showing import as_json, next_step
from newsletter.errors import Refused, UsageError
from newsletter.model.send import SendStatus

_POLL_SECONDS = 1.0


@click.command()
@click.option("--once", is_flag=True, help="Send what is due now, then leave.")
@command
def worker(session: Session, once: bool) -> int:
    """Send what is due, until stopped."""
    from newsletter.project import utc_now
    from newsletter.sending import control
    from newsletter.sending.preflight import check_store
    from newsletter.sending.run import read, run
    from newsletter.store import sends

    sender = runner(session)

    def due() -> Sequence[str]:
        with session.store.read() as connection:
            return sends.due(connection, utc_now())

    with stopping(sender.stop):
        while not sender.stop.is_set():
            sender.patience.until_back(lambda: check_store(sender))
            for send_id in sender.patience.until_back(due):
                try:
                    after = run(sender, send_id)
                except Refused as error:
                    if read(session.store, send_id).status is SendStatus.SCHEDULED:
                        raise  # not for another worker that was faster: a person has to act
                    session.notes.print(error.message)
                    continue
                except UsageError as error:  # whom it is for cannot be told, and others are due
                    session.notes.print(f"{send_id}: {error.message}. It is paused.")
                    after = control.pause(session.store, send_id, utc_now, error.message)
                if session.json:
                    session.emit(as_json(after))
                else:
                    session.console.print(f"{after.id}: {after.status}")
                if sender.stop.is_set() and after.status is SendStatus.SENDING:
                    session.notes.print(f"Interrupted. {next_step(session, after)}")
                    return 130
            if once:
                return 0
            sender.stop.wait(_POLL_SECONDS)
    return 0
