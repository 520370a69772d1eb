"""A store, an audience and SES's stand-in, and the proof that the ledger says what SES saw."""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from newsletter.config import SesSettings
from newsletter.config.tables import read_table
from newsletter.model.email import Email
from newsletter.model.send import Allowance, Delivery, DeliveryStatus, Outcome, Send
from newsletter.sending import run
from newsletter.sending.plan import plan
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.transports import Transport
from newsletter.transports.ses.transport import Ses
from tests.integration.sending import (
    EMAIL,
    NOW,
    FixedClock,
    TickingClock,
    addresses,
    fill_list,
    ledger,
    order,
    resume,
    worker,
)
from tests.standin import log
from tests.standin.client import StandIn
from tests.standin.log import Record


class NotAsking(Ses):
    """SES that is not asked what it allows, for calls that meet a network gone wrong."""

    def allowance(self) -> Allowance:
        return Allowance()


def settings_for(url: str, mode: str = "bulk") -> SesSettings:
    """Settings of an SES at a URL, with the configuration set that publishes events."""
    return read_table(
        SesSettings,
        {
            "region": "us-east-1",
            "endpoint_url": url,
            "mode": mode,
            "configuration_set": "newsletter",
        },
    )


@cache
def ses_at(url: str, mode: str, **options: Any) -> Ses:
    """The transport to an SES at a URL, made once: boto3 takes its time."""
    return Ses(settings_for(url, mode), **options)


@dataclass
class Stage:
    """One store and one stand-in. Time moves on by itself, so that no retry is waited for."""

    store: Store
    standin: StandIn
    clock: FixedClock = field(default_factory=TickingClock)
    _begins: int = 0  # where the log of the stand-in is of this test

    def __post_init__(self) -> None:
        self._begins = self.standin.log.stat().st_size

    def ses(self, mode: str = "bulk", **options: Any) -> Ses:
        return ses_at(self.standin.url, mode, **{"concurrency": 1, **options})

    def plan(
        self,
        people: int,
        *,
        email: Email = EMAIL,
        spread: bool = False,
        canary: float | None = None,
    ) -> str:
        """A send to r1@example.com … that has not begun; returns its id."""
        fill_list(self.store, people)
        wanted = replace(order(), email=email, spread=spread, canary=canary)
        return plan(self.store, wanted, NOW)

    def send(self, people: int, transport: Transport | None = None) -> Send:
        """Plan a send and run it until it ends or pauses."""
        return run.run(self.worker(transport), self.plan(people))

    def resume(self, send_id: str, transport: Transport | None = None) -> Send:
        return resume(self.worker(transport), send_id)

    def worker(self, transport: Transport | None = None) -> Worker:
        made = worker(self.store, transport or self.ses(), clock=self.clock)
        return replace(made, backoff_seconds=0.0)

    @property
    def calls(self) -> list[Record]:
        """Each call to send that reached SES in this test, with the number of its `entries`."""
        calls = self._logged("request")
        return [record for record in calls if record["operation"].startswith("Send")]

    def accepted(self, send_id: str) -> list[Record]:
        """Each mail of a send that SES accepted."""
        accepted = self._logged("accepted")
        return [record for record in accepted if record["tags"].get("send") == send_id]

    def mailed(self, send_id: str) -> Counter[str]:
        """How often SES accepted a mail to each recipient of a send."""
        return Counter(record["to"] for record in self.accepted(send_id))

    def rows(self, send_id: str) -> dict[str, Delivery]:
        """The deliveries by address, once they agree with what SES saw.

        Nobody was mailed twice; who is accepted was, under that message id; who is queued,
        rejected or skipped was not.
        """
        rows, accepted = ledger(self.store, send_id), self.accepted(send_id)
        mailed = {record["to"]: record["message_id"] for record in accepted}
        assert len(mailed) == len(accepted)
        for address, row in rows.items():
            if row.status is DeliveryStatus.ACCEPTED:
                assert row.message_id == mailed[address]
            elif row.status is not DeliveryStatus.UNKNOWN:
                assert address not in mailed
        return rows

    def statuses(self, send_id: str) -> Counter[str]:
        return Counter(row.status.value for row in self.rows(send_id).values())

    def _logged(self, kind: str) -> list[Record]:
        lines = log.read(self.standin.log, self._begins)
        return [record for _, _, record in lines if record["kind"] == kind]

    def with_status(self, send_id: str, status: DeliveryStatus) -> set[str]:
        return addresses(self.store, send_id, status)


def kinds(outcomes: list[Outcome]) -> list[str]:
    """The names of outcomes."""
    return [type(outcome).__name__ for outcome in outcomes]
