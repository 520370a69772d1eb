"""A send to many readers through the SES stand-in while the studio shows it, for its pictures."""

import datetime as dt
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.scaffold import start
from tests.integration.commandline import Answer, fork
from tests.integration.serving import served
from tests.standin.client import running
from tests.warm import Program

_READERS = 20_000
_RATE = 200
_SECONDS = 45  # that it has been under way when it is shown
_DOMAINS = ("example.com", "example.org", "mail.example.com", "example.net")
_EARLIER = ("Dyes of autumn", "What the miller did not say")
_NOW = "Looms that count their own threads"
_NEXT = "Spindles, and who still turns them by hand"
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@contextmanager
def running_send(folder: Path) -> Iterator[tuple[str, str]]:
    """The start of the studio, and the id of a send that is under way."""
    project = folder / "letter"
    day = dt.datetime.now(dt.UTC).date()
    start(project, day)
    settings = project / "newsletter.toml"
    settings.write_text(settings.read_text().replace('"Newsletter"', '"The Valley Letter"'))
    with running(folder / "standin.jsonl") as standin:
        environment = {**standin.settings, **_KEYS}

        def call(*arguments: str) -> Answer:
            return fork(project, *arguments, environment=environment)

        readers = [f"r{n}@{_DOMAINS[n % 7 % len(_DOMAINS)]}" for n in range(_READERS)]
        standin.configure(outcomes=dict.fromkeys(readers[::400], "Bounce"))
        for name, some in (("weavers", readers[:1200]), ("readers", readers)):
            (folder / f"{name}.csv").write_text("email\n" + "\n".join(some) + "\n")
            call("subscribers", "import", str(folder / f"{name}.csv"), "--list", name)
        for title in _EARLIER:
            call("send", _issue(project, title, day), "--list", "weavers", "--yes")
        later = f"{day + dt.timedelta(days=2)} 07:30"
        scheduled = ("--at", later, "--detach", "--yes")
        call("send", _issue(project, _NEXT, day), "--list", "weavers", *scheduled)
        order = ("send", _issue(project, _NOW, day), "--list", "readers", "--yes")
        program = Program(project, *order, "--rate", str(_RATE), environment=environment)
        time.sleep(_SECONDS)
        events = folder / "events.jsonl"
        events.write_text("".join(f"{json.dumps(event)}\n" for event in standin.events()))
        call("events", "replay", str(events))
        newest, *_ = call("sends", "--json").lines
        with served(
            project, "--json", "--no-open", command="studio", environment=environment
        ) as server:
            yield server.url, newest["send_id"]
        program.kill()


def _issue(project: Path, title: str, day: dt.date) -> str:
    """The stem of a new issue with this title."""
    stem = f"{day}-{title.split()[0].lower().strip(',')}"
    text = f"---\ntitle: {title}\ndate: {day}\n---\n" + "They stand by the river. " * 20 + "\n"
    (project / "issues" / f"{stem}.md").write_text(text)
    return stem
