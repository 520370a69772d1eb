"""How fast a send is planned, and how fast the core and the outbox take it."""

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from newsletter.model.address import Address
from newsletter.model.email import Email, Message
from newsletter.model.send import Accepted, Outcome
from newsletter.model.subscriber import Subscriber
from newsletter.project import utc_now
from newsletter.sending.compose import SendContext, compose
from newsletter.sending.plan import Order, plan
from newsletter.sending.run import run
from newsletter.sending.worker import Worker
from newsletter.store import Store, open_store
from newsletter.store.ledger import deliveries, sends
from newsletter.transports import Transport
from newsletter.transports.memory import Memory
from newsletter.transports.outbox import Outbox
from tests.bench.audience import LIST, import_people, people_file, per_million
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import apart
from tests.bench.rendering import email_json, links


class Nowhere(Memory):
    """Accepts everything and keeps nothing: a hundred thousand mails do not fit into memory."""

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        return [Accepted(message.ref) for message in batch]


def planning(bench: Bench) -> Iterator[Figure]:
    for kind in bench.kinds:
        with bench.stores.new(kind) as url:
            apart(import_people, url, str(people_file(bench.folder, bench.rows)))
            seconds, process = apart(plan_sends, url, email_json(), bench.repeats)
        limit = 5 if kind == "sqlite" else 8
        yield Figure(f"plan, {kind}", tuple(seconds), "s/1M people", at_most=limit, best=True)
        yield Figure("  peak memory", (process.peak_mb,), "MB")


def core(bench: Bench) -> Iterator[Figure]:
    size = bench.rows // 10
    alone = tuple(apart(compose_only, email_json(), size)[0] for _ in range(bench.repeats))
    yield Figure("compose messages, nothing else", alone, "people/s", best=True)
    for kind in bench.kinds:
        for threads in (1, 4):
            figure = _speed(bench, f"core, {kind}, {threads} at once", kind, size, threads)
            yield figure
            yield Figure("  against composing alone", (figure.value / max(alone),), "x")


def outbox(bench: Bench) -> Iterator[Figure]:
    size = bench.rows // 100
    folder = bench.folder / "no ledger"
    alone = tuple(
        apart(write_only, email_json(), size, str(folder))[0] for _ in range(bench.repeats)
    )
    yield Figure("compose and write mails, no ledger", alone, "people/s", best=True)
    for kind in bench.kinds:
        figure = _speed(bench, f"outbox, {kind}", kind, size, threads=0)
        yield figure
        yield Figure("  against no ledger", (figure.value / max(alone),), "x")


def memory(bench: Bench) -> Iterator[Figure]:
    for kind in bench.kinds:
        for size in (bench.rows // 100, bench.rows // 10):
            with bench.stores.new(kind) as url:
                apart(import_people, url, str(people_file(bench.folder, size)))
                _, sending = apart(send_everything, url, email_json(), "", 4)
                _, reading = apart(read_ledger, url)
            name = f"peak memory, {kind}, send to {size:,}"
            yield Figure(name, (sending.peak_mb,), "MB", at_most=200)
            yield Figure("  read what became of each", (reading.peak_mb,), "MB", at_most=200)


def _speed(bench: Bench, name: str, kind: str, size: int, threads: int) -> Figure:
    """The speed of sends to `size` people, each from a new store."""
    path, mails = people_file(bench.folder, size), bench.folder / "outbox"
    speeds = []
    for _ in range(bench.repeats):
        with bench.stores.new(kind) as url:
            apart(import_people, url, str(path))
            speeds.append(apart(send_everything, url, email_json(), str(mails), threads)[0])
        shutil.rmtree(mails, ignore_errors=True)
    return Figure(name, tuple(speeds), "people/s", best=True)


def plan_sends(url: str, letter: str, repeats: int) -> list[float]:
    """Plan sends of different issues to one list, one after the other. Runs apart."""
    store = open_store(url, Path())
    email, samples = Email.from_json(letter), []
    for number in range(repeats):
        started = time.perf_counter()
        send_id = plan(store, Order(f"issue-{number}", email, LIST), utc_now())
        seconds = time.perf_counter() - started
        samples.append(per_million(seconds, recipients(store, send_id)))
    store.close()
    return samples


def recipients(store: Store, send_id: str) -> int:
    with store.read() as connection:
        found = sends.find(connection, send_id)
    assert found is not None
    return found.counts.recipients


def send_everything(url: str, letter: str, folder: str, threads: int) -> float:
    """Send to everybody, to nowhere with `threads`, or with none to the outbox; returns the
    recipients a second, planning left out. Runs apart."""
    store = open_store(url, Path())
    send_id = plan(store, Order("issue", Email.from_json(letter), LIST), utc_now())
    transport: Transport = Nowhere(concurrency=threads) if threads else Outbox(Path(folder))
    speed = speed_of(store, send_id, transport)
    store.close()
    return speed


def speed_of(store: Store, send_id: str, transport: Transport) -> float:
    """Run a send to its end; returns the recipients a second."""
    worker = Worker(
        store=store,
        transport=transport,
        links=links(),
        max_rate=0,
        clock=utc_now,
        stop=threading.Event(),
        notify=print,
    )
    started = time.perf_counter()
    done = run(worker, send_id)
    seconds = time.perf_counter() - started
    assert done.counts.accepted == done.counts.recipients > 0
    return done.counts.accepted / seconds


def read_ledger(url: str) -> int:
    """Read all deliveries of the newest send, as `newsletter deliveries` does. Runs apart."""
    store = open_store(url, Path())
    with store.read() as connection:
        newest = sends.newest(connection)
        assert newest is not None
        number = sends.number_of(connection, newest.id)
        amount = sum(1 for _ in deliveries.newest_first(connection, number))
    store.close()
    return amount


def compose_only(letter: str, size: int) -> float:
    """Messages a second. Runs apart."""
    email, started = Email.from_json(letter), time.perf_counter()
    for _ in messages(email, size):
        pass
    return size / (time.perf_counter() - started)


def write_only(letter: str, size: int, folder: str) -> float:
    """Mails a second that the outbox writes when nobody remembers them. Runs apart."""
    email, transport = Email.from_json(letter), Outbox(Path(folder))
    started = time.perf_counter()
    mails = messages(email, size)
    while batch := list(islice(mails, transport.batch_size)):
        transport.deliver("bench", batch)
    seconds = time.perf_counter() - started
    shutil.rmtree(folder)
    return size / seconds


def messages(email: Email, size: int) -> Iterator[Message]:
    context = SendContext("20260107-bench1", "issue", 1, LIST, links())
    for number in range(size):
        person = Subscriber(number, Address(f"reader{number}@example.com"), f"Reader {number}", {})
        yield compose(email, person, context, number, 1)
