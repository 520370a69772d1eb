"""The proxies of deploy/proxy before `newsletter serve`: nginx and Caddy as they are documented."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from newsletter.links import Links, load_keys
from newsletter.store import open_store
from tests.factories import link_of
from tests.integration.commandline import fork
from tests.integration.serving import Server, served
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
PROXY = ROOT / "deploy" / "proxy"
CERTIFICATE = ROOT / "tests" / "data" / "tls" / "good.pem"
UPSTREAM = "127.0.0.1:8000"
OWN_HOST, SHARED_HOST = "news.example.com", "www.example.com"
VISITOR = "127.9.9.9"
ONE_CLICK = b"List-Unsubscribe=One-Click"

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


@dataclass(frozen=True)
class Reached:
    """An answer that came through a proxy."""

    status: int
    headers: Message
    body: str


@dataclass(frozen=True)
class Front:
    """A proxy that runs, and the folder with all that it writes."""

    port: int
    folder: Path
    is_tls: bool

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        host: str = SHARED_HOST,
        headers: Mapping[str, str] = {},
    ) -> Reached:
        """From an address of its own, by which the site can tell whether it is believed."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_SECONDS, (VISITOR, 0))
        if self.is_tls:
            context = ssl._create_unverified_context()
            asking = http.client.HTTPSConnection(
                "127.0.0.1",
                self.port,
                timeout=PATIENCE_SECONDS,
                source_address=(VISITOR, 0),
                context=context,
            )
        with closing(asking):
            asking.request(method, path, body, {"Host": host, **headers})
            answer = asking.getresponse()
            return Reached(answer.status, answer.headers, answer.read().decode())

    def written(self) -> str:
        files = [path for path in self.folder.iterdir() if path.is_file()]
        return "".join(path.read_text("utf-8", "replace") for path in files)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def of_nginx(folder: Path, upstream: str, port: int) -> list[str]:
    site = (PROXY / "nginx.conf").read_text("utf-8").replace(UPSTREAM, upstream)
    site = re.sub(r"listen (\[::\]:)?443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;", site)
    site = re.sub(rf"(listen 127.0.0.1:{port} ssl http2;)\s+\1", r"\1", site)
    site = re.sub(r"(ssl_certificate(?:_key)?\s+)\S+;", rf"\1{CERTIFICATE};", site)
    site = site.replace("/var/log/nginx", str(folder))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, site=site), "utf-8")
    return ["nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]


def of_caddy(folder: Path, upstream: str, port: int) -> list[str]:
    site = (PROXY / "Caddyfile").read_text("utf-8").replace(UPSTREAM, upstream)
    for host in (OWN_HOST, SHARED_HOST):
        site = site.replace(f"\n{host} {{", f"\nhttp://{host}:{port} {{")
    site = site.replace("\n{\n", "\n{\n\tadmin off\n\tauto_https off\n", 1)
    (folder / "Caddyfile").write_text(site, "utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


KINDS = {"nginx": of_nginx, "caddy": of_caddy}


@contextmanager
def fronted(kind: str, folder: Path, upstream: str) -> Iterator[Front]:
    if shutil.which(kind, path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip(f"needs Debian's {kind}")
    folder.mkdir()
    port = free_port()
    command = KINDS[kind](folder, upstream, port)
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    environment = {**os.environ, **own, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            front = Front(port, folder, is_tls=kind == "nginx")
            until(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None, front.written()
            yield front
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def letter(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newsletter with readers, whose site is below a path."""
    folder = tmp_path_factory.mktemp("proxies") / "letter"
    shutil.copytree(new_project, folder)
    settings = (folder / "newsletter.toml").read_text("utf-8")
    settings = re.sub(r'base_url = ".*"', f'base_url = "https://{SHARED_HOST}/news"', settings)
    settings += '\n[web]\ntrusted_proxies = ["127.0.0.1"]\n\n[log]\nlevel = "info"\n'
    (folder / "newsletter.toml").write_text(settings, "utf-8")
    done = fork(folder, "subscribers", "import", "subscribers/example.csv", "--list", "readers")
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def site(letter: Path) -> Iterator[Server]:
    with served(letter, "--json") as server:
        yield server


@pytest.fixture(scope="module", params=KINDS)
def front(
    request: pytest.FixtureRequest, site: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("proxy") / "folder"
    with fronted(request.param, folder, urlsplit(site.url).netloc) as front:
        yield front


def leave_path(letter: Path) -> str:
    with closing(open_store(f"sqlite:///{letter}/subscribers/newsletter.db", letter)) as store:
        link = link_of(store, 1, "readers")
    return Links("/news", load_keys(letter)).unsubscribe_url(link)


def test_pages_below_a_path_lead_to_pages_below_it(front: Front) -> None:
    page = front.ask("GET", "/news/subscribe/readers")

    assert page.status == 200
    targets = re.findall(r'(?:href|action|src)="(/[^"]*)"', page.body)
    assert targets
    assert [target for target in targets if not target.startswith("/news/")] == []


def test_the_path_alone_leads_to_the_site(front: Front) -> None:
    answer = front.ask("GET", "/news")

    assert answer.status in (301, 302)
    assert urlsplit(answer.headers["Location"]).path == "/news/"


def test_a_host_of_its_own_has_the_site_at_its_root(front: Front) -> None:
    assert front.ask("GET", "/healthz", host=OWN_HOST).status == 200
    assert front.ask("GET", "/archive/", host=OWN_HOST).status == 200


def test_one_click_unsubscribes_without_a_redirect(front: Front, letter: Path) -> None:
    answer = front.ask(
        "POST",
        leave_path(letter),
        ONE_CLICK,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status == 200
    assert "unsubscribed" in answer.body.lower()


def test_the_site_learns_who_asks_and_believes_no_header_of_theirs(
    front: Front, site: Server
) -> None:
    before = requests_of(site, "/feed.xml")

    front.ask("GET", "/news/feed.xml", headers={"X-Forwarded-For": "203.0.113.7"})

    until(lambda: len(requests_of(site, "/feed.xml")) > len(before))  # logged after the answer
    assert "client=127.9.9.0/24" in requests_of(site, "/feed.xml")[-1]


def requests_of(site: Server, path: str) -> list[str]:
    """The lines of its log, read beside where the server writes."""
    log = os.pread(site.errors.fileno(), 1_000_000, 0).decode()
    return [line for line in log.splitlines(keepends=True) if path in line and line[-1] == "\n"]


def test_the_figures_are_for_this_machine_alone(front: Front, site: Server) -> None:
    assert front.ask("GET", "/news/metrics").status == 404
    assert site.get("/metrics")[0] == 200


def test_a_report_may_be_as_long_as_the_site_takes_it(front: Front) -> None:
    assert front.ask("POST", "/news/hooks/sns", b"x" * 200_000).status not in (413, 502)
    assert front.ask("POST", "/news/hooks/sns", b"x" * 300_000).status == 413


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_gets_into_a_log_of_the_proxy(kind: str, letter: Path, tmp_path: Path) -> None:
    """Not even where the site is away."""
    path = leave_path(letter)
    with fronted(kind, tmp_path / "folder", f"127.0.0.1:{free_port()}") as front:
        assert front.ask("GET", path).status in (502, 504)
        assert front.ask("POST", path, ONE_CLICK).status in (502, 504)

        assert path.rpartition("/")[2] not in front.written()
