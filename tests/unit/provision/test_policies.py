"""Each role may do what its commands ask for, and no more."""

import re
from pathlib import Path

import newsletter
from newsletter.provision.ses.policies import policies
from newsletter.provision.ses.wanted import AwsPlace, Document, Names

PLACE = AwsPlace("123456789012", "eu-west-1")
NAMES = Names(
    domain="example.com",
    mail_from="bounce.example.com",
    configuration_set="letters",
    topic="letters-events",
    queue="letters-events",
    destination="letters-events",
)
POLICIES = policies(NAMES, PLACE.arn)
ROOT = Path(newsletter.__file__).parent
CALL = re.compile(r'"((?:ses|sns|sqs):[A-Z]\w+)"')


def actions(document: Document) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def named_in(folder: str) -> set[str]:
    """The permissions that the code of a folder names."""
    text = "".join(file.read_text("utf-8") for file in (ROOT / folder).rglob("*.py"))
    return set(CALL.findall(text))


def test_who_sets_up_may_make_every_call_that_setting_up_makes() -> None:
    puts = {
        "ses:PutEmailIdentityDkimAttributes",
        "ses:PutEmailIdentityDkimSigningAttributes",
        "ses:PutEmailIdentityMailFromAttributes",
        "ses:PutEmailIdentityFeedbackAttributes",
        "ses:PutConfigurationSetDeliveryOptions",
        "ses:PutConfigurationSetSuppressionOptions",
    }

    given_to_services = {"sns:Publish", "sqs:SendMessage"}
    asked = (named_in("provision/ses") | puts) - given_to_services
    assert asked == actions(POLICIES["setup"]) & asked


def test_who_sends_may_ask_all_that_sending_asks() -> None:
    tenant = policies(NAMES, PLACE.arn, sends_for_tenant=True)["sender"]

    assert named_in("transports/ses") <= actions(tenant)
    assert "ses:GetTenant" not in actions(POLICIES["sender"])


def test_who_fetches_events_may_ask_the_queue_for_them() -> None:
    assert actions(POLICIES["events"]) == {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    [statement] = POLICIES["events"]["Statement"]
    assert statement["Resource"] == "arn:aws:sqs:eu-west-1:123456789012:letters-events"


def test_who_examines_may_ask_all_that_the_doctor_asks() -> None:
    text = "".join(file.read_text("utf-8") for file in (ROOT / "doctor").rglob("*.py"))
    of_ses = {f"ses:{name}" for name in re.findall(r'ask_ses\(\s*exam,\s*"(\w+)"', text)}
    tenant = policies(NAMES, PLACE.arn, sends_for_tenant=True)["doctor"]

    assert "ses:GetEmailIdentity" in of_ses
    assert of_ses | named_in("doctor") <= actions(tenant)


def test_who_examines_changes_nothing() -> None:
    assert all(re.match(r"\w+:(Get|List)", action) for action in actions(POLICIES["doctor"]))


def test_mail_leaves_from_the_one_domain_alone() -> None:
    sending = next(
        statement
        for statement in POLICIES["sender"]["Statement"]
        if "ses:SendEmail" in statement["Action"]
    )

    assert sending["Resource"] == [
        "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
        "arn:aws:ses:eu-west-1:123456789012:configuration-set/letters",
    ]
