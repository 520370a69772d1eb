"""The studio's rooms of the audience, the calendar and the state of things, asked as pages ask."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsletter.audience import subscribers
from newsletter.errors import StoreError
from newsletter.model.address import Address
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.send import SendStatus
from newsletter.model.subscriber import Consent, ConsentHow, ConsentKind, SuppressionReason
from newsletter.project import Project
from newsletter.sending.plan import plan
from newsletter.store import Store, audit
from newsletter.store.ledger.calendar import CalendarEntry, between
from newsletter.store.people import consents, growth, people, suppressing
from newsletter.store.reported import unreadable
from newsletter.studio import audience
from newsletter.studio.pages import duration
from newsletter.studio.schedule import weeks
from newsletter.studio.session import Studio
from tests.factories import import_text, join, leave, make_list, on_sqlite
from tests.integration.sending import NOW, fill_list, order
from tests.integration.studio import ORIGIN, Browser, opened

DAY = dt.timedelta(days=1)


@pytest.fixture
def browser(project: Path, store: Store) -> Browser:
    return opened(Studio(Project.open(project), lambda: store, ORIGIN))


# --- growth and churn -----------------------------------------------------------------------------


def test_growth_is_counted_by_day_of_the_zone_and_list(store: Store) -> None:
    """Why somebody left is no second departure."""
    list_id = make_list(store)
    join(store, "a@example.com", now=NOW)
    join(store, "b@example.com", now=NOW + DAY)
    leave(store, "a@example.com", "ai", now=NOW + DAY)
    with store.write() as connection:
        person = people.find(connection, Address("a@example.com"))
        assert person is not None
        why = Consent(NOW + DAY, ConsentHow.REASON, "")
        consents.append(connection, person.id, list_id, ConsentKind.UNSUBSCRIBED, why)

    with store.read() as connection:
        days = growth.of_lists(connection, NOW - DAY, dt.timedelta())
        later = growth.of_lists(connection, NOW + dt.timedelta(hours=1), dt.timedelta())
        east = growth.of_lists(connection, NOW - DAY, dt.timedelta(hours=16))

    assert [(each.day.day, each.list, each.joined, each.left) for each in days] == [
        (7, "ai", 1, 0),
        (8, "ai", 1, 1),
    ]
    assert later == days[1:]
    assert [each.day.day for each in east] == [8, 9]


def test_who_was_imported_joined_even_if_they_have_left_since(store: Store, tmp_path: Path) -> None:
    import_text(store, tmp_path, "email\na@example.com\nb@example.com\n", now=NOW)
    leave(store, "a@example.com", "ai", now=NOW + DAY)
    text = "email,status\nc@example.com,unsubscribed\n"
    import_text(store, tmp_path, text, name="gone.csv", now=NOW + DAY)

    with store.read() as connection:
        imported = growth.imported(connection, NOW - DAY, dt.timedelta())
        said = growth.of_lists(connection, NOW - DAY, dt.timedelta())

    assert [(each.day, each.joined) for each in imported] == [(NOW.date(), 1)]
    assert [(each.day, each.joined) for each in said if each.joined] == [(NOW.date(), 1)]
    assert (NOW + DAY).date() in [each.day for each in said if each.left]


def test_suppressions_are_counted_by_day_and_reason(store: Store) -> None:
    subscribers.suppress(store, Address("a@example.com"), NOW)
    subscribers.suppress(store, Address("b@example.com"), NOW)

    with store.read() as connection:
        days = growth.suppressed(connection, NOW - DAY, dt.timedelta())

    assert days == [(NOW.date(), "manual", 2)]


def test_the_page_of_the_audience_gets_lists_and_days(browser: Browser, store: Store) -> None:
    make_list(store)
    join(store, "a@example.com", now=dt.datetime.now(dt.UTC))

    counted = browser.json("GET", "/audience/growth")

    [shown] = counted["lists"]
    assert (shown["name"], shown["confirmed"]) == ("ai", 1)
    assert list(shown["days"].values()) == [[1, 0]]
    assert browser.ask("GET", "/audience").status_code == 200


@on_sqlite
def test_the_audience_is_shown_as_tables_to_who_runs_no_scripts(
    browser: Browser, store: Store
) -> None:
    now = dt.datetime.now(dt.UTC)
    make_list(store)
    join(store, "a@example.com", now=now)
    join(store, "b@example.com", now=now - 7 * DAY)

    first = browser.ask("GET", "/audience").text
    page = browser.ask("GET", "/audience?tables=yes").text

    assert 'href="/audience?tables=yes"' in first
    assert '<th scope="row">ai</th><td class="number">2</td>' in page
    assert page.count('<td class="number">1</td><td class="number">0</td>') == 2


def test_a_week_of_the_audience_ends_today() -> None:
    lists = [
        {"days": {"2026-01-14": (3, 1), "2026-01-08": (1, 0), "2026-01-07": (5, 0)}},
        {"days": {"2026-01-14": (1, 0)}},
    ]
    counted = {"today": "2026-01-14", "lists": lists, "suppressed": [["2026-01-01", "manual", 2]]}

    assert audience.weeks(counted) == [
        (dt.date(2026, 1, 8), 5, 1, 0),
        (dt.date(2026, 1, 1), 5, 0, 2),
    ]


# --- an address -----------------------------------------------------------------------------------


@on_sqlite
def test_an_address_is_explained(browser: Browser, store: Store) -> None:
    make_list(store)
    join(store, "ada@example.com")
    subscribers.suppress(store, Address("ada@example.com"), NOW)

    story = browser.json("POST", "/audience/explained", {"address": " ada@example.com "})
    nobody = browser.json("POST", "/audience/explained", {"address": "bea@example.com"})
    senseless = browser.json("POST", "/audience/explained", {"address": "\x00"})

    assert story["suppression"]["address"] == "ada@example.com"
    assert all(fact["time"] for fact in story["facts"])
    assert (nobody["status"], senseless["status"]) == (400, 400)


def suppressed(store: Store, reason: SuppressionReason, *addresses: str) -> None:
    with store.write() as connection:
        for number, each in enumerate(addresses):
            at = NOW + dt.timedelta(seconds=number)
            suppressing.add(connection, each, reason, "a test", at)


def test_suppressions_come_page_by_page_newest_first(browser: Browser, store: Store) -> None:
    suppressed(store, SuppressionReason.MANUAL, *(f"r{number}@example.com" for number in range(60)))

    first = browser.json("POST", "/audience/suppressed", {"reason": "manual"})
    last = first["suppressions"][-1]
    place = {"created_at": last["created_at"], "address": last["address"]}
    second = browser.json("POST", "/audience/suppressed", {"after": place})
    none = browser.json("POST", "/audience/suppressed", {"reason": "complaint"})
    odd = browser.json("POST", "/audience/suppressed", {"reason": "spite"})

    addresses = [each["address"] for each in first["suppressions"] + second["suppressions"]]
    assert addresses == [f"r{number}@example.com" for number in reversed(range(60))]
    assert (first["more"], second["more"]) == (True, False)
    assert (none["suppressions"], odd["status"]) == ([], 422)


def test_a_suppression_is_undone_and_somebody_is_named_for_it(
    browser: Browser, store: Store
) -> None:
    suppressed(store, SuppressionReason.HARD_BOUNCE, "ada@example.com")

    done = browser.json("POST", "/audience/allowed", {"address": "ada@example.com"})
    again = browser.json("POST", "/audience/allowed", {"address": "ada@example.com"})

    assert (done["removed"], done["listed_by"], again["status"]) == ("hard_bounce", None, 400)
    with store.read() as connection:
        [deed] = audit.page(connection)
    assert (deed.kind, deed.subject) == (DeedKind.ALLOW, "an address of nobody")


@on_sqlite
@pytest.mark.parametrize(("typed", "status"), [("", 400), ("yes", 400), ("Ada@example.com ", 200)])
def test_who_complained_is_mailed_again_only_where_their_address_is_typed(
    browser: Browser, store: Store, typed: str, status: int
) -> None:
    suppressed(store, SuppressionReason.COMPLAINT, "ada@example.com")

    wish = {"address": "ada@example.com", "typed": typed}

    assert browser.json("POST", "/audience/allowed", wish)["status"] == status


# --- the calendar ---------------------------------------------------------------------------------


def test_the_calendar_has_each_send_at_its_time(store: Store) -> None:
    fill_list(store, 1)
    at_once = plan(store, order("first"), NOW)
    later = plan(store, replace(order("second"), scheduled_at=NOW + 3 * DAY), NOW)

    with store.read() as connection:
        all_of_them = between(connection, NOW - DAY, NOW + 9 * DAY)
        some = between(connection, NOW + DAY, NOW + 3 * DAY)

    assert [(each.id, each.status, each.at) for each in all_of_them] == [
        (at_once, SendStatus.SENDING, NOW),
        (later, SendStatus.SCHEDULED, NOW + 3 * DAY),
    ]
    assert some == []


def test_a_time_is_shown_in_the_zone_and_in_utc_with_its_day_where_that_differs() -> None:
    zone = zoneinfo.ZoneInfo("Asia/Shanghai")
    evening = dt.datetime(2026, 1, 6, 20, 30, tzinfo=dt.UTC)
    entry = CalendarEntry("20260107-a1b2c3", "News", "ai", SendStatus.SCHEDULED, evening)
    days = [[dt.date(2026, 1, 6), dt.date(2026, 1, 7)]]

    [[(_, before), (_, there)]] = weeks(days, [entry], zone)

    assert before == []
    assert [(each.local, each.utc) for each in there] == [("04:30", "01-06 20:30")]


@on_sqlite
def test_the_calendar_shows_any_month_and_no_nonsense(browser: Browser, store: Store) -> None:
    fill_list(store, 1)
    plan(store, replace(order("second"), scheduled_at=NOW + 3 * DAY), NOW)

    page = browser.ask("GET", "/schedule?month=2026-01").text

    assert page.count('class="entry-of scheduled"') == 1
    assert "2025-12" in page
    for month in ("2026-13", "2026-1", "0000-01", "2026-01%0a", "9999-12"):
        assert browser.ask("GET", f"/schedule?month={month}").status_code == 422
    assert browser.ask("GET", "/schedule?month=2099-12").status_code == 200


# --- the state of things --------------------------------------------------------------------------


def shown(browser: Browser, path: str, headers: Mapping[str, str] | None = None) -> str:
    """A page without the words that its scripts may want."""
    return browser.ask("GET", path, headers=dict(headers or {})).text.partition('id="words"')[0]


@on_sqlite
def test_the_state_of_things_has_alarms_and_who_did_what(browser: Browser, store: Store) -> None:
    subscribers.suppress(store, Address("ada@example.com"), NOW, "Grace <grace@example.org>")

    page = shown(browser, "/health")

    assert "No alarm." in page
    assert page.count("Nothing yet.") == 2
    assert "Grace &lt;grace@example.org&gt;" in page
    assert "ada@example.com" not in page


@on_sqlite
def test_a_message_that_was_set_aside_names_no_address(browser: Browser, store: Store) -> None:
    payload = '{"to": "ada@example.com", "token": "abc123", "why": "no id"}'
    with store.write() as connection:
        unreadable.keep(connection, "1", "odd mail to ada@example.com", payload, NOW)

    page = shown(browser, "/health")

    assert "a…@e…" in page
    assert "no id" in page
    assert "newsletter events set-aside --json" in page
    for secret in ("ada@example.com", "abc123"):
        assert secret not in page


@on_sqlite
def test_the_state_of_things_is_told_in_the_language_of_the_page(
    browser: Browser, store: Store
) -> None:
    fill_list(store, 1)
    send = plan(store, order(), NOW)
    with store.write() as connection:
        audit.append(connection, Deed(NOW, "Ada", DeedKind.PAUSE, send))

    page = shown(browser, "/health", {"Accept-Language": "zh-CN"})

    assert "<td>暂停</td>" in page
    assert duration(7_300, "en") == "2 hr"
    assert duration(0.2, "zh") == "1秒"


def test_rooms_say_that_the_store_is_away(project: Path) -> None:
    def away() -> Store:
        raise StoreError("the store is away", hint="Start it.")

    browser = opened(Studio(Project.open(project), away, ORIGIN))

    assert "the store is away" in browser.ask("GET", "/schedule").text
    answer: Any = browser.json("GET", "/audience/growth")
    assert (answer["status"], answer["error"]["message"]) == (400, "the store is away")
    assert browser.ask("GET", "/audience").status_code == 200
    for path in ("/audience?tables=yes", "/health"):
        assert "the store is away. Start it." in browser.ask("GET", path).text
