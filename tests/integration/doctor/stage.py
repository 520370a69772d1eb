"""A newsletter in which all is well, and ways to break one thing of it."""

import datetime as dt
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.doctor import CheckGroup, CheckLine, CheckVerdict, Outside, examine
from newsletter.doctor.rules import RULES
from newsletter.project import Project, utc_now
from newsletter.safekeeping.record import note_backup
from newsletter.sending import run
from newsletter.store import Store, open_store
from newsletter.transports.memory import Memory
from tests.integration.commandline import plan_send
from tests.integration.doctor.site import TLS, DoctoredSite
from tests.integration.sending import worker
from tests.nameserver import NameServer
from tests.smtp import MailServer
from tests.unit.test_docs import options_of, resolved

DOMAIN = "news.valley.example"
MAIL_FROM = "bounce.news.valley.example"
_GB = 1_000_000_000
RECORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (DOMAIN, "NS"): ("ns.valley.example.",),
    (DOMAIN, "MX"): ("10 mail.valley.example.",),
    (MAIL_FROM, "MX"): ("10 mail.valley.example.",),
    (MAIL_FROM, "TXT"): ('"v=spf1 a:mail.valley.example ~all"',),
    ("_dmarc.valley.example", "TXT"): (
        '"v=DMARC1; p=quarantine; rua=mailto:dmarc@valley.example"',
    ),
}


def toml(site: DoctoredSite, mail: MailServer, dns: NameServer) -> str:
    return f"""\
[newsletter]
name = "Valley News"
language = "en"
timezone = "UTC"
from = "Valley News <letters@{DOMAIN}>"
base_url = "{site.url}"
postal_address = "Valley News, 7 Mill Lane, Valley"
theme = "digest"

[reports]
mail_to = ["editor@valley.example"]

[transport]
kind = "smtp"

[transport.smtp]
host = "127.0.0.1"
port = {mail.port}
tls = "starttls"
bounce_address = "bounces@{MAIL_FROM}"

[dns]
nameservers = ["{dns.address}"]
"""


@dataclass
class Sickroom:
    """One newsletter, and all that it depends on."""

    folder: Path
    site: DoctoredSite
    mail: MailServer
    dns: NameServer
    patch: pytest.MonkeyPatch
    surroundings: Outside = field(
        default_factory=lambda: Outside(
            is_public=lambda _: True, room=lambda _: (100 * _GB, 50 * _GB, 50 * _GB)
        )
    )

    @property
    def settings(self) -> Path:
        return self.folder / "newsletter.toml"

    @property
    def database(self) -> Path:
        return self.folder / "subscribers" / "newsletter.db"

    @property
    def secret(self) -> Path:
        return self.folder / "subscribers" / "secret.key"

    def rewrite(self, old: str, new: str) -> None:
        """Change newsletter.toml."""
        text = self.settings.read_text("utf-8")
        assert old in text
        self.settings.write_text(text.replace(old, new, 1), "utf-8")

    def around(self, **changes: object) -> None:
        """Change what lies outside."""
        self.surroundings = replace(self.surroundings, **changes)  # type: ignore[arg-type]

    def store(self) -> Store:
        return open_store(Project.open(self.folder).settings.store.url, self.folder)

    def with_store(self, change: Callable[[Store], object]) -> None:
        with closing(self.store()) as store:
            change(store)

    def records(self, name: str, kind: str, *texts: str) -> None:
        """Replace the records of a name; TXT is quoted here."""
        self.dns.records[name, kind] = [_quoted(text) if kind == "TXT" else text for text in texts]

    def forget(self, name: str, kind: str) -> None:
        del self.dns.records[name, kind]

    def look(self, groups: tuple[CheckGroup, ...] = ()) -> dict[str, CheckLine]:
        """The worst line of each check."""
        lines = examine(self.folder, groups, self.surroundings)
        return {line.check.id: line for line in sorted(lines, key=lambda one: one.verdict.weight)}


def _quoted(text: str) -> str:
    """A text as a zone file has it, in parts of 255 characters at most."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))


# The groups that are looked at with a check: all that could take its ailment for one of theirs.
_FOLDER = (CheckGroup.PROJECT, CheckGroup.STORE, CheckGroup.MACHINE)
_OUTSIDE = (CheckGroup.SITE, CheckGroup.MACHINE)
_SENDER = (CheckGroup.DOMAIN, CheckGroup.TRANSPORT)
BESIDE: Mapping[CheckGroup, tuple[CheckGroup, ...]] = {
    CheckGroup.PROJECT: _FOLDER,
    CheckGroup.STORE: _FOLDER,
    CheckGroup.MACHINE: _OUTSIDE,
    CheckGroup.SITE: _OUTSIDE,
    CheckGroup.LOOKS: (CheckGroup.LOOKS,),
    CheckGroup.DOMAIN: _SENDER,
    CheckGroup.TRANSPORT: _SENDER,
    CheckGroup.EVENTS: (CheckGroup.EVENTS,),
}
_COMMAND = re.compile(r"(?:^|`|: |then )(newsletter(?: [a-z][a-z-]*)+(?: --?[\w-]+| [A-Z]+\b)*)")


def can_be_typed(cure: str) -> None:
    """Assert that each command of ours in a cure is one."""
    for line in _COMMAND.findall(cure):
        words = line.split()[1:]
        command, rest = resolved(words)
        options = [word for word in rest if word.startswith("-")]
        assert set(options) <= options_of(command), line


@dataclass(frozen=True)
class Ailment:
    """One thing that is wrong, the check that has to say so, words of its cure, and the checks that
    cannot but follow; `*` are all."""

    name: str
    breaks: Callable[[Sickroom], object]
    check: str
    verdict: CheckVerdict
    cure: str
    follow: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def allowed(self) -> set[str]:
        """The checks that may be worse than before; a rule follows those that it stands on."""
        own = {self.check, *self.follow}
        return own | {rule.id for rule in RULES if own & set(rule.stands_on)}


def is_told_apart(room: Sickroom, ailment: Ailment, well: Mapping[str, CheckLine]) -> None:
    """Assert that the doctor names this ailment, its cure, and no other."""
    ailment.breaks(room)

    lines = room.look(BESIDE[well[ailment.check].check.group])

    line = lines[ailment.check]
    assert line.verdict is ailment.verdict, line
    assert ailment.cure in line.diagnosis.cure, line.diagnosis
    can_be_typed(line.diagnosis.cure)
    worse = {
        name: one.diagnosis
        for name, one in lines.items()
        if one.verdict.weight > well[name].verdict.weight
        and name not in ailment.allowed
        and "*" not in ailment.follow
    }
    assert not worse, worse


def send_once(folder: Path, readers: str) -> str:
    """Send the issue that `init` wrote, into memory; returns the send's id."""
    send_id = plan_send(folder, "2026-01-06-welcome", readers)
    with closing(open_store(Project.open(folder).settings.store.url, folder)) as store:
        run.run(worker(store, Memory()), send_id)
        note_backup(store, utc_now())
    return send_id


def ends_soon(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key that ends in five days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ends soon")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=5))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "soon.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def trust(folder: Path, *more: Path) -> Path:
    """All certificates of tests as those of authorities, for SSL_CERT_FILE."""
    bundle = folder / "trusted.pem"
    bundle.write_bytes(b"".join(path.read_bytes() for path in (*sorted(TLS.glob("*.pem")), *more)))
    return bundle


def health(code: int, **said: object) -> tuple[int, str]:
    """An answer of /healthz."""
    return code, json.dumps(said)
