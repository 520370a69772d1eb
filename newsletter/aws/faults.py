"""An error of AWS or of its SDK -> what is wrong, and what to do about it: one table for all.

Whoever calls AWS asks `fault_of` and raises what fits its own caller. No text of the SDK is shown
that did not pass the mask: it repeats URLs, headers and what programs print.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import LocationValueError

from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.masking import masked

_PROXY_WANTS_MORE = 407
_CHARACTERS = 300  # of what the SDK says


class FaultKind(Enum):
    """What an error is about."""

    CREDENTIALS = "credentials"  # they are missing, wrong or expired
    SETTINGS = "settings"  # of this newsletter, or of AWS on this machine
    CLOCK = "clock"
    PERMISSION = "permission"
    UNREACHABLE = "unreachable"  # nobody answered
    OTHER = "other"

    @property
    def is_configuration(self) -> bool:
        """Whether a person has to change something here before a further try can go better."""
        return self not in (FaultKind.UNREACHABLE, FaultKind.OTHER)


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


_PROFILE = "Check the profile in ~/.aws/config, and AWS_PROFILE."
_LOGIN = "Sign in again: aws sso login, with --profile if you use one."
_PROCESS = "Run the credential_process of the profile by hand: it must print JSON and exit with 0."
_MACHINE = "Check the role of this machine or container, and what AWS_CONTAINER_… name."
_ENVIRONMENT = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
_CLOCK = "Set the clock of this machine by the network, as with: timedatectl set-ntp true"
_PROXY = "Check HTTPS_PROXY and HTTP_PROXY."
_NETWORK = "Check the network, the endpoint_url and the region. Credentials are not the cause."
_KEY_TEXT = "Set them anew, without spaces, line breaks or letters that are not ASCII."

# Errors of the SDK, the first class that fits; the text is its own, through the mask.
_SDK: tuple[tuple[type[Exception], FaultKind, str], ...] = (
    (boto.ProfileNotFound, FaultKind.SETTINGS, _PROFILE),
    (boto.ConfigParseError, FaultKind.SETTINGS, "Mend that file: it is the configuration of AWS."),
    (boto.ConfigNotFound, FaultKind.SETTINGS, "Check AWS_CONFIG_FILE."),
    (boto.InvalidConfigError, FaultKind.SETTINGS, _PROFILE),
    (boto.InfiniteLoopConfigError, FaultKind.SETTINGS, _PROFILE),
    (boto.UnknownCredentialError, FaultKind.SETTINGS, _PROFILE),
    (boto.NoCredentialsError, FaultKind.CREDENTIALS, _ENVIRONMENT),
    (boto.UnauthorizedSSOTokenError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.SSOError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.TokenRetrievalError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.LoginError, FaultKind.CREDENTIALS, _LOGIN),
    (boto.MetadataRetrievalError, FaultKind.CREDENTIALS, _MACHINE),
    (boto.MissingDependencyException, FaultKind.SETTINGS, _PROFILE),
    (boto.InvalidRetryConfigurationError, FaultKind.SETTINGS, "Check AWS_RETRY_MODE."),
    (boto.InvalidDefaultsMode, FaultKind.SETTINGS, "Check AWS_DEFAULTS_MODE."),
    (boto.InvalidProxiesConfigError, FaultKind.SETTINGS, _PROXY),
    (boto.ProxyConnectionError, FaultKind.UNREACHABLE, _PROXY),
    (
        boto.SSLError,
        FaultKind.UNREACHABLE,
        "Check the certificate of the endpoint, and AWS_CA_BUNDLE.",
    ),
    (boto.ConnectionError, FaultKind.UNREACHABLE, _NETWORK),
    (boto.HTTPClientError, FaultKind.UNREACHABLE, _NETWORK),
)
# What the SDK raises for a reply that it cannot read, beside its own errors.
UNREADABLE = (
    ResponseParserError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    UnicodeDecodeError,
)
# By the way in which the SDK sought credentials.
_PROVIDERS: Mapping[str, tuple[str, str]] = {
    "custom-process": ("the credential_process of the AWS profile failed", _PROCESS),
    "container-role": ("the container gave no credentials", _MACHINE),
    "iam-role": ("the machine gave no credentials", _MACHINE),
}

# Codes of AWS's answers, without the ending `Exception` that only some of them have.
_CODES: Mapping[str, tuple[FaultKind, str]] = {
    "InvalidClientTokenId": (FaultKind.CREDENTIALS, "AWS does not know this access key: check it."),
    "UnrecognizedClient": (FaultKind.CREDENTIALS, "AWS does not know this access key: check it."),
    "InvalidSecurity": (FaultKind.CREDENTIALS, "AWS does not know this access key: check it."),
    "InvalidAccessKeyId": (FaultKind.CREDENTIALS, "AWS does not know this access key: check it."),
    "SignatureDoesNotMatch": (
        FaultKind.CREDENTIALS,
        "The secret key is not the one of this access key: check AWS_SECRET_ACCESS_KEY.",
    ),
    "InvalidSignature": (
        FaultKind.CREDENTIALS,
        "The secret key is not the one of this access key: check AWS_SECRET_ACCESS_KEY.",
    ),
    "IncompleteSignature": (FaultKind.CREDENTIALS, _KEY_TEXT),
    "MissingAuthenticationToken": (FaultKind.CREDENTIALS, _ENVIRONMENT),
    "ExpiredToken": (FaultKind.CREDENTIALS, "Renew the AWS credentials."),
    "RequestExpired": (FaultKind.CLOCK, _CLOCK),
    "RequestTimeTooSkewed": (FaultKind.CLOCK, _CLOCK),
    "RequestInTheFuture": (FaultKind.CLOCK, _CLOCK),
    "OptInRequired": (FaultKind.PERMISSION, "Sign up for the service, and enable the region."),
    "SubscriptionRequired": (
        FaultKind.PERMISSION,
        "Sign up for the service, and enable the region.",
    ),
    "TooManyRequests": (FaultKind.OTHER, "Wait a moment, and run it again."),
    "Throttling": (FaultKind.OTHER, "Wait a moment, and run it again."),
    "AccessDenied": (FaultKind.PERMISSION, ""),
    "NotAuthorized": (FaultKind.PERMISSION, ""),
    "AuthorizationError": (FaultKind.PERMISSION, ""),
}
_ROLES = ("AssumeRole", "AssumeRoleWithWebIdentity")  # asked for by the SDK on its own
_SKEWED = re.compile(r"Signature (?:expired|not yet current)", re.IGNORECASE)
_STAMP = re.compile(r"\b(\d{8}T\d{6})Z\b")


def are_expired(error: Exception) -> bool:
    """Whether it says that credentials had expired when the SDK got them; no call is made then."""
    return isinstance(error, RuntimeError) and "credentials are still expired" in str(error)


def fault_of(error: Exception, section: SettingsSection) -> Fault:
    """What an error means that a call of AWS raised, or the making of a client."""
    match error:
        case boto.ClientError():
            kind, message, hint = _meaning(error, section)
        case _ if isinstance(error, UNREADABLE):
            kind, hint = FaultKind.OTHER, _NETWORK
            message = f"{section.service} gave no readable answer"
        case boto.CredentialRetrievalError() if error.kwargs.get("provider") in _PROVIDERS:
            message, hint = _PROVIDERS[error.kwargs["provider"]]
            kind = FaultKind.CREDENTIALS
            if error.kwargs["provider"] != "custom-process":  # it repeats what a program printed
                message += f": {_text_of(error.kwargs.get('error_msg'))}"
        case boto.CredentialRetrievalError() | boto.PartialCredentialsError():
            by_environment = error.kwargs.get("provider") == "env"
            kind, message = FaultKind.CREDENTIALS, _text_of(error)
            hint = _ENVIRONMENT if by_environment else _PROFILE
        case boto.NoRegionError() | boto.InvalidRegionError():
            kind, message, hint = FaultKind.SETTINGS, _text_of(error), section.region
        case _ if _is_of_a_header(error):
            kind, hint = FaultKind.CREDENTIALS, _KEY_TEXT
            message = "the access key, its secret or its token holds what no header can carry"
        case _ if _is_of_the_endpoint(error):
            kind, message, hint = (
                FaultKind.SETTINGS,
                "the endpoint is not a whole URL",
                section.endpoint,
            )
        case _ if are_expired(error):
            kind, hint = FaultKind.CREDENTIALS, f"Renew them. {_PROFILE}"
            message = "the credentials have expired, and what provides them has no newer ones"
        case OSError() if not isinstance(error, boto.BotoCoreError):
            kind = FaultKind.CREDENTIALS
            hint = f"{_PROFILE} In a cluster, check AWS_WEB_IDENTITY_TOKEN_FILE."
            file = line_of(str(error.filename or "a file"))
            message = f"the credentials are to come from {file}: {error.strerror}"
        case ValueError() if str(error).startswith("Unsupported host"):
            kind, hint = FaultKind.CREDENTIALS, _MACHINE
            message = f"the container gave no credentials: {_text_of(error)}"
        case ValueError():  # what a credential_process or a file of AWS holds
            kind, message, hint = (
                FaultKind.CREDENTIALS,
                f"no credentials: {_text_of(error)}",
                _PROFILE,
            )
        case _:
            kind, hint = next(
                ((kind, hint) for cause, kind, hint in _SDK if isinstance(error, cause)),
                (FaultKind.OTHER, "Check the AWS configuration of this machine."),
            )
            message = _text_of(error)
    return Fault(kind, f"AWS: {message}", hint, section.where)


def code_of(error: boto.ClientError) -> str:
    """The code of an answer, as the tables know it: without prefix and ending."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return re.split(r"[.#]", code)[-1].removesuffix("Exception")


def status_of(error: boto.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def line_of(text: str, length: int = _CHARACTERS) -> str:
    """Text from outside as one masked line that every database and terminal takes."""
    printable = (sign if sign.isprintable() else " " for sign in masked(text))
    return " ".join("".join(printable).split())[:length]


def _meaning(error: boto.ClientError, section: SettingsSection) -> tuple[FaultKind, str, str]:
    code, text = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
    kind, hint = _CODES.get(code, (FaultKind.OTHER, ""))
    answer = f"{line_of(code)}: {line_of(text, 500)}"
    if kind is FaultKind.CLOCK or (kind is FaultKind.CREDENTIALS and _SKEWED.search(text)):
        return FaultKind.CLOCK, f"{answer}{_clocks(error, text)}", _CLOCK
    if kind is FaultKind.PERMISSION and not hint:
        permissions = section.permissions
        if error.operation_name in _ROLES:
            permissions = (f"sts:{error.operation_name}",)
        hint = f"Allow {' and '.join(permissions)} for these credentials."
    status = status_of(error)
    if not code:  # from something in between
        message = (
            f"{section.service} answered {status}, but not in the form of AWS: {line_of(text, 100)}"
        )
        return FaultKind.UNREACHABLE, message, _PROXY if status == _PROXY_WANTS_MORE else _NETWORK
    if kind is FaultKind.OTHER and status >= 500:
        return FaultKind.UNREACHABLE, f"{section.service} answered {status}: {answer}", _NETWORK
    return kind, answer, hint


def _clocks(error: boto.ClientError, text: str) -> str:
    """Both times: ours, by which the request was signed, and that of AWS."""
    stamps = _STAMP.findall(text)
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    ours = _at(stamps[0]) if stamps else f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"
    theirs = _at(stamps[2]) if len(stamps) > 2 else str(headers.get("date", ""))[:40]
    their_clock = f"; the clock of AWS says {theirs}" if theirs else ""
    return f" (the clock of this machine says {ours} UTC{their_clock})"


def _at(stamp: str) -> str:
    return f"{dt.datetime.strptime(stamp, '%Y%m%dT%H%M%S'):%Y-%m-%d %H:%M:%S}"  # noqa: DTZ007 -- only printed


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


def _text_of(error: object) -> str:
    return line_of(str(error))
