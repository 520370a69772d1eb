"""PostgreSQL that is away, full, slow, shut or set otherwise; and what stands before it."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg

from tests.faults.pooler import pooled
from tests.hostile.backing import SECRET_KEY, database
from tests.hostile.commands import Command
from tests.hostile.environments import wrong_clock
from tests.hostile.machines import fill
from tests.hostile.scene import CannotBeMade, Scene, must
from tests.hostile.surroundings import surrounding
from tests.integration.server import USER, Server
from tests.proxy import proxied

_MOMENT_SECONDS = 0.3
_BREAK_SECONDS = 2.0
_URL = "NEWSLETTER_STORE__URL"


def _it_is_the_store(command: Command) -> bool:
    return command.on_postgresql


def _dumps(command: Command) -> bool:
    """Whether it needs programs of PostgreSQL, which connect by themselves."""
    return command.typed.startswith(("db backup", "db restore", "db verify --backup"))


def _database(
    name: str,
    *,
    harmless: bool | Callable[[Command], bool] = False,
    shows_all: bool = False,
    where: Callable[[Command], bool] = lambda command: True,
) -> Callable[[Callable[[Scene], Iterator[None]]], Callable[[Scene], Iterator[None]]]:
    return surrounding(
        name,
        harmless=harmless,
        shows_all=shows_all,
        where=lambda command: _it_is_the_store(command) and where(command),
        kind="postgresql",
    )


def _server(scene: Scene) -> Server:
    assert scene.backing.server is not None
    return scene.backing.server


def _goes_by(scene: Scene, old: str, new: str) -> None:
    """Let the URL of the store be another."""
    url = scene.environment[_URL]
    assert old in url
    scene.environment[_URL] = url.replace(old, new)


def _asked(scene: Scene, option: str) -> None:
    """Let the URL ask for more."""
    scene.environment[_URL] += f"?{option}"


# --- it is away -----------------------------------------------------------------------------------


@_database("its server is stopped")
def _(scene: Scene) -> Iterator[None]:
    _server(scene).stop()
    try:
        yield
    finally:
        _server(scene).start()


@_database("its server starts a moment later", where=lambda command: command.matters)
def _(scene: Scene) -> Iterator[None]:
    """As where all of a machine starts at once."""
    server = _server(scene)
    server.stop()
    starting = threading.Timer(_BREAK_SECONDS, server.start)
    starting.start()
    try:
        yield
    finally:
        starting.join()


for _how in ("is restarted", "is killed, and recovers,"):

    @_database(f"its server {_how} amid the command")
    def _(scene: Scene, how: str = _how) -> Iterator[None]:
        server = _server(scene)

        def restart() -> None:
            (server.stop if how == "is restarted" else server.crash)()
            server.start()

        restarting = threading.Timer(_MOMENT_SECONDS, restart)
        scene.while_it_runs = lambda _: restarting.start()
        yield
        restarting.join()


@_database("its connections are ended again and again", where=lambda command: not command.stays)
def _(scene: Scene) -> Iterator[None]:
    """By an operator, or by what watches over memory."""
    server, over = _server(scene), threading.Event()
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{scene.backing.database}'"
    )

    def ending() -> None:
        for _ in range(20):
            server.execute(end)
            if over.wait(0.1):
                return

    thread = threading.Thread(target=ending)
    scene.while_it_runs = lambda _: thread.start()
    yield
    over.set()
    thread.join()


@_database("nobody listens at its port")
def _(scene: Scene) -> Iterator[None]:
    _goes_by(scene, f":{_server(scene).port}/", ":9/")
    yield


@_database("its host's name does not resolve")
def _(scene: Scene) -> Iterator[None]:
    _goes_by(scene, "@127.0.0.1:", "@database.invalid:")
    yield


@_database("who listens at its port says nothing", where=lambda command: command.matters)
def _(scene: Scene) -> Iterator[None]:
    with _silent() as port:
        _goes_by(scene, f":{_server(scene).port}/", f":{port}/")
        yield


@contextmanager
def _silent() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@_database("who listens at its port is no database")
def _(scene: Scene) -> Iterator[None]:
    """One that answers each call with a page."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    with client:
                        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n<html></html>")

        threading.Thread(target=answer, daemon=True).start()
        _goes_by(scene, f":{_server(scene).port}/", f":{listening.getsockname()[1]}/")
        yield
        listening.shutdown(socket.SHUT_RDWR)


# --- the network between --------------------------------------------------------------------------


@_database("each answer of it takes a twentieth of a second", harmless=True)
def _(scene: Scene) -> Iterator[None]:
    with proxied(scene.environment[_URL]) as proxy:
        proxy.stall(0.025)
        scene.environment[_URL] = proxy.url
        yield


@_database("the network to it breaks for two seconds")
def _(scene: Scene) -> Iterator[None]:
    with proxied(scene.environment[_URL]) as proxy:
        scene.environment[_URL] = proxy.url

        def cut() -> None:
            proxy.drop()
            proxy.reset()

        breaking = threading.Timer(_MOMENT_SECONDS, cut)
        healing = threading.Timer(_MOMENT_SECONDS + _BREAK_SECONDS, proxy.pass_on)
        breaking.start()
        healing.start()
        yield
        breaking.join()
        healing.join()


for _arrives in (True, False):

    @_database(
        f"the connection is lost at a commit that {'arrives' if _arrives else 'does not arrive'}"
    )
    def _(scene: Scene, arrives: bool = _arrives) -> Iterator[None]:
        with proxied(scene.environment[_URL]) as proxy:
            proxy.cut(2, arrives=arrives)
            scene.environment[_URL] = proxy.url
            yield


def _sends(command: Command) -> bool:
    return command.typed == "send $issue --list $list --yes --json"


for _step, _words in (("claimed", b"INSERT INTO batches"), ("recorded", b"UPDATE batches")):
    for _arrives in (True, False):

        @_database(
            f"the connection is lost as a batch is {_step}, and its commit "
            f"{'arrives' if _arrives else 'does not'}",
            harmless=True,
            where=_sends,
        )
        def _(scene: Scene, words: bytes = _words, arrives: bool = _arrives) -> Iterator[None]:
            with proxied(scene.environment[_URL]) as proxy:
                proxy.cut(arrives=arrives, words=words)
                scene.environment[_URL] = proxy.url
                yield
                assert proxy.has_cut, "no commit was cut"


@_database("pgbouncer stands before it", harmless=lambda command: not _dumps(command))
def _(scene: Scene) -> Iterator[None]:
    if shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin") is None:
        raise CannotBeMade("needs Debian's pgbouncer")
    with pooled(_server(scene), connections=5) as url:
        scene.environment[_URL] = f"{url.rpartition('/')[0]}/{scene.backing.database}"
        yield


# --- it lets nobody in ----------------------------------------------------------------------------


@_database("the password is wrong")
def _(scene: Scene) -> Iterator[None]:
    _goes_by(scene, f"{USER}:", f"{USER}:not-")
    yield


@_database("the URL has no password")
def _(scene: Scene) -> Iterator[None]:
    head, _, tail = scene.environment[_URL].partition(f"{USER}:")
    scene.environment[_URL] = f"{head}{USER}@{tail.partition('@')[2]}"
    yield


@_database("the password in the URL has an @ that is not escaped")
def _(scene: Scene) -> Iterator[None]:
    """What stands behind it is no host, and shown nowhere."""
    _goes_by(scene, "se%2Fcr%25t", f"word@{SECRET_KEY}")
    yield


@_database("there is no such user")
def _(scene: Scene) -> Iterator[None]:
    _goes_by(scene, f"//{USER}:", "//nobody-here:")
    yield


@_database("there is no such database")
def _(scene: Scene) -> Iterator[None]:
    _goes_by(scene, scene.backing.database, "no_such_letters")
    yield


@_database("the database has no tables yet")
def _(scene: Scene) -> Iterator[None]:
    name = f"{scene.backing.database}_new"
    with database(_server(scene), name):
        _goes_by(scene, scene.backing.database, name)
        yield


@_database("the URL asks for TLS, and the server has none")
def _(scene: Scene) -> Iterator[None]:
    _asked(scene, "sslmode=require")
    yield


@_database("the server asks for TLS, and the URL does not")
def _(scene: Scene) -> Iterator[None]:
    server = _server(scene)
    file = server.data / "pg_hba.conf"
    usual = file.read_text()
    file.write_text(usual.replace("host all", "hostssl all"))
    server.execute("SELECT pg_reload_conf()")
    yield
    file.write_text(usual)
    server.execute("SELECT pg_reload_conf()")


for _most in (0, 1, 2):

    @_database(f"the server lets it have {_most} connections")
    def _(scene: Scene, most: int = _most) -> Iterator[None]:
        with _set_to(scene, f"ROLE {USER} CONNECTION LIMIT {most}", "CONNECTION LIMIT -1"):
            yield


@contextmanager
def _set_to(scene: Scene, how: str, usual: str) -> Iterator[None]:
    server = _server(scene)
    server.execute(f"ALTER {how}")
    yield
    server.execute(f"ALTER ROLE {USER} {usual}")


@_database(
    "the user may only read", harmless=lambda command: not command.writes and not _dumps(command)
)
def _(scene: Scene) -> Iterator[None]:
    server, letters = _server(scene), scene.backing.database
    for statement in (
        "CREATE ROLE looks LOGIN PASSWORD 'se/cr%t'",
        "GRANT USAGE ON SCHEMA public TO looks",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO looks",
    ):
        server.execute(statement, letters)
    _goes_by(scene, f"//{USER}:", "//looks:")
    yield
    server.execute("DROP OWNED BY looks", letters)
    server.execute("DROP ROLE looks", letters)


# --- it is set otherwise --------------------------------------------------------------------------


def _role_has(
    name: str, *settings: str, harmless: bool | Callable[[Command], bool] = False
) -> None:
    @_database(name, harmless=harmless, shows_all=harmless is True)
    def _(scene: Scene) -> Iterator[None]:
        server = _server(scene)
        for setting in settings:
            server.execute(f"ALTER ROLE {USER} SET {setting}")
        yield
        server.execute(f"ALTER ROLE {USER} RESET ALL")


_role_has(
    "the database is read-only",
    "default_transaction_read_only = on",
    harmless=lambda command: not command.writes and not command.stays,
)
_role_has("each statement may take a millisecond", "statement_timeout = '1ms'")
_role_has("each lock may be waited for a millisecond", "lock_timeout = '1ms'")
_role_has(
    "its sessions have dates, numbers and text of their own",
    "DateStyle = 'SQL, DMY'",
    "IntervalStyle = 'sql_standard'",
    "TimeZone = 'Asia/Kathmandu'",
    "bytea_output = 'escape'",
    "extra_float_digits = -3",
    "client_encoding = 'LATIN1'",
    harmless=True,
)
_role_has(
    "its transactions are serializable",
    "default_transaction_isolation = 'serializable'",
    harmless=True,
)
_role_has("its sessions have little memory", "work_mem = '64kB'", harmless=True)
_role_has("its sessions look into another schema first", "search_path = 'elsewhere, public'")


for _clock in ("+1h", "-1d"):

    @_database(f"the clock of its server says {_clock}", harmless=True)
    def _(scene: Scene, clock: str = _clock) -> Iterator[None]:
        server = _server(scene)
        wrong = wrong_clock(clock, {})
        server.stop()
        server.start(**wrong)
        yield
        server.stop()
        server.start()


# --- its disk, and others that use it -------------------------------------------------------------


for _kilobytes in (0, 200):

    @_database(f"the disk of its server has {_kilobytes} KB left")
    def _(scene: Scene, left: int = _kilobytes << 10) -> Iterator[None]:
        server, letters = _server(scene), scene.backing.database
        with tempfile.TemporaryDirectory(prefix="newsletter-hostile-disk-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            options = f"size=96m,uid={server.data.stat().st_uid},mode=700"
            must(
                *("mount", "-t", "tmpfs", "-o", options, "tmpfs", name),
                needs="the right to mount a disk",
            )
            try:
                server.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
                server.execute(f"ALTER DATABASE {letters} SET TABLESPACE small")
                ballast = fill(folder, left)
                yield
                ballast.unlink()
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    f"WHERE datname = '{letters}'"
                )
                server.execute(f"ALTER DATABASE {letters} SET TABLESPACE pg_default")
                server.execute("DROP TABLESPACE small")
            finally:
                subprocess.run(["umount", "--lazy", name], check=True)


for _what, _released in (("for two seconds", True), ("and never lets go", False)):

    @_database(
        f"another session locks the tables {_what}", harmless=_released, where=lambda c: c.matters
    )
    def _(scene: Scene, released: bool = _released) -> Iterator[None]:
        with closing(psycopg.connect(scene.stage.url)) as session:
            session.execute("LOCK TABLE sends, subscribers, state IN ACCESS EXCLUSIVE MODE")
            letting_go = threading.Timer(_BREAK_SECONDS, session.rollback)
            if released:
                scene.while_it_runs = lambda _: letting_go.start()
            yield
            if released:
                letting_go.join()
            session.rollback()


@_database("libpq is set up for another server", harmless=True, shows_all=True)
def _(scene: Scene) -> Iterator[None]:
    scene.environment |= {
        "PGHOST": "database.invalid",
        "PGPORT": "9",
        "PGUSER": "somebody",
        "PGPASSWORD": "wrong",
        "PGDATABASE": "other",
        "PGTZ": "Asia/Tokyo",
        "PGCLIENTENCODING": "LATIN1",
    }
    yield


@_database("libpq is told to look for a service that is missing")
def _(scene: Scene) -> Iterator[None]:
    scene.environment["PGSERVICE"] = "nowhere"
    yield


@_database(
    "libpq makes all transactions read-only", harmless=lambda c: not c.writes and not c.stays
)
def _(scene: Scene) -> Iterator[None]:
    scene.environment["PGOPTIONS"] = "-c default_transaction_read_only=on"
    yield
