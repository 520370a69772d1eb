"""Three `newsletter serve` on one store: whatever reaches them at once happens once."""

import datetime as dt
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from newsletter.feedback.ses import certificates
from newsletter.links import Links, load_keys
from newsletter.model.subscriber import RequestState
from newsletter.project import utc_now
from newsletter.sending.plan import plan
from newsletter.sending.run import run
from newsletter.store import Store, schema
from newsletter.store.people import lists
from newsletter.transports.memory import Memory
from tests.crash.sleeper import die_at, sleep_at
from tests.factories import link_of
from tests.integration.commandline import plan_send
from tests.integration.feedback.signing import TOPIC, body, certificate, key_number, signed
from tests.integration.feedback.signing import notification as notification_of
from tests.integration.reporting import BOUNCE, event
from tests.integration.sending import fill_list, order, worker
from tests.integration.serving import Server, served
from tests.smtp import MailServer
from tests.smtp import running as running_smtp
from tests.waiting import until
from tests.warm import Program

T = TypeVar("T")

BASE_URL = "https://news.example.com"
LIST = "readers"
IN_HAND = "after the commit in audience.mailing.take", 2  # the first has only looked
MAILED = "before the commit in audience.mailing.settle", 1
_MANY = {
    f"REQUESTS_PER_{name}": "100000" for name in ("IP", "NETWORK", "WIDE_NETWORK", "DOMAIN", "HOUR")
}
_DAY = 24 * 3600.0


@dataclass
class Site:
    """A newsletter with ten readers, of a store that several servers share, and its mail server."""

    project: Path
    store: Store
    mails: MailServer
    running: ExitStack
    servers: list[Server] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(10**17))

    def serve(self, *firsts: Callable[[], object] | None) -> None:
        """Start a server for each, with what it does first."""
        for first in firsts:
            started = served(self.project, "--json", first=first)
            self.servers.append(self.running.enter_context(started))

    @property
    def links(self) -> Links:
        return Links(BASE_URL, load_keys(self.project))

    def form(self) -> str:
        """What a form that was fetched some seconds ago carries."""
        with self.store.read() as connection:
            list_id = lists.id_of(connection, LIST)
        return self.links.form_token(int(utc_now().timestamp()) - 3, list_id, next(self._numbers))

    def sign_up(self, server: Server, email: str) -> int:
        return server.post(f"/subscribe/{LIST}", email=email, form=self.form())[0]

    def states(self) -> Counter[str]:
        with self.store.read() as connection:
            return Counter(connection.execute(sa.select(schema.requests.c.state)).scalars())

    def settle(self, *, in_hand: int = 0) -> None:
        """Wait until no mail waits, and none is in hand but for so many."""
        until(lambda: self._unsettled() == (0, in_hand))

    def _unsettled(self) -> tuple[int, int]:
        table = schema.requests.c
        waits = sa.func.count().filter(table.state == RequestState.WAITING)
        is_held = sa.func.count().filter(table.reason.startswith("in hand"))
        with self.store.read() as connection:
            row = connection.execute(sa.select(waits, is_held)).one()
        return row[0], row[1]

    def mailed(self) -> Counter[str]:
        return Counter(mail.recipient for mail in self.mails.taken)

    def confirm_paths(self) -> list[str]:
        pattern = re.compile(rb"https://news\.example\.com(/confirm/[\w.-]+)")
        return [
            found[1].decode()
            for mail in self.mails.taken
            if (found := pattern.search(mail.content.replace(b"=\r\n", b"")))
        ]

    def said(self, *kinds: str) -> Counter[tuple[int, str]]:
        """How often each person said something of these kinds."""
        query = sa.select(schema.consents.c.subscriber_id, schema.consents.c.kind)
        with self.store.read() as connection:
            rows = connection.execute(query.where(schema.consents.c.kind.in_(kinds))).all()
        return Counter((who, str(kind)) for who, kind in rows)

    def path(self, who: int, page: str) -> str:
        link = link_of(self.store, who, LIST)
        links = self.links
        url = links.unsubscribe_url(link) if page == "u" else links.preferences_url(link)
        return url.removeprefix(BASE_URL)


@pytest.fixture
def site(
    project: Path, store_url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    fill_list(store, 10, LIST)
    with ExitStack() as running, running_smtp() as mails:
        settings = {
            "STORE__URL": store_url,
            "TRANSPORT__KIND": "smtp",
            "TRANSPORT__SMTP__HOST": "127.0.0.1",
            "TRANSPORT__SMTP__PORT": str(mails.port),
            "TRANSPORT__SMTP__TLS": "none",
            "TRANSPORT__SMTP__BOUNCE_ADDRESS": "bounces@example.com",
            **{f"WEB__{name}": value for name, value in _MANY.items()},
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"NEWSLETTER_{name}", value)
        yield Site(project, store, mails, running)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(lambda call: call(), calls))


def at_each(site: Site, ask: Callable[[Server], T]) -> list[T]:
    """Ask all servers the same at once."""
    return at_once([partial(ask, server) for server in site.servers])


# --- joining --------------------------------------------------------------------------------------


def test_each_who_signs_up_gets_one_mail_and_is_confirmed_once(site: Site) -> None:
    site.serve(None, None, None)
    addresses = [f"new{number}@example.com" for number in range(24)]
    eager = ["eager@example.com"] * 6
    turns = zip(cycle(site.servers), [*addresses, *eager], strict=False)

    statuses = at_once([partial(site.sign_up, server, email) for server, email in turns])
    site.settle()
    paths = site.confirm_paths()
    clicks = [
        partial(server.post, path, action="confirm")
        for path in paths
        for server in (site.servers[:2])
    ]
    answers = at_once(clicks)

    assert set(statuses) == {200}
    assert site.mailed() == Counter([*addresses, eager[0]])
    assert site.states() == {"confirmed": 25, "refused": 5}
    assert Counter(status for status, _ in answers) == {200: 50}
    new = {key: times for key, times in site.said("confirmed").items() if key[0] > 10}
    assert (len(new), set(new.values())) == (25, {1})


def test_limits_count_what_all_have_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_WEB__REQUESTS_PER_IP", "10")
    site.serve(None, None, None)
    turns = zip(cycle(site.servers), range(30), strict=False)

    statuses = at_once(
        [partial(site.sign_up, server, f"new{number}@example.com") for server, number in turns]
    )

    assert Counter(statuses) == {200: 10, 429: 20}


@pytest.mark.parametrize(
    ("point", "mails"), [(IN_HAND, 0), (MAILED, 1)], ids=["before it left", "after"]
)
def test_a_server_that_is_killed_while_it_mails_costs_nobody_two_mails(
    site: Site, point: tuple[str, int], mails: int
) -> None:
    """What it had in hand may have left: it is `failed`, and a person may ask again."""
    site.serve(partial(die_at, *point))
    assert site.sign_up(site.servers[0], "stuck@example.com") == 200
    assert site.servers[0].process.code == -signal.SIGKILL
    site.serve(None, None)
    for place, server in enumerate(site.servers[1:]):
        site.sign_up(server, f"new{place}@example.com")
        site.sign_up(server, "stuck@example.com")  # had, or may have had, its mail today

    site.settle(in_hand=1)

    wanted = Counter(["new0@example.com", "new1@example.com", *["stuck@example.com"] * mails])
    assert site.mailed() == wanted
    assert site.states() == {"mailed": 2, "failed": 1, "refused": 2}


def test_a_server_that_was_stopped_while_it_mails_mails_what_it_has_once(site: Site) -> None:
    site.serve(partial(sleep_at, *IN_HAND))
    assert site.sign_up(site.servers[0], "stuck@example.com") == 200
    until(lambda: site.states()[RequestState.FAILED] == 1)
    site.serve(None, None)
    for place, server in enumerate(site.servers[1:]):
        site.sign_up(server, f"new{place}@example.com")
    site.settle(in_hand=1)
    without = site.mailed()

    site.servers[0].process.send_signal(signal.SIGCONT)
    site.settle()

    assert without == Counter(["new0@example.com", "new1@example.com"])
    assert site.mailed() == without + Counter(["stuck@example.com"])
    assert site.states() == {"mailed": 3}


# --- leaving and deciding -------------------------------------------------------------------------


def test_who_decides_at_several_servers_has_decided_once(site: Site) -> None:
    site.serve(None, None, None)
    one_click = {"List-Unsubscribe": "One-Click"}
    clicks = [
        partial(server.post, site.path(who, "u"), **one_click)
        for who in range(1, 9)
        for server in site.servers
    ]
    names = [
        partial(server.post, site.path(9, "preferences"), action="name", name=f"Ada {number}")
        for number, server in zip(range(12), cycle(site.servers), strict=False)
    ]
    wishes = [
        partial(server.post, site.path(10, "preferences"), action="data")
        for _, server in zip(range(12), cycle(site.servers), strict=False)
    ]

    answers = at_once([*clicks, *names, *wishes])
    left, renamed = site.said("unsubscribed"), site.said("renamed")

    statuses = Counter(status for status, _ in answers)
    assert left == Counter((who, "unsubscribed") for who in range(1, 9))
    assert renamed == {(9, "renamed"): 5}
    assert sum(site.states().values()) == 3
    assert statuses == {200: 24 + 5 + 3, 429: 7 + 9}


def test_a_reason_is_given_once(site: Site) -> None:
    site.serve(None, None, None)
    path = site.path(1, "u")
    site.servers[0].post(path, action="leave")

    at_each(site, lambda server: server.post(path, action="reason", reason="too much"))

    assert site.said("unsubscribed") == {(1, "unsubscribed"): 2}


def test_a_key_that_is_rotated_is_taken_up_by_all(site: Site) -> None:
    site.serve(None, None, None)
    file = site.project / "subscribers" / "secret.key"
    old = site.path(1, "u")
    file.write_text(f"a key that was made just now\n{file.read_text()}")
    path = site.path(2, "u")
    assert old != site.path(1, "u")

    statuses = at_once(
        [partial(server.get, each) for each in (old, path) for server in site.servers]
    )

    assert [status for status, _ in statuses] == [200] * 6


# --- sends and events -----------------------------------------------------------------------------


def test_they_serve_beside_a_send(site: Site) -> None:
    site.serve(None, None, None)
    send_id = plan_send(site.project, "2026-01-07-valley", LIST)
    sending = Program(site.project, "resume", send_id)
    turns = zip(cycle(site.servers), range(12), strict=False)

    at_once([partial(site.sign_up, server, f"new{number}@example.com") for server, number in turns])
    code = sending.code
    site.settle()

    assert code == 0
    readers = [f"r{number}@example.com" for number in range(1, 11)]
    assert site.mailed() == Counter(readers + [f"new{number}@example.com" for number in range(12)])


def trust(content: bytes) -> None:
    """Let a certificate stand where SNS keeps its own."""
    vars(certificates)["fetch"] = lambda url: content


def test_what_sns_posts_to_all_is_applied_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_EVENTS__TOPIC_ARNS", f'["{TOPIC}"]')
    send_id = plan(site.store, order(), utc_now())
    run(worker(site.store, Memory()), send_id)
    now, day = utc_now(), dt.timedelta(days=1)
    site.serve(*[partial(trust, certificate(key_number(0), now - day, now + day))] * 3)
    posts = [
        body(signed(notification_of(event(send_id, number, BOUNCE), MessageId=f"m-{number}")))
        for number in range(1, 11)
    ]

    statuses = at_once([partial(post, server, each) for each in posts for server in site.servers])

    with site.store.read() as connection:
        events = connection.execute(sa.select(schema.events.c.verdict)).scalars().all()
        suppressed = connection.execute(sa.select(schema.suppressions.c.address)).scalars().all()
    assert statuses == [200] * 30
    assert events == ["applied"] * 10
    assert len(suppressed) == 10


def post(server: Server, content: bytes) -> int:
    head = f"POST /hooks/sns HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
    return int(server.ask(head.encode() + content).split()[1])


# --- the clock ------------------------------------------------------------------------------------


def set_clock(seconds: float) -> None:
    """Let the clock of this process's machine be ahead by so much."""
    wrong = lambda: utc_now() + dt.timedelta(seconds=seconds)  # noqa: E731
    for module in list(sys.modules.values()):
        if module.__name__.startswith("newsletter.") and hasattr(module, "utc_now"):
            vars(module)["utc_now"] = wrong


@pytest.mark.postgresql
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ahead", [300.0, _DAY], ids=["minutes", "a day"])
def test_servers_whose_clocks_differ_go_by_that_of_postgresql(site: Site, ahead: float) -> None:
    """A form of one is in time at another, so is a click, and limits count the same hour."""
    site.serve(partial(set_clock, -ahead), partial(set_clock, ahead))
    slow, fast = site.servers

    for server, email in ((slow, "one@example.com"), (fast, "two@example.com")):
        site.sign_up(server, email)
    site.settle()
    before = utc_now()
    clicked = [
        server.post(path, action="confirm")[0]
        for path, server in zip(site.confirm_paths(), site.servers, strict=True)
    ]

    with site.store.read() as connection:
        asked = connection.execute(sa.select(schema.requests.c.at)).scalars().all()
        said = sa.select(schema.consents.c.at).where(schema.consents.c.how == "form")
        times = [*asked, *connection.execute(said).scalars()]
    assert clicked == [200, 200]
    assert site.states() == {"confirmed": 2}
    assert len(times) == 6
    assert all(abs(time - before) < dt.timedelta(minutes=2) for time in times)
