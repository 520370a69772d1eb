"""`newsletter db backup`: into folders and buckets, encrypted, rotated, of both databases."""

import os
import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pyrage
import pytest

from newsletter.files import held_part
from newsletter.safekeeping.record import last_backup
from newsletter.store import open_store
from tests.integration.backups import (
    aws,
    bucket,
    die_at_step,
    mode_of,
    plain_copies,
    programs,
)
from tests.integration.commandline import Call, fork, snapshot
from tests.limits import small_disk

__all__ = ["aws", "bucket", "programs"]

NAME = re.compile(r"newsletter-\d{8}T\d{6}Z(-\d+)?-[0-9a-f]+\.db")
Rows = Callable[[], list[str]]


@pytest.fixture
def key() -> Any:
    return pyrage.x25519.Identity.generate()


def people_of(copy: Path) -> int:
    with closing(sqlite3.connect(copy)) as connection:
        marks = connection.execute("SELECT 1 FROM state WHERE name = 'copied_at'").fetchall()
        assert marks == [(1,)]
        [(people,)] = connection.execute("SELECT count(*) FROM subscribers").fetchall()
        return int(people)


def test_a_folder_gets_a_new_file_each_time(call: Call, project: Path, readers: str) -> None:
    """Even twice in a second; others cannot read it."""
    folder = project / "copies"
    folder.mkdir()

    files = [call("db", "backup", "copies", "--json").json["file"] for _ in range(3)]

    assert sorted(files) == [f"copies/{path.name}" for path in sorted(folder.iterdir())]
    for path in folder.iterdir():
        assert NAME.fullmatch(path.name)
        assert mode_of(path) == 0o600
        assert people_of(path) == 3


def test_old_backups_of_this_very_store_are_deleted(
    call: Call, project: Path, readers: str
) -> None:
    folder = project / "copies"
    folder.mkdir()
    first = call("db", "backup", "copies", "--json").json["file"]
    mine = Path(first).name
    at, store_id = re.findall(r"\d{8}T\d{6}Z|[0-9a-f]+(?=\.db)", mine)
    older = [mine.replace(at, f"2020010{day}T000000Z") for day in (1, 2)]
    encrypted = f"{mine.replace(at, '20200103T000000Z')}.age"
    others = (
        mine.replace(store_id, "1234abcd").replace(at, "20200101T000000Z"),
        mine.replace("newsletter-", "other-").replace(at, "20200101T000000Z"),
        f"{older[0]}.part",
        f"{older[0]}.backup.part",
        f"x{older[0]}",
        "newsletter.db",
    )
    for name in (*older, encrypted, *others):
        (folder / name).write_bytes(b"precious")

    done = call("db", "backup", "copies", "--keep", "3", "--json").json

    assert sorted(done["removed"]) == [f"copies/{name}" for name in older]
    left = {mine, Path(done["file"]).name, encrypted, *others}
    assert {path.name for path in folder.iterdir()} == left


def test_a_bare_command_does_what_the_settings_say(
    call: Call, project: Path, readers: str, key: Any
) -> None:
    """As cron runs it, from any folder; a passphrase on the command line takes precedence."""
    (project / "copies").mkdir()
    (project / "words").write_text("some words\n")
    with (project / "newsletter.toml").open("a") as settings:
        settings.write(f'[backup]\nto = "copies"\nkeep = 1\nrecipients = ["{key.to_public()}"]\n')

    first = call("db", "backup", "--json").json
    content = Path(first["file"]).read_bytes()
    second = call("db", "backup", "--passphrase-file", "words", "--json").json

    assert first["encrypted"]
    (project / "plain.db").write_bytes(pyrage.decrypt(content, [key]))
    assert people_of(project / "plain.db") == 3
    assert second["removed"] == [first["file"]]
    assert Path(second["file"]).parent == project / "copies"
    assert b"-> scrypt " in Path(second["file"]).read_bytes()[:40]


def test_the_settings_say_how_many_are_kept_in_their_own_place_alone(
    call: Call, project: Path, readers: str
) -> None:
    (project / "copies").mkdir()
    with (project / "newsletter.toml").open("a") as settings:
        settings.write('[backup]\nto = "elsewhere"\nkeep = 1\n')

    for _ in range(2):
        assert call("db", "backup", "copies", "--json").json["removed"] == []


def test_what_is_missing_for_encrypting_is_told(
    call: Call, project: Path, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)

    answer = call("db", "backup", "copy.age", "--recipient", str(key.to_public()), "--json")

    assert answer.code == 2
    assert "pip install 'newsletter-press[age]'" in answer.error["hint"]


def test_nothing_plain_is_left_where_a_backup_is_encrypted(
    call: Call, project: Path, readers: str, key: Any
) -> None:
    call("db", "backup", "copy.age", "--recipient", str(key.to_public()))

    assert plain_copies(project) == []
    assert not list(project.rglob("*.newsletter-part*"))
    assert mode_of(project / "copy.age") == 0o600


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        ([], "no place for the backup is named", 2),
        (["nowhere/"], "this folder does not exist", 2),
        (["nowhere/copy.db"], "cannot write the copy: No such file", 1),
        (["pipe"], "pipe exists already", 5),
        (["new.db", "--keep", "2"], "a file is one backup", 2),
        (["s3://UP/"], "is no place for backups", 2),
        (["ftp://example.com/"], "is no place for backups", 2),
        (["new.db", "--recipient", "age1nobody"], "is no recipient of age", 2),
        (["new.db", "--recipient", "AGE-SECRET-KEY-1ABC"], "a secret key is no recipient", 2),
        (["new.db", "--passphrase-file", "missing"], "there is no such file", 2),
        (["new.db", "--passphrase-file", "pipe"], "it is no file", 2),
        (["new.db", "--passphrase-file", "empty"], "is empty", 2),
        (["new.db", "--passphrase-file", "newsletter.toml"], "more than one line", 2),
        (
            ["new.db", "--passphrase-file", "words", "--recipient", "age1x"],
            "either for recipients or by a passphrase",
            2,
        ),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    call: Call, project: Path, arguments: list[str], says: str, code: int
) -> None:
    os.mkfifo(project / "pipe")
    (project / "empty").write_text("\n")
    (project / "words").write_text("words")
    before = snapshot(project)

    answer = call("db", "backup", *arguments, "--json")

    assert answer.code == code
    assert says in answer.error["message"]
    assert answer.error["hint"]
    assert snapshot(project) == before


def test_two_at_once_do_not_get_in_each_others_way(call: Call, project: Path, readers: str) -> None:
    with closing(sqlite3.connect("subscribers/newsletter.db")) as connection:
        [(number,)] = connection.execute("SELECT value FROM state WHERE name = 'id'")
    with held_part(project / f"newsletter-{number:x}-copy.db.backup"):
        answer = call("db", "backup", "copy.db", "--json")

    assert answer.code == 5
    assert "another process is making the same backup" in answer.error["message"]
    assert call("db", "backup", "copy.db").code == 0


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_full_disk_costs_no_backup_that_is_there(
    call: Call, project: Path, readers: str, key: Any, encrypted: bool
) -> None:
    options = ["--recipient", str(key.to_public())] if encrypted else []
    with small_disk(project / "copies", 600):
        first = call("db", "backup", "copies", "--keep", "1", "--json").json["file"]
        content = Path(first).read_bytes()

        answer = call("db", "backup", "copies", "--keep", "1", *options, "--json")

        assert answer.code == 1
        assert re.search("No space left|disk is full", answer.error["message"])
        assert [path.name for path in (project / "copies").iterdir()] == [Path(first).name]
        assert Path(first).read_bytes() == content
    assert not list(project.rglob("*.newsletter-part*"))


def test_a_damaged_store_is_no_backup(call: Call, project: Path, readers: str) -> None:
    """It deletes no good one in favour of a damaged one."""
    (project / "copies").mkdir()
    good = call("db", "backup", "copies", "--keep", "1", "--json").json["file"]
    store = project / "subscribers" / "newsletter.db"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(page,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'consents'"
        ).fetchall()
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    content = bytearray(store.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    store.write_bytes(content)

    answer = call("db", "backup", "copies", "--keep", "1", "--json")

    assert answer.code == 1
    assert [f"copies/{path.name}" for path in (project / "copies").iterdir()] == [good]


def test_wherever_it_is_killed_the_next_one_is_whole(
    call: Call, project: Path, readers: str, rows: Rows, key: Any
) -> None:
    """Before each step at its files: no half backup, the store as it was, no plain copy but a part
    that the next one deletes."""
    folder = project / "copies"
    folder.mkdir()
    call("db", "backup", "copies")
    before = rows()
    arguments = ("db", "backup", "copies", "--keep", "2", "--recipient", str(key.to_public()))

    kills = 0
    while fork(project, *arguments, first=partial(die_at_step, str(project), kills + 1)).code:
        kills += 1
        for path in folder.iterdir():
            assert path.suffix != ".age" or pyrage.decrypt(path.read_bytes(), [key])
            assert path.suffix in (".age", ".db", ".newsletter-part")
        assert all(
            name.endswith(".newsletter-part") for name in plain_copies(project) if ".db" not in name
        )
        assert [row for row in rows() if "backed_up_at" not in row] == [
            row for row in before if "backed_up_at" not in row
        ]

    assert kills > 10
    assert len(list(folder.iterdir())) == 2
    assert not list(project.rglob("*.newsletter-part*"))


# --- a bucket -------------------------------------------------------------------------------------


def keys_in(bucket: Any) -> list[str]:
    found = bucket.list_objects_v2(Bucket="safe-place").get("Contents", ())
    return [item["Key"] for item in found]


def test_a_bucket_keeps_backups_as_a_folder_does(
    call: Call, project: Path, readers: str, bucket: Any
) -> None:
    place = "s3://safe-place/letters/"
    bucket.put_object(Bucket="safe-place", Key="letters/other.db", Body=b"precious")

    first, second = (call("db", "backup", place, "--keep", "1", "--json").json for _ in range(2))
    named = call("db", "backup", f"{place}mine.db", "--json").json
    again = call("db", "backup", f"{place}mine.db", "--json")

    assert second["removed"] == [first["file"]]
    assert again.code == 5
    files = [one["file"].removeprefix("s3://safe-place/") for one in (second, named)]
    assert sorted(keys_in(bucket)) == sorted([*files, "letters/other.db"])
    stored = bucket.get_object(Bucket="safe-place", Key=files[0])
    (project / "copy.db").write_bytes(stored["Body"].read())
    assert people_of(project / "copy.db") == 3
    assert not list(project.rglob("*.newsletter-part*"))


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("place", "variable", "value", "code"),
    [
        ("s3://nobodys/", "", "", 2),
        ("s3://safe-place/", "NEWSLETTER_BACKUP__ENDPOINT_URL", "http://127.0.0.1:9", 1),
        ("s3://safe-place/", "AWS_SECRET_ACCESS_KEY", "", 2),
    ],
    ids=["no bucket", "nobody answers", "no credentials"],
)
def test_a_bucket_that_takes_nothing_is_told(
    call: Call,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    variable: str,
    value: str,
    code: int,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    if variable:
        monkeypatch.setenv(variable, value)

    answer = call("db", "backup", place, "--json")

    assert answer.code == code
    assert answer.error["hint"]
    assert not list(project.rglob("*.newsletter-part*"))
    url = "sqlite:///subscribers/newsletter.db"
    with closing(open_store(url, project)) as store, store.read() as connection:
        assert last_backup(connection) is None


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture
def postgresql(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(
        "NEWSLETTER_STORE__URL", postgresql_url.replace("postgres@", "postgres:se%20cret@")
    )
    return postgresql_url


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A pg_dump of one's own, first in PATH."""
    folder.mkdir()
    (folder / "pg_dump").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.postgresql
def test_postgresql_is_backed_up_by_its_own_program(
    call: Call,
    project: Path,
    postgresql: str,
    programs: Path,
    key: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its password is never an argument."""
    fake(project / "bin", monkeypatch, f'echo "$@" >> seen; exec {programs}/pg_dump "$@"')
    (project / "copies").mkdir()
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")

    plain = call("db", "backup", "copies", "--json").json
    sealed = call("db", "backup", "copies", "--recipient", str(key.to_public()), "--json").json

    for content in (
        Path(plain["file"]).read_bytes(),
        pyrage.decrypt(Path(sealed["file"]).read_bytes(), [key]),
    ):
        assert content.startswith(b"PGDMP")
        assert b"subscribers" in content
    assert plain["file"].endswith(".dump")
    assert sealed["file"].endswith(".dump.age")
    assert "cret" not in (project / "seen").read_text()
    assert not list(project.rglob("*.newsletter-part*"))


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("script", "says", "code"),
    [
        ('echo "pg_dump (PostgreSQL) 11.2"', "pg_dump is of version 11, and the server of", 2),
        ("exit 1", "pg_dump does not run", 2),
        (
            """case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1";;
            *) echo PGDMP...; echo "pg_dump: error: no luck" >&2; exit 1;; esac""",
            "pg_dump failed: no luck",
            1,
        ),
    ],
)
def test_a_pg_dump_that_fails_leaves_no_backup(
    call: Call,
    project: Path,
    postgresql: str,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    says: str,
    code: int,
) -> None:
    fake(project / "bin", monkeypatch, script)
    before = snapshot(project)

    answer = call("db", "backup", "copy.dump", "--json")

    assert answer.code == code
    assert says in answer.error["message"]
    assert "cret" not in answer.out + answer.err
    assert snapshot(project) == before
