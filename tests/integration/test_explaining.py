"""`newsletter explain`: why somebody got an issue, or did not, on both stores."""

import datetime as dt
from pathlib import Path

import pytest

from newsletter.audience import moving
from newsletter.audience.erasing import erase
from newsletter.audience.explaining import Explanation, explain
from newsletter.audience.facts import FactKind
from newsletter.audience.subscribers import suppress, unsuppress
from newsletter.errors import UsageError
from newsletter.feedback.apply import Applied, apply
from newsletter.feedback.base import incoming
from newsletter.feedback.ses import SOURCE
from newsletter.feedback.ses.events import parse
from newsletter.model.address import Address
from newsletter.model.send import Accepted, Outcome, Rejected, Unknown
from newsletter.model.subscriber import Consent, Request, RequestKind, SubscriptionStatus
from newsletter.sending.plan import plan
from newsletter.sending.run import run
from newsletter.store import Store
from newsletter.store.ledger import receipts
from newsletter.store.people import people, requesting
from newsletter.transports.memory import Memory
from tests.factories import NOW, erased_hash, import_text, join, leave, make_list
from tests.integration.commandline import Call, plan_send
from tests.integration.sending import ledger, order, worker
from tests.unit.feedback.payloads import changed

HOUR = dt.timedelta(hours=1)
ADA = "ada@example.com"


def told(store: Store, who: str = ADA, slug: str | None = None) -> Explanation:
    return explain(store, who, erased_hash, NOW + 5 * HOUR, slug, note_of=SOURCE.notes.get)


def mail(store: Store, *outcomes: Outcome, slug: str = "news", hours: int = 1) -> str:
    """Send an issue to the list; returns the send's id."""
    now = NOW + hours * HOUR
    send_id = plan(store, order(slug), now)
    answer = (lambda send_id, batch: list(outcomes)) if outcomes else None
    run(worker(store, Memory(answer), clock=lambda: now), send_id)
    return send_id


@pytest.fixture
def listed(store: Store) -> Store:
    """A store with Ada on the list `readers`."""
    make_list(store, "readers")
    join(store, "Ada@example.com", "readers")
    return store


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (RequestKind.ALLOW_MOVE, "somebody asked on a page to move to new@example.com (waiting)"),
        (RequestKind.MOVE, "somebody asked on a page to move to ada@example.com (waiting)"),
        (RequestKind.UNDO_MOVE, "a move to new@example.com could be taken back (waiting)"),
        (RequestKind.DATA, "somebody asked on a page for their data (waiting)"),
        (RequestKind.ERASE, "somebody asked on a page to be erased (waiting)"),
    ],
)
def test_each_kind_of_request_is_told_as_what_it_is(
    listed: Store, kind: RequestKind, text: str
) -> None:
    asked = Request(
        id=1,
        kind=kind,
        list_id=None,
        subscriber_id=1,
        address=Address(ADA),
        mailbox=ADA,
        wording="",
        at=NOW + HOUR,
        target=Address("new@example.com"),
    )
    with listed.write() as connection:
        requesting.ask(connection, asked)

    assert [fact.text for fact in told(listed).facts if fact.kind == "request"] == [text]


def test_the_facts_of_a_person_come_in_the_order_of_time(listed: Store) -> None:
    send_id = mail(listed)
    event = changed(
        mail__tags={"delivery": [f"{send_id}-1"]},
        bounce__timestamp=(NOW + 2 * HOUR).isoformat(),
    )
    apply(listed, incoming(parse, [("", event)]), NOW + 2 * HOUR, Applied())
    with listed.write() as connection:
        receipts.add(
            connection,
            content_hash="hash",
            slug="trial",
            at=NOW + HOUR / 2,
            by="me",
            addresses=["x@example.com", "ADA@example.com"],
        )
    leave(listed, ADA, "readers", NOW + 3 * HOUR)

    found = told(listed)

    kinds = [fact.kind for fact in found.facts if fact.kind != "suppression"]
    assert kinds == ["consent", "test", "delivery", "event", "consent"]
    assert [fact.at for fact in found.facts] == sorted(fact.at for fact in found.facts)
    delivery = next(fact for fact in found.facts if fact.kind == "delivery").details
    assert (delivery["send_id"], delivery["status"]) == (send_id, "accepted")
    assert delivery["reported"] == "bounced"
    assert found.facts[-1].details["said"] == "unsubscribed"
    assert found.address == "Ada@example.com"


def test_an_import_is_a_consent_too(store: Store, tmp_path: Path) -> None:
    """Though it stands with the subscription alone."""
    import_text(store, tmp_path, f"email\n{ADA}\n")

    [fact] = told(store).facts

    assert (fact.kind, fact.text) == ("consent", "said yes to ai (import, people.csv)")


def test_the_summary_says_what_they_get_and_what_keeps_it_from_them(listed: Store) -> None:
    make_list(listed, "weekly")
    make_list(listed, "late")
    join(listed, ADA, "weekly", status=SubscriptionStatus.PENDING)
    join(listed, ADA, "late")
    leave(listed, ADA, "late", NOW)
    assert told(listed).summary == (
        "Gets mail from: readers. Has still to say yes to: weekly. Left: late."
    )

    suppress(listed, Address(ADA), NOW)
    assert told(listed).summary.startswith(
        "Is not mailed, because the address is suppressed since 2026-01-07 "
        "(manual, by newsletter suppressions add). Would get mail from: readers."
    )

    unsuppress(listed, Address(ADA), erased_hash, NOW)
    with listed.write() as connection:
        found = people.find(connection, Address(ADA))
        assert found is not None
        people.pause(connection, found.id, NOW + 24 * HOUR)
    assert told(listed).summary.startswith(
        "Is not mailed, because they paused all mail until 2026-01-08."
    )
    changes = [fact.details["action"] for fact in told(listed).facts if fact.kind == "suppression"]
    assert changes == ["added", "removed"]


@pytest.mark.parametrize(
    ("outcome", "begins", "holds"),
    [
        (Accepted("message-1"), "Got it: send", "accepted as message-1"),
        (Rejected("no such template"), "Did not get it: send", "no such template"),
        (Unknown("no answer"), "May have got it", "no answer"),
    ],
)
def test_an_issue_is_answered_in_one_sentence(
    listed: Store, outcome: Outcome, begins: str, holds: str
) -> None:
    mail(listed, outcome)

    summary = told(listed, slug="news").summary

    assert summary.startswith(begins)
    assert holds in summary
    assert summary.endswith(".")


def test_a_bounced_issue_did_not_arrive(listed: Store) -> None:
    send_id = mail(listed)
    event = changed(mail__tags={"delivery": [f"{send_id}-1"]})

    apply(listed, incoming(parse, [("", event)]), NOW, Applied())

    summary = told(listed, slug="news").summary
    assert summary.startswith("Was sent it, but it did not arrive")


def test_who_was_skipped_is_told_why(listed: Store) -> None:
    join(listed, "other@example.com", "readers")
    suppress(listed, Address(ADA), NOW)
    mail(listed)

    assert "because the address was suppressed" in told(listed, slug="news").summary


def test_who_left_before_a_send_is_told_so(listed: Store) -> None:
    join(listed, "other@example.com", "readers")
    leave(listed, ADA, None, NOW)
    mail(listed)

    assert "they had left on 2026-01-07 08:30" in told(listed, slug="news").summary


def test_who_joined_after_a_send_is_told_so(listed: Store) -> None:
    mail(listed)
    join(listed, "late@example.com", "readers", now=NOW + 2 * HOUR)

    summary = told(listed, "late@example.com", slug="news").summary

    assert "they only joined on 2026-01-07 10:30" in summary


def test_who_had_not_said_yes_and_who_never_joined_are_told_so(listed: Store) -> None:
    mail(listed)
    make_list(listed, "weekly")
    join(listed, "other@example.com", "weekly")
    join(
        listed,
        "pending@example.com",
        "readers",
        status=SubscriptionStatus.PENDING,
    )

    assert "had not said yes" in told(listed, "pending@example.com", slug="news").summary
    assert "never on readers" in told(listed, "other@example.com", slug="news").summary


def test_an_issue_that_was_sent_to_nobody_says_so(listed: Store) -> None:
    assert told(listed, slug="other").summary == "Did not get it: it was not sent to anybody."


def test_a_delivery_and_an_id_name_their_person(listed: Store) -> None:
    """As the header X-Newsletter-Ref of a complaint does."""
    send_id = mail(listed)
    person = ledger(listed, send_id)["Ada@example.com"].subscriber_id

    for who in (f"{send_id}-1", f"{send_id}-1.1", str(person)):
        assert told(listed, who) == told(listed)
    for nobody in (f"{send_id}-2", "99", "nobody@example.com", "no address"):
        with pytest.raises(UsageError):
            told(listed, nobody)


def test_of_an_erased_person_only_that_is_told(listed: Store, tmp_path: Path) -> None:
    """By their address, their id, or what their mails carried."""
    send_id = mail(listed)
    said = Consent(NOW + 2 * HOUR, "forget", "test")
    person = erase(listed, tmp_path, erased_hash, Address(ADA), said).subscriber_id

    for who in (ADA, f"{send_id}-1", str(person)):
        found = told(listed, who)
        assert found.summary.startswith("This person was erased on 2026-01-07")
        assert found.address is None
        assert [(fact.kind, fact.at) for fact in found.facts] == [("consent", said.at)]


def test_a_suppressed_address_that_never_joined_is_explained(store: Store) -> None:
    suppress(store, Address(ADA), NOW)

    found = told(store)

    assert found.summary.startswith("Is not mailed, because the address is suppressed")
    assert [fact.kind for fact in found.facts] == ["suppression"]


# --- the command ----------------------------------------------------------------------------------


def test_the_command_tells_the_story_and_answers_for_an_issue(
    call: Call, project: Path, readers: str
) -> None:
    call("send", "2026-01-07-valley", "--list", "readers", "--yes")

    shown = call("explain", ADA)
    printed = call("explain", ADA, "--json").json
    issue = call("explain", ADA, "--issue", "issues/2026-01-07-valley.md", "--json").json

    assert shown.out.startswith("Gets mail from: readers.")
    assert "2026-01-07-valley to readers: accepted" in shown.out
    assert [fact["kind"] for fact in printed["facts"]] == ["consent", "delivery"]
    assert issue["summary"].startswith("Got it: send")


@pytest.mark.usefixtures("readers")
def test_an_issue_whose_file_is_gone_is_known_by_its_slug(call: Call, project: Path) -> None:
    plan_send(project, "2026-01-07-valley", "readers")
    (project / "issues" / "2026-01-07-valley.md").unlink()

    answer = call("explain", ADA, "--issue", "2026-01-07-valley", "--json")

    assert answer.json["summary"].startswith("Has not got it yet")
    assert call("explain", ADA, "--issue", "nowhere", "--json").code == 2
    assert call("explain", "nobody@example.com", "--json").code == 2


@pytest.mark.parametrize("asked", [ADA, "new@example.com"])
def test_a_former_address_tells_the_story_of_its_person(listed: Store, asked: str) -> None:
    mail(listed)
    suppress(listed, Address(ADA), NOW)
    with listed.write() as connection:
        person = people.find(connection, Address(ADA))
        assert person is not None
        said = Consent(NOW + 2 * HOUR, "form", "confirmation mail")
        moving.move(connection, person, Address("new@example.com"), erased_hash, said)

    story = told(listed, asked)

    assert story.address == "new@example.com"
    assert ("is a former address of new@example.com" in story.summary) is (asked == ADA)
    assert "moved away from Ada@example.com" in [fact.text for fact in story.facts]
    assert [fact.kind for fact in story.facts].count(FactKind.SUPPRESSION) == 1
    assert [fact.kind for fact in story.facts].count(FactKind.DELIVERY) == 1


def test_its_times_are_shown_in_the_newsletters_zone(listed: Store) -> None:
    """The next day begins there eight hours earlier."""
    mail(listed)
    join(listed, "late@example.com", "readers", now=NOW + 8 * HOUR)

    late, now = "late@example.com", NOW + 9 * HOUR
    summary = explain(listed, late, erased_hash, now, "news", "Asia/Shanghai").summary

    assert "to readers on 2026-01-07 17:30 Asia/Shanghai (09:30 UTC)" in summary
    assert "only joined on 2026-01-08 00:30 Asia/Shanghai (2026-01-07 16:30 UTC)" in summary


def test_an_address_that_somebody_else_has_now_tells_their_story(listed: Store) -> None:
    with listed.write() as connection:
        person = people.find(connection, Address(ADA))
        assert person is not None
        said = Consent(NOW, "form", "confirmation mail")
        moving.move(connection, person, Address("new@example.com"), erased_hash, said)
    join(listed, ADA, "readers")

    story = told(listed)

    assert story.address == ADA
    assert "former" not in story.summary
    assert "new@example.com" not in repr(story)


@pytest.mark.parametrize(
    ("sub_type", "told_as", "suppressed"),
    [
        ("General", "SES reported Bounce: Permanent General", True),
        ("Suppressed", "on the list of all of SES", True),
        ("OnTenantSuppressionList", "counts in no rate", True),
        ("EmailValidationSuppressed", "a guess of SES", False),
        ("SomethingNew", "not known here; nothing follows", False),
    ],
)
def test_a_bounce_says_what_follows_from_it(
    listed: Store, sub_type: str, told_as: str, suppressed: bool
) -> None:
    """Whether SES tried at all, and who decided: that is what an operator asks first."""
    send_id = mail(listed)
    bounce = changed(
        mail__tags={"delivery": [f"{send_id}-1"]},
        bounce__bounceSubType=sub_type,
        bounce__timestamp=(NOW + 2 * HOUR).isoformat(),
    )
    apply(listed, incoming(parse, [("", bounce)]), NOW + 2 * HOUR, Applied())

    found = told(listed)

    [reported] = [fact for fact in found.facts if fact.kind == "event"]
    assert told_as in reported.text
    assert reported.details["word"] == f"Bounce/Permanent/{sub_type}"
    assert (found.suppression is not None) == suppressed
