"""The account itself: what its suppression list takes by itself, and whether it may send to all."""

from collections.abc import Sequence

from newsletter.provision.base import Action, Component, Difference
from newsletter.provision.ses import wanted
from newsletter.provision.ses.target import SesTarget


def missing_reasons(held: Sequence[str]) -> list[str]:
    return [reason for reason in wanted.SUPPRESSED_REASONS if reason not in held]


def suppression(target: SesTarget) -> Component:
    component = "suppression list of the account"
    reply = target.aws.ask("ses:GetAccount", "SendQuota")
    attributes = reply.get("SuppressionAttributes", {})
    held = attributes.get("SuppressedReasons", [])
    if not (more := missing_reasons(held)):
        return Component(component)
    wishes = {**attributes, "SuppressedReasons": [*held, *more]}
    change = Action(
        "let SES suppress addresses that bounce or complain",
        lambda: _put(target, wishes),
        (Difference("SuppressedReasons", ", ".join(held) or "none", ", ".join([*held, *more])),),
    )
    return Component(component, (change,))


def in_sandbox(target: SesTarget) -> bool:
    reply = target.aws.ask("ses:GetAccount", "ProductionAccessEnabled")
    return not reply["ProductionAccessEnabled"]


def _put(target: SesTarget, attributes: dict[str, object]) -> None:
    target.aws.ask("ses:PutAccountSuppressionAttributes", **attributes)
