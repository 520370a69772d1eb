"""The title and the description of a list: what readers see of it, and what may stand there."""

from pathlib import Path

import pytest

from newsletter.audience import lists as service
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.store import Store
from newsletter.transports import mime
from newsletter.transports.memory import Memory
from tests.factories import join
from tests.integration.commandline import Call
from tests.integration.sending import NOW, fill_list, order, worker
from tests.integration.web.stage import Stage, open_stage

TITLE, DESCRIPTION = "每日 AI", "What moved since yesterday, at eight"


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Stage:
    stage = open_stage(store, tmp_path)
    service.edit(store, "daily", title=TITLE, description=DESCRIPTION)
    return stage


def test_they_are_given_changed_and_taken_away(call: Call) -> None:
    call("lists", "create", "ai", "--title", TITLE, "--description", DESCRIPTION)

    made = call("lists", "show", "ai", "--json").json
    edited = call("lists", "edit", "ai", "--title", " Daily ", "--json").json
    emptied = call("lists", "edit", "ai", "--title", "", "--description", "", "--json").json
    shown = call("lists", "edit", "ai", "--title", "Morning").out

    assert (made["title"], made["description"]) == (TITLE, DESCRIPTION)
    assert (edited["title"], edited["description"]) == ("Daily", DESCRIPTION)
    assert (emptied["title"], emptied["description"]) == ("", "")
    assert "Morning" in shown
    assert "description" not in shown
    assert [line["title"] for line in call("lists", "--json").lines] == ["Morning"]


def test_creating_a_list_again_changes_nothing(call: Call) -> None:
    call("lists", "create", "ai", "--title", "Old")

    again = call("lists", "create", "ai", "--title", "New")

    assert "newsletter lists edit ai" in again.err
    assert call("lists", "show", "ai", "--json").json["title"] == "Old"


@pytest.mark.parametrize(
    "arguments",
    [
        ["edit", "nope", "--title", "x"],
        ["edit", "ai"],
        *(
            [command, "ai", option, words]
            for command in ("create", "edit")
            for option, words in [
                ("--title", "two\nlines"),
                ("--title", "a\ttab"),
                ("--title", "turned \u202e round"),
                ("--title", "half \x7f"),
                ("--description", "bell \x07"),
                ("--description", "two\u2028lines"),
                ("--title", "x" * 81),
                ("--description", "x" * 301),
            ]
        ),
    ],
)
def test_what_would_bend_a_header_or_a_page_is_refused(call: Call, arguments: list[str]) -> None:
    call("lists", "create", "ai")

    refused = call("lists", *arguments, "--json")

    assert refused.code == 2
    error = refused.json["error"]
    assert error["hint"]
    assert len(arguments) < 4 or arguments[1] != "ai" or error["where"]
    assert call("lists", "show", "ai", "--json").json["title"] == ""


def test_joiners_of_persian_and_emoji_are_letters_like_others(store: Store) -> None:
    title = "خبرنامه\u200cها 👩\u200d🔬"
    service.create(store, "ai", NOW, title=title)

    assert service.find(store, "ai").title == title


@pytest.mark.parametrize(
    ("title", "phrase"),
    [
        ("", ""),
        ("Daily News", "Daily News "),
        ('He said "no" <x@y>, twice', '"He said \\"no\\" <x@y>, twice" '),
        ("每日", "=?utf-8?b?5q+P5pel?= "),
        ("=?utf-8?q?no?=", "=?utf-8?b?PT91dGYtOD9xP25vPz0=?= "),
    ],
)
def test_the_title_is_the_phrase_of_list_id(store: Store, title: str, phrase: str) -> None:
    fill_list(store, 1)
    service.edit(store, "readers", title=title)
    transport = Memory()

    send_id = plan(store, order(), NOW)
    run.run(worker(store, transport), send_id)

    headers = dict(transport.delivered[0].headers)
    assert headers["List-Id"] == f"{phrase}<readers.news.example.com>"


def test_the_longest_title_fits_in_a_header_of_encoded_words(store: Store) -> None:
    """RFC 2047, 2: an encoded word has 75 octets at most; a line has 998."""
    words = mime.phrase("😀" * service.LONGEST_TITLE)

    assert max(map(len, words.split())) <= 75
    assert len(mime.header("List-Id", f"{words} <{'l' * 63}.{'h' * 253}>")) <= 998


def test_a_send_keeps_the_title_that_it_was_planned_with(store: Store) -> None:
    """Sealed: what is changed after planning changes no mail of the send."""
    fill_list(store, 1)
    service.edit(store, "readers", title="As planned")
    transport = Memory()
    send_id = plan(store, order(), NOW)

    service.edit(store, "readers", title="Changed since")
    run.run(worker(store, transport), send_id)

    assert dict(transport.delivered[0].headers)["List-Id"].startswith("As planned ")


# --- on the pages ---------------------------------------------------------------------------------


def test_the_form_to_subscribe_says_what_the_list_is(stage: Stage) -> None:
    page = stage.client.get("/subscribe/daily").text
    other = stage.client.get("/subscribe/weekly").text

    assert f"<strong><bdi>{TITLE}</bdi></strong>" in page
    assert DESCRIPTION in page
    assert "<strong>" not in other


def test_the_preferences_name_lists_by_their_titles(stage: Stage) -> None:
    page = stage.client.get(stage.preferences_path()).text

    assert f"<strong><bdi>{TITLE}</bdi></strong>" in page
    assert DESCRIPTION in page
    assert 'name="list" value="daily"' in page  # what a button sends is the name
    assert "<strong><bdi>weekly</bdi></strong>" in page


def test_the_pages_of_leaving_name_the_list_by_its_title(stage: Stage) -> None:
    asked = stage.client.get(stage.leave_path()).text
    left = stage.client.post(stage.leave_path(), data={"action": "leave"}).text

    assert TITLE in asked
    assert TITLE in left
    assert "daily" not in asked.replace(stage.leave_path(), "")


def test_whoever_stays_on_a_list_is_told_its_title(stage: Stage) -> None:
    service.edit(stage.store, "weekly", title="The week")
    join(stage.store, "ada@example.com", "weekly")

    asked = stage.client.get(stage.leave_path()).text
    left = stage.client.post(stage.leave_path(), data={"action": "leave"}).text

    assert "The week" in asked
    assert "The week" in left


def test_markup_in_a_title_is_text(stage: Stage) -> None:
    service.edit(stage.store, "daily", title="<b>x</b>", description="<i>y</i>")

    for path in ("/subscribe/daily", stage.preferences_path(), stage.leave_path()):
        page = stage.client.get(path).text
        assert "<b>" not in page
        assert "<i>" not in page
        assert "&lt;b&gt;" in page


def test_what_a_visitor_agrees_to_changes_with_the_words_of_the_list(stage: Stage) -> None:
    before = stage.facts(stage.join("one@example.com"))[-1].consent.wording
    service.edit(stage.store, "daily", description="Something else")
    after = stage.facts(stage.join("two@example.com"))[-1].consent.wording

    assert before
    assert after
    assert before != after
