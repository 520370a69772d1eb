"""Regions, endpoints, proxies, certificates and the switches of the SDK that are wrong on this
machine, made by real variables and files; and answers of AWS by its clocks."""

import datetime as dt
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path
from socket import create_server

import pytest
from botocore.config import Config

from newsletter.aws.meanings import FaultKind
from tests.unit.aws.place import (
    KEYS,
    NOWHERE,
    SECRET,
    Answered,
    Machine,
    in_json,
    of_sts,
    serving,
)

TLS = Path(__file__).parents[2] / "data/tls"


@pytest.fixture(autouse=True)
def keys(machine: Machine) -> None:
    machine.set(**KEYS)


SWITCHES = [
    ("AWS_STS_REGIONAL_ENDPOINTS", "x"),
    ("AWS_REQUEST_CHECKSUM_CALCULATION", "x"),
    ("AWS_RESPONSE_CHECKSUM_VALIDATION", "x"),
    ("AWS_DEFAULTS_MODE", "x"),
]


@pytest.mark.parametrize(("name", "value"), SWITCHES)
def test_a_switch_that_has_no_such_value_is_named(machine: Machine, name: str, value: str) -> None:
    machine.set(**{name: value})

    fault = machine.fault()

    assert fault.kind is FaultKind.SETTINGS
    assert name in fault.hint


@pytest.mark.parametrize("value", ["localhost:4566", "https://", "local host"])
def test_a_variable_for_endpoints_that_holds_no_url_is_named(machine: Machine, value: str) -> None:
    machine.set(AWS_ENDPOINT_URL_SESV2=value)

    fault = machine.fault(endpoint="")

    assert fault.kind is FaultKind.SETTINGS
    assert fault.message == "AWS: AWS_ENDPOINT_URL_SESV2 is not a whole URL"
    assert "AWS_ENDPOINT_URL_SESV2" in fault.hint


def test_a_file_of_keys_that_cannot_be_written_is_not_taken_for_credentials(
    machine: Machine,
) -> None:
    """OpenSSL's log of keys, which developers set for all programs."""
    machine.set(SSLKEYLOGFILE="/nonexistent/keys")

    fault = machine.fault(endpoint="https://127.0.0.1:9")

    assert fault.kind is FaultKind.SETTINGS
    assert "SSLKEYLOGFILE names /nonexistent/keys: No such file or directory" in fault.message
    assert "SSLKEYLOGFILE" in fault.hint


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        ("s3 =\n  addressing_style = sideways", "s3 settings"),
        ("s3 =\n  us_east_1_regional_endpoint = x", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"),
    ],
)
def test_a_setting_of_s3_that_is_none_is_told(machine: Machine, lines: str, hint: str) -> None:
    machine.configure(f"[default]\n{lines}\n")

    fault = machine.fault("s3", "list_buckets")

    assert (fault.kind, hint in fault.hint) == (FaultKind.SETTINGS, True)


@pytest.mark.parametrize(
    ("environment", "endpoint", "region"),
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "", "cn-north-1"),
        ({}, NOWHERE, "us-east-1"),
        ({}, "", "cn-north-1"),
    ],
)
def test_an_endpoint_that_is_not_there_in_this_way_names_the_switches(
    machine: Machine, environment: Mapping[str, str], endpoint: str, region: str
) -> None:
    machine.configure("[default]\ns3 =\n  use_accelerate_endpoint = true\n")
    machine.set(**environment)

    fault = machine.fault(
        "s3", "list_objects_v2", endpoint=endpoint, region=region, Bucket="bucket"
    )

    assert fault.kind is FaultKind.SETTINGS
    assert "s3 settings" in fault.hint


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
@pytest.mark.parametrize(
    "proxy", [f"http://u:{SECRET}@127.0.0.1:99999", f"http://u:{SECRET}@[::1", f"u:{SECRET}@%zz"]
)
def test_a_proxy_that_is_no_url_is_not_taken_for_the_endpoint(
    machine: Machine, name: str, proxy: str
) -> None:
    machine.set(**{name: proxy})

    fault = machine.fault()

    assert fault.kind is FaultKind.SETTINGS
    assert fault.message == f"AWS: {name} is not a whole URL"
    assert name in fault.hint


@contextmanager
def speaking_tls(certificate: str) -> Iterator[str]:
    """A server that shakes hands and says no more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / certificate)
    with create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"


def test_a_certificate_of_another_time_is_told_with_our_clock(machine: Machine) -> None:
    """A clock that starts in 1970 makes every certificate one of the future."""
    machine.set(AWS_CA_BUNDLE=str(TLS / "expired.pem"))
    with speaking_tls("expired.pem") as url:
        fault = machine.fault(endpoint=url)

    assert fault.kind is FaultKind.UNREACHABLE
    assert f"clock of this machine says {dt.datetime.now(dt.UTC):%Y-%m-%d}" in fault.message
    assert "clock" in fault.hint


def test_a_certificate_that_nobody_vouches_for_says_nothing_of_the_clock(machine: Machine) -> None:
    with speaking_tls("good.pem") as url:
        fault = machine.fault(endpoint=url)

    assert fault.kind is FaultKind.UNREACHABLE
    assert "AWS_CA_BUNDLE" in fault.hint
    assert "clock" not in fault.message + fault.hint


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_of_certificates_that_is_none_is_named(
    machine: Machine, content: str | None
) -> None:
    bundle = machine.home / "bundle"
    if content is not None:
        bundle.write_text(content)
    machine.set(AWS_CA_BUNDLE=str(bundle))
    with speaking_tls("good.pem") as url:
        fault = machine.fault(endpoint=url)

    assert "AWS_CA_BUNDLE" in fault.hint


# --- clocks ---------------------------------------------------------------------------------------

CODES = [
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "InvalidToken",
]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("ahead", "kind"),
    [
        (dt.timedelta(days=1), FaultKind.CLOCK),
        (dt.timedelta(), FaultKind.CREDENTIALS),
        (None, FaultKind.CREDENTIALS),
    ],
    ids=["far", "near", "none"],
)
def test_a_refusal_by_a_clock_far_off_is_one_of_the_clock(
    machine: Machine, code: str, ahead: dt.timedelta | None, kind: FaultKind
) -> None:
    """Whatever the words are: by the clock of AWS, what was signed here is of another day."""
    now = dt.datetime.now(dt.UTC)
    date = "soon" if ahead is None else format_datetime(now + ahead, usegmt=True)
    with serving(in_json(code, "no", date=date)) as url:
        fault = machine.fault(endpoint=url)

    assert fault.kind is kind
    assert ("the clock of AWS says" in fault.message) is (kind is FaultKind.CLOCK)


@pytest.mark.parametrize("code", ["RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"])
def test_what_aws_itself_calls_a_matter_of_time_needs_no_other_clock(
    machine: Machine, code: str
) -> None:
    with serving(in_json(code)) as url:
        fault = machine.fault(endpoint=url)

    assert fault.kind is FaultKind.CLOCK
    assert "timedatectl" in fault.hint


# --- other services -------------------------------------------------------------------------------

OF_S3 = [
    ("NotSignedUp", FaultKind.PERMISSION, "Sign up"),
    ("AccountProblem", FaultKind.PERMISSION, "support"),
    ("AllAccessDisabled", FaultKind.PERMISSION, "support"),
    ("InvalidToken", FaultKind.CREDENTIALS, "Renew"),
    ("TokenRefreshRequired", FaultKind.CREDENTIALS, "Renew"),
    ("AuthorizationHeaderMalformed", FaultKind.SETTINGS, "region"),
    ("IllegalLocationConstraintException", FaultKind.SETTINGS, "region"),
    ("KMS.DisabledException", FaultKind.SETTINGS, "KMS key"),
    ("KMS.NotFoundException", FaultKind.SETTINGS, "KMS key"),
    ("SlowDown", FaultKind.OTHER, "Wait"),
    ("RequestTimeout", FaultKind.OTHER, "Wait"),
    ("NotImplemented", FaultKind.OTHER, "endpoint_url"),
]


@pytest.mark.parametrize(("code", "kind", "hint"), OF_S3)
def test_an_answer_of_s3(machine: Machine, code: str, kind: FaultKind, hint: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>why</Message></Error>"
    with serving(Answered(400, body)) as url:
        fault = machine.fault("s3", "list_objects_v2", endpoint=url, Bucket="bucket")

    assert fault.kind is kind
    assert hint in fault.hint


OF_QUEUES = [
    ("sqs", code, in_json(code, status=400), kind, hint)
    for code, kind, hint in [
        ("KmsAccessDenied", FaultKind.PERMISSION, "kms:Decrypt"),
        ("KmsDisabled", FaultKind.SETTINGS, "KMS key"),
        ("KmsNotFound", FaultKind.SETTINGS, "KMS key"),
        ("KmsInvalidState", FaultKind.SETTINGS, "KMS key"),
        ("KmsOptInRequired", FaultKind.SETTINGS, "KMS key"),
        ("KmsThrottled", FaultKind.OTHER, "Wait"),
        ("RequestThrottled", FaultKind.OTHER, "Wait"),
        ("RequestLimitExceeded", FaultKind.OTHER, "Wait"),
        ("UnknownOperationException", FaultKind.OTHER, "endpoint_url"),
    ]
] + [
    ("sns", code, of_sts(code, status=400), kind, hint)
    for code, kind, hint in [
        ("KMSAccessDenied", FaultKind.PERMISSION, "kms:Decrypt"),
        ("KMSThrottling", FaultKind.OTHER, "Wait"),
        ("Throttled", FaultKind.OTHER, "Wait"),
        ("InvalidAction", FaultKind.OTHER, "endpoint_url"),
    ]
]


@pytest.mark.parametrize(
    ("service", "answered", "kind", "hint"),
    [(service, *rest) for service, _, *rest in OF_QUEUES],
    ids=[f"{row[0]} {row[1]}" for row in OF_QUEUES],
)
def test_an_answer_of_queues_and_topics(
    machine: Machine,
    service: str,
    answered: Answered,
    kind: FaultKind,
    hint: str,
) -> None:
    call = "list_queues" if service == "sqs" else "list_topics"
    with serving(answered) as url:
        fault = machine.fault(service, call, endpoint=url)

    assert fault.kind is kind
    assert hint in fault.hint


def test_a_policy_that_denies_names_who_can_change_it(machine: Machine) -> None:
    text = "not authorized to perform: ses:GetAccount with an explicit deny in a service policy"
    with serving(in_json("AccessDeniedException", text)) as url:
        fault = machine.fault(endpoint=url)

    assert fault.kind is FaultKind.PERMISSION
    assert "who keeps the policies" in fault.hint


@pytest.mark.parametrize(
    ("headers", "body"),
    [({"content-length": "100"}, "short"), ({"x-amz-checksum-crc32": "AAAAAA=="}, "content")],
    ids=["cut short", "changed"],
)
def test_an_object_that_does_not_arrive_whole_is_not_reached(
    machine: Machine, headers: Mapping[str, str], body: str
) -> None:
    with serving(Answered(200, body, headers)) as url:
        fault = machine.fault(
            "s3",
            "get_object",
            endpoint=url,
            config=Config(retries={"total_max_attempts": 1}),
            Bucket="bucket",
            Key="key",
        )

    assert fault.kind is FaultKind.UNREACHABLE
