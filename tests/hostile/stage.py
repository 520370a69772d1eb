"""What is played on: a newsletter with readers, a send of each kind, and files to import."""

import datetime as dt
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from newsletter.project import Project
from newsletter.scaffold import start
from newsletter.sending import control
from newsletter.store import open_store
from newsletter.store.clock import clock_of
from tests.crash.checker import connected
from tests.integration.commandline import fork, lose, plan_send, write_issue
from tests.standin.client import running
from tests.unit.drafts.samples import HUGO
from tests.waiting import until

LIST = "readers"
BY_SES, FINISHED, UNSENT, PAUSED, IN_DOUBT, PLANNED = (
    "2026-01-06-woods",
    "2026-01-07-valley",
    "2026-01-08-hills",
    "2026-01-09-rivers",
    "2026-01-10-lakes",
    "2026-01-11-moors",
)
READERS = ("ada", "bo", "cem", "dora", "eli", "fay", "gil", "hana", "ina", "jo", "kim", "lee")
ACTIVE = len(READERS) - 1  # one has left
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

_FEED = """\
<?xml version="1.0"?><rss version="2.0"><channel><title>Looms</title>
<item><title>One</title><link>https://example.com/1</link></item>
<item><title>Two</title><link>https://example.com/2</link></item></channel></rss>
"""

_FACTS = {
    "people": (
        "SELECT address, name, status FROM subscribers LEFT JOIN subscriptions "
        "ON subscriptions.subscriber_id = subscribers.id ORDER BY 1, 3"
    ),
    "lists": "SELECT name, title FROM lists ORDER BY 1",
    "segments": "SELECT name, rule FROM segments ORDER BY 1",
    "suppressions": "SELECT count(*), reason FROM suppressions GROUP BY 2 ORDER BY 2",
    "sends": "SELECT slug, status, recipients, archived_at IS NULL FROM sends ORDER BY number",
    "deliveries": (
        "SELECT slug, deliveries.status, count(*) FROM deliveries "
        "JOIN sends ON sends.number = send GROUP BY 1, 2 ORDER BY 1, 2"
    ),
    "events": "SELECT count(*) FROM events",
    "approvals": "SELECT count(*) FROM approvals",
    "hidden": "SELECT count(*) FROM hidden_issues",
    "corrections": "SELECT count(*) FROM corrections",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A newsletter in `project`; in `beside` lies what is not of it, such as a file to import.

    `url` leads to its store, `spare` to an empty database on PostgreSQL where one is there.
    """

    folder: Path
    sends: Mapping[str, str]  # the id of the send of each issue that has one
    url: str
    spare: str = ""

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
        return replace(self, folder=folder, url=_url_in(folder))

    def messages(self) -> list[str]:
        """What a queue holds: events of the send through SES, a bounce, and one of nobody."""
        events = (self.beside / "ses-events.jsonl").read_text("utf-8").splitlines()
        return [*events, json.dumps(_BOUNCE), "this is no event"]

    def newest_import(self) -> str:
        with connected(self.url) as select:
            [(number,)] = select("SELECT max(id) FROM imports")
        return str(number)

    def newest_send(self) -> str:
        with connected(self.url) as select:
            [(send_id,)] = select("SELECT id FROM sends ORDER BY number DESC LIMIT 1")
        return str(send_id)

    def files(self) -> set[Path]:
        """All that lies here, by its path from the folder."""
        return {path.relative_to(self.folder) for path in _below(self.folder)}


def built(folder: Path) -> Stage:
    """A new one, from which others are copied."""
    stage = Stage(folder, {}, _url_in(folder))
    stage.beside.mkdir(parents=True)
    start(stage.project, dt.date(2026, 1, 6))
    for name in (BY_SES, FINISHED, UNSENT, PAUSED, IN_DOUBT, PLANNED):
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
    ):
        _call(stage, *arguments)
    with (stage.project / "issues" / f"{FINISHED}.md").open("a") as file:
        file.write("\nThe looms are for sale.\n")  # what can be corrected
    _send_by_ses(stage)
    _call(stage, "db", "backup", "../beside/letter.backup")
    _commit(stage.project)
    return replace(stage, sends=_plan(stage.project))


def moved_to(stage: Stage, folder: Path, url: str, programs: Path) -> Stage:
    """A copy of a stage whose store is an empty database on PostgreSQL until then."""
    moved = stage.copied_to(folder)
    settings = {"NEWSLETTER_STORE__URL": url, "PATH": f"{programs}:{os.environ['PATH']}"}
    _call(moved, "db", "copy", "--to", url, "--yes")
    for path in moved.store.parent.glob("newsletter.db*"):
        path.unlink()
    (moved.beside / "letter.backup").unlink()
    _call(moved, "db", "backup", "../beside/letter.backup", **settings)
    return replace(moved, url=url)


def _url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/letter/subscribers/newsletter.db"


def _call(stage: Stage, *arguments: str, **environment: str) -> None:
    done = fork(stage.project, *arguments, environment=environment)
    assert done.code == 0, (arguments, done.err)


def _send_by_ses(stage: Stage) -> None:
    """A send whose events came, and lie beside."""
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    with running(stage.folder / "ses.jsonl") as ses:
        _call(stage, "send", BY_SES, "--list", LIST, "--yes", **ses.settings, **keys)
        until(lambda: len(ses.events()) >= 2 * ACTIVE)
        lines = [json.dumps(event) for event in ses.events()]
    (stage.folder / "ses.jsonl").unlink()
    (stage.beside / "ses-events.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def _write_files(folder: Path) -> None:
    people = "".join(f"{name}@example.com,{name.title()} Ångström\n" for name in READERS)
    (folder / "readers.csv").write_text(f"email,name\n{people}", "utf-8")
    more = "".join(f"new{n}@example.com,Ny Læser {n} 读者\n" for n in range(400))
    (folder / "joining.csv").write_text(f"email,name\n{more}not an address,Nobody\n", "utf-8")
    (folder / "events.jsonl").write_text(json.dumps(_BOUNCE) + "\n", "utf-8")
    (folder / "feed.xml").write_text(_FEED, "utf-8")
    for name, content in HUGO.items():
        path = folder / "blog" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
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
    if stage.url == _url_in(stage.folder) and not stage.store.is_file():
        return {}
    with connected(stage.url) as select:
        return {name: select(query) for name, query in _FACTS.items()}


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if ".git" not in path.parts and not path.is_dir():
            yield path
