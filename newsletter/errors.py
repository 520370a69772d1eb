"""All errors of the project, each with its exit code.

    NewsletterError                  1  failed
    ├── UnreadableIssue              1  not UTF-8, NUL, too large
    ├── RenderError                  1  a theme or template that cannot be rendered
    ├── PicturesUnpublished          1  no place took the pictures of an issue
    ├── StoreError                   1  the store cannot be read or written
    │   └── StoreAway                1  for the moment: the same step may be done again
    ├── UsageError                   2  a bad option, a missing file, an unknown name
    │   └── ConfigurationError       2  newsletter.toml or its environment is wrong
    ├── FindingsError                3  findings of severity error
    ├── Stopped                      4  stopped but resumable
    ├── Refused                      5  already sent, not confirmed, sealed
    │   └── RunElsewhere             5  another process runs the send
    ├── Interrupted                130  resumable, by Ctrl-C or a signal
    └── TransportError               1  about one whole call of a transport
        ├── Throttled                   wait, then again
        ├── QuotaReached             4  pause until `resume_at`
        ├── OutcomeUnknown              it may have been sent: never again by itself
        ├── TransportDown               provably not sent
        │   └── MachineFault            by a fault of this machine, such as a full disk
        └── SendingStopped              a person has to act

Every error says what happened, where, and what to do next. What an author can mend is a Finding
(newsletter.model.finding), not an error.
"""

import datetime as dt
import difflib
from collections.abc import Sequence

from newsletter.model.finding import Finding
from newsletter.model.send import Outcome


class NewsletterError(Exception):
    """`where` is `file:line` or a key, `details` are further lines of the message, and `hint` says
    what to do next."""

    exit_code = 1
    code = "failed"

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", details: Sequence[str] = ()
    ) -> None:
        self.lines = (message, *details)
        self.message = "\n".join(self.lines)
        super().__init__(self.message)
        self.where = where
        self.hint = hint


class UnreadableIssue(NewsletterError):
    code = "unreadable-issue"


class RenderError(NewsletterError):
    code = "render"


class PicturesUnpublished(NewsletterError):
    code = "pictures-unpublished"


class StoreError(NewsletterError):
    code = "store"


class StoreAway(StoreError):
    """A restart, a failover, a lock. What was not committed may be done again; where the commit
    itself went unanswered, the step must bear being done twice."""

    code = "store-away"


class UsageError(NewsletterError):
    exit_code = 2
    code = "usage"


class ConfigurationError(UsageError):
    """All faults of a configuration at once, one a line."""

    code = "configuration"


class FindingsError(NewsletterError):
    exit_code = 3
    code = "findings"

    def __init__(self, findings: Sequence[Finding], *, hint: str = "") -> None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{first.message}{more}", where=str(first.position), hint=hint)
        self.findings = tuple(findings)


class Stopped(NewsletterError):
    exit_code = 4
    code = "stopped"


class Refused(NewsletterError):
    exit_code = 5
    code = "refused"


class RunElsewhere(Refused):
    """Another process runs the send: nothing is wrong."""


class Interrupted(NewsletterError):
    exit_code = 130
    code = "interrupted"


class TransportError(NewsletterError):
    code = "transport"


class Throttled(TransportError):
    code = "throttled"


class QuotaReached(TransportError):
    exit_code = 4
    code = "quota"

    def __init__(
        self, message: str, *, resume_at: dt.datetime | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.resume_at = resume_at


class OutcomeUnknown(TransportError):
    code = "outcome-unknown"


class TransportDown(TransportError):
    code = "transport-down"


class MachineFault(TransportDown):
    """A disk that is full, a limit of this machine: nobody's fault, and trying again is no help.

    `outcomes` holds what became of each message of the batch before that, None for those that
    never left.
    """

    code = "machine"

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        outcomes: Sequence[Outcome | None] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.outcomes = tuple(outcomes)


class SendingStopped(TransportError):
    code = "sending-stopped"


def nearest(name: str, known: Sequence[str]) -> str:
    """The hint for a name that is none of the known ones; empty where there are none."""
    by_letters = {each.casefold(): each for each in reversed(known)}
    if close := difflib.get_close_matches(name.casefold(), by_letters, n=1):
        return f"Did you mean {by_letters[close[0]]!r}?"
    return f"There are: {', '.join(known[:10])}." if known else ""
