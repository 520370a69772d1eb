"""The log: what was done, by ids, and nobody's address, token or secret in it."""

import json
import logging
import math
import os
import re
import socket
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter import logs
from newsletter.gate import visible
from newsletter.logs.lines import Form, lines_in
from newsletter.operations import attend
from newsletter.sending import control
from newsletter.sending.plan import plan
from newsletter.store import Store, schema
from newsletter.transports.memory import Memory
from tests import logged
from tests.integration.commandline import Call, write_issue
from tests.integration.reporting import BOUNCE, COMPLAINT, event, replay
from tests.integration.sending import order, worker
from tests.integration.web.stage import KEYS, ONE_CLICK, Stage, open_stage

ACTIONS = {
    *("attend", "take_up", "take", "claim", "deliver", "record", "move", "leave"),
    *("apply", "event", "suppress", "set_aside"),
    *("mail", "unsubscribe", "request"),
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

    lines = logged.lines(caplog)
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
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|DEBUG) newsletter\.[\w.]+ \w+ (send|command)=.*"
    )
    assert (quiet.code, told.code, quiet_again.code) == (0, 0, 0)
    assert not any(map(form.fullmatch, (quiet.err + quiet_again.err).splitlines()))
    lines = list(filter(form.fullmatch, told.err.splitlines()))
    actions = {line.split(" ")[3] for line in lines}
    assert {"begin", "take", "claim", "deliver", "record", "move", "leave", "end"} <= actions
    assert "@" not in "".join(lines)


@pytest.mark.parametrize("command", ["add", "show"])
def test_a_command_is_told_by_its_name_and_its_options(
    call: Call, project: Path, readers: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Never by what they were given: that may be an address, or a secret."""
    monkeypatch.setenv("NEWSLETTER_LOG__LEVEL", "info")
    monkeypatch.setenv("NEWSLETTER_LOG__FORMAT", "json")
    more = {"add": ("--list", readers, "--name", "Grace"), "show": ()}
    answer = call("subscribers", command, "grace@example.net", *more[command])

    notes = [json.loads(line) for line in answer.err.splitlines() if line.startswith("{")]
    begin, end = (note for note in notes if note["event"] in ("begin", "end"))
    assert begin["command"] == end["command"] == f"subscribers {command}"
    assert begin["options"] == {"add": "list,name", "show": ""}[command]
    assert end["exit"] == answer.code
    assert end["seconds"] >= 0
    assert not re.search("grace", json.dumps(notes), re.IGNORECASE)


class _Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("ada@example.com")


NESTED: dict[str, object] = {"depth": 1}
NESTED["again"] = NESTED
ABOUT: dict[str, object] = {
    "to": "ada@example.com",
    "people": [("ada@example.com",), {"eve@example.com": {"x": b"eve@example.com"}}],
    "password": "correct horse",
    "nested": {"api_token": ["tops3cret"], "url": "https://me:tops3cret@example.com/?a=%40"},
    "lines": 'one\ntwo\r\n\x1b[2J\u2028\u202e\ud800"\\',
    "nan": math.nan,
    "none": None,
    "round": NESTED,
    "broken": _Unshowable(),
    "event": "another",
    "level": "none",
    "time": "never",
}


def in_form(form: Form, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines of what a bug could log."""
    log = logging.getLogger("newsletter.anything")
    with logs.logging_at("info", lambda: lines_in(form)):
        log.info("take", ABOUT)
        try:
            raise RuntimeError("for ada@example.com\nthe password=correct horse")
        except RuntimeError:
            log.exception("fail")
        log.info("ada@example.com \x1b[2J")
        log.debug("too much")
        logging.getLogger("uvicorn.error").error("of %s", "ada@example.com")
    log.info("too late")
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_gets_into_it_all_the_same_is_masked(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug must not publish anybody, nor may its line be obeyed by a terminal, or be two lines."""
    lines = in_form(form, capsys)

    assert len(lines) == 4
    for line in lines:
        assert line == visible(line)
        for secret in ("ada@", "eve@", 'example.com"', "tops3cret", "correct horse"):
            assert secret not in line
    assert "a…@e…" in lines[0]
    assert "RuntimeError" in lines[1]


def test_a_line_of_json_is_json_and_says_who_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    take, fail, *_ = map(json.loads, in_form("json", capsys))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", take["time"])
    assert (take["level"], take["logger"], take["event"]) == ("info", "newsletter.anything", "take")
    assert (take["host"], take["process"]) == (socket.gethostname(), os.getpid())
    assert take["lines"] == ABOUT["lines"]
    assert take["nested"] == {"api_token": "***", "url": "https://*…@e…/?a=***"}
    assert (take["nan"], take["none"]) == ("nan", None)
    assert fail["level"] == "error"
    assert "Traceback" in fail["exception"]


def test_a_line_of_text_is_as_people_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = in_form("text", capsys)

    assert re.fullmatch(r"\S+Z INFO newsletter\.anything take to=a…@e… people=.*", lines[0])
    assert lines[2].endswith(r" INFO newsletter.anything a…@e… \x1b[2J")
    assert lines[3].endswith(" ERROR uvicorn.error of a…@e…")
