"""What is asked before a send is planned: may the account send so much, was the issue tested."""

from newsletter.errors import Refused
from newsletter.model.send import Allowance
from newsletter.sending.run import allowed
from newsletter.store import Store, receipts
from newsletter.transports import Transport


def check_account(transport: Transport, recipients: int, *, spread: bool) -> Allowance:
    """What the account allows. Raises Refused where it may not send, or not to so many at once."""
    allowance = allowed(transport)
    if allowance.remaining is not None and recipients > allowance.remaining and not spread:
        raise Refused(
            f"{recipients:,} recipients, and the account may send {allowance.remaining:,} more in "
            f"these 24 hours (of {allowance.daily or 0:,})",
            hint="Nothing was sent. --spread sends as the quota allows, over several days.",
        )
    return allowance


def days(allowance: Allowance, recipients: int) -> int:
    """How many days a spread send takes at least."""
    if allowance.remaining is None or recipients <= allowance.remaining or not allowance.daily:
        return 1
    return 1 + -(-(recipients - allowance.remaining) // allowance.daily)


def check_tested(store: Store, content_hash: str, slug: str) -> None:
    """Raises Refused unless these very bytes were sent as a test."""
    with store.read() as connection:
        tested = receipts.exists(connection, content_hash)
    if not tested:
        raise Refused(
            f"{slug!r} was not sent as a test in this form, and [policy] require_test demands it",
            hint=f"Nothing was sent. First: newsletter test {slug} --to you@example.com",
        )
