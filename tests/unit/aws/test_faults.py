"""Each error of AWS and of its SDK has its cause and the advice that fits: a test for each row."""

import datetime as dt
import re
from email.utils import format_datetime
from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import LocationParseError

from newsletter.aws.faults import Fault, SettingsSection, fault_of
from newsletter.aws.meanings import FaultKind
from newsletter.errors import ConfigurationError, TransportDown

HERE = SettingsSection("transport.ses", "SES", permissions=("ses:GetAccount", "ses:SendEmail"))
SECRET = "hunter2secret"
AWS_NOW = "(20261128T084500Z {})"
URL = f"http://u:{SECRET}@127.0.0.1:9/v2/email/account"


def answered(
    code: str,
    message: str = "because",
    status: int = 403,
    operation: str = "GetAccount",
    date: str | None = None,
) -> boto.ClientError:
    date = format_datetime(dt.datetime.now(dt.UTC), usegmt=True) if date is None else date
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {"date": date}},
    }
    return boto.ClientError(response, operation)


def read(error: Exception) -> Fault:
    fault = fault_of(error, HERE)
    assert SECRET not in fault.message + fault.hint
    assert fault.message.isprintable()
    assert fault.where == "transport.ses"
    return fault


SDK = [
    (
        boto.ProfileNotFound(profile="nope"),
        FaultKind.SETTINGS,
        r"\(nope\) could not",
        "AWS_PROFILE",
    ),
    (
        boto.ConfigParseError(path="/x/config", error="?"),
        FaultKind.SETTINGS,
        "/x/config",
        "that file",
    ),
    (boto.ConfigNotFound(path="/x/config"), FaultKind.SETTINGS, "/x/config", "AWS_CONFIG_FILE"),
    (
        boto.InvalidConfigError(error_msg='The source_profile "base" does not exist.'),
        FaultKind.SETTINGS,
        "base",
        "profile",
    ),
    (
        boto.InfiniteLoopConfigError(source_profile="a", visited_profiles=["a"]),
        FaultKind.SETTINGS,
        "a",
        "profile",
    ),
    (boto.UnknownCredentialError(name="x"), FaultKind.SETTINGS, "x", "profile"),
    (boto.NoCredentialsError(), FaultKind.CREDENTIALS, "locate credentials", "AWS_ACCESS_KEY_ID"),
    (
        boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        FaultKind.CREDENTIALS,
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_ACCESS_KEY",
    ),
    (
        boto.PartialCredentialsError(provider="assume-role", cred_var="source_profile"),
        FaultKind.CREDENTIALS,
        "source_profile",
        "~/.aws/config",
    ),
    (
        boto.CredentialRetrievalError(provider="custom-process", error_msg=f"vault: {SECRET}"),
        FaultKind.CREDENTIALS,
        "credential_process .* failed",
        "by hand",
    ),
    (
        boto.CredentialRetrievalError(
            provider="container-role", error_msg='Could not connect to "http://169.254.170.2/x"'
        ),
        FaultKind.CREDENTIALS,
        r"container gave no credentials.*169\.254\.170\.2",
        "container",
    ),
    (
        boto.CredentialRetrievalError(provider="iam-role", error_msg="refused"),
        FaultKind.CREDENTIALS,
        "machine gave no credentials",
        "role",
    ),
    (
        boto.CredentialRetrievalError(provider="other", error_msg="why"),
        FaultKind.CREDENTIALS,
        "why",
        "profile",
    ),
    (boto.MetadataRetrievalError(error_msg="refused"), FaultKind.CREDENTIALS, "refused", "role"),
    (boto.UnauthorizedSSOTokenError(), FaultKind.CREDENTIALS, "expired", "aws sso login"),
    (boto.SSOTokenLoadError(error_msg="none"), FaultKind.CREDENTIALS, "none", "aws sso login"),
    (
        boto.TokenRetrievalError(provider="sso", error_msg="expired"),
        FaultKind.CREDENTIALS,
        "expired",
        "aws sso login",
    ),
    (boto.MissingDependencyException(msg="needs crt"), FaultKind.SETTINGS, "crt", "profile"),
    (boto.NoRegionError(), FaultKind.SETTINGS, "region", "AWS_REGION"),
    (boto.InvalidRegionError(region_name="mars 1"), FaultKind.SETTINGS, "mars 1", "region"),
    (
        boto.InvalidRetryModeError(provided_retry_mode="x", valid_modes=("a",)),
        FaultKind.SETTINGS,
        "x",
        "AWS_RETRY_MODE",
    ),
    (
        boto.InvalidDefaultsMode(mode="x", valid_modes="y"),
        FaultKind.SETTINGS,
        "x",
        "AWS_DEFAULTS_MODE",
    ),
    (boto.InvalidProxiesConfigError(), FaultKind.SETTINGS, "", "HTTPS_PROXY"),
    (
        boto.ProxyConnectionError(proxy_url=f"http://socks5://u:{SECRET}@127.0.0.1:9", error="?"),
        FaultKind.UNREACHABLE,
        "proxy",
        "HTTPS_PROXY",
    ),
    (
        boto.SSLError(endpoint_url=URL, error=ValueError("expired")),
        FaultKind.UNREACHABLE,
        "SSL",
        "AWS_CA_BUNDLE",
    ),
    (
        boto.EndpointConnectionError(endpoint_url=URL, error="refused"),
        FaultKind.UNREACHABLE,
        r"http://\*\*\*@127\.0\.0\.1:9",
        "Credentials are not the cause",
    ),
    (
        boto.ConnectTimeoutError(endpoint_url=URL, error="slow"),
        FaultKind.UNREACHABLE,
        "timeout",
        "network",
    ),
    (
        boto.ReadTimeoutError(endpoint_url=URL, error="slow"),
        FaultKind.UNREACHABLE,
        "timeout",
        "network",
    ),
    (boto.ConnectionClosedError(endpoint_url=URL), FaultKind.UNREACHABLE, "closed", "network"),
    (boto.HTTPClientError(error="broken"), FaultKind.UNREACHABLE, "broken", "network"),
    (
        boto.HTTPClientError(error=ValueError(f"Invalid header value b'{SECRET}'")),
        FaultKind.CREDENTIALS,
        "no header can carry",
        "line breaks",
    ),
    (
        boto.HTTPClientError(error=UnicodeEncodeError("ascii", SECRET, 0, 1, "no")),
        FaultKind.CREDENTIALS,
        "no header can carry",
        "ASCII",
    ),
    (
        boto.HTTPClientError(error=LocationParseError(f"http://u:{SECRET}@")),
        FaultKind.SETTINGS,
        "not a whole URL",
        "endpoint_url",
    ),
    (
        ValueError(f"Invalid endpoint: u:{SECRET} x"),
        FaultKind.SETTINGS,
        "not a whole URL",
        "endpoint_url",
    ),
    (
        ValueError("Port out of range 0-65535"),
        FaultKind.SETTINGS,
        "not a whole URL",
        "endpoint_url",
    ),
    (
        ValueError("Unsupported host 'x.example'."),
        FaultKind.CREDENTIALS,
        "container",
        "AWS_CONTAINER_",
    ),
    (ValueError("Expecting value: line 1"), FaultKind.CREDENTIALS, "no credentials", "profile"),
    (
        FileNotFoundError(2, "No such file or directory", "/nonexistent/helper"),
        FaultKind.CREDENTIALS,
        "/nonexistent/helper: No such file",
        "profile",
    ),
    (
        PermissionError(13, "Permission denied", "/etc/helper"),
        FaultKind.CREDENTIALS,
        "/etc/helper: Permission denied",
        "profile",
    ),
    (ResponseParserError(SECRET), FaultKind.OTHER, "no readable answer", "endpoint"),
    (AttributeError(SECRET), FaultKind.OTHER, "no readable answer", "endpoint"),
    (
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET),
        FaultKind.OTHER,
        "no readable",
        "endpoint",
    ),
    (boto.NoAuthTokenError(), FaultKind.CREDENTIALS, "token", "aws sso login"),
    (
        boto.UnknownSignatureVersionError(signature_version="v9"),
        FaultKind.SETTINGS,
        "v9",
        "s3 settings",
    ),
    (
        boto.ChecksumError(checksum_type="crc32", expected_checksum="1", actual_checksum="2"),
        FaultKind.UNREACHABLE,
        "crc32",
        "did not arrive as it was sent",
    ),
    (OSError(22, "Invalid argument"), FaultKind.SETTINGS, "Invalid argument", "this machine"),
    (
        boto.UnknownServiceError(service_name="x", known_service_names="y"),
        FaultKind.OTHER,
        "x",
        "AWS",
    ),
]


@pytest.mark.parametrize(
    ("error", "kind", "message", "hint"), SDK, ids=[type(row[0]).__name__ for row in SDK]
)
def test_an_error_of_the_sdk(error: Exception, kind: FaultKind, message: str, hint: str) -> None:
    fault = read(error)

    assert fault.kind is kind
    assert re.search(message, fault.message, re.IGNORECASE)
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("InvalidClientTokenId", FaultKind.CREDENTIALS, "access key"),
        ("UnrecognizedClientException", FaultKind.CREDENTIALS, "access key"),
        ("InvalidSecurity", FaultKind.CREDENTIALS, "access key"),
        ("InvalidAccessKeyId", FaultKind.CREDENTIALS, "access key"),
        ("SignatureDoesNotMatch", FaultKind.CREDENTIALS, "AWS_SECRET_ACCESS_KEY"),
        ("InvalidSignatureException", FaultKind.CREDENTIALS, "AWS_SECRET_ACCESS_KEY"),
        ("IncompleteSignature", FaultKind.CREDENTIALS, "line breaks"),
        ("MissingAuthenticationTokenException", FaultKind.CREDENTIALS, "AWS_ACCESS_KEY_ID"),
        ("ExpiredToken", FaultKind.CREDENTIALS, "Renew"),
        ("ExpiredTokenException", FaultKind.CREDENTIALS, "Renew"),
        ("RequestExpired", FaultKind.CLOCK, "clock"),
        ("RequestTimeTooSkewed", FaultKind.CLOCK, "clock"),
        ("RequestInTheFuture", FaultKind.CLOCK, "clock"),
        ("OptInRequired", FaultKind.PERMISSION, "region"),
        ("SubscriptionRequiredException", FaultKind.PERMISSION, "Sign up"),
        ("TooManyRequestsException", FaultKind.OTHER, "Wait a moment"),
        ("ThrottlingException", FaultKind.OTHER, "Wait a moment"),
        ("AccessDenied", FaultKind.PERMISSION, "ses:GetAccount and ses:SendEmail"),
        ("AccessDeniedException", FaultKind.PERMISSION, "ses:GetAccount"),
        ("NotAuthorized", FaultKind.PERMISSION, "ses:GetAccount"),
        ("AuthorizationErrorException", FaultKind.PERMISSION, "ses:GetAccount"),
        ("aws.prefix#AccessDenied", FaultKind.PERMISSION, "ses:GetAccount"),
        ("SomethingNew", FaultKind.OTHER, ""),
    ],
)
def test_a_code_of_an_answer(code: str, kind: FaultKind, hint: str) -> None:
    fault = read(answered(code, f"why, http://u:{SECRET}@host"))

    assert fault.kind is kind
    assert "why" in fault.message
    assert hint in fault.hint


@pytest.mark.parametrize(("status", "hint"), [(302, "endpoint_url"), (407, "HTTPS_PROXY")])
def test_an_answer_without_a_code_is_of_something_in_between(status: int, hint: str) -> None:
    fault = read(answered("", f"<html>http://u:{SECRET}@host", status))

    assert fault.kind is FaultKind.UNREACHABLE
    assert f"SES answered {status}" in fault.message
    assert hint in fault.hint


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
@pytest.mark.parametrize(
    ("message", "ours", "theirs"),
    [
        (
            "Signature expired: 20261128T081500Z is now earlier than 20261128T084000Z\n"
            + AWS_NOW.format("- 5 min."),
            "2026-11-28 08:15:00",
            "2026-11-28 08:45:00",
        ),
        (
            "Signature not yet current: 20261128T093000Z is still later than 20261128T085000Z\n"
            + AWS_NOW.format("+ 5 min."),
            "2026-11-28 09:30:00",
            "2026-11-28 08:45:00",
        ),
        ("Signature expired", " UTC", "2026-11-28 08:45:00 UTC"),
        ("does not match", " UTC", "2026-11-28 08:45:00 UTC"),
    ],
)
def test_a_clock_that_is_wrong_is_told_with_both_times(
    code: str, message: str, ours: str, theirs: str
) -> None:
    """The secret key is right: to look for it there would cost hours."""
    fault = read(answered(code, message, date="Sat, 28 Nov 2026 08:45:00 GMT"))

    assert fault.kind is FaultKind.CLOCK
    assert ours in fault.message
    assert theirs in fault.message
    assert "clock" in fault.hint


def test_a_role_that_may_not_be_taken_names_that_permission() -> None:
    assert "sts:AssumeRole" in read(answered("AccessDenied", operation="AssumeRole")).hint


def test_a_server_that_fails_is_not_reached() -> None:
    fault = read(answered("ServiceUnavailable", status=503))

    assert (fault.kind, "503" in fault.message) == (FaultKind.UNREACHABLE, True)


@pytest.mark.parametrize("kind", FaultKind)
def test_what_a_person_mends_here_is_configuration(kind: FaultKind) -> None:
    """With exit code 2; all else is what was wanted, and may pass."""
    error = Fault(kind, "why", "what", "where").raised(TransportDown, "the list cannot be read")

    expected = (
        TransportDown if kind in (FaultKind.UNREACHABLE, FaultKind.OTHER) else ConfigurationError
    )
    assert type(error) is expected
    assert (error.hint, error.where) == ("what", "where")
