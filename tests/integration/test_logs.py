"""The log: what was done, by ids, and nobody's address, token or secret in it."""

import logging
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter import logs
from newsletter.operations import attend
from newsletter.sending import control
from newsletter.sending.plan import plan
from newsletter.store import Store, schema
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call, write_issue
from tests.integration.reporting import BOUNCE, COMPLAINT, event, replay
from tests.integration.sending import order, worker
from tests.integration.web.stage import KEYS, ONE_CLICK, Stage, open_stage

ACTIONS = {
    *("attend", "take_up", "take", "claim", "deliver", "record", "move", "leave"),
    *("apply", "event", "suppress", "set_aside"),
    *("mail", "unsubscribe"),
}


def live(stage: Stage) -> tuple[Memory, list[str]]:
    """Somebody joins, all get an issue, one bounces, one complains, one leaves; what was mailed,
    and the tokens of the links in it."""
    mailed = Memory()
    stage.join("grace@example.net")
    send_id = plan(stage.store, order(list_name="daily"), stage.clock())
    attend.attend(
        worker(stage.store, mailed, clock=stage.clock), once=True, settled=lambda send: True
    )
    replay(
        stage.store,
        event(send_id, 1, BOUNCE),
        event(send_id, 2, COMPLAINT),
        '{"from": "ada@example.com"}',
        now=stage.clock(),
    )
    leaving = stage.leave_path()
    assert stage.client.post(leaving, data=ONE_CLICK).status_code == 200
    later = plan(stage.store, order("later", list_name="weekly"), stage.clock())
    control.pause(stage.store, later, stage.clock, "ask ada@example.com")
    texts = [message.text for message in (*mailed.delivered, *stage.transport.delivered)]
    tokens = re.findall(r"https://\S+?/\w+/([\w.-]{20,})", "\n".join(texts))
    return mailed, [*tokens, leaving.rpartition("/")[2]]


def test_a_life_of_readers_is_told_by_ids_alone(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As the lines are made, before anything in them is masked."""
    stage = open_stage(store, tmp_path)
    stage.join("hugo@example.org", "weekly")
    with caplog.at_level(logging.DEBUG):
        mailed, tokens = live(stage)

    lines = [each.getMessage() for each in caplog.records if each.name.startswith("newsletter")]
    assert {line.partition(" ")[0] for line in lines} == ACTIONS
    log = "\n".join(lines)
    assert len(mailed.delivered) == 2
    assert len(tokens) > 2
    for secret in (*tokens, *KEYS, "a key for the tests alone"):
        assert secret not in log
    with store.read() as connection:
        people = connection.execute(sa.select(schema.subscribers)).all()
    assert len(people) == 3
    for person in people:
        assert person.address not in log
        for part in (person.address.partition("@")[0], person.name):
            assert not re.search(rf"\b{part or '@'}\b", log, re.IGNORECASE)
        assert str(person.link_key) not in log
    assert "@" not in log


def test_it_is_quiet_until_it_is_asked_for(
    call: Call, project: Path, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_issue(project, "one.md")
    write_issue(project, "two.md")

    quiet = call("send", "one", "--list", readers, "--yes")
    monkeypatch.setenv("NEWSLETTER_LOG__LEVEL", "debug")
    told = call("send", "two", "--list", readers, "--yes")
    monkeypatch.setenv("NEWSLETTER_LOG__LEVEL", "warning")
    quiet_again = call("sends")

    form = re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|DEBUG) newsletter\.[\w.]+ \w+ send=.*"
    )
    assert (quiet.code, told.code, quiet_again.code) == (0, 0, 0)
    assert not any(map(form.fullmatch, (quiet.err + quiet_again.err).splitlines()))
    lines = list(filter(form.fullmatch, told.err.splitlines()))
    actions = {line.split(" ")[3] for line in lines}
    assert {"take", "claim", "deliver", "record", "move", "leave"} <= actions
    assert "@" not in "".join(lines)


def test_what_gets_into_it_all_the_same_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug must not publish anybody, nor may its line be obeyed by a terminal."""
    log = logging.getLogger("newsletter.anything")

    with logs.logging_at("info"):
        log.info("ada@example.com \x1b[2J")
        log.debug("too much")
    log.info("too late")

    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(r" INFO newsletter.anything a…@e… \x1b[2J")
