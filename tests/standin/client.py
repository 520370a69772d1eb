"""The stand-in as tests use it: start it, order faults, read its log."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standin import log as records
from tests.standin.__main__ import main
from tests.standin.log import Record
from tests.standin.settings import command_line
from tests.waiting import PATIENCE_SECONDS
from tests.warm import Program, beside

_PAGE = 5000


@dataclass(slots=True)
class StandIn:
    """A running stand-in; its log can be read after it has stopped, too."""

    log: Path
    url: str
    process: Program

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which a newsletter sends through it."""
        return {
            "NEWSLETTER_TRANSPORT__KIND": "ses",
            "NEWSLETTER_TRANSPORT__SES__REGION": "us-east-1",
            "NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL": self.url,
            "NEWSLETTER_TRANSPORT__SES__CONFIGURATION_SET": "newsletter",
        }

    def configure(self, **faults: object) -> None:
        """Order faults, `latency_ms`, `statuses` and `outcomes`: see `faults`."""
        self._call("POST", "/_faults", faults)

    def clear(self) -> None:
        """Nothing goes wrong any more, and what was held back is answered."""
        self._call("DELETE", "/_faults")

    def account(self, **changes: object) -> None:
        """Change the account: `sending_enabled`, `enforcement_status`, `sandbox`,
        `max_24_hour_send`, `sent_last_24_hours`, `max_send_rate`, `suppressed_reasons`,
        `recommendations`, `reputation_entities`; `described` has more members of GetAccount."""
        self._call("POST", "/_account", changes)

    def preset(self, **things: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Put `identities` and `configuration_sets` into another state: see `configuration`."""
        self._call("POST", "/_configuration", things)

    def as_configured(self) -> None:
        """Identities and configuration sets are again as the settings have them."""
        self._call("DELETE", "/_configuration")

    def accepted(self) -> Iterator[Record]:
        """Each recipient that was accepted, from the log."""
        return self._records("accepted")

    @property
    def requests(self) -> list[Record]:
        """Each request that arrived, from the log, the refused ones too."""
        return list(self._records("request"))

    def events(self) -> list[dict[str, Any]]:
        """Every event that has come by now."""
        events: list[dict[str, Any]] = []
        while page := self.events_since(len(events)):
            events += page
        return events

    def events_since(self, number: int) -> list[dict[str, Any]]:
        """Some of the events that have come by now, from event `number` on; none where all are."""
        page = self._call("GET", f"/_events?since={number}&limit={_PAGE}")
        return [json.loads(line) for line in page.splitlines()]

    def stats(self) -> dict[str, Any]:
        """Counts of requests and accepted recipients, and their arrivals per tenth of a second."""
        stats: dict[str, Any] = json.loads(self._call("GET", "/_stats"))
        return stats

    def stop(self) -> None:
        """Stop it in good order; again is harmless."""
        self.process.terminate()
        self._end()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self._end()

    def _end(self) -> None:
        self.process.join(PATIENCE_SECONDS)

    def _records(self, kind: str) -> Iterator[Record]:
        lines = records.read(self.log)
        return (record for _, _, record in lines if record["kind"] == kind)

    def _call(self, method: str, path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.loads(error.read())["message"]) from error
        return content


@contextmanager
def running(log: Path, **options: object) -> Iterator[StandIn]:
    """A stand-in that writes to `log`, with the options of `settings`; stopped at the end."""
    arguments = command_line(log.resolve(), {**options, "with_parent": True})
    with beside(main, *arguments) as (process, url):
        assert url.startswith("http://"), "the stand-in did not start"
        yield StandIn(log, url, process)
