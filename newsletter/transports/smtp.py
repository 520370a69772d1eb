"""The transport `smtp`: a mail server that passes mails on, or one for development.

A batch has one connection, and each mail a transaction of its own. What the server says, and what
it does not say any more, means for the mail:

    no connection, no TLS, no greeting       nothing left: TransportDown
    AUTH or MAIL refused for good (5xx)      SendingStopped: the next mail would fare alike
    MAIL, RCPT or DATA refused for now (4xx) RetryLater
    RCPT or DATA refused for good            Rejected
    421, or the connection lost, before the
    end of the mail was sent                 again at once by a new connection, else TransportDown
    4xx, 5xx after the end of the mail       RetryLater, Rejected
    no reply, or not one of SMTP, after it   Unknown: it may have been taken, and is never repeated

Mails are plain ASCII, so neither 8BITMIME nor SMTPUTF8 is asked for. The meaning of a reply is in
RFC 5321, 4.2 (https://www.rfc-editor.org/rfc/rfc5321#section-4.2), and those of AUTH by RFC 4954.
"""

import base64
import datetime as dt
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from newsletter.config import SmtpSettings
from newsletter.errors import ConfigurationError, Refused, SendingStopped, TransportDown
from newsletter.gate import masked, visible
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Allowance, Outcome, Rejected, RetryLater, Unknown
from newsletter.transports import mime
from newsletter.transports.base import Kind, is_nearby

_CONNECTIONS = 4
_BATCH = 20
_BATCH_SECONDS = 20.0  # after which a batch begins no further mail
_CHARACTERS = 300  # of what a server says
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_CLOSING = 421
_GO_ON = 354


class Smtp:
    """Hands mails to the server of `[transport.smtp]`.

    What stops the whole send but came after mails of its batch were taken is kept, and raised by
    the next call for that send before it sends anything.
    """

    kind = "smtp"
    concurrency = _CONNECTIONS
    batch_size = _BATCH

    def __init__(self, settings: SmtpSettings, *, batch_seconds: float = _BATCH_SECONDS) -> None:
        self._settings = settings
        self._batch_seconds = batch_seconds
        self._pending: dict[str, SendingStopped] = {}

    @property
    def reaches_readers(self) -> bool:
        return not is_nearby(self._settings.host)

    def allowance(self) -> Allowance:
        return Allowance()

    def check(self, sender: str) -> Sequence[str]:
        """Whether the server can be reached and takes the user name, before a send is planned."""
        try:
            with closing(_Session(self._settings)) as session:
                session.open()
        except SendingStopped as error:
            raise ConfigurationError(
                error.message, where="transport.smtp", hint=f"Nothing was sent. {error.hint}"
            ) from error
        except TransportDown as error:
            raise Refused(
                error.message, hint="Nothing was sent. Check [transport.smtp]."
            ) from error
        return ()

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        if (pending := self._pending.pop(send_id, None)) is not None:
            raise pending
        outcomes: list[Outcome] = []
        until = time.monotonic() + self._batch_seconds
        with closing(_Session(self._settings)) as session:
            for message in batch:
                try:
                    if time.monotonic() > until:
                        raise TransportDown("the mail server is slow: the rest waits")
                    outcomes.append(session.deliver(message))
                except (SendingStopped, TransportDown) as error:
                    if not outcomes:
                        raise
                    if isinstance(error, SendingStopped):
                        self._pending[send_id] = error
                    put_off = RetryLater(error.message, is_failure=False)
                    outcomes += [put_off] * (len(batch) - len(outcomes))
                    break
        return outcomes


class _Lost(Exception):
    """The connection is useless now, and the mail in hand was provably not taken."""


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str  # with its code, for people

    @property
    def is_good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def refusal(self) -> Outcome | None:
        """What a refusal means for one mail; None where it is none."""
        if 400 <= self.code < 500:
            return RetryLater(self.text)
        if 500 <= self.code < 600:
            return Rejected(self.text)
        return None


class _Session:
    """A connection that is made when it is first needed, and anew after it was lost."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client: smtplib.SMTP | None = None

    def open(self) -> smtplib.SMTP:
        """Raises TransportDown or SendingStopped; nothing was sent then."""
        if self._client is None:
            self._client = _connected(self._settings)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._client.quit()
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def deliver(self, message: Message) -> Outcome:
        """Raises TransportDown or SendingStopped where this mail provably was not sent."""
        try:
            content = mime.compose(message, dt.datetime.now(dt.UTC))
        except mime.UnsafeHeader as error:
            return Rejected(error.message)
        is_new = self._client is None
        try:
            return self._transaction(message, content)
        except _Lost as lost:
            self._drop()
            if is_new:
                raise TransportDown(str(lost)) from lost
        try:
            return self._transaction(message, content)
        except _Lost as lost:
            self._drop()
            raise TransportDown(str(lost)) from lost

    def _transaction(self, message: Message, content: bytes) -> Outcome:
        client = self.open()
        sender = self._settings.bounce_address or mime.split_mailbox(message.sender)[1]
        reply = self._ask(lambda: client.mail(sender))
        if not reply.is_good:
            self._reset()
            if isinstance(reply.refusal, Rejected):
                raise SendingStopped(
                    f"the mail server refuses the sender: {reply.text}",
                    hint="Check [newsletter] from, and [transport.smtp].",
                )
            return _refusal(reply)
        reply = self._ask(lambda: client.rcpt(message.to.text))
        if not reply.is_good:
            self._reset()
            return _refusal(reply)
        reply = self._ask(lambda: client.docmd("DATA"))
        if reply.code != _GO_ON:
            self._reset()
            return _refusal(reply)
        return self._content(client, message, content)

    def _content(self, client: smtplib.SMTP, message: Message, content: bytes) -> Outcome:
        """Send the mail, and then the line that ends it: before that line nothing is taken, after
        it the mail may be."""
        assert client.sock is not None
        try:
            client.sock.sendall(re.sub(rb"(?m)^\.", b"..", content))
        except OSError as error:
            raise _Lost(f"the connection broke within a mail: {_reason(error)}") from error
        try:
            client.sock.sendall(b".\r\n")
            reply = self._reply(client.getreply())
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Unknown(f"the mail server gave no answer to a whole mail: {_reason(error)}")
        if reply.is_good:
            return Accepted(mime.message_id(message))
        if reply.refusal is None:
            self._drop()
            return Unknown(f"the mail server gave an answer that is not SMTP: {reply.text}")
        self._reset()
        return reply.refusal

    def _ask(self, call: Callable[[], tuple[int, bytes]]) -> _Reply:
        """The reply to a command before the content. Raises _Lost where there is none, or where the
        server says that it closes the connection."""
        try:
            reply = self._reply(call())
        except (smtplib.SMTPException, OSError) as error:
            raise _Lost(f"the mail server closed the connection: {_reason(error)}") from error
        if reply.code == _CLOSING:
            raise _Lost(f"the mail server closed the connection: {reply.text}")
        return reply

    def _reply(self, reply: tuple[int, bytes]) -> _Reply:
        code, text = reply
        return _Reply(code, _reply_text(code, text, self._settings))

    def _reset(self) -> None:
        """End a transaction that was refused; where that fails, so may what follows."""
        if self._client is None:
            return
        try:
            code, _ = self._client.rset()
        except (smtplib.SMTPException, OSError):
            code = 0
        if code != 250:
            self._drop()


def _refusal(reply: _Reply) -> Outcome:
    if reply.refusal is None:
        raise _Lost(f"the mail server gave an answer that is not SMTP: {reply.text}")
    return reply.refusal


def _connected(settings: SmtpSettings) -> smtplib.SMTP:
    """A connection that is ready for the first mail."""
    at = f"the mail server {settings.host}:{settings.port or _PORTS[settings.tls]}"
    client: smtplib.SMTP | None = None
    try:
        client = _greeted(settings)
        assert client.sock is not None
        # The end of a mail is a write of its own, and must not wait for the one before.
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.username:
            client.login(settings.username, settings.password)
    except (smtplib.SMTPException, OSError) as error:
        if client is not None:
            client.close()
        raise _unready(error, settings, at) from error
    return client


def _greeted(settings: SmtpSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    address = settings.host, settings.port or _PORTS[settings.tls]
    seconds = settings.timeout_seconds
    if settings.tls == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(*address, timeout=seconds, context=context)
    else:
        client = smtplib.SMTP(*address, timeout=seconds)
    try:
        client.ehlo_or_helo_if_needed()
        if settings.tls == "starttls":
            client.starttls(context=context)
            client.ehlo_or_helo_if_needed()
    except BaseException:
        client.close()
        raise
    return client


def _unready(error: Exception, settings: SmtpSettings, at: str) -> SendingStopped | TransportDown:
    """Why there is no connection: what a person has to mend stops a send, all else may pass."""
    match error:
        case OSError() if error.filename:
            hint = "Check SSLKEYLOGFILE in the environment, or unset it."
            return SendingStopped(f"{_line(str(error.filename))}: {_reason(error)}", hint=hint)
        case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
            return SendingStopped(
                f"{at} does not offer STARTTLS",
                hint='Set [transport.smtp] tls = "tls" or, on your own machine, "none".',
            )
        case smtplib.SMTPNotSupportedError():
            return SendingStopped(
                f"{at} asks nobody for a user name here",
                hint="Check [transport.smtp] port and tls, or leave username out.",
            )
        case smtplib.SMTPAuthenticationError() if not 400 <= error.smtp_code < 500:
            reply = _reply_text(error.smtp_code, error.smtp_error, settings)
            return SendingStopped(
                f"{at} refuses the user name or the password: {reply}",
                hint="Check [transport.smtp] username and NEWSLETTER_TRANSPORT__SMTP__PASSWORD.",
            )
        case smtplib.SMTPResponseException():
            reply = _reply_text(error.smtp_code, error.smtp_error, settings)
            return TransportDown(f"{at} is not ready: {reply}")
        case smtplib.SMTPServerDisconnected():
            return TransportDown(f"{at} closed the connection: {_reason(error)}")
        case smtplib.SMTPException():
            hint = "Check [transport.smtp] port and tls."
            return SendingStopped(f"{at} offers no way to log in that is supported here", hint=hint)
        case _:
            return TransportDown(f"{at} cannot be reached: {_reason(error)}")


def _reason(error: Exception) -> str:
    return _line(getattr(error, "strerror", None) or str(error))


def _reply_text(code: int, text: bytes | str, settings: SmtpSettings) -> str:
    """A reply as one line for people, without addresses, and without the password in the forms in
    which it was sent."""
    line = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    credentials = settings.username, settings.password
    for secret in (settings.password, *map(_base64, ("\0" + "\0".join(credentials), *credentials))):
        if settings.password and secret:
            line = line.replace(secret, "***")
    return _line(f"{code} {line}" if code > 0 else line)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _line(text: str) -> str:
    return visible(masked(" ".join(text.split())))[:_CHARACTERS]


KIND = Kind(
    service="the mail server",
    record="the log of the mail server",
    open=lambda project: Smtp(project.settings.transport.smtp),
    unreported="A mail server returns what bounces to [transport.smtp] bounce_address, or to the "
    "sender: read it there, and enter it with: newsletter suppressions add ADDRESS",
)
