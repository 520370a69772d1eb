"""`/preferences/{token}`: the token says who; a body can say nothing of anybody else."""

import datetime as dt
import json
import threading
import tracemalloc
from pathlib import Path

import pytest
import sqlalchemy as sa
from httpx import Response

from newsletter.audience import own_data
from newsletter.links import PersonalLink
from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SubscriptionStatus, SuppressionReason
from newsletter.store import Store, locks
from newsletter.store.people import people, subscribing, suppressing
from newsletter.store.schema import events, subscribers
from tests.factories import import_text, is_waiting, leave
from tests.integration.sending import NOW
from tests.integration.web.stage import Stage, link, open_stage


def change(stage: Stage, **fields: str) -> Response:
    return stage.client.post(stage.preferences_path(), data=fields)


def person_row(stage: Stage, who: int | None = None) -> sa.Row[tuple[object, ...]]:
    with stage.store.read() as connection:
        query = sa.select(subscribers).where(subscribers.c.id == (who or stage.ada))
        return connection.execute(query).one()


def join(stage: Stage, email: str, status: SubscriptionStatus) -> int:
    """Let somebody be on `daily`; returns their id."""
    with stage.store.write() as connection:
        person = people.insert(connection, Address(email), "", {}, NOW)
        said = Consent(NOW, "add", "newsletter subscribers add")
        subscribing.subscribe(connection, person.id, stage.daily, status, said)
    return person.id


def confirm(stage: Stage, path: str) -> Response:
    return stage.client.post(path, data={"action": "confirm"})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(stage: Stage, method: str) -> None:
    before = stage.rows()

    assert stage.client.request(method, stage.preferences_path()).status_code == 200

    assert stage.rows() == before


# --- lists ----------------------------------------------------------------------------------------


def test_leaving_a_list_can_be_taken_back_within_the_hour(stage: Stage) -> None:
    assert "You have left" in change(stage, action="leave", list="daily").text
    assert stage.status() == "unsubscribed"
    stage.clock.forward(3600)

    assert "You are subscribed" in change(stage, action="join", list="daily").text

    assert stage.status() == "confirmed"
    assert stage.kinds()[1:] == ["unsubscribed/preferences", "confirmed/preferences"]


def test_coming_back_later_asks_by_mail(stage: Stage) -> None:
    """A mail that was forwarded brings nobody back."""
    change(stage, action="leave", list="daily")
    stage.clock.forward(3601)

    path = stage.ask(action="join", list="daily")

    assert stage.status() == "unsubscribed"
    confirm(stage, path)
    assert stage.status() == "confirmed"


def test_whom_an_operator_took_off_comes_back_by_mail_alone(stage: Stage) -> None:
    leave(stage.store, "ada@example.com", "daily", stage.clock())

    change(stage, action="join", list="daily")

    assert stage.status() == "unsubscribed"


def test_a_list_that_was_never_confirmed_asks_by_mail(stage: Stage) -> None:
    assert "on its way to a…@example.com" in change(stage, action="join", list="weekly").text
    assert stage.status(list_id=stage.weekly) is None

    path = stage.confirmation()
    assert stage.status(list_id=stage.weekly) == "pending"
    confirm(stage, path)

    assert stage.status(list_id=stage.weekly) == "confirmed"


def test_a_suppressed_address_joins_nothing(stage: Stage) -> None:
    change(stage, action="leave", list="daily")
    with stage.store.write() as connection:
        key = "ada@example.com"
        suppressing.add(connection, key, SuppressionReason.HARD_BOUNCE, "event", NOW)

    answer = change(stage, action="join", list="daily")

    assert answer.status_code == 400
    assert "blocked" in answer.text
    assert stage.status() == "unsubscribed"


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint", "manual"])
def test_why_an_address_is_blocked_is_told_as_it_is(stage: Stage, reason: str) -> None:
    with stage.store.write() as connection:
        suppressing.add(
            connection, "ada@example.com", SuppressionReason(reason), "test", stage.clock()
        )

    page = stage.client.get(stage.preferences_path()).text

    assert "This address is blocked" in page
    assert ("came back or was reported" in page) is (reason != "manual")


def test_a_list_that_is_not_open_is_neither_shown_nor_joined(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = open_stage(sqlite_store, tmp_path, web={"subscribe_lists": []})

    shown = stage.client.get(stage.preferences_path()).text

    assert "daily" in shown
    assert "weekly" not in shown
    assert change(stage, action="join", list="weekly").status_code == 400
    assert change(stage, action="join", list="nothing").status_code == 400


# --- only the reader of the link ------------------------------------------------------------------


@pytest.mark.parametrize("action", ["leave", "name", "pause", "erase", "move", "data"])
def test_ids_in_a_body_mean_nothing(stage: Stage, action: str) -> None:
    """With the own token, whatever a body says of others, others stay as they are."""
    other = stage.join("eve@example.com")
    before = person_row(stage, other), stage.facts(other)

    answer = change(
        stage,
        action=action,
        list="daily",
        name="X",
        days="7",
        sure="yes",
        email="mallory@example.com",
        subscriber_id=str(other),
        id=str(other),
        token=stage.preferences_path(other).rpartition("/")[2],
    )

    assert answer.status_code == 200
    assert "eve@example.com" not in answer.text
    assert (person_row(stage, other), stage.facts(other)) == before


def test_no_other_page_can_frame_it_or_post_by_a_cookie(sqlite_stage: Stage) -> None:
    answer = sqlite_stage.client.get(sqlite_stage.preferences_path())

    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("field", ["_method", "X-HTTP-Method-Override"])
def test_a_method_is_never_overridden(stage: Stage, field: str) -> None:
    before = stage.rows()

    answer = stage.client.get(
        stage.preferences_path(), params={field: "POST", "action": "leave"}, headers={field: "POST"}
    )

    assert answer.status_code == 200
    assert stage.rows() == before


@pytest.mark.parametrize("action", ["", "drop", "DATA", "_leave"])
def test_an_unknown_action_changes_nothing(stage: Stage, action: str) -> None:
    before = stage.rows()

    assert change(stage, action=action, list="daily").status_code == 400

    assert stage.rows() == before


# --- name and pause -------------------------------------------------------------------------------


def test_a_name_is_changed_and_shown_as_text(stage: Stage) -> None:
    answer = change(stage, action="name", name=" <b>Ada</b> ")

    assert "&lt;b&gt;Ada" in answer.text
    assert person_row(stage).name == "<b>Ada</b>"
    assert stage.kinds()[-1] == "renamed/preferences"


@pytest.mark.parametrize(
    "name",
    [
        "x" * 60,
        "a\nb",
        "a\x00b",
        "\u2028",
        " https://example.net ",
        " www.example ",
        " me@example.net ",
        " Visit example.net now ",
        " example．net ",
        " 例子。中国 ",
        " Ｅxample.ＮＥＴ ",
    ],
)
def test_a_name_that_cannot_be_kept_is_said(stage: Stage, name: str) -> None:
    answer = change(stage, action="name", name=f"a{name}b")

    assert answer.status_code == 400
    assert "cannot be saved" in answer.text
    assert person_row(stage).name == "Ada"


@pytest.mark.parametrize("days", [7, 30, 90])
def test_a_pause_of_days_and_going_on(stage: Stage, days: int) -> None:
    change(stage, action="pause", days=str(days))
    paused_until = person_row(stage).paused_until
    assert paused_until == (NOW + dt.timedelta(days=days + 1)).replace(hour=0, minute=0)

    change(stage, action="continue")

    assert person_row(stage).paused_until is None
    assert stage.kinds()[-2:] == ["paused/preferences", "continued/preferences"]


def test_a_pause_until_a_day(stage: Stage) -> None:
    answer = change(stage, action="pause", until="2026-02-01")

    assert "2026-02-01" in answer.text
    assert person_row(stage).paused_until == dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"days": "8"},
        {"days": "-7"},
        {"days": "７"},
        {"until": "2025-01-01"},
        {"until": "9999-12-31"},
        {"until": "0001-01-01"},
        {"until": "tomorrow"},
    ],
)
def test_a_pause_that_makes_no_sense_is_said(
    sqlite_store: Store, tmp_path: Path, fields: dict[str, str]
) -> None:
    stage = open_stage(sqlite_store, tmp_path, timezone="Asia/Shanghai")

    answer = change(stage, action="pause", **fields)

    assert answer.status_code == 400
    assert person_row(stage).paused_until is None


# --- moving to another address --------------------------------------------------------------------


def test_an_address_changes_only_by_a_yes_from_the_new_one(stage: Stage) -> None:
    """After the address on record has agreed to it."""
    confirm(stage, stage.ask(action="move", email="new@example.com"))
    (message,) = stage.mails()
    assert message.to.text == "new@example.com"
    assert "new address" in message.subject
    assert person_row(stage).address == "ada@example.com"

    answer = confirm(stage, link(message))

    assert "changed" in answer.text
    assert person_row(stage).address == "new@example.com"
    assert stage.status() == "confirmed"
    moved = stage.facts()[-1]
    assert (moved.kind, moved.detail) == ("moved", "")
    assert "Already confirmed" in confirm(stage, link(message)).text


def test_the_address_of_somebody_else_gets_no_mail_and_the_same_answer(stage: Stage) -> None:
    stage.join("eve@example.com")
    stage.clock.now += dt.timedelta(days=40)  # so that no limit of her mailbox is what stops it

    taken = change(stage, action="move", email="Eve@example.com")
    free = change(stage, action="move", email="new@example.com")
    allowed = [confirm(stage, link(message)) for message in stage.mails()]

    assert taken.content == free.content
    assert allowed[0].content == allowed[1].content
    assert [message.to.text for message in stage.mails()] == ["new@example.com"]


def test_an_address_that_somebody_took_meanwhile_is_refused(stage: Stage) -> None:
    path = stage.ask_to_move("new@example.com")
    join(stage, "new@example.com", SubscriptionStatus.CONFIRMED)

    answer = confirm(stage, path)

    assert "cannot be used" in answer.text
    assert person_row(stage).address == "ada@example.com"


@pytest.mark.postgresql
def test_of_two_who_move_to_one_address_at_once_the_second_is_refused(
    postgresql_store: Store, tmp_path: Path
) -> None:
    stage = open_stage(postgresql_store, tmp_path)
    path = stage.ask_to_move("new@example.com")
    eve = join(stage, "eve@example.com", SubscriptionStatus.CONFIRMED)
    answers: list[Response] = []
    second = threading.Thread(target=lambda: answers.append(confirm(stage, path)))

    with stage.store.write() as first:
        locks.people(first)
        people.move(first, eve, Address("new@example.com"), NOW)
        second.start()
        while second.is_alive() and not is_waiting(stage.store):
            pass
    second.join()

    assert [answer.status_code for answer in answers] == [200]
    assert "cannot be used" in answers[0].text
    assert person_row(stage).address == "ada@example.com"


def test_an_address_that_was_only_asked_for_is_nobodys(stage: Stage) -> None:
    """Else anybody could keep it from its owner."""
    stage.subscribe("new@example.com", "weekly")
    stage.mails()
    stage.clock.now += dt.timedelta(days=2)

    answer = confirm(stage, stage.ask_to_move("new@example.com"))

    assert "changed" in answer.text
    assert person_row(stage).address == "new@example.com"
    assert stage.id_of("new@example.com") == stage.ada
    assert stage.status(list_id=stage.weekly) is None


def test_the_addresses_of_who_was_imported_and_of_who_left_are_somebodys(
    stage: Stage, tmp_path: Path
) -> None:
    import_text(stage.store, tmp_path, "email\neve@example.com\n", "daily")
    left = join(stage, "bo@example.com", SubscriptionStatus.PENDING)
    stage.client.post(stage.leave_path(left), data={"action": "leave"})

    for email in ("eve@example.com", "bo@example.com"):
        confirm(stage, stage.ask(action="move", email=email))

    assert stage.mails() == []


def test_a_confirmation_sent_to_an_address_that_was_left_is_no_longer_good(
    stage: Stage,
) -> None:
    """Whoever has the old mailbox now confirms nothing."""
    old = stage.ask(action="join", list="weekly")
    confirm(stage, stage.ask_to_move("new@example.com"))

    answer = confirm(stage, old)

    assert "no longer good" in answer.text
    assert stage.status(list_id=stage.weekly) == "pending"


def test_who_was_erased_moves_nowhere(stage: Stage) -> None:
    path = stage.ask_to_move("new@example.com")
    stage.erase()

    confirm(stage, path)

    assert person_row(stage).address is None


def test_nobody_is_mailed_at_will_by_moving(stage: Stage) -> None:
    codes = [
        change(stage, action="move", email=f"victim+{n}@example.com").status_code for n in range(5)
    ]

    assert codes == [200, 200, 200, 429, 429]
    asked = stage.mails()
    assert [message.to.text for message in asked] == ["ada@example.com"] * 3
    for message in asked:
        confirm(stage, link(message))
    assert len(stage.mails()) == 1


@pytest.mark.parametrize(("language", "words"), [("en", "several times today"), ("zh", "明天再试")])
@pytest.mark.parametrize("action", ["move", "join"])
def test_who_asks_too_often_is_told_so_on_their_own_page(
    sqlite_store: Store, tmp_path: Path, action: str, language: str, words: str
) -> None:
    stage = open_stage(sqlite_store, tmp_path, language=language)
    for _ in range(3):
        change(stage, action=action, list="weekly", email="new@example.com")

    answer = change(stage, action=action, list="weekly", email="new@example.com")

    assert answer.status_code == 429
    assert words in answer.text
    assert "a…@example.com" in answer.text


def test_of_two_new_addresses_the_later_one_counts(stage: Stage) -> None:
    """Whoever has the mailbox of a slip of the pen takes no subscription over."""
    slip = stage.ask_to_move("slip@example.com")
    stage.clock.forward(60)
    right = stage.ask_to_move("new@example.com")

    assert "no longer good" in confirm(stage, slip).text
    confirm(stage, right)

    assert person_row(stage).address == "new@example.com"


def test_who_asks_for_lists_without_end_closes_the_form_to_nobody(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = open_stage(sqlite_store, tmp_path, web={"requests_per_hour": 5})

    codes = [change(stage, action="join", list="weekly").status_code for _ in range(6)]

    assert codes == [200, 200, 200, 429, 429, 429]
    assert stage.subscribe("new@example.com").status_code == 200


# --- data -----------------------------------------------------------------------------------------


def test_my_data_is_all_that_is_held_of_me_and_of_nobody_else(stage: Stage) -> None:
    stage.join("eve@example.com")
    change(stage, action="name", name="阿达")

    answer = confirm(stage, stage.ask(action="data"))

    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert "eve@" not in answer.text
    held = json.loads(answer.text)
    assert held["address"] == "ada@example.com"
    assert held["name"] == "阿达"
    assert held["subscriptions"][0]["consent"]["source"] == "people.csv"
    assert [fact["kind"] for fact in held["consents"]] == ["confirmed", "renamed"]
    assert {"subscriptions", "deliveries", "events", "requests", "suppression"} <= set(held)


def test_data_without_end_is_read_in_pages(sqlite_stage: Stage) -> None:
    """Each event once and in order; never are more of them held than a page has."""
    stage, amount, payload = sqlite_stage, 5000, "x" * 4000
    with stage.store.write() as connection:
        connection.execute(
            sa.insert(events),
            [
                {
                    "key": f"event-{n}",
                    "type": "Delivery",
                    "at": NOW,
                    "received_at": NOW,
                    "subscriber_id": stage.ada,
                    "verdict": "applied",
                    "detail": str(n),
                    "payload": payload,
                }
                for n in range(amount)
            ],
        )

    tracemalloc.start()
    seen = [
        json.loads(piece.strip(",\n"))["detail"]
        for piece in own_data.everything(stage.store, stage.ada)
        if payload in piece
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seen == [str(n) for n in range(amount)]
    assert peak < amount * len(payload) / 2
    assert json.loads("".join(own_data.everything(stage.store, stage.ada)))["events"]


def test_erasing_asks_the_address_on_record_and_then_leaves_nothing(stage: Stage) -> None:
    path = stage.ask(action="erase")
    asked = stage.client.get(path)
    assert "Yes, erase me" in asked.text
    assert person_row(stage).address == "ada@example.com"

    answer = confirm(stage, path)

    assert "erased" in answer.text
    assert "working file" not in answer.text
    assert person_row(stage).address is None
    assert "ada@example.com" not in str(stage.rows())
    assert "not known any more" in stage.client.get(stage.preferences_path()).text
    assert "not known any more" in change(stage, action="join", list="daily").text
    assert confirm(stage, path).status_code == 410


def test_erasing_says_where_traces_may_stay(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    path = stage.ask(action="erase")

    with stage.store.read() as reader:  # keeps the write-ahead log from being emptied
        reader.execute(sa.select(subscribers)).all()
        answer = confirm(stage, path)

    assert "working file" in answer.text


def test_the_link_of_a_test_mail_shows_nobody(sqlite_stage: Stage) -> None:
    path = sqlite_stage.links.preferences_url(PersonalLink(0, 0)).partition("example.com")[2]

    answers = [
        sqlite_stage.client.get(path),
        sqlite_stage.client.post(path, data={"action": "data"}),
        sqlite_stage.client.post(path, data={"action": "erase", "sure": "yes"}),
    ]

    assert all("test mail" in answer.text for answer in answers)
