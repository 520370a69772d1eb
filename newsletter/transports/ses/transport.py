"""The transport `ses`: one bulk call for a batch, or one raw mail for each message.

A send is never repeated by the SDK: SES has no idempotency token, so a second try after a lost
answer would be a second mail.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.config import Config

from newsletter.aws.clients import answer_of
from newsletter.config import SesSettings
from newsletter.errors import SendingStopped, TransportError
from newsletter.model.email import Message
from newsletter.model.send import Allowance, Outcome, Rejected
from newsletter.transports.base import is_nearby
from newsletter.transports.ses import checks, limits
from newsletter.transports.ses.account import allowance
from newsletter.transports.ses.bulk import Bulk
from newsletter.transports.ses.calls import Calls
from newsletter.transports.ses.clients import ASKING_SECONDS, SENDING, open_clients
from newsletter.transports.ses.parameters import of_every_call
from newsletter.transports.ses.suppressed import SesAccountList

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# Calls at once: threads hide the latency, and a raw call carries one mail only.
_BULK_CALLS = 16
_RAW_CALLS = 40
_RAW_BATCH = 5
_CONNECT_SECONDS = 10  # and for writing the request, which may take long on a slow line
_READ_SECONDS = 20
_BATCH_SECONDS = 20  # with one more call that is well below the lease of a batch
_SUSPICIOUS = 5  # refusals, where they are the whole batch


class Ses:
    """Sends through SES v2; `mode` is `bulk` (one call for a batch) or `raw` (one for each mail).

    What stops the whole send but came with answers to some messages is kept, and raised by the
    next call for that send before it sends anything. `batch_seconds` is how long a batch goes on
    making calls, `read_seconds` how long one waits for its reply, and for the rest of it.
    """

    kind = "ses"

    def __init__(
        self,
        settings: SesSettings,
        *,
        concurrency: int | None = None,
        read_seconds: float = _READ_SECONDS,
        batch_seconds: float = _BATCH_SECONDS,
    ) -> None:
        self._is_bulk = settings.mode == "bulk"
        self.concurrency = concurrency or (_BULK_CALLS if self._is_bulk else _RAW_CALLS)
        self.batch_size = limits.MAX_ENTRIES if self._is_bulk else _RAW_BATCH
        self._settings = settings
        self._batch_seconds = batch_seconds
        self._client, self._control = _clients(settings, self.concurrency, read_seconds)
        self._common = of_every_call(settings)
        self._bulk = Bulk(self._client, self._common)
        self._pending: dict[str, TransportError] = {}

    @property
    def account_list(self) -> SesAccountList:
        """The account's suppression list, through the client for questions."""
        return SesAccountList(self._control, self._settings)

    @property
    def reaches_readers(self) -> bool:
        return not is_nearby(urlsplit(self._client.meta.endpoint_url).hostname or "")

    @property
    def tracks_opens(self) -> bool:
        return self._settings.open_tracking

    @property
    def tracks_clicks(self) -> bool:
        return self._settings.click_tracking

    def allowance(self) -> Allowance:
        """What the account allows now.

        Raises ConfigurationError for what a person has to mend, SendingStopped where SES does not
        tell.
        """
        return answer_of(
            lambda: allowance(self._control.get_account(), is_shared=self._settings.shared_account),
            replace(SENDING, permissions=("ses:GetAccount",)),
            SendingStopped,
            "SES does not tell what the account allows",
        )

    def check(self, sender: str) -> Sequence[str]:
        """Whether this sender may send as the settings say: see `checks`."""
        return checks.check(self._control, self._settings, sender)

    def deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        pending = self._pending.pop(send_id, None)
        if pending is not None:
            raise pending
        faults = limits.faults(batch)
        fit = [message for message, fault in zip(batch, faults, strict=True) if not fault]
        sent = iter(self._deliver(send_id, fit) if fit else [])
        return [Rejected(fault) if fault else next(sent) for fault in faults]

    def _deliver(self, send_id: str, batch: Sequence[Message]) -> list[Outcome]:
        until = time.monotonic() + self._batch_seconds
        calls = Calls(self._client, self._bulk, self._common, until)
        try:
            outcomes = calls.bulk(batch) if self._is_bulk else calls.raw(batch)
        finally:
            if calls.stop is not None:
                self._pending[send_id] = calls.stop
        rejections = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
        if len(rejections) == len(batch) >= _SUSPICIOUS:
            # One bad address may spoil a call; where all are bad, the addresses are not at fault.
            raise SendingStopped(f"SES refused all of a batch: {rejections[0].reason}")
        return outcomes


def _clients(settings: SesSettings, concurrency: int, read_seconds: float) -> "list[SESV2Client]":
    """A client that sends once and no more, and one for questions, which may be repeated."""
    common: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": read_seconds,
        "tcp_keepalive": True,
    }
    sending = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=concurrency,
        parameter_validation=False,  # limits.faults checks more, and faster
        **common,
    )
    asking = Config(
        retries={"total_max_attempts": 3, "mode": "standard"},
        **{**common, "read_timeout": min(read_seconds, ASKING_SECONDS)},
    )
    return open_clients(settings, read_seconds, sending, asking)
