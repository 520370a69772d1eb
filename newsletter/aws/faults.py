"""An error of AWS or of its SDK -> what is wrong, and what to do about it: one table for all.

Whoever calls AWS asks `fault_of` and raises what fits its own caller. No text of the SDK is shown
that did not pass the mask: it repeats URLs, headers and what programs print.
"""

import datetime as dt
import os
import re
import traceback
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from botocore import exceptions as boto
from urllib3.exceptions import LocationValueError
from urllib3.util import parse_url

from newsletter.aws import meanings
from newsletter.aws.meanings import FaultKind
from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.masking import masked

_PROXY_WANTS_MORE = 407
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
_CHARACTERS = 300  # of what the SDK says
_CLOCKS_APART = dt.timedelta(minutes=5)  # beyond which AWS takes no signature
_BEFORE = ("botocore.credentials", "botocore.tokens", "botocore.auth")  # modules of the SDK


@dataclass(frozen=True, slots=True)
class SettingsSection:
    """The part of the settings that a call is made for, as messages name it."""

    where: str
    service: str
    region: str = "Set [transport.ses] region, or AWS_REGION."
    endpoint: str = "Set [transport.ses] endpoint_url to a whole URL such as https://host, or none."
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and what to do."""

    kind: FaultKind
    message: str
    hint: str
    where: str

    def raised(self, otherwise: type[NewsletterError], context: str = "") -> NewsletterError:
        """The error to raise: one of configuration, else `otherwise`; `context` is what failed."""
        error_class = ConfigurationError if self.kind.is_configuration else otherwise
        message = f"{context}: {self.message}" if context else self.message
        return error_class(message, where=self.where, hint=self.hint)


_SKEWED = re.compile(r"Signature (?:expired|not yet current)|Request has expired", re.IGNORECASE)
_STAMP = re.compile(r"\b(\d{8}T\d{6})Z\b")
_OF_ITS_TIME = re.compile(r"certificate (?:is not yet valid|has expired)", re.IGNORECASE)


def is_before_the_call(error: Exception) -> bool:
    """Whether it came while the SDK got credentials, or signed with them: the call was not made."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") in _BEFORE for frame, _ in frames)


def are_expired(error: Exception) -> bool:
    """Whether it says that credentials had expired when the SDK got them; no call is made then."""
    return isinstance(error, RuntimeError) and "credentials are still expired" in str(error)


def fault_of(error: Exception, section: SettingsSection) -> Fault:
    """What an error means that a call of AWS raised, or the making of a client."""
    match error:
        case boto.ClientError():
            kind, message, hint = _of_an_answer(error, section)
        case _ if is_before_the_call(error) and (meaning := _of_credentials(error)):
            kind, message, hint = meaning
        case _ if isinstance(error, meanings.UNREADABLE):
            kind, hint = FaultKind.OTHER, meanings.NETWORK
            message = f"{section.service} gave no readable answer"
        case boto.NoRegionError() | boto.InvalidRegionError():
            kind, message, hint = FaultKind.SETTINGS, _text_of(error), section.region
        case _ if isinstance(error, meanings.WITHOUT_ENDPOINT):
            kind, message = FaultKind.SETTINGS, _text_of(error)
            hint = f"{section.region} {meanings.VARIANTS}"
        case _ if _is_of_a_header(error):
            kind, hint = FaultKind.CREDENTIALS, meanings.KEY_TEXT
            message = "the access key, its secret or its token holds what no header can carry"
        case _ if _is_of_the_endpoint(error):
            kind, variables = FaultKind.SETTINGS, _variables_without_urls()
            message = f"{variables or 'the endpoint'} is not a whole URL"
            hint = f"Set {variables} to one, or unset it." if variables else section.endpoint
        case _ if are_expired(error):
            kind, hint = FaultKind.CREDENTIALS, f"Renew them. {meanings.PROFILE}"
            message = "the credentials have expired, and what provides them has no newer ones"
        case OSError() if not isinstance(error, boto.BotoCoreError):
            kind, message, hint = _of_a_file(error)
        case ValueError() if not isinstance(error, boto.BotoCoreError):
            kind, message, hint = _of_a_value(error)
        case _:
            kind, message, hint = _of_the_sdk(error)
    return Fault(kind, f"AWS: {message}", hint, section.where)


def code_of(error: boto.ClientError) -> str:
    """The code of an answer, as the tables know it: without prefix and ending, except that what
    is about keys begins with KMS."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    code = re.sub(r"^KMS\.?", "KMS", code, flags=re.IGNORECASE)
    return re.split(r"[.#]", code)[-1].removesuffix("Exception")


def status_of(error: boto.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def line_of(text: str, length: int = _CHARACTERS) -> str:
    """Text from outside as one masked line that every database and terminal takes."""
    printable = (sign if sign.isprintable() else " " for sign in masked(text))
    return " ".join("".join(printable).split())[:length]


_Meaning = tuple[FaultKind, str, str]  # with the message and the hint


def _of_the_sdk(error: Exception) -> _Meaning:
    """What an error of the SDK means by its class, wherever it came from."""
    if isinstance(error, boto.CredentialRetrievalError | boto.PartialCredentialsError):
        return _of_a_provider(error)
    kind, hint = next(
        ((kind, hint) for cause, kind, hint in meanings.SDK if isinstance(error, cause)),
        (FaultKind.OTHER, "Check the AWS configuration of this machine."),
    )
    message = _text_of(error)
    if isinstance(error, boto.NoCredentialsError | boto.ProfileNotFound):
        message = "; ".join((message, *_unread_files()))
    if isinstance(error, boto.SSLError) and _OF_ITS_TIME.search(message):
        message = f"{message} (the clock of this machine says {_now()} UTC)"
        hint = f"{meanings.CERTIFICATE} If that clock is wrong: {meanings.CLOCK}"
    return kind, message, hint


def _of_a_provider(error: boto.BotoCoreError) -> _Meaning:
    provider = str(error.kwargs.get("provider"))
    if isinstance(error, boto.PartialCredentialsError) or provider not in meanings.PROVIDERS:
        hint = meanings.ENVIRONMENT if provider == "env" else meanings.PROFILE
        return FaultKind.CREDENTIALS, _text_of(error), hint
    message, hint = meanings.PROVIDERS[provider]
    if provider != "custom-process":  # it repeats what a program printed
        message += f": {_text_of(error.kwargs.get('error_msg'))}"
    return FaultKind.CREDENTIALS, message, hint


def _of_credentials(error: Exception) -> _Meaning | None:
    """What an error means that would mean something else, had it not come while the SDK got
    credentials."""
    if isinstance(error, (ValueError, *meanings.UNREADABLE)) and _is_of_a_process(error):
        return FaultKind.CREDENTIALS, *meanings.PROVIDERS["custom-process"]
    if isinstance(error, meanings.UNREADABLE):
        message = "what is to give the credentials gave nothing that can be read"
        return FaultKind.CREDENTIALS, message, f"{meanings.PROFILE} {meanings.GIVER}"
    text = f"no credentials: {_text_of(error)}"
    match error:
        case boto.ParamValidationError() | boto.InvalidRegionError():
            return FaultKind.SETTINGS, text, meanings.PROFILE
        case boto.ProxyConnectionError() | boto.SSLError():
            kind, message, hint = _of_the_sdk(error)
            return kind, f"no credentials: {message}", hint
        case boto.ConnectionError() | boto.HTTPClientError() if not _is_of_a_header(error):
            return FaultKind.UNREACHABLE, text, meanings.GIVER
    return None


def _of_a_file(error: OSError) -> _Meaning:
    file = line_of(str(error.filename or ""))
    variable = next((name for name, value in os.environ.items() if value == error.filename), "")
    if variable:  # also one that OpenSSL reads, such as SSLKEYLOGFILE
        of_aws = variable.startswith("AWS_")
        kind = FaultKind.CREDENTIALS if of_aws else FaultKind.SETTINGS
        hint = f"Let {variable} name a file that can be used, or unset it."
        return kind, f"{variable} names {file}: {error.strerror}", hint
    if not is_before_the_call(error) and not file:  # as a bundle that is not there
        return FaultKind.SETTINGS, _text_of(error), "Check AWS_CA_BUNDLE, and this machine."
    source = f"the credentials are to come from {file}" if file else "no credentials"
    hint = f"{meanings.PROFILE} In a cluster, check AWS_WEB_IDENTITY_TOKEN_FILE."
    return FaultKind.CREDENTIALS, f"{source}: {error.strerror or _text_of(error)}", hint


def _of_a_value(error: ValueError) -> _Meaning:
    """What a variable or a file of AWS holds."""
    text = _text_of(error)
    if text.startswith("Unsupported host"):
        return FaultKind.CREDENTIALS, f"the container gave no credentials: {text}", meanings.MACHINE
    if text.startswith("invalid literal for int"):
        return FaultKind.SETTINGS, f"no number: {text}", meanings.NUMBERS
    return FaultKind.CREDENTIALS, f"no credentials: {text}", meanings.PROFILE


def _of_an_answer(error: boto.ClientError, section: SettingsSection) -> _Meaning:
    code, text = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
    status = status_of(error)
    kind, hint = _meaning_of(error, code, status)
    answer = f"{line_of(code)}: {line_of(text, 500)}"
    if kind is FaultKind.CLOCK or _is_of_the_clock(error, code, text):
        return FaultKind.CLOCK, f"{answer}{_clocks(error, text)}", meanings.CLOCK
    if kind is FaultKind.PERMISSION and not hint:
        hint = f"Allow {' and '.join(section.permissions)} for these credentials."
    if kind is FaultKind.PERMISSION and "explicit deny" in text:
        hint = "A policy denies it, whatever else allows it: ask who keeps the policies of AWS."
    is_own = error.operation_name not in meanings.FOR_CREDENTIALS
    who = section.service if is_own else "what gives the credentials"
    network = meanings.NETWORK if is_own else meanings.GIVER
    if not code:  # from something in between
        message = f"{who} answered {status}, but not in the form of AWS: {line_of(text, 100)}"
        by_proxy = status == _PROXY_WANTS_MORE
        return FaultKind.UNREACHABLE, message, meanings.PROXY if by_proxy else network
    if kind is FaultKind.OTHER and status >= 500:
        return FaultKind.UNREACHABLE, f"{who} answered {status}: {answer}", network
    return kind, answer, hint


def _meaning_of(error: boto.ClientError, code: str, status: int) -> tuple[FaultKind, str]:
    own = meanings.FOR_CREDENTIALS.get(error.operation_name, {})
    if code in own or code in meanings.CODES:
        return own.get(code) or meanings.CODES[code]
    return own.get("" if code and status < 500 else code, (FaultKind.OTHER, ""))


def _is_of_the_clock(error: boto.ClientError, code: str, text: str) -> bool:
    """Whether a refusal is due to the clock of this machine: as the text says, or by how far that
    clock is from the one of the answer."""
    if _SKEWED.search(text):
        return True
    theirs = _date_of(error)
    apart = abs(dt.datetime.now(dt.UTC) - theirs) if theirs else dt.timedelta()
    return code in meanings.BY_CLOCK and apart > _CLOCKS_APART


def _clocks(error: boto.ClientError, text: str) -> str:
    """Both times: ours, by which the request was signed, and that of AWS."""
    stamps, date = _STAMP.findall(text), _date_of(error)
    ours = _at(stamps[0]) if stamps else _now()
    theirs = _at(stamps[2]) if len(stamps) > 2 else f"{date:%Y-%m-%d %H:%M:%S}" if date else ""
    their_clock = f"; the clock of AWS says {theirs} UTC" if theirs else ""
    return f" (the clock of this machine says {ours} UTC{their_clock})"


def _date_of(error: boto.ClientError) -> dt.datetime | None:
    """When the answer was given, by the clock of who gave it."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        date = parsedate_to_datetime(str(headers.get("date", "")))
    except ValueError:
        return None
    return date.astimezone(dt.UTC) if date.tzinfo else None


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _unread_files() -> list[str]:
    """The files of AWS that the SDK passes over in silence, for they cannot be read."""
    return [
        f"{name} names {line_of(os.environ[name])}, which cannot be read"
        if name in os.environ
        else f"{usual} cannot be read"
        for name, usual in meanings.FILES.items()
        if not _is_readable(os.environ.get(name), usual)
    ]


def _is_readable(named: str | None, usual: str) -> bool:
    path = os.path.expanduser(named or usual)
    if named in ("", os.devnull) or (named is None and not os.path.lexists(path)):
        return True  # there need not be one
    return os.path.isfile(path) and os.access(path, os.R_OK)


def _at(stamp: str) -> str:
    return f"{dt.datetime.strptime(stamp, '%Y%m%dT%H%M%S'):%Y-%m-%d %H:%M:%S}"  # noqa: DTZ007 -- only printed


def _is_of_a_process(error: Exception) -> bool:
    """Whether it came while a credential_process ran, or its answer was read."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_qualname.startswith("ProcessProvider.") for frame, _ in frames)


def _is_of_a_header(error: Exception) -> bool:
    """Whether a credential does not fit into a header; the text of the error is that credential."""
    inner = error.kwargs.get("error") if isinstance(error, boto.HTTPClientError) else error
    return isinstance(inner, UnicodeEncodeError) or (
        isinstance(inner, ValueError) and "header" in str(inner)
    )


def _is_of_the_endpoint(error: Exception) -> bool:
    inner = error.kwargs.get("error") if isinstance(error, boto.HTTPClientError) else error
    return isinstance(inner, LocationValueError) or (
        isinstance(inner, ValueError)
        and str(inner).startswith(("Invalid endpoint", "Port ", "Invalid IPv6"))
    )


def _variables_without_urls() -> str:
    """The variables that are to name a proxy or an endpoint, and name no URL: the SDK complains of
    all alike."""
    return " and ".join(
        name
        for name, value in sorted(os.environ.items())
        if (
            name in _PROXIES
            and value
            and not _is_url(value if "://" in value else f"http://{value}")
        )
        or (name.startswith("AWS_ENDPOINT_URL") and not ("://" in value and _is_url(value)))
    )


def _is_url(text: str) -> bool:
    try:
        return bool(parse_url(text).host)
    except LocationValueError:
        return False


def _text_of(error: object) -> str:
    return line_of(str(error))
