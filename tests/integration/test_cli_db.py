"""`newsletter db`: making, copying and checking the store."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.project import utc_now
from newsletter.safekeeping.record import last_backup
from newsletter.store import open_store
from newsletter.store.schema import REVISION
from tests.integration.commandline import Call, lose, plan_send
from tests.older import migrate

ISSUE = "2026-01-07-valley"
Rows = Callable[[], list[str]]


def execute(project: Path, *statements: str) -> None:
    """Change the store behind the program's back."""
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_upgrade_of_a_new_clone_makes_the_store_and_a_secret(call: Call, project: Path) -> None:
    """What git does not keep."""
    for path in (project / "subscribers").iterdir():
        path.unlink()

    answer = call("db", "upgrade", "--json")

    assert answer.json == {"before": None, "after": REVISION, "jobs": None}
    for name in ("newsletter.db", "secret.key"):
        assert stat.S_IMODE((project / "subscribers" / name).stat().st_mode) == 0o600
    assert call("lists", "--json").code == 0


def test_upgrade_makes_no_secret_where_one_is_given(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, whose folder may be read-only."""
    for path in (project / "subscribers").iterdir():
        path.unlink()
    monkeypatch.setenv("NEWSLETTER_SECRET", "a-secret-of-some-length")

    answer = call("db", "upgrade", "--json")

    assert answer.json == {"before": None, "after": REVISION, "jobs": None}
    assert not (project / "subscribers" / "secret.key").exists()


def test_upgrade_of_a_store_that_is_up_to_date_changes_nothing(
    call: Call, project: Path, readers: str, rows: Rows
) -> None:
    key, before = (project / "subscribers" / "secret.key").read_bytes(), rows()

    answer = call("db", "upgrade", "--json")

    assert answer.json == {"before": REVISION, "after": REVISION, "jobs": None}
    assert (project / "subscribers" / "secret.key").read_bytes() == key
    assert rows() == before


def test_upgrade_never_makes_a_second_secret_for_a_store_that_has_sent(
    call: Call, project: Path
) -> None:
    """With another key, every unsubscribe link that was ever sent would stop working."""
    (project / "subscribers" / "secret.key").unlink()

    call("db", "upgrade")

    assert not (project / "subscribers" / "secret.key").exists()


def test_a_store_of_a_newer_version_is_left_alone(call: Call, project: Path, rows: Rows) -> None:
    execute(project, "UPDATE alembic_version SET version_num = '9999'")
    before = rows()

    for arguments in (["lists"], ["db", "upgrade"]):
        answer = call(*arguments, "--json")
        assert (answer.code, answer.error["code"]) == (1, "store")
        assert "9999" in answer.error["message"]
    assert rows() == before


def test_a_backup_is_the_whole_store_and_for_its_owner_alone(
    call: Call, project: Path, readers: str, rows: Rows
) -> None:
    before = rows()

    answer = call("db", "backup", "copy.db", "--json")

    copy = project / "copy.db"
    assert answer.json == {
        "file": "copy.db",
        "bytes": copy.stat().st_size,
        "encrypted": False,
        "removed": [],
    }
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    marks = ("copied_at", "backed_up_at")
    for file in (copy, project / "subscribers" / "newsletter.db"):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"DELETE FROM state WHERE name IN {marks}")
            assert list(connection.iterdump()) == before
    assert not list(project.glob("*.newsletter-part"))


def test_the_store_knows_when_it_was_backed_up(call: Call, project: Path) -> None:
    for number in range(2):
        begun_at = utc_now()
        call("db", "backup", f"copy-{number}.db")

        for url in ("sqlite:///subscribers/newsletter.db", f"sqlite:///copy-{number}.db"):
            with closing(open_store(url, project)) as store, store.read() as connection:
                at = last_backup(connection)
            assert at is not None
            assert begun_at <= at <= utc_now()


def test_a_restored_backup_goes_on(call: Call, project: Path, readers: str) -> None:
    call("db", "backup", "copy.db")
    execute(project, "DELETE FROM subscriptions")

    for path in project.glob("subscribers/newsletter.db*"):
        path.unlink()
    (project / "copy.db").rename(project / "subscribers" / "newsletter.db")

    assert call("db", "verify").code == 0
    assert call("lists", "show", readers, "--json").json["confirmed"] == 3


def test_a_backup_overwrites_nothing(call: Call, project: Path) -> None:
    (project / "copy.db").write_text("precious")

    assert call("db", "backup", "copy.db", "--json").code == 5
    assert (project / "copy.db").read_text() == "precious"


def test_a_sound_store_is_verified(call: Call, project: Path, readers: str) -> None:
    call("send", ISSUE, "--list", readers, "--yes")
    lose(project, plan_send(project, next((project / "issues").glob("*welcome.md")).stem, readers))

    assert call("db", "verify", "--json").json == {"ok": True, "faults": []}


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM deliveries WHERE number = 3", "holds 2 up to number 2"),
        ("DELETE FROM deliveries WHERE number = 2", "holds 2 up to number 3"),
        ("UPDATE deliveries SET status = 'queued' WHERE number = 2", "1 of its deliveries"),
        ("UPDATE deliveries SET status = 'unknown'", "3 of its deliveries"),
        ("DELETE FROM subscribers WHERE id = 2", "1 subscriptions point to a missing person"),
        ("DELETE FROM lists", "3 subscriptions point to a missing list"),
        ("DELETE FROM sends", "deliveries of a send 1 that is missing"),
    ],
)
def test_verify_finds_what_does_not_balance(
    call: Call, project: Path, readers: str, damage: str, fault: str
) -> None:
    call("send", ISSUE, "--list", readers, "--yes")
    execute(project, damage)

    answer = call("db", "verify", "--json")

    assert answer.code == 1
    assert not answer.json["ok"]
    assert any(fault in line for line in answer.json["faults"])


def test_verify_finds_a_page_that_was_overwritten(call: Call, project: Path, readers: str) -> None:
    call("send", ISSUE, "--list", readers, "--yes")
    path = project / "subscribers" / "newsletter.db"
    execute(project, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    path.write_bytes(content)

    answer = call("db", "verify", "--json")

    assert answer.code == 1
    assert "Traceback" not in answer.err


# --- older schemas --------------------------------------------------------------------------------


@pytest.fixture(params=["0001", "0002", "0003", "0004"])
def old(request: pytest.FixtureRequest, project: Path) -> str:
    """The schema that the store has instead of this version's."""
    for path in project.glob("subscribers/newsletter.db*"):
        path.unlink()
    migrate(f"sqlite:///{project / 'subscribers' / 'newsletter.db'}", str(request.param))
    return str(request.param)


@pytest.mark.pressure
def test_an_older_store_is_copied_and_checked_before_it_is_upgraded(
    call: Call, project: Path, old: str
) -> None:
    """As the message asks that refuses it."""
    refused = call("sends", "--json")
    copied = call("db", "backup", "copy.db")
    verified = call("db", "verify", "--json")
    upgraded = call("db", "upgrade", "--json")

    assert "db backup" in refused.error["hint"]
    assert (copied.code, verified.json) == (0, {"ok": True, "faults": []})
    assert upgraded.json == {"before": old, "after": REVISION, "jobs": None}


@pytest.mark.pressure
def test_a_copy_of_an_older_store_is_one_once_it_is_upgraded(
    call: Call, project: Path, old: str
) -> None:
    call("db", "backup", "copy.db")
    (project / "copy.db").replace(project / "subscribers" / "newsletter.db")

    assert call("db", "upgrade").code == 0

    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 5
    assert call("db", "adopt").code == 0
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 0


def test_verify_finds_what_an_older_store_lost(call: Call, project: Path, old: str) -> None:
    execute(
        project,
        "INSERT INTO lists VALUES (1, 'readers', 0)",
        "INSERT INTO sends (number, id, slug, list_id, status, subject, sender, email, "
        "content_hash, frozen, recipients, created_at) "
        "VALUES (1, '20260107-abcdef', 'news', 1, 'paused', '', '', '', '', 1, 3, 0)",
    )

    answer = call("db", "verify", "--json")

    assert answer.code == 1
    assert "frozen with 3 recipients, the ledger holds 0" in answer.json["faults"][0]


@pytest.mark.postgresql
def test_a_postgresql_store_is_copied_by_its_own_tool(
    call: Call, monkeypatch: pytest.MonkeyPatch, postgresql_url: str
) -> None:
    """Where that is not at hand, the command is told, complete but for the password."""
    monkeypatch.setenv("PATH", "")
    url = postgresql_url.replace("postgres@", "postgres:se%20cret@")
    monkeypatch.setenv("NEWSLETTER_STORE__URL", url)
    name = url.partition("@/")[2].partition("?")[0]

    answer = call("db", "backup", "the copy", "--json")

    assert answer.code == 2
    hint = answer.error["hint"]
    assert " run where it is installed: pg_dump --format=custom '--file=the copy' --host=" in hint
    assert hint.endswith(f" --username=postgres {name}")
    assert "cret" not in answer.out + answer.err
