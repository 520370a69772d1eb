"""The worst that a newsletter can do to its readers, tried by commands and pages alone.

Mail to somebody who left, the same mail twice, and a stranger who gets what is another's.
"""

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.integration.audience.test_systems import EXPORTS
from tests.integration.commandline import Answer, Call, in_folder, in_process, write_issue
from tests.integration.serving import served
from tests.integration.test_cli_processes import at_terminal
from tests.mailbox import opened
from tests.waiting import PATIENCE_SECONDS, until

ISSUE, NEXT = "2026-01-07-valley", "2026-01-08-hills"
READERS = [f"{name}@example.com" for name in ("ann", "bea", "cid", "dan", "eva")]
STRANGER = "mallory@example.net"


@dataclass(frozen=True)
class Machine:
    """A computer with the newsletter's folder."""

    folder: Path
    program: Call

    def call(self, *arguments: str) -> Answer:
        return in_folder(self.program, self.folder)(*arguments)

    def run(self, *arguments: str) -> Answer:
        done = self.call(*arguments)
        assert done.code == 0, (arguments, done.err)
        return done

    def import_file(self, text: str, *options: str) -> None:
        (self.folder / "people.csv").write_text(text, "utf-8")
        self.run("subscribers", "import", "people.csv", "--list", "readers", *options)

    def send(self, issue: str = ISSUE) -> None:
        write_issue(self.folder, f"{issue}.md")
        self.run("send", issue, "--list", "readers", "--yes")

    def mails(self, folder: str = "2*") -> list[Path]:
        """Those of sends; `confirm` are those that ask."""
        return sorted((self.folder / "outbox").glob(f"{folder}/*.eml"))

    def mailed(self, folder: str = "2*") -> Counter[str]:
        """How many mails each address has had."""
        return Counter(str(opened(path.read_bytes()).headers["To"]) for path in self.mails(folder))

    def shown(self, address: str) -> Answer:
        return self.call("subscribers", "show", address, "--json")

    @contextmanager
    def serving(self) -> Iterator["Site"]:
        with served(self.folder, "--json") as server:
            yield Site(self, server.url)


@dataclass(frozen=True)
class Site:
    machine: Machine
    url: str

    def post(self, path: str, **fields: str) -> str:
        """The page, whatever its status."""
        request = Request(self.url + path, data=urlencode(fields).encode(), method="POST")
        try:
            with urlopen(request, timeout=PATIENCE_SECONDS) as reply:
                return str(reply.read().decode())
        except HTTPError as refused:
            return refused.read().decode()

    def say_yes(self, *, at: str = "") -> None:
        """Press the button behind each link in the mails that ask, of one address or of all."""
        for path in self.machine.mails("confirm"):
            mail = opened(path.read_bytes())
            if at in ("", str(mail.headers["To"])):
                self.post(link(mail.text, "confirm"), action="confirm")


def link(text: str, kind: str) -> str:
    found = re.search(rf"https://news\.example\.com(/{kind}/\S+)", text)
    assert found is not None
    return found[1]


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    monkeypatch.delenv("NEWSLETTER_PROJECT", raising=False)
    return new_machine(tmp_path / "letter", in_process(capsys))


def new_machine(folder: Path, program: Call) -> Machine:
    assert program("init", str(folder)).code == 0
    return Machine(folder, program)


def bare(*addresses: str) -> str:
    return "\n".join(("email", *addresses, ""))


# --- who left is gone -----------------------------------------------------------------------------


@pytest.mark.parametrize("system", [name for name in EXPORTS if name not in ("mailchimp",)])
def test_nobody_who_said_no_elsewhere_is_mailed_here(machine: Machine, system: str) -> None:
    """Not after an import of all that the system says, nor after one of a bare list."""
    export = EXPORTS[system]
    machine.import_file(export.text, *(["--from", system] if system == "buttondown" else []))
    machine.import_file(bare(*(f"{who}@example.com" for who in export.standings)))

    machine.send()

    assert set(machine.mailed()) == {
        f"{who}@example.com"
        for who, standing in export.standings.items()
        if standing in ("confirmed", "pending")  # the second file confirms who never had
    }


def test_who_left_after_a_move_is_not_brought_back_at_the_former_address(machine: Machine) -> None:
    ann, new = READERS[0], "ann.new@example.com"
    machine.import_file(bare(*READERS))
    machine.send()
    [mail] = [
        mail
        for mail in (opened(path.read_bytes()) for path in machine.mails())
        if str(mail.headers["To"]) == ann
    ]

    def has_moved() -> bool:
        site.say_yes()
        return machine.shown(new).code == 0

    with machine.serving() as site:
        site.post(link(mail.text, "preferences"), action="move", email=new)
        until(has_moved)
    machine.run("subscribers", "remove", new)

    machine.import_file(bare(*READERS))
    machine.send(NEXT)

    mailed = machine.mailed()
    assert (mailed[ann], mailed[new]) == (1, 0)
    assert [mailed[other] for other in READERS[1:]] == [2] * 4


def test_no_no_is_lost_between_two_stores(machine: Machine, tmp_path: Path) -> None:
    """Who left, was suppressed or was erased stays away where the export is imported, also when an
    old file comes after it."""
    ann, bea, cid, dan, eva = READERS
    machine.import_file(bare(*READERS))
    machine.run("subscribers", "remove", bea)
    machine.run("suppressions", "add", cid)
    machine.run("subscribers", "forget", dan, "--yes")
    machine.run("suppressions", "add", "nobody@example.com")
    machine.run("subscribers", "export", "--out", "all.csv")
    other = new_machine(tmp_path / "other", machine.program)
    key = Path("subscribers", "secret.key")
    shutil.copy(machine.folder / key, other.folder / key)

    other.import_file((machine.folder / "all.csv").read_text("utf-8"))
    other.import_file(bare(*READERS, "nobody@example.com"))
    other.send()

    assert other.mailed() == {ann: 1, eva: 1}


# --- nothing twice --------------------------------------------------------------------------------


def copied_to(folder: Path, machine: Machine, backup: str) -> Machine:
    """Another computer: the folder as git keeps it, the secret, and the store from a backup."""
    left_out = shutil.ignore_patterns("outbox", "generation", "newsletter.db*", backup)
    shutil.copytree(machine.folder, folder, ignore=left_out)
    shutil.copy(machine.folder / backup, folder / "subscribers" / "newsletter.db")
    return Machine(folder, machine.program)


@pytest.fixture
def scheduled(machine: Machine) -> Machine:
    """It has a send that is due, and a backup of that."""
    machine.import_file(bare(*READERS))
    write_issue(machine.folder, f"{ISSUE}.md")
    arguments = ("send", ISSUE, "--list", "readers", "--yes", "--at", "2099-01-01 08:00")
    with at_terminal(machine.folder, *arguments) as terminal:
        terminal.wait_for("Waiting until ")
    with closing(sqlite3.connect(machine.folder / "subscribers" / "newsletter.db")) as store:
        store.execute("UPDATE sends SET scheduled_at = created_at")
        store.commit()
    machine.run("db", "backup", "copy.db")
    return machine


def test_a_backup_on_a_new_machine_mails_nobody_twice(scheduled: Machine, tmp_path: Path) -> None:
    """What was due in it went out from the old machine meanwhile; no person does a thing."""
    scheduled.run("worker", "--once")
    other = copied_to(tmp_path / "other", scheduled, "copy.db")

    worker = other.call("worker", "--once")
    again = other.call("send", ISSUE, "--list", "readers", "--yes")

    assert scheduled.mailed() == dict.fromkeys(READERS, 1)
    assert other.mailed() == {}
    assert (worker.code, again.code) == (5, 5)


# --- nobody in ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [{"action": "data"}, {"action": "move", "email": STRANGER}, {"action": "erase", "sure": "yes"}],
    ids=["data", "move", "erase"],
)
def test_who_was_forwarded_a_mail_gets_nothing_of_its_reader(
    machine: Machine, fields: dict[str, str]
) -> None:
    """Neither the data nor the subscription nor its end, whatever the stranger says yes to."""
    ann = READERS[0]
    machine.import_file(f"email,name,team\n{ann},Ann,weavers\n")
    machine.send()
    [forwarded] = machine.mails()
    before = machine.shown(ann).json

    with machine.serving() as site:
        page = site.post(link(opened(forwarded.read_bytes()).text, "preferences"), **fields)
        until(lambda: bool(machine.mails("confirm")) or machine.shown(ann).json != before)
        site.say_yes(at=STRANGER)

    assert machine.shown(ann).json == before
    assert machine.mailed("confirm") == {ann: 1}
    for word in (ann, "weavers"):
        assert word not in page
