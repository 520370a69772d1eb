"""Checks of a rehearsal: whether four mails to the simulator went out, and all came back.

`newsletter.operations.rehearsal` plays it; here is said what it shows.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.doctor.base import (
    Bedside,
    Check,
    CheckGroup,
    CheckLine,
    Diagnosis,
    Examination,
    Simulated,
    Witness,
    fail,
    listed,
    ok,
    skipped,
)
from newsletter.errors import NewsletterError
from newsletter.model.send import DeliveryStatus, Reported

_TRANSPORT = "newsletter doctor --only transport"
_SERVE = "newsletter events pull"
_HEADERS = {
    "list-unsubscribe": "List-Unsubscribe",
    "list-unsubscribe-post": "List-Unsubscribe-Post",
    "x-newsletter-ref": "X-Newsletter-Ref",
}
_ONE_CLICK = "List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What became of a rehearsal: of each address, by its name in the simulator, its delivery and
    whether it is suppressed now; why the send stopped, and what the queue gave."""

    send_id: str
    base_url: str
    stopped: str = ""
    queue_error: NewsletterError | None = None
    strange: str = ""
    waited_seconds: float = 0
    statuses: Mapping[str, DeliveryStatus] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    reported: Mapping[str, Reported | None] = field(default_factory=dict)
    suppressed: Mapping[str, bool] = field(default_factory=dict)
    events: int = 0
    witnesses: Sequence[Witness] = ()

    def is_complete(self, simulator: Sequence[Simulated]) -> bool:
        """Whether all that has to come of it has come."""
        return all(
            self.reported.get(one.name) is one.reported
            and self.suppressed.get(one.name) is one.suppresses
            for one in simulator
        )


def judge(rehearsed: Rehearsed, bedside: Bedside) -> list[CheckLine]:
    """A line for each link of the way."""
    looks: Mapping[str, Iterator[Diagnosis]] = {
        "live-send": _sent(rehearsed, bedside),
        "live-queue": _fetched(rehearsed),
        "live-events": _came(rehearsed, bedside),
        **{
            f"live-{one.name}": _outcome(rehearsed, one, bedside.setup) for one in bedside.simulator
        },
        "live-headers": _headers(rehearsed),
        "live-tags": _tags(rehearsed),
        "live-tracking": _tracking(),
    }
    by_id = {check.id: check for check in CHECKS}
    return [CheckLine(by_id[name], one) for name, look in looks.items() for one in look]


def not_played(error: NewsletterError) -> CheckLine:
    """The line of a rehearsal that could not begin."""
    hint = error.hint.removeprefix("Nothing was sent. ")
    return CheckLine(CHECKS[0], fail(error.message, hint or _TRANSPORT))


def _sent(rehearsed: Rehearsed, bedside: Bedside) -> Iterator[Diagnosis]:
    refused = {
        name: rehearsed.reasons.get(name) or str(status)
        for name, status in rehearsed.statuses.items()
        if status is not DeliveryStatus.ACCEPTED
    }
    if rehearsed.stopped:
        yield fail(f"the send stopped: {rehearsed.stopped}", _TRANSPORT)
    elif refused or not rehearsed.statuses:
        reasons = listed(f"{name}: {reason}" for name, reason in refused.items())
        yield fail(f"not all mails were taken: {reasons}", _TRANSPORT)
    else:
        yield ok(f"{len(rehearsed.statuses)} mails were taken, as {rehearsed.send_id}")


def _fetched(rehearsed: Rehearsed) -> Iterator[Diagnosis]:
    if rehearsed.queue_error is not None:
        yield fail(rehearsed.queue_error.message, rehearsed.queue_error.hint)
    elif rehearsed.strange:
        yield fail(f"a message was set aside: {rehearsed.strange}", "newsletter events set-aside")
    else:
        yield ok("what came could be fetched and read")


def _came(rehearsed: Rehearsed, bedside: Bedside) -> Iterator[Diagnosis]:
    if DeliveryStatus.ACCEPTED not in rehearsed.statuses.values():
        yield skipped("no mail left")
    elif rehearsed.queue_error is not None or rehearsed.strange:
        yield skipped("what came could not be read")
    elif not rehearsed.events:
        yield fail(
            f"no report came within {rehearsed.waited_seconds:.0f} seconds",
            f"newsletter doctor --only events, then {bedside.setup}",
        )
    else:
        yield ok(f"{rehearsed.events} reports came")


def _outcome(rehearsed: Rehearsed, one: Simulated, setup: str) -> Iterator[Diagnosis]:
    reported = rehearsed.reported.get(one.name)
    if not rehearsed.events:
        yield skipped("no report came")
    elif reported is not one.reported:
        word = reported or "nothing"
        yield fail(f"{word} was reported of it, and {one.reported} should be", setup)
    elif rehearsed.suppressed.get(one.name) is not one.suppresses:
        what = "is not suppressed" if one.suppresses else "is suppressed"
        yield fail(f"{one.reported} was reported, and the address {what}", _SERVE)
    else:
        yield ok(f"{one.reported} was reported" + (", and obeyed" if one.suppresses else ""))


def _headers(rehearsed: Rehearsed) -> Iterator[Diagnosis]:
    if not rehearsed.witnesses:
        yield skipped("no report tells of headers")
        return
    missing = sorted(
        {
            shown
            for witness in rehearsed.witnesses
            for name, shown in _HEADERS.items()
            if name not in witness.headers
        }
    )
    if missing:
        yield fail(
            f"{listed(missing)} did not arrive: something on the way takes it out",
            "Send newsletter test to yourself, and see which program changes the mail.",
        )
    elif changed := _changed(rehearsed):
        yield fail(f"{changed} arrived changed", "Send newsletter test to yourself, and compare.")
    else:
        yield ok(f"{listed(_HEADERS.values())} arrived as they left")


def _changed(rehearsed: Rehearsed) -> str:
    """The header that is not as it was sent, empty where all are."""
    references = set(rehearsed.references.values())
    for witness in rehearsed.witnesses:
        link = witness.headers["list-unsubscribe"]
        if not link.startswith(f"<{rehearsed.base_url}/u/"):
            return "List-Unsubscribe"
        if witness.headers["list-unsubscribe-post"] != _ONE_CLICK:
            return "List-Unsubscribe-Post"
        if witness.headers["x-newsletter-ref"].partition(".")[0] not in references:
            return "X-Newsletter-Ref"
    return ""


def _tags(rehearsed: Rehearsed) -> Iterator[Diagnosis]:
    if not rehearsed.witnesses:
        yield skipped("no report tells of tags")
        return
    references = set(rehearsed.references.values())
    wrong = [
        witness
        for witness in rehearsed.witnesses
        if witness.tags.get("send") != rehearsed.send_id
        or witness.tags.get("delivery") not in references
    ]
    if wrong:
        yield fail("reports do not carry our tags: they are matched by header alone", _TRANSPORT)
    else:
        yield ok("every report names its send and its delivery")


def _tracking() -> Iterator[Diagnosis]:
    yield skipped(
        "no report shows the content of a mail; each call says whether to track",
        "newsletter test ISSUE --to you@example.com, and look where its links lead",
    )


def _is_played(name: str, exam: Examination) -> Iterator[Diagnosis]:
    """These checks are no looks of their own: `judge` says what a rehearsal shows."""
    yield from ()


def _check(name: str, why: str) -> Check:
    return Check(name, CheckGroup.LIVE, functools.partial(_is_played, name), why)


CHECKS = (
    _check("live-send", "A send leaves this way, too."),
    _check("live-queue", "Reports are fetched there, and believed from one topic alone."),
    _check("live-events", "Without reports nobody who bounced is left out."),
    _check("live-success", "What arrives is reported as delivered."),
    _check("live-bounce", "An address that does not exist is not mailed again."),
    _check("live-complaint", "Who complained is not mailed again."),
    _check("live-suppressed", "What the provider does not even try is known here, too."),
    _check("live-headers", "One click needs both headers; the third settles what is unknown."),
    _check("live-tags", "By its tags a report finds its delivery."),
    _check("live-tracking", "What was sealed is what should arrive."),
)
