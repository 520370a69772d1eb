"""What `send` shows before it asks, and the send that follows.

Nothing is written before `plan`: what is refused, or not wanted after all, leaves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from newsletter.desk.prepare import Prepared, blamed_on, place_of, prepare
from newsletter.desk.publishing import publish
from newsletter.desk.slugs import is_taken
from newsletter.errors import UsageError
from newsletter.model.email import fill
from newsletter.model.listing import listing_of
from newsletter.model.send import Allowance
from newsletter.operations.content import check_content
from newsletter.operations.who import operator
from newsletter.project import Project, utc_now
from newsletter.sending import plan as planning
from newsletter.sending import preflight, restored
from newsletter.sending.plan import Forecast, Order
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.clock import clock_of
from newsletter.times import parse_time


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asks for, as they wrote it; `canary` is a share."""

    issue: str
    list_name: str | None = None
    segment: str | None = None
    at: str | None = None
    again: str | None = None
    only_missing: bool = False
    spread: bool = False
    canary: float | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A send that may be made, and what it would do; `days` is how many it takes at least."""

    prepared: Prepared
    order: Order
    forecast: Forecast
    days: int
    account_warning: str

    @property
    def subject(self) -> str:
        return fill(self.order.email.subject, {})


def order_of(project: Project, store: Store, wish: Wish) -> tuple[Prepared, Order, str]:
    """The issue of a wish, the order that it comes to, and where its list is named.

    Raises UsageError where the wish is incomplete or contradicts itself.
    """
    prepared = prepare(project, wish.issue)
    place = "--list" if wish.list_name else place_of("list", prepared.parsed)
    list_name = wish.list_name or prepared.digest.meta.list
    if list_name is None:
        raise UsageError(
            "to which list?", hint="Name it with --list, or as `list:` in the front matter."
        )
    if wish.again is not None and not wish.again.strip():
        raise UsageError("--again needs a reason", hint='--again "the links were broken"')
    if wish.only_missing and wish.again is None:
        raise UsageError("--only-missing goes with --again", hint='--again "some had it too late"')
    timezone = project.settings.newsletter.timezone
    with blamed_on("--segment"):
        rule = "" if wish.segment is None else planning.rule_of(store, wish.segment)
    at = None if wish.at is None else parse_time(wish.at, timezone, clock_of(store, utc_now)())
    order = Order(
        slug=prepared.digest.slug,
        email=prepared.email,
        list_name=list_name,
        segment=wish.segment or "",
        rule=rule,
        timezone=timezone,
        web=project.settings.web,
        again=wish.again,
        only_missing=wish.only_missing,
        spread=wish.spread,
        rate=wish.rate,
        canary=wish.canary,
        scheduled_at=at,
        source_hash=prepared.parsed.source_hash,
        listing=listing_of(prepared.digest),
    )
    return prepared, order, place


def propose(
    project: Project,
    worker: Worker,
    prepared: Prepared,
    order: Order,
    *,
    place: str,
    warn: Callable[[str], None],
) -> Proposal:
    """Look whether a send may be made, and what it would do; `warn` gets the reasons against it.

    `place` is where its list is named. Raises Refused, UsageError, FindingsError, and what the
    account's own answers are.
    """
    store = worker.store
    preflight.check_store(worker)
    with blamed_on(place):
        forecast = planning.forecast(store, order, worker.clock())
    if order.again is None:
        preflight.check_renamed(store, order, partial(is_taken, project))
    goes_out = order.scheduled_at or worker.clock()
    provenance = check_content(project, worker, prepared, order.list_name, goes_out, warn)
    allowance = _ask_account(worker, order, forecast, warn)
    days = preflight.days(allowance, forecast.queued, scheduled=order.scheduled_at is not None)
    order = replace(order, provenance=provenance, who=str(operator(project)))
    return Proposal(prepared, order, forecast, days, allowance.warning)


def _ask_account(
    worker: Worker, order: Order, forecast: Forecast, warn: Callable[[str], None]
) -> Allowance:
    allowance = preflight.check_account(
        worker.transport,
        forecast.queued,
        spread=order.spread,
        scheduled=order.scheduled_at is not None,
    )
    restored.compare(worker.store, allowance, worker.clock())
    for warning in preflight.check_sender(worker.transport, order.email.sender, allowance):
        warn(f"{warning}.")
    return allowance


def plan(project: Project, worker: Worker, proposal: Proposal, *, detached: bool = False) -> str:
    """Publish the pictures of a proposal, and write its send; returns the send's id.

    It is reserved for this worker, unless it is `detached`: left to others.
    """
    publish(proposal.prepared.pictures, project.settings, worker.store, worker.clock())
    name = None if detached else worker.name
    return planning.plan(worker.store, proposal.order, worker.clock(), name)
