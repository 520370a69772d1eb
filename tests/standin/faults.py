"""What can go wrong on demand: `POST /_faults` with names and when they strike.

`{"drop_after": 1}` strikes the next call, `0.1` a seeded share of calls, `true` every call, `false`
takes it away. In full: `{"next": 2, "skip": 5, "share": 0.1, "operation": "GetAccount",
"to": "a@example.com", …}` with the fault's own options. Without `operation` it concerns the two
operations that send, with `"*"` all.

Beside the names in `KINDS`: `latency_ms`; `statuses`, the fate of entries by address, by index or
of all (`{"a@example.com": "FAILED", "0": "TRANSIENT_FAILURE", "*": "…"}`, in full within
`{"entries": {…}, "next": 1}`); `outcomes`, what becomes of accepted mail by address (`OUTCOMES` of
`events`). An entry with one of SES's own statuses is not sent; one with any other string is.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.standin.account import PAUSED, QUOTA, RATE, SUSPENDED
from tests.standin.events import OUTCOMES
from tests.standin.http import Answer, Manner, Refusal

SENDS = frozenset({"SendEmail", "SendBulkEmail"})
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault: is the request acted upon first, what is then answered, its options."""

    acts: bool
    distort: Callable[[Answer, Options], Answer]
    options: Mapping[str, object] = field(default_factory=dict)


def _refusal(status: int, code: str, message: str) -> Kind:
    def refuse(answer: Answer, options: Options) -> Answer:
        return Refusal(status, options["code"], options["message"]).answer()

    return Kind(False, refuse, {"code": code, "message": message})


def _connection(acts: bool, manner: Manner) -> Kind:
    return Kind(acts, lambda answer, options: replace(answer, manner=manner))


def _server_error(answer: Answer, options: Options) -> Answer:
    return Refusal(500, "InternalServiceErrorException", "Internal failure").answer()


def _bad_gateway(answer: Answer, options: Options) -> Answer:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
    return Answer(options["status"], page, "text/html")


def _wrong_count(answer: Answer, options: Options) -> Answer:
    def change(results: list[Any]) -> list[Any]:
        by = options["by"]
        return results[:by] if by < 0 else results + results[:1] * by

    return _with_results(answer, change)


def _unknown_status(answer: Answer, options: Options) -> Answer:
    return _with_results(answer, lambda results: [{"Status": options["status"]} for _ in results])


def _with_results(answer: Answer, change: Callable[[list[Any]], list[Any]]) -> Answer:
    body = json.loads(answer.body)
    if "BulkEmailEntryResults" in body:
        body["BulkEmailEntryResults"] = change(body["BulkEmailEntryResults"])
    return replace(answer, body=json.dumps(body).encode())


def _huge(answer: Answer, options: Options) -> Answer:
    padding = b', "Padding": "' + b"x" * options["size_bytes"] + b'"}'
    return replace(answer, body=answer.body.rstrip()[:-1] + padding)


def _slow(answer: Answer, options: Options) -> Answer:
    return replace(answer, manner=Manner.SLOW, seconds=options["seconds"])


def _body(change: Callable[[bytes], bytes], content_type: str = "application/json") -> Kind:
    return Kind(
        True,
        lambda answer, _: replace(answer, body=change(answer.body), content_type=content_type),
    )


KINDS: Mapping[str, Kind] = {
    # Refused before anything is accepted.
    "too_many_requests": _refusal(429, "TooManyRequestsException", "Too many requests."),
    "rate_exceeded": _refusal(400, "Throttling", RATE),
    "quota_exceeded": _refusal(400, "Throttling", QUOTA),
    "limit_exceeded": _refusal(
        400, "LimitExceededException", "There are too many instances of the resource."
    ),
    "sending_paused": _refusal(400, "SendingPausedException", PAUSED),
    "account_suspended": _refusal(400, "AccountSuspendedException", SUSPENDED),
    "mail_from_not_verified": _refusal(
        400, "MailFromDomainNotVerifiedException", "Custom MAIL FROM domain is not verified."
    ),
    "not_found": _refusal(404, "NotFoundException", "Configuration set does not exist."),
    "message_rejected": _refusal(400, "MessageRejected", "Email address is not verified."),
    "bad_request": _refusal(400, "BadRequestException", "Bad request."),
    "expired_token": _refusal(
        403, "ExpiredTokenException", "The security token included in the request is expired"
    ),
    "access_denied": _refusal(403, "AccessDeniedException", "User is not authorized to do this"),
    "error_before": Kind(False, _server_error),
    "drop_before": _connection(False, Manner.DROP),
    "reset_before": _connection(False, Manner.RESET),
    "hang_before": _connection(False, Manner.HANG),
    # Accepted, but the client cannot know.
    "error_after": Kind(True, _server_error),
    "drop_after": _connection(True, Manner.DROP),
    "reset_after": _connection(True, Manner.RESET),
    "hang_after": _connection(True, Manner.HANG),
    "bad_gateway_before": Kind(False, _bad_gateway, {"status": 502}),
    "bad_gateway_after": Kind(True, _bad_gateway, {"status": 502}),
    "empty_body": _body(lambda body: b""),
    "truncated_body": _body(lambda body: body[: len(body) // 2]),
    "html_body": _body(lambda body: b"<html><body>Sign in to the network</body></html>"),
    "binary_body": _body(lambda body: bytes(range(256))),
    "cut_off": _connection(True, Manner.CUT_OFF),
    "wrong_count": Kind(True, _wrong_count, {"by": -1}),
    "unknown_status": Kind(True, _unknown_status, {"status": "SOMETHING_NEW"}),
    "huge_body": Kind(True, _huge, {"size_bytes": 64_000_000}),
    "slow_body": Kind(True, _slow, {"seconds": 2.0}),
    # Accepted, and answered when the faults are cleared.
    "held": _connection(True, Manner.HELD),
}


@dataclass(slots=True)
class Rule:
    """When a fault strikes."""

    next: int | None = None
    skip: int = 0
    share: float = 1.0
    operation: str = ""
    to: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def concerns(self, operation: str, recipients: Sequence[str]) -> bool:
        if self.next == 0 or (self.to and self.to not in recipients):
            return False
        return operation in SENDS if not self.operation else self.operation in ("*", operation)

    def strikes(self, chance: random.Random) -> bool:
        """Whether this call, which it concerns, is one of those it strikes."""
        if self.skip:
            self.skip -= 1
            return False
        if self.share < 1 and chance.random() >= self.share:
            return False
        if self.next is not None:
            self.next -= 1
        return True


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that has struck a call."""

    name: str
    options: Options

    @property
    def acts(self) -> bool:
        return KINDS[self.name].acts

    def distort(self, answer: Answer) -> Answer:
        return KINDS[self.name].distort(answer, self.options)


class Faults:
    def __init__(self, seed: int, latency_ms: float) -> None:
        self._chance = random.Random(seed)
        self._rules: dict[str, Rule] = {}
        self._statuses: Rule | None = None
        self.latency_ms = latency_ms
        self.outcomes: dict[str, str] = {}

    def configure(self, wanted: Mapping[str, Any]) -> None:
        """Add, change and take away faults; ValueError for what is not one."""
        for name, value in wanted.items():
            if name == "latency_ms":
                self.latency_ms = float(value)
            elif name == "outcomes":
                self.outcomes = _outcomes(value or {})
            elif name == "statuses":
                full = value if value and "entries" in value else {"entries": value}
                self._statuses = _rule(full, {"entries": {}}) if value else None
            elif name not in KINDS:
                raise ValueError(f"unknown fault {name!r}; there are {', '.join(sorted(KINDS))}")
            elif value is None or value is False:
                self._rules.pop(name, None)
            else:
                self._rules[name] = _rule(value, KINDS[name].options)

    def clear(self) -> None:
        """Nothing goes wrong any more; the latency stays."""
        self._rules.clear()
        self._statuses = None
        self.outcomes = {}

    def pick(self, operation: str, recipients: Sequence[str]) -> Fault | None:
        """The first fault that strikes this call."""
        for name, rule in self._rules.items():
            if rule.concerns(operation, recipients) and rule.strikes(self._chance):
                return Fault(name, rule.options)
        return None

    def statuses(self, entries: Sequence[Sequence[str]]) -> Mapping[int, str]:
        """The forced statuses of a call's entries, which are given by their recipients."""
        rule = self._statuses
        if rule is None or rule.next == 0:
            return {}
        by: Mapping[str, str] = rule.options["entries"]
        found = {}
        for number, recipients in enumerate(entries):
            for key in (*recipients, str(number), "*"):
                if key in by:
                    found[number] = by[key]
                    break
        return found if found and rule.strikes(self._chance) else {}


def _rule(value: object, defaults: Options) -> Rule:
    match value:
        case True:
            return Rule(options=dict(defaults))
        case int():
            return Rule(next=value, options=dict(defaults))
        case float():
            return Rule(share=value, options=dict(defaults))
        case dict():
            when = {"next", "skip", "share", "operation", "to"}
            if unknown := value.keys() - when - defaults.keys():
                raise ValueError(f"unknown option {min(unknown)!r}")
            options = {name: value.get(name, default) for name, default in defaults.items()}
            return Rule(**{name: value[name] for name in when & value.keys()}, options=options)
        case _:
            raise ValueError(f"{value!r} does not say when")


def _outcomes(wanted: Mapping[str, str]) -> dict[str, str]:
    if unknown := set(wanted.values()) - OUTCOMES.keys():
        raise ValueError(f"unknown outcome {min(unknown)!r}; there are {', '.join(OUTCOMES)}")
    return dict(wanted)
