"""`newsletter events`: what SES reported."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from newsletter.cli.frame import Session, command
from newsletter.cli.showing import in_zone
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.feedback.apply import Applied

_SHOWN = 100  # characters of what could not be read
_COUNTS = ("read", "applied", "duplicate", "ignored", "set_aside")


@click.group()
def events() -> None:
    """Apply what SES reported about deliveries."""


@events.command()
@click.option("--once", is_flag=True, help="Leave when the queue is empty.")
@command
def pull(session: Session, once: bool) -> int:
    """Drain the queue of events, until stopped."""
    import threading

    from newsletter.feedback import silence
    from newsletter.feedback.apply import Applied
    from newsletter.feedback.ses.queue import Drain, Queue
    from newsletter.project import utc_now
    from newsletter.stopping import stopping

    settings = session.project.settings
    drain = Drain(
        queue=Queue(settings),
        store=session.store,
        settings=settings,
        clock=utc_now,
        stop=threading.Event(),
        notify=session.notes.print,
        total=Applied(),
    )
    with stopping(drain.stop):
        drain.run(once=once)
    show_applied(session, drain.total)
    if alarm := silence(session.store, settings, utc_now()):
        session.notes.print(f"Alarm: {alarm}.")
    return 130 if once and drain.stop.is_set() else 0


@events.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@command
def replay(session: Session, file: Path) -> None:
    """Apply recorded events: one JSON a line, bare or in SNS envelopes."""
    from newsletter.feedback.apply import Applied, apply, apply_late
    from newsletter.project import utc_now

    total = Applied()
    policy = session.project.settings.policy
    apply(session.store, _lines(file), utc_now(), total, policy)
    apply_late(session.store, utc_now(), policy)
    show_applied(session, total)


@events.command("set-aside")
@command
def set_aside(session: Session) -> None:
    """Show the messages that could not be read, newest first."""
    from newsletter.store import events as log

    found = False
    with session.store.read() as connection:
        for message in log.set_aside_newest_first(connection):
            found = True
            if session.json:
                session.emit(
                    {
                        "at": message.at.isoformat(),
                        "reason": message.reason,
                        "payload": message.payload,
                    }
                )
            else:
                start = (message.payload or "")[:_SHOWN]
                session.console.print(
                    f"{in_zone(session, message.at)}  {message.reason}: {start!r}"
                )
    if not found and not session.json:
        session.console.print("Every message could be read.")


@events.command("unknown-words")
@command
def unknown_words(session: Session) -> None:
    """Show the words of SES that are not known here, those of the newest events first."""
    from newsletter.store import events as log

    with session.store.read() as connection:
        words = log.all_unknown_words(connection)
    for found in words:
        if session.json:
            session.emit(
                {
                    "word": found.word,
                    "events": found.events,
                    "last_at": found.last_at.isoformat(),
                    "payload": found.payload,
                }
            )
        else:
            session.console.print(
                f"{in_zone(session, found.last_at)}  {found.word}: {found.events:,} events"
            )
    if not words and not session.json:
        session.console.print("Every word of SES so far is known.")


@events.command()
@click.option(
    "--minutes",
    type=click.IntRange(1, 24 * 60),
    default=30,
    show_default=True,
    help="For how long.",
)
@command
def arm(session: Session, minutes: int) -> None:
    """Let topics of SNS be confirmed at /hooks/sns, for a while."""
    import datetime as dt

    from newsletter.errors import ConfigurationError
    from newsletter.feedback.ses.subscribing import arm
    from newsletter.project import utc_now

    topics = session.project.settings.events.topic_arns
    if not topics:
        raise ConfigurationError(
            "no topic is named",
            where="events.topic_arns",
            hint="Set [events] topic_arns to the topics that may be confirmed.",
        )
    until = arm(session.store, utc_now() + dt.timedelta(minutes=minutes))
    if session.json:
        session.emit({"until": until.isoformat(), "topic_arns": list(topics)})
    else:
        session.console.print(
            f"Until {in_zone(session, until)} these are confirmed: {', '.join(topics)}"
        )


def unknown_words_told(words: Mapping[str, int]) -> str:
    told = ", ".join(f"{word} ({count:,})" for word, count in sorted(words.items()))
    return (
        f"Reported in words of SES that are not known here, and counted for nothing: {told}. "
        "See: newsletter events unknown-words"
    )


def show_applied(session: Session, total: "Applied") -> None:
    """The counts of a run, and where the first messages stood that could not be read."""
    for place, reason in total.samples:
        session.notes.print(f"{place}: set aside: {reason}")
    if total.unknown_words:
        session.notes.print(unknown_words_told(total.unknown_words))
    counts = {name: getattr(total, name) for name in _COUNTS}
    if session.json:
        session.emit(counts)
        return
    table = session.table(*(name.replace("_", " ") for name in _COUNTS))
    table.add_row(*(f"{count:,}" for count in counts.values()))
    session.console.print(table)


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The place and text of each line that holds something."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            for number, line in enumerate(_bounded(stream), start=1):
                if text := line.strip():
                    yield f"{file}:{number}", text
    except OSError as error:
        raise UsageError(f"cannot read the file: {error.strerror}", where=str(file)) from error


def _bounded(stream: TextIO) -> Iterator[str]:
    """The lines of a file; of one that is too long for an event, only its beginning."""
    from newsletter.feedback.ses.events import MAX_CHARACTERS

    while line := stream.readline(MAX_CHARACTERS + 1):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = stream.readline(MAX_CHARACTERS)
        yield line
