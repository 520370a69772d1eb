"""The payloads that SES documents, and parts of them to change."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "ses"
MESSAGE_ID = "0100018f2e3c4d5e-11111111-2222-4333-8444-555555555555-000000"


def payload(name: str) -> str:
    """The text of one file."""
    return (FOLDER / name).read_text("utf-8").strip()


def changed(name: str = "event-bounce-permanent.json", **parts: Any) -> str:
    """An event with other parts; `mail__tags` is a part of its `mail`; `None` takes one away."""
    event: dict[str, Any] = json.loads(payload(name))
    for path, value in parts.items():
        *above, last = path.split("__")
        inner = event
        for key in above:
            inner = inner[key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return json.dumps(event)
