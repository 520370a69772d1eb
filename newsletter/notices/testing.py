"""Test mails: an issue through the very pipeline of a send, to any address.

They are no deliveries: the ledger does not know them, and their links change nobody. What stays is
a receipt for the content that was looked at.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from newsletter.config import WebSettings
from newsletter.errors import Interrupted, Throttled
from newsletter.model.address import Address
from newsletter.model.email import Email, Message
from newsletter.model.notice import Notice
from newsletter.model.send import Accepted, Outcome
from newsletter.model.subscriber import Subscriber
from newsletter.notices.post import Post, with_reference
from newsletter.sending.compose import SAMPLE_READER, SendContext, compose, for_send
from newsletter.sending.foot import foot_of
from newsletter.sending.pace import Pace
from newsletter.sending.run import unbarred
from newsletter.sending.worker import Worker
from newsletter.store.ledger import receipts
from newsletter.store.people import people

PREFIX = "[Test] "
_HASH_LENGTH = 12
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds


@dataclass(frozen=True, slots=True)
class Trial:
    """One test mail and what became of it."""

    to: Address
    outcome: Outcome


def send_tests(
    worker: Worker,
    email: Email,
    slug: str,
    to: Sequence[Address],
    *,
    reader: Subscriber | None,
    list_name: str,
    by: str,
    web: WebSettings,
) -> tuple[Trial, ...]:
    """Mail an issue to each address, as `reader` would get it; leaves a receipt.

    Without a reader each address gets it as itself if it is a subscriber, else as a sample reader.
    Raises Refused where the account may not send at all, and what the transport raises.
    """
    allowance = unbarred(worker.transport)
    pace = Pace(worker.max_rate or None, allowance.rate)
    post = Post(worker.store, worker.transport, pace, worker.clock, worker.stop)
    with worker.store.read() as connection:
        today = foot_of(connection, list_name, slug, web)
    context = SendContext(
        send_id=Notice.TEST,
        slug=slug,
        list_id=0,
        list_name=list_name,
        links=worker.links,
        in_ledger=False,
        foot=today,
    )
    trials: list[Trial] = []
    with _receipt(worker, email, slug, by) as reached:
        for address in to:
            with worker.store.read() as connection:
                addressee = reader or people.find(connection, address) or SAMPLE_READER
                number = receipts.mails(connection, email.content_hash) + len(reached) + 1
            # Subscriber 0 is nobody: trying the links of a test unsubscribes no reader.
            person = Subscriber(0, address, addressee.name, addressee.attributes)
            trial = Trial(address, _deliver(post, _message(email, person, context, number)))
            trials.append(trial)
            if isinstance(trial.outcome, Accepted):
                reached.append(address.text)
    return tuple(trials)


@contextmanager
def _receipt(worker: Worker, email: Email, slug: str, by: str) -> Iterator[list[str]]:
    """Yields a list for the addresses that were reached; their receipt is written at the end.

    Even where the transport fails at a later one: the earlier ones have had their mail.
    """
    reached: list[str] = []
    try:
        yield reached
    finally:
        if reached:
            with worker.store.write() as connection:
                receipts.add(
                    connection,
                    content_hash=email.content_hash,
                    slug=slug,
                    at=worker.clock(),
                    by=by,
                    addresses=reached,
                )


def _message(email: Email, person: Subscriber, context: SendContext, number: int) -> Message:
    """As the message of a delivery, except for its subject, its name and whose its links are."""
    marked = replace(for_send(email, context), subject=(PREFIX, *email.subject))
    message = compose(marked, person, context, number, 1)
    about = f"{email.content_hash[:_HASH_LENGTH]}-{number}"
    return with_reference(message, Notice.TEST, about)._replace(name=about)


def _deliver(post: Post, message: Message) -> Outcome:
    """Hand a test over, again and again where it comes too fast, as beside a large send."""
    for seconds in _PAUSES:
        try:
            return _deliver_once(post, message)
        except Throttled:
            post.stop.wait(seconds)
    return _deliver_once(post, message)


def _deliver_once(post: Post, message: Message) -> Outcome:
    post.wait()
    if post.stop.is_set():
        raise Interrupted("interrupted", hint="Some addresses may have had their test. Run again.")
    return post.deliver(Notice.TEST, message)
