"""`newsletter db copy`: the store moves to another database, whole, and the old one is closed."""

import datetime as dt
import http.client
import itertools
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from newsletter.errors import Refused, StoreAway, StoreError
from newsletter.links import Links, load_keys
from newsletter.operations import relocate
from newsletter.project import Project, utc_now
from newsletter.store import Store, jobs, open_store, resolve_url, upgrade
from newsletter.store.ledger import sends, tenures
from newsletter.store.relocation import relocations, rows
from newsletter.store.schema import lists, metadata
from newsletter.store.schema import subscriptions as joined
from newsletter.web.issues import Archive
from newsletter.web.site import Site
from tests import share
from tests.factories import link_of
from tests.integration.commandline import ISSUE as VALLEY
from tests.integration.commandline import Call, fork, plan_send, write_issue
from tests.integration.filling import fill
from tests.integration.serving import served
from tests.integration.test_copies import outbox, send_first
from tests.limits import filled, small_disk
from tests.terminal import at_terminal
from tests.waiting import PATIENCE_SECONDS, until

ISSUE = "2026-01-07-valley"
Rows = Callable[[], list[str]]
_URL = "NEWSLETTER_STORE__URL"


@pytest.fixture(
    params=[pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def target(request: pytest.FixtureRequest, project: Path) -> str:
    """The URL of a place where nothing is yet."""
    if request.param == "sqlite":
        return f"sqlite:///{project / 'moved.db'}"
    return str(request.getfixturevalue("postgresql_empty"))


@pytest.fixture
def file(project: Path) -> str:
    """The same, where the database does not matter."""
    return f"sqlite:///{project / 'moved.db'}"


def go_over(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """Use the new store from now on, as a person does."""
    monkeypatch.setenv(_URL, target)


def move(call: Call, target: str) -> Any:
    moved = call("db", "copy", "--to", target, "--yes", "--json")
    assert moved.code == 0, moved.out + moved.err
    return moved.json


def opened(project: Path) -> Store:
    """The old store."""
    return open_store(f"sqlite:///{project / 'subscribers' / 'newsletter.db'}", project)


# --- going on in the new place --------------------------------------------------------------------


def test_a_send_that_was_paused_reaches_everybody_once(
    call: Call, project: Path, readers: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_id = plan_send(project, ISSUE, readers, rate=10)
    send_first(project, send_id)

    moved = move(call, target)
    refused = [
        call(*arguments, "--json")
        for arguments in (
            ["resume", send_id],
            ["worker", "--once"],
            ["send", ISSUE, "--list", readers, "--yes"],
        )
    ]
    go_over(monkeypatch, target)
    resumed = call("resume", send_id, "--json").json

    assert moved["tables"]["deliveries"] == 3
    assert moved["verified"] is True
    assert [answer.code for answer in refused] == [5, 5, 5]
    assert {answer.error["code"] for answer in refused} == {"store-closed"}
    assert (resumed["status"], resumed["accepted"]) == ("finished", 3)
    assert len(outbox(project)) == 3
    assert call("db", "verify", "--json").json == {"ok": True, "faults": []}
    assert call("send", ISSUE, "--list", readers, "--yes").code == 5


def test_a_schedule_goes_out_once_from_the_new_store(
    call: Call, project: Path, readers: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_send(project, ISSUE, readers, at=utc_now() + dt.timedelta(days=1))
    write_issue(project, "2026-01-09-new.md")
    plan_send(project, "2026-01-09-new", readers, at=utc_now())

    move(call, target)

    assert call("worker", "--once").code == 5
    go_over(monkeypatch, target)
    assert call("worker", "--once", "--json").json["accepted"] == 3
    assert len(outbox(project)) == 3
    assert [send["status"] for send in call("sends", "--json").lines] == ["finished", "scheduled"]


def test_links_in_mails_of_the_old_store_still_unsubscribe(
    call: Call, project: Path, readers: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(project)) as store:
        link = link_of(store, 1, readers)
    path = Links("", load_keys(project)).unsubscribe_url(link)
    move(call, target)
    go_over(monkeypatch, target)

    with served(project, "--json") as server:
        status = post(server.url, path)

    assert status == 200
    assert call("lists", "show", readers, "--json").json["confirmed"] == 2


def test_people_join_and_imports_go_on_in_the_new_store(
    call: Call, project: Path, readers: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New rows get numbers of their own."""
    move(call, target)
    go_over(monkeypatch, target)
    (project / "more.csv").write_text("email\nnew1@example.com\nnew2@example.com\n")

    added = call("subscribers", "add", "new@example.com", "--list", readers)
    imported = call("subscribers", "import", "more.csv", "--list", readers)

    assert (added.code, imported.code) == (0, 0)
    assert call("lists", "show", readers, "--json").json["confirmed"] == 6


def test_a_store_moves_there_and_back(
    call: Call, project: Path, readers: str, postgresql_empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = f"sqlite:///{project / 'back.db'}"
    move(call, postgresql_empty)
    go_over(monkeypatch, postgresql_empty)
    call("send", ISSUE, "--list", readers, "--yes")
    move(call, back)

    assert call("resume", call("status", "--json").json["send_id"]).code == 5
    assert call("worker", "--once").code == 5
    assert call("worker").code == 5
    go_over(monkeypatch, back)
    assert call("status", "--json").json["accepted"] == 3
    write_issue(project, "2026-01-09-new.md")
    assert call("send", "2026-01-09-new", "--list", readers, "--yes").code == 0


def pages(project: Path) -> dict[str, bytes]:
    """All that the archive has on the web."""
    opened_project = Project.open(project)
    with closing(open_store(opened_project.settings.store.url, project)) as store:
        archive = Archive(Site.of(opened_project, store))
        archive.refresh()
        files = {path: archive.file(path) for path in archive.paths}
        return {path: file.content for path, file in files.items() if file}


def test_the_archive_is_the_same_there_and_back(
    call: Call, project: Path, readers: str, postgresql_empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what was corrected, hidden and approved; and it can be taken back there."""
    for name in (ISSUE, "2026-01-08-bär", "2026-01-10-慢", "2026-01-11-arabic"):
        write_issue(project, f"{name}.md", VALLEY.replace("valley", name), tags="[Tools, أدوات]")
        assert call("approve", name, "--yes").code == 0
        assert call("send", name, "--list", readers, "--yes").code == 0
    with (project / "issues" / f"{ISSUE}.md").open("a") as text:
        text.write("\nAnd what was forgotten.\n")
    corrected = ("archive", "correct", ISSUE, "--note", "يوم الخميس <b>", "--yes")
    assert call(*corrected).code == 0
    assert call("archive", "hide", "2026-01-10-慢", "--reason", "一个").code == 0
    before, listed = pages(project), call("archive", "list", "--json").out
    assert f"archive/{ISSUE}/original/index.html" in before
    back = f"sqlite:///{project / 'back.db'}"

    for target in (postgresql_empty, back):
        tables = move(call, target)["tables"]
        go_over(monkeypatch, target)

        assert (tables["hidden_issues"], tables["approvals"]) == (1, 4)
        assert pages(project) == before
        assert call("archive", "list", "--json").out == listed
        assert call(*corrected).code == 5
        assert call("archive", "correct", ISSUE, "--undo").code == 0
        assert call(*corrected).code == 0
        before, listed = pages(project), call("archive", "list", "--json").out


# --- the old store --------------------------------------------------------------------------------


def test_the_old_store_is_read_and_never_written(
    call: Call, project: Path, readers: str, file: str, rows: Rows
) -> None:
    call("send", ISSUE, "--list", readers, "--yes")
    send_id = call("status", "--json").json["send_id"]
    move(call, file)
    before = rows()

    for arguments in (
        ["subscribers", "add", "new@example.com", "--list", readers],
        ["subscribers", "import", "subscribers/example.csv", "--list", "others"],
        ["subscribers", "forget", "ada@example.com", "--yes"],
        ["lists", "create", "others"],
        ["suppressions", "add", "ada@example.com"],
        ["pause", send_id],
        ["events", "replay", os.devnull],
        ["db", "adopt", "--yes"],
        ["db", "upgrade"],
        ["db", "copy", "--cancel"],
        ["db", "copy", "--to", "sqlite:///other.db", "--yes"],
    ):
        answer = call(*arguments, "--json")
        assert answer.code in (4, 5) or arguments[0] == "events", arguments
    assert rows() == before
    for arguments in (
        ["status"],
        ["sends"],
        ["lists"],
        ["db", "backup", "copy.db"],
        ["db", "verify"],
    ):
        shown = call(*arguments)
        assert shown.code == 0, arguments
        if arguments[0] != "db":
            assert f"This store was moved to {file}" in shown.err


def test_an_old_file_that_comes_back_sends_nothing(
    call: Call, project: Path, readers: str, file: str
) -> None:
    """A copy by hand from before the move, in its old place."""
    call("send", ISSUE, "--list", readers, "--yes")
    store = project / "subscribers" / "newsletter.db"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(store, project / "before.db")
    move(call, file)
    shutil.copy(project / "before.db", store)
    write_issue(project, "2026-01-09-new.md")

    answer = call("send", "2026-01-09-new", "--list", readers, "--yes", "--json")

    assert answer.code == 5
    assert "older than this newsletter" in answer.error["message"]


def test_a_move_that_is_done_says_so(call: Call, readers: str, file: str, rows: Rows) -> None:
    first = move(call, file)
    before = rows()

    again = move(call, file)

    assert again == {**first, "tables": {}}
    assert rows() == before
    assert "was moved" in call("db", "copy", "--to", file, "--yes").out


# --- what refuses it ------------------------------------------------------------------------------


def test_a_store_with_anything_in_it_is_left_alone(
    call: Call, project: Path, readers: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_over(monkeypatch, target)
    assert call("db", "upgrade").code == 0
    assert call("lists", "create", "others").code == 0
    monkeypatch.delenv(_URL)

    refused = call("db", "copy", "--to", target, "--yes", "--json")

    assert refused.code == 5
    assert "lists is not empty" in refused.error["message"]
    assert call("lists", "create", "more").code == 0
    go_over(monkeypatch, target)
    assert [line["name"] for line in call("lists", "--json").lines] == ["others"]


def test_it_does_not_move_into_itself(call: Call, project: Path, readers: str) -> None:
    call("db", "backup", "copy.db")
    (project / "hard.db").hardlink_to(project / "subscribers" / "newsletter.db")
    (project / "soft.db").symlink_to("hard.db")
    for url in (
        *("sqlite:///subscribers/newsletter.db", "sqlite:///copy.db"),
        *("sqlite:///hard.db", "sqlite:///./issues/../soft.db"),
    ):
        refused = call("db", "copy", "--to", url, "--yes", "--json")

        assert refused.code == 5
        assert "this very store" in refused.error["message"]
    assert not (project / "hard.db-wal").exists()
    assert call("lists", "create", "more").code == 0


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("mysql://host/db", 2, "no store of kind"),
        ("letters", 2, "no ://"),
        ("postgresql://news:s3cret@127.0.0.1:1/letters", 1, "nobody listens at 127.0.0.1:1"),
        ("sqlite:////proc/new.db", 1, "/proc"),
        ("sqlite:///newsletter.toml", 1, "not a database"),
    ],
)
def test_a_place_that_cannot_be_used_is_named_and_nothing_is_closed(
    call: Call, readers: str, url: str, code: int, words: str
) -> None:
    refused = call("db", "copy", "--to", url, "--yes", "--json")

    assert refused.code == code, refused.out
    assert words in str(refused.error)
    assert refused.error["where"] in ("--to", "/proc/new.db")
    assert "s3cret" not in refused.out + refused.err
    assert call("lists", "create", "more").code == 0


def test_no_password_is_shown(tmp_path: Path) -> None:
    url = resolve_url("postgresql://news:s3cret@db:6432/letters?sslpassword=s3cret", tmp_path)

    assert relocations.place_of(url) == "postgresql://news@db:6432/letters"


@pytest.mark.parametrize("port", ["", "&port=6432"])
def test_a_place_behind_a_socket_can_be_copied_into_the_settings(tmp_path: Path, port: str) -> None:
    url = f"postgresql://news@/letters?host=/run/postgresql{port}"

    assert relocations.place_of(resolve_url(url, tmp_path)) == url


@pytest.mark.parametrize(
    ("table", "words"),
    [("photos", "a table of another program: photos"), ("events", "another program: events")],
)
def test_a_database_of_another_program_is_left_alone(
    call: Call, readers: str, target: str, table: str, words: str
) -> None:
    engine = sa.create_engine(target.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE {table} (a integer)"))

    refused = call("db", "copy", "--to", target, "--yes", "--json")

    assert (refused.code, refused.error["where"]) == (5, "--to")
    assert words in refused.error["message"]
    with closing(engine.raw_connection()):
        assert sa.inspect(engine).get_table_names() == [table]
    engine.dispose()
    assert call("lists", "create", "more").code == 0


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ("GRANT USAGE ON SCHEMA public TO {}", "permission denied for table alembic_version"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}", "permission denied for"),
        ("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}", "permission denied for schema public"),
        (
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}; GRANT CREATE ON SCHEMA public TO {0}",
            "must be owner of table deliveries",
        ),
        (
            "ALTER ROLE {0} SUPERUSER; ALTER ROLE {0} SET default_transaction_read_only = on",
            "default_transaction_read_only",
        ),
    ],
    ids=["nothing", "read", "write", "create", "read-only"],
)
def test_missing_rights_are_known_before_anything_is_closed(
    call: Call, readers: str, postgresql_url: str, user: str, grants: str, words: str
) -> None:
    with closing(open_store(postgresql_url, Path())) as store, store.write() as connection:
        # The copy has to make it; other tests may have left theirs.
        connection.execute(sa.text("DROP TABLE IF EXISTS deliveries_0_100"))
        connection.execute(sa.text(grants.format(user)))

    url = sa.make_url(postgresql_url).set(username=user).render_as_string()
    refused = call("db", "copy", "--to", url, "--yes", "--json")

    assert (refused.code, call("lists", "create", "more").code) == (1, 0)
    assert words in refused.error["message"] + refused.error["hint"]
    assert user in refused.error["message"] + refused.error["where"] or "read-only" in words


@pytest.fixture
def user(postgresql_url: str) -> Iterator[str]:
    """A role of the server that may do nothing."""
    name = f"poor_{os.getpid()}"
    with closing(open_store(postgresql_url, Path())) as store:
        with store.write() as connection:
            connection.execute(sa.text(f"CREATE ROLE {name} LOGIN"))
        yield name
        with store.write() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {name}; DROP ROLE {name}"))


def test_it_is_refused_while_a_send_runs(
    call: Call, project: Path, readers: str, file: str
) -> None:
    send_id = plan_send(project, ISSUE, readers)
    with closing(opened(project)) as store, store.write() as connection:
        now, name = utc_now(), "elsewhere/1/boot:1/aa"
        number = sends.number_of(connection, send_id)
        tenures.begin(connection, number, name, now, now + dt.timedelta(days=1))

    refused = call("db", "copy", "--to", file, "--yes", "--json")

    assert refused.code == 5
    assert f"newsletter pause {send_id}" in refused.error["hint"]
    assert "process 1 on elsewhere" in refused.error["message"]
    assert refused.error["where"] == ""
    assert call("lists", "create", "more").code == 0


@pytest.mark.postgresql
def test_a_text_that_postgresql_does_not_take_refuses_it(
    call: Call, project: Path, readers: str, postgresql_empty: str
) -> None:
    with closing(opened(project)) as store, store.write() as connection:
        connection.execute(sa.update(lists).values(title="a\0b"))

    refused = call("db", "copy", "--to", postgresql_empty, "--yes", "--json")

    assert refused.code == 1
    assert "lists.title has the character NUL" in refused.error["message"]
    assert call("lists", "create", "more").code == 0


def test_a_restored_store_is_adopted_first(
    call: Call, project: Path, readers: str, file: str
) -> None:
    """Else the new one would look as if it had never been restored."""
    call("db", "backup", "copy.db")
    (project / "copy.db").replace(project / "subscribers" / "newsletter.db")

    refused = call("db", "copy", "--to", file, "--yes", "--json")

    assert refused.code == 5
    assert "db adopt" in refused.error["hint"]


def test_it_asks_before_it_closes_anything(
    call: Call, project: Path, readers: str, file: str
) -> None:
    assert call("db", "copy", "--to", file, "--json").code == 5
    assert list(project.glob("moved.db*")) == []
    assert call("lists", "create", "more").code == 0
    assert call("db", "copy", "--json").code == 2
    assert call("db", "copy", "--to", file, "--cancel", "--json").code == 2


# --- interrupted ----------------------------------------------------------------------------------


def cut_at(number: int, cut: Callable[[], None]) -> Callable[[sa.Connection], None]:
    """Let a process end right before the commit of that number which writes something."""
    commits = itertools.count(1)

    def count(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("begin_immediate")
        if writes and next(commits) == number:
            cut()

    sa.event.listen(sa.Engine, "commit", count)
    return count


def die_at(number: int) -> None:
    cut_at(number, partial(os.kill, os.getpid(), signal.SIGKILL))


def interrupt_at(number: int) -> None:
    cut_at(number, partial(os.kill, os.getpid(), signal.SIGINT))


class Cut(BaseException):
    """Stands for a kill."""


def be_cut() -> None:
    raise Cut


def fill_anew(project: Path) -> None:
    """A row in each table of the store."""
    with closing(opened(project)) as store:
        with store.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
        fill(store, without=("relocations", "tenures"))


def check_moved(project: Path, target: str) -> None:
    assert in_force(project, target) == [target]
    with closing(opened(project)) as here, closing(open_store(target, project)) as there:
        with there.read() as connection:
            expected = None if there.is_sqlite else jobs.installed_schema()
            assert jobs.schema(connection) == expected
        for table in rows.TABLES:
            if table.name != "state":  # the generation went on
                assert all_rows(here, table) == all_rows(there, table)


def all_rows(store: Store, table: sa.Table) -> list[str]:
    with store.read() as connection:
        return sorted(map(repr, connection.execute(sa.select(table)).all()))


def in_force(project: Path, target: str) -> list[str]:
    """The stores that take a write."""
    urls = []
    for url in (f"sqlite:///{project / 'subscribers' / 'newsletter.db'}", target):
        with (
            suppress(StoreError),
            closing(open_store(url, project)) as store,
            store.write() as connection,
        ):
            connection.execute(sa.update(lists).values(title=lists.c.title))
            urls.append(url)
    return urls


def test_a_copy_that_is_killed_goes_on(project: Path, target: str) -> None:
    """Killed again and again, each time a bit later than the last."""
    fill_anew(project)
    arguments = ("db", "copy", "--to", target, "--yes", "--json")

    kills = 0
    while (done := fork(project, *arguments, first=partial(die_at, kills + 1))).code:
        kills += 1
        assert done.code == -signal.SIGKILL, done.out

    assert kills > 5
    check_moved(project, target)


def test_ctrl_c_says_how_it_goes_on(call: Call, project: Path, readers: str, file: str) -> None:
    arguments = ("db", "copy", "--to", file, "--yes", "--json")

    interrupted = fork(project, *arguments, first=partial(interrupt_at, 6))

    assert interrupted.code == 130
    assert "newsletter db copy --cancel" in interrupted.error["hint"]
    assert move(call, file)["verified"]


def test_wherever_it_is_cut_no_two_stores_are_in_force(
    project: Path, tmp_path: Path, sqlite_template: Path
) -> None:
    """Before each commit in turn: of the two at most one takes a write, and that is the new one
    only when all is there."""
    fill_anew(project)
    old, new = project / "subscribers" / "newsletter.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole, target = old.read_bytes(), f"sqlite:///{new}"

    for number in itertools.chain(range(1, 4), itertools.count(4, 1 if share.all_tests() else 5)):
        for path in (*old.parent.glob("newsletter.db*"), *tmp_path.glob("new.db*")):
            path.unlink()
        (old.parent / "generation").unlink(missing_ok=True)
        old.write_bytes(whole)
        shutil.copy(sqlite_template, new)
        counting = cut_at(number, be_cut)
        try:
            run_move(project, target)
        except Cut:
            is_cut = True
        else:
            is_cut = False
        finally:
            sa.event.remove(sa.Engine, "commit", counting)
        if not is_cut:
            break
        # At first the source is open yet, and the target only a new store like any other, where
        # rows are rehearsed.
        assert len(in_force(project, target)) == {1: 2, 2: 2, 3: 1}.get(number, 0)
        run_move(project, target)
        check_moved(project, target)

    assert number > len(rows.TABLES)


def run_move(project: Path, target: str) -> relocate.Moved:
    with closing(opened(project)) as source:
        move = relocate.Move(Project.open(project), source, target, utc_now)
        with closing(move):
            return move.run(lambda amount: None)


@pytest.mark.parametrize("number", [6, 9])
def test_a_move_can_be_given_up(
    call: Call, project: Path, readers: str, file: str, rows: Rows, number: int
) -> None:
    """The old store is as before, and the new one never comes in force, however much it has."""
    before = rows()
    fork(project, "db", "copy", "--to", file, "--yes", first=partial(die_at, number))
    refused = call("subscribers", "add", "new@example.com", "--list", readers, "--json")
    other = call("db", "copy", "--to", "sqlite:///other.db", "--yes", "--json")

    cancelled = call("db", "copy", "--cancel", "--json")

    assert (refused.code, other.code) == (5, 5)
    assert f"is being moved to {file}" in other.error["message"]
    assert cancelled.json == {"cancelled": file}
    assert rows() == before
    assert call("db", "copy", "--cancel").code == 5
    again = call("db", "copy", "--to", file, "--yes", "--json")
    assert again.code == 5
    assert "unfinished copy" in again.error["message"]
    assert in_force(project, file) == [f"sqlite:///{project / 'subscribers' / 'newsletter.db'}"]
    assert move(call, "sqlite:///other.db")["verified"]


def test_a_backup_of_a_store_that_is_being_moved_is_adopted_before_it_sends(
    call: Call, project: Path, readers: str, file: str
) -> None:
    """On another machine, which knows nothing of the move: giving it up opens the backup."""
    fork(project, "db", "copy", "--to", file, "--yes", first=partial(die_at, 6))
    assert call("db", "backup", "closed.db").code == 0
    move(call, file)
    shutil.copy(project / "closed.db", project / "subscribers" / "newsletter.db")
    Project.open(project).generation.unlink()

    assert call("db", "copy", "--cancel").code == 0
    refused = call("send", ISSUE, "--list", readers, "--yes", "--json")
    assert refused.code == 5
    assert "restored from a backup" in refused.error["message"]
    assert call("db", "adopt").code == 0
    assert call("send", ISSUE, "--list", readers, "--yes").code == 0


def test_a_copy_that_was_changed_does_not_come_in_force(
    call: Call, project: Path, readers: str, file: str
) -> None:
    with closing(opened(project)) as source:
        moving = relocate.Move(Project.open(project), source, file, utc_now)

        def change(amount: int) -> None:
            with closing(sqlite3.connect(project / "moved.db")) as connection:
                connection.execute("UPDATE lists SET title = 'other'")
                connection.commit()

        with closing(moving), pytest.raises(StoreError, match="the copy is not the same: lists"):
            moving.run(change)

    assert in_force(project, file) == []
    again = call("db", "copy", "--to", file, "--yes", "--json")
    assert (again.code, again.error["code"]) == (1, "store")
    (project / "moved.db").unlink()
    assert move(call, file)["verified"]


# --- a full disk ----------------------------------------------------------------------------------


def test_a_full_disk_of_the_new_store_is_named_and_the_copy_goes_on(
    call: Call, project: Path, readers: str
) -> None:
    target = f"sqlite:///{project / 'small' / 'moved.db'}"
    with small_disk(project / "small", 4_000):
        with closing(opened(project)) as source, ExitStack() as full:
            moving = relocate.Move(Project.open(project), source, target, utc_now)
            with closing(moving), pytest.raises(StoreAway, match="full") as failed:
                moving.run(lambda amount: full.enter_context(filled(project / "small")))
        refused = call("lists", "create", "more")
        run_move(project, target)
        check_moved(project, target)

    assert failed.value.where == target
    assert failed.value.hint.endswith("newsletter db copy --cancel")
    assert refused.code == 5


@pytest.mark.parametrize("free", [0, 40_000])
def test_a_full_disk_of_the_old_store_is_named_and_nothing_is_closed(
    call: Call, project: Path, readers: str, file: str, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """Neither its log fits, or nothing but that."""
    store = project / "small" / "newsletter.db"
    with small_disk(store.parent, 4_000):
        shutil.copy(project / "subscribers" / "newsletter.db", store)
        monkeypatch.setenv(_URL, f"sqlite:///{store}")
        with filled(store.parent):
            os.truncate(store.parent / "ballast", (store.parent / "ballast").stat().st_size - free)
            refused = call("db", "copy", "--to", file, "--yes", "--json")
        after = call("lists", "create", "more").code
        moved = move(call, file)

    assert (refused.code, refused.error["where"]) == (1, str(store))
    assert "the disk of the store is full" in refused.error["message"]
    assert "--cancel" not in refused.error["hint"]
    assert (after, moved["tables"]["lists"]) == (0, 2)


# --- two at once ----------------------------------------------------------------------------------


def test_while_a_person_is_asked_the_store_may_have_moved_elsewhere(
    project: Path, readers: str, target: str
) -> None:
    """Otherwise both new stores would be in force."""
    upgrade(f"sqlite:///{project / 'other.db'}", project)
    with closing(opened(project)) as source:
        one, other = (
            relocate.Move(Project.open(project), source, url, utc_now)
            for url in (target, f"sqlite:///{project / 'other.db'}")
        )
        with closing(one), closing(other):
            one.run(lambda amount: None)
            with pytest.raises(Refused, match="was moved to"):
                other.run(lambda amount: None)

    assert in_force(project, target) == [target]
    with closing(open_store(f"sqlite:///{project / 'other.db'}", project)) as empty:
        assert all_rows(empty, lists) == []


def test_who_compares_when_the_new_store_is_used_already_takes_it_for_done(
    call: Call, project: Path, readers: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not say that the copy is wrong and has to be emptied."""
    with closing(opened(project)) as source:
        slow, quick = (
            relocate.Move(Project.open(project), source, target, utc_now) for _ in range(2)
        )
        calls, compares = itertools.count(), with_rows(source)

        def finish(amount: int) -> None:
            if next(calls) == compares:
                quick.run(lambda amount: None)
                go_over(monkeypatch, target)
                assert call("lists", "create", "more").code == 0
                assert call("suppressions", "add", "ada@example.com").code == 0

        with closing(slow), closing(quick):
            moved = slow.run(finish)

    assert moved.tables == {}
    assert in_force(project, target) == [target]


def with_rows(store: Store) -> int:
    """How many tables have any: of a small store, each is a slice."""
    with store.read() as connection:
        one = [sa.select(sa.literal(1)).select_from(table).limit(1) for table in rows.TABLES]
        return sum(1 for query in one if connection.execute(query).first())


def test_who_compares_when_the_move_was_given_up_is_told_that(
    call: Call, project: Path, readers: str, file: str
) -> None:
    """And not that the copy is wrong, nor that the store is closed."""
    with closing(opened(project)) as source:
        calls, compares = itertools.count(), with_rows(source)

        def give_up(amount: int) -> None:
            if next(calls) == compares:
                assert call("db", "copy", "--cancel").code == 0
                assert call("suppressions", "add", "ada@example.com").code == 0

        moving = relocate.Move(Project.open(project), source, file, utc_now)
        with closing(moving), pytest.raises(Refused, match="was cancelled meanwhile"):
            moving.run(give_up)

    assert in_force(project, file) == [f"sqlite:///{project / 'subscribers' / 'newsletter.db'}"]


def test_a_new_store_that_is_gone_is_not_made_anew(
    call: Call, project: Path, readers: str, file: str
) -> None:
    """An empty one in its place would know of nobody who left."""
    move(call, file)
    (project / "moved.db").unlink()

    refused = call("db", "copy", "--to", file, "--yes", "--json")

    assert refused.code == 5
    assert "not there any more: there is no store" in refused.error["message"]
    assert not (project / "moved.db").exists()


# --- meanwhile ------------------------------------------------------------------------------------


def post(url: str, path: str) -> int:
    """The status of a one-click unsubscribe."""
    parts = urlsplit(url)
    assert parts.hostname
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, PATIENCE_SECONDS)) as site:
        site.request(
            "POST",
            path,
            "List-Unsubscribe=One-Click",
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = site.getresponse()
        assert answer.status == 200 or answer.headers["Retry-After"]
        return answer.status


def test_whoever_was_told_that_they_left_has_left_the_new_store(
    call: Call, project: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site serves throughout; readers leave all the time, before, during and after the copy."""
    people = "email\n" + "".join(f"r{n}@example.com\n" for n in range(300))
    (project / "people.csv").write_text(people)
    call("subscribers", "import", "people.csv", "--list", "readers")
    with closing(opened(project)) as store:
        links = Links("", load_keys(project))
        paths = {n: links.unsubscribe_url(link_of(store, n, "readers")) for n in range(1, 301)}
    statuses: dict[int, int] = {}
    over = threading.Event()

    def leave(url: str) -> None:
        for number, path in paths.items():
            if over.is_set():
                break
            statuses[number] = post(url, path)

    with served(project, "--json") as server:
        leaving = threading.Thread(target=leave, args=(server.url,))
        leaving.start()
        until(lambda: len(statuses) > 10)
        moved = call("db", "copy", "--to", target, "--yes", "--json")
        last = post(server.url, paths[300])
        over.set()
        leaving.join()

    assert moved.code == 0, moved.out
    assert last == 503
    assert set(statuses.values()) <= {200, 503}
    go_over(monkeypatch, target)
    with closing(open_store(target, project)) as store, store.read() as connection:
        left = sa.select(joined.c.subscriber_id).where(joined.c.status == "unsubscribed")
        assert set(connection.execute(left).scalars()) == {
            number for number, status in statuses.items() if status == 200
        }


def test_the_progress_is_shown_at_a_terminal(project: Path, readers: str, file: str) -> None:
    code, written = at_terminal(project, "db", "copy", "--to", file, "--yes")

    assert code == 0
    assert "copying" in written
    assert f'url = "{file}"' in written
