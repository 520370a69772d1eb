"""What is wrong with AWS on this machine: told with its cause and fitting advice, exit code 2, and
no secret in it, whichever command needs AWS first."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.commandline import Call

ISSUE = "2026-01-07-valley"
SECRET = "hunter2secret"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def configured(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that sends through SES, on a machine of which AWS knows nothing."""
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "http_proxy",
        "https_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in {
        "NEWSLETTER_TRANSPORT__KIND": "ses",
        "NEWSLETTER_TRANSPORT__SES__REGION": "us-east-1",
        "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": NOWHERE,
        "NEWSLETTER_EVENTS__QUEUE_URL": f"{NOWHERE}/123456789012/events",
        "NEWSLETTER_EVENTS__ENDPOINT_URL": NOWHERE,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
COMMANDS = {
    "send": ("send", ISSUE, "--list", "readers", "--yes"),
    "dry run": ("send", ISSUE, "--list", "readers", "--dry-run"),
    "test": ("test", ISSUE, "--to", "you@example.com"),
    "worker": ("worker", "--once"),
    "serve": ("serve", "--port", "0"),
    "sync": ("suppressions", "sync"),
    "pull": ("events", "pull", "--once"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("environment", "message"),
    [({"AWS_PROFILE": "nope"}, "(nope) could not be found"), ({}, "Unable to parse config file")],
    ids=["no such profile", "a file that is no configuration"],
)
def test_every_command_says_what_is_wrong_with_the_profile(
    call: Call,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    environment: Mapping[str, str],
    message: str,
) -> None:
    assert readers == "readers"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "config").write_text("" if environment else "[default\nregion = x\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    answer = call(*COMMANDS[command])
    as_json = call(*COMMANDS[command], "--json")

    assert (answer.code, as_json.code, as_json.error["code"]) == (2, 2, "configuration")
    assert message in as_json.error["message"]
    assert "AWS" in as_json.error["hint"]
    assert message in " ".join(answer.err.split())


SSO = """\
[default]
sso_session = s
sso_account_id = 123456789012
sso_role_name = r
[sso-session s]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
"""
CONFIGURATIONS = {
    "credential_process fails": (
        f"[default]\ncredential_process = sh -c 'echo {SECRET} >&2; exit 3'",
        "credential_process of the AWS profile failed",
        "by hand",
    ),
    "credential_process is not there": (
        "[default]\ncredential_process = /nonexistent/helper",
        "/nonexistent/helper: No such file",
        "profile",
    ),
    "credential_process prints no JSON": (
        f"[default]\ncredential_process = echo {SECRET}",
        "credential_process of the AWS profile failed",
        "it must print JSON",
    ),
    "credential_process prints credentials that have expired": (
        (
            "[default]\ncredential_process = echo '"
            f'{{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "{SECRET}", '
            '"SessionToken": "x", "Expiration": "2020-01-01T00:00:00Z"}\''
        ),
        "the credentials have expired",
        "profile",
    ),
    "the source_profile is missing": (
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base",
        'source_profile "base"',
        "profile",
    ),
    "a role without a source": (
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/x",
        "source_profile or credential_source",
        "profile",
    ),
    "an SSO session without a token": (
        SSO,
        "SSO",
        "aws sso login",
    ),
}


@pytest.mark.parametrize("what", CONFIGURATIONS)
def test_the_advice_fits_what_the_profile_lacks(
    call: Call, readers: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    """None of it is about the region, which is set."""
    text, message, hint = CONFIGURATIONS[what]
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert message in answer.error["message"]
    assert hint in answer.error["hint"]
    assert "region" not in answer.error["hint"]
    assert SECRET not in answer.out + answer.err
    assert call("sends", "--json").lines == []


@pytest.mark.parametrize(
    ("environment", "message", "hint"),
    [
        ({"AWS_ACCESS_KEY_ID": "key"}, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{NOWHERE}/x"},
            "container gave no credentials",
            "container",
        ),
        ({**KEYS, "AWS_ACCESS_KEY_ID": f"AKIA{SECRET}\nX"}, "no header can carry", "line breaks"),
        ({**KEYS, "AWS_SESSION_TOKEN": f"{SECRET}\nX"}, "no header can carry", "line breaks"),
    ],
)
def test_the_advice_fits_what_the_environment_lacks(
    call: Call,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    environment: Mapping[str, str],
    message: str,
    hint: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert message in answer.error["message"]
    assert hint in answer.error["hint"]
    assert SECRET not in answer.out + answer.err


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ({"http_proxy": f"socks5://user:{SECRET}@127.0.0.1:9"}, "HTTP_PROXY"),
        ({"http_proxy": f"http://user:{SECRET}@127.0.0.1:9"}, "HTTP_PROXY"),
        ({"http_proxy": f"http://user:a/{SECRET}@127.0.0.1:9"}, ""),
        ({}, "Credentials are not the cause"),
    ],
)
@pytest.mark.parametrize("command", ["send", "sync", "pull"])
def test_what_cannot_be_reached_is_not_blamed_on_credentials(
    call: Call,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    environment: Mapping[str, str],
    hint: str,
    command: str,
) -> None:
    for name, value in {**KEYS, **environment}.items():
        monkeypatch.setenv(name, value)

    answer = call(*COMMANDS[command], "--json")

    assert answer.code in (1, 2)
    assert hint in answer.error["hint"]
    assert SECRET not in answer.out + answer.err
    assert "Check the credentials" not in answer.error["hint"]


@pytest.mark.parametrize("url", ["localhost:8025", f"http://u:{SECRET}@127.0.0.1:9"])
def test_an_endpoint_that_is_none_is_told_by_its_key(
    call: Call, readers: str, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", url)

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert "transport.ses.endpoint_url" in answer.error["message"]
    assert SECRET not in answer.out + answer.err


def test_an_endpoint_of_the_sdk_that_is_none_is_told(
    call: Call, readers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"u:{SECRET}@localhost:8025")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert answer.code == 2
    assert "AWS_ENDPOINT_URL_SESV2" in answer.error["hint"]
    assert SECRET not in answer.out + answer.err
