"""What became of a send."""

from typing import TYPE_CHECKING

from newsletter.operations.records.base import JsonObject, time
from newsletter.reports.tables import figures, tables

if TYPE_CHECKING:
    from newsletter.reports.figures import SendReport


def report(counted: "SendReport") -> JsonObject:
    """A report with all its tables: each of them a list of objects."""
    sent = counted.send
    return {
        "send_id": sent.id,
        "status": sent.status,
        "final": counted.is_final,
        "slug": sent.slug,
        "subject": sent.subject,
        "list": sent.list,
        "segment": sent.segment,
        "counted_at": time(counted.at),
        "began_at": time(counted.began_at),
        "last_at": time(counted.last_at),
        "finished_at": time(sent.finished_at),
        **{figure.name: figure.number for figure in figures(counted)},
        "half_arrived_seconds": counted.speed and round(counted.speed.half, 3),
        "most_arrived_seconds": counted.speed and round(counted.speed.most, 3),
        "opens_tracked": counted.opens is not None,
        "clicks_tracked": counted.clicks is not None,
        "notes": list(counted.notes),
        "tables": {
            table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in tables(counted)
        },
    }
