"""All errors of the project, each with its exit code.

    NewsletterError              1  what a person is told in place of a traceback
    ├── UnreadableIssue          1  not UTF-8, NUL, too large
    ├── RenderError              1  a theme or template that cannot be rendered
    ├── PicturesUnpublished      1  no place took the pictures of an issue
    ├── StoreError               1  the store cannot be read or written
    │   ├── StoreAway            1  for the moment: the same step may be done again
    │   │   └── StoreBusy        1  others hold its lock
    │   └── StoreClosed          5  for good: it was moved, or is being moved
    ├── UsageError               2  a bad option, a missing file, an unknown name
    │   ├── ConfigurationError   2  newsletter.toml or its environment is wrong
    │   ├── GitFailed            2  git has no answer (git)
    │   └── InvalidAddress       2  not an address (audience.address)
    ├── FindingsError            3  findings of severity error
    ├── Stopped                  4  stopped but resumable
    ├── Refused                  5  already sent, not confirmed, sealed
    ├── Interrupted            130  resumable, by Ctrl-C or a signal
    ├── TransportError           1  about one whole call of a transport
    │   ├── Throttled            1  wait, then again
    │   ├── QuotaReached         4  pause until `resume_at`
    │   ├── OutcomeUnknown       1  it may have been sent: never again by itself
    │   │   └── NotUnderstood    1  nor is the next call made (transports.ses.outcomes)
    │   ├── TransportDown        1  provably not sent
    │   │   └── MachineFault     1  by a fault of this machine, such as a full disk
    │   ├── SendingStopped       1  a person has to act
    │   └── CallRefused          1  for what the call holds (transports.ses.outcomes)
    ├── EditConflict             1  the file holds something else by now (desk.editing)
    ├── UnsafeHeader             1  a value that no header can have (transports.mime)
    ├── QueueUnreachable         1  the queue of events gives no answer (feedback.base)
    ├── SetupFailed              1  a provider did not do what was asked (provision.ses.calls)
    ├── DnsUnreachable           1  no server answers what is asked of a domain (dns)
    ├── Unseen                   1  a check cannot look, or need not (doctor.base)
    ├── NotTold                  1  a question to AWS got no answer (doctor.ses.asking)
    ├── NoPage                   1  a web server gave no answer (doctor.fetching)
    │   └── NotTrusted           1  its certificate is refused (doctor.fetching)
    ├── RecordsUnreachable       1  what became of single mails cannot be read (feedback.base)
    └── NotNow                   1  what was posted is to be posted again (feedback.base)
        ├── NoCertificate        1  its signature cannot be checked (feedback.ses.certificates)
        │   └── NotFetched       1  before the certificate is there (feedback.ses.certificates)
        └── NotConfirmed         1  SNS took no confirmation (feedback.ses.subscribing)

Every error says what happened, where, and what to do next. What an author can mend is a Finding
(newsletter.model.finding), not an error.
"""

import datetime as dt
import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.model.finding import Finding
    from newsletter.model.send import Outcome

STANDARD_OUTPUT = "standard output"  # where an error was that is about no file


class NewsletterError(Exception):
    """What went wrong, for people. `where` is `file:line` or a key, `details` are further lines of
    the message, and `hint` says what to do next; a command says the `usual_hint` without one."""

    exit_code = 1
    usual_hint = ""
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
    """An issue's file holds no text that could be read as one."""

    code = "unreadable-issue"


class RenderError(NewsletterError):
    """A theme or a template cannot be rendered; the hint says what to mend in it."""

    code = "render"


class PicturesUnpublished(NewsletterError):
    """No place took the pictures of an issue; nothing of it was sent."""

    code = "pictures-unpublished"


class StoreError(NewsletterError):
    """The store cannot be read or written; nothing half-done is in it."""

    code = "store"


class StoreAway(StoreError):
    """A restart, a failover, a lock. What was not committed may be done again; where the commit
    itself went unanswered, the step must bear being done twice."""

    code = "store-away"


class StoreBusy(StoreAway):
    """Others hold the lock of the store, which is there: it takes their steps."""


class StoreClosed(StoreError):
    """The store was moved to another database, or is being moved: it takes nothing more."""

    exit_code = 5
    code = "store-closed"


class UsageError(NewsletterError):
    """What was asked for cannot be done: a bad option, a missing file, an unknown name."""

    exit_code = 2
    code = "usage"
    usual_hint = "See how it is used: add --help."


class ConfigurationError(UsageError):
    """All faults of a configuration at once, one a line."""

    code = "configuration"


class FindingsError(NewsletterError):
    """An issue has findings of severity error, which `findings` holds."""

    exit_code = 3
    code = "findings"

    def __init__(self, findings: "Sequence[Finding]", *, hint: str = "") -> None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{first.message}{more}", where=str(first.position), hint=hint)
        self.findings = tuple(findings)


class Stopped(NewsletterError):
    """What was begun stopped, and can go on: the hint is the command for that."""

    exit_code = 4
    code = "stopped"


class Refused(NewsletterError):
    """It could be done, and is not: it was done already, or a person has to say yes first."""

    exit_code = 5
    code = "refused"


class Interrupted(NewsletterError):
    """A person or a signal ended the command; the hint says how it goes on."""

    exit_code = 130
    code = "interrupted"
    usual_hint = "Run it again."


class TransportError(NewsletterError):
    """What a transport says of a whole call, rather than of one message."""

    code = "transport"


class Throttled(TransportError):
    """The call came too fast and never left: it is made again, slower."""

    code = "throttled"
    usual_hint = "Nothing of it was sent. Try again in a moment."


class QuotaReached(TransportError):
    """The call never left: nothing more does before `resume_at`, if that is known."""

    exit_code = 4
    code = "quota"
    usual_hint = "Nothing of it was sent. Try again once the quota of the day has recovered."

    def __init__(
        self, message: str, *, resume_at: dt.datetime | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.resume_at = resume_at


class OutcomeUnknown(TransportError):
    """The call may have left: none of its messages is ever sent again by itself."""

    code = "outcome-unknown"
    usual_hint = "It may have been sent: look whether it arrived before you try again."


class TransportDown(TransportError):
    """The call provably never left, and may be made again."""

    code = "transport-down"
    usual_hint = "Nothing of it was sent. Check the network, then try again."


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
        outcomes: "Sequence[Outcome | None]" = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.outcomes = tuple(outcomes)


class SendingStopped(TransportError):
    """The call provably never left, and none will before a person has acted."""

    code = "sending-stopped"
    usual_hint = "Nothing of it was sent. Mend what it names, then try again."


def exhausted(error: BaseException) -> str:
    """What this machine has no more of; empty where an error says nothing of the kind."""
    match error:
        case MemoryError():
            return "this machine has no memory left"
        case ImportError() if "failed to map segment" in str(error):
            return "this machine has no memory left"
        case SystemError() if "without exception set" in str(error):
            # The interpreter had no memory for the MemoryError itself.
            return "this machine has no memory left"
        case RuntimeError() if "start new thread" in str(error):
            return "this machine starts no more threads"
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return "too many files are open"
    return ""


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Let errors of the system say what they are about: those of a write do not know it."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or place
        raise


def place_in_code(error: BaseException) -> str:
    """The innermost line of ours that an error went through; empty where there is none.

    All that may be shown of an error that nobody foresaw: its message may hold anything.
    """
    package, place = Path(__file__).parent, ""
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(package):
            place = f"{file.relative_to(package.parent)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
