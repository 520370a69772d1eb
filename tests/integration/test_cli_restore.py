"""`newsletter db restore` and `db verify --backup`: back as it was, and nobody mailed twice."""

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pyrage
import pytest
import sqlalchemy as sa

from newsletter.files import held_part, part_of
from newsletter.store import dumps, open_store, resolve_url
from newsletter.store.schema import REVISION
from tests.integration.backups import aws, bucket, die_at_step, mode_of, programs
from tests.integration.commandline import Call, fork, snapshot
from tests.limits import small_disk
from tests.older import migrate

__all__ = ["aws", "bucket", "programs"]

ISSUE = "2026-01-07-valley"
SINCE = "newsletter.db.replaced-*"
Rows = Callable[[], list[str]]


def store_of(project: Path) -> Path:
    return project / "subscribers" / "newsletter.db"


def lose(project: Path) -> None:
    """The machine is gone, and what of it matters."""
    for path in (project / "subscribers").glob("newsletter.db*"):
        path.unlink()


@pytest.fixture
def copy(call: Call, project: Path, readers: str) -> Path:
    """A backup with three readers."""
    call("db", "backup", "copy.db")
    return project / "copy.db"


# --- where there is none --------------------------------------------------------------------------


def test_a_lost_store_is_back_and_sends_nothing_until_it_is_adopted(
    call: Call, project: Path, copy: Path, rows: Rows
) -> None:
    before = [row for row in rows() if "backed_up_at" not in row]
    lose(project)

    done = call("db", "restore", "copy.db", "--yes", "--json").json

    assert {**done, "made_at": ""} == {
        "file": "copy.db",
        "store": f"sqlite:///{store_of(project)}",
        "made_at": "",
        "schema": REVISION,
        "subscribers": 3,
        "sends": 0,
        "faults": [],
        "aside": None,
        "carried": None,
    }
    assert [row for row in rows() if "copied_at" not in row and "backed_up_at" not in row] == before
    assert mode_of(store_of(project)) == 0o600
    refused = call("send", ISSUE, "--list", "readers", "--yes", "--json")
    assert (refused.code, "restored from a backup" in refused.error["message"]) == (5, True)
    assert call("db", "adopt").code == 0
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 0


def test_a_copy_by_other_means_is_known_as_one_once_it_is_restored(
    call: Call, project: Path, readers: str
) -> None:
    """As by cp, which no generation file tells on another machine."""
    with closing(sqlite3.connect(store_of(project))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(store_of(project), "copied.db")

    call("db", "restore", "copied.db", "--to", "sqlite:///there/new.db", "--yes")

    with closing(sqlite3.connect(project / "there" / "new.db")) as connection:
        marks = connection.execute("SELECT 1 FROM state WHERE name = 'copied_at'").fetchall()
    assert marks == [(1,)]


@pytest.mark.parametrize("by", ["recipient", "passphrase"])
def test_an_encrypted_backup_needs_its_key(
    call: Call, project: Path, readers: str, by: str
) -> None:
    keys = [pyrage.x25519.Identity.generate() for _ in range(2)]
    files = {"recipient": [f"# made today\n{key}\n" for key in keys], "passphrase": ["yes", "no"]}
    for name, content in zip(("right", "wrong"), files[by], strict=True):
        (project / name).write_text(content)
    lock, opener = ("--recipient", str(keys[0].to_public())), "--identity"
    if by == "passphrase":
        lock, opener = ("--passphrase-file", "right"), "--passphrase-file"
    call("db", "backup", "copy.age", *lock)
    lose(project)

    without = call("db", "restore", "copy.age", "--yes", "--json")
    wrong = call("db", "restore", "copy.age", opener, "wrong", "--yes", "--json")

    assert (without.code, without.error["message"]) == (2, "the backup is encrypted")
    assert (wrong.code, "cannot be opened with this" in wrong.error["message"]) == (1, True)
    assert not list((project / "subscribers").glob("newsletter.db*"))
    assert call("db", "restore", "copy.age", opener, "right", "--yes").code == 0
    assert call("lists", "show", "readers", "--json").json["confirmed"] == 3
    assert not list(project.rglob("*.newsletter-part*"))


# --- in place of another --------------------------------------------------------------------------


def test_a_store_with_people_is_only_put_aside_on_request(
    call: Call, project: Path, copy: Path, rows: Rows
) -> None:
    before = rows()

    for arguments in (["--yes"], ["--replace"]):
        answer = call("db", "restore", "copy.db", *arguments, "--json")
        assert answer.code == 5
        assert rows() == before


def test_what_happened_since_is_carried_over(call: Call, project: Path, copy: Path) -> None:
    """Who left, was suppressed or erased stays so, even who joined and left since; nobody is mailed
    twice, and who joined since comes not back by it."""
    call("subscribers", "add", "brief@example.com", "--list", "readers")
    call("subscribers", "add", "new@example.com", "--list", "readers")
    call("send", ISSUE, "--list", "readers", "--yes")
    call("subscribers", "remove", "ada@example.com", "--list", "readers")
    call("subscribers", "remove", "brief@example.com", "--list", "readers")
    call("suppressions", "add", "lin@example.com")
    call("subscribers", "forget", "sam@example.com", "--yes")

    done = call("db", "restore", "copy.db", "--replace", "--yes", "--json").json

    assert done["carried"] == {"left": 2, "suppressed": 1, "erased": 1, "sends": 1, "reason": ""}
    assert call("db", "verify").code == 0
    call("db", "adopt")
    again = call("send", ISSUE, "--list", "readers", "--yes", "--json")
    assert (again.code, "was already sent" in again.error["message"]) == (5, True)
    send_id = call("sends", "--json").json["send_id"]
    assert len(call("deliveries", send_id, "--json").lines) == 5
    people = "email\nada@example.com\nbrief@example.com\nlin@example.com\nsam@example.com\n"
    (project / "people.csv").write_text(people)
    imported = call("subscribers", "import", "people.csv", "--list", "readers", "--json").json
    assert (imported["added"], imported["skipped"]) == (0, 4)
    assert call("subscribers", "show", "new@example.com", "--json").code != 0
    with closing(sqlite3.connect(done["aside"])) as connection:
        [(people_then,)] = connection.execute("SELECT count(address) FROM subscribers")
    assert people_then == 4


def test_nothing_is_carried_over_from_another_store(
    call: Call, project: Path, copy: Path, sqlite_template: Path
) -> None:
    lose(project)
    shutil.copy(sqlite_template, store_of(project))
    call("subscribers", "add", "other@example.com", "--list", "others")
    call("lists", "create", "others")
    call("subscribers", "add", "other@example.com", "--list", "others")

    done = call("db", "restore", "copy.db", "--replace", "--yes", "--json").json

    assert "another store" in done["carried"]["reason"]
    assert Path(done["aside"]).exists()


def test_a_ruined_store_is_put_aside_with_all_its_files(
    call: Call, project: Path, copy: Path
) -> None:
    lose(project)
    store_of(project).write_text("nonsense")
    Path(f"{store_of(project)}-wal").write_text("more of it")

    done = call("db", "restore", "copy.db", "--replace", "--yes", "--json").json

    assert Path(done["aside"]).read_text() == "nonsense"
    assert Path(f"{done['aside']}-wal").read_text() == "more of it"
    assert call("db", "verify").code == 0


def test_of_a_damaged_store_those_who_left_are_carried_over(
    call: Call, project: Path, copy: Path
) -> None:
    call("send", ISSUE, "--list", "readers", "--yes")
    call("subscribers", "remove", "ada@example.com", "--list", "readers")
    with closing(sqlite3.connect(store_of(project))) as connection:
        connection.execute("DELETE FROM deliveries WHERE number = 2")
        connection.commit()

    done = call("db", "restore", "copy.db", "--replace", "--yes", "--json").json

    assert (done["carried"]["left"], done["carried"]["sends"]) == (1, 0)
    assert "frozen with 3 recipients" in done["carried"]["reason"]
    assert call("db", "verify").code == 0
    status = call("subscribers", "show", "ada@example.com", "--json").json["subscriptions"]
    assert [each["status"] for each in status] == ["unsubscribed"]


def test_a_store_with_ruined_pages_is_replaced(call: Call, project: Path, copy: Path) -> None:
    with closing(sqlite3.connect(store_of(project))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(store_of(project).read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    store_of(project).write_bytes(content)

    done = call("db", "restore", "copy.db", "--replace", "--yes", "--json").json

    assert done["carried"] is None or done["carried"]["reason"]
    assert Path(done["aside"]).read_bytes()[8192:] == content[8192:]
    assert call("db", "verify").code == 0


def test_a_store_is_no_backup_of_itself(call: Call, project: Path, copy: Path) -> None:
    answer = call("db", "restore", str(store_of(project)), "--replace", "--yes", "--json")

    assert (answer.code, "the store itself" in answer.error["message"]) == (2, True)


def test_a_backup_of_an_earlier_version_is_upgraded_before_it_is_adopted(
    call: Call, project: Path
) -> None:
    lose(project)
    migrate(f"sqlite:///{store_of(project)}", "0008")
    call("db", "backup", "copy.db")
    lose(project)

    done = call("db", "restore", "copy.db", "--yes")

    assert (done.code, "newsletter db upgrade" in done.out) == (0, True)
    assert call("db", "upgrade").code == 0
    assert call("db", "adopt").code == 0


def test_a_log_without_its_store_is_kept_too(call: Call, project: Path, copy: Path) -> None:
    lose(project)
    Path(f"{store_of(project)}-wal").write_text("commits")

    assert call("db", "restore", "copy.db", "--yes", "--json").code == 5
    done = call("db", "restore", "copy.db", "--replace", "--yes", "--json").json

    assert Path(f"{done['aside']}-wal").read_text() == "commits"
    assert call("db", "verify").code == 0


def test_a_backup_of_a_store_that_was_moved_is_closed_as_it_is(
    call: Call, project: Path, readers: str
) -> None:
    call("db", "copy", "--to", "sqlite:///moved.db", "--yes")

    assert call("db", "backup", "copy.db").code == 0
    lose(project)
    assert call("db", "restore", "copy.db", "--yes").code == 0
    refused = call("send", ISSUE, "--list", readers, "--yes", "--json")
    assert (refused.code, refused.error["code"]) == (5, "store-closed")


def test_a_store_in_use_is_not_replaced(call: Call, project: Path, copy: Path) -> None:
    with (
        closing(open_store("sqlite:///subscribers/newsletter.db", project)) as site,
        site.read() as connection,
    ):
        connection.execute(sa.text("SELECT count(*) FROM subscribers"))

        answer = call("db", "restore", "copy.db", "--replace", "--yes", "--json")

    assert answer.code == 5
    assert "another process has the store open" in answer.error["message"]
    assert not list((project / "subscribers").glob(SINCE))


def test_wherever_it_is_killed_there_is_one_whole_store(
    call: Call, project: Path, copy: Path
) -> None:
    """Before each step at its files: the former one, or the restored one that sends nothing."""
    call("subscribers", "remove", "ada@example.com", "--list", "readers")
    arguments = ("db", "restore", "copy.db", "--replace", "--yes", "--json")

    kills, place = 0, str(project)
    while (done := fork(project, *arguments, first=partial(die_at_step, place, kills + 1))).code:
        kills += 3 if kills < 30 else 1
        assert done.code == -signal.SIGKILL, done.out
        with closing(sqlite3.connect(store_of(project))) as connection:
            [(status,)] = connection.execute(
                "SELECT status FROM subscriptions JOIN subscribers ON id = subscriber_id "
                "WHERE address = 'ada@example.com'"
            )
        assert status == "unsubscribed"
        assert call("db", "verify").code == 0

    assert kills > 20
    assert len(list((project / "subscribers").glob(SINCE))) <= 2
    assert not list(project.rglob("*.newsletter-part*"))


# --- what is no backup ----------------------------------------------------------------------------


def test_what_is_no_backup_is_told_and_changes_nothing(
    call: Call, project: Path, copy: Path
) -> None:
    os.mkfifo(project / "pipe")
    (project / "folder").mkdir()
    (project / "empty.db").touch()
    with closing(sqlite3.connect("foreign.db")) as connection:
        connection.execute("CREATE TABLE films (name TEXT)")
    shutil.copy(copy, "newer.db")
    with closing(sqlite3.connect("newer.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    (project / "dump").write_bytes(b"PGDMP...")
    shutil.copy(copy, "logged.db")
    (project / "logged.db-wal").write_bytes(b"commits")
    lose(project)
    before = snapshot(project)
    expected = {
        "missing.db": ("there is no such file", 2),
        "pipe": ("it is no file", 2),
        "folder": ("there is no backup with a name", 2),
        "empty.db": ("this is no backup", 1),
        "newsletter.toml": ("this is no backup", 1),
        "foreign.db": ("the store is empty", 1),
        "newer.db": ("newer than this version's", 1),
        "dump": ("this is a backup of PostgreSQL", 2),
        "logged.db": ("a log lies beside it", 2),
    }

    for name, (says, code) in expected.items():
        answer = call("db", "restore", name, "--yes", "--json")
        assert (answer.code, says in answer.error["message"]) == (code, True), answer.out
        assert answer.error["hint"]
        drill = call("db", "verify", "--backup", name, "--json")
        assert drill.code in (1, code)
        assert name in drill.error["where"]
        assert snapshot(project) == before
        assert not store_of(project).exists()


def test_a_backup_that_is_cut_off_or_damaged_is_not_restored(
    call: Call, project: Path, copy: Path
) -> None:
    key = pyrage.x25519.Identity.generate()
    (project / "key").write_text(str(key))
    whole = {"plain.db": copy.read_bytes()}
    whole["sealed.age"] = pyrage.encrypt(whole["plain.db"], [key.to_public()])
    lose(project)
    places = random.Random(7)

    for name, content in whole.items():
        for _ in range(4):
            cut = places.randrange(len(content) - 1)
            (project / name).write_bytes(content[:cut])
            answer = call("db", "restore", name, "--identity", "key", "--yes", "--json")
            assert answer.code in (1, 2), (name, cut)
            assert not store_of(project).exists()
    altered = bytearray(whole["sealed.age"])
    altered[len(altered) // 2] ^= 1
    (project / "sealed.age").write_bytes(altered)
    assert call("db", "restore", "sealed.age", "--identity", "key", "--yes", "--json").code == 1
    assert not list(project.rglob("*.newsletter-part*"))


def test_a_full_disk_leaves_what_was_there(
    call: Call, project: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(project / "small", 300):
        url = f"sqlite:///{project}/small/newsletter.db"

        answer = call("db", "restore", "copy.db", "--to", url, "--yes", "--json")

        assert answer.code == 1
        assert "No space left" in answer.error["message"]
        assert not list((project / "small").iterdir())


# --- the drill ------------------------------------------------------------------------------------


def test_a_drill_restores_the_newest_and_leaves_nothing(
    call: Call, project: Path, readers: str
) -> None:
    (project / "copies").mkdir()
    call("db", "backup", "copies")
    call("subscribers", "remove", "ada@example.com")
    newest = call("db", "backup", "copies", "--json").json["file"]
    call("subscribers", "add", "new@example.com", "--list", readers)
    before = snapshot(project)

    drill = call("db", "verify", "--backup", "copies", "--json").json

    assert (drill["ok"], drill["file"], drill["same_store"]) == (True, newest, True)
    assert drill["tables"]["subscribers"] == 3
    assert drill["tables_now"]["subscribers"] == 4
    assert drill["age_hours"] < 1
    assert snapshot(project) == before
    people = call("db", "verify", "--backup", "copies")
    assert "sound" in people.out


def test_a_drill_finds_what_is_wrong_with_a_backup(call: Call, project: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("DELETE FROM subscribers WHERE id = 1")
        connection.commit()

    drill = call("db", "verify", "--backup", "copy.db", "--json")

    assert drill.code == 1
    assert drill.json["faults"] == ["1 subscriptions point to a missing person"]


def test_what_a_killed_drill_left_goes_with_the_next_command(
    call: Call, project: Path, readers: str
) -> None:
    """Not what a process that lives is writing."""
    file = project / "subscribers" / "backup.drill"
    left = [Path(f"{part_of(file)}{ending}") for ending in ("", "-wal", "-journal")]

    with held_part(file) as part:
        left[1].touch()
        call("lists")
        assert part.exists()
        assert left[1].exists()
    for path in left:
        path.touch(0o600)
    call("lists")

    assert not any(path.exists() for path in left)


def test_what_others_keep_beside_the_store_stays(call: Call, project: Path, readers: str) -> None:
    """Not only by its own name: a part of a file of another program, or of another store."""
    beside = [
        project / "subscribers" / name
        for name in (
            *("music.backup.part", "backup.drill.part", "newsletter.db.restored.part"),
            *("music.backup", "backup.drill", "newsletter.db.restored", "backup.drill.opened"),
            *(".music.backup.newsletter-part", ".other.db.restored.opened.newsletter-part"),
            *(".newsletter.db.mine.newsletter-part", "newsletter.db.backup.newsletter-part"),
        )
    ]
    for path in beside:
        path.write_text("precious")

    call("lists")

    assert [path.read_text() for path in beside] == ["precious"] * len(beside)


@pytest.mark.parametrize(
    "name",
    [
        *("newsletter.db.backup", "newsletter-3f2a.backup", "newsletter-3f2a-copy.age.backup"),
        *("backup.drill", "backup.drill.opened", "backup.restored", "newsletter.db.restored"),
        "newsletter.db.restored.opened",
    ],
)
def test_what_a_kill_left_of_any_copy_goes_with_the_next_command(
    call: Call, project: Path, readers: str, name: str
) -> None:
    part = part_of(project / "subscribers" / name)
    part.touch(0o600)

    call("lists")

    assert not part.exists()


@pytest.mark.usefixtures("bucket")
def test_a_backup_comes_back_from_a_bucket(call: Call, project: Path, readers: str) -> None:
    call("db", "backup", "s3://safe-place/letters/")
    lose(project)

    assert call("db", "verify", "--backup", "s3://safe-place/letters/", "--json").json["ok"]
    assert call("db", "restore", "s3://safe-place/letters/", "--yes").code == 0
    assert call("lists", "show", readers, "--json").json["confirmed"] == 3
    missing = call("db", "restore", "s3://safe-place/letters/x.db", "--yes", "--replace", "--json")
    assert (missing.code, missing.error["message"]) == (2, "there is no such object")


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture
def dump(
    call: Call, project: Path, postgresql_url: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A backup with three readers and a send, of a PostgreSQL store."""
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_url)
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    call("send", ISSUE, "--list", "readers", "--yes")
    assert call("db", "backup", "copy.dump").code == 0
    return project / "copy.dump"


@pytest.mark.postgresql
def test_a_dump_comes_back_in_an_empty_database(
    call: Call, project: Path, dump: Path, postgresql_empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends nothing until it is adopted, and nobody twice afterwards."""
    used = call("db", "restore", "copy.dump", "--yes", "--json")
    assert (used.code, "is not empty" in used.error["message"]) == (5, True)
    drill = call("db", "verify", "--backup", "copy.dump", "--json").json
    assert (drill["ok"], drill["tables"]["deliveries"], drill["same_store"]) == (True, 3, True)
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_empty)
    (project / "subscribers" / "generation").unlink()

    done = call("db", "restore", "copy.dump", "--yes", "--json").json

    assert (done["subscribers"], done["sends"], done["faults"]) == (3, 1, [])
    refused = call("send", ISSUE, "--list", "readers", "--yes", "--again", "why not", "--json")
    assert (refused.code, "restored from a backup" in refused.error["message"]) == (5, True)
    call("db", "adopt")
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 5
    assert call("db", "verify").code == 0


@pytest.mark.postgresql
def test_the_database_of_a_drill_that_goes_on_stays(
    call: Call, project: Path, dump: Path, postgresql_url: str
) -> None:
    with dumps.temporary_database(resolve_url(postgresql_url, project)) as target:
        second = call("db", "verify", "--backup", "copy.dump", "--json")
        verified = call("db", "verify")
        with closing(sa.create_engine(target, poolclass=sa.NullPool).connect()) as connection:
            connection.execute(sa.text("SELECT 1"))

    assert (second.code, second.error["message"]) == (5, "another process restores a backup there")
    assert verified.code == 0
    assert call("db", "verify", "--backup", "copy.dump").code == 0


@pytest.mark.postgresql
def test_a_dump_that_is_cut_off_or_killed_leaves_the_database_empty(
    call: Call, project: Path, dump: Path, postgresql_empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = dump.read_bytes()
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_empty)

    for end in (3, 200, len(content) // 2, len(content) - 400):
        (project / "cut.dump").write_bytes(content[:end])
        assert call("db", "restore", "cut.dump", "--yes", "--json").code == 1
    (project / "bin").mkdir()
    psql = project / "bin" / "psql"  # dies on the way, as a killed restore lets it
    psql.write_text(
        f'#!/bin/sh\ncase "$1" in --version) exec {shutil.which("psql")} "$@";; '
        f'*) head -c 20000 | {shutil.which("psql")} "$@";; esac\n'
    )
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", str(project / "bin"), prepend=os.pathsep)
    assert call("db", "restore", "copy.dump", "--yes", "--json").code == 1

    monkeypatch.setenv("PATH", os.environ["PATH"].partition(os.pathsep)[2])
    assert call("db", "restore", "copy.dump", "--yes", "--json").json["subscribers"] == 3


@pytest.mark.postgresql
@pytest.mark.parametrize("bytes_read", [0, 40_000], ids=["at once", "on the way"])
def test_a_psql_that_ends_early_says_why(
    call: Call,
    project: Path,
    dump: Path,
    postgresql_empty: str,
    monkeypatch: pytest.MonkeyPatch,
    bytes_read: int,
) -> None:
    """What it did not read any more is no error of its own."""
    monkeypatch.setenv("NEWSLETTER_STORE__URL", postgresql_empty)
    (project / "bin").mkdir()
    psql = project / "bin" / "psql"
    psql.write_text(
        f'#!/bin/sh\ncase "$1" in --version) exec {shutil.which("psql")} "$@";; esac\n'
        f"head -c {bytes_read} > {os.devnull}\n"
        "echo 'psql: error: FATAL:  sorry, too many clients already' >&2\nexit 2\n"
    )
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", str(project / "bin"), prepend=os.pathsep)

    answer = call("db", "restore", "copy.dump", "--yes", "--json")

    assert (answer.code, answer.error["code"]) == (1, "store")
    assert answer.error["message"] == "psql failed: FATAL:  sorry, too many clients already"
