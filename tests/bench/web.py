"""What one `newsletter serve` takes while a send runs, and how fast a queue is drained.

All of it on SQLite, in a newsletter of its own that sends to a stand-in for SES.
"""

import base64
import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from newsletter.links import PersonalLink
from newsletter.model.email import Email
from newsletter.project import utc_now
from newsletter.scaffold import start
from newsletter.sending.plan import Order, plan
from newsletter.sending.run import run
from newsletter.sending.worker import Worker
from newsletter.store import figures, open_store
from newsletter.store.people import lists, people
from tests.bench.audience import LIST, import_people, people_file
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.load import ask, request
from tests.bench.processes import NEWSLETTER, ROOT, apart
from tests.bench.rendering import KEY, email_json, links
from tests.bench.sending import Nowhere
from tests.standin.client import running
from tests.standin.queue import running_queue
from tests.waiting import PATIENCE_SECONDS

_BEFORE = "before"  # the slug of a send that is over
_RATE = 100  # recipients a second, of the send that runs meanwhile
_TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
_CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem"
_EVENT = json.loads((ROOT / "tests" / "data" / "ses" / "event-delivery.json").read_text("utf-8"))
_SIGNED = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
# `newsletter serve`, which finds the certificate of SNS in a file.
_SERVE = """
import sys
from pathlib import Path
from newsletter.feedback.ses import certificates
certificate = Path(sys.argv.pop(1)).read_bytes()
certificates.fetch = lambda url: certificate
from newsletter.cli import main
main()
"""


def web(bench: Bench) -> Iterator[Figure]:
    """Pages of the archive, unsubscribes, events that SNS posts, and those of a queue."""
    folder, amount = bench.folder / "letter", bench.rows // 50
    start(folder, dt.date(2026, 1, 7))
    store_url = f"sqlite:///{folder}/subscribers/newsletter.db"
    apart(import_people, store_url, str(people_file(bench.folder, bench.rows // 10)))
    send_id = str(apart(send_before, store_url, email_json())[0])
    make_certificate(folder)
    with _sending(folder), _serving(folder) as (url, server):
        asked = apart(read_pages, url, amount)[0]
        yield from _figures("pages of the archive", "pages/s", 1000, asked)
        before = _busy_seconds(server)
        asked = apart(open_preferences, url, store_url, amount)[0]
        looked = _busy_seconds(server) - before
        yield from _figures("pages behind personal links", "pages/s", 500, asked)
        before = _busy_seconds(server)
        asked = apart(leave, url, store_url, amount)[0]
        left = _busy_seconds(server) - before
        yield from _figures("durable unsubscribes", "posts/s", 500, asked)
        what = "processor time of a page behind a personal link, of that of an unsubscribe"
        yield Figure(what, (looked / left,), "times", at_most=1.5)
        asked = apart(post_events, url, str(folder), send_id, amount)[0]
        yield from _figures("events that SNS posts", "events/s", 500, asked)
        # More of them, for starting the program is a part of it.
        speed = _drained(folder, [event(send_id, n) for n in range(amount + 1, 4 * amount + 1)])
        yield Figure("events of a queue, while a send runs", (speed,), "events/s", at_least=1000)
    _check(store_url, amount)


def _figures(what: str, unit: str, at_least: float, asked: tuple[float, float]) -> Iterator[Figure]:
    speed, busy = asked
    yield Figure(f"{what}, while a send runs", (speed,), unit, at_least=at_least)
    yield Figure("  of a core, asking took", (100 * busy,), "%")


# --- what goes on meanwhile -----------------------------------------------------------------------


@contextmanager
def _sending(folder: Path) -> Iterator[None]:
    """A send through SES, at a rate that lasts; it has begun."""
    account = {"max_send_rate": 1e6, "max_24_hour_send": 1e9}
    with running(folder / "standin.log", latency_ms=50, **account) as standin:
        ses = {
            "NEWSLETTER_TRANSPORT__KIND": "ses",
            "NEWSLETTER_TRANSPORT__SES__REGION": "eu-west-1",
            "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": standin.url,
        }
        order = ("send", "2026-01-07-welcome", "--list", LIST, "--yes", "--rate", str(_RATE))
        with _running(folder, [NEWSLETTER, *order, "--json"], ses) as process:
            while not standin.stats()["arrivals"]:
                assert process.poll() is None, "the send ended"
                time.sleep(0.1)
            yield
            assert process.poll() is None, "the send ended while it was measured"


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, int]]:
    """The public pages; yields their URL, and the process that serves them."""
    serve = [sys.executable, "-c", _SERVE, str(folder / "sns.pem")]
    topics = {"NEWSLETTER_EVENTS__TOPIC_ARNS": json.dumps([_TOPIC])}
    with _running(folder, [*serve, "serve", "--port", "0", "--json"], topics) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], process.pid


def _busy_seconds(process_id: int) -> float:
    """The processor time that a process has used so far: Linux tells it in ticks."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _running(
    folder: Path, command: list[str], environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """A program in the newsletter's folder, stopped at the end, in the background too."""
    process = subprocess.Popen(
        command, cwd=folder, env=_environment(environment), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    return {**os.environ, **keys, "NEWSLETTER_SECRET": KEY, **more}


def _drained(folder: Path, events: list[str]) -> float:
    """Events a second of `newsletter events pull --once`, its start and its last look included."""
    with running_queue() as queue:
        queue.add(events)
        topics = {"NEWSLETTER_EVENTS__TOPIC_ARNS": json.dumps([_TOPIC])}
        started = time.perf_counter()
        done = subprocess.run(
            [NEWSLETTER, "events", "pull", "--once", "--json"],
            cwd=folder,
            env=_environment(queue.environment | topics),
            stdout=subprocess.PIPE,
            check=True,
        )
        seconds = time.perf_counter() - started
    assert json.loads(done.stdout)["applied"] == len(events)
    return len(events) / seconds


def _check(store_url: str, amount: int) -> None:
    """All that was answered is in the store."""
    store = open_store(store_url, Path())
    with store.read() as connection:
        (members,) = lists.newest_first(connection, LIST)
        told = figures.events_since(connection, figures.EventCounts({}, 0)).amounts
    store.close()
    assert members.unsubscribed == amount
    assert told["Delivery", "applied"] == 4 * amount


# --- each runs apart ------------------------------------------------------------------------------


def send_before(url: str, letter: str) -> str:
    """Send to everybody, to nowhere; returns the send's id."""
    store = open_store(url, Path())
    send_id = plan(store, Order(_BEFORE, Email.from_json(letter), LIST), utc_now())
    worker = Worker(
        store=store,
        transport=Nowhere(concurrency=4),
        links=links(),
        max_rate=0,
        clock=utc_now,
        stop=threading.Event(),
        notify=print,
    )
    run(worker, send_id)
    store.close()
    return send_id


def read_pages(url: str, amount: int) -> tuple[float, float]:
    """Read one issue of the archive again and again."""
    return ask(url, [request("GET", f"/archive/{_BEFORE}/")] * amount, at_once=8)


def readers_links(store_url: str, amount: int) -> list[PersonalLink]:
    """What the links of mails to the first readers say."""
    store = open_store(store_url, Path())
    with store.read() as connection:
        list_id = lists.id_of(connection, LIST)
        keys = people.link_keys(connection, range(1, amount + 1))
    store.close()
    return [PersonalLink(number, list_id, key) for number, key in keys.items()]


def open_preferences(url: str, store_url: str, amount: int) -> tuple[float, float]:
    """Open the preferences of the first readers, each once."""
    paths = [
        urlsplit(links().preferences_url(link)).path for link in readers_links(store_url, amount)
    ]
    return ask(url, [request("GET", path) for path in paths], at_once=64)


def leave(url: str, store_url: str, amount: int) -> tuple[float, float]:
    """Let the first readers leave with one click, each once."""
    body, kind = b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
    posts = [
        request("POST", urlsplit(links().unsubscribe_url(link)).path, body, content_type=kind)
        for link in readers_links(store_url, amount)
    ]
    return ask(url, posts, at_once=64)


def post_events(url: str, folder: str, send_id: str, amount: int) -> tuple[float, float]:
    """Post events of the first deliveries, each signed."""
    key = serialization.load_pem_private_key(Path(folder, "sns.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    posts = []
    for number in range(1, amount + 1):
        said = json.loads(event(send_id, number))
        text = "".join(f"{name}\n{said[name]}\n" for name in _SIGNED)
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        said["Signature"] = base64.b64encode(signature).decode()
        posts.append(request("POST", "/hooks/sns", json.dumps(said).encode()))
    return ask(url, posts, at_once=32)


# --- what they say --------------------------------------------------------------------------------


def event(send_id: str, number: int) -> str:
    """What SNS says of one delivery, as a queue holds it: without a signature."""
    tags = {"send": [send_id], "delivery": [f"{send_id}-{number}"], "attempt": ["1"]}
    mail = {**_EVENT["mail"], "messageId": f"{send_id}-{number}.1", "tags": tags, "headers": []}
    said = {
        "Type": "Notification",
        "MessageId": f"message-{number}",
        "TopicArn": _TOPIC,
        "Message": json.dumps({**_EVENT, "mail": mail}),
        "Timestamp": "2026-01-07T09:00:00.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": _CERTIFICATE,
    }
    return json.dumps(said)


def make_certificate(folder: Path) -> None:
    """Write a key into `sns.key`, and what says that it is that of SNS into `sns.pem`."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "sns.key").write_bytes(private)
    (folder / "sns.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
