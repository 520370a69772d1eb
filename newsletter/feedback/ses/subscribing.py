"""Confirming that a topic of SNS may post here: through the API of SNS, and only while armed.

The URL that the request names is never opened: it could lead anywhere.
"""

import datetime as dt

from botocore.config import Config

from newsletter.aws.clients import answer_of, open_clients
from newsletter.aws.faults import SettingsSection
from newsletter.feedback.base import NotNow
from newsletter.store import Store, state

_SECTION = SettingsSection(
    "events.topic_arns",
    "SNS",
    region="Write the topics as AWS shows them.",
    endpoint="Check AWS_ENDPOINT_URL.",
    permissions=("sns:ConfirmSubscription",),
)
_ARMED = "subscribing_armed_until"  # in seconds since 1970
_READ_SECONDS = 10


class NotConfirmed(NotNow):
    """SNS did not take the confirmation."""

    code = "not-confirmed"


def arm(store: Store, until: dt.datetime) -> dt.datetime:
    """Let topics be confirmed until a time; returns the time that holds, which is never earlier
    than before."""
    with store.write() as connection:
        reached = state.raise_to(connection, _ARMED, int(until.timestamp()))
    return dt.datetime.fromtimestamp(reached, dt.UTC)


def is_armed(store: Store, now: dt.datetime) -> bool:
    with store.read() as connection:
        return now.timestamp() < state.value(connection, _ARMED)


def confirm(topic_arn: str, token: str, read_seconds: float = _READ_SECONDS) -> None:
    """Confirm a subscription with SNS, in the topic's region, so that only its owner can end it.

    Raises ConfigurationError for what a person has to mend, else NotConfirmed.
    """
    region = topic_arn.split(":")[3]
    config = Config(connect_timeout=5, read_timeout=read_seconds, retries={"total_max_attempts": 2})
    [client] = open_clients("sns", _SECTION, region=region, endpoint="", configs=[config])
    answer_of(
        lambda: client.confirm_subscription(
            TopicArn=topic_arn,
            Token=token,
            AuthenticateOnUnsubscribe="true",  # else whoever reads such a request can end it
        ),
        _SECTION,
        NotConfirmed,
        "SNS did not confirm the subscription",
    )
