"""The warning about bounces, long before the breaker pauses a send: providers react to fewer."""

from collections.abc import Mapping

from newsletter.config import PolicySettings
from newsletter.model.event import Cause
from newsletter.model.send import Send, SendStatus
from newsletter.store import Store
from newsletter.store.ledger import sends
from newsletter.store.reported import events

_LATEST = 20  # sends among which the running ones are looked for
_LEAST = 3  # one or two bounces prove nothing, however small the send


def many_bounces(store: Store, send: Send, policy: PolicySettings) -> str | None:
    """The warning as a line, where hard bounces of a send, three at least, reach `bounce_warn`;
    else None."""
    with store.read() as connection:
        number = sends.number_of(connection, send.id)
        bounces = events.caused(connection, number, None).get(Cause.HARD, 0)
    accepted = send.counts.accepted
    if bounces < max(_LEAST, policy.bounce_warn * accepted):
        return None
    share = f"{bounces / accepted:.2%}" if accepted else "all"
    return (
        f"{bounces:,} hard bounces of {accepted:,} accepted, {share}: "
        f"from {policy.bounce_warn:.2%} on providers trust a sender less. "
        "Look where these addresses come from"
    )


def of_running(store: Store, policy: PolicySettings) -> Mapping[str, str]:
    """The warnings about the sends that are under way, by their ids."""
    with store.read() as connection:
        latest = list(sends.newest_first(connection, _LATEST))
    running = [send for send in latest if send.status is SendStatus.SENDING]
    warnings = {send.id: many_bounces(store, send, policy) for send in running}
    return {send_id: warning for send_id, warning in warnings.items() if warning}
