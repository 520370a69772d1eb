"""What a stranger can do who holds a mail that a reader has forwarded: let them leave, or pause.

All else asks the address on record, by a link of its own purpose that only that mailbox gets.
"""

import datetime as dt
import re
from pathlib import Path

import pytest

from newsletter.links import Purpose
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.store import Store
from newsletter.store.people import consents, former, people
from tests.integration.web.stage import BASE_URL, ONE_CLICK, Stage, link, open_stage
from tests.share import count

STRANGER = "203.0.113.66"
THEIRS = "mallory@example.net"
POWERS = (
    {"action": "data"},
    {"action": "erase"},
    {"action": "erase", "sure": "yes"},
    {"action": "move", "email": THEIRS},
    {"action": "join", "list": "weekly"},
    {"action": "name", "name": f"Write to {THEIRS}"},
    {"action": "name", "name": "See www.example.net"},
    {"action": "name", "name": "Ada \u202eecalevoL"},
)


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Stage:
    """On either database."""
    return open_stage(store, tmp_path)


def state(stage: Stage) -> tuple[object, ...]:
    """All that a person is: who they are, where, what they joined and said."""
    with stage.store.read() as connection:
        person = people.person(connection, stage.ada)
        return person, tuple(consents.of(connection, stage.ada)), former.of(connection, stage.ada)


def links_of(stage: Stage) -> list[str]:
    """What a forwarded mail holds of its reader."""
    return [stage.leave_path(), stage.preferences_path()]


def test_a_stranger_with_a_forwarded_mail_takes_nothing(stage: Stage) -> None:
    """Neither the data nor the address nor the subscription; nothing is lost, nobody is told."""
    before = state(stage)
    stranger = stage.visitor(STRANGER)
    leave, preferences = links_of(stage)

    answers = [stranger.get(leave), stranger.get(preferences)]
    answers += [stranger.post(preferences, data=fields) for fields in POWERS]
    mails = stage.mails()

    assert state(stage) == before
    assert {message.to.text for message in mails} == {"ada@example.com"}
    for answer in answers:
        assert "ada@example.com" not in answer.text
        assert answer.headers["content-type"].startswith("text/html")
    for message in mails:
        for part in (message.subject, message.text, message.html):
            assert "mallory" not in part
            assert "example.net" not in part


def test_a_stranger_cannot_make_the_link_that_only_the_mailbox_gets(stage: Stage) -> None:
    """A personal token is none of a request, whatever it is spelt like."""
    stranger = stage.visitor(STRANGER)
    tokens = [path.rpartition("/")[2] for path in links_of(stage)]
    for fields in POWERS[:3]:
        stranger.post(stage.preferences_path(), data=fields)
    mails = stage.mails()
    before = state(stage)
    payloads = [link(message).rpartition("/")[2].partition(".") for message in mails]
    forged = [
        f"{payload}.{token.partition('.')[2]}" for payload, _, _ in payloads for token in tokens
    ]

    for token in (*tokens, *forged):
        assert stranger.post(f"/confirm/{token}", data={"action": "confirm"}).status_code == 404

    assert state(stage) == before


@pytest.mark.parametrize(
    ("action", "purpose"),
    [
        ("data", Purpose.CONFIRM),
        ("erase", Purpose.CONFIRM),
        ("erase", Purpose.UNDO),
        ("move", Purpose.CONFIRM),
        ("join", Purpose.PERSONAL),
    ],
)
def test_the_link_of_a_request_of_another_kind_does_nothing(
    stage: Stage, action: str, purpose: Purpose
) -> None:
    """Even signed by us: purpose and kind must fit."""
    path = stage.ask(action=action, email=THEIRS, list="weekly")
    request_id, list_id = map(int, re.findall(r"\d+", path)[:2])
    crossed = stage.links.confirm_url(purpose, request_id, list_id).removeprefix(BASE_URL)
    before = stage.rows()

    assert stage.client.get(crossed).status_code == 410
    assert stage.confirm(crossed).status_code == 410

    assert stage.rows() == before


@pytest.mark.parametrize("action", ["data", "erase", "move"])
def test_what_was_asked_by_mail_is_good_for_a_day_and_once(stage: Stage, action: str) -> None:
    first = stage.ask(action=action, email="new@example.com")
    stage.clock.now += dt.timedelta(hours=24, seconds=1)
    before = state(stage)
    assert stage.confirm(first).status_code == 410
    assert state(stage) == before

    second = stage.ask(action=action, email="new@example.com")
    assert stage.client.get(second).status_code == 200
    assert stage.confirm(second).status_code == 200
    stage.mails()
    done = stage.rows()

    again = stage.confirm(second)

    assert "download" not in again.headers.get("content-disposition", "")
    assert stage.rows() == done


def test_a_scanner_that_follows_every_link_changes_nothing(stage: Stage) -> None:
    paths = [stage.ask(action=each, email="new@example.com") for each in ("data", "erase", "move")]
    before = stage.rows()

    for path in paths:
        for method in ("GET", "HEAD"):
            assert stage.client.request(method, path).status_code == 200
        assert stage.client.post(path, data=ONE_CLICK).status_code == 400

    assert stage.rows() == before


# --- a move ---------------------------------------------------------------------------------------


def moved(stage: Stage, to: str = THEIRS) -> Message:
    """Let the address on record be moved, by a slip or by force; the mail that tells of it."""
    stage.confirm(stage.ask_to_move(to))
    (message,) = stage.mails()
    return message


def test_a_move_is_announced_at_the_former_address_and_undone_from_there(stage: Stage) -> None:
    announcement = moved(stage)
    assert announcement.to.text == "ada@example.com"
    assert "mallory" not in announcement.text + announcement.html
    theirs = stage.preferences_path()
    assert "m…@example.net" in stage.client.get(link(announcement)).text
    stage.clock.now += dt.timedelta(days=6)

    answer = stage.confirm(link(announcement))

    assert "as before" in answer.text
    with stage.store.read() as connection:
        person = people.get(connection, stage.ada)
        assert person is not None
        assert person.address == Address("ada@example.com")
        assert former.holder_of(connection, THEIRS) is None
    assert "not known any more" in stage.client.get(theirs).text
    assert "a…@example.com" in stage.client.get(stage.preferences_path()).text
    assert "Already" in stage.confirm(link(announcement)).text


def test_a_move_cannot_be_undone_after_a_week(stage: Stage) -> None:
    announcement = moved(stage)
    stage.clock.now += dt.timedelta(days=7, seconds=1)
    before = state(stage)

    assert stage.confirm(link(announcement)).status_code == 410

    assert state(stage) == before


def test_what_was_asked_from_an_address_ends_when_it_is_left(stage: Stage) -> None:
    """Whoever reads the former mailbox neither erases nor downloads nor moves."""
    asked = [stage.ask(action="erase"), stage.ask(action="data")]
    announcement = moved(stage, "new@example.com")
    before = state(stage)

    for path in asked:
        assert stage.client.get(path).status_code == 410
        assert stage.confirm(path).status_code == 410

    assert state(stage) == before
    assert stage.confirm(link(announcement)).status_code == 200


def address_of(stage: Stage) -> str:
    with stage.store.read() as connection:
        person = people.get(connection, stage.ada)
    assert person is not None
    return person.address.text


def test_a_second_move_does_not_keep_the_first_from_being_undone(stage: Stage) -> None:
    """Whoever moved a reader by force would only have to do it twice."""
    first = moved(stage)
    stage.clock.now += dt.timedelta(days=1)
    second = moved(stage, "mallory@example.org")
    stage.clock.now += dt.timedelta(days=1)
    assert second.to.text == THEIRS

    assert "as before" in stage.confirm(link(first)).text

    assert address_of(stage) == "ada@example.com"
    assert stage.confirm(link(second)).status_code == 410
    assert address_of(stage) == "ada@example.com"
    with stage.store.read() as connection:
        assert former.holder_of(connection, THEIRS) is None


def test_an_undo_half_way_back_leaves_the_whole_way_open(stage: Stage) -> None:
    first = moved(stage)
    stage.clock.now += dt.timedelta(days=1)
    second = moved(stage, "mallory@example.org")
    stage.clock.now += dt.timedelta(days=1)

    assert "as before" in stage.confirm(link(second)).text
    assert address_of(stage) == THEIRS
    assert "as before" in stage.confirm(link(first)).text

    assert address_of(stage) == "ada@example.com"


def test_a_move_after_an_undo_can_be_undone_too(stage: Stage) -> None:
    stage.confirm(link(moved(stage)))
    stage.clock.now += dt.timedelta(days=1)
    again = moved(stage, "new@example.com")

    assert "as before" in stage.confirm(link(again)).text

    assert address_of(stage) == "ada@example.com"


# --- limits ---------------------------------------------------------------------------------------


def test_thousands_of_changes_write_a_few_rows(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path)
    codes = []

    for number in range(count(4000)):
        action = {"action": "pause", "until": f"2026-02-{1 + number % 20:02}"}
        codes.append(stage.client.post(stage.preferences_path(), data=action).status_code)
        stage.clock.forward(0.5)  # all of them within the hour that is looked at

    assert codes[:19] == [200] * 19
    assert set(codes[20:]) == {200, 429}  # 200 for the day that they pause until already
    assert codes.count(200) <= 20 + len(codes) / 19
    assert len(stage.facts()) <= 21


def test_the_same_change_again_writes_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path)
    for fields in ({"action": "pause", "days": "30"}, {"action": "name", "name": "Lovelace"}):
        assert stage.client.post(stage.preferences_path(), data=fields).status_code == 200
        before = stage.rows()
        for _ in range(30):
            assert stage.client.post(stage.preferences_path(), data=fields).status_code == 200
        assert stage.rows() == before


def test_whoever_is_limited_can_still_leave(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path)
    for number in range(25):
        action = {"action": "pause", "until": f"2026-02-{1 + number:02}"}
        stage.client.post(stage.preferences_path(), data=action)

    assert stage.client.post(stage.leave_path(), data=ONE_CLICK).status_code == 200

    assert stage.status() == "unsubscribed"


def test_to_and_fro_ends_with_who_left(sqlite_store: Store, tmp_path: Path) -> None:
    """A stranger who takes a leave back again and again is stopped; the leave is not."""
    stage = open_stage(sqlite_store, tmp_path)
    codes = []
    for _ in range(30):
        assert stage.client.post(stage.leave_path(), data=ONE_CLICK).status_code == 200
        codes.append(stage.client.post(stage.leave_path(), data={"action": "undo"}).status_code)

    assert codes[-1] == 429
    assert stage.status() == "unsubscribed"
    assert len(stage.facts()) < 25


def test_names_are_changed_a_few_times_a_day(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path)

    codes = []
    for number in range(7):
        fields = {"action": "name", "name": f"Ada {number}"}
        codes.append(stage.client.post(stage.preferences_path(), data=fields).status_code)
        stage.clock.forward(3600)

    assert codes == [200] * 5 + [429] * 2
