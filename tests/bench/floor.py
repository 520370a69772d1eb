"""What a bulk send costs at the least: the floor that a send is measured against.

Each call claims 50 rows (one commit), splices 50 entries into what all share, signs the body by
botocore's own signer, posts it, and writes 50 outcomes (one commit), all by the drivers. There are
no rules: no rate, no consent, no balance, no doubt about an answer.
"""

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from newsletter.model.email import Email, fill

_PATH = "/v2/email/outbound-bulk-emails"
_BATCH = 50
_TABLE = """
    PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
    CREATE TABLE rows (id INTEGER PRIMARY KEY, status INT, batch INT, message TEXT, at REAL);
    CREATE INDEX by_batch ON rows (status, batch);
"""


def bulk_floor(endpoint: str, letter: str, database: str, threads: int, size: int) -> list[float]:
    """[recipients a second, processor milliseconds a recipient]. Runs apart."""
    email = Email.from_json(letter)
    post = _poster(endpoint, threads)
    head = _head(email)
    begun = hmac.new(b"k" * 32, digestmod=hashlib.sha256)
    with closing(sqlite3.connect(database, check_same_thread=False, isolation_level=None)) as rows:
        rows.executescript(_TABLE)
        rows.execute("BEGIN")
        rows.executemany(
            "INSERT INTO rows VALUES (?, 0, ?, NULL, NULL)", ((n, n // _BATCH) for n in range(size))
        )
        rows.execute("COMMIT")
        turn = threading.Lock()

        def call(batch: int) -> None:
            with turn:
                rows.execute("BEGIN IMMEDIATE")
                rows.execute(
                    "UPDATE rows SET status = 1, at = ? WHERE batch = ? AND status = 0",
                    (time.time(), batch),
                )
                rows.execute("COMMIT")
            numbers = range(batch * _BATCH, min(size, (batch + 1) * _BATCH))
            entries = ",".join([_entry(number, begun) for number in numbers])
            results = post(head + entries.encode() + b"]}")
            assert [result["Status"] for result in results] == ["SUCCESS"] * len(numbers)
            named = [(r["MessageId"], n) for r, n in zip(results, numbers, strict=True)]
            with turn:
                rows.execute("BEGIN IMMEDIATE")
                rows.executemany("UPDATE rows SET status = 2, message = ? WHERE id = ?", named)
                rows.execute("COMMIT")

        began, computed = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(call, range(-(-size // _BATCH))))
        seconds, processor = time.perf_counter() - began, time.process_time() - computed
        [recorded] = rows.execute("SELECT count(*) FROM rows WHERE status = 2").fetchone()
    assert recorded == size
    return [size / seconds, 1000 * processor / size]


def _poster(endpoint: str, threads: int) -> Callable[[bytes], Any]:
    at = urlsplit(endpoint)
    pool = urllib3.HTTPConnectionPool(at.hostname or "", at.port, maxsize=threads)
    credentials = Credentials("bench", "bench")

    def post(body: bytes) -> Any:
        request = AWSRequest("POST", endpoint + _PATH, data=body)
        request.headers["Content-Type"] = "application/json"
        SigV4Auth(credentials, "ses", "eu-west-1").add_auth(request)
        answer = pool.request("POST", _PATH, body=body, headers=dict(request.headers))
        assert answer.status == 200, answer.data[:300]
        return json.loads(answer.data)["BulkEmailEntryResults"]

    return post


def _head(email: Email) -> bytes:
    """What all recipients share, up to where their entries begin."""
    content = {
        "Subject": fill(email.subject, {}),
        "Html": fill(email.html, {}),
        "Text": fill(email.text, {}),
    }
    shared = {
        "FromEmailAddress": "daily@news.example.com",
        "DefaultContent": {"Template": {"TemplateContent": content, "TemplateData": "{}"}},
    }
    return (json.dumps(shared)[:-1] + ',"BulkEmailEntries":[').encode()


def _entry(number: int, begun: "hmac.HMAC") -> str:
    leave, prefer = (
        f"https://news.example.com/{page}/{_token(f'{page}{number}', begun)}" for page in "up"
    )
    data = f'{{\\"f0\\":\\"Reader {number}\\",\\"f1\\":\\"{leave}\\",\\"f2\\":\\"{prefer}\\"}}'
    return (
        f'{{"Destination":{{"ToAddresses":["reader{number}@example.com"]}},'
        f'"ReplacementTags":[{{"Name":"delivery","Value":"{number}"}}],'
        f'"ReplacementHeaders":[{{"Name":"List-Unsubscribe","Value":"<{leave}>"}}],'
        f'"ReplacementEmailContent":{{"ReplacementTemplate":'
        f'{{"ReplacementTemplateData":"{data}"}}}}}}'
    )


def _token(text: str, begun: "hmac.HMAC") -> str:
    signature = begun.copy()
    signature.update(text.encode())
    return base64.urlsafe_b64encode(text.encode() + b"." + signature.digest()).decode()
