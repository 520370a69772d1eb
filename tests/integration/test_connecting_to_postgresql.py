"""The first time that somebody points a newsletter at PostgreSQL, and it does not work."""

import datetime as dt
import shlex
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.store import open_store, upgrade
from newsletter.store.engine import driver_connection
from tests.integration.commandline import Answer, Call, fork
from tests.integration.server import PASSWORD, USER, Server, running

VARIABLE = "NEWSLETTER_STORE__URL"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("runtime")) as started:
        yield started


def refused(call: Call, monkeypatch: pytest.MonkeyPatch, url: str) -> Answer:
    """What a command says about a URL that comes from the environment; both kinds say the same."""
    monkeypatch.setenv(VARIABLE, url)
    upgrading, reading = call("db", "upgrade", "--json"), call("sends", "--json")
    assert upgrading.out == reading.out
    assert upgrading.code == reading.code
    return reading


@pytest.mark.postgresql
def test_the_forms_of_a_role_and_of_libpq_are_not_ours(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    """Dates, bytes and letters are read and written as ever."""
    settings = ("DateStyle = 'SQL, DMY'", "bytea_output = 'escape'", "client_encoding = 'LATIN1'")
    for setting in settings:
        server.execute(f"ALTER ROLE {USER} SET {setting}")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    upgrade(server.url(), Path())

    with closing(open_store(server.url(), Path())) as store, store.read() as connection:
        values = connection.execute(sa.text("SELECT now(), '\\x00ff'::bytea, '读者'")).one()
    server.execute(f"ALTER ROLE {USER} RESET ALL")

    assert isinstance(values[0], dt.datetime)
    assert values[1:] == (b"\x00\xff", "读者")


@pytest.mark.postgresql
@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres", "POSTGRES"])
def test_every_spelling_of_postgresql_is_the_same(
    call: Call, monkeypatch: pytest.MonkeyPatch, server: Server, scheme: str
) -> None:
    monkeypatch.setenv(VARIABLE, server.url().replace("postgresql", scheme, 1))

    assert call("db", "upgrade").code == 0
    assert call("sends", "--json").code == 0


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("old", "new", "message", "advice"),
    [
        ("se%2Fcr%25t", "wrongword", "refuses the user 'news': password auth", "%40 for @"),
        (":se%2Fcr%25t@", "@", "wants a password for the user 'news': ", "Put it into the URL"),
        ("news:se%2Fcr%25t@", "", "wants a password for the user of this system: ", "the URL, as"),
        ("/letters", "/nothere", "has no database 'nothere': ", "or make it: createdb"),
        ("/letters", "/letters?sslmode=require", "refuses the connection over TLS", "sslmode="),
        ("/letters", "/letters?nosuch=1", "an invalid option: ", "follows the ?"),
        ("/letters", "/letters?sslmode=maybe", "an invalid option: ", "follows the ?"),
        ("/letters", "/letters?options=-c%20nosuch%3D1", "refuses the options", "PGOPTIONS"),
        ("{port}", "1", "nobody listens at 127.0.0.1:1: ", "Start PostgreSQL there"),
        ("127.0.0.1", "nohost.invalid", "there is no host 'nohost.invalid': ", "Correct the host"),
        ("news:", "nobody:", "refuses the user 'nobody': ", "Correct user and password"),
    ],
)
def test_each_way_not_to_get_in_is_told_apart(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
    old: str,
    new: str,
    message: str,
    advice: str,
) -> None:
    url = server.url().replace(old.replace("{port}", str(server.port)), new)

    answer = refused(call, monkeypatch, url)

    error = answer.error
    assert answer.code == 1
    assert message in error["message"]
    assert error["where"] == VARIABLE
    assert advice in error["hint"]
    assert "verify" not in error["hint"]
    words = error["message"].rpartition(": ")[2]
    assert words
    assert error["message"].count(words) == 1
    assert "\n" not in error["message"]
    for secret in (PASSWORD, "se%2Fcr%25t", "wrongword"):
        assert secret not in answer.out + answer.err


@pytest.mark.parametrize(
    ("url", "message", "advice"),
    [
        ("?connect_timeout=soon", "holds an invalid option: ", "follows the ?"),
        ("?keepalives=maybe", "holds an invalid option: ", "follows the ?"),
        ("?sslmode=maybe", "holds an invalid option: ", "follows the ?"),
        (":99999", "names no port: ", "Correct the port"),
        ("/nowhere", "nobody listens at /nowhere: ", "Start PostgreSQL"),
        ("", "nobody listens at the socket of this machine: ", "Start PostgreSQL"),
    ],
)
def test_a_url_that_no_server_could_answer_is_told(
    call: Call, monkeypatch: pytest.MonkeyPatch, url: str, message: str, advice: str
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    if url.startswith(("?", ":")):
        port, _, options = url.partition("?")
        url = f"postgresql://news:{PASSWORD}@127.0.0.1{port or ':1'}/letters?{options}"
    else:
        url = f"postgresql:///letters?host={url}" if url else "postgresql:///letters?port=1"

    error = refused(call, monkeypatch, url).error

    assert message in error["message"]
    assert advice in error["hint"]
    assert PASSWORD not in error["message"] + error["hint"]


def shown(url: str, *names: str) -> list[str]:
    """What settings a transaction of a store goes by."""
    with closing(open_store(url, Path())) as store, store.read() as connection:
        return [connection.execute(sa.text(f"SHOW {name}")).scalar_one() for name in names]


@pytest.mark.postgresql
@pytest.mark.parametrize("name", ["nothere", "not here", "o'clock"])
def test_a_database_that_is_missing_is_made_where_it_was_looked_for(
    call: Call, monkeypatch: pytest.MonkeyPatch, server: Server, name: str
) -> None:
    """Without the options of its URL, `createdb` makes it on another server, or for another."""
    url = server.url(database=name.replace(" ", "%20"))

    answer = refused(call, monkeypatch, url)

    command = answer.error["hint"].partition("make it: ")[2]
    given = ["-h", "127.0.0.1", "-p", str(server.port), "-U", USER]
    assert shlex.split(command) == ["createdb", *given, name]


@pytest.mark.postgresql
def test_the_server_is_told_to_look_for_its_client_and_to_end_what_is_idle(server: Server) -> None:
    upgrade(server.url(), Path())

    assert shown(
        server.url(),
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "tcp_user_timeout",
        "tcp_keepalives_idle",
        "application_name",
    ) == ["30s", "30s", "30000", "10", "newsletter"]


@pytest.mark.postgresql
def test_what_the_url_says_takes_precedence(server: Server) -> None:
    upgrade(server.url(), Path())
    options = "-c%20lock_timeout%3D5s%20-c%20idle_in_transaction_session_timeout%3D7s"
    url = f"{server.url()}?options={options}&tcp_user_timeout=9000&application_name=letters"

    names = ("lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    with closing(open_store(url, Path())) as store, store.read() as connection:
        parameters = driver_connection(connection).info.get_parameters()

    assert shown(url, *names) == ["5s", "7s", "letters"]
    assert parameters["tcp_user_timeout"] == "9000"
    assert parameters["keepalives_idle"] == "10"


def test_the_file_is_named_where_the_url_stands_there(call: Call, project: Path) -> None:
    settings = project / "newsletter.toml"
    text = settings.read_text("utf-8").replace(
        "sqlite:///subscribers/newsletter.db", "postgresql://news@127.0.0.1:1/letters"
    )
    settings.write_text(text, "utf-8")

    error = call("sends", "--json").error

    assert error["where"] == "newsletter.toml, [store] url"
    assert "nobody listens at 127.0.0.1:1" in error["message"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://news:p@ss@127.0.0.1/news",
        "postgres://news:p@ss@127.0.0.1:5432/news",
        "postgresql://news:p@s@s@db.example.com/news?sslmode=require",
        "postgresql://ne@ws:pass@127.0.0.1/news",
        "postgresql://news:pa@ss/wo@127.0.0.1/news",
    ],
)
def test_an_at_sign_that_is_not_escaped_is_told_as_such(
    call: Call, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    answer = refused(call, monkeypatch, url)

    assert answer.code == 2
    assert "holds an @ that is not escaped" in answer.error["message"]
    assert "%40" in answer.error["hint"]
    assert answer.error["where"] == VARIABLE
    for part in ("ss@", "p@s", "127.0.0.1", "example.com"):
        assert part not in answer.out + answer.err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://news:pa#ss/wd@127.0.0.1:port/news",
        "postgresql://news:secret@127.0.0.1:70x/news",
        "mysql://news:secret@127.0.0.1/news",
        "secret",
        "news:secret@127.0.0.1/news",
    ],
)
def test_what_is_no_url_is_not_shown(call: Call, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    answer = refused(call, monkeypatch, url)

    assert answer.code == 2
    assert answer.error["where"] == VARIABLE
    for part in ("secret", "pa#ss", "wd@"):
        assert part not in answer.out + answer.err


@pytest.mark.parametrize("url", ["postgresql://news:secret@127.0.0.1/news", "postgres://x/news"])
def test_a_missing_driver_is_told_with_the_command_that_installs_it(
    project: Path, url: str
) -> None:
    """In a process where psycopg cannot be imported, as where the extra was not installed."""
    without = partial(exec, "import sys; sys.modules['psycopg'] = None", {})

    answer = fork(project, "sends", environment={VARIABLE: url}, first=without)

    assert answer.code == 2
    assert "NEWSLETTER_STORE__URL" in answer.err
    assert "the extra `postgresql`" in answer.err
    assert "pip install 'newsletter-press[postgresql]'" in answer.err
    assert "secret" not in answer.err
