"""`newsletter approve`: a second person's yes to an issue."""

import sys
from typing import TYPE_CHECKING

import click

from newsletter.cli.asking import ask
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName
from newsletter.cli.showing import in_zone, show_findings
from newsletter.errors import Refused, UsageError
from newsletter.model.approval import Editor

if TYPE_CHECKING:
    from newsletter.desk.prepare import Prepared


@click.command(
    epilog=examples(
        "approve 2026-01-06-welcome",
        'approve 2026-01-06-welcome --as "Grace <grace@example.com>"',
    )
)
@click.argument("issue", type=IssueName())
@click.option(
    "--as",
    "as_editor",
    metavar="NAME <EMAIL>",
    help="Who approves it, if it is not who git says works here.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def approve(session: Session, issue: str, as_editor: str | None, yes: bool) -> None:
    """Say yes to an issue as it is now, as a second person."""
    from newsletter.desk.prepare import prepare
    from newsletter.model.email import fill
    from newsletter.operations import provenance, records

    project = session.project
    prepared = prepare(project, issue)
    editor = _named(as_editor) if as_editor is not None else _here(session)
    show_findings(session, prepared)
    if not yes:
        _confirm(session, prepared, editor)
    given = provenance.approve(project, session.store, prepared, editor, session.clock)
    if session.json:
        session.emit(records.approval(given, fill(prepared.email.subject, {})))
        return
    session.console.print(f"Approved by {given.editor}, {in_zone(session, given.at)}.")


def _named(text: str) -> Editor:
    from newsletter.audience.address import named

    address, name = named(text)
    return Editor(" ".join(name.split()), address)


def _here(session: Session) -> Editor:
    from newsletter import git

    editor = git.me(session.project.root)
    if editor is None:
        raise UsageError(
            "who approves it? git does not know who works here",
            hint='Say so with --as "NAME <EMAIL>", or: git config --global user.email EMAIL',
        )
    return editor


def _confirm(session: Session, prepared: "Prepared", editor: Editor) -> None:
    if not sys.stdin.isatty():
        raise Refused(
            "approving was not confirmed: there is no terminal to ask at",
            hint="Add --yes to approve without a question.",
        )
    _describe(session, prepared, editor)
    if ask("Type yes to approve it in this form").strip().lower() != "yes":
        raise Refused("approving was not confirmed", hint="Nothing was recorded.")


def _describe(session: Session, prepared: "Prepared", editor: Editor) -> None:
    from newsletter.model.email import fill
    from newsletter.operations import provenance

    email = prepared.email
    authors = provenance.authors_of(session.project, prepared)
    table = session.table("", "", header=False)
    table.add_row("issue", prepared.digest.slug)
    table.add_row("subject", fill(email.subject, {}))
    table.add_row("preheader", fill(email.preheader, {}))
    table.add_row("from", email.sender)
    table.add_row("written by", ", ".join(map(str, authors)) or "somebody whom git does not know")
    table.add_row("content", email.content_hash[:12])
    for earlier in provenance.approvals_of(session.store, prepared):
        table.add_row("approved by", f"{earlier.editor}, {in_zone(session, earlier.at)}")
    table.add_row("you are", str(editor))
    session.notes.print(table)
