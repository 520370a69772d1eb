"""An account of AWS in which nothing is set up: the stand-in for SES, moto for SNS, SQS and STS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.aws import REGION, Aws
from tests.integration.provision.account import Account
from tests.standin.client import StandIn, running

NO_AWS = {
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    log = tmp_path_factory.mktemp("standin") / "log.jsonl"
    with running(log, identities=(), configuration_sets=()) as standin:
        yield standin


@pytest.fixture
def account(shared: StandIn, aws: Aws, project: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Empty, and the one that the settings of the project lead to."""
    shared.clear()
    shared.as_configured()
    shared.account(suppressed_reasons=[], sandbox=False)
    aws.reset()
    for name, value in {
        "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": shared.url,
        "NEWSLETTER_EVENTS__ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
        **NO_AWS,
    }.items():
        monkeypatch.setenv(name, value)
    return Account(shared, aws, project)
