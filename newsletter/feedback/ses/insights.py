"""What SES has kept of single mails: Message Insights of the Virtual Deliverability Manager.

SES finds no mail by our tags. So an export lists the mails that went to some addresses in some
time, and each of them is asked for by its id: its tags say whose it is, its events what became of
it. https://docs.aws.amazon.com/ses/latest/dg/vdm-message-insights.html
"""

import csv
import datetime as dt
import io
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from newsletter.aws.clients import answer_of, reply_of
from newsletter.config import SesSettings
from newsletter.feedback.base import Incoming, RecordsUnreachable, Unsettled, understood
from newsletter.feedback.ses.events import parse
from newsletter.transports.ses.clients import SENDING, open_patient_client

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_ADDRESSES = 5  # in one export, at most
_MAILS = 10_000  # in one export, at most
_MARGIN = dt.timedelta(minutes=5)  # between the clock of SES and ours
_PAUSE_SECONDS = 2.0
_EXPORT_SECONDS = 600.0
_DOWNLOAD_SECONDS = 30.0
_MOST_BYTES = 16 * 1024 * 1024
_SECTION = replace(
    SENDING, permissions=("ses:CreateExportJob", "ses:GetExportJob", "ses:GetMessageInsights")
)
_CONTEXT = "the message insights of SES cannot be read"
# What an insight calls an event, what an event is called when it is published, and where that has
# its facts. Of others a repetition would count twice, or they settle nothing.
_TYPES = {
    "SEND": ("Send", "send"),
    "DELIVERY": ("Delivery", "delivery"),
    "REJECT": ("Reject", "reject"),
    "RENDERING_FAILURE": ("Rendering Failure", "failure"),
    "BOUNCE": ("Bounce", "bounce"),
    "COMPLAINT": ("Complaint", "complaint"),
}


class MessageInsights:
    """Asks SES about deliveries of which nobody knows. It sends and changes nothing there."""

    kept = dt.timedelta(days=30)

    def __init__(self, client: "SESV2Client", sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    @classmethod
    def open(cls, settings: SesSettings) -> Self:
        return cls(open_patient_client(settings))

    def find(self, unsettled: Sequence[Unsettled]) -> Iterator[Incoming]:
        """What SES knows of these deliveries, as its events would have told it."""
        asked = {each.delivery for each in unsettled}
        for first in range(0, len(unsettled), _ADDRESSES):
            for message_id in self._mails_to(unsettled[first : first + _ADDRESSES]):
                yield from self._events_of(message_id, asked)

    def _mails_to(self, unsettled: Sequence[Unsettled]) -> Sequence[str]:
        """The ids of the mails that went to these addresses meanwhile."""
        source: Any = {
            "StartDate": min(each.since for each in unsettled) - _MARGIN,
            "EndDate": max(each.until for each in unsettled) + _MARGIN,
            "Include": {"Destination": sorted({each.address for each in unsettled})},
            "MaxResults": _MAILS,
        }
        job = _ask(
            lambda: self._client.create_export_job(
                ExportDataSource={"MessageInsightsDataSource": source},
                ExportDestination={"DataFormat": "CSV"},
            ),
            "JobId",
        )
        return _ids_in(self._fetched(self._exported(job["JobId"])))

    def _exported(self, job: str) -> str:
        """The URL of what a job has exported."""
        waited = 0.0
        while True:
            reply = _ask(lambda: self._client.get_export_job(JobId=job), "JobStatus")
            match reply["JobStatus"]:
                case "COMPLETED":
                    return str(reply.get("ExportDestination", {}).get("S3Url", ""))
                case "FAILED" | "CANCELLED":
                    raise RecordsUnreachable(
                        f"{_CONTEXT}: the export has {reply['JobStatus'].lower()}",
                        hint=_hint_of(reply),
                    )
            if waited >= _EXPORT_SECONDS:
                raise RecordsUnreachable(
                    f"{_CONTEXT}: the export takes longer than {_EXPORT_SECONDS:.0f} seconds",
                    hint="Ask again later.",
                )
            self._sleep(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS

    def _fetched(self, url: str) -> str:
        """The file at a URL that SES signed."""
        if urlsplit(url).scheme not in self._schemes():
            raise RecordsUnreachable(f"{_CONTEXT}: the export has no address")

        def read() -> bytes:
            with urllib.request.urlopen(url, timeout=_DOWNLOAD_SECONDS) as answer:  # noqa: S310 -- see above
                return bytes(answer.read(_MOST_BYTES + 1))

        content = answer_of(read, _SECTION, RecordsUnreachable, _CONTEXT)
        if len(content) > _MOST_BYTES:
            raise RecordsUnreachable(f"{_CONTEXT}: the export is larger than {_MOST_BYTES:,} bytes")
        return content.decode("utf-8-sig", "replace")

    def _schemes(self) -> Sequence[str]:
        """HTTPS; where SES itself is reached by HTTP, as a stand-in is, that as well."""
        return ("https", urlsplit(self._client.meta.endpoint_url).scheme)

    def _events_of(self, message_id: str, asked: set[str]) -> Iterator[Incoming]:
        reply = _ask(lambda: self._client.get_message_insights(MessageId=message_id), "MessageId")
        tags = {str(tag["Name"]): [str(tag["Value"])] for tag in reply.get("EmailTags", ())}
        if tags.get("delivery", [""])[0] not in asked:
            return
        for insight in reply.get("Insights", ()):
            for event in insight.get("Events", ()):
                if published := _published(message_id, tags, event):
                    text = json.dumps(published)
                    yield Incoming(f"message {message_id}", text, understood(parse, text))


def _ask(call: Callable[[], Any], *members: str) -> dict[str, Any]:
    """The answer of SES, which must have these members."""
    return reply_of(call, members, _SECTION, RecordsUnreachable, _CONTEXT)


def _hint_of(reply: Mapping[str, Any]) -> str:
    said = reply.get("FailureInfo", {}).get("ErrorMessage", "")
    return f"SES says: {said}" if said else "Ask again later."


def _ids_in(table: str) -> Sequence[str]:
    """The ids in a table of SES, each once."""
    rows = csv.reader(io.StringIO(table))
    heads = ["".join(head.split()).casefold() for head in next(rows, [])]
    if not heads:
        return ()
    if "messageid" not in heads:
        raise RecordsUnreachable(f"{_CONTEXT}: the export has no column of message ids")
    column = heads.index("messageid")
    return list(dict.fromkeys(row[column] for row in rows if len(row) > column and row[column]))


def _published(
    message_id: str, tags: Mapping[str, Sequence[str]], event: Mapping[str, Any]
) -> dict[str, Any] | None:
    """An event of an insight in the form in which SES publishes events."""
    if event.get("Type") not in _TYPES or not isinstance(event.get("Timestamp"), dt.datetime):
        return None
    kind, place = _TYPES[event["Type"]]
    at = event["Timestamp"].astimezone(dt.UTC).isoformat()
    details = event.get("Details", {})
    facts: dict[str, Any] = {"timestamp": at}
    if bounce := details.get("Bounce"):
        if bounce.get("BounceType") != "PERMANENT":
            return None
        facts |= {"bounceType": "Permanent", "bounceSubType": bounce.get("BounceSubType", "")}
    if complaint := details.get("Complaint"):
        facts |= {
            "complaintSubType": complaint.get("ComplaintSubType"),
            "complaintFeedbackType": complaint.get("ComplaintFeedbackType"),
        }
    mail = {"messageId": message_id, "timestamp": at, "tags": tags}
    return {"eventType": kind, "mail": mail, place: facts}
