"""A rehearsal: a small real send to the provider's simulator, and whether all comes back.

It goes the way of every send: planned, claimed, handed to the transport, reported by events. Its
readers are on a list of their own, which nobody can join and no page shows.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from newsletter.audience import lists as audience_lists
from newsletter.audience import subscribers
from newsletter.config import REHEARSALS
from newsletter.doctor.base import CheckLine, Simulated
from newsletter.doctor.live import Rehearsed, judge
from newsletter.doctor.transports import bedside_of
from newsletter.errors import ConfigurationError, NewsletterError, Refused
from newsletter.feedback.apply import Applied
from newsletter.feedback.base import Queue, QueueUnreachable
from newsletter.feedback.drain import Drain
from newsletter.feedback.sources import source_of
from newsletter.model.address import Address
from newsletter.model.email import Email, MergeField, Place
from newsletter.model.send import SendStatus
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.operations.keys import hashes_of
from newsletter.project import Project
from newsletter.sending import control, preflight
from newsletter.sending.plan import Order, plan
from newsletter.sending.run import run
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import deliveries, reporting, sends
from newsletter.store.people import lists, people, suppressions
from newsletter.store.reported import events

_TITLE = "Rehearsals of the doctor"
_PAUSE_SECONDS = 0.5
_DRAINED_FOR = dt.timedelta(seconds=10)  # so that a full queue does not outlast the wait by much


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What it takes to rehearse; `notify` gets what people should know meanwhile."""

    project: Project
    store: Store
    worker: Worker
    notify: Callable[[str], None]

    def play(self, wait_seconds: float) -> list[CheckLine]:
        """Mail the simulator, wait until its reports are in the ledger, but no longer than so, and
        say what each link of the way did. What it suppressed is free again afterwards.

        Raises Refused where the store must not send, where the transport has no simulator, or
        where somebody else is on the list of rehearsals.
        """
        bedside = bedside_of(self.project.settings.transport)
        if not bedside.simulator:
            raise Refused(
                "this transport has no simulator that could be mailed",
                hint="Nothing was sent. Try it with a test: newsletter test ISSUE --to ADDRESS",
            )
        preflight.check_store(self.worker)
        self._gather(bedside.simulator)
        try:
            send_id = plan(self.store, self._order(), self.worker.clock(), self.worker.name)
            with self.store.write() as connection:  # nobody wants a report on it
                reporting.take(connection, send_id, self.worker.clock())
                reporting.note_mailed(connection, send_id, 0)
            self.notify(f"Rehearsing as {send_id}.")
            stopped = self._send(send_id)
            rehearsed = self._awaited(send_id, stopped, bedside.simulator, wait_seconds)
            witnesses = [bedside.witness(text) for text in self._payloads(send_id)]
            told = [witness for witness in witnesses if witness is not None]
            return judge(replace(rehearsed, witnesses=told), bedside)
        finally:
            self._free(bedside.simulator)

    def _gather(self, simulator: Sequence[Simulated]) -> None:
        """Let the simulator's addresses be the members of the list of rehearsals."""
        now = self.worker.clock()
        audience_lists.create(self.store, REHEARSALS, now, title=_TITLE)
        own = {one.address for one in simulator}
        with self.store.read() as connection:
            list_id = lists.id_of(connection, REHEARSALS)
            members = people.newest_first(connection, list_id=list_id)
            if any(one.subscriber.address.text not in own for one in members):
                raise Refused(
                    f"the list {REHEARSALS!r} holds others than the simulator",
                    hint="Nothing was sent. Take them off it: newsletter subscribers remove",
                )
        self._free(simulator)
        for one in simulator:
            subscribers.add(
                self.store,
                Address(one.address),
                REHEARSALS,
                status=SubscriptionStatus.CONFIRMED,
                now=now,
                hashes=hashes_of(self.project.root),
                resubscribe=True,
            )

    def _free(self, simulator: Sequence[Simulated]) -> None:
        hashes = hashes_of(self.project.root)
        for one in simulator:
            address = Address(one.address)
            with self.store.read() as connection:
                known = subscribers.suppression_of(connection, address, hashes)
            if known is not None:
                subscribers.unsuppress(self.store, address, hashes, self.worker.clock())

    def _order(self) -> Order:
        own = self.project.settings.newsletter
        leave = MergeField("unsubscribe_url", Place.TEXT)
        email = Email(
            sender=own.sender,
            reply_to=own.reply_to,
            language="en",
            subject=("A rehearsal of the doctor",),
            preheader=(),
            html=(
                "<p>A rehearsal: nobody reads this. <a href='",
                MergeField("unsubscribe_url", Place.URL),
                "'>Unsubscribe</a></p>",
            ),
            text=("A rehearsal: nobody reads this. Unsubscribe: ", leave),
        )
        slug = f"{REHEARSALS}-{self.worker.clock():%Y%m%d-%H%M%S-%f}"
        return Order(slug, email, REHEARSALS, web=self.project.settings.web)

    def _send(self, send_id: str) -> str:
        """Send it; why it stopped, if it did: then it is ended for good."""
        try:
            sent = run(self.worker, send_id)
            stopped = sent.pause_reason or "it was paused"
            if sent.status is not SendStatus.PAUSED:
                return ""
        except NewsletterError as error:
            stopped = error.message
        control.cancel(self.store, send_id, self.worker.clock, clear=self.worker.clear)
        return stopped

    def _awaited(
        self, send_id: str, stopped: str, simulator: Sequence[Simulated], wait_seconds: float
    ) -> Rehearsed:
        """Fetch reports until all are there, or the time is over."""
        base_url = self.project.settings.newsletter.base_url
        rehearsed = Rehearsed(send_id, base_url, stopped)
        total, began = Applied(), time.monotonic()
        try:
            queue = self._queue()
            while True:
                if queue is not None:
                    self._drain(queue, total)
                waited = time.monotonic() - began
                rehearsed = self._read(replace(rehearsed, waited_seconds=waited), simulator)
                if stopped or rehearsed.is_complete(simulator) or waited >= wait_seconds:
                    break
                self.worker.stop.wait(_PAUSE_SECONDS)
        except (ConfigurationError, QueueUnreachable) as error:
            rehearsed = self._read(replace(rehearsed, queue_error=error), simulator)
        strange = total.samples[0][1] if total.samples else ""
        return replace(rehearsed, strange=strange)

    def _queue(self) -> Queue | None:
        """None where reports are posted to the hook: then somebody else applies them."""
        settings = self.project.settings
        source = source_of(settings.events)
        if source.open_queue is None or not source.has_queue(settings):
            return None
        return source.open_queue(settings)

    def _drain(self, queue: Queue, total: Applied) -> None:
        worker, settings = self.worker, self.project.settings
        beside = (worker.clock, worker.stop, self.notify, total)
        drain = Drain(queue, self.store, settings, *beside, keeps_house=False)
        drain.run(once=True, at_most=_DRAINED_FOR)

    def _read(self, rehearsed: Rehearsed, simulator: Sequence[Simulated]) -> Rehearsed:
        names = {one.address: one.name for one in simulator}
        with self.store.read() as connection:
            number = sends.number_of(connection, rehearsed.send_id)
            found = {
                names[one.address]: one
                for one in deliveries.newest_first(connection, number)
                if one.address in names
            }
            suppressed = {
                one.name: suppressions.find(connection, Address(one.address)) is not None
                for one in simulator
            }
            count = len(events.payloads(connection, number))
        return replace(
            rehearsed,
            statuses={name: one.status for name, one in found.items()},
            references={name: one.id for name, one in found.items()},
            reasons={name: one.reason or "" for name, one in found.items()},
            reported={name: one.reported for name, one in found.items()},
            suppressed=suppressed,
            events=count,
        )

    def _payloads(self, send_id: str) -> Sequence[str]:
        with self.store.read() as connection:
            return events.payloads(connection, sends.number_of(connection, send_id))
