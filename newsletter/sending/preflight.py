"""Checks before a send is planned or taken up: may the account send so much, was the issue tested,
is the store up to date."""

from collections.abc import Callable, Sequence

from newsletter.errors import Refused
from newsletter.meant import did_you_mean
from newsletter.model.email import Email
from newsletter.model.send import Allowance
from newsletter.model.slug import spellings
from newsletter.sending import generation, restored
from newsletter.sending.plan import Order
from newsletter.sending.run import allowed
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.ledger import receipts, sends
from newsletter.store.people import lists, people
from newsletter.times import time_text
from newsletter.transports import Transport


def check_store(worker: Worker) -> None:
    """Raises Refused where the store was restored from a backup, and ConfigurationError where its
    generation could not be noted, before anything is written."""
    if worker.generation is not None:
        generation.check_place(worker.generation)
    with worker.store.read() as connection:
        restored.check(connection, worker.generation, worker.timezone)


def check_renamed(store: Store, order: Order, is_taken: Callable[[str], bool]) -> None:
    """Raises Refused where the list has had this issue under a slug that no file has any more.

    `is_taken` says whether a file has a slug.

    A file that was copied is an issue of its own, as its author may intend.
    """
    with store.read() as connection:
        list_id = lists.id_of(connection, order.list_name)
        earlier = sends.of_source(connection, order.source_hash, list_id)
    others = [
        send
        for send in earlier
        if send.slug not in spellings(order.slug) and not send.is_as_if_never_made
    ]
    for send in others:
        if not is_taken(send.slug):
            when = time_text(send.created_at, order.timezone)
            raise Refused(
                f"this issue was already sent to {order.list_name}, as {send.slug!r}: {send.id} "
                f"of {when} is {send.status}",
                hint=f"Nothing was sent. If it was renamed, write `slug: {send.slug}` in its front "
                'matter; to send it once more: --again "the reason".',
            )


def check_account(
    transport: Transport, recipients: int, *, spread: bool, scheduled: bool
) -> Allowance:
    """What the account allows. Raises Refused where it may not send, or not to this many at once.

    What was sent today counts against a send that begins now, not against a scheduled one.
    """
    allowance = allowed(transport)
    room = allowance.daily if scheduled else allowance.remaining
    if room is not None and recipients > room and not spread:
        may = f"{room:,} in 24 hours" if scheduled else f"{room:,} more in these 24 hours"
        of = "" if scheduled else f" (of {allowance.daily or 0:,})"
        raise Refused(
            f"{recipients:,} recipients, but the account may send {may}{of}",
            hint="Nothing was sent. --spread sends as the quota allows, over several days.",
        )
    return allowance


def check_sender(transport: Transport, sender: str, allowance: Allowance) -> Sequence[str]:
    """Warnings about this sender for the operator. Raises Refused or ConfigurationError where the
    outside would take nothing from it."""
    warnings = [allowance.warning] if allowance.warning else []
    return [*warnings, *transport.check(sender)]


def check_fields(store: Store, email: Email, list_name: str) -> Sequence[str]:
    """Warnings about merge fields that stay empty: nobody of the list has a value, or nobody at all
    where there is no such list."""
    fields = (name.partition(".") for name in sorted(email.fields))
    names = [name for kind, _, name in fields if kind == "subscriber" and name != "name"]
    if not names:
        return []
    with store.read() as connection:
        number = lists.find(connection, list_name)
        unknown = people.unknown_attributes(connection, names, number)
        names_in_use = people.attribute_names(connection) if unknown else ()
    who = "nobody" if number is None else f"nobody of {list_name}"
    return [
        f"{{{{ subscriber.{name} }}}} stays empty or shows its default: {who} has an attribute "
        f"{name!r}. {did_you_mean(name, names_in_use)}".rstrip()
        for name in unknown
    ]


def days(allowance: Allowance, recipients: int, *, scheduled: bool) -> int:
    """How many days a spread send takes at least."""
    first = allowance.daily if scheduled else allowance.remaining
    if first is None or recipients <= first or not allowance.daily:
        return 1
    return 1 + -(-(recipients - first) // allowance.daily)


def check_tested(store: Store, content_hash: str, slug: str) -> None:
    """Raises Refused unless these very bytes were sent as a test."""
    with store.read() as connection:
        tested = receipts.exists(connection, content_hash)
    if not tested:
        raise Refused(
            f"{slug!r} was not sent as a test in this form, and [policy] require_test requires it",
            hint=f"Nothing was sent. First: newsletter test {slug} --to you@example.com",
        )
