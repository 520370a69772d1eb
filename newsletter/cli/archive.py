"""`newsletter archive`: what was sent, on the web."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.asking import ask
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName
from newsletter.cli.serve import warn_of_english
from newsletter.cli.showing import in_zone, show_findings
from newsletter.errors import Refused, UsageError

if TYPE_CHECKING:
    from newsletter.operations.correcting import Corrected, CorrectionProposal
    from newsletter.web.published import Issue


@click.group()
def archive() -> None:
    """Correct, hide and list what was sent, or write it as a static site."""


@archive.command(epilog=examples("archive build public"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@command
def build(session: Session, folder: Path) -> None:
    """Write the archive and its feeds into DIR, for any static host."""
    from newsletter.web import static_site
    from newsletter.web.site import Site

    site = Site.of(session.project, session.store)
    warn_of_english(session, site)
    counts = static_site.build(site, folder)
    if session.json:
        session.emit({"folder": str(counts.folder), "pages": counts.pages, "files": counts.files})
    else:
        session.console.print(
            f"{counts.folder}: {counts.pages:,} issues, {counts.files:,} files in all."
        )


@archive.command(
    epilog=examples(
        'archive correct 2026-01-06-welcome --note "The meetup is on Thursday."',
        "archive correct 2026-01-06-welcome --undo",
    )
)
@click.argument("issue", type=IssueName())
@click.option("--note", help="What was corrected, for readers of the page and of the feeds.")
@click.option("--undo", is_flag=True, help="Take back the newest correction.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def correct(session: Session, issue: str, note: str | None, undo: bool, yes: bool) -> None:
    """Show a sent issue as its file is now, with a note. Mails stay as they are."""
    from newsletter.operations import correcting

    project, store = session.project, session.store
    if undo:
        if note is not None:
            raise UsageError("--undo takes no --note")
        _show_corrected(session, correcting.undo(project, store, issue, session.clock()), undo=True)
        return
    if note is None:
        raise UsageError(
            "a correction needs a note for its readers", hint='--note "the date of the meetup"'
        )
    show = partial(show_findings, session, outcome="Nothing was corrected.")
    proposal = correcting.propose(project, store, issue, note, show)
    if not yes:
        _confirm(session, proposal)
    corrected = correcting.correct(project, store, proposal, session.clock())
    _show_corrected(session, corrected, undo=False)


def _confirm(session: Session, proposal: "CorrectionProposal") -> None:
    if not sys.stdin.isatty():
        raise Refused(
            "the correction was not confirmed: there is no terminal to ask at",
            hint="Add --yes to correct without a question.",
        )
    table = session.table("", "", header=False)
    table.add_row("issue", proposal.sent.slug)
    table.add_row("sent", f"{proposal.sent.id}, {in_zone(session, proposal.sent.at)}")
    table.add_row("note", proposal.note)
    table.add_row("corrected before", f"{proposal.earlier:,}")
    session.notes.print(table)
    if ask("Show this version on the web? Type yes").strip().lower() != "yes":
        raise Refused("the correction was not confirmed", hint="Nothing was corrected.")


def _show_corrected(session: Session, corrected: "Corrected", *, undo: bool) -> None:
    from newsletter.links import issue_url

    url = issue_url(session.project.settings.newsletter.base_url, corrected.slug)
    count = corrected.corrections
    if session.json:
        session.emit(
            {
                "slug": corrected.slug,
                "send_id": corrected.send_id,
                "note": corrected.correction.note,
                "at": corrected.correction.at.isoformat(),
                "by": corrected.correction.author,
                "undone": undo,
                "corrections": count,
                "url": url,
                "original": f"{url}original/" if count else None,
            }
        )
        return
    if not undo:
        session.console.print(
            f"{url} shows the corrected version, with your note; the one that was mailed is at "
            f"{url}original/"
        )
    elif count:
        session.console.print(f"{url} shows the correction before: {count:,} still stand.")
    else:
        session.console.print(f"{url} shows again what was mailed.")
    session.console.print(
        "The mails that were sent stay as they are. A static site is corrected by the next "
        "newsletter archive build."
    )


@archive.command(
    epilog=examples('archive hide 2026-01-06-welcome --reason "at its subject\'s wish"')
)
@click.argument("issue", type=IssueName())
@click.option("--reason", default="", help="Why, for you alone.")
@command
def hide(session: Session, issue: str, reason: str) -> None:
    """Take an issue off the web. Mails stay as they are."""
    from newsletter.operations import correcting

    slug, changed = correcting.hide(session.project, session.store, issue, reason, session.clock())
    _show_hidden(session, slug, hidden=True, changed=changed)


@archive.command()
@click.argument("issue", type=IssueName())
@command
def show(session: Session, issue: str) -> None:
    """Put an issue that was hidden back on the web."""
    from newsletter.operations import correcting

    slug, changed = correcting.show(session.project, session.store, issue, session.clock())
    _show_hidden(session, slug, hidden=False, changed=changed)


def _show_hidden(session: Session, slug: str, *, hidden: bool, changed: bool) -> None:
    if session.json:
        session.emit({"slug": slug, "hidden": hidden, "changed": changed})
        return
    state = "off the web" if hidden else "on the web"
    advice = " A static site follows with the next newsletter archive build." if changed else ""
    already = "" if changed else " already"
    session.console.print(f"{slug} is {state}{already}.{advice}")


@archive.command("list")
@command
def list_issues(session: Session) -> None:
    """List all issues, and which are corrected or hidden."""
    from newsletter.links import issue_url
    from newsletter.web.published import Published

    settings = session.project.settings
    issues = Published(session.store, settings).read()
    if session.json:
        for issue in issues:
            url = issue_url(settings.newsletter.base_url, issue.slug)
            session.emit(_record(issue, url))
        return
    table = session.table("issue", "title", "sent", "tags", "state")
    for issue in issues:
        state = "hidden" if issue.hiding else "corrected" if issue.corrections else ""
        sent = in_zone(session, issue.published)
        table.add_row(issue.slug, issue.title, sent, ", ".join(issue.tags), state)
    session.console.print(table)


def _record(issue: "Issue", url: str) -> dict[str, Any]:
    return {
        "slug": issue.slug,
        "title": issue.title,
        "list": issue.list,
        "tags": list(issue.tags),
        "published_at": issue.published.isoformat(),
        "updated_at": issue.updated.isoformat(),
        "corrections": [
            {"at": each.at.isoformat(), "note": each.note, "by": each.author}
            for each in issue.corrections
        ],
        "hidden": issue.hiding is not None,
        "reason": issue.hiding.reason if issue.hiding else None,
        "url": url,
    }
