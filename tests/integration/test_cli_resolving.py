"""`newsletter resolve --ask-ses`: what is unknown, and of which the events were lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.feedback.ses import insights
from tests.integration.commandline import Call, write_issue
from tests.integration.test_cli_ses import HEALTHY, NO_AWS
from tests.standin.client import StandIn, running

READERS = ["bounce@simulator.amazonses.com", *(f"r{number}@example.com" for number in range(6))]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("standin") / "log.jsonl") as standin:
        yield standin


@pytest.fixture
def ses(shared: StandIn, monkeypatch: pytest.MonkeyPatch, project: Path) -> StandIn:
    shared.clear()
    shared.account(**HEALTHY)
    for name, value in {
        **shared.settings,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **NO_AWS,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(insights, "_PAUSE_SECONDS", 0.01)
    return shared


def lost(call: Call, project: Path, ses: StandIn, fault: str) -> str:
    """A send of one call whose answer was lost: whether SES has it says the fault."""
    write_issue(project, "lost.md")
    readers = project / "readers.csv"
    readers.write_text("\n".join(["email", *READERS]))
    assert call("subscribers", "import", str(readers), "--list", "daily").code == 0
    ses.configure(**{fault: 1})
    sent = call("send", "lost", "--list", "daily", "--yes", "--json")
    ses.clear()
    assert sent.json.get("status") == "unresolved", sent.out
    assert sent.json["unknown"] == len(READERS)
    return str(sent.json["send_id"])


def test_what_ses_has_taken_is_accepted_with_its_message_id(
    call: Call, project: Path, ses: StandIn
) -> None:
    """And what it knows of an address besides is obeyed, as if its event had come."""
    send_id = lost(call, project, ses, "reset_after")

    asked = call("resolve", send_id, "--ask-ses", "--yes", "--json")
    deeds = call("audit", "--send", send_id, "--json").lines

    assert asked.code == 0
    assert asked.json["found"] == {
        "asked": len(READERS),
        "accepted": len(READERS),
        "rejected": 0,
        "no_trace": 0,
    }
    assert (asked.json["status"], asked.json["accepted"]) == ("finished", len(READERS))
    taken = {record["to"]: record["message_id"] for record in ses.accepted()}
    assert [(deed["kind"], deed["detail"]) for deed in deeds[:1]] == [
        ("resolve", f"as SES says: {len(READERS)} accepted, 0 rejected")
    ]
    rows = call("deliveries", send_id, "--json").lines
    assert {row["address"]: row["message_id"] for row in rows} == taken
    [bounced] = [row for row in rows if row["reported"] == "bounced"]
    assert bounced["address"] == READERS[0]
    assert [row["address"] for row in call("suppressions", "list", "--json").lines] == READERS[:1]
    assert call("resolve", send_id, "--ask-ses", "--json").json["found"]["asked"] == 0


def test_what_never_reached_ses_stays_unknown(call: Call, project: Path, ses: StandIn) -> None:
    """That it left no trace is no proof: who decides is a person."""
    send_id = lost(call, project, ses, "reset_before")

    asked = call("resolve", send_id, "--ask-ses", "--yes", "--json")

    assert asked.json["found"]["no_trace"] == len(READERS)
    assert (asked.json["status"], asked.json["unknown"]) == ("unresolved", len(READERS))


def test_nothing_is_recorded_without_a_yes(call: Call, project: Path, ses: StandIn) -> None:
    """What was found is shown first."""
    send_id = lost(call, project, ses, "reset_after")

    asked = call("resolve", send_id, "--ask-ses")

    assert asked.code == 5
    assert READERS[0] in asked.err
    assert f"Of {len(READERS)} unknown deliveries {len(READERS)} were accepted" in asked.err
    assert call("status", send_id, "--json").json["unknown"] == len(READERS)


@pytest.mark.parametrize("options", [(), ("--ask-ses", "--unknown", "accept")])
def test_one_way_of_deciding_is_named(call: Call, project: Path, options: tuple[str, ...]) -> None:
    assert call("resolve", "20260106-aaaaaa", *options).code == 2


def test_without_the_right_the_permissions_are_named(
    call: Call, project: Path, ses: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_id = lost(call, project, ses, "reset_after")
    with running(tmp_path / "other.jsonl", denied=["CreateExportJob"]) as strict:
        monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", strict.url)

        asked = call("resolve", send_id, "--ask-ses", "--yes", "--json")

    assert asked.code == 2
    assert "ses:GetMessageInsights" in str(asked.error)
