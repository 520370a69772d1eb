"""`/u/{token}`: robots change nothing, one click is enough, and nothing else counts."""

import asyncio
import datetime as dt
import threading
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from newsletter.audience import leaving
from newsletter.audience.importing import import_csv
from newsletter.links import Links, Purpose, key_file
from newsletter.model.subscriber import Consent, ConsentHow, SubscriptionStatus, SuppressionReason
from newsletter.store import Store
from newsletter.store.people import people, subscribing, suppressing, suppressions
from newsletter.web.site import Site
from tests.factories import is_waiting
from tests.integration.sending import NOW
from tests.integration.web.stage import BASE_URL, KEYS, ONE_CLICK, Stage, open_stage
from tests.waiting import until


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_scanner_that_follows_the_link_unsubscribes_nobody(stage: Stage, method: str) -> None:
    before = stage.rows()

    answer = stage.client.request(method, stage.leave_path())

    assert answer.status_code == (405 if method == "OPTIONS" else 200)
    assert stage.rows() == before


def test_the_page_asks_for_a_real_post_and_submits_nothing_by_itself(stage: Stage) -> None:
    html = stage.client.get(stage.leave_path()).text

    assert '<form method="post">' in html
    assert "<script" not in html
    assert "http-equiv" not in html


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_the_button_of_a_mail_program_is_enough(stage: Stage, kind: str) -> None:
    """RFC 8058: no cookie, no redirect, no page before."""
    body = (
        {"data": ONE_CLICK}
        if kind == "urlencoded"
        else {"files": {"List-Unsubscribe": (None, "One-Click")}}
    )

    answer = stage.client.post(stage.leave_path(), **body)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert stage.status() == "unsubscribed"
    assert stage.kinds() == ["confirmed/import", "unsubscribed/one-click"]


def test_a_line_end_after_the_body_is_forgiven(sqlite_stage: Stage) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = b"List-Unsubscribe=One-Click\r\n"

    sqlite_stage.client.post(sqlite_stage.leave_path(), content=body, headers=headers)

    assert sqlite_stage.status() == "unsubscribed"


def test_the_button_of_the_page_is_enough(stage: Stage) -> None:
    answer = stage.client.post(stage.leave_path(), data={"action": "leave"})

    assert answer.status_code == 200
    assert stage.kinds()[-1] == "unsubscribed/page"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"List-Unsubscribe=Two-Clicks", {}, 400),
        (b"list-unsubscribe", {}, 400),
        (b"action=erase", {}, 400),
        (b'{"List-Unsubscribe": "One-Click"}', {"content-type": "application/json"}, 400),
        (b"List-Unsubscribe=%FF", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"x", {"content-type": "multipart/form-data"}, 400),
        (b"x", {"content-type": "multipart/form-data; boundary=a"}, 400),
        (
            b'--a\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--a--\r\n',
            {"content-type": "multipart/form-data; boundary=a; charset=utf-99"},
            400,
        ),
        (b"&".join(b"a=%d" % n for n in range(400)), {}, 400),
        (b"x" * 5000, {}, 413),
    ],
)
def test_any_other_body_changes_nothing(
    sqlite_stage: Stage, body: bytes, headers: dict[str, str], status: int
) -> None:
    stage = sqlite_stage
    headers = {"content-type": "application/x-www-form-urlencoded", **headers}

    answer = stage.client.post(stage.leave_path(), content=body, headers=headers)

    assert answer.status_code == status
    assert stage.status() == "confirmed"


def test_hundreds_of_clicks_at_once_are_one_change(stage: Stage) -> None:
    async def click_often() -> set[int]:
        transport = ASGITransport(stage.app)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            path = stage.leave_path()
            answers = await asyncio.gather(*(client.post(path, data=ONE_CLICK) for _ in range(200)))
        return {answer.status_code for answer in answers}

    assert asyncio.run(click_often()) == {200}
    assert stage.kinds() == ["confirmed/import", "unsubscribed/one-click"]


@pytest.mark.postgresql
def test_two_clicks_in_two_processes_are_one_line_of_the_log(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """The second looks at the subscription while the first has not committed: it waits for that."""
    stage = open_stage(postgresql_store, tmp_path)
    link = stage.link(stage.ada, stage.daily)
    said = Consent(stage.clock(), ConsentHow.ONE_CLICK, "test")
    other = threading.Thread(target=leaving.leave, args=(stage.store, [(link, said)]))

    with stage.store.write() as connection:
        subscribing.leave_each(connection, {(stage.daily, stage.ada): said})
        other.start()
        until(lambda: is_waiting(stage.store) or not other.is_alive())
    other.join()

    assert stage.kinds() == ["confirmed/import", "unsubscribed/one-click"]


def test_many_who_leave_at_once_leave_each_their_own_list(stage: Stage) -> None:
    """They share transactions, and nothing else."""
    people_of = [stage.join(f"r{n}@example.com", "weekly") for n in range(5)]
    stage.join("stays@example.com", "weekly")

    async def leave() -> None:
        transport = ASGITransport(stage.app)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            paths = [stage.leave_path(who, stage.weekly) for who in people_of]
            await asyncio.gather(
                *(client.post(path, data=ONE_CLICK) for path in (*paths, stage.leave_path()))
            )

    asyncio.run(leave())

    assert {stage.status(who, stage.weekly) for who in people_of} == {"unsubscribed"}
    assert stage.status() == "unsubscribed"
    assert stage.status(stage.id_of("stays@example.com"), stage.weekly) == "confirmed"


def test_an_old_link_works_after_coming_back(stage: Stage) -> None:
    """On the safe side: whoever has a link of theirs may leave, and the log tells."""
    path = stage.leave_path()
    stage.client.post(path, data=ONE_CLICK)
    stage.client.post(stage.preferences_path(), data={"action": "join", "list": "daily"})
    assert stage.status() == "confirmed"

    stage.client.post(path, data=ONE_CLICK)

    assert stage.status() == "unsubscribed"
    assert stage.kinds().count("unsubscribed/one-click") == 2


def test_all_bad_tokens_get_one_answer(sqlite_stage: Stage) -> None:
    """Another purpose, another site, a flipped bit, a longer text: nobody learns which it was."""
    stage = sqlite_stage
    good = stage.leave_path().removeprefix("/u/")
    foreign = Links(BASE_URL, ("f" * 32,)).unsubscribe_url(stage.link(stage.ada, stage.daily))
    bad = [
        stage.preferences_path().rpartition("/")[2],
        stage.links.confirm_url(Purpose.CONFIRM, stage.ada, stage.daily).rpartition("/")[2],
        stage.links.form_token(stage.ada, stage.daily, 1),
        foreign.rpartition("/")[2],
        good[:-1],
        good + "A",
        good[::-1],
        good.swapcase(),
        good.replace(".", "%2E.", 1),
        "x",
        "a" * 3000,
        "%00",
        "%FF%FE",
    ]

    answers = {
        (answer.status_code, answer.text)
        for token in bad
        for answer in [stage.client.post(f"/u/{token}", data=ONE_CLICK)]
    }

    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    assert stage.status() == "confirmed"


def test_a_link_of_any_age_and_of_an_older_key_works(stage: Stage) -> None:
    older = Links(BASE_URL, KEYS[1:]).unsubscribe_url(stage.link(stage.ada, stage.daily))
    stage.clock.now += dt.timedelta(days=3650)

    answer = stage.client.post(older.removeprefix(BASE_URL), data=ONE_CLICK)

    assert answer.status_code == 200
    assert stage.status() == "unsubscribed"


def test_a_token_is_signed_by_256_bits(sqlite_stage: Stage) -> None:
    token = sqlite_stage.leave_path().removeprefix("/u/")

    assert len(token.partition(".")[2]) * 6 >= 256
    assert sqlite_stage.links.read_personal(Purpose.UNSUBSCRIBE, token) is not None


def test_a_link_of_a_test_mail_belongs_to_nobody(stage: Stage) -> None:
    before = stage.rows()

    shown = stage.client.get(stage.leave_path(0, 0))
    clicked = stage.client.post(stage.leave_path(0, 0), data=ONE_CLICK)

    assert shown.status_code == clicked.status_code == 200
    assert "test mail" in clicked.text
    assert stage.rows() == before


def test_who_never_joined_or_was_erased_is_told_that_no_mail_comes(stage: Stage) -> None:
    before = stage.rows()

    never = stage.client.post(stage.leave_path(stage.ada, stage.weekly), data=ONE_CLICK)
    unknown = stage.client.post(stage.leave_path(99_999, stage.daily), data=ONE_CLICK)
    assert stage.rows() == before
    stage.erase()
    erased = stage.client.post(stage.leave_path(), data=ONE_CLICK)

    assert "no more mail" in never.text
    for answer in (unknown, erased):
        assert "not known any more" in answer.text
    for answer in (never, unknown, erased):
        assert answer.status_code == 200
        assert "undo" not in answer.text
        assert "tell us why" not in answer.text


def test_who_stays_on_other_lists_is_told_so_and_how_to_leave_them(stage: Stage) -> None:
    """Else the next mail of another list would be reported as spam."""
    with stage.store.write() as connection:
        said = Consent(stage.clock(), "import", "test.csv")
        status = SubscriptionStatus.CONFIRMED
        subscribing.subscribe(connection, stage.ada, stage.weekly, status, said)

    asked = stage.client.get(stage.leave_path())
    left = stage.client.post(stage.leave_path(), data=ONE_CLICK)
    last = stage.client.post(stage.leave_path(list_id=stage.weekly), data=ONE_CLICK)

    for answer in (asked, left):
        assert "the list “daily” of" in answer.text
        assert "You are still subscribed to: weekly." in answer.text
    assert f'href="{stage.preferences_path()}">Leave these, too' in left.text
    assert "You will get no more mail from " in last.text
    assert "still subscribed" not in last.text


def test_a_reason_that_is_not_kept_gets_no_promise(stage: Stage) -> None:
    nothing = stage.client.post(stage.leave_path(), data={"action": "reason", "reason": "why"})
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    kept = stage.client.post(stage.leave_path(), data={"action": "reason", "reason": "why"})

    assert ["We will read it" in answer.text for answer in (nothing, kept)] == [False, True]


def test_a_key_that_is_added_while_the_pages_are_served_is_known(sqlite_stage: Stage) -> None:
    """The next mails are signed with it, and their readers leave by this very server."""
    stage = sqlite_stage
    newer = Links(BASE_URL, ("a key that was made just now", *KEYS))
    path = newer.unsubscribe_url(stage.link(stage.ada, stage.daily)).removeprefix(BASE_URL)
    assert stage.client.post(path, data=ONE_CLICK).status_code == 404
    write_keys(stage, newer)
    old_path = stage.leave_path()

    assert stage.client.post(path, data=ONE_CLICK).status_code == 200
    assert stage.client.post(old_path, data=ONE_CLICK).status_code == 200
    assert stage.status() == "unsubscribed"


def test_a_form_of_a_newer_key_that_another_process_has_made_is_taken(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    newer = Links(BASE_URL, ("a key that was made just now", *KEYS))
    issued = int(stage.clock().timestamp())
    token = newer.form_token(issued, stage.daily, 10**17)
    write_keys(stage, newer)
    stage.clock.forward(3)

    stage.client.post("/subscribe/daily", data={"email": "new@example.com", "form": token})

    assert [message.to.text for message in stage.mails()] == ["new@example.com"]


@pytest.mark.parametrize("keys", [("a key that was made just now", *KEYS), KEYS[1:]])
def test_the_mailer_takes_over_keys_that_were_added_or_removed(
    sqlite_stage: Stage, keys: tuple[str, ...]
) -> None:
    write_keys(sqlite_stage, Links(BASE_URL, keys))

    sqlite_stage.mailer.drain()

    assert sqlite_stage.site.links.keys == keys


def test_a_key_that_another_thread_takes_over_meanwhile_is_known(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the mailer does, between a first look at a token and one at the file."""
    stage = sqlite_stage
    newer = Links(BASE_URL, ("a key that was made just now", *KEYS))
    path = newer.unsubscribe_url(stage.link(stage.ada, stage.daily)).removeprefix(BASE_URL)
    write_keys(stage, newer)
    take_over = Site.take_over_keys

    def twice(site: Site) -> None:
        take_over(site)
        take_over(site)

    monkeypatch.setattr(Site, "take_over_keys", twice)

    assert stage.client.get(path).status_code == 200


def write_keys(stage: Stage, links: Links) -> None:
    path = key_file(stage.site.project.root)
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(links.keys), "utf-8")


# --- thinking again -------------------------------------------------------------------------------


def test_a_leave_can_be_undone_for_an_hour(stage: Stage) -> None:
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    stage.clock.forward(59 * 60)

    answer = stage.client.post(stage.leave_path(), data={"action": "undo"})

    assert "You are subscribed" in answer.text
    assert stage.status() == "confirmed"
    assert stage.kinds()[-1] == "confirmed/undo"


def test_undo_lifts_no_suppression_and_says_so(stage: Stage) -> None:
    """Who leaves and reports spam gets nothing, whatever the button says."""
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    with stage.store.write() as connection:
        reason = SuppressionReason.COMPLAINT
        suppressing.add(connection, "ada@example.com", reason, "test", stage.clock())

    answer = stage.client.post(stage.leave_path(), data={"action": "undo"})

    assert "this address is blocked" in answer.text
    assert stage.status() == "unsubscribed"


def test_after_an_hour_nothing_is_undone(stage: Stage) -> None:
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    stage.clock.forward(61 * 60)

    answer = stage.client.post(stage.leave_path(), data={"action": "undo"})

    assert "cannot be undone" in answer.text
    assert stage.status() == "unsubscribed"


def test_undo_takes_back_nothing_that_was_decided_elsewhere(stage: Stage) -> None:
    """A leave by an operator, or on the preferences page, is no matter of this link."""
    stage.client.post(stage.preferences_path(), data={"action": "leave", "list": "daily"})

    stage.client.post(stage.leave_path(), data={"action": "undo"})

    assert stage.status() == "unsubscribed"


def test_undo_confirms_nobody_who_was_pending(stage: Stage) -> None:
    stage.subscribe("new@example.com")
    stage.mails()
    who = stage.id_of("new@example.com")
    path = stage.leave_path(who)
    stage.client.post(path, data=ONE_CLICK)

    stage.client.post(path, data={"action": "undo"})

    assert stage.status(who) == "pending"


def test_undo_brings_back_who_asked_and_was_then_confirmed_by_an_import(
    stage: Stage, tmp_path: Path
) -> None:
    stage.subscribe("new@example.com")
    stage.mails()
    who = stage.id_of("new@example.com")
    file = tmp_path / "people.csv"
    file.write_text("email\nnew@example.com\n")
    stage.clock.forward(60)
    import_csv(
        stage.store,
        file,
        "daily",
        status=SubscriptionStatus.CONFIRMED,
        now=stage.clock(),
        hashes=stage.links.address_hashes,
    )
    stage.clock.forward(60)
    stage.client.post(stage.leave_path(who), data=ONE_CLICK)

    stage.client.post(stage.leave_path(who), data={"action": "undo"})

    assert stage.status(who) == "confirmed"
    assert stage.kinds(who)[:3] == [
        "requested/form",
        "confirmed/import",
        "unsubscribed/one-click",
    ]


def test_undo_lifts_no_suppression(stage: Stage) -> None:
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    with stage.store.write() as connection:
        key = "ada@example.com"
        suppressing.add(connection, key, SuppressionReason.COMPLAINT, "event", NOW)

    stage.client.post(stage.leave_path(), data={"action": "undo"})

    with stage.store.read() as connection:
        person = people.get(connection, stage.ada)
        assert person is not None
        assert suppressions.find(connection, person.address) is not None


def test_nothing_is_written_of_who_was_erased(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.client.post(stage.leave_path(), data=ONE_CLICK)
    stage.erase()
    before = stage.rows()

    for action in ("leave", "reason", "undo"):
        stage.client.post(stage.leave_path(), data={"action": action, "reason": "I am Ada"})

    assert stage.rows() == before


def test_a_reason_is_a_line_of_the_log_once_and_cut(stage: Stage) -> None:
    path = stage.leave_path()
    stage.client.post(path, data=ONE_CLICK)

    for _ in range(3):
        stage.client.post(path, data={"action": "reason", "reason": "too\x00 many\n" + "x" * 900})

    reasons = [fact for fact in stage.facts() if fact.consent.how == "reason"]
    assert len(reasons) == 1
    assert len(reasons[0].detail) == 500
    assert reasons[0].detail.startswith("too many x")


def test_a_reason_without_a_leave_is_not_kept(stage: Stage) -> None:
    stage.client.post(stage.leave_path(), data={"action": "reason", "reason": "just so"})

    assert stage.kinds() == ["confirmed/import"]
