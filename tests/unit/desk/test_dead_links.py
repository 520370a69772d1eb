"""Links and pictures that are asked for: what is said of them, and where no request ever goes."""

import datetime as dt
import http.client
import ipaddress
import json
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, urlsplit

import pytest

from newsletter.desk.prepare import Prepared, prepare
from newsletter.desk.tools.addresses import ask
from newsletter.desk.tools.answers import Answer, AnswerKind, keep_answers, kept_answers
from newsletter.desk.tools.dead_links import ANSWERS, Asking, answer_of, dead_links
from newsletter.model.finding import Finding
from newsletter.network import is_public
from newsletter.project import Project
from tests.endless import endless, endless_look_ups
from tests.unit.lint.examples import FRONT, PROSE
from tests.unit.lint.test_command import SETTINGS

NOW = dt.datetime(2026, 1, 7, 8, 0, tzinfo=dt.UTC)


class Site(BaseHTTPRequestHandler):
    """Answers each path with the status that it names, or sends on to what follows it."""

    asked: ClassVar[Counter[str]] = Counter()
    agents: ClassVar[set[str]] = set()

    def do_HEAD(self) -> None:
        Site.asked[f"{self.command} {self.path}"] += 1
        Site.agents.add(self.headers["User-Agent"])
        status, _, onward = self.path[1:].partition("/")
        onward = onward.replace("%20b", " b").replace("%C3%A9%20", "\xe9%20")
        if status == "405" and self.command == "GET":
            status = "200"
        if status == "close":
            self.close_connection = True
            return
        self.send_response(int(status))
        if status.startswith("3"):
            self.send_header("Location", "/301/loop" if onward == "loop" else onward)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def here(address: object) -> bool:
    """Lets requests go to the server of these tests alone."""
    return str(address) == "127.0.0.1"


def asking() -> Asking:
    return Asking(is_allowed=here, pause=lambda _: None, clock=lambda: NOW)


def test_no_redirect_is_followed_once_the_time_is_over(site: str) -> None:
    found = answer_of(f"{site}/301/loop", "tests", asking(), until=0)

    assert found == Answer(AnswerKind.UNKNOWN, "there was no time to follow its redirects")


def answer(url: str) -> Answer:
    return answer_of(url, "tests", asking())


@pytest.mark.parametrize(
    ("path", "verdict", "detail"),
    [
        ("/200", AnswerKind.ALIVE, ""),
        ("/405", AnswerKind.ALIVE, ""),  # to HEAD; GET is answered
        ("/404", AnswerKind.DEAD, "it answers 404"),
        ("/410", AnswerKind.DEAD, "it answers 410"),
        ("/401", AnswerKind.UNKNOWN, "it answers 401"),
        ("/403", AnswerKind.UNKNOWN, "it answers 403"),
        ("/429", AnswerKind.UNKNOWN, "it answers 429"),
        ("/503", AnswerKind.UNKNOWN, "it answers 503"),
        ("/close", AnswerKind.UNKNOWN, "it did not answer"),
        ("/301//200", AnswerKind.MOVED, "{site}/200"),
        ("/302//404", AnswerKind.DEAD, "it answers 404"),
        ("/302//200/a b", AnswerKind.MOVED, "{site}/200/a%20b"),
        ("/302//200/é%20/?x=1&y=%C3%A9", AnswerKind.MOVED, "{site}/200/%E9%20/?x=1&y=%C3%A9"),
        ("/301/loop", AnswerKind.DEAD, "it is redirected more than 5 times"),
        ("/301/ftp://a.example/", AnswerKind.DEAD, "which is no address of the web"),
        ("/301/http://[::1/", AnswerKind.DEAD, "which is no address of the web"),
        ("/301/http://a.example:99999/", AnswerKind.DEAD, "which is no address of the web"),
    ],
)
def test_what_a_link_answers_is_judged(
    site: str, path: str, verdict: AnswerKind, detail: str
) -> None:
    found = answer(site + quote(path, safe="/?=&%:"))

    assert found.verdict is verdict
    assert detail.format(site=site) in found.detail


def test_a_host_that_does_not_exist_is_dead() -> None:
    found = answer("https://no-such-host.invalid/")

    assert found == Answer(AnswerKind.NO_HOST, "there is no host no-such-host.invalid")


def test_without_a_network_no_link_is_called_dead(project: Project, site: str) -> None:
    """Where nothing is resolved, that says nothing about any host."""
    alone = told(project, "[a](https://no-such-host.invalid/)\n")
    (project.root / ANSWERS).unlink()
    among = told(project, f"[a](https://no-such-host.invalid/)\n\n[b]({site}/200)\n")

    assert [found.rule for found in alone] == ["unknown-link"]
    assert [found.rule for found in among] == ["dead-link"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/200",
        "http://localhost:{port}/200",
        "http://2130706433:{port}/200",
        "http://0x7f.1:{port}/200",
        "http://0177.0.0.1:{port}/200",
        "http://0:{port}/200",
        "http://[::1]:{port}/200",
        "http://[::ffff:127.0.0.1]:{port}/200",
        "http://[::ffff:7f00:1]:{port}/200",
        "http://user@127.0.0.1:{port}/200",
    ],
)
def test_nothing_on_this_machine_is_asked_for_however_it_is_written(site: str, url: str) -> None:
    before = Site.asked.total()

    found = answer_of(
        url.format(port=site.rpartition(":")[2]), "tests", replace(asking(), is_allowed=is_public)
    )

    assert found.verdict is AnswerKind.DEAD
    assert Site.asked.total() == before


def test_a_redirect_to_a_private_address_is_not_followed(site: str) -> None:
    before = Site.asked["HEAD /200"]
    port = site.rpartition(":")[2]

    for host in ("127.0.0.2", "[::1]", "10.0.0.1"):
        found = answer(f"{site}/302/http://{host}:{port}/200")

        assert found.verdict is AnswerKind.DEAD
        assert "no reader reaches it" in found.detail
    assert Site.asked["HEAD /200"] == before


def test_a_name_that_changes_its_address_after_it_was_judged_leads_nowhere_else(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is made to the address that was judged: a name is resolved once a request."""
    port = int(site.rpartition(":")[2])
    real, resolved = socket.getaddrinfo, []

    def rebinding(host: str, *arguments: object, **more: object) -> object:
        if host != "rebind.example":
            return real(host, *arguments, **more)  # type: ignore[arg-type]
        resolved.append(host)
        address = "127.0.0.1" if len(resolved) == 1 else "127.0.0.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    found = answer(f"http://rebind.example:{port}/200")
    again = answer(f"http://rebind.example:{port}/200")

    assert found.verdict is AnswerKind.ALIVE
    assert "no reader reaches it: rebind.example is 127.0.0.9" in again.detail
    assert len(resolved) == 2


def test_a_name_with_one_private_address_among_its_own_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    infos = [(socket.AF_INET, 1, 6, "", (each, 80)) for each in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)

    found = answer_of("http://two.example/", "tests", replace(asking(), is_allowed=is_public))

    assert "two.example is 10.0.0.1" in found.detail


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "127.8.9.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::7f00:1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::"),
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_an_address_that_is_not_of_the_public_network_is_known(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:4700::1", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14"]
)
def test_a_public_address_may_be_asked(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("scheme", "begin", "more"),
    [
        ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("https", b"\x16\x03\x03\x40\x00", b""),  # the beginning of a handshake
    ],
)
def test_an_answer_that_does_not_end_is_broken_off(scheme: str, begin: bytes, more: bytes) -> None:
    # Python 3.14 counts the answers that announce another one.
    broken_off = pytest.raises(
        (TimeoutError, http.client.HTTPException), match=r"not end|timed out|interim responses"
    )
    with endless(begin, more) as port, broken_off:
        ask("HEAD", urlsplit(f"{scheme}://127.0.0.1:{port}/"), "tests", here, seconds=0.5)


def test_a_name_that_nobody_tells_is_left() -> None:
    with endless_look_ups(), pytest.raises(TimeoutError):
        ask("HEAD", urlsplit("http://slow.example/"), "tests", is_public, seconds=0.1)


def test_a_name_is_asked_at_the_address_that_can_be_reached(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine without IPv6."""
    port = int(site.rpartition(":")[2])
    infos = [(socket.AF_INET, 1, 6, "", (each, port)) for each in ("127.0.0.9", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)

    assert (
        ask("HEAD", urlsplit(f"http://two.example:{port}/200"), "t", lambda _: True).status == 200
    )


# --- issues ---------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "newsletter.toml").write_text(SETTINGS)
    (tmp_path / "issues").mkdir()
    return Project.open(tmp_path)


def written(project: Project, body: str) -> Prepared:
    source = FRONT.replace("https://example.com/cover.png", "")
    path = project.root / "issues" / "2026-01-07-links.md"
    path.write_text(source + PROSE.replace("https://example.com/looms", "#looms") + "\n" + body)
    return prepare(project, str(path))


def told(project: Project, body: str) -> list[Finding]:
    return list(dead_links([written(project, body)], project, asking()))


def test_links_and_pictures_are_told_at_their_lines(project: Project, site: str) -> None:
    body = f"[a]({site}/404)\n\n![b]({site}/404/b.png)\n\n[c]({site}/301//200)\n\n[d]({site}/403)\n"

    found = told(project, body)

    assert [(f.rule, f.position.line) for f in found] == [
        ("dead-link", 9),
        ("dead-link", 11),
        ("moved-link", 13),
        ("unknown-link", 15),
    ]
    assert found[2].fix == f"Write {site}/200."


def test_a_link_is_asked_for_once_wherever_it_stands(project: Project, site: str) -> None:
    """And a fragment is none of the server's business."""
    Site.asked.clear()

    found = told(project, f"[a]({site}/404/x)\n\n[b]({site}/404/x#part)\n")

    assert [f.position.line for f in found] == [9, 11]
    assert Site.asked == {"HEAD /404/x": 1, "GET /404/x": 1}


def test_a_server_learns_who_asks(project: Project, site: str) -> None:
    Site.agents.clear()

    told(project, f"[a]({site}/200/agent)\n")

    (agent,) = Site.agents
    assert agent.startswith("newsletter-lint/")
    assert "+https://news.example.com" in agent


def test_an_answer_is_kept_for_a_day(project: Project, site: str) -> None:
    issue = written(project, f"[a]({site}/301//200)\n")
    list(dead_links([issue], project, asking()))
    Site.asked.clear()

    soon = replace(asking(), clock=lambda: NOW + dt.timedelta(hours=23))
    late = replace(asking(), clock=lambda: NOW + dt.timedelta(hours=25))
    assert [f.rule for f in dead_links([issue], project, soon)] == ["moved-link"]
    assert Site.asked.total() == 0
    list(dead_links([issue], project, late))
    assert Site.asked.total() == 2


def test_what_is_in_doubt_is_kept_for_an_hour(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "links.json"
    doubted = {
        "https://a.example": Answer(AnswerKind.UNKNOWN, "x"),
        "b": Answer(AnswerKind.DEAD, "y"),
    }
    keep_answers(path, doubted | {"c": Answer(AnswerKind.ALIVE)}, NOW)

    assert kept_answers(path, NOW + dt.timedelta(minutes=59)).keys() == {*doubted, "c"}
    assert kept_answers(path, NOW + dt.timedelta(minutes=61)).keys() == {"c"}
    assert kept_answers(path, NOW - dt.timedelta(minutes=1)) == {}


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["b", "c", "d"]}', "\xff"])
def test_answers_that_cannot_be_read_are_asked_for_again(tmp_path: Path, content: str) -> None:
    path = tmp_path / "links.json"
    path.write_bytes(content.encode("latin-1"))

    assert kept_answers(path, NOW) == {}
    keep_answers(path, {"a": Answer(AnswerKind.ALIVE)}, NOW)
    assert json.loads(path.read_text()).keys() == {"a"}


def test_a_server_has_a_second_between_two_requests(project: Project, site: str) -> None:
    """One answers at once, the others at the ends of the seconds that follow."""
    pauses: list[float] = []
    polite = replace(asking(), pause=pauses.append)
    body = "".join(f"[{n}]({site}/200/turn{n})\n\n" for n in range(4))

    list(dead_links([written(project, body)], project, polite))

    assert sorted(map(round, pauses)) == [1, 2, 3]


def test_what_there_was_no_time_to_ask_for_is_told(project: Project, site: str) -> None:
    issue = written(project, f"[a]({site}/200/late)\n")

    (found,) = dead_links([issue], project, replace(asking(), all_seconds=-1))

    assert (found.rule, "no time" in found.message) == ("unknown-link", True)
    assert not (project.root / ANSWERS).exists()


def test_a_server_that_says_nothing_again_and_again_is_left_alone(
    project: Project, site: str
) -> None:
    Site.asked.clear()

    found = told(project, "".join(f"[{n}]({site}/429/{n})\n\n" for n in range(9)))

    assert Site.asked.total() == 3
    assert [f.rule for f in found] == ["unknown-link"] * 9
    assert "was left alone" in found[-1].message


def test_all_names_of_a_server_have_their_turns_together(project: Project, site: str) -> None:
    pauses: list[float] = []
    polite = replace(asking(), pause=pauses.append)
    port = site.rpartition(":")[2]
    hosts = ("localhost", "LOCALHOST", "user@localhost", "localhost.")
    body = "".join(f"[{n}](http://{host}:{port}/200/{n})\n\n" for n, host in enumerate(hosts))

    list(dead_links([written(project, body)], project, polite))

    assert sorted(map(round, pauses)) == [1, 2, 3]


def test_who_interrupts_waits_for_no_server(project: Project, site: str) -> None:
    """And what was answered until then is kept."""
    is_over = threading.Event()

    def interrupt(_: float) -> None:
        is_over.wait(0.2)  # until the first answer is at hand
        os.kill(os.getpid(), signal.SIGINT)
        is_over.wait()

    issue = written(project, f"[a]({site}/200/a)\n\n[b]({site}/200/b)\n")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(dead_links([issue], project, replace(asking(), pause=interrupt)))
    finally:
        signal.signal(signal.SIGINT, before)

    assert json.loads((project.root / ANSWERS).read_text()).keys() == {f"{site}/200/a"}
    is_over.set()


def test_nobody_waits_for_a_server_once_the_time_is_over(project: Project, site: str) -> None:
    is_over = threading.Event()
    issue = written(project, f"[a]({site}/200/a)\n\n[b]({site}/200/b)\n")

    def wait(_: float) -> None:
        is_over.wait()

    (found,) = dead_links([issue], project, replace(asking(), pause=wait, all_seconds=0.5))

    assert (found.rule, "no time" in found.message) == ("unknown-link", True)
    is_over.set()
