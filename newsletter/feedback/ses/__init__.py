"""Amazon SES as a source of events: its words, and how they arrive.

events        the JSON of SES, bare or in an SNS envelope -> Event
causes        what a bounce or complaint means for its address, as tables
queue         the queue of SQS
hook          what SNS posts
sns           a request of SNS -> a proven envelope, or a refusal
certificates  where SNS keeps its certificates, and fetching them
subscribing   confirming a topic's subscription, while that is armed
insights      what SES has kept of single mails
"""

# Imported where they are used: the SDK of AWS and the web server take long.
# ruff: noqa: PLC0415

import datetime as dt
from collections.abc import Sequence

from newsletter.config import Settings
from newsletter.errors import ConfigurationError
from newsletter.feedback.base import Armed, Hook, MailRecords, Queue, Source
from newsletter.feedback.ses.events import NAME, parse
from newsletter.store import Store
from newsletter.times import Clock


def _has_queue(settings: Settings) -> bool:
    return bool(settings.events.queue_url)


def _open_queue(settings: Settings) -> Queue:
    from newsletter.feedback.ses import queue

    return queue.SqsQueue(settings)


def _open_records(settings: Settings) -> MailRecords:
    from newsletter.feedback.ses import insights

    return insights.MessageInsights.open(settings.transport.ses)


def _hooks(settings: Settings, store: Store, clock: Clock) -> Sequence[Hook]:
    from newsletter.feedback.ses.hook import SnsHook

    return [SnsHook(settings, store, clock)]


def _arm(settings: Settings, store: Store, until: dt.datetime) -> Armed:
    from newsletter.feedback.ses import subscribing

    topics = settings.events.topic_arns
    if not topics:
        raise ConfigurationError(
            "no topic is named",
            where="events.topic_arns",
            hint="Set [events] topic_arns to the topics that may be confirmed.",
        )
    return Armed(subscribing.arm(store, until), {"topic_arns": topics})


SOURCE = Source(
    name=NAME,
    silence="check the configuration set's event destination, and that events are fetched",
    parse=parse,
    notes={"Bounce/Permanent/Suppressed": "on the list of all of SES, which did not try"},
    has_queue=_has_queue,
    open_queue=_open_queue,
    hooks=_hooks,
    arm=_arm,
    open_records=_open_records,
)
