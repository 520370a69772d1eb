"""`newsletter review`: what a branch changes in the mails."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName
from newsletter.errors import ConfigurationError, NewsletterError, StoreError, UsageError

if TYPE_CHECKING:
    from newsletter.config.settings import StoreSettings
    from newsletter.desk.review.changes import Review
    from newsletter.project import Project


@click.command(
    epilog=examples(
        "review",
        "review --out review.html",
        "review 2026-01-06-welcome --base v1.0",
        "review --base origin/main --markdown comment.md",
    )
)
@click.argument("issues", metavar="ISSUE...", nargs=-1, type=IssueName())
@click.option("--base", metavar="REV", help="What to compare with; the default branch if left out.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one HTML file with everything, pictures included.",
)
@click.option("--markdown", metavar="FILE", help="Write Markdown for a comment; - prints it.")
@command
def review(
    session: Session,
    issues: tuple[str, ...],
    base: str | None,
    out: Path | None,
    markdown: str | None,
) -> int:
    """Show what changed in the mails since this branch left another. Without ISSUE, in all that may
    have changed."""
    from newsletter.desk.review import changes
    from newsletter.desk.review import markdown as as_markdown
    from newsletter.desk.review.page import page
    from newsletter.desk.review.pictures import gallery_of
    from newsletter.desk.review.record import record
    from newsletter.project import utc_now

    if markdown == "-" and session.json:
        raise UsageError("--markdown - and --json exclude each other")
    today = utc_now().date()
    result = changes.review(session.project, issues, base, _sent(session), today)
    if out is not None:
        _write(out, page(result, gallery_of(result.changes)))
    if markdown is not None and markdown != "-":
        _write(Path(markdown), as_markdown.markdown(result))
    if session.json:
        session.emit(record(result))
    elif markdown == "-":
        click.echo(as_markdown.markdown(result), nl=False)
    else:
        _show(session, result)
    return 3 if result.errors else 0


def _sent(session: Session) -> Callable[[str, "Project"], bool]:
    """Whether a slug was sent; nothing is known to be where there is no store, as in CI. It is
    opened once somebody asks, unless the branch names another: that may be any server."""
    from newsletter.model.slug import spellings
    from newsletter.store.ledger import sends

    def unknown(why: str) -> frozenset[str]:
        session.notes.print(f"What was sent is not known: {why}.")
        return frozenset()

    @cache
    def slugs(store_before: "StoreSettings") -> frozenset[str]:
        if store_before != session.project.settings.store:
            return unknown("[store] is another than before")
        try:
            with session.store.read() as connection:
                past = sends.newest_first(connection)
        except (StoreError, ConfigurationError) as error:
            return unknown(error.message)
        return frozenset(send.slug for send in past if not send.is_as_if_never_made)

    return lambda slug, before: not slugs(before.settings.store).isdisjoint(spellings(slug))


def _write(path: Path, text: str) -> None:
    from newsletter.files import write_whole

    try:
        write_whole(path, text.encode(), follows=True)
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}", where=str(path), hint="Name another file."
        ) from error


def _show(session: Session, review: "Review") -> None:
    from newsletter.desk.review.markdown import others

    session.notes.print(f"Compared with {review.base}. {' '.join(others(review))}".rstrip())
    if not review.changes:
        session.console.print("No mail changes.")
        return
    table = session.table("issue", "", "bytes", "links", "pictures", "findings")
    for change in review.changes:
        table.add_row(
            change.stem,
            change.status,
            f"{change.after.html_bytes - change.before.html_bytes:+,}",
            _counts(change.links_added, change.links_removed, change.links),
            _counts(change.pictures_added, change.pictures_removed),
            _counts(change.findings_added, change.findings_removed),
        )
    session.console.print(table)
    for change in review.changes:
        for finding in change.findings_added:
            session.console.print(f"new: {finding}")
        if change.after.problem:
            session.console.print(f"{change.stem} cannot be rendered: {change.after.problem}")


def _counts(
    added: tuple[object, ...], removed: tuple[object, ...], *more: tuple[object, ...]
) -> str:
    counts = (("+", len(added)), ("−", len(removed)), ("≠", sum(map(len, more))))
    return " ".join(f"{sign}{count}" for sign, count in counts if count)
