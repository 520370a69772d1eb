"""The log is the truth: written before the answer, and still there after any death."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from tests.standin.asking import bulk, client_of, entry, pairs
from tests.standin.client import running
from tests.standin.log import Log, read
from tests.standin.settings import Settings, command_line, parse
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def test_an_accepted_recipient_is_one_line(log: Path) -> None:
    """With everything a test may compare; content itself only if asked for."""
    with running(log, hashes=True) as standin:
        given = entry(ReplacementTags=pairs({"delivery": "7"}))
        answer = client_of(standin.url).send_bulk_email(
            **bulk([given], ConfigurationSetName="newsletter")
        )

        [line] = standin.accepted()

    assert line["message_id"] == answer["BulkEmailEntryResults"][0]["MessageId"]
    assert line["operation"] == "SendBulkEmail"
    assert line["to"] == "reader@example.com"
    assert line["from"] == "Daily <daily@news.example.com>"
    assert line["tags"] == {"delivery": "7"}
    assert line["configuration_set"] == "newsletter"
    assert line["status"] == "Delivery"
    assert line["html_sha256"] == hashlib.sha256(b"<p>Hello</p>").hexdigest()
    assert line["text_sha256"] == hashlib.sha256(b"Hello").hexdigest()
    assert line["subject_sha256"] == hashlib.sha256(b"Hello").hexdigest()
    assert "html" not in line
    assert {"at", "monotonic"} <= line.keys()


def test_every_answer_was_logged_before_it_was_sent(log: Path) -> None:
    """After kill -9 in the middle of calls, the log knows each message id that a client got."""
    answered: list[str] = []
    begun = threading.Event()

    def send_on() -> None:
        ses = client_of(standin.url)
        while True:
            try:
                answer = ses.send_bulk_email(**bulk([entry()] * 50))
            except BotoCoreError:
                return
            answered.extend(found["MessageId"] for found in answer["BulkEmailEntryResults"])
            if len(answered) > 1000:
                begun.set()

    with running(log) as standin:
        threads = [threading.Thread(target=send_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert begun.wait(timeout=PATIENCE_SECONDS)

        standin.kill()
        for thread in threads:
            thread.join(timeout=PATIENCE_SECONDS)

    logged = {line["message_id"] for line in standin.accepted()}
    assert set(answered) <= logged
    assert len(answered) == len(set(answered)) > 1000


def test_a_client_that_dies_leaves_its_mail_accepted(log: Path) -> None:
    """As with SES: what has arrived whole is taken, half a request is not."""
    body = json.dumps(bulk()).encode()
    head = (
        b"POST /v2/email/outbound-bulk-emails HTTP/1.1\r\nHost: ses\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=k/d/us-east-1/ses/aws4_request\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with running(log) as standin:
        port = int(standin.url.rpartition(":")[2])
        for request in (head + body, head + body[:-1]):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request)
        client_of(standin.url).get_account()

        operations = [line["operation"] for line in standin.requests]

    assert operations == ["SendBulkEmail", "GetAccount"]
    assert len(list(standin.accepted())) == 1


def test_a_torn_last_line_is_passed_over(log: Path) -> None:
    """And what is appended later stands on lines of its own."""
    log.write_bytes(b'{"kind":"request","request":1}\n{"kind":"acc')

    Log(log).append([{"kind": "request", "request": 2}])

    assert [record["request"] for _, _, record in read(log)] == [1, 2]


def test_an_unfinished_line_is_not_read_yet(log: Path) -> None:
    """Readers may look while it is written."""
    log.write_bytes(b'{"kind":"request","request":1}\n{"kind":"request","request":2}')

    [(start, after, record)] = read(log)

    assert (start, after, record["request"]) == (0, 31, 1)


def test_the_log_is_opened_to_append(log: Path) -> None:
    """Two writers cannot overwrite each other."""
    first, second = Log(log), Log(log)

    for number in range(4):
        (first if number % 2 else second).append([{"request": number}])

    assert [record["request"] for _, _, record in read(log)] == [0, 1, 2, 3]


def test_it_stops_with_its_parent(log: Path) -> None:
    """A test run that is killed leaves no process behind."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.standin", "--log", str(log), "--with-parent"],
        cwd=Path(__file__).parents[2],
        stdin=reader,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        lines.readline()
        os.close(reader)

        os.close(writer)

        assert process.wait(timeout=PATIENCE_SECONDS) == 0


def test_arrivals_are_counted_in_tenths_of_a_second(log: Path) -> None:
    """So that a rate can be measured where it matters."""
    with running(log) as standin:
        ses = client_of(standin.url)
        for _ in range(3):
            ses.send_bulk_email(**bulk([entry()] * 50))

        stats = standin.stats()

    first = next(line["monotonic"] for line in standin.requests)
    assert stats["accepted"] == sum(count for _, count in stats["arrivals"]) == 150
    assert stats["requests"] == 3
    assert 0 <= first - stats["arrivals"][0][0] < stats["bucket_seconds"]


def test_options_are_read_as_they_are_written() -> None:
    """The client's keywords are the command's options."""
    options: dict[str, object] = {
        "port": 8025,
        "latency_ms": 50.0,
        "hashes": True,
        "sending_enabled": False,
        "identities": ("a.example.com", "b.example.com"),
        "max_24_hour_send": -1.0,
        "throttle_code": "Throttling",
    }

    settings = parse(command_line(Path("log"), options))

    assert settings == Settings(Path("log"), **options)  # type: ignore[arg-type]
