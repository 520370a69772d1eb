"""All that concerns people, run against itself on PostgreSQL: nothing waits for each other.

The order of the locks is that of newsletter.store.locks.
"""

import datetime as dt
import random
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.audience import confirming, leaving, mailing, preferences
from newsletter.audience.erasing import erase
from newsletter.audience.removing import remove
from newsletter.errors import NewsletterError, StoreError
from newsletter.links import Purpose
from newsletter.model.address import Address
from newsletter.model.event import Event, EventType, Ref
from newsletter.model.send import Accepted, Counts
from newsletter.model.subscriber import Consent, ConsentHow, RequestState
from newsletter.sending.plan import plan
from newsletter.sending.reading import read
from newsletter.store import Store
from newsletter.store.ledger import claims, recording, tenures
from newsletter.store.ledger import sends as ledger
from newsletter.store.ledger.claims import Claim
from newsletter.store.people import erasure, former, requests
from newsletter.store.reported import settling
from newsletter.store.schema import deliveries, sends
from tests.factories import erased_hash, import_text, is_waiting, join
from tests.integration.sending import FixedClock, fill_list, order
from tests.integration.web.stage import Stage, open_stage
from tests.waiting import until

pytestmark = pytest.mark.postgresql

Act = Callable[[], object]
PEOPLE, ROUNDS = 4, 4


class Crowd:
    """A few people of whom everything is asked at once."""

    def __init__(self, stage: Stage, folder: Path, number: int) -> None:
        self.stage, self.store, self.number = stage, stage.store, number
        self.hashes = stage.links.address_hashes
        self.file = folder / str(number)
        self.file.mkdir()
        self.addresses = [f"p{n}@{number}.example.com" for n in range(PEOPLE)]
        self.people = [join(self.store, each, "daily").subscriber_id for each in self.addresses]
        for n, who in enumerate(self.people):
            self.ask(who, action="move", email=f"q{n}@{number}.example.net")
        stage.mailer.drain()
        for request_id in self.asked():
            self.confirm(request_id)  # so that the new addresses are asked next
        for who in self.people:
            self.ask(who, action="join", list="weekly")
        stage.mailer.drain()
        for who in self.people:
            self.ask(who, action="data")

    def ask(self, who: int, **fields: str) -> None:
        path = self.stage.preferences_path(who)
        assert self.stage.client.post(path, data=fields).status_code == 200

    def said(self, how: str = "form") -> Consent:
        return Consent(self.stage.clock(), how, "test")

    def asked(self) -> list[int]:
        with self.store.read() as connection:
            return [each.id for who in self.people for each in requests.of(connection, who)]

    def acts(self) -> list[Act]:
        one, other, *_ = self.people
        link = self.stage.link(one, self.stage.daily)
        asked = self.asked()
        month_later = self.stage.clock() + dt.timedelta(days=40)
        rows = "\n".join(("email", *self.addresses, f"new@{self.number}.example.com", ""))
        return [
            *(partial(self.confirm, each) for each in asked),
            *(partial(self.take, each) for each in asked),
            partial(mailing.clean_up, self.store, month_later),
            partial(self.stage.erase, other),
            partial(leaving.leave, self.store, [(link, self.said(ConsentHow.ONE_CLICK))]),
            partial(leaving.undo, self.store, link, self.said(ConsentHow.UNDO)),
            partial(preferences.rename, self.store, link, "N", self.said(ConsentHow.PREFERENCES)),
            partial(import_text, self.store, self.file, rows, "daily"),
            partial(
                remove,
                self.store,
                [Address(self.addresses[2])],
                None,
                self.stage.clock(),
                self.hashes,
            ),
            partial(join, self.store, f"late@{self.number}.example.org", "daily"),
        ]

    def confirm(self, request_id: int) -> None:
        for purpose in (Purpose.CONFIRM, Purpose.PERSONAL, Purpose.UNDO):
            for list_id in (0, self.stage.weekly):
                named = (purpose, request_id, list_id)
                confirming.confirm(self.store, named, self.hashes, self.said())

    def take(self, request_id: int) -> None:
        now = self.stage.clock()
        request = mailing.take(
            self.store, request_id, self.hashes, now, form_url=str, keep_ip=False
        )
        if request is not None:
            mailing.settle(self.store, request, RequestState.MAILED, "", now)


def test_nothing_waits_for_each_other(postgresql_store: Store, tmp_path: Path) -> None:
    stage = open_stage(postgresql_store, tmp_path)
    chance = random.Random("locks")
    failed: list[str] = []

    for number in range(ROUNDS):
        acts = Crowd(stage, tmp_path, number).acts()
        chance.shuffle(acts)
        barrier = threading.Barrier(len(acts))
        threads = [threading.Thread(target=run, args=(act, barrier, failed)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failed == []


def test_an_erasure_waits_for_a_send_before_it_holds_a_delivery_of_it(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """Somebody who moved is named by a delivery, and by why its send paused, with either address.
    Whoever decides about the send holds it first."""
    store, now = postgresql_store, FixedClock()()
    fill_list(store, 1)
    send_id = plan(store, order(), now)
    said = Consent(now, ConsentHow.FORM, "test")
    with store.write() as connection:
        former.add(connection, 1, Address("old@example.com"), "hash", 1, now)
        connection.execute(sa.update(sends).values(pause_reason="no <old@example.com> here"))
        connection.execute(sa.update(deliveries).values(reason="no <r1@example.com> here"))
    failed: list[str] = []
    erasing = partial(erase, store, tmp_path, erased_hash, Address("r1@example.com"), said)
    thread = threading.Thread(target=run, args=(erasing, threading.Barrier(1), failed))

    with store.write() as connection:
        number = ledger.number_of(connection, send_id)
        ledger.record(connection, number, lock=True)
        thread.start()
        until(lambda: is_waiting(store))
        connection.execute(sa.update(deliveries).values(attempts=1))
    thread.join()

    assert failed == []
    with store.read() as connection:
        assert connection.execute(sa.select(deliveries.c.reason)).scalar() == erasure.WITHHELD
        assert connection.execute(sa.select(sends.c.pause_reason)).scalar() == erasure.WITHHELD


@pytest.mark.parametrize("holds", ["record", "events"])
def test_a_batch_is_recorded_while_somebody_holds_its_send(
    postgresql_store: Store, holds: str
) -> None:
    """Whoever applies events holds it, and waits for the deliveries of the batch."""
    store, now = postgresql_store, FixedClock()()
    fill_list(store, 2)
    send_id = plan(store, order(), now)
    with store.write() as connection:
        epoch = tenures.begin(connection, 1, "a/1/1/a", now, now)
        claim = claims.claim(connection, 1, worker="a/1/1/a", epoch=epoch, size=2, now=now)
    assert isinstance(claim, Claim)
    outcomes = [(row, Accepted(f"m{row.number}")) for row in claim.rows]

    with store.write() as holder, store.write() as recorder:
        if holds == "record":
            ledger.record(holder, 1, lock=True)
        else:
            ref = Ref(send_id, 1, 1)
            delivered = Event("key", EventType.DELIVERY, now, "m1", ref, detail="", payload="")
            settling.hold_sends(holder, [delivered])
        recorder.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        recording.record(recorder, 1, claim.batch, outcomes, now, now)

    assert read(store, send_id).counts == Counts(accepted=2)


def run(act: Act, barrier: threading.Barrier, failed: list[str]) -> None:
    barrier.wait()
    try:
        act()
    except StoreError as error:
        failed.append(error.message)
    except NewsletterError:
        pass  # refused, as for somebody who was erased meanwhile
