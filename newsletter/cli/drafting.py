"""`newsletter new --from-feed`: a draft from what feeds have."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from newsletter.cli.frame import Session
from newsletter.drafts.wishes import MOST_ENTRIES, Grouping, Wishes
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.drafts.drafting import Draft

Function = TypeVar("Function", bound=Callable[..., object])

_OPTIONS = (
    click.option(
        "--from-feed",
        "feeds",
        metavar="URL|FILE",
        multiple=True,
        help="Draft an issue from what is new in this feed; may be repeated.",
    ),
    click.option("--from-feeds", is_flag=True, help="The same, from all feeds of newsletter.toml."),
    click.option("--since", metavar="DATE|7d", help="Only entries of this day or later."),
    click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=MOST_ENTRIES,
        show_default=True,
        help="At most so many entries, the newest.",
    ),
    click.option(
        "--group-by",
        "grouping",
        type=click.Choice([str(each) for each in Grouping]),
        default=str(Grouping.CATEGORY),
        show_default=True,
        help="What its sections are.",
    ),
)


def feed_options(function: Function) -> Function:
    """Give a command the options of a draft from feeds."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def wants_feeds(wishes: Mapping[str, Any]) -> bool:
    return bool(wishes["feeds"] or wishes["from_feeds"])


def draft_from_feeds(
    session: Session, title: str, day: dt.date | None, wishes: Mapping[str, Any]
) -> None:
    from newsletter.drafts.drafting import draft, since_of
    from newsletter.project import utc_now

    project, now = session.project, utc_now()
    sources = (*wishes["feeds"], *(project.settings.feeds.urls if wishes["from_feeds"] else ()))
    if not sources:
        raise UsageError(
            "newsletter.toml names no feeds",
            where="[feeds] urls",
            hint='Add them there: urls = ["https://…"], or name one with --from-feed.',
        )
    since = wishes["since"]
    result = draft(
        project,
        tuple(dict.fromkeys(sources)),
        Wishes(
            title,
            day,
            since_of(since, project.settings.newsletter.timezone, now) if since else None,
            wishes["limit"],
            Grouping(wishes["grouping"]),
        ),
        now,
    )
    if session.json:
        session.emit(_facts(result))
        return
    for feed in result.feeds:
        if feed.problem:
            session.notes.print(f"{feed.source}: {feed.problem}", style="yellow")
    if result.path:
        session.console.print(str(result.path))
    session.notes.print(_counted(result) + ("." if result.path else ": no draft was written."))


def _facts(result: "Draft") -> dict[str, object]:
    return {
        "file": str(result.path) if result.path else None,
        "slug": result.path.stem if result.path else None,
        "entries": result.entries,
        "skipped_known": result.skipped_known,
        "skipped_old": result.skipped_old,
        "skipped_more": result.skipped_more,
        "feeds": [
            {
                "source": feed.source,
                "title": feed.title,
                "entries": len(feed.entries),
                "problem": feed.problem,
            }
            for feed in result.feeds
        ],
    }


def _counted(result: "Draft") -> str:
    others = (
        (result.skipped_known, "in an issue already"),
        (result.skipped_old, "too old"),
        (result.skipped_more, "more than --limit takes"),
    )
    shown = (f"{count:,} {words}" for count, words in others if count)
    return ", ".join((f"{result.entries:,} new", *shown))
