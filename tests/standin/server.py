"""The service itself: each request is judged, acted upon, logged, and only then answered."""

import asyncio
import json
import os
import secrets
import signal
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.standin import log
from tests.standin.account import STATUSES, Account, Verdict
from tests.standin.calls import Call, Entry, Shared, read_call
from tests.standin.directory import Directory
from tests.standin.events import Feed, simulated
from tests.standin.faults import SENDS, Faults
from tests.standin.http import Answer, Connection, Refusal, Request, answer_json
from tests.standin.insights import EXPORTS, Insights
from tests.standin.limits import Invalid
from tests.standin.rendering import tracked
from tests.standin.routes import route
from tests.standin.settings import Settings

BUCKETS_PER_SECOND = 10
_INSIGHTS = ("CreateExportJob", "GetExportJob", "GetMessageInsights")
_ACCOUNT: Mapping[str, Callable[[Account, object], object]] = {
    "PutAccountSuppressionAttributes": Account.put_suppression,
    "ListRecommendations": Account.list_recommendations,
    "ListReputationEntities": Account.list_reputations,
}
_NOTHING = answer_json({})
_USER = "arn:aws:iam::123456789012:user/stand-in"


@dataclass(slots=True)
class Exchange:
    """One request on its way to an answer."""

    number: int
    request: Request
    operation: str = "?"
    entries: int = 0
    fault: str | None = None
    accepted: list[log.Record] = field(default_factory=list)


class Service:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = log.Log(settings.log)
        self._directory = Directory(settings)
        self._account = Account(
            settings,
            self._directory.configuration.is_verified,
            sent=sum(1 for _ in _accepted(settings)),
        )
        self._faults = Faults(settings.seed, settings.latency_ms)
        self._feed = Feed(settings.log, settings, self._directory)
        self._insights = Insights(settings.log)
        self._requests = 0
        self._recipients = 0
        self._arrivals: Counter[int] = Counter()
        self.held: list[Callable[[], None]] = []

    def handle(self, request: Request) -> tuple[Answer, float]:
        """The answer, and for how many seconds it is held back."""
        if request.path.startswith("/_"):
            return self._control(request), 0.0
        self._requests += 1
        exchange = Exchange(self._requests, request)
        try:
            answer = self._answer(exchange)
        except Refusal as refusal:
            answer = refusal.answer()
        except Invalid as error:
            answer = Refusal(400, "BadRequestException", str(error)).answer()
        self._log.append([*exchange.accepted, self._request_record(exchange, answer)])
        self._recipients += len(exchange.accepted)
        return answer, self._faults.latency_ms / 1000

    def _answer(self, exchange: Exchange) -> Answer:
        request = exchange.request
        exchange.operation, argument = route(request.method, request.path)
        _check_signed(request)
        if exchange.operation in self._settings.denied:
            raise _denied(exchange.operation)
        body = _json(request)
        call = None
        recipients: list[str] = []
        if exchange.operation in SENDS:
            self._check_members(body)
            faults_alone = self._settings.entry_faults == "entry"
            call = read_call(exchange.operation, body, len(request.body), faults_alone)
            recipients = call.recipients
            exchange.entries = len(call.entries)
            self._arrivals[int(request.monotonic * BUCKETS_PER_SECOND)] += len(recipients)
        fault = self._faults.pick(exchange.operation, recipients)
        if fault is None:
            return self._act(exchange, call, argument, body)
        exchange.fault = fault.name
        if not fault.acts:
            return fault.distort(_NOTHING)
        try:
            answer = self._act(exchange, call, argument, body)
        except Refusal as refusal:
            answer = refusal.answer()
        return fault.distort(answer)

    def _act(self, exchange: Exchange, call: Call | None, argument: str, body: object) -> Answer:
        if call is not None:
            return self._send(exchange, call)
        if exchange.operation == "GetAccount":
            return replace(answer_json(self._account.describe()), at=exchange.request.at)
        if exchange.operation in _ACCOUNT:
            return answer_json(_ACCOUNT[exchange.operation](self._account, body))
        if exchange.operation in _INSIGHTS:
            return answer_json(self._insight(exchange, argument, body))
        result = self._directory.answer(exchange.operation, argument, exchange.request, body)
        return answer_json(result)

    def _insight(self, exchange: Exchange, argument: str, body: object) -> dict[str, object]:
        match exchange.operation:
            case "CreateExportJob":
                return self._insights.create_job(body, exchange.request.at)
            case "GetExportJob":
                return self._insights.job(argument, exchange.request)
            case _:
                return self._insights.message(argument)

    def _check_members(self, body: object) -> None:
        for name in self._settings.unknown_members:
            if isinstance(body, dict) and name in body:
                raise Invalid(f"request has an unknown member {name}")

    def _send(self, exchange: Exchange, call: Call) -> Answer:
        if call.shared.tenant is not None:
            self._directory.check_tenant(call.shared.tenant)
        if call.configuration_set is not None:
            found = self._directory.configuration_set(call.configuration_set)
            if not found.sending_enabled:
                raise Refusal(400, *STATUSES["CONFIGURATION_SET_SENDING_PAUSED"][1:])
        for sender in call.senders:
            self._directory.configuration.check_mail_from(sender)
        forced = self._faults.statuses([entry.recipients for entry in call.entries])
        verdicts = self._account.admit(call, forced, exchange.request.monotonic)
        results = [
            self._settle(exchange, call, entry, verdict)
            for entry, verdict in zip(call.entries, verdicts, strict=True)
        ]
        if call.operation == "SendBulkEmail":
            return answer_json({"BulkEmailEntryResults": results})
        [verdict] = verdicts
        if not verdict.accepted:
            status, code, message = STATUSES[verdict.status]
            raise Refusal(status, code, verdict.error or message)
        return answer_json({"MessageId": results[0]["MessageId"]})

    def _settle(
        self, exchange: Exchange, call: Call, entry: Entry, verdict: Verdict
    ) -> dict[str, str]:
        """The result of one entry; if it is accepted, a record of each of its recipients."""
        if not verdict.accepted:
            return {"Status": verdict.status, "Error": verdict.error or verdict.status}
        message_id = _message_id(exchange.request.at)
        content = self._content(entry, call.shared)
        missing = entry.content.missing()
        for recipient in entry.recipients:
            record: log.Record = {
                "kind": "accepted",
                "at": exchange.request.at,
                "monotonic": exchange.request.monotonic,
                "request": exchange.number,
                "operation": exchange.operation,
                "message_id": message_id,
                "to": recipient,
                "destination": entry.recipients,
                "from": call.source,
                "status": self._outcome(recipient, call.shared)
                if missing is None
                else "Rendering Failure",
                "missing": missing,
                "configuration_set": call.configuration_set,
                "tenant": call.shared.tenant,
                "open_tracking": call.shared.open_tracking,
                "click_tracking": call.shared.click_tracking,
                "tags": entry.tags,
                "headers": entry.headers,
                **content,
            }
            exchange.accepted.append(record)
        return {"Status": verdict.status, "MessageId": message_id}

    def _content(self, entry: Entry, shared: Shared) -> dict[str, str | None]:
        """Rendering is the dear part: it is done only if somebody wants to see it."""
        if not (self._settings.hashes or self._settings.keep_content):
            return {"subject_sha256": None, "html_sha256": None, "text_sha256": None}
        rendered = entry.content.render()
        if self._settings.engagement_tracking:
            rendered = tracked(rendered, shared.open_tracking, shared.click_tracking)
        content = rendered.hashes()
        if self._settings.keep_content:
            content |= {"subject": rendered.subject, "html": rendered.html, "text": rendered.text}
        return content

    def _outcome(self, recipient: str, call: Shared) -> str:
        if recipient in self._faults.outcomes:
            return self._faults.outcomes[recipient]
        if (outcome := simulated(recipient)) is not None:
            return outcome
        return self._directory.listed(recipient, call) or "Delivery"

    def _request_record(self, exchange: Exchange, answer: Answer) -> log.Record:
        return {
            "kind": "request",
            "at": exchange.request.at,
            "monotonic": exchange.request.monotonic,
            "request": exchange.number,
            "operation": exchange.operation,
            "entries": exchange.entries,
            "accepted": len(exchange.accepted),
            "size_bytes": len(exchange.request.body),
            "status": answer.sent_status,
            "error": answer.error,
            "fault": exchange.fault,
        }

    def _control(self, request: Request) -> Answer:
        """What tests ask and order; none of it is in the log."""
        try:
            return self._controlled(request)
        except (ValueError, TypeError) as error:
            return Refusal(400, "StandInUsage", str(error)).answer()

    def _controlled(self, request: Request) -> Answer:
        match request.method, request.path:
            case "POST", "/_faults":
                self._faults.configure(json.loads(request.body))
            case "DELETE", "/_faults":
                self._faults.clear()
                self._let_go()
            case "POST", "/_account":
                self._account.change(json.loads(request.body))
            case "POST", "/_configuration":
                self._directory.configuration.change(json.loads(request.body))
            case "DELETE", "/_configuration":
                self._directory.configuration.reset()
            case "GET", path if path.startswith(EXPORTS):
                return self._insights.export(path.removeprefix(EXPORTS))
            case "GET", "/_stats":
                return answer_json(self._stats())
            case "GET", "/_events":
                since = int(request.query.get("since", ["0"])[-1])
                limit = int(request.query.get("limit", ["5000"])[-1])
                lines = [log.encode(event) + "\n" for event in self._feed.since(since, limit)]
                return Answer(200, "".join(lines).encode(), "application/x-ndjson")
            case _:
                raise ValueError(f"no {request.method} {request.path}")
        return _NOTHING

    def _let_go(self) -> None:
        """Send the answers that were held back."""
        while self.held:
            self.held.pop(0)()

    def _stats(self) -> dict[str, Any]:
        """Counts, and how many recipients arrived in each tenth of a second (monotonic clock)."""
        return {
            "requests": self._requests,
            "accepted": self._recipients,
            "bucket_seconds": 1 / BUCKETS_PER_SECOND,
            "arrivals": [
                [bucket / BUCKETS_PER_SECOND, count]
                for bucket, count in sorted(self._arrivals.items())
            ],
        }


def _accepted(settings: Settings) -> Iterable[log.Record]:
    records = (record for _, _, record in log.read(settings.log))
    return (record for record in records if record["kind"] == "accepted")


def _check_signed(request: Request) -> None:
    given = request.headers.get("authorization", "")
    if not (given.startswith("AWS4-HMAC-SHA256 ") and "/ses/aws4_request" in given):
        raise Refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")


def _json(request: Request) -> object:
    if request.method not in {"POST", "PUT"}:
        return None
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refusal(415, "UnsupportedMediaTypeException", "Content-Type is application/json")
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise Refusal(400, "SerializationException", str(error)) from error


def _denied(operation: str) -> Refusal:
    return Refusal(
        403,
        "AccessDeniedException",
        f"User: {_USER} is not authorized to perform: ses:{operation}",
    )


def _message_id(at: float) -> str:
    return f"0100{int(at * 1000):012x}-{uuid.UUID(bytes=secrets.token_bytes(16))}-000000"


async def serve(settings: Settings) -> None:
    """Print the URL and serve until SIGTERM, or until the parent is gone."""
    service = Service(settings)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if settings.with_parent:
        loop.add_reader(sys.stdin.fileno(), _at_end_of_input, stopped)
    server = await loop.create_server(
        lambda: Connection(service.handle, service.held), "127.0.0.1", settings.port, backlog=256
    )
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await stopped.wait()
    server.close()


def _at_end_of_input(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stopped.set()
