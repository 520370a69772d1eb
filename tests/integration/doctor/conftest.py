"""One site, one mail server and one nameserver for the tests of a module."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from tests.integration.commandline import ISSUE, write_issue
from tests.integration.conftest import READERS, forget_settings
from tests.integration.doctor.site import DoctoredSite, running_site
from tests.integration.doctor.stage import (
    RECORDS,
    Sickroom,
    ends_soon,
    send_once,
    toml,
    trust,
)
from tests.nameserver import NameServer, nameserver
from tests.pictures import png
from tests.smtp import MailServer
from tests.smtp import running as running_mail

_PICTURE = ISSUE.replace("---\nLooms", "---\n![A loom](loom.png)\n\nLooms")


@pytest.fixture(scope="module")
def site() -> Iterator[DoctoredSite]:
    with running_site() as started:
        yield started


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with running_mail("starttls", ("STARTTLS",)) as started:
        yield started


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with nameserver(RECORDS) as started:
        yield started


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `soon.pem`, and `trusted.pem` that makes all of them trusted."""
    folder = tmp_path_factory.mktemp("tls")
    trust(folder, ends_soon(folder))
    return folder


@pytest.fixture(scope="module")
def well(
    new_project: Path,
    store_of_readers: Path,
    tmp_path_factory: pytest.TempPathFactory,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
) -> Path:
    """A newsletter that has readers, a backup, and one send with a picture behind it."""
    folder = tmp_path_factory.mktemp("well") / "letter"
    shutil.copytree(new_project, folder)
    shutil.copy(store_of_readers, folder / "subscribers" / "newsletter.db")
    (folder / "newsletter.toml").write_text(toml(site, mail, dns), "utf-8")
    write_issue(folder, "2026-01-07-valley.md", _PICTURE)
    (folder / "issues" / "loom.png").write_bytes(png(300, 200))
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        send_once(folder, READERS)
    return folder


@pytest.fixture
def room(
    well: Path,
    tmp_path: Path,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sickroom]:
    """A copy of it, to be broken; what is shared is mended at the end."""
    yield from sickroom(well, tmp_path, site, mail, dns, certificates, monkeypatch)


def sickroom(
    well: Path,
    folder: Path,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sickroom]:
    forget_settings(monkeypatch)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "trusted.pem"))
    shutil.copytree(well, folder / "letter")
    yield Sickroom(folder / "letter", site, mail, dns, monkeypatch)
    port, fresh = site.port, DoctoredSite()
    for field in fields(DoctoredSite):
        setattr(site, field.name, getattr(fresh, field.name))
    site.port = port
    mail.script.clear()
    mail.extensions = ("STARTTLS",)
    dns.records.clear()
    dns.records.update(RECORDS)
    dns.failing.clear()


Break = Callable[[Sickroom], object]
