"""Checks of the transport `outbox`: files, which reach nobody."""

from collections.abc import Iterator

from newsletter.doctor.base import (
    Bedside,
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    SenderRecords,
    Unseen,
    fail,
    ok,
)
from newsletter.errors import NewsletterError
from newsletter.transports import open_transport


def writable(exam: Examination) -> Iterator[Diagnosis]:
    try:
        open_transport(exam.project).check(exam.settings.newsletter.sender)
    except NewsletterError as error:
        yield fail(error.message, f"chmod u+rwx {exam.project.outbox.parent}")
        return
    yield ok("mails can be written there; they reach nobody")


def _no_records(exam: Examination) -> SenderRecords:
    raise Unseen("mail goes to the outbox, where no provider looks at it")


BEDSIDE = Bedside(
    (Check("outbox", CheckGroup.TRANSPORT, writable, "A send writes each mail there."),),
    _no_records,
    is_for_readers=False,
)
