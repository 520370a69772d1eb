"""`/hooks/sns`: what SNS posts about mail that was sent.

Nothing is believed before it is proven, and nothing that a request names is opened but a
certificate of SNS itself: see newsletter.feedback.ses.sns.
"""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from newsletter.config import Settings
from newsletter.feedback.base import Incoming, Posted, Reply, understood
from newsletter.feedback.ses import certificates, subscribing
from newsletter.feedback.ses.certificates import Certificates, NotFetched
from newsletter.feedback.ses.events import parse
from newsletter.feedback.ses.sns import Envelope, Refusal, prove
from newsletter.store import Store, locks
from newsletter.store.reported import unreadable
from newsletter.times import Clock


class SnsHook:
    """`fetch` gets a certificate of SNS, `confirm` a topic and a token that confirms it."""

    path = "/hooks/sns"

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        fetch: Callable[[str], bytes] | None = None,
        confirm: Callable[[str, str], None] = subscribing.confirm,
    ) -> None:
        self._topics = frozenset(settings.events.topic_arns)
        self._store = store
        self._clock = clock
        self._confirm = confirm
        self._keys = Certificates(fetch or certificates.fetch, clock)

    async def receive(self, request: Posted) -> Reply:
        envelope = await self._proven(request)
        if isinstance(envelope, Refusal):
            return Reply(envelope.status, envelope.reason)
        if request.headers.get("x-amz-sns-message-type", envelope.type) != envelope.type:
            return Reply(400, "two types")
        if envelope.is_notification:
            return Reply(200, incoming=await run_in_threadpool(self._incoming, envelope.message))
        if envelope.asks_for_confirmation:
            await run_in_threadpool(self._subscribe, envelope)
        return Reply(200)

    async def _proven(self, request: Posted) -> Envelope | Refusal:
        """What a request proves; while it waits for a certificate, it holds no thread that others
        need."""
        try:
            proof = await self._prove(request.body)
        except NotFetched as missing:
            await self._keys.fetch(missing.url, request.client)
            proof = await self._prove(request.body)
        if isinstance(proof, Envelope):
            self._keys.trust(proof.certificate_url)
        return proof

    async def _prove(self, body: bytes) -> Envelope | Refusal:
        return await run_in_threadpool(prove, body, self._topics, self._keys.key_of)

    def _incoming(self, text: str) -> Incoming:
        return Incoming(self.path, text, understood(parse, text))

    def _subscribe(self, envelope: Envelope) -> None:
        """Confirm a subscription while that is armed; else record that it was not."""
        now = self._clock()
        if subscribing.is_armed(self._store, now):
            self._confirm(envelope.topic_arn, envelope.token)
            return
        reason = (
            "a subscription that was not confirmed: newsletter events arm, then request it again"
        )
        with self._store.write() as connection:
            locks.events(connection)
            key = f"subscription {envelope.message_id}"
            unreadable.keep(connection, key, reason, envelope.topic_arn, now)
