"""Confirming that a topic of SNS may post here: through the API of SNS, and only while armed.

The URL that the request names is never opened: it could lead anywhere.
"""

import datetime as dt

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from newsletter.errors import NewsletterError
from newsletter.store import Store, state

_ARMED = "subscribing_armed_until"  # in seconds since 1970


class NotConfirmed(NewsletterError):
    """SNS did not take the confirmation."""

    code = "not-confirmed"


def arm(store: Store, until: dt.datetime) -> dt.datetime:
    """Let topics be confirmed until then; returns until when that is: never shorter than before."""
    with store.write() as connection:
        reached = state.raise_to(connection, _ARMED, int(until.timestamp()))
    return dt.datetime.fromtimestamp(reached, dt.UTC)


def is_armed(store: Store, now: dt.datetime) -> bool:
    with store.read() as connection:
        return now.timestamp() < state.value(connection, _ARMED)


def confirm(topic_arn: str, token: str) -> None:
    """Confirm a subscription with SNS, in the topic's region. Raises NotConfirmed."""
    region = topic_arn.split(":")[3]
    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    try:
        client = boto3.session.Session(region_name=region).client("sns", config=config)
        client.confirm_subscription(TopicArn=topic_arn, Token=token)
    except (BotoCoreError, ClientError) as error:
        raise NotConfirmed(f"SNS did not confirm the subscription: {error}") from error
