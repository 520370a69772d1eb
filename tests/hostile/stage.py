"""What is played on: a newsletter with readers, a send of each kind, and files to import."""

import datetime as dt
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from newsletter.project import Project
from newsletter.scaffold import start
from newsletter.sending import control
from newsletter.store import open_store
from newsletter.store.clock import clock_of
from tests.crash.checker import connected
from tests.integration.commandline import fork, lose, plan_send, write_issue

LIST = "readers"
FINISHED, UNSENT, PAUSED, IN_DOUBT, PLANNED = (
    "2026-01-07-valley",
    "2026-01-08-hills",
    "2026-01-09-rivers",
    "2026-01-10-lakes",
    "2026-01-11-moors",
)
READERS = ("ada", "bo", "cem", "dora", "eli", "fay", "gil", "hana", "ina", "jo", "kim", "lee")
BOUNCED = "ina@example.com"

_BOUNCE = {
    "eventType": "Bounce",
    "mail": {
        "messageId": "m-1",
        "timestamp": "2026-01-07T08:00:00.000Z",
        "destination": [BOUNCED],
        "tags": {},
    },
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "timestamp": "2026-01-07T08:00:01.000Z",
        "bouncedRecipients": [{"emailAddress": BOUNCED}],
    },
}

_FACTS = {
    "people": (
        "SELECT address, name, status FROM subscribers LEFT JOIN subscriptions "
        "ON subscriptions.subscriber_id = subscribers.id ORDER BY 1, 3"
    ),
    "lists": "SELECT name, title FROM lists ORDER BY 1",
    "segments": "SELECT name FROM segments ORDER BY 1",
    "suppressions": "SELECT count(*), reason FROM suppressions GROUP BY 2 ORDER BY 2",
    "sends": "SELECT slug, status, recipients, archived_at IS NULL FROM sends ORDER BY number",
    "deliveries": (
        "SELECT slug, deliveries.status, count(*) FROM deliveries "
        "JOIN sends ON sends.number = send GROUP BY 1, 2 ORDER BY 1, 2"
    ),
    "events": "SELECT count(*) FROM events",
    "approvals": "SELECT count(*) FROM approvals",
    "hidden": "SELECT count(*) FROM hidden_issues",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A newsletter in `project`; in `beside` lies what is not of it, such as a file to import."""

    folder: Path
    sends: Mapping[str, str]  # the id of the send of each issue that has one

    @property
    def project(self) -> Path:
        return self.folder / "letter"

    @property
    def beside(self) -> Path:
        return self.folder / "beside"

    @property
    def store(self) -> Path:
        return self.project / "subscribers" / "newsletter.db"

    @property
    def secret(self) -> Path:
        return self.project / "subscribers" / "secret.key"

    def copied_to(self, folder: Path) -> "Stage":
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return Stage(folder, self.sends)

    def files(self) -> set[Path]:
        """All that lies here, by its path from the folder."""
        return {path.relative_to(self.folder) for path in _below(self.folder)}


def built(folder: Path) -> Stage:
    """A new one, from which others are copied."""
    stage = Stage(folder, {})
    stage.beside.mkdir(parents=True)
    start(stage.project, dt.date(2026, 1, 6))
    for name in (FINISHED, UNSENT, PAUSED, IN_DOUBT, PLANNED):
        title = name.rpartition("-")[2].title()
        write_issue(stage.project, f"{name}.md", slug=name, subject=f"News of the {title}")
    _write_files(stage.beside)
    for arguments in (
        ("subscribers", "import", "../beside/readers.csv", "--list", LIST),
        ("lists", "create", "others", "--title", "Others"),
        ("segments", "create", "ada", 'name = "Ada Ångström"'),
        ("suppressions", "add", "gone@example.com"),
        ("subscribers", "remove", "kim@example.com"),
        ("send", FINISHED, "--list", LIST, "--yes"),
        ("db", "backup", "../beside/letter.backup"),
    ):
        done = fork(stage.project, *arguments)
        assert done.code == 0, (arguments, done.err)
    _commit(stage.project)
    return Stage(folder, _plan(stage.project))


def _write_files(folder: Path) -> None:
    people = "".join(f"{name}@example.com,{name.title()} Ångström\n" for name in READERS)
    (folder / "readers.csv").write_text(f"email,name\n{people}", "utf-8")
    more = "".join(f"new{n}@example.com,Ny Læser {n} 读者\n" for n in range(400))
    (folder / "joining.csv").write_text(f"email,name\n{more}not an address,Nobody\n", "utf-8")
    (folder / "events.jsonl").write_text(json.dumps(_BOUNCE) + "\n", "utf-8")
    (folder / "leaving.csv").write_text("email\nbo@example.com\ncem@example.com\n", "utf-8")


def _plan(project: Path) -> dict[str, str]:
    """Sends that wait for somebody: one is paused, one in doubt, one scheduled."""
    ahead = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    sends = {
        PAUSED: plan_send(project, PAUSED, LIST),
        IN_DOUBT: plan_send(project, IN_DOUBT, LIST),
        PLANNED: plan_send(project, PLANNED, LIST, at=ahead),
    }
    with closing(open_store(Project.open(project).settings.store.url, project)) as store:
        control.pause(store, sends[PAUSED], clock_of(store, lambda: dt.datetime.now(dt.UTC)))
    lose(project, sends[IN_DOUBT])
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as database:
        sends |= dict(database.execute("SELECT slug, id FROM sends"))
    return sends


def _commit(project: Path) -> None:
    who = ("-c", "user.name=Editor", "-c", "user.email=editor@example.com")
    for arguments in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "."),
        (*who, "commit", "--quiet", "--message", "Begin"),
        ("config", "user.name", "Editor"),
        ("config", "user.email", "editor@example.com"),
    ):
        subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True)


# --- what a command has done ----------------------------------------------------------------------


def facts(stage: Stage) -> dict[str, object]:
    """What the store holds, without what differs each time: equal, the same was done."""
    if not stage.store.is_file():
        return {}
    with connected(f"sqlite:///{stage.store}") as select:
        return {name: select(query) for name, query in _FACTS.items()}


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if ".git" not in path.parts and not path.is_dir():
            yield path
