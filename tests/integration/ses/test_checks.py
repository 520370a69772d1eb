"""What is asked of SES before a send is planned: what exists, what is verified, who may send."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import ConfigurationError, NewsletterError, Refused
from newsletter.transports.ses.transport import Ses
from tests.integration.commandline import Call, plan_send
from tests.integration.ses.stage import settings_for
from tests.standin.client import StandIn, running

SENDER = "AI Daily <daily@news.example.com>"
DENIED = (
    "GetConfigurationSet",
    "GetEmailIdentity",
    "GetTenant",
    "GetReputationEntity",
)


def checked(standin: StandIn, sender: str = SENDER, **settings: Any) -> list[str]:
    chosen = replace(settings_for(standin.url), **settings)
    return list(Ses(chosen).check(sender))


@pytest.fixture
def other(tmp_path: Path) -> Callable[..., AbstractContextManager[StandIn]]:
    """Starts an account of another kind."""

    @contextmanager
    def started(**options: Any) -> Iterator[StandIn]:
        with running(tmp_path / "other.jsonl", **options) as standin:
            yield standin

    return started


Other = Callable[..., AbstractContextManager[StandIn]]


def test_where_all_is_well_nothing_is_said(standin: StandIn) -> None:
    before = len(standin.requests)

    assert checked(standin) == []

    asked = [request["operation"] for request in standin.requests[before:]]
    assert asked == ["GetConfigurationSet", "GetEmailIdentity", "GetEmailIdentity"]


@pytest.mark.parametrize(
    ("settings", "error", "where", "words"),
    [
        (
            {"configuration_set": "nope"},
            ConfigurationError,
            "transport.ses.configuration_set",
            "no configuration set 'nope'",
        ),
        ({"tenant": "nobody"}, ConfigurationError, "transport.ses.tenant", "no tenant 'nobody'"),
    ],
)
def test_what_does_not_exist_is_told_by_its_setting(
    standin: StandIn,
    settings: dict[str, Any],
    error: type[NewsletterError],
    where: str,
    words: str,
) -> None:
    with pytest.raises(error) as caught:
        checked(standin, **settings)

    assert words in caught.value.message
    assert (caught.value.where, caught.value.exit_code) == (where, 2)


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        ("daily@elsewhere.org", "daily@elsewhere.org is not verified"),
        ("Daily <daily@waiting.org>", "waiting.org is PENDING"),
        ("daily@mail.waiting.org", "waiting.org is PENDING"),
        ("me@example.community", "is not verified"),
    ],
)
def test_a_sender_that_is_not_verified_is_refused(other: Other, sender: str, words: str) -> None:
    with other(unverified_identities=("waiting.org",)) as standin, pytest.raises(Refused) as caught:
        checked(standin, sender)

    assert words in caught.value.message
    assert "Verify its domain" in caught.value.hint


@pytest.mark.parametrize(
    "sender", ["ada@solo.org", "daily@news.example.com", "x@deep.down.news.example.com"]
)
def test_an_address_a_domain_and_one_above_it_verify_a_sender(other: Other, sender: str) -> None:
    with other(identities=("example.com", "ada@solo.org")) as standin:
        assert checked(standin, sender) == []


def test_without_a_configuration_set_nothing_is_reported(standin: StandIn) -> None:
    [warning] = checked(standin, configuration_set="")

    assert "configuration_set is empty" in warning


def test_a_tenant_that_may_not_send_is_refused(other: Other) -> None:
    with other(disabled_tenants=("brand",)) as standin, pytest.raises(Refused) as caught:
        checked(standin, tenant="brand")

    assert "tenant 'brand'" in caught.value.message


def test_findings_about_a_tenant_are_told(other: Other) -> None:
    with other(tenant_impact="HIGH") as standin:
        [warning] = checked(standin, tenant="brand")

    assert "reputation" in warning


def test_what_the_credentials_may_not_ask_is_a_note(other: Other) -> None:
    """They may still be allowed to send: that decides by itself."""
    with other(denied=DENIED) as standin:
        notes = checked(standin, tenant="brand")

    assert [next(word for word in note.split() if word.startswith("ses:")) for note in notes] == [
        "ses:GetConfigurationSet",
        "ses:GetTenant",
        "ses:GetEmailIdentity",
    ]


@pytest.mark.parametrize("fault", ["html_body", "binary_body", "error_before", "drop_before"])
def test_an_answer_that_is_none_is_a_note(standin: StandIn, fault: str) -> None:
    standin.configure(**{fault: {"operation": "GetConfigurationSet"}})

    [note] = checked(standin)

    assert "configuration set 'newsletter'" in note
    assert "was not checked" in note


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def configured(project: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__KIND", "ses")
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", standin.url)
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET", "newsletter")


ISSUE = "2026-01-07-valley"


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("extra", ["--yes", "--dry-run"])
@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET", "nope", 2),
        ("NEWSLETTER_TRANSPORT__SES__TENANT", "nobody", 2),
        ("NEWSLETTER_NEWSLETTER__FROM", "daily@elsewhere.org", 5),
    ],
)
def test_a_send_is_not_planned_that_ses_would_refuse(
    call: Call,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    code: int,
    extra: str,
) -> None:
    monkeypatch.setenv(variable, value)

    answer = call("send", ISSUE, "--list", readers, extra, "--json")

    assert answer.code == code
    assert value in answer.error["message"]
    assert call("sends", "--json").lines == []


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("status", "words"), [("PROBATION", "on probation"), ("PENDING_REVIEW", "PENDING_REVIEW")]
)
def test_probation_is_told_and_the_send_goes(
    call: Call, readers: str, standin: StandIn, status: str, words: str
) -> None:
    standin.account(enforcement_status=status)

    rehearsed = call("send", ISSUE, "--list", readers, "--dry-run")
    answer = call("send", ISSUE, "--list", readers, "--yes")

    assert (rehearsed.code, answer.code) == (0, 0)
    for told in (rehearsed, answer):
        assert " ".join(told.err.split()).count(words) == 1


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("command", ["resume", "worker"])
def test_probation_is_told_to_who_goes_on_with_a_send(
    call: Call, project: Path, readers: str, standin: StandIn, command: str
) -> None:
    send_id = plan_send(project, ISSUE, readers)
    standin.account(enforcement_status="PROBATION")

    answer = call(*(["resume", send_id] if command == "resume" else ["worker", "--once"]))

    assert answer.code == 0
    told = "Warning: AWS has put this SES account on probation"
    assert " ".join(answer.err.split()).count(told) == 1
