"""The configuration set that mail is sent with, and where it publishes events."""

from collections.abc import Mapping, Sequence
from typing import Any

from newsletter.provision.base import Action, Component, Difference
from newsletter.provision.ses import wanted
from newsletter.provision.ses.account import missing_reasons
from newsletter.provision.ses.target import SesTarget


def configuration_set(target: SesTarget) -> Component:
    name = target.names.configuration_set
    component = f"configuration set {name}"
    found = target.aws.find(
        "ses:GetConfigurationSet", "ConfigurationSetName", ConfigurationSetName=name
    )
    if found is None:
        return Component(component, (_creation(target),))
    actions = [*_delivery(target, found), *_suppression(target, found)]
    left_alone = (
        ("sending is switched off for it: switch it on in the SES console once you know why",)
        if found.get("SendingOptions", {}).get("SendingEnabled") is False
        else ()
    )
    return Component(component, tuple(actions), left_alone)


def event_destination(target: SesTarget) -> Component:
    """The destination that leads to the topic, whatever its name; others stay as they are."""
    name = target.names.configuration_set
    component = f"events of {name}"
    reply = target.aws.find(
        "ses:GetConfigurationSetEventDestinations",
        "EventDestinations",
        ConfigurationSetName=name,
    )
    known = reply["EventDestinations"] if reply else []
    ours = [one for one in known if _topic_of(one) == target.topic_arn]
    if not ours:
        return Component(component, (_publication(target, [one["Name"] for one in known]),))
    published = {kind for one in ours if one.get("Enabled") for kind in one["MatchingEventTypes"]}
    if published.issuperset(target.event_types):
        return Component(component)
    return Component(component, (_completion(target, ours[0]),))


def _creation(target: SesTarget) -> Action:
    name = target.names.configuration_set
    options = {
        "TlsPolicy": wanted.TLS_POLICY,
        "MaxDeliverySeconds": wanted.MAX_DELIVERY_SECONDS,
    }
    return Action(
        f"make the configuration set {name}: delivery by TLS alone, tried for 12 hours",
        lambda: target.aws.make(
            "ses:CreateConfigurationSet", ConfigurationSetName=name, DeliveryOptions=options
        ),
    )


def _delivery(target: SesTarget, found: Mapping[str, Any]) -> list[Action]:
    held = found.get("DeliveryOptions", {})
    wishes: dict[str, Any] = {}
    if held.get("TlsPolicy") != wanted.TLS_POLICY:
        wishes["TlsPolicy"] = wanted.TLS_POLICY
    if not held.get("MaxDeliverySeconds"):
        wishes["MaxDeliverySeconds"] = wanted.MAX_DELIVERY_SECONDS
    return _put(target, "DeliveryOptions", held, wishes)


def _suppression(target: SesTarget, found: Mapping[str, Any]) -> list[Action]:
    """Reasons of its own take the place of the account's; with none, those hold."""
    held = found.get("SuppressionOptions", {})
    if "SuppressedReasons" not in held or not (more := missing_reasons(held["SuppressedReasons"])):
        return []
    reasons = [*held["SuppressedReasons"], *more]
    return _put(target, "SuppressionOptions", held, {"SuppressedReasons": reasons})


def _put(
    target: SesTarget, options: str, held: Mapping[str, Any], wishes: Mapping[str, Any]
) -> list[Action]:
    """All options of a kind are put at once: what is held goes along."""
    if not wishes:
        return []
    name = target.names.configuration_set
    return [
        Action(
            f"change the configuration set {name}",
            lambda: _ask_put(target, options, {**held, **wishes}),
            tuple(
                Difference(key, _shown(held.get(key)), _shown(value))
                for key, value in wishes.items()
            ),
        )
    ]


def _ask_put(target: SesTarget, options: str, values: Mapping[str, Any]) -> None:
    target.aws.ask(
        f"ses:PutConfigurationSet{options}",
        ConfigurationSetName=target.names.configuration_set,
        **values,
    )


def _publication(target: SesTarget, taken: Sequence[str]) -> Action:
    name, number = target.names.destination, 2
    while name in taken:
        name, number = f"{target.names.destination}-{number}", number + 1
    return Action(
        f"publish {len(target.event_types)} types of events to the topic {target.names.topic}",
        lambda: target.aws.make(
            "ses:CreateConfigurationSetEventDestination",
            ConfigurationSetName=target.names.configuration_set,
            EventDestinationName=name,
            EventDestination=_definition(target, target.event_types),
        ),
        (Difference("MatchingEventTypes", "none", _shown(target.event_types)),),
    )


def _completion(target: SesTarget, held: Mapping[str, Any]) -> Action:
    types = held["MatchingEventTypes"]
    more = [kind for kind in target.event_types if kind not in types]
    differences = []
    if not held.get("Enabled"):
        differences.append(Difference("Enabled", "false", "true"))
    if more:
        differences.append(Difference("MatchingEventTypes", _shown(types), f"and {_shown(more)}"))
    return Action(
        f"complete the event destination {held['Name']}",
        lambda: _update(target, held["Name"], [*types, *more]),
        tuple(differences),
    )


def _update(target: SesTarget, name: str, types: Sequence[str]) -> None:
    target.aws.ask(
        "ses:UpdateConfigurationSetEventDestination",
        ConfigurationSetName=target.names.configuration_set,
        EventDestinationName=name,
        EventDestination=_definition(target, types),
    )


def _definition(target: SesTarget, types: Sequence[str]) -> dict[str, Any]:
    return {
        "Enabled": True,
        "MatchingEventTypes": list(types),
        "SnsDestination": {"TopicArn": target.topic_arn},
    }


def _topic_of(destination: Mapping[str, Any]) -> str:
    return str(destination.get("SnsDestination", {}).get("TopicArn", ""))


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "not set" if value is None else str(value)
