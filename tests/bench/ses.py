"""How fast a send goes through SES, against a stand-in that answers after 50 ms."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from newsletter import garbage
from newsletter.config import SesSettings
from newsletter.config.tables import read_table
from newsletter.model.email import Email, fill
from newsletter.project import utc_now
from newsletter.sending.plan import Order, plan
from newsletter.store import open_store
from newsletter.transports.ses.transport import Ses
from tests.bench.audience import LIST, import_people, people_file
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.floor import bulk_floor
from tests.bench.processes import apart
from tests.bench.rendering import email_json
from tests.bench.sending import recipients, speed_of
from tests.standin.client import StandIn, running

_LATENCY_MS = 50
SHARE = 0.95  # of MaxSendRate, which a send keeps to
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}


def ses(bench: Bench) -> Iterator[Figure]:
    """Bulk and raw through SES, against a plain loop of single sends."""
    with standing_in(bench) as standin:
        loops = {
            threads: tuple(
                apart(plain_loop, standin.url, email_json(), threads, 40 * threads)[0][0]
                for _ in range(bench.repeats)
            )
            for threads in (1, 16)
        }
        for threads, speeds in loops.items():
            name = f"plain boto3 send_email, {threads} at once"
            yield Figure(name, speeds, "people/s", best=True)
        for mode, size, least in (
            ("bulk", bench.rows // 10, 5000.0),
            ("raw", bench.rows // 200, 400.0),
        ):
            speeds = tuple(_sent(bench, standin, mode, size).speed for _ in range(bench.repeats))
            figure = Figure(f"SES {mode}", speeds, "people/s", at_least=least, best=True)
            yield figure
            for threads, plain in loops.items():
                ratio = figure.value / max(plain)
                yield Figure(f"  against the plain loop, {threads} at once", (ratio,), "x")
        for size in (bench.rows // 100, bench.rows):
            sent = _sent(bench, standin, "bulk", size)
            yield Figure(f"peak memory, SES bulk to {size:,}", (sent.peak_mb,), "MB", at_most=200)


def processor(bench: Bench) -> Iterator[Figure]:
    """What a recipient costs in processor time: the plain loop, a send with its planning, and the
    least that a bulk send can cost, in turn against one stand-in."""
    size = bench.rows // 10
    runs: dict[str, list[tuple[float, float]]] = {"loop": [], "send": [], "floor": []}
    with standing_in(bench) as standin:
        for number in range(bench.repeats):
            loop = apart(plain_loop, standin.url, email_json(), 16, 640)[0]
            runs["loop"].append((loop[0], loop[1]))
            sent = _sent(bench, standin, "bulk", size)
            runs["send"].append((sent.speed, sent.processor_ms))
            database = str(bench.folder / f"floor{number}.db")
            least = apart(bulk_floor, standin.url, email_json(), database, 16, size)[0]
            runs["floor"].append((least[0], least[1]))
    speed = {name: max(speed for speed, _ in some) for name, some in runs.items()}
    spent = {name: tuple(ms for _, ms in some) for name, some in runs.items()}
    least_ms = {name: min(some) for name, some in spent.items()}
    yield Figure("processor, plain send_email, 16 at once", spent["loop"], "ms a mail", best=True)
    yield Figure("processor, SES bulk, planning included", spent["send"], "ms a mail", best=True)
    yield Figure("processor, the least for a bulk send", spent["floor"], "ms a mail", best=True)
    ratio = least_ms["loop"] / least_ms["send"]
    yield Figure("  the plain loop takes, of SES bulk", (ratio,), "x", at_least=15)
    ratio = least_ms["send"] / least_ms["floor"]
    yield Figure("  SES bulk takes, of the least", (ratio,), "x", at_most=3)
    ratio = speed["send"] / speed["loop"]
    yield Figure("  people a second, against the loop", (ratio,), "x", at_least=20)
    yield Figure("  the least, against the loop", (speed["floor"] / speed["loop"],), "x")


def limiter(bench: Bench) -> Iterator[Figure]:
    """How exactly a send keeps its rate, at the stand-in's arrival."""
    seconds = 60 if bench.rows >= 1_000_000 else 6
    for allowed in (14, 100, 1000):
        rate = allowed * SHARE
        with standing_in(bench, max_send_rate=float(allowed)) as standin:
            _sent(bench, standin, "bulk", int(rate * seconds))
            mean, busiest = arrivals(standin)
        off = abs(mean / rate - 1) * 100
        yield Figure(f"limiter at {rate:g}/s, off by", (off,), "%", at_most=2)
        yield Figure("  busiest second against it", (busiest / rate,), "x", at_most=1.15)


def standing_in(bench: Bench, **account: float) -> Any:
    settings = {"max_send_rate": 1e6, "max_24_hour_send": 1e9} | account
    return running(bench.folder / "standin.log", latency_ms=_LATENCY_MS, **settings)


@dataclass(frozen=True, slots=True)
class Sent:
    """One send: recipients a second, planning left out; processor time a recipient, planning
    included; and the most memory that its process held."""

    speed: float
    processor_ms: float
    peak_mb: float


def _sent(bench: Bench, standin: StandIn, mode: str, size: int) -> Sent:
    """One send to `size` people from a new store."""
    standin.log.unlink(missing_ok=True)
    path = people_file(bench.folder, size)
    with bench.stores.new("sqlite") as url:
        apart(import_people, url, str(path))
        figures, process = apart(send_through_ses, url, email_json(), standin.url, mode)
    speed, processor_ms = figures
    return Sent(speed, processor_ms, process.peak_mb)


def arrivals(standin: StandIn) -> tuple[float, int]:
    """(recipients a second from the first arrival to the last, those of the busiest second)."""
    found = standin.stats()["arrivals"]
    tenths = Counter({round(at * 10): amount for at, amount in found})
    first, last = min(tenths), max(tenths)
    # The last call has no successor to keep a distance from, so it does not count.
    mean = (sum(tenths.values()) - tenths[last]) / ((last - first) / 10)
    busiest = max(
        sum(tenths[at + i] for i in range(10)) for at in range(first, max(last - 8, first + 1))
    )
    return mean, busiest


def send_through_ses(url: str, letter: str, endpoint: str, mode: str) -> list[float]:
    """Send to everybody through SES; returns [recipients a second, processor milliseconds a
    recipient with the planning, once there is a client]. Runs apart."""
    os.environ.update(CREDENTIALS)
    garbage.look_often()  # as the command does
    store = open_store(url, Path())
    settings = read_table(
        SesSettings, {"region": "eu-west-1", "endpoint_url": endpoint, "mode": mode}
    )
    transport = Ses(settings)
    computed = time.process_time()
    send_id = plan(store, Order("issue", Email.from_json(letter), LIST), utc_now())
    size = recipients(store, send_id)
    speed = speed_of(store, send_id, transport)
    processor_ms = 1000 * (time.process_time() - computed) / size
    store.close()
    return [speed, processor_ms]


def plain_loop(endpoint: str, letter: str, threads: int, size: int) -> list[float]:
    """What a script without a ledger does: send_email for each; returns [recipients a second,
    processor milliseconds a recipient]. Runs apart."""
    email = Email.from_json(letter)
    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(max_pool_connections=threads),
    )
    content: Any = {
        "Simple": {
            "Subject": {"Data": fill(email.subject, {})},
            "Body": {
                "Html": {"Data": fill(email.html, {})},
                "Text": {"Data": fill(email.text, {})},
            },
        }
    }

    def send(number: int) -> None:
        client.send_email(
            FromEmailAddress="daily@news.example.com",
            Destination={"ToAddresses": [f"reader{number}@example.com"]},
            Content=content,
        )

    send(0)
    started, computed = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, range(size)))
    seconds, processor = time.perf_counter() - started, time.process_time() - computed
    return [size / seconds, 1000 * processor / size]
