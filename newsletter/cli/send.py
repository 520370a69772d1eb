"""`newsletter send`: plan, confirm, send, and say what happened."""

import re
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from newsletter.cli.asking import ask
from newsletter.cli.frame import Session, command
from newsletter.cli.running import open_worker, run_and_show
from newsletter.cli.showing import in_zone, refuse, show_findings, warn
from newsletter.errors import Refused, UsageError
from newsletter.model.email import fill

if TYPE_CHECKING:
    from newsletter.sending.plan import Forecast, Order


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
            self.fail(f"{value!r} is no percentage above 0% and below 100%, as 2%", param, ctx)
        return share


@click.command()
@click.argument("issue")
@click.option("--list", "list_name", help="The list; front matter may name it instead.")
@click.option("--segment", help="Only this segment of the list.")
@click.option("--at", help='When, e.g. "2026-11-24 08:00" in the newsletter\'s time zone.')
@click.option("--dry-run", is_flag=True, help="Say what would be sent; write and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--again", metavar="REASON", help="Send once more what was sent already.")
@click.option("--only-missing", is_flag=True, help="With --again: not to who has had it.")
@click.option("--spread", is_flag=True, help="Send as the daily quota allows, over several days.")
@click.option("--canary", type=Share(), help="Send to this share first, e.g. 2%, then look.")
@click.option("--rate", type=click.IntRange(min=1), help="Recipients a second, at most.")
@command
def send(
    session: Session,
    issue: str,
    list_name: str | None,
    segment: str | None,
    at: str | None,
    dry_run: bool,
    yes: bool,
    again: str | None,
    only_missing: bool,
    spread: bool,
    canary: float | None,
    rate: int | None,
) -> int:
    """Send an issue to a list."""
    from newsletter import scaffold
    from newsletter.desk import dates
    from newsletter.desk.prepare import blamed_on, place_of, prepare
    from newsletter.desk.publishing import publish
    from newsletter.desk.slugs import is_taken
    from newsletter.project import utc_now
    from newsletter.sending import plan, preflight, restored
    from newsletter.times import parse_time
    from newsletter.transports import kind_of

    prepared = prepare(session.project, issue)
    place = "--list" if list_name else place_of("list", prepared.parsed)
    list_name = list_name or prepared.digest.meta.list
    if list_name is None:
        raise UsageError(
            "to which list?", hint="Name it with --list, or as `list:` in the front matter."
        )
    if again is not None and not again.strip():
        raise UsageError("--again needs a reason", hint='--again "the links were broken"')
    if only_missing and again is None:
        raise UsageError("--only-missing goes with --again", hint='--again "some had it too late"')
    timezone = session.project.settings.newsletter.timezone
    with blamed_on("--segment"):
        rule = "" if segment is None else plan.rule_of(session.store, segment)
    order = plan.Order(
        slug=prepared.digest.slug,
        email=prepared.email,
        list_name=list_name,
        segment=segment or "",
        rule=rule,
        timezone=timezone,
        web=session.project.settings.web,
        again=again,
        only_missing=only_missing,
        spread=spread,
        rate=rate,
        canary=canary,
        scheduled_at=None if at is None else parse_time(at, timezone, utc_now()),
        git_commit=plan.git_commit(prepared.path),
        source_hash=prepared.parsed.source_hash,
    )
    show_findings(session, prepared)
    worker = open_worker(session)  # a transport or a secret that is missing leaves no send behind
    preflight.check_store(worker)
    with blamed_on(place):
        expected = plan.forecast(session.store, order, utc_now())
    if again is None:
        preflight.check_renamed(session.store, order, partial(is_taken, session.project))
    for warning in preflight.check_fields(session.store, order.email, list_name):
        warn(session, warning)
    goes_out = order.scheduled_at or utc_now()
    if warning := dates.outdated(prepared.digest, goes_out, timezone):
        warn(session, f"{warning}.")
    if session.project.settings.policy.require_test:
        preflight.check_tested(session.store, order.email.content_hash, order.slug)
    scheduled = order.scheduled_at is not None
    allowance = preflight.check_account(
        worker.transport, expected.queued, spread=spread, scheduled=scheduled
    )
    restored.compare(session.store, allowance, utc_now())
    for warning in preflight.check_sender(worker.transport, order.email.sender, allowance):
        warn(session, f"{warning}.")
    if worker.transport.reaches_readers:
        refuse(prepared, tuple(scaffold.untouched(prepared.digest)))
        scaffold.check_identity(session.project.settings)
    days = preflight.days(allowance, expected.queued, scheduled=scheduled)
    if dry_run:
        _show_plan(session, order, expected, days)
        return 0
    if not yes:
        _confirm(session, order, expected, days)
    if order.canary and not kind_of(session.project.settings.transport).reports:
        session.notes.print(
            "Nothing reports what becomes of these mails: the canary pauses, unless "
            "`newsletter events replay` tells of them.",
            style="yellow",
        )
    publish(prepared.pictures, session.project.settings, session.store, utc_now())
    worker = replace(worker, warned=allowance.warning)
    return run_and_show(session, worker, plan.plan(session.store, order, utc_now(), worker.name))


def _show_plan(session: Session, order: "Order", expected: "Forecast", days: int) -> None:
    skipped = sum(expected.skipped.values())
    if session.json:
        session.emit(
            {
                "send_id": None,
                "status": "dry_run",
                "recipients": expected.recipients,
                "accepted": 0,
                "rejected": 0,
                "skipped": skipped,
                "unknown": 0,
                "queued": expected.queued,
                "had_it": expected.had_it,
                "slug": order.slug,
                "list": order.list_name,
                "segment": order.segment or None,
                "subject": fill(order.email.subject, {}),
                "from": order.email.sender,
                "content_hash": order.email.content_hash,
                "scheduled_at": order.scheduled_at.isoformat() if order.scheduled_at else None,
                "days": days,
            }
        )
        return
    _describe(session, order, expected, days)
    session.console.print("A dry run: nothing was written, nothing was sent.")


def _describe(session: Session, order: "Order", expected: "Forecast", days: int) -> None:
    from newsletter.project import utc_now
    from newsletter.sending.plan import change_since_last

    change = change_since_last(session.store, order, utc_now())
    table = session.table("", "", header=False)
    table.add_row("subject", fill(order.email.subject, {}))
    table.add_row("from", order.email.sender)
    table.add_row("list", order.list_name)
    if order.segment:
        table.add_row("segment", order.segment)
    table.add_row("recipients", f"{expected.queued:,}{_change(change)}")
    if expected.had_it:
        table.add_row("had it already", f"{expected.had_it:,}; --only-missing leaves them out")
    for reason, amount in expected.skipped.items():
        table.add_row(f"skipped, {reason}", f"{amount:,}")
    if order.scheduled_at:
        table.add_row("at", in_zone(session, order.scheduled_at))
    if order.canary:
        table.add_row("canary", f"{order.canary:.2%} first, the rest once that is well")
    if days > 1:
        table.add_row("spread", f"over {days} days or more, by the account's quota")
    session.notes.print(table)


def _change(change: tuple[int, int] | None) -> str:
    """Who joined and who left since the last send to this audience: ` (+120 −45)`."""
    return "" if change is None else f" (+{change[0]:,} −{change[1]:,})"


def _confirm(session: Session, order: "Order", expected: "Forecast", days: int) -> None:
    """Ask for the number of recipients: a count that is typed was read."""
    if not sys.stdin.isatty():
        raise Refused(
            "sending was not confirmed: there is no terminal to ask at",
            hint="Add --yes to send without a question.",
        )
    _describe(session, order, expected, days)
    question = "Type the number of recipients to send"
    if ask(question).strip().replace(",", "") != str(expected.queued):
        raise Refused("sending was not confirmed", hint="Nothing was sent.")
