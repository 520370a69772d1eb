"""What supervisors are told of a worker, in a file or at a port."""

import http.client
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import UsageError
from newsletter.store import Store
from newsletter.supervising import SILENT_SECONDS
from newsletter.transports.memory import Memory
from newsletter.workers import health
from newsletter.workers.health import Health, _at_port, told
from tests.integration.commandline import Call
from tests.integration.sending import worker
from tests.waiting import until

WELL, AWAY = {"live": True, "ready": True}, {"live": True, "ready": False}
DEAD = {"live": False, "ready": False}


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask, renew and look whether to stop a hundred times as often as in earnest."""
    monkeypatch.setattr(health, "_ASK_SECONDS", 0.02)
    monkeypatch.setattr(health._Server, "timeout", 0.005)


def in_file(path: Path) -> Any:
    return json.loads(path.read_bytes())


def at(url: str, path: str) -> tuple[int, Any]:
    """(status, what is told)"""
    connection = http.client.HTTPConnection(url.removeprefix("http://").partition("/")[0])
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None


def test_a_file_is_there_as_long_as_the_worker_and_is_renewed(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "health"
    one = worker(store, Memory())

    with told(one, str(file)) as place:
        until(lambda: in_file(file) == WELL)
        os.utime(file, (0, 0))
        until(lambda: file.stat().st_mtime > 0)

    assert place == str(file)
    assert not file.exists()


def test_a_port_says_whether_the_worker_is_ready_and_lives(store: Store) -> None:
    one = worker(store, Memory())

    with told(one, "0") as url:
        until(lambda: at(url, "/healthz") == (200, WELL))
        answers = [at(url, path) for path in ("/livez", "/healthz?x=1", "/", "/metrics")]

    assert url.endswith("/healthz")
    assert answers == [(200, WELL), (200, WELL), (404, None), (404, None)]
    with pytest.raises(ConnectionRefusedError):
        at(url, "/healthz")


def test_a_worker_whose_store_is_away_lives_and_is_not_ready(
    sqlite_store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "health"
    with told(worker(sqlite_store, Memory()), "0") as url:
        until(lambda: at(url, "/healthz") == (200, WELL))
        sqlite_store.engine.dispose()
        Path(str(sqlite_store.engine.url.database)).rename(file)

        until(lambda: at(url, "/healthz") == (503, AWAY))

        assert at(url, "/livez") == (200, AWAY)


def test_a_worker_that_hangs_does_not_live_and_its_file_is_no_longer_renewed(
    store: Store, tmp_path: Path
) -> None:
    """Nothing of it has shown a sign of life for longer than any call to the outside takes."""
    one, seconds = worker(store, Memory()), [0.0]
    one.vitals.seconds = lambda: seconds[0]
    file = tmp_path / "health"
    with told(one, "0") as url, told(one, str(file)):
        until(lambda: at(url, "/healthz") == (200, WELL))
        seconds[0] = SILENT_SECONDS + 1
        until(lambda: at(url, "/healthz") == (503, DEAD))
        os.utime(file, (0, 0))

        assert at(url, "/livez") == (503, DEAD)
        one.vitals.looks()
        assert at(url, "/healthz") == (200, WELL)
        until(lambda: file.stat().st_mtime > 0)


def test_who_asks_nothing_keeps_nobody_else_waiting(store: Store) -> None:
    with told(worker(store, Memory()), "0") as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)):
            until(lambda: at(url, "/healthz") == (200, WELL))


@pytest.mark.parametrize("before", [b"", b'{"live": true, "ready": false}\n'])
def test_what_a_killed_worker_left_is_replaced(store: Store, tmp_path: Path, before: bytes) -> None:
    file = tmp_path / "health"
    file.write_bytes(before)

    with told(worker(store, Memory()), str(file)):
        until(lambda: in_file(file) == WELL)


@pytest.mark.parametrize("content", [b"# An issue\n", b'{"title": "x"}', b"[]", b"\xff\xfe"])
def test_another_file_is_not_overwritten(store: Store, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "issue.md"
    file.write_bytes(content)

    with (
        pytest.raises(UsageError, match="exists, and is not the health file of a worker"),
        told(worker(store, Memory()), str(file)),
    ):
        pass

    assert file.read_bytes() == content


def test_a_device_or_a_pipe_is_left_alone(store: Store, tmp_path: Path) -> None:
    """Root could replace /dev/null by a file; and nobody may ever write into a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for target in (pipe, Path(os.devnull)):
        with (
            pytest.raises(UsageError, match="is not a regular file"),
            told(worker(store, Memory()), str(target)),
        ):
            pass

    assert pipe.is_fifo()
    assert Path(os.devnull).is_char_device()


def test_a_worker_that_leaves_before_its_port_is_served_ends() -> None:
    stop = threading.Event()
    stop.set()

    with _at_port("0", lambda: Health(live=True, ready=True), stop) as url:
        pass

    with pytest.raises(ConnectionRefusedError):
        at(url, "/healthz")


def test_what_cannot_be_is_a_usage_error(call: Call, readers: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = {
            target: call("worker", "--once", "--health", target)
            for target in (port, "65536", "9" * 5_000, "missing/health", str(tmp_path))
        }

    assert {target: answer.code for target, answer in refused.items()} == dict.fromkeys(refused, 2)
    assert f"cannot listen on port {port}" in refused[port].err
    assert "there is no port 65536" in refused["65536"].err
    assert "cannot write missing/health" in refused["missing/health"].err
    assert "is not a regular file" in refused[str(tmp_path)].err
