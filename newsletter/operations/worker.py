"""A Worker of a project, with what it does between its batches."""

import datetime as dt
import threading
from collections.abc import Callable
from functools import cache, partial

from newsletter.audience import syncing
from newsletter.audience.retention import forget_old
from newsletter.errors import ConfigurationError, TransportError
from newsletter.feedback.alarm import silence
from newsletter.feedback.apply import Applied
from newsletter.feedback.base import Queue, QueueUnreachable
from newsletter.feedback.chores import do_chores
from newsletter.feedback.drain import Drain
from newsletter.feedback.sources import source_of
from newsletter.feedback.warning import of_running
from newsletter.links import Links, load_keys
from newsletter.operations import archiving
from newsletter.operations.keys import hashes_of
from newsletter.operations.reporting import ReportPost
from newsletter.outage import Outage
from newsletter.project import Project
from newsletter.sending.canary import CanaryLimits
from newsletter.sending.core import Notify
from newsletter.sending.patience import Patience
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.times import Clock
from newsletter.transports import clear, open_transport
from newsletter.transports.base import HasAccountList, Transport

_DRAINED_FOR = dt.timedelta(seconds=10)  # well within the lease of a send


def open_worker(project: Project, store: Store, notify: Notify, clock: Clock) -> Worker:
    """A worker for the sends of a project.

    Raises UsageError or ConfigurationError where a part of it is missing.
    """
    settings = project.settings
    base_url, policy = settings.newsletter.base_url, settings.policy
    transport = open_transport(project)
    stop = threading.Event()
    store.heed(stop)
    notify_once = _once(notify)
    links = Links(base_url, load_keys(project.root))
    reports = ReportPost(project, store, transport, links, clock, stop, notify_once)
    return Worker(
        store=store,
        transport=transport,
        links=links,
        max_rate=settings.transport.max_rate,
        clock=clock,
        stop=stop,
        notify=notify,
        stale_after=dt.timedelta(hours=policy.stale_schedule_hours),
        generation=project.generation,
        refresh=lambda: _pull_suppressions(project, store, transport, clock, notify),
        timezone=settings.newsletter.timezone,
        canary_limits=CanaryLimits(
            policy.complaint_pause, policy.bounce_pause, dt.timedelta(minutes=policy.canary_minutes)
        ),
        clear=partial(clear, project),
        poll_events=_drain(project, store, clock, stop, notify),
        check_events=_alarm(project, store, clock, notify),
        keep_house=lambda: _keep_house(project, store, clock),
        archive_one=lambda: archiving.archive_one(project, store, clock, notify_once),
        mail_report=reports.mail_one,
        patience=Patience(notify, stop=stop),
    )


def _drain(
    project: Project, store: Store, clock: Clock, stop: threading.Event, notify: Notify
) -> Callable[[], None]:
    """Drains the queue of events for a while, if there is one, so that a canary gets its reports.
    Where this process cannot, it says so once; another may."""
    settings = project.settings
    source = source_of(settings.events)
    open_queue = source.open_queue
    if open_queue is None or not source.has_queue(settings):
        return lambda: None

    @cache
    def queue() -> Queue:
        return open_queue(settings)

    notify_once = _once(notify)

    def drain() -> None:
        try:
            # It is drained every few seconds.
            drained = Drain(
                queue(), store, settings, clock, stop, notify_once, Applied(), keeps_house=False
            )
            drained.run(once=True, at_most=_DRAINED_FOR)
        except (ConfigurationError, QueueUnreachable) as error:
            notify_once(error.message)

    return drain


def _alarm(project: Project, store: Store, clock: Clock, notify: Notify) -> Callable[[], None]:
    """Warns, once, where nothing is reported of what is being sent, or too many bounces are."""
    notify_once = _once(notify)
    warned: set[str] = set()

    def check() -> None:
        settings = project.settings
        if alarm := silence(store, settings, clock()):
            notify_once(f"Alarm: {alarm}.")
        for send_id, warning in of_running(store, settings.policy).items():
            if send_id not in warned:  # its numbers change
                warned.add(send_id)
                notify(f"Warning about {send_id}: {warning}.")

    return check


def _keep_house(project: Project, store: Store, clock: Clock) -> None:
    do_chores(store, project.settings, clock())
    forget_old(store, project.settings.web, clock())


def _once(notify: Notify) -> Notify:
    """Prints each line the first time only, whatever times it names."""
    told = Outage()

    def tell(line: str) -> None:
        if told.is_news(line):
            notify(line)

    return tell


def _pull_suppressions(
    project: Project, store: Store, transport: Transport, clock: Clock, notify: Notify
) -> None:
    """Take over the addresses that the provider has listed since the last send.

    Where it gives no answer, warn and go on: the provider mails none of them anyway.
    """
    if not isinstance(transport, HasAccountList):
        return
    account = transport.account_list
    try:
        new = syncing.pull(store, account, hashes_of(project.root), clock())
    except (ConfigurationError, TransportError) as error:
        notify(error.message)
        return
    if new:
        notify(f"Newly suppressed by the list of the {account.service} account: {new:,}.")
