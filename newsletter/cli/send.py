"""`newsletter send`: propose, confirm, send, and say what happened."""

import re
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.asking import ask
from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName
from newsletter.cli.running import open_worker, run_and_show
from newsletter.cli.showing import in_zone, send_record, show, show_findings, warn
from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.operations.propose import Proposal


class Share(click.ParamType[float]):
    """A percentage above 0 and below 100, as a share."""

    name = "percent"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)\s*%", value.strip())
        share = float(match[1]) / 100 if match else 0.0
        if not share:
            self.fail(f"{value!r} is not a percentage between 0% and 100%, such as 2%", param, ctx)
        return share


@click.command(
    epilog=examples(
        "send 2026-01-06-welcome --list readers --dry-run",
        "send 2026-01-06-welcome --list readers",
        'send 2026-01-06-welcome --list readers --at "2026-11-24 08:00"',
        "send 2026-01-06-welcome --list readers --canary 5%",
    )
)
@click.argument("issue", type=IssueName())
@click.option("--list", "list_name", help="The list; front matter may name it instead.")
@click.option("--segment", help="Only this segment of the list.")
@click.option("--at", help='When, e.g. "2026-11-24 08:00" in the newsletter\'s time zone.')
@click.option("--dry-run", is_flag=True, help="Say what would be sent; write and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--again", metavar="REASON", help="Send once more what was already sent.")
@click.option(
    "--only-missing", is_flag=True, help="With --again: only to those who have not had it."
)
@click.option("--spread", is_flag=True, help="Send as the daily quota allows, over several days.")
@click.option(
    "--canary", type=Share(), help="Send to this share first, e.g. 2%, and wait for its reports."
)
@click.option("--rate", type=click.IntRange(min=1), help="Recipients a second, at most.")
@click.option("--detach", is_flag=True, help="Leave it to workers, and return at once.")
@command
def send(
    session: Session, /, issue: str, dry_run: bool, yes: bool, detach: bool, **options: Any
) -> int:
    """Send an issue to a list."""
    from newsletter.operations.propose import Wish, order_of, plan, propose

    project, wish = session.project, Wish(issue, **options)
    prepared, order, place = order_of(project, session.store, wish)
    show_findings(session, prepared)
    worker = open_worker(session)  # a transport or a secret that is missing leaves no send behind
    proposal = propose(project, worker, prepared, order, place=place, warn=partial(warn, session))
    if dry_run:
        _show_plan(session, proposal)
        return 0
    if not yes:
        _confirm(session, proposal)
    if order.canary and not _is_reported_on(session):
        session.notes.print(
            "Nothing reports what becomes of these mails: the canary will pause, unless "
            "`newsletter events replay` applies reports.",
            style="yellow",
        )
    send_id = plan(project, worker, proposal, detached=detach)
    if detach:
        return _leave_to_workers(session, send_id)
    return run_and_show(session, replace(worker, warned=proposal.account_warning), send_id)


def _leave_to_workers(session: Session, send_id: str) -> int:
    """Show the send as it is planned, and whether anybody is there to send it."""
    from newsletter.sending import processes
    from newsletter.sending.reading import read
    from newsletter.store.ledger import workers

    with session.store.read() as connection:
        names = workers.heard_of(connection, session.clock())
    if all(processes.is_dead(name) for name in names):
        session.notes.print("No worker lives that could send it. Start one: newsletter worker")
    planned = read(session.store, send_id)
    if session.json:
        session.emit(send_record(session, planned))
    else:
        show(session, planned)
    return 0


def _is_reported_on(session: Session) -> bool:
    from newsletter.transports import kind_of

    return kind_of(session.project.settings.transport).reports


def _show_plan(session: Session, proposal: "Proposal") -> None:
    from newsletter.operations import records

    if session.json:
        session.emit(records.proposal(proposal))
        return
    _describe(session, proposal)
    session.console.print("A dry run: nothing was written, nothing was sent.")


def _describe(session: Session, proposal: "Proposal") -> None:
    from newsletter.sending.plan import change_since_last

    order, forecast = proposal.order, proposal.forecast
    change = change_since_last(session.store, order, session.clock())
    table = session.table("", "", header=False)
    table.add_row("subject", proposal.subject)
    table.add_row("from", order.email.sender)
    table.add_row("list", order.list_name)
    if order.segment:
        table.add_row("segment", order.segment)
    table.add_row("recipients", f"{forecast.queued:,}{_change(change)}")
    if forecast.had_it:
        table.add_row("had it already", f"{forecast.had_it:,}; --only-missing leaves them out")
    for reason, amount in forecast.skipped.items():
        table.add_row(f"skipped, {reason}", f"{amount:,}")
    if order.scheduled_at:
        table.add_row("at", in_zone(session, order.scheduled_at))
    if order.canary:
        table.add_row("canary", f"{order.canary:.2%} first, the rest once its reports are good")
    if order.provenance.branch:
        table.add_row("branch", order.provenance.branch)
    if approval := order.provenance.approval:
        table.add_row("approved by", f"{approval.editor}, {in_zone(session, approval.at)}")
    if proposal.days > 1:
        table.add_row("spread", f"over {proposal.days} days or more, by the account's quota")
    session.notes.print(table)


def _change(change: tuple[int, int] | None) -> str:
    """Who joined and who left since the last send to this audience: ` (+120 −45)`."""
    return "" if change is None else f" (+{change[0]:,} −{change[1]:,})"


def _confirm(session: Session, proposal: "Proposal") -> None:
    """Ask for the number of recipients: a count that is typed was read."""
    if not sys.stdin.isatty():
        raise Refused(
            "sending was not confirmed: there is no terminal to ask at",
            hint="Add --yes to send without a question.",
        )
    _describe(session, proposal)
    question = "Type the number of recipients to send"
    if ask(question).strip().replace(",", "") != str(proposal.forecast.queued):
        raise Refused("sending was not confirmed", hint="Nothing was sent.")
