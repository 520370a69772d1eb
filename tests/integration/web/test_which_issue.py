"""Which issue made somebody leave: links carry the delivery that brought them."""

from dataclasses import replace

import pytest

from newsletter.audience.explaining import explain
from newsletter.links import Purpose
from newsletter.model.email import Message
from newsletter.sending.plan import plan
from newsletter.sending.run import run
from newsletter.store.ledger import sends
from newsletter.transports.memory import Memory
from tests.integration.sending import order, worker
from tests.integration.web.stage import BASE_URL, ONE_CLICK, Stage


def mail(stage: Stage, slug: str) -> tuple[str, Message]:
    """Send an issue to the list; the send's id, and what ada got."""
    send_id = plan(stage.store, order(slug, "daily"), stage.clock())
    transport = Memory()
    run(replace(worker(stage.store, transport, clock=stage.clock), links=stage.links), send_id)
    return send_id, transport.delivered[0]


def leave_path(message: Message) -> str:
    headers = dict(message.headers)
    return headers["List-Unsubscribe"].strip("<>").removeprefix(BASE_URL)


def left_by(stage: Stage) -> dict[str, int]:
    with stage.store.read() as connection:
        found = sends.newest_first(connection)
    return {send.id: send.unsubscribed for send in found if send.unsubscribed}


def test_who_leaves_by_the_link_of_a_mail_leaves_by_its_issue(stage: Stage) -> None:
    _, first = mail(stage, "first")
    send_id, second = mail(stage, "second")
    assert leave_path(first) != leave_path(second)

    stage.client.post(leave_path(second), data=ONE_CLICK)

    assert (stage.facts()[-1].issue, stage.facts()[-1].send_id) == ("second", send_id)
    assert left_by(stage) == {send_id: 1}
    story = explain(stage.store, "ada@example.com", stage.links.address_hashes, stage.clock())
    assert any(f"by the link of second (send {send_id})" in fact.text for fact in story.facts)


def test_who_leaves_on_the_preferences_page_of_a_mail_does_so_too(stage: Stage) -> None:
    send_id, message = mail(stage, "first")
    token = leave_path(message).removeprefix("/u/")
    link = stage.site.personal(Purpose.UNSUBSCRIBE, token)
    path = stage.links.preferences_url(link).removeprefix(BASE_URL)

    stage.client.post(path, data={"action": "leave", "list": "daily"})

    assert stage.facts()[-1].send_id == send_id


def test_what_is_taken_back_is_not_counted(stage: Stage) -> None:
    send_id, message = mail(stage, "first")
    stage.client.post(leave_path(message), data=ONE_CLICK)

    stage.client.post(leave_path(message), data={"action": "undo"})
    assert left_by(stage) == {}
    stage.client.post(leave_path(message), data=ONE_CLICK)

    assert left_by(stage) == {send_id: 1}


@pytest.mark.parametrize("other", [("20200101-zzzzzz", 1), (None, 99), (None, 0)])
def test_a_delivery_that_is_not_theirs_is_not_noted(
    stage: Stage, other: tuple[str | None, int]
) -> None:
    """As in a store that was restored: they leave, and nothing is said of an issue."""
    send_id, _ = mail(stage, "first")
    link = stage.link(stage.ada, stage.daily)._replace(send_id=other[0] or send_id, number=other[1])
    path = stage.links.unsubscribe_url(link).removeprefix(BASE_URL)

    assert stage.client.post(path, data=ONE_CLICK).status_code == 200

    assert stage.status() == "unsubscribed"
    assert stage.facts()[-1].issue == ""
    assert left_by(stage) == {}
