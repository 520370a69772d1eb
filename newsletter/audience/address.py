"""Addresses as people type them, made into the one form that is stored and sent to."""

import re

from newsletter.errors import UsageError
from newsletter.model.address import Address

_LONGEST = 254  # RFC 5321 4.5.3.1.3; looked at before any pattern, so that none meets a megabyte
_SPACES = " \t\u00a0\u3000"

_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"(?![^.]{2}--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_RESERVED = "arpa|invalid|local|localhost|onion|test"
# Nine addresses in ten. A test proves that email-validator accepts all that this accepts; what it
# does not accept is email-validator's to decide.
_PLAIN = re.compile(
    rf"((?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@)"
    rf"((?:{_LABEL}\.)+(?!(?:{_RESERVED})\Z)[A-Za-z]{{2,63}})",
    re.IGNORECASE | re.ASCII,
)


class InvalidAddress(UsageError):
    """`reason` says what is wrong, without the address."""

    code = "invalid-address"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, hint="An address looks like name@example.com.")
        self.reason = reason


def parse(raw: str) -> Address:
    """The mailbox that `raw` names; raises InvalidAddress for anything but one bare address.

    The local part stays as given, the domain becomes lower-case A-labels. A local part that is
    not ASCII is refused: SES cannot send to it.
    """
    return Address(canonical(raw))


def canonical(raw: str) -> str:
    """The text of `parse(raw)`, for the import, which has a million of them."""
    text = raw.strip(_SPACES)
    if len(text) > _LONGEST:
        raise InvalidAddress(f"the address is longer than {_LONGEST} characters")
    if match := _PLAIN.fullmatch(text):
        local, domain = match.groups()
        return f"{local}{domain.lower()}"
    return _validated(text)


def _validated(text: str) -> str:
    if not text:
        raise InvalidAddress("there is no address")
    if "<" in text or ">" in text:
        raise InvalidAddress("only the bare address, without a name or angle brackets")
    if text.count("@") > 1 and '"' not in text:
        raise InvalidAddress("only one address, with one @")

    import email_validator  # noqa: PLC0415 -- slow to import, and few addresses need it

    try:
        found = email_validator.validate_email(
            text,
            strict=True,
            allow_smtputf8=False,
            check_deliverability=False,
            test_environment=False,
        )
    except email_validator.EmailNotValidError as error:
        raise InvalidAddress(_sentence(str(error))) from error
    # RFC 2142 names such as `Info` come back in lower case; we keep what the person typed.
    local = text.rpartition("@")[0]
    address = f"{local}@{found.ascii_domain.lower()}"
    if not local.isascii() or len(address) > _LONGEST:
        raise InvalidAddress("the address cannot be written in ASCII within 254 characters")
    return address


def _sentence(message: str) -> str:
    """email-validator's words in the form of our messages."""
    if message.startswith("Internationalized characters before"):
        return "letters before the @ that are not ASCII cannot be mailed through SES"
    return message[:1].lower() + message[1:].rstrip(".")
