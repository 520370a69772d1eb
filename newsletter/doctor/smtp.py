"""Checks of the transport `smtp`: a mail server, of which no mail is asked."""

from collections.abc import Iterator

from newsletter.doctor.base import (
    Bedside,
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    SenderRecords,
    domain_of,
    fail,
    ok,
    warn,
)
from newsletter.errors import NewsletterError
from newsletter.transports import open_transport


def takes_us(exam: Examination) -> Iterator[Diagnosis]:
    """Connection, greeting, TLS and login, as before a send."""
    settings = exam.settings.transport.smtp
    try:
        open_transport(exam.project).check(exam.settings.newsletter.sender)
    except NewsletterError as error:
        hint = error.hint.removeprefix("Nothing was sent. ")
        yield fail(error.message, hint or "Check [transport.smtp].")
        return
    how = "with a login" if settings.username else "without a login"
    yield ok(f"{settings.host} takes a connection {how}")


def encrypted(exam: Examination) -> Iterator[Diagnosis]:
    settings = exam.settings.transport.smtp
    if settings.tls == "none":
        yield warn("mails go to the server in the clear", 'Set [transport.smtp] tls = "starttls".')
    else:
        yield ok(f"mails go to the server by {settings.tls}")


def reports(exam: Examination) -> Iterator[Diagnosis]:
    if exam.settings.transport.smtp.bounce_address:
        yield ok("bounces come back to an address of their own")
    else:
        yield warn(
            "bounces come back to the sender, among the answers of readers",
            "Set [transport.smtp] bounce_address, and read it: nothing suppresses who bounces.",
        )


def _records(exam: Examination) -> SenderRecords:
    """Which server sends is its own affair: only what the envelope's domain says can be read."""
    settings = exam.settings.transport.smtp
    return SenderRecords(domain_of(settings.bounce_address or exam.settings.newsletter.sender))


BEDSIDE = Bedside(
    (
        Check("mail-server", CheckGroup.TRANSPORT, takes_us, "A send hands it each mail."),
        Check("mail-server-tls", CheckGroup.TRANSPORT, encrypted, "Mails hold readers' own links."),
        Check(
            "bounce-address",
            CheckGroup.TRANSPORT,
            reports,
            "An address that bounces has to be left.",
        ),
    ),
    _records,
)
