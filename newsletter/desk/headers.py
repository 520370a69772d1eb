"""The headers of an issue as transports write them, for lint."""

from collections.abc import Callable, Iterator

from newsletter.config import Settings
from newsletter.lint.headers import header_faults
from newsletter.model.email import Email, fill
from newsletter.model.finding import Finding, Position, Severity
from newsletter.transports import mime

_LONGEST_TOKEN = "x" * 130


def header_findings(
    email: Email, settings: Settings, place: Position, subject_place: Position
) -> Iterator[Finding]:
    """From, Reply-To, Subject and List-Unsubscribe, with the longest link that a mail can have."""
    leave = f"{settings.newsletter.base_url}/u/{_LONGEST_TOKEN}"
    values: dict[str, Callable[[], str]] = {
        "From": lambda: mime.mailbox(*mime.split_mailbox(email.sender)),
        "Subject": lambda: fill(email.subject, {}),
        "List-Unsubscribe": lambda: f"<{leave}>",
    }
    if email.reply_to:
        values["Reply-To"] = lambda: mime.mailbox(*mime.split_mailbox(email.reply_to))
    for name, value in values.items():
        where = subject_place if name == "Subject" else place
        try:
            yield from header_faults([mime.header(name, value())], where)
        except mime.UnsafeHeader as error:
            fix = error.hint or _FIX
            yield Finding("header-invalid", Severity.ERROR, where, error.message, fix)


_FIX = "Shorten it, or write it in plain letters."
