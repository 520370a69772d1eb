"""A link outlives much: it opens the record of the reader whom it was mailed to, or nobody's."""

import sqlalchemy as sa
from httpx import Response

from newsletter.audience import moving
from newsletter.links import PersonalLink
from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store.people import people, subscribing
from newsletter.store.schema import subscribers
from tests.integration.web.stage import BASE_URL, ONE_CLICK, Stage

ACTIONS = (
    {"action": "leave", "list": "daily"},
    {"action": "join", "list": "weekly"},
    {"action": "name", "name": "Mallory"},
    {"action": "pause", "days": "30"},
    {"action": "continue"},
    {"action": "move", "email": "mallory@example.net"},
    {"action": "data"},
    {"action": "erase"},
    {"action": "erase", "sure": "yes"},
)


def paths(stage: Stage, link: PersonalLink) -> tuple[str, str]:
    """The unsubscribe page and the preferences page of a link."""
    urls = (stage.links.unsubscribe_url(link), stage.links.preferences_url(link))
    return urls[0].removeprefix(BASE_URL), urls[1].removeprefix(BASE_URL)


def try_everything(stage: Stage, link: PersonalLink) -> list[Response]:
    """All that the preferences page can do, and what follows a leave."""
    leave, preferences = paths(stage, link)
    return [
        stage.client.get(leave),
        stage.client.get(preferences),
        *(stage.client.post(preferences, data=fields) for fields in ACTIONS),
        stage.client.post(leave, data={"action": "undo"}),
        stage.client.post(leave, data={"action": "reason", "reason": "why"}),
    ]


def move(stage: Stage, to: str) -> None:
    with stage.store.write() as connection:
        person = people.get(connection, stage.ada)
        assert person is not None
        said = Consent(stage.clock(), "form", "confirmation mail")
        hashes = stage.links.address_hashes
        assert moving.move(connection, person, Address(to), hashes, said)


def test_a_link_of_somebody_who_had_the_id_before_does_nothing(stage: Stage) -> None:
    """A backup was restored: the id that the link names is that of another person now."""
    reader = stage.link(stage.ada, stage.daily)
    stranger = PersonalLink(stage.ada, stage.daily, reader.link_key ^ 1)
    before = stage.rows()

    answers = try_everything(stage, stranger)
    one_click = stage.client.post(paths(stage, stranger)[0], data=ONE_CLICK)

    assert one_click.status_code == 200
    assert stage.rows() == before
    assert stage.mails() == []
    for answer in answers:
        assert "Ada" not in answer.text
        assert "a…@" not in answer.text


def test_a_link_from_before_keys_opens_nobody_who_joined_since(stage: Stage) -> None:
    before = stage.rows()

    answers = try_everything(stage, PersonalLink(stage.ada, stage.daily))
    stage.client.post(paths(stage, PersonalLink(stage.ada, stage.daily))[0], data=ONE_CLICK)

    assert stage.rows() == before
    assert "not known any more" in answers[1].text


def test_a_link_from_before_keys_still_opens_its_own_reader(stage: Stage) -> None:
    """Whoever was in the store before schema 0005 has the key 0."""
    with stage.store.write() as connection:
        connection.execute(sa.update(subscribers).values(link_key=0))
    leave, preferences = paths(stage, PersonalLink(stage.ada, stage.daily))

    assert "a…@example.com" in stage.client.get(preferences).text
    assert stage.client.post(leave, data=ONE_CLICK).status_code == 200
    assert stage.status() == "unsubscribed"


def test_a_list_that_is_gone_is_left_by_nobody(stage: Stage) -> None:
    reader = stage.link(stage.ada, stage.daily)
    before = stage.rows()

    for list_id in (stage.daily + 1, 1, 0):
        link = PersonalLink(reader.subscriber_id, list_id, reader.link_key)
        answer = stage.client.post(paths(stage, link)[0], data=ONE_CLICK)
        assert answer.status_code == 200

    assert stage.rows() == before


def test_a_link_that_was_mailed_to_a_former_address_can_leave_and_nothing_else(
    stage: Stage,
) -> None:
    """Whoever reads that mailbox now is a stranger; but they are to be rid of the mail."""
    old = stage.link(stage.ada, stage.daily)
    move(stage, "new@example.com")
    before = stage.rows()

    answers = try_everything(stage, old)

    assert stage.rows() == before
    assert stage.mails() == []
    assert "address that is no longer used" in answers[1].text
    for answer in answers:
        for personal in ("Ada", "a…@", "n…@", "new@", "weekly"):
            assert personal not in answer.text

    answer = stage.client.post(paths(stage, old)[0], data=ONE_CLICK)

    assert answer.status_code == 200
    assert "undo" not in answer.text
    assert stage.status() == "unsubscribed"
    assert stage.client.post(paths(stage, old)[0], data={"action": "undo"}).status_code == 200
    assert stage.status() == "unsubscribed"


def test_links_to_the_new_address_do_all_that_links_do(stage: Stage) -> None:
    move(stage, "new@example.com")

    assert "n…@example.com" in stage.client.get(stage.preferences_path()).text
    assert "n…@example.com" in stage.client.get(stage.leave_path()).text


def test_no_page_shows_a_whole_address(stage: Stage) -> None:
    with stage.store.write() as connection:
        said = Consent(stage.clock(), "import", "test.csv")
        status = SubscriptionStatus.CONFIRMED
        subscribing.subscribe(connection, stage.ada, stage.weekly, status, said)

    answers = [
        stage.client.get(stage.leave_path()),
        stage.client.get(stage.preferences_path()),
        stage.client.post(stage.preferences_path(), data={"action": "pause", "days": "30"}),
        stage.client.post(stage.leave_path(), data=ONE_CLICK),
    ]

    assert "a…@example.com" in answers[0].text
    assert all("ada@example.com" not in answer.text for answer in answers)
