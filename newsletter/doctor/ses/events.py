"""Checks of the way of events: configuration set -> topic -> queue -> us."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    Unseen,
    fail,
    listed,
    ok,
    skipped,
    warn,
)
from newsletter.doctor.ses.asking import SETUP, AwsAnswer, NotTold, ask, ask_ses, configuration_set
from newsletter.errors import ConfigurationError
from newsletter.feedback.alarm import silence
from newsletter.feedback.ses.queue import region_of
from newsletter.provision.ses import wanted
from newsletter.store.reported import unreadable
from newsletter.times import time_text

_PULL = "newsletter events pull"
_MANY = 10_000  # messages that wait: with a thousand a second applied, somebody should fetch them
_LEAST_RETENTION = dt.timedelta(days=4)
_WORTH_TELLING = dt.timedelta(days=7)  # of messages that could not be read


def destination(exam: Examination) -> Iterator[Diagnosis]:
    enabled = [one for one in _destinations(exam) if one.get("Enabled")]
    if not _destinations(exam):
        yield fail("the configuration set publishes no events", SETUP)
    elif not enabled:
        names = listed(str(one.get("Name")) for one in _destinations(exam))
        yield fail(f"its event destination {names} is switched off", SETUP)
    elif not any("SnsDestination" in one for one in enabled):
        yield fail("its events go elsewhere than to a topic", SETUP)
    else:
        yield ok("its events go to a topic")


def event_types(exam: Examination) -> Iterator[Diagnosis]:
    published = {kind for one in _ours(exam) for kind in one.get("MatchingEventTypes", [])}
    missing = [
        kind for kind in wanted.event_types(exam.settings.transport.ses) if kind not in published
    ]
    if missing:
        yield fail(f"{listed(missing, 7)} are not published", SETUP)
    else:
        yield ok("all that is used is published")


def event_topic(exam: Examination) -> Iterator[Diagnosis]:
    arns = {one["SnsDestination"].get("TopicArn") for one in _ours(exam)}
    ours = exam.settings.events.topic_arns
    if not ours:
        yield fail(
            "[events] topic_arns is empty: events of anybody would be believed",
            f"Set [events] topic_arns = {json.dumps(sorted(arns))}",
        )
    elif arns - set(ours):
        yield fail(
            f"events go to {listed(sorted(arns - set(ours)))}, which is not in [events] topic_arns",
            f"Set [events] topic_arns = {json.dumps(sorted(arns))}",
        )
    else:
        yield ok("it is the one of the settings")


def topic(exam: Examination) -> Iterator[Diagnosis]:
    for arn in _topics(exam):
        try:
            attributes = _topic(exam, arn)
        except (NotTold, ConfigurationError) as error:
            yield fail(error.message, error.hint)
            continue
        if attributes is None:
            yield fail(f"there is no topic {arn}", SETUP)
        elif not _may_publish(attributes.get("Policy", "")):
            yield fail(f"SES may not publish to {arn}", SETUP)
        else:
            yield ok("SES may publish there")


def signature(exam: Examination) -> Iterator[Diagnosis]:
    for arn in _topics(exam):
        try:
            attributes = _topic(exam, arn)
        except (NotTold, ConfigurationError) as error:
            raise Unseen("the topic cannot be asked") from error
        if attributes is None:
            raise Unseen("the topic does not exist")
        if attributes.get("SignatureVersion", "1") == wanted.SIGNATURE_VERSION:
            yield ok("it signs with SHA-256")
        else:
            yield warn(f"{arn} signs with SHA-1", SETUP)


def subscription(exam: Examination) -> Iterator[Diagnosis]:
    queue = exam.settings.events.queue_url and _queue(exam)
    target = str(queue.get("QueueArn")) if queue else f"{_base(exam)}/hooks/sns"
    for arn in _topics(exam):
        try:
            answer = ask(exam, "sns:ListSubscriptionsByTopic", _region(arn), TopicArn=arn)
        except (NotTold, ConfigurationError) as error:
            raise Unseen("the topic cannot be asked") from error
        subscriptions = (answer or {}).get("Subscriptions", [])
        ours = [
            one for one in subscriptions if str(one.get("Endpoint")).partition("?")[0] == target
        ]
        if answer is None:
            raise Unseen("the topic does not exist")
        if not ours:
            yield fail(f"{arn} feeds neither the queue nor the hook of the settings", SETUP)
        elif all(one.get("SubscriptionArn") == "PendingConfirmation" for one in ours):
            yield fail("the subscription was never confirmed", "newsletter events arm")
        elif filtered := [one for one in ours if _is_filtered(exam, arn, one)]:
            yield warn(
                f"a filter keeps some events from {target}",
                "aws sns set-subscription-attributes --attribute-name FilterPolicy "
                f"--attribute-value '{{}}' --subscription-arn {filtered[0]['SubscriptionArn']}",
            )
        else:
            yield ok(f"{target} gets what is published")


def queue(exam: Examination) -> Iterator[Diagnosis]:
    events = exam.settings.events
    if not events.queue_url and not events.topic_arns:
        yield fail("neither a queue nor a hook takes events", SETUP)
        return
    if not events.queue_url:
        yield skipped("events are posted to the hook")
        return
    try:
        attributes = _attributes(exam, events.queue_url)
    except (NotTold, ConfigurationError) as error:
        yield fail(error.message, error.hint)
        return
    if attributes is None:
        yield fail("[events] queue_url names no queue", SETUP)
    elif _kept(attributes) < _LEAST_RETENTION:
        yield warn(f"it forgets what waits longer than {_kept(attributes)}", SETUP)
    else:
        yield ok(f"it keeps what waits for {_kept(attributes).days} days")


def queue_policy(exam: Examination) -> Iterator[Diagnosis]:
    attributes, topics = _queue(exam), exam.settings.events.topic_arns
    policy, arn = str(attributes.get("Policy", "")), str(attributes.get("QueueArn"))
    lacking = [
        one for one in topics if not wanted.has_statement(policy, wanted.queue_statement(arn, one))
    ]
    open_to_all = [
        one
        for one in wanted.statements_of(policy)
        if one.get("Effect") == "Allow"
        and one.get("Principal") in ("*", {"AWS": "*"})
        and not one.get("Condition")
    ]
    if open_to_all:
        yield fail("everybody may write to the queue: reports could be forged", SETUP)
    elif lacking:
        yield fail(f"{listed(lacking)} may not write to the queue", SETUP)
    else:
        yield ok("the topic alone may write to it")


def backlog(exam: Examination) -> Iterator[Diagnosis]:
    waiting = int(_queue(exam).get("ApproximateNumberOfMessages", 0))
    if waiting >= _MANY:
        yield warn(f"{waiting:,} events wait in the queue", _PULL)
    else:
        yield ok(f"{waiting:,} wait")


def dead_letters(exam: Examination) -> Iterator[Diagnosis]:
    policy = json.loads(_queue(exam).get("RedrivePolicy") or "{}")
    arn = str(policy.get("deadLetterTargetArn", ""))
    if not arn:
        yield warn("there is no queue for what is never applied", SETUP)
        return
    name = arn.rpartition(":")[2]
    found = ask(exam, "sqs:GetQueueUrl", _queue_region(exam), QueueName=name)
    attributes = _attributes(exam, str(found["QueueUrl"])) if found else None
    if attributes is None:
        yield fail(f"the queue {name} of the redrive policy does not exist", SETUP)
    elif waiting := int(attributes.get("ApproximateNumberOfMessages", 0)):
        yield warn(
            f"{waiting:,} events were never applied, and lie in {name}",
            f"aws sqs start-message-move-task --source-arn {arn}, then {_PULL}",
        )
    else:
        yield ok(f"{name} is empty")


def arrivals(exam: Examination) -> Iterator[Diagnosis]:
    alarm = silence(exam.store, exam.settings, exam.surroundings.clock())
    if alarm:
        yield fail(alarm, _PULL)
    else:
        yield ok("no mail waits for a report")


def set_aside(exam: Examination) -> Iterator[Diagnosis]:
    with exam.store.read() as connection:
        newest = unreadable.page(connection)
    if newest and exam.surroundings.clock() - newest[0].at < _WORTH_TELLING:
        at = time_text(newest[0].at, exam.settings.newsletter.timezone)
        yield warn(f"a message could not be read, the last at {at}", "newsletter events set-aside")
    else:
        yield ok("every message could be read")


def _destinations(exam: Examination) -> list[dict[str, Any]]:
    configuration_set(exam)
    name = exam.settings.transport.ses.configuration_set
    answer = ask_ses(exam, "GetConfigurationSetEventDestinations", ConfigurationSetName=name)
    found: list[dict[str, Any]] = (answer or {}).get("EventDestinations", [])
    return found


def _ours(exam: Examination) -> list[dict[str, Any]]:
    """The destinations that reach a topic."""
    destinations = _destinations(exam)
    ours = [one for one in destinations if one.get("Enabled") and "SnsDestination" in one]
    if not ours:
        raise Unseen("no event reaches a topic")
    return ours


def _topics(exam: Examination) -> tuple[str, ...]:
    arns = exam.settings.events.topic_arns
    if not arns:
        raise Unseen("[events] topic_arns is empty")
    return arns


def _topic(exam: Examination, arn: str) -> Mapping[str, str] | None:
    answer = ask(exam, "sns:GetTopicAttributes", _region(arn), TopicArn=arn)
    return None if answer is None else answer["Attributes"]


def _is_filtered(exam: Examination, topic_arn: str, known: Mapping[str, str]) -> bool:
    """Whether a subscription passes some messages alone, as far as anybody may know."""
    try:
        answer = ask(
            exam,
            "sns:GetSubscriptionAttributes",
            _region(topic_arn),
            SubscriptionArn=known["SubscriptionArn"],
        )
    except (Unseen, NotTold):
        return False
    return bool(json.loads((answer or {}).get("Attributes", {}).get("FilterPolicy") or "{}"))


def _may_publish(policy: str) -> bool:
    """Whether a statement lets SES publish, whatever its conditions: those are of `setup`."""
    return any(
        one.get("Effect") == "Allow" and "ses.amazonaws.com" in json.dumps(one.get("Principal"))
        for one in wanted.statements_of(policy)
    )


def _queue(exam: Examination) -> AwsAnswer:
    """The attributes of the queue, for checks of what is in it."""
    url = exam.settings.events.queue_url
    if not url:
        raise Unseen("no queue is named")
    try:
        attributes = _attributes(exam, url)
    except (NotTold, ConfigurationError) as error:
        raise Unseen("the queue cannot be asked") from error
    if attributes is None:
        raise Unseen("the queue does not exist")
    return attributes


def _attributes(exam: Examination, url: str) -> AwsAnswer | None:
    answer = ask(
        exam,
        "sqs:GetQueueAttributes",
        _queue_region(exam),
        QueueUrl=url,
        AttributeNames=["All"],
    )
    return None if answer is None else answer.get("Attributes", {})


def _queue_region(exam: Examination) -> str:
    return region_of(exam.settings)


def _kept(attributes: AwsAnswer) -> dt.timedelta:
    return dt.timedelta(seconds=int(attributes.get("MessageRetentionPeriod", 0)))


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 else ""


def _base(exam: Examination) -> str:
    return exam.settings.newsletter.base_url


CHECKS = (
    Check(
        "event-destination",
        CheckGroup.EVENTS,
        destination,
        "Without events nobody who bounced goes.",
    ),
    Check("event-types", CheckGroup.EVENTS, event_types, "What is not published is never known."),
    Check(
        "event-topic", CheckGroup.EVENTS, event_topic, "Events of other topics are not believed."
    ),
    Check("topic", CheckGroup.EVENTS, topic, "It passes events on."),
    Check(
        "topic-signature", CheckGroup.EVENTS, signature, "A forged event could take readers off."
    ),
    Check("subscription", CheckGroup.EVENTS, subscription, "A topic keeps nothing."),
    Check("queue", CheckGroup.EVENTS, queue, "It keeps events while nobody fetches them."),
    Check(
        "queue-policy",
        CheckGroup.EVENTS,
        queue_policy,
        "Whoever may write there may report bounces.",
    ),
    Check(
        "queue-backlog", CheckGroup.EVENTS, backlog, "Who bounced is mailed until it is fetched."
    ),
    Check(
        "dead-letters", CheckGroup.EVENTS, dead_letters, "Events that are never applied end there."
    ),
    Check(
        "events-arrive", CheckGroup.EVENTS, arrivals, "Silence after mail means that a link is cut."
    ),
    Check("events-read", CheckGroup.EVENTS, set_aside, "What cannot be read has no effect."),
)
