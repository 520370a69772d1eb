"""What the SDK itself raises where credentials cannot be had, made by real files, programs and
servers in the place of STS, SSO and the machine's metadata: each has its cause and its cure."""

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from botocore.config import Config

from newsletter.aws.clients import ERRORS, open_clients
from newsletter.aws.meanings import FaultKind
from newsletter.errors import (
    ConfigurationError,
    OutcomeUnknown,
    SendingStopped,
    Throttled,
    TransportDown,
)
from newsletter.transports.ses.outcomes import translated
from tests.unit.aws.place import (
    HERE,
    KEYS,
    NOWHERE,
    SECRET,
    Answered,
    Machine,
    in_json,
    of_sts,
    serving,
)

ROLE = "role_arn = arn:aws:iam::123456789012:role/x"
BASE = f"[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n"
TO_STS = "AWS_ENDPOINT_URL_STS"


def role(*lines: str) -> str:
    return "\n".join(("[default]", ROLE, "source_profile = base", *lines, BASE))


# --- roles ----------------------------------------------------------------------------------------

STS = [
    (of_sts("AccessDenied"), FaultKind.PERMISSION, "let the role trust"),
    (of_sts("ExpiredToken"), FaultKind.CREDENTIALS, "Renew"),
    (of_sts("InvalidClientTokenId"), FaultKind.CREDENTIALS, "access key"),
    (of_sts("RegionDisabledException"), FaultKind.PERMISSION, "Activate STS"),
    (of_sts("ValidationError", "roleArn", 400), FaultKind.SETTINGS, "profile"),
    (of_sts("MalformedPolicyDocument", status=400), FaultKind.SETTINGS, "profile"),
    (of_sts("PackedPolicyTooLarge", status=400), FaultKind.SETTINGS, "profile"),
    (of_sts("InternalFailure", status=500), FaultKind.UNREACHABLE, ""),
    (Answered(403, "<html>a proxy</html>"), FaultKind.UNREACHABLE, "STS"),
    (Answered(407, "<html>a proxy</html>"), FaultKind.UNREACHABLE, "HTTPS_PROXY"),
    (Answered(200, "<html>log in here"), FaultKind.CREDENTIALS, "STS"),
]


@pytest.mark.parametrize(
    ("answered", "kind", "hint"), STS, ids=[f"{row[0].status} {row[1].value}" for row in STS]
)
def test_an_answer_of_sts(machine: Machine, answered: Answered, kind: FaultKind, hint: str) -> None:
    machine.configure(role())
    with serving(answered) as url:
        machine.set(**{TO_STS: url})

        fault = machine.fault()

    assert fault.kind is kind
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("duration_seconds = 5", "DurationSeconds"),
        ("role_session_name = x", "RoleSessionName"),
        ("external_id = x", "ExternalId"),
    ],
)
def test_a_role_with_what_sts_cannot_take_names_the_profile(
    machine: Machine, line: str, message: str
) -> None:
    machine.configure(role(line))

    fault = machine.fault()

    assert (fault.kind, message in fault.message) == (FaultKind.SETTINGS, True)
    assert "~/.aws/config" in fault.hint


def test_a_role_whose_arn_is_none_names_the_profile(machine: Machine) -> None:
    machine.configure(role().replace("arn:aws:iam::123456789012:role/x", "x"))

    fault = machine.fault()

    assert (fault.kind, "RoleArn" in fault.message) == (FaultKind.SETTINGS, True)


def test_sts_that_cannot_be_reached_is_what_the_message_is_about(machine: Machine) -> None:
    """Not SES: its endpoint is well."""
    machine.configure(role())
    machine.set(**{TO_STS: NOWHERE})

    fault = machine.fault()

    assert fault.kind is FaultKind.UNREACHABLE
    assert "no credentials" in fault.message
    assert "STS" in fault.hint


def test_a_role_that_wants_a_code_is_told_where_nobody_can_type_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker, or cron: whatever standard input holds is not read for it."""
    machine.configure(role("mfa_serial = arn:aws:iam::123456789012:mfa/me"))
    (machine.home / "input").write_text("people")
    with (machine.home / "input").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)

        fault = machine.fault()

        assert stdin.read() == "people"
    assert fault.kind is FaultKind.CREDENTIALS
    assert "MFA" in fault.message
    assert "get-session-token" in fault.hint


WEB = f"[default]\n{ROLE}\nweb_identity_token_file = {{home}}/token\n"


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("AccessDenied", FaultKind.PERMISSION, "trust policy"),
        ("InvalidIdentityToken", FaultKind.CREDENTIALS, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("IDPRejectedClaim", FaultKind.CREDENTIALS, "identity provider"),
        ("ExpiredTokenException", FaultKind.CREDENTIALS, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("IDPCommunicationError", FaultKind.OTHER, "Wait"),
        ("ValidationError", FaultKind.SETTINGS, "profile"),
    ],
)
def test_an_answer_about_a_web_identity(
    machine: Machine, code: str, kind: FaultKind, hint: str
) -> None:
    machine.configure(WEB.format(home=machine.home))
    (machine.home / "token").write_text(SECRET)
    with serving(of_sts(code, status=400)) as url:
        machine.set(**{TO_STS: url})

        fault = machine.fault()

    assert fault.kind is kind
    assert hint in fault.hint


@pytest.mark.parametrize("token", [b"", b"\xff\xfe"])
def test_a_token_that_is_none_is_no_fault_of_ses(machine: Machine, token: bytes) -> None:
    machine.configure(WEB.format(home=machine.home))
    (machine.home / "token").write_bytes(token)

    fault = machine.fault()

    assert fault.kind.is_configuration
    assert "credentials" in fault.message
    assert "profile" in fault.hint


# --- single sign-on -------------------------------------------------------------------------------

SSO = """\
[default]
sso_session = s
sso_account_id = 123456789012
sso_role_name = r
[sso-session s]
sso_start_url = https://x.example/start
sso_region = {region}
"""


def signed_in(machine: Machine, token: str | None = None, region: str = "us-east-1") -> None:
    machine.configure(SSO.format(region=region))
    folder = machine.home / ".aws/sso/cache"
    folder.mkdir(parents=True)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=5)
    usual = json.dumps({"accessToken": SECRET, "expiresAt": f"{until:%Y-%m-%dT%H:%M:%SZ}"})
    name = hashlib.sha1(b"s").hexdigest()
    (folder / f"{name}.json").write_text(usual if token is None else token)
    for module in ("credentials.SSOProvider", "tokens.SSOTokenProvider"):  # as of their import
        machine.monkeypatch.setattr(f"botocore.{module}._SSO_TOKEN_CACHE_DIR", str(folder))


@pytest.mark.parametrize(
    ("answered", "kind", "hint"),
    [
        (in_json("UnauthorizedException", status=401), FaultKind.CREDENTIALS, "aws sso login"),
        (in_json("ForbiddenException"), FaultKind.PERMISSION, "sso_role_name"),
        (in_json("ResourceNotFoundException", status=404), FaultKind.SETTINGS, "sso_account_id"),
        (in_json("InvalidRequestException", status=400), FaultKind.SETTINGS, "sso_account_id"),
        (in_json("TooManyRequestsException", status=429), FaultKind.OTHER, "Wait"),
        (Answered(200, "<html>log in here"), FaultKind.CREDENTIALS, "SSO"),
    ],
)
def test_an_answer_of_single_sign_on(
    machine: Machine, answered: Answered, kind: FaultKind, hint: str
) -> None:
    signed_in(machine)
    with serving(answered) as url:
        machine.set(AWS_ENDPOINT_URL_SSO=url)

        fault = machine.fault()

    assert fault.kind is kind
    assert hint in fault.hint


@pytest.mark.parametrize("token", ["{", "{}", "[]", '{"accessToken": "x", "expiresAt": "soon"}'])
def test_a_token_of_single_sign_on_that_is_broken_is_told(machine: Machine, token: str) -> None:
    signed_in(machine, token)

    fault = machine.fault()

    assert fault.kind.is_configuration
    assert "region" not in fault.hint


def test_the_region_of_single_sign_on_is_not_that_of_ses(machine: Machine) -> None:
    signed_in(machine, region="mars 1")

    fault = machine.fault()

    assert (fault.kind, "mars 1" in fault.message) == (FaultKind.SETTINGS, True)
    assert "transport.ses" not in fault.hint


# --- machines, containers, programs ---------------------------------------------------------------

METADATA = {
    "AWS_EC2_METADATA_DISABLED": "false",
    "AWS_METADATA_SERVICE_TIMEOUT": "30",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "1",
}


@pytest.mark.parametrize(
    ("environment", "kind", "hint"),
    [
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "x"},
            FaultKind.SETTINGS,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        ),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv9"},
            FaultKind.SETTINGS,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        ),
        (
            {"AWS_METADATA_SERVICE_TIMEOUT": "soon"},
            FaultKind.SETTINGS,
            "AWS_METADATA_SERVICE_TIMEOUT",
        ),
        (
            {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "few"},
            FaultKind.SETTINGS,
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        ),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}", "AWS_EC2_METADATA_V1_DISABLED": "true"},
            FaultKind.CREDENTIALS,
            "role of this machine",
        ),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}"}, FaultKind.CREDENTIALS, "AWS_PROFILE"),
    ],
)
def test_the_metadata_of_a_machine(
    machine: Machine, environment: Mapping[str, str], kind: FaultKind, hint: str
) -> None:
    with serving(Answered(404)) as url:
        machine.set(**METADATA)
        machine.set(**{name: value.format(url=url) for name, value in environment.items()})

        fault = machine.fault()

    assert fault.kind is kind
    assert hint in fault.hint


@pytest.mark.parametrize("answered", [Answered(200, "{}"), Answered(200, "[]"), Answered(403, "x")])
def test_a_container_that_gives_nothing_is_no_fault_of_ses(
    machine: Machine, answered: Answered
) -> None:
    with serving(answered) as url:
        machine.set(AWS_CONTAINER_CREDENTIALS_FULL_URI=url)

        fault = machine.fault()

    assert fault.kind is FaultKind.CREDENTIALS
    assert "SES" not in fault.message


def test_a_program_that_prints_no_credentials_is_no_fault_of_ses(machine: Machine) -> None:
    printed = f'{{"Version": 1, "AccessKeyId": 5, "SecretAccessKey": "{SECRET}"}}'
    machine.configure(f"[default]\ncredential_process = printf '{printed}'\n")

    fault = machine.fault()

    assert fault.kind is FaultKind.CREDENTIALS
    assert "credentials" in fault.message
    assert "SES" not in fault.message


@pytest.mark.parametrize(
    "program",
    ["true", "echo []", """echo '"x"'""", "echo {", "echo 'x", r"printf '\377'"],
)
def test_a_program_that_prints_no_json_is_named_with_how_to_try_it(
    machine: Machine, program: str
) -> None:
    machine.configure(f"[default]\ncredential_process = {program}\n")

    fault = machine.fault()

    assert fault.kind is FaultKind.CREDENTIALS
    assert fault.message == "AWS: the credential_process of the AWS profile failed"
    assert "by hand: it must print JSON" in fault.hint


def test_an_empty_credential_process_is_told(machine: Machine) -> None:
    machine.configure("[default]\ncredential_process =\n")

    assert "profile" in machine.fault().hint


# --- files that the SDK passes over ---------------------------------------------------------------


def a_missing_file(path: Path) -> None:
    path.unlink(missing_ok=True)


def a_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize("name", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
@pytest.mark.parametrize("make", [a_missing_file, a_folder])
@pytest.mark.parametrize("profile", ["", "mine"])
def test_a_file_of_aws_that_is_passed_over_is_named(
    machine: Machine, name: str, make: Callable[[Path], None], profile: str
) -> None:
    """The SDK says only that there are no credentials, or no such profile."""
    make(machine.home / "file")
    machine.set(**{name: str(machine.home / "file")})
    if profile:
        machine.set(AWS_PROFILE=profile)

    assert f"{name} names {machine.home}/file, which cannot be read" in machine.fault().message


@pytest.mark.parametrize(
    "name",
    [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CA_BUNDLE",
        "SSLKEYLOGFILE",
    ],
)
def test_a_pipe_in_the_place_of_a_file_of_aws_is_not_waited_for(
    machine: Machine, name: str
) -> None:
    os.mkfifo(machine.home / "pipe")
    machine.set(**{name: str(machine.home / "pipe")})

    with pytest.raises(ConfigurationError, match=rf"{machine.home}/pipe is a pipe") as caught:
        open_clients("sesv2", HERE, region="us-east-1", endpoint="", configs=[Config()])
    assert name in (caught.value.hint or "")


def test_a_pipe_in_the_usual_place_is_not_waited_for_either(machine: Machine) -> None:
    machine.monkeypatch.delenv("AWS_CONFIG_FILE")
    os.mkfifo(machine.home / ".aws" / "config")

    with pytest.raises(ConfigurationError, match=r"~/\.aws/config is a pipe"):
        open_clients("sesv2", HERE, region="us-east-1", endpoint="", configs=[Config()])


@pytest.mark.parametrize("name", ["ca_bundle", "web_identity_token_file"])
def test_a_pipe_that_a_profile_names_is_not_waited_for(machine: Machine, name: str) -> None:
    os.mkfifo(machine.home / "pipe")
    machine.configure(f"[profile letter]\n{name} = ~/pipe\n")
    machine.set(AWS_PROFILE="letter")

    with pytest.raises(ConfigurationError, match="~/pipe is a pipe") as caught:
        open_clients("sesv2", HERE, region="us-east-1", endpoint="", configs=[Config()])
    assert name in (caught.value.hint or "")


@pytest.mark.parametrize("value", ["", os.devnull])
def test_no_file_of_aws_at_all_is_no_file_that_cannot_be_read(machine: Machine, value: str) -> None:
    machine.set(AWS_CONFIG_FILE=value, AWS_SHARED_CREDENTIALS_FILE=value)

    assert machine.fault().message == "AWS: Unable to locate credentials"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user here")
def test_a_file_of_aws_in_a_folder_of_somebody_else_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    (tmp_path / "closed").mkdir(mode=0o700)
    code = f"""
import os
from botocore.exceptions import NoCredentialsError
from newsletter.aws.faults import SettingsSection, fault_of
os.setuid(65534)
os.environ["AWS_CONFIG_FILE"] = {str(tmp_path / "closed" / "config")!r}
print(fault_of(NoCredentialsError(), SettingsSection("x", "SES")).message)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert f"AWS_CONFIG_FILE names {tmp_path}/closed/config, which cannot be read" in done.stdout


def test_files_that_are_not_there_and_that_nobody_named_are_no_matter(machine: Machine) -> None:
    assert machine.fault().message == "AWS: Unable to locate credentials"


# --- while a send runs ----------------------------------------------------------------------------


def raised(machine: Machine) -> Exception:
    """What a call that sends raises, on this machine."""
    try:
        [client] = open_clients(
            "sesv2", HERE, region="us-east-1", endpoint=NOWHERE, configs=[Config()]
        )
        client.send_email(Content={}, Destination={})
    except ERRORS as error:
        return error
    raise AssertionError("it was sent")


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        (of_sts("InternalFailure", status=500), TransportDown),
        (of_sts("Throttling", status=400), Throttled),
        (of_sts("AccessDenied"), SendingStopped),
        (of_sts("ValidationError", status=400), SendingStopped),
        (Answered(200, "<html>log in here"), TransportDown),
        (Answered(502, "<html>a proxy"), TransportDown),
    ],
)
def test_what_came_before_the_call_leaves_nobody_unknown(
    machine: Machine, answered: Answered, outcome: type[Exception]
) -> None:
    """Credentials of a role are renewed amid a long send; the call that waits for them is not
    made."""
    machine.configure(role())
    machine.set(AWS_MAX_ATTEMPTS="1")
    with serving(answered) as url:
        machine.set(**{TO_STS: url})

        error = translated(raised(machine))

    assert not isinstance(error, OutcomeUnknown)
    assert isinstance(error, outcome | SendingStopped if outcome is TransportDown else outcome)


def test_the_same_answers_of_ses_itself_leave_the_batch_unknown(machine: Machine) -> None:
    machine.set(**KEYS, AWS_MAX_ATTEMPTS="1")
    with serving(Answered(502, "<html>a proxy")) as url:
        [client] = open_clients("sesv2", HERE, region="us-east-1", endpoint=url, configs=[Config()])
        with pytest.raises(ERRORS) as caught:
            client.send_email(Content={}, Destination={})

    assert isinstance(translated(caught.value), OutcomeUnknown)
    assert re.search("502", str(translated(caught.value)))
