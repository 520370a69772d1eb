"""The mail that welcomes who has just confirmed: an issue of the list, once."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter.errors import OutcomeUnknown, TransportDown
from newsletter.model.email import Message
from newsletter.model.listing import Correction, Hiding, Listing
from newsletter.model.send import Outcome
from newsletter.model.subscriber import SuppressionReason
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store, schema
from newsletter.store.ledger import corrections, sends
from newsletter.store.people import suppressing
from newsletter.store.schema import requests
from newsletter.transports.memory import Memory
from tests.factories import on_sqlite
from tests.integration.sending import EMAIL, NOW, order, worker
from tests.integration.web.stage import ONE_CLICK, Stage, link, open_stage

HOUR = dt.timedelta(hours=1)


def published(store: Store, root: Path, welcome: str) -> Stage:
    """A site whose list `daily` was sent `old` and then `news`; `weekly` nothing."""
    stage = open_stage(store, root, web={"welcome": welcome})
    for slug in ("old", "news"):
        send_id = plan(store, order(slug, "daily"), stage.clock())
        run.run(worker(store, Memory()), send_id)
    return stage


def welcomes(stage: Stage) -> Sequence[str]:
    """What became of the welcome of each request, and why."""
    with stage.store.read() as connection:
        rows = connection.execute(sa.select(requests.c.welcome, requests.c.reason))
        return [": ".join(filter(None, row)) for row in rows]


def joins(stage: Stage, list_name: str = "daily") -> list[Message]:
    stage.subscribe("new@example.com", list_name)
    stage.client.post(stage.confirmation(), data={"action": "confirm"})
    return stage.mails()


@pytest.mark.parametrize(("wish", "slug"), [("latest", "news"), ("old", "old")])
def test_the_issue_comes_once_with_the_readers_own_links(
    store: Store, tmp_path: Path, wish: str, slug: str
) -> None:
    stage = published(store, tmp_path, wish)

    (message,) = joins(stage)

    who = stage.id_of("new@example.com")
    assert message.to.text == "new@example.com"
    assert stage.leave_path(who) in message.text
    assert message.values["web_url"].endswith(f"/archive/{slug}/")
    assert dict(message.headers)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert stage.mails() == []


def correct(connection: Connection, send: int, at: dt.datetime, subject: str) -> None:
    corrections.add(
        connection,
        Correction(0, send, at, "A slip.", ""),
        email=replace(EMAIL, subject=(subject,)).to_json(),
        content_hash="",
        source_hash="",
        git_commit=None,
        listing=Listing(),
    )


def test_the_issue_comes_as_the_archive_shows_it(store: Store, tmp_path: Path) -> None:
    """Corrected, and none that is hidden."""
    stage = published(store, tmp_path, "latest")
    with store.write() as connection:
        corrections.hide(connection, Hiding("news", NOW, "", ""))
        (old,) = [each for each in sends.newest_first(connection) if each.slug == "old"]
        correct(connection, sends.number_of(connection, old.id), NOW, "Corrected")

    (message,) = joins(stage)

    assert message.subject == "Corrected"
    assert message.values["web_url"].endswith("/archive/old/")


@on_sqlite
def test_an_issue_that_was_corrected_for_another_list_comes_corrected(
    store: Store, tmp_path: Path
) -> None:
    """It went to both lists, and the archive shows the later send; what is sealed after a
    correction has no need of it."""
    stage = published(store, tmp_path, "news")
    with store.write() as connection:
        [(old, _), (_, sealed)] = connection.execute(
            sa.select(schema.sends.c.number, schema.sends.c.created_at).order_by("number")
        ).all()
        connection.execute(  # as if it had gone to another list
            sa.update(schema.sends)
            .where(schema.sends.c.number == old)
            .values(list_id=stage.weekly, slug="news")
        )
        for at, subject in ((sealed + HOUR, "Corrected"), (sealed - HOUR, "Long ago")):
            correct(connection, old, at, subject)

    (message,) = joins(stage)

    assert message.subject == "Corrected"


@pytest.mark.parametrize(
    ("wish", "list_name", "reason"),
    [
        ("", "daily", ""),
        ("latest", "weekly", "refused: nothing to mail"),
        ("nothing", "daily", "refused: nothing to mail"),
    ],
)
def test_without_a_wish_or_an_issue_nothing_comes(
    sqlite_store: Store, tmp_path: Path, wish: str, list_name: str, reason: str
) -> None:
    stage = published(sqlite_store, tmp_path, wish)

    assert joins(stage, list_name) == []

    assert welcomes(stage) == [reason]


def test_an_issue_that_went_to_a_segment_welcomes_nobody(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = published(sqlite_store, tmp_path, "latest")
    for_ada = replace(order("secret", "daily"), segment="ada", rule='name = "Ada"')
    run.run(worker(stage.store, Memory()), plan(stage.store, for_ada, stage.clock()))

    (message,) = joins(stage)

    assert message.values["web_url"].endswith("/archive/news/")


@pytest.mark.parametrize(
    ("since", "noted"),
    [
        ("left", ["refused: no member any more"]),
        ("paused", ["refused: paused"]),
        ("suppressed", ["refused: suppressed"]),
        ("erased", []),
    ],
)
def test_who_wants_no_mail_by_then_is_not_welcomed(
    sqlite_store: Store, tmp_path: Path, since: str, noted: list[str]
) -> None:
    stage = published(sqlite_store, tmp_path, "latest")
    stage.subscribe("new@example.com")
    stage.client.post(stage.confirmation(), data={"action": "confirm"})
    stage.clock.forward(1)
    who = stage.id_of("new@example.com")

    match since:
        case "left":
            stage.client.post(stage.leave_path(who), data=ONE_CLICK)
        case "suppressed":
            with stage.store.write() as connection:
                reason = SuppressionReason.COMPLAINT
                suppressing.add(connection, "new@example.com", reason, "event", NOW)
        case "erased":
            stage.erase(who)
        case _:
            action = {"action": "pause", "days": "7"}
            stage.client.post(stage.preferences_path(who), data=action)

    assert stage.mails() == []
    assert welcomes(stage) == noted


def test_a_pause_that_is_over_keeps_no_welcome_away(sqlite_store: Store, tmp_path: Path) -> None:
    stage = published(sqlite_store, tmp_path, "latest")
    who = stage.join("new@example.com", "weekly")
    stage.mails()
    stage.client.post(stage.preferences_path(who), data={"action": "pause", "days": "7"})
    stage.clock.forward(8 * 24 * 3600)

    (message,) = joins(stage)

    assert message.values["web_url"].endswith("/archive/news/")


def test_a_click_that_comes_before_the_answer_of_the_transport_counts(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = published(sqlite_store, tmp_path, "latest")
    stage.subscribe("new@example.com")

    def clicked_on_the_way(send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        stage.client.post(link(batch[0]), data={"action": "confirm"})
        raise OutcomeUnknown("no answer")

    stage.mailer.transport = Memory(clicked_on_the_way)
    stage.mailer.drain()
    stage.mailer.transport = stage.transport

    (message,) = stage.mails()
    assert message.values["web_url"].endswith("/archive/news/")


def test_who_has_the_issue_does_not_get_it_again(sqlite_store: Store, tmp_path: Path) -> None:
    stage = published(sqlite_store, tmp_path, "latest")
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    stage.clock.forward(60)
    stage.subscribe("ada@example.com")

    stage.client.post(link(stage.mails()[0]), data={"action": "confirm"})

    assert stage.status() == "confirmed"
    assert stage.mails() == []


@pytest.mark.parametrize(("failure", "mails"), [(TransportDown, 1), (OutcomeUnknown, 0)])
def test_only_a_welcome_that_provably_did_not_leave_is_tried_again(
    sqlite_store: Store, tmp_path: Path, failure: type[Exception], mails: int
) -> None:
    stage = published(sqlite_store, tmp_path, "latest")
    stage.subscribe("new@example.com")
    stage.client.post(stage.confirmation(), data={"action": "confirm"})

    def fails(send_id: str, batch: object) -> list[Outcome]:
        raise failure("no")

    stage.mailer.transport = Memory(fails)
    stage.mailer.drain()
    stage.mailer.transport = stage.transport

    assert len(stage.mails()) == mails
    noted = "mailed" if mails else "failed: may have been mailed: no"
    assert welcomes(stage) == [noted]
