"""`/subscribe/{list}` and `/confirm/{token}`: double opt-in that tells nothing and mails little."""

import datetime as dt
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from httpx import Response

from newsletter.audience import mailing
from newsletter.audience.joining import mailbox
from newsletter.errors import OutcomeUnknown, SendingStopped, StoreError, TransportDown
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Outcome, RetryLater
from newsletter.model.subscriber import Consent, SubscriptionStatus, SuppressionReason
from newsletter.notices.post import Post
from newsletter.sending.plan import plan
from newsletter.store import Store, locks
from newsletter.store.people import imports, lists, people, requesting, subscribing, suppressing
from newsletter.store.people import requests as request_queries
from newsletter.store.schema import requests
from newsletter.supervising import SideThread
from newsletter.transports import mime
from newsletter.transports.memory import Memory
from tests import logged
from tests.factories import count_waiting, import_text, is_waiting
from tests.integration.sending import NOW, fill_list, order
from tests.integration.web.stage import BASE_URL, ONE_CLICK, Stage, hidden, link, open_stage
from tests.waiting import until

DAY = dt.timedelta(days=1)


def suppress(stage: Stage, address: str, reason: SuppressionReason) -> None:
    key = address
    if reason is SuppressionReason.ERASED:
        (key, *_) = stage.links.address_hashes(address)
    with stage.store.write() as connection:
        suppressing.add(connection, key, reason, "test", NOW)


def states(stage: Stage) -> list[tuple[str, str]]:
    with stage.store.read() as connection:
        rows = connection.execute(sa.select(requests).order_by(requests.c.at)).all()
    return [(row.state, row.reason) for row in rows]


# --- the whole way --------------------------------------------------------------------------------


def test_who_asks_and_confirms_is_a_member(stage: Stage) -> None:
    answer = stage.subscribe("new@example.com", name="Neo")
    assert answer.status_code == 200
    assert not stage.is_known("new@example.com")  # the visitor's request alone makes nobody

    path = stage.confirmation()
    who = stage.id_of("new@example.com")
    assert stage.status(who) == "pending"
    assert stage.client.get(path).status_code == 200
    assert stage.status(who) == "pending"  # a link scanner confirms nothing

    done = stage.client.post(path, data={"action": "confirm"})

    assert "Welcome" in done.text
    assert stage.status(who) == "confirmed"
    requested, confirmed = stage.facts(who)
    assert (requested.kind, confirmed.kind) == ("requested", "confirmed")
    assert requested.consent.how == confirmed.consent.how == "form"
    assert requested.consent.wording == confirmed.consent.wording != ""
    assert requested.consent.ip == confirmed.consent.ip == ""
    assert requested.consent.source == "https://news.example.com/subscribe/daily"


def test_the_address_is_kept_only_if_configured(store: Store, tmp_path: Path) -> None:
    stage = open_stage(store, tmp_path, web={"keep_ip": True})

    who = stage.join("new@example.com")

    assert [fact.consent.ip for fact in stage.facts(who)] == ["192.0.2.7", "192.0.2.7"]


def test_pending_people_are_never_mailed(stage: Stage) -> None:
    """Who has not confirmed is no recipient of any send."""
    stage.subscribe("new@example.com")
    stage.mails()

    send_id = plan(stage.store, order(list_name="daily"), stage.clock())

    with stage.store.read() as connection:
        text = sa.text("SELECT subscriber_id FROM deliveries")
        assert connection.execute(text).scalars().all() == [stage.ada]
    assert send_id


def test_a_list_that_is_not_open_has_no_form(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path, web={"subscribe_lists": ["daily"]})

    codes = [
        stage.client.request(method, f"/subscribe/{name}").status_code
        for method in ("GET", "POST")
        for name in ("daily", "weekly", "nothing", "%00", "d%C3%A4ily")
    ]

    assert codes == [200, 404, 404, 404, 404, 400, 404, 404, 404, 404]


def test_what_is_no_address_is_said_and_what_was_typed_is_kept(sqlite_stage: Stage) -> None:
    answer = sqlite_stage.subscribe('"><script>@x')

    assert answer.status_code == 400
    assert "<script" not in answer.text
    assert "&lt;script&gt;@x" in answer.text
    assert states(sqlite_stage) == []


# --- the link of the confirmation -----------------------------------------------------------------


def test_a_link_confirms_once(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    path = stage.confirmation()
    stage.client.post(path, data={"action": "confirm"})
    before = stage.rows()

    again = stage.client.post(path, data={"action": "confirm"})

    assert again.status_code == 200
    assert "Already confirmed" in again.text
    assert stage.rows() == before


def test_who_confirms_what_an_import_confirmed_stays_when_it_is_undone(
    stage: Stage, tmp_path: Path
) -> None:
    stage.subscribe("new@example.com")
    path = stage.confirmation()
    result = import_text(stage.store, tmp_path, "email\nnew@example.com\n", "daily", now=NOW)
    assert result.import_id is not None

    stage.clock.forward(60)
    assert stage.confirm(path).status_code == 200
    with stage.store.write() as connection:
        imports.undo(connection, result.import_id, stage.clock())

    assert stage.status(stage.id_of("new@example.com")) == "confirmed"


@pytest.mark.parametrize(
    "fields",
    [{"List-Unsubscribe": "One-Click"}, {"action": "other"}, {"confirm": "confirm"}],
)
def test_a_form_of_something_else_confirms_nothing(stage: Stage, fields: dict[str, str]) -> None:
    stage.subscribe("new@example.com")
    path = stage.confirmation()
    before = stage.rows()

    assert stage.client.post(path, data=fields).status_code == 400

    assert stage.rows() == before


def test_after_a_week_it_asks_to_ask_again(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    path = stage.confirmation()
    stage.clock.now += 8 * DAY

    for answer in (
        stage.client.get(path),
        stage.client.post(path, data={"action": "confirm"}),
    ):
        assert answer.status_code == 410
        assert "ask again" in answer.text
        assert 'href="/subscribe/daily"' in answer.text
    assert stage.status(stage.id_of("new@example.com")) == "pending"


@pytest.mark.parametrize("since", ["left", "erased", "suppressed"])
def test_nobody_is_brought_back_by_an_old_confirmation(stage: Stage, since: str) -> None:
    stage.subscribe("new@example.com")
    path = stage.confirmation()
    who = stage.id_of("new@example.com")
    stage.clock.forward(60)
    match since:
        case "left":
            stage.client.post(stage.leave_path(who), data=ONE_CLICK)
        case "erased":
            stage.erase(who)
        case _:
            suppress(stage, "new@example.com", SuppressionReason.COMPLAINT)
    before = stage.rows()

    answer = stage.client.post(path, data={"action": "confirm"})

    assert "no longer good" in answer.text
    assert stage.rows() == before


def test_a_link_of_a_request_that_is_gone_fits_no_other(stage: Stage) -> None:
    """As in a store that was restored: ids of requests are random."""
    stage.subscribe("new@example.com")
    path = stage.confirmation()
    with stage.store.write() as connection:
        connection.execute(sa.delete(requests))
    stage.subscribe("other@example.com")
    stage.mails()

    answer = stage.client.post(path, data={"action": "confirm"})

    assert "no longer good" in answer.text


def test_who_left_and_is_asked_for_by_others_stays_away_until_they_confirm(stage: Stage) -> None:
    """A form makes nobody pending who left: an import would confirm them."""
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    stage.clock.forward(60)
    stage.subscribe("ada@example.com")
    path = stage.confirmation()
    assert stage.status() == "unsubscribed"

    stage.client.post(path, data={"action": "confirm"})

    assert stage.status() == "confirmed"


# --- limits against abuse -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b+x@gmail.com", "ab@googlemail.com"),
        ("Ada@Example.com", "ada+news@example.com"),
    ],
)
def test_spellings_of_one_mailbox_are_one(one: str, other: str) -> None:
    assert mailbox(Address(one)) == mailbox(Address(other))


def test_dots_count_where_they_tell_people_apart() -> None:
    assert mailbox(Address("a.b@example.com")) != mailbox(Address("ab@example.com"))
    assert mailbox(Address("+a@example.com")) == "+a@example.com"


def test_a_victim_gets_one_mail_a_day_for_a_list_and_six_a_month(stage: Stage) -> None:
    mailed = []
    for day in range(32):
        for spelling in ("v.i.ctim@gmail.com", f"victim+{day}@gmail.com", "VICTIM@googlemail.com"):
            assert stage.subscribe(spelling).status_code == 200
        mailed.append(len(stage.mails()))
        stage.clock.now += DAY

    assert max(mailed) == 1
    assert sum(mailed[:30]) == 6
    assert sum(mailed) > 6


def test_an_ip_address_asks_twenty_times_an_hour(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    answers = [stage.subscribe(f"v{n}@example.com") for n in range(22)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "3600"
    assert stage.subscribe("w@example.com", client=stage.visitor("192.0.2.8")).status_code == 200

    stage.clock.forward(3600)

    assert stage.subscribe("x@example.com").status_code == 200


@pytest.mark.parametrize("network", ["192.0.2.{}", "2001:db8::{}", "::ffff:192.0.2.{}"])
def test_a_network_asks_sixty_times_an_hour(sqlite_stage: Stage, network: str) -> None:
    stage = sqlite_stage
    codes = [
        stage.subscribe(
            f"v{n}@example.com", client=stage.visitor(network.format(n + 1))
        ).status_code
        for n in range(62)
    ]

    assert codes == [200] * 60 + [429] * 2


def test_all_together_ask_so_often_and_no_more(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path, web={"requests_per_hour": 5})

    codes = [
        stage.subscribe(f"v{n}@example.com", client=stage.visitor(f"198.51.{n}.1")).status_code
        for n in range(7)
    ]

    assert codes == [200] * 5 + [429] * 2


def test_what_no_person_fills_in_stores_nothing(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    usual = stage.subscribe("new@example.com")
    before = stage.rows()

    trapped = stage.subscribe("bot@example.com", website="https://spam.example")

    assert trapped.content == usual.content
    assert stage.rows() == before


@pytest.mark.parametrize("seconds", [0, 0.9, 24 * 3600 + 1])
def test_a_form_that_is_too_fresh_or_too_old_asks_for_one_more_click(
    sqlite_stage: Stage, seconds: float
) -> None:
    stage = sqlite_stage
    token = hidden(stage.client.get("/subscribe/daily").text, "form")
    stage.clock.forward(seconds)
    sent = {"email": "new@example.com", "form": token}

    answer = stage.client.post("/subscribe/daily", data=sent)

    assert answer.status_code == 200
    assert "One more click" in answer.text
    assert 'value="new@example.com"' in answer.text
    assert states(stage) == []
    stage.clock.forward(3)
    again = {**sent, "form": hidden(answer.text, "form")}
    assert "Check your mailbox" in stage.client.post("/subscribe/daily", data=again).text


def test_no_forged_form_is_taken(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    issued = int(stage.clock.now.timestamp()) - 60
    forged = [
        "",
        "x.y",
        stage.links.form_token(issued, stage.weekly, 1),
        Links(BASE_URL, ("f" * 32,)).form_token(issued, stage.daily, 1),
        stage.links.form_token(issued + 3600, stage.daily, 1),
    ]

    for token in forged:
        sent = {"email": "new@example.com", "form": token}
        assert "One more click" in stage.client.post("/subscribe/daily", data=sent).text
    assert states(stage) == []


# --- who has subscribed ---------------------------------------------------------------------------


@pytest.fixture
def statements(stage: Stage) -> Callable[[], list[str]]:
    """What was asked of the database since the last time."""
    seen: list[str] = []

    @sa.event.listens_for(stage.store.engine, "before_cursor_execute")
    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    def taken() -> list[str]:
        found, seen[:] = list(seen), []
        return found

    return taken


def test_no_answer_tells_who_has_subscribed(
    stage: Stage, statements: Callable[[], list[str]]
) -> None:
    """The same bytes for all, and the same statements, so that the time is the same, too."""
    suppress(stage, "bad@example.com", SuppressionReason.HARD_BOUNCE)
    suppress(stage, "gone@example.com", SuppressionReason.ERASED)
    stage.subscribe("pending@example.com")
    stage.mails()
    told = []
    for nonce, name in enumerate(("ada", "bad", "gone", "pending", "pending", "new")):
        issued = int(stage.clock.now.timestamp()) - 60
        token = stage.links.form_token(issued, stage.daily, nonce)
        statements()

        answer = stage.client.post(
            "/subscribe/daily", data={"email": f"{name}@example.com", "form": token}
        )

        told.append((answer.status_code, answer.content, dict(answer.headers), statements()))

    assert all(each == told[0] for each in told)
    assert {message.to.text for message in stage.mails()} == {"new@example.com"}


# --- fields that were not asked for ---------------------------------------------------------------


def test_fields_that_no_form_has_mean_nothing(stage: Stage) -> None:
    stage.subscribe(
        "new@example.com",
        status="confirmed",
        admin="1",
        list="weekly",
        list_id=str(stage.weekly),
        subscriber_id=str(stage.ada),
        attributes="vip",
    )
    stage.mails()

    who = stage.id_of("new@example.com")
    assert stage.status(who) == "pending"
    assert stage.status(who, stage.weekly) is None


def test_of_two_addresses_the_first_counts(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    token = hidden(stage.client.get("/subscribe/daily").text, "form")
    stage.clock.forward(3)
    body = f"email=one%40example.com&email=two%40example.com&email[]=x&form={token}"
    headers = {"content-type": "application/x-www-form-urlencoded"}

    stage.client.post("/subscribe/daily", content=body, headers=headers)

    assert [message.to.text for message in stage.mails()] == ["one@example.com"]


# --- the mail -------------------------------------------------------------------------------------


def test_the_mail_holds_no_word_of_the_visitor(stage: Stage) -> None:
    stage.subscribe("new@example.com", name="Buy at https://spam.example NOW")

    (message,) = stage.mails()

    mail = mime.compose(message, NOW).decode()
    for text in (message.subject, message.text, message.html, mail):
        assert "spam" not in text
        assert "Buy" not in text
    assert message.to.text == "new@example.com"
    assert message.sender == "Valley <valley@news.example.com>"
    assert message.reply_to == "hello@example.com"
    assert message.html.count(link(message)) == 2


def test_the_name_is_asked_after_the_yes_and_never_taken_from_a_form(stage: Stage) -> None:
    """Anybody can fill in a form for anybody: no word of it is kept but the address."""
    stage.subscribe("new@example.com", name="Buy now at Spam")
    page = stage.confirm(stage.confirmation()).text
    who = stage.id_of("new@example.com")
    assert "Buy now" not in str(stage.rows())

    action = re.search(r'<form method="post" action="([^"]+)"', page)
    assert action is not None
    stage.client.post(action[1], data={"action": "name", "name": "Neo"})

    with stage.store.read() as connection:
        person = people.get(connection, who)
    assert person is not None
    assert person.name == "Neo"


def test_a_second_list_on_the_same_day_is_mailed_too(stage: Stage) -> None:
    """And the same list is not: the page says so, to everybody alike."""
    first = stage.subscribe("new@example.com", "daily")
    stage.subscribe("new@example.com", "weekly")
    assert "for each list at most one a day" in first.text
    assert [message.to.text for message in stage.mails()] == ["new@example.com"] * 2

    stage.clock.forward(600)
    stage.subscribe("new@example.com", "daily")
    stage.subscribe("new@example.com", "weekly")

    assert stage.mails() == []


def test_a_mailbox_gets_three_mails_a_day_at_most(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    with stage.store.write() as connection:
        for name in ("one", "two", "three"):
            lists.create(connection, name, NOW)

    for name in ("daily", "weekly", "one", "two", "three"):
        stage.subscribe("v.ictim+a@gmail.com", name)

    assert len(stage.mails()) == 3


@pytest.mark.postgresql
def test_the_limit_of_a_mailbox_counts_what_another_process_has_in_hand(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """Two processes take a request each, for one mailbox and one list, that may get one mail."""
    stage = open_stage(postgresql_store, tmp_path)
    fill_list(stage.store, 1, "weekly")  # r1@example.com is known, so that nobody is made
    for _ in range(2):
        stage.subscribe("r1@example.com")
    with stage.store.read() as connection:
        first, second = request_queries.waiting(connection, 9)
    taken: list[object] = []

    def take() -> None:
        request = mailing.take(
            stage.store,
            second,
            stage.links.address_hashes,
            stage.clock(),
            form_url=stage.links.subscribe_url,
            keep_ip=False,
        )
        taken.append(request)

    other = threading.Thread(target=take)
    with stage.store.write() as connection:
        locks.people(connection)
        assert requesting.take(connection, first) is not None
        other.start()
        until(lambda: is_waiting(stage.store) or not other.is_alive())
    other.join()

    assert taken == [None]
    assert [state for state, _ in states(stage)] == ["failed", "refused"]  # the first is in hand


@pytest.mark.postgresql
def test_limits_count_what_another_process_is_about_to_note(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """Two forms at once, where one more may come, and a reader's link."""
    stage = open_stage(postgresql_store, tmp_path, web={"requests_per_hour": 1})
    statuses: list[int] = []

    def send(name: str) -> None:
        statuses.append(stage.subscribe(f"{name}@example.com").status_code)

    def ask() -> None:
        stage.client.post(path, data={"action": "data"})

    path = stage.preferences_path()
    others = [threading.Thread(target=send, args=(name,)) for name in ("ada", "bob")]
    others.append(threading.Thread(target=ask))
    with stage.store.write() as connection:
        locks.asking(connection)
        for other in others:
            other.start()
        until(lambda: count_waiting(stage.store) == len(others) or not all_alive(others))
        have_waited = all_alive(others)
    for other in others:
        other.join()

    assert have_waited
    assert sorted(statuses) == [200, 429]


def all_alive(threads: list[threading.Thread]) -> bool:
    return all(thread.is_alive() for thread in threads)


def test_a_form_counts_once(sqlite_stage: Stage) -> None:
    """Sent again, it gets the same answer and mails nobody; a slip of the pen can be mended."""
    stage = sqlite_stage
    token = hidden(stage.client.get("/subscribe/daily").text, "form")
    stage.clock.forward(3)

    def send(email: str) -> Response:
        return stage.client.post("/subscribe/daily", data={"email": email, "form": token})

    first, again = send("new@example.com"), send("New@Example.com")
    assert again.content == first.content
    assert len(states(stage)) == 1
    other = send("other@example.com")
    assert "One more click" in other.text
    assert len(states(stage)) == 1
    stage.clock.forward(3)
    sent = {"email": "other@example.com", "form": hidden(other.text, "form")}
    stage.client.post("/subscribe/daily", data=sent)

    assert len(stage.mails()) == 2


def test_one_form_cannot_mail_a_list_of_victims(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    token = hidden(stage.client.get("/subscribe/daily").text, "form")
    stage.clock.forward(3)

    for n in range(10):
        sent = {"email": f"v{n}@example{n}.com", "form": token}
        stage.visitor(f"198.51.{n}.1").post("/subscribe/daily", data=sent)

    assert len(stage.mails()) == 1


def test_a_wide_network_of_ipv6_counts_as_one(sqlite_store: Store, tmp_path: Path) -> None:
    """Whoever rents a server gets a /48: 65,536 networks of /64."""
    stage = open_stage(sqlite_store, tmp_path, web={"requests_per_wide_network": 5})

    codes = [
        stage.subscribe(
            f"v{n}@example{n}.com", client=stage.visitor(f"2001:db8:7:{n:x}::1")
        ).status_code
        for n in range(7)
    ]

    assert codes == [200] * 5 + [429] * 2
    elsewhere = stage.visitor("2001:db8:8::1")
    assert stage.subscribe("w@example.com", client=elsewhere).status_code == 200


def test_a_domain_is_mailed_so_often_and_no_more(sqlite_store: Store, tmp_path: Path) -> None:
    stage = open_stage(sqlite_store, tmp_path, web={"requests_per_domain": 5})

    codes = [
        stage.subscribe(f"v{n}@victim.example", client=stage.visitor(f"198.51.{n}.1")).status_code
        for n in range(7)
    ]

    assert codes == [200] * 5 + [429] * 2
    assert stage.subscribe("w@not-victim.example").status_code == 200


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_mail_is_in_the_newsletters_language(
    sqlite_store: Store, tmp_path: Path, language: str
) -> None:
    stage = open_stage(sqlite_store, tmp_path, language=language)
    stage.subscribe("new@example.com")

    (message,) = stage.mails()

    assert ("确认" in message.subject) == (language == "zh-CN")
    assert mime.compose(message, NOW)


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("fa", "rtl")])
def test_page_and_mail_are_set_in_the_direction_of_their_words(
    sqlite_store: Store, tmp_path: Path, language: str, direction: str
) -> None:
    texts = tmp_path / "templates" / "texts"
    texts.mkdir(parents=True)
    (texts / "fa.toml").write_text('archive_title = "بایگانی"\n', "utf-8")
    stage = open_stage(sqlite_store, tmp_path, language=language)
    stage.subscribe("new@example.com")
    page = stage.client.get("/subscribe/daily").text

    (message,) = stage.mails()

    for html in (page, message.html):
        assert f'<html lang="{language}" dir="{direction}">' in html


# --- what the transport says ----------------------------------------------------------------------


def failing(stage: Stage, answers: list[Exception | Outcome]) -> None:
    """Let the transport answer so, one after the other, and then accept."""

    def answer(send_id: str, batch: object) -> list[Outcome]:
        told = answers.pop(0)
        if not answers:
            stage.mailer.transport = stage.transport
        if isinstance(told, Exception):
            raise told
        return [told]

    stage.mailer.transport = Memory(answer)


def test_what_provably_did_not_leave_is_tried_again(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    failing(stage, [TransportDown("no network"), RetryLater("busy")])

    assert stage.mailer.drain() is False
    assert states(stage) == [("waiting", "no network")]
    assert stage.mailer.drain() is False
    assert [message.to.text for message in stage.mails()] == ["new@example.com"]

    assert states(stage) == [("mailed", "")]
    assert stage.kinds(stage.id_of("new@example.com")) == ["requested/form"]


def test_after_an_hour_it_has_failed(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    stage.clock.forward(3601)
    failing(stage, [TransportDown("no network")])

    stage.mailer.drain()

    assert states(stage) == [("failed", "no network")]


def test_a_mail_that_is_put_off_does_not_hold_up_the_others(stage: Stage) -> None:
    stage.subscribe("first@example.com")
    stage.subscribe("second@example.com")
    failing(stage, [RetryLater("this mailbox is busy")])

    assert [message.to.text for message in stage.mails()] == ["second@example.com"]


def test_where_no_mail_leaves_the_next_one_is_not_tried(stage: Stage) -> None:
    """The network is at fault, not the mail: the others would fare alike."""
    stage.subscribe("first@example.com")
    stage.subscribe("second@example.com")
    failing(stage, [TransportDown("no network")])

    assert stage.mailer.drain() is False

    assert stage.transport.delivered == []
    assert states(stage) == [("waiting", "no network"), ("waiting", "")]


@pytest.mark.parametrize(
    "answer", [OutcomeUnknown("no answer"), SendingStopped("not verified")], ids=["unknown", "stop"]
)
def test_what_may_have_left_is_not_sent_again(stage: Stage, answer: Exception) -> None:
    stage.subscribe("new@example.com")
    failing(stage, [answer])

    stage.mailer.drain()

    assert stage.mails() == []
    assert states(stage)[0][0] == "failed"


@pytest.mark.parametrize("kind", ["join", "move"])
def test_a_process_that_dies_in_the_middle_sends_nothing_twice(stage: Stage, kind: str) -> None:
    """What it had in hand may have left: it has failed until somebody looks."""
    if kind == "join":
        stage.subscribe("new@example.com")
    else:
        sent = {"action": "move", "email": "new@example.com"}
        stage.client.post(stage.preferences_path(), data=sent)

    def dies(send_id: str, batch: object) -> list[Outcome]:
        raise KeyboardInterrupt

    stage.mailer.transport = Memory(dies)
    with pytest.raises(KeyboardInterrupt):
        stage.mailer.drain()
    stage.mailer.transport = stage.transport

    assert stage.mails() == []
    ((state, reason),) = states(stage)
    assert state == "failed"
    assert "in hand" in reason


@pytest.mark.parametrize("hours", [0.9, 1.1])
def test_what_was_in_hand_for_longer_than_an_hour_is_not_mailed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """As where the process was stopped, or its machine slept: they may have asked again since."""
    stage.subscribe("new@example.com")
    monkeypatch.setattr(Post, "wait", lambda _: stage.clock.forward(hours * 3600))

    mails = stage.mails()

    is_in_time = hours < 1
    assert len(mails) == is_in_time
    assert states(stage)[0][0] == ("mailed" if is_in_time else "failed")


def test_a_mail_that_came_after_all_can_be_confirmed(stage: Stage) -> None:
    """Its outcome was unknown to us; the reader has it in hand."""
    taken: list[Message] = []

    def lost(send_id: str, batch: list[Message]) -> list[Outcome]:
        taken.extend(batch)
        raise OutcomeUnknown("no answer")

    stage.subscribe("new@example.com")
    stage.mailer.transport = Memory(lost)  # type: ignore[arg-type]
    stage.mailer.drain()

    stage.client.post(link(taken[0]), data={"action": "confirm"})

    assert stage.status(stage.id_of("new@example.com")) == "confirmed"


class Twice(threading.Event):
    """Lets a mailer go round two times, without waiting."""

    rounds = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.rounds += 1
        if self.rounds == 2:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("error", [StoreError("the disk is full"), RuntimeError("ada@example.com")])
def test_the_mailer_outlives_an_error_and_names_nobody(
    sqlite_stage: Stage, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stage = sqlite_stage
    stage.subscribe("first@example.com")
    stage.subscribe("second@example.com")
    failing(stage, [error])
    stage.mailer.stop = Twice()

    SideThread("mailer", lambda side: stage.mailer.run(), stop=stage.mailer.stop).run()

    assert [message.to.text for message in stage.transport.delivered] == ["second@example.com"]
    [line] = logged.lines(caplog)
    assert line.startswith("put_off_mails " if isinstance(error, StoreError) else "restart ")
    assert "@" not in line


# --- what is kept ---------------------------------------------------------------------------------


def test_where_a_request_came_from_is_forgotten_after_an_hour(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    stage.mails()
    stage.clock.forward(3700)
    stage.mails()

    with stage.store.read() as connection:
        row = connection.execute(sa.select(requests)).one()
    assert (row.ip, row.network) == ("", "")


def test_requests_are_forgotten_after_a_month(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    stage.mails()
    stage.clock.now += 32 * DAY
    stage.mails()

    assert states(stage) == []


def test_who_never_confirms_is_forgotten_with_the_request(stage: Stage) -> None:
    before = stage.rows()
    stage.subscribe("new@example.com")
    stage.mails()
    assert stage.is_known("new@example.com")

    stage.clock.now += 32 * DAY
    stage.mails()

    assert stage.rows() == before


def test_the_month_counts_from_the_last_time_that_they_were_asked_for(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    stage.mails()
    stage.clock.now += 20 * DAY
    stage.subscribe("new@example.com")
    stage.mails()

    stage.clock.now += 15 * DAY
    stage.mails()
    assert stage.is_known("new@example.com")
    stage.clock.now += 17 * DAY
    stage.mails()
    assert not stage.is_known("new@example.com")


def test_a_member_who_never_confirmed_another_list_stays_a_member(stage: Stage) -> None:
    joined = stage.join("eve@example.com")
    stage.clock.now += 2 * DAY
    stage.subscribe("eve@example.com", "weekly")
    stage.mails()
    assert stage.status(joined, stage.weekly) == "pending"

    stage.clock.now += 32 * DAY
    stage.mails()

    assert stage.status(joined) == "confirmed"
    assert stage.status(joined, stage.weekly) is None
    assert [fact.list for fact in stage.facts(joined)] == ["daily", "daily"]


def test_whom_an_operator_made_pending_is_kept(stage: Stage) -> None:
    with stage.store.write() as connection:
        imported = people.insert(connection, Address("eve@example.com"), "Eve", {}, NOW)
        said = Consent(NOW, "import", "people.csv")
        pending = SubscriptionStatus.PENDING
        subscribing.subscribe(connection, imported.id, stage.daily, pending, said)
    stage.subscribe("eve@example.com")
    stage.mails()

    stage.clock.now += 32 * DAY
    stage.mails()

    assert stage.status(imported.id) == "pending"


def test_whom_an_import_made_pending_is_kept_with_a_request_that_led_to_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    """A reader of one list asks for another, and no mail could ask back for a month."""
    sent = {"action": "join", "list": "weekly"}
    assert stage.client.post(stage.preferences_path(), data=sent).status_code == 200
    pending = SubscriptionStatus.PENDING
    import_text(stage.store, tmp_path, "email\nada@example.com\n", "weekly", status=pending)

    stage.clock.now += 32 * DAY
    stage.mails()

    assert states(stage) == []
    assert stage.status(stage.ada, stage.weekly) == "pending"


def test_who_left_is_kept_so_that_no_import_brings_them_back(stage: Stage) -> None:
    joined = stage.join("eve@example.com")
    stage.client.post(stage.leave_path(joined), data=ONE_CLICK)
    stage.clock.now += 2 * DAY
    stage.subscribe("eve@example.com")
    stage.mails()

    stage.clock.now += 32 * DAY
    stage.mails()

    assert stage.status(joined) == "unsubscribed"
