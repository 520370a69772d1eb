"""`newsletter events`: what was reported about mails."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from newsletter import garbage
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.showing import in_zone
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.feedback.apply import Applied
    from newsletter.feedback.base import Queue

_SHOWN = 100  # characters of what could not be read
_COUNTS = ("read", "applied", "duplicate", "ignored", "set_aside")


@click.group()
def events() -> None:
    """Apply what was reported about deliveries."""


@events.command(epilog=examples("events pull --once"))
@click.option("--once", is_flag=True, help="Exit when the queue is empty.")
@command
def pull(session: Session, once: bool) -> int:
    """Drain the queue of events, until stopped."""
    import threading

    from newsletter.feedback.alarm import silence
    from newsletter.feedback.apply import Applied
    from newsletter.feedback.drain import Drain
    from newsletter.stopping import stopping

    settings = session.project.settings
    drain = Drain(
        queue=_queue(settings),
        store=session.store,
        settings=settings,
        clock=session.clock,
        stop=threading.Event(),
        notify=session.notes.print,
        total=Applied(),
    )
    garbage.look_often()
    with stopping(drain.stop):
        drain.run(once=once)
    show_applied(session, drain.total)
    if alarm := silence(session.store, settings, session.clock()):
        session.notes.print(f"Alarm: {alarm}.")
    return 130 if once and drain.stop.is_set() else 0


def _queue(settings: "Settings") -> "Queue":
    """Raises ConfigurationError where there is none."""
    from newsletter.errors import ConfigurationError
    from newsletter.feedback.sources import source_of
    from newsletter.transports import kind_of

    source, kind = source_of(settings.events), kind_of(settings.transport)
    if not kind.reports and not source.has_queue(settings):
        raise ConfigurationError(
            f"no queue is set, and {kind.service} reports nothing to fetch",
            where="events.queue_url",
            hint=kind.unreported or "Set [events] queue_url to drain the queue of earlier sends.",
        )
    if source.open_queue is None:
        raise ConfigurationError(
            f"{source.name} has no queue of events",
            where="events.kind",
            hint="Apply recorded events with: newsletter events replay FILE",
        )
    return source.open_queue(settings)


@events.command(epilog=examples("events replay events.jsonl"))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@command
def replay(session: Session, file: Path) -> None:
    """Apply recorded events: one a line, as the provider writes them."""
    from newsletter.feedback.apply import Applied, apply, apply_late
    from newsletter.feedback.base import incoming
    from newsletter.feedback.sources import source_of

    total = Applied()
    settings = session.project.settings
    policy, source = settings.policy, source_of(settings.events)
    apply(session.store, incoming(source.parse, _lines(file)), session.clock(), total, policy)
    apply_late(session.store, session.clock(), policy)
    show_applied(session, total)


@events.command("set-aside")
@command
def set_aside(session: Session) -> None:
    """Show the messages that could not be read, newest first."""
    from newsletter.operations import records
    from newsletter.store.pages import stream
    from newsletter.store.reported import unreadable

    is_any = False
    for message in stream(session.store, unreadable.page):
        is_any = True
        if session.json:
            session.emit(records.set_aside(message))
        else:
            start = (message.payload or "")[:_SHOWN]
            session.console.print(f"{in_zone(session, message.at)}  {message.reason}: {start!r}")
    if not is_any and not session.json:
        session.console.print("Every message could be read.")


@events.command("unknown-words")
@command
def unknown_words(session: Session) -> None:
    """Show the provider's words that newsletter does not know, newest first."""
    from newsletter.store.reported import events as log

    with session.store.read() as connection:
        words = log.all_unknown_words(connection)
    for unknown in words:
        if session.json:
            session.emit(
                {
                    "word": unknown.word,
                    "events": unknown.events,
                    "last_at": unknown.last_at.isoformat(),
                    "payload": unknown.payload,
                }
            )
        else:
            session.console.print(
                f"{in_zone(session, unknown.last_at)}  {unknown.word}: {unknown.events:,} events"
            )
    if not words and not session.json:
        session.console.print("Every word so far is known.")


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
    """For a while, confirm subscriptions to the hook that the settings name."""
    import datetime as dt

    from newsletter.errors import ConfigurationError
    from newsletter.feedback.sources import source_of

    settings = session.project.settings
    source = source_of(settings.events)
    if source.arm is None:
        raise ConfigurationError(
            f"{source.name} needs no confirmation",
            where="events.kind",
            hint="Leave this out: its events come as they are.",
        )
    until = session.clock() + dt.timedelta(minutes=minutes)
    armed = source.arm(settings, session.store, until)
    if session.json:
        lists = {key: list(names) for key, names in armed.settings.items()}
        session.emit({"until": armed.until.isoformat(), **lists})
    else:
        names = ", ".join(name for each in armed.settings.values() for name in each)
        session.console.print(f"Until {in_zone(session, armed.until)} these are confirmed: {names}")


def unknown_words_line(words: Mapping[str, int]) -> str:
    counts = ", ".join(f"{word} ({count:,})" for word, count in sorted(words.items()))
    return (
        f"Reported in words that newsletter does not know, so without effect: {counts}. "
        "See: newsletter events unknown-words"
    )


def show_applied(session: Session, total: "Applied") -> None:
    """Show the counts of a run, and where its first unreadable messages were."""
    for place, reason in total.samples:
        session.notes.print(f"{place}: set aside: {reason}")
    if total.unknown_words:
        session.notes.print(unknown_words_line(total.unknown_words))
    session.show_counts({name: getattr(total, name) for name in _COUNTS})


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The place and text of each line that holds something."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            for number, line in enumerate(_bounded(stream), start=1):
                if text := line.strip():
                    yield f"{file}:{number}", text
    except OSError as error:
        raise UsageError(
            f"cannot read the file: {error.strerror}",
            where=str(file),
            hint="Name a file that the user who runs this may read.",
        ) from error


def _bounded(stream: TextIO) -> Iterator[str]:
    """The lines of a file; of a line that is too long for an event, only the beginning."""
    from newsletter.feedback.base import MAX_CHARACTERS

    while line := stream.readline(MAX_CHARACTERS + 1):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = stream.readline(MAX_CHARACTERS)
        yield line
