"""A store of schema 0004, with people and sends amid everything, is upgraded and goes on."""

import signal
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from newsletter.errors import StoreError
from newsletter.links import Links
from newsletter.model.send import DeliveryStatus, SendStatus
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store, maintenance, open_any, open_store, upgrade
from newsletter.store.schema import REVISION, events, former_addresses, sends
from newsletter.transports.memory import Memory
from newsletter.web.app import make_app
from tests import older
from tests.integration.commandline import fork
from tests.integration.sending import (
    EMAIL,
    NOW,
    FixedClock,
    addresses,
    fill_list,
    order,
    resume,
    worker,
)
from tests.integration.web.stage import Visitor, open_site

RUNNING, PAUSED, LATER = "20260105-runs", "20260104-paused", "20260106-later"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store as version 0004 left it."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgresql_empty"))
    older.migrate(url, "0004")
    older.fill(url, EMAIL.to_json())
    return url


@pytest.fixture
def upgraded(old_url: str) -> Iterator[Store]:
    assert upgrade(old_url, Path())[:2] == ("0004", REVISION)
    store = open_store(old_url, Path())
    yield store
    store.close()


@pytest.fixture
def site(upgraded: Store, tmp_path: Path) -> FastAPI:
    links = Links("https://news.example.com", (older.KEY,))
    return make_app(open_site(upgraded, tmp_path, links, FixedClock(NOW)))


def status_of(store: Store, who: int) -> str:
    with store.read() as connection:
        query = sa.text("SELECT status FROM subscriptions WHERE list_id = 1 AND subscriber_id = :w")
        return str(connection.execute(query, {"w": who}).scalar_one())


def test_the_old_store_is_sound_before_and_after(old_url: str) -> None:
    """What is asked for before an upgrade works on what is there then."""
    store, schema = open_any(old_url, Path())
    before = maintenance.verify(store)
    store.close()
    upgrade(old_url, Path())
    store = open_store(old_url, Path())
    after = maintenance.verify(store)
    store.close()

    assert (schema, before, after) == ("0004", [], [])


def test_its_tables_are_those_that_the_code_knows(upgraded: Store) -> None:
    with upgraded.read() as connection:
        assert older.differences(connection) == []


def test_former_addresses_are_taken_over_from_the_log(upgraded: Store) -> None:
    with upgraded.read() as connection:
        table = former_addresses.c
        query = sa.select(table.subscriber_id, table.address, table.address_key).order_by(table.at)
        rows = [tuple(row) for row in connection.execute(query)]

    assert rows == [
        (2, "first@example.com", "first@example.com"),
        (2, "Old.Bob@Example.COM", "old.bob@example.com"),
    ]


def test_what_became_of_welcomes_is_a_state_and_no_prose(upgraded: Store) -> None:
    query = sa.text("SELECT welcome, reason FROM requests WHERE id >= 100 ORDER BY id")

    with upgraded.read() as connection:
        welcomes = [tuple(row) for row in connection.execute(query)]

    assert welcomes == [
        ("waiting", ""),
        ("mailed", ""),
        ("failed", "may have been mailed: the connection was lost"),
        ("failed", "in hand when the process ended: it may have been mailed"),
        (None, ""),
    ]


def test_reports_are_counted_as_the_deliveries_have_them(upgraded: Store) -> None:
    with upgraded.read() as connection:
        query = sa.select(sends.c.delivered, sends.c.bounced, sends.c.complained)
        rows = [tuple(row) for row in connection.execute(query.order_by(sends.c.number))]

    assert rows == [(2, 1, 1), (1, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0), (0, 0, 0)]


def test_earlier_events_were_all_reported_by_ses(upgraded: Store) -> None:
    with upgraded.read() as connection:
        reporters = set(connection.execute(sa.select(events.c.reporter)).scalars())

    assert reporters == {"SES"}


def test_old_links_work(upgraded: Store, site: FastAPI) -> None:
    visitor = Visitor(site, "192.0.2.7")

    left = visitor.post(older.LINKS["leave_ada"], data={"List-Unsubscribe": "One-Click"})
    moved = visitor.post(older.LINKS["leave_bob"], data={"List-Unsubscribe": "One-Click"})
    page = visitor.get(older.LINKS["preferences_bob"])
    joined = visitor.post(older.LINKS["confirm_eve"], data={"action": "confirm"})

    assert [left.status_code, moved.status_code, page.status_code] == [200, 200, 200]
    assert joined.status_code == 200
    assert [status_of(upgraded, who) for who in (1, 2, 6)] == [
        "unsubscribed",
        "unsubscribed",
        "confirmed",
    ]


def test_a_send_that_ran_goes_on_and_mails_nobody_twice(upgraded: Store) -> None:
    """Bob was in flight, Dan has bounced since, Fay pauses: Gil is the one who is left."""
    transport = Memory()

    after = resume(worker(upgraded, transport, clock=FixedClock(NOW)), RUNNING)

    assert [message.to.text for message in transport.delivered] == ["gil@example.com"]
    assert after.status is SendStatus.UNRESOLVED
    assert (after.counts.accepted, after.counts.unknown, after.counts.skipped) == (2, 1, 2)
    assert addresses(upgraded, RUNNING, DeliveryStatus.UNKNOWN) == {"bob@example.com"}
    assert maintenance.verify(upgraded) == []


def test_paused_and_scheduled_sends_go_on(upgraded: Store) -> None:
    transport = Memory()
    sender = worker(upgraded, transport, clock=FixedClock(NOW))

    paused, later = resume(sender, PAUSED), resume(sender, LATER)

    assert (paused.status, later.status) == (SendStatus.FINISHED, SendStatus.FINISHED)
    mailed = sorted(message.to.text.partition("@")[0] for message in transport.delivered)
    # Cleo left, Dan bounced, Eve has not confirmed, Fay pauses.
    assert mailed == ["ada", "bob", "bob", "gil", "gil"]


def test_a_finished_send_is_known(upgraded: Store) -> None:
    transport = Memory()

    again = resume(worker(upgraded, transport, clock=FixedClock(NOW)), "20260101-finish")

    assert (again.status, transport.delivered) == (SendStatus.FINISHED, [])


def test_a_process_killed_amid_an_upgrade_leaves_the_old_store(
    old_url: str, tmp_path: Path
) -> None:
    """Each statement of the migration in turn would take long; the last is the worst."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from newsletter.store import state, upgrade\n"
        "state.ensure_id = lambda connection: os.kill(os.getpid(), signal.SIGKILL)\n"
        "upgrade(sys.argv[1], Path())\n"
    )

    killed = fork(tmp_path, old_url, main=partial(exec, program, {}))

    assert killed.code == -signal.SIGKILL
    store, schema = open_any(old_url, Path())
    faults = maintenance.verify(store)
    store.close()
    assert (schema, faults) == ("0004", [])
    assert upgrade(old_url, Path())[:2] == ("0004", REVISION)


@pytest.mark.postgresql
def test_an_upgrade_killed_right_after_its_commit_ends_older_sessions_when_it_is_repeated(
    postgresql_empty: str, tmp_path: Path
) -> None:
    older.migrate(postgresql_empty, "0004")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from newsletter.store import postgresql, upgrade\n"
        "postgresql.end_other_sessions = lambda connection: os.kill(os.getpid(), signal.SIGKILL)\n"
        "upgrade(sys.argv[1], Path())\n"
    )
    old, _ = open_any(postgresql_empty, Path())

    with closing(old), old.engine.connect() as session:
        session.execute(sa.text("SELECT 1"))
        session.rollback()
        killed = fork(tmp_path, postgresql_empty, main=partial(exec, program, {}))
        session.execute(sa.text("SELECT 1"))
        session.rollback()
        again = upgrade(postgresql_empty, Path())
        with pytest.raises(sa.exc.DBAPIError):
            session.execute(sa.text("SELECT 1"))

    assert killed.code == -signal.SIGKILL
    assert again[:2] == (REVISION, REVISION)


def test_a_process_of_the_version_before_begins_no_send_at_an_upgraded_store(store: Store) -> None:
    """It has opened the store before, and its connections may have survived the upgrade."""
    fill_list(store, 2)
    send_id, transport = plan(store, order(), NOW), Memory()
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="newer than this version's"):
        run.run(worker(store, transport), send_id)

    assert transport.delivered == []
