"""Message Insights: what became of single mails, told from the log, and exports of their ids."""

import csv
import datetime as dt
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.standin import log
from tests.standin.events import OUTCOMES, event
from tests.standin.http import Answer, Refusal, Request
from tests.standin.log import Record

EXPORTS = "/_exports/"
_KEPT = dt.timedelta(days=30)
_ADDRESSES = 5
_HEADS = ["Message ID", "From email address", "Destination", "Subject", "Email sent at"]
_API_NAMES = {"Rendering Failure": "RENDERING_FAILURE", "DeliveryDelay": "DELIVERY_DELAY"}


class Insights:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._exports: dict[str, str] = {}
        self._asked: set[str] = set()

    def create_job(self, body: object, now: float) -> dict[str, object]:
        """An export of the mails that went to some addresses in some time."""
        source = body["ExportDataSource"]["MessageInsightsDataSource"]  # type: ignore[index]
        start, end = source["StartDate"], source["EndDate"]
        wanted = source.get("Include", {}).get("Destination", [])
        if start < now - _KEPT.total_seconds() - 600:
            raise Refusal(400, "BadRequestException", "StartDate is more than 30 days ago.")
        if len(wanted) > _ADDRESSES:
            raise Refusal(400, "BadRequestException", "Too many destinations.")
        addresses = {address.lower() for address in wanted}
        rows = [
            [record["message_id"], record["from"], record["to"], "", record["at"]]
            for record in self._mails()
            if start <= record["at"] <= end and record["to"].lower() in addresses
        ]
        out = io.StringIO()
        csv.writer(out).writerows([_HEADS, *rows[: source.get("MaxResults", 10_000)]])
        job = uuid4().hex
        self._exports[job] = out.getvalue()
        return {"JobId": job}

    def job(self, job: str, request: Request) -> dict[str, object]:
        """It is under way when it is asked for first."""
        if job not in self._exports:
            raise Refusal(404, "NotFoundException", f"Job {job} does not exist.")
        reply: dict[str, object] = {"JobId": job, "ExportSourceType": "MESSAGE_INSIGHTS"}
        if job not in self._asked:
            self._asked.add(job)
            return reply | {"JobStatus": "PROCESSING"}
        url = f"http://{request.headers['host']}{EXPORTS}{job}"
        destination = {"DataFormat": "CSV", "S3Url": url}
        return reply | {"JobStatus": "COMPLETED", "ExportDestination": destination}

    def export(self, job: str) -> Answer:
        return Answer(200, self._exports[job].encode(), "text/csv")

    def message(self, message_id: str) -> dict[str, object]:
        records = [record for record in self._mails() if record["message_id"] == message_id]
        if not records:
            raise Refusal(404, "NotFoundException", f"Message {message_id} does not exist.")
        first = records[0]
        return {
            "MessageId": message_id,
            "FromEmailAddress": first["from"],
            "EmailTags": [{"Name": name, "Value": value} for name, value in first["tags"].items()],
            "Insights": [_insight(record) for record in records],
        }

    def _mails(self) -> list[Record]:
        lines = log.read(self._path)
        return [record for _, _, record in lines if record["kind"] == "accepted"]


def _insight(record: Record) -> dict[str, object]:
    events = [_event(record, kind) for kind in OUTCOMES[record["status"]]]
    return {"Destination": record["to"], "Isp": "Other", "Events": events}


def _event(record: Record, kind: str) -> dict[str, object]:
    published = event(record, kind)
    details: dict[str, Mapping[str, Any]] = {}
    if bounce := published.get("bounce"):
        sub_type = bounce["bounceSubType"]
        details["Bounce"] = {
            "BounceType": bounce["bounceType"].upper(),
            "BounceSubType": sub_type,
            "DiagnosticCode": bounce["bouncedRecipients"][0]["diagnosticCode"],
        }
    if complaint := published.get("complaint"):
        details["Complaint"] = {"ComplaintFeedbackType": complaint["complaintFeedbackType"]}
    name = _API_NAMES.get(kind, kind.upper())
    return {"Timestamp": record["at"], "Type": name, "Details": details}
