"""Each thing that can be wrong is told apart, with the cure for it and for nothing else."""

import datetime as dt
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.doctor import CheckLine, CheckVerdict
from newsletter.project import utc_now
from newsletter.store import maintenance
from tests.integration.doctor.conftest import Break, sickroom
from tests.integration.doctor.site import TLS, DoctoredSite
from tests.integration.doctor.stage import (
    DOMAIN,
    MAIL_FROM,
    Ailment,
    Sickroom,
    health,
    is_told_apart,
)
from tests.integration.reporting import BOUNCE, COMPLAINT, event, replay
from tests.nameserver import NameServer
from tests.smtp import MailServer

WARN, FAIL = CheckVerdict.WARN, CheckVerdict.FAIL
DMARC = "_dmarc.valley.example"
BIMI = f"default._bimi.{DOMAIN}"
SPF = "v=spf1 a:mail.valley.example"


def sql(*statements: str) -> Break:
    def change(room: Sickroom) -> None:
        with closing(sqlite3.connect(room.database)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return change


def setting(old: str, new: str) -> Break:
    return lambda room: room.rewrite(old, new)


def txt(name: str, *texts: str) -> Break:
    return lambda room: room.records(name, "TXT", *texts)


def mode(name: str, bits: int) -> Break:
    return lambda room: (room.folder / name).chmod(bits)


def reported(name: str) -> Break:
    """All three readers of the last send are reported about."""

    def change(room: Sickroom) -> None:
        with closing(sqlite3.connect(room.database)) as connection:
            [send_id] = connection.execute("SELECT id FROM sends").fetchone()
        texts = [event(send_id, number, name) for number in (1, 2, 3)]
        room.with_store(lambda store: replay(store, *texts, now=utc_now()))

    return change


def track_the_secret(room: Sickroom) -> None:
    for arguments in (["init", "-q"], ["add", "-f", "subscribers/secret.key"]):
        subprocess.run(["git", *arguments], cwd=room.folder, check=True)


def restore_a_copy(room: Sickroom) -> None:
    copy = room.folder / "copy.db"
    room.with_store(lambda store: maintenance.copy_into(store, copy, utc_now()))
    for ending in ("-wal", "-shm"):
        room.database.with_name(room.database.name + ending).unlink(missing_ok=True)
    shutil.move(copy, room.database)


def unknown_report(room: Sickroom) -> None:
    taken_at = int((utc_now() - dt.timedelta(hours=1)).timestamp() * 1_000_000)
    sql(f"UPDATE sends SET report_taken_at = {taken_at}")(room)


def close_the_store(room: Sickroom) -> None:
    sql(
        "CREATE TRIGGER no_more BEFORE INSERT ON state "
        "BEGIN SELECT RAISE(ABORT, 'it takes no more'); END"
    )(room)


def break_a_theme(room: Sickroom) -> None:
    folder = room.folder / "templates" / "digest"
    folder.mkdir(parents=True)
    (folder / "email.mjml.j2").write_text("{% broken %}", "utf-8")


def on_a_network(room: Sickroom) -> None:
    mounts = room.folder / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {room.folder} nfs4 rw 0 0\n", "utf-8")
    room.around(mounts=mounts)


def many_includes(room: Sickroom) -> None:
    names = [f"spf{number}.valley.example" for number in range(11)]
    room.records(MAIL_FROM, "TXT", "v=spf1 " + " ".join(f"include:{n}" for n in names) + " ~all")
    for name in names:
        room.records(name, "TXT", "v=spf1 ip4:192.0.2.1 ~all")


def redirects(room: Sickroom) -> None:
    room.site.health, room.site.location = (301, ""), "https://www.valley.example/"


def bounces_to_the_sender(room: Sickroom) -> None:
    room.rewrite(f'bounce_address = "bounces@{MAIL_FROM}"', "")
    room.records(DOMAIN, "TXT", f"{SPF} ~all")


def strict_spf(room: Sickroom) -> None:
    room.records(DMARC, "TXT", "v=DMARC1; p=reject; aspf=s; rua=mailto:dmarc@valley.example")


def organisation_of_its_own(room: Sickroom) -> None:
    """`psd=n` ends the walk: the news are of another organisation than what is above."""
    room.records(
        f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=reject; psd=n; rua=mailto:dmarc@valley.example"
    )
    room.rewrite(f"bounces@{MAIL_FROM}", "bounces@bounce.valley.example")
    room.records("bounce.valley.example", "TXT", f"{SPF} ~all")
    room.records("bounce.valley.example", "MX", "10 mail.valley.example.")


STORE_GONE = (
    *("store-write", "store-integrity", "store-restored", "backup", "lists", "sends-waiting"),
    *("report-mails", "complaint-rate", "bounce-rate", "pictures", "file-modes"),
)
NO_DMARC = ("dmarc-policy", "dmarc-tags", "dmarc-reports")
NO_SPF = ("spf-lookups", "spf-all")
AT_DMARC = "v=DMARC1; p=quarantine; rua=mailto:d@valley.example"

AILMENTS = (
    # --- the newsletter's folder
    Ailment(
        "an unknown key",
        setting("[dns]", "[dns]\nnameserver = 1"),
        "configuration",
        FAIL,
        "docs/settings.md",
        ("*",),
    ),
    Ailment("no TOML", setting("[dns]", "[dns"), "configuration", FAIL, "Mend the line", ("*",)),
    Ailment(
        "a sample address",
        setting("Valley News, 7 Mill Lane, Valley", "Newsletter, 1 Example Street, 00000 Example"),
        "identity",
        FAIL,
        "[newsletter]",
    ),
    Ailment(
        "no secret",
        lambda room: room.secret.unlink(),
        "secret",
        FAIL,
        "bring back its key",
        ("secret-mode", "one-click", "secrets-in-git"),
    ),
    Ailment(
        "a short secret",
        lambda room: room.secret.write_text("short\n"),
        "secret",
        FAIL,
        "secrets.token_urlsafe",
        ("one-click",),
    ),
    Ailment(
        "a secret for all to read",
        mode("subscribers/secret.key", 0o644),
        "secret-mode",
        FAIL,
        "chmod -R go= /",
    ),
    Ailment(
        "a store for all to read",
        mode("subscribers/newsletter.db", 0o664),
        "file-modes",
        WARN,
        "newsletter.db",
    ),
    Ailment(
        "files of another user",
        lambda room: room.around(user=os.geteuid() + 1),
        "owners",
        WARN,
        "sudo chown -R",
    ),
    Ailment(
        "a secret in git",
        track_the_secret,
        "secrets-in-git",
        FAIL,
        "git rm --cached subscribers/secret.key",
    ),
    Ailment(
        "no place for the generation",
        lambda room: room.rewrite("[dns]", '[store]\nstate = "newsletter.toml/generation"\n[dns]'),
        "generation-file",
        FAIL,
        "chmod u+wx",
    ),
    # --- the store
    Ailment(
        "no store",
        lambda room: room.database.unlink(),
        "store",
        FAIL,
        "newsletter db upgrade",
        STORE_GONE,
    ),
    Ailment(
        "an older store",
        sql("UPDATE alembic_version SET version_num = '0003'"),
        "store",
        FAIL,
        "newsletter db upgrade",
        STORE_GONE,
    ),
    Ailment(
        "a newer store",
        sql("UPDATE alembic_version SET version_num = '9999'"),
        "store",
        FAIL,
        "Use the version of newsletter",
        STORE_GONE,
    ),
    Ailment(
        "no database",
        lambda room: room.database.write_bytes(b"no database" * 999),
        "store",
        FAIL,
        "",
        STORE_GONE,
    ),
    Ailment(
        "a store that is away",
        setting("[dns]", '[store]\nurl = "postgresql://news@127.0.0.1:1/letters"\n[dns]'),
        "store",
        FAIL,
        "",
        (*STORE_GONE, "local-disk"),
    ),
    Ailment("a store that takes no writes", close_the_store, "store-write", FAIL, "[store] url"),
    Ailment(
        "a ledger out of balance",
        sql("DELETE FROM deliveries WHERE number = 3"),
        "store-integrity",
        FAIL,
        "newsletter db verify",
    ),
    Ailment(
        "a restored store",
        restore_a_copy,
        "store-restored",
        FAIL,
        "newsletter db adopt",
        ("file-modes",),
    ),
    Ailment(
        "no backup",
        sql("DELETE FROM state WHERE name = 'backed_up_at'"),
        "backup",
        WARN,
        "newsletter db backup",
    ),
    Ailment(
        "an old backup",
        sql("UPDATE state SET value = 1790000000000000 WHERE name = 'backed_up_at'"),
        "backup",
        WARN,
        "newsletter db backup",
    ),
    Ailment(
        "no reader",
        sql("UPDATE subscriptions SET status = 'pending'"),
        "lists",
        WARN,
        "newsletter subscribers import",
    ),
    Ailment(
        "a paused send",
        sql("UPDATE sends SET status = 'paused'"),
        "sends-waiting",
        WARN,
        "newsletter resume 2",
    ),
    Ailment(
        "a report that nobody knows to be mailed",
        unknown_report,
        "report-mails",
        WARN,
        "newsletter report 2",
    ),
    Ailment(
        "complaints", reported(COMPLAINT), "complaint-rate", FAIL, "newsletter subscribers stats"
    ),
    Ailment("hard bounces", reported(BOUNCE), "bounce-rate", FAIL, "newsletter subscribers stats"),
    # --- the machine
    Ailment(
        "a clock that is ten minutes slow",
        lambda room: room.around(clock=lambda: utc_now() - dt.timedelta(minutes=10)),
        "clock",
        FAIL,
        "timedatectl set-ntp true",
    ),
    Ailment(
        "a clock that is a minute fast",
        lambda room: room.around(clock=lambda: utc_now() + dt.timedelta(minutes=1)),
        "clock",
        WARN,
        "timedatectl set-ntp true",
    ),
    Ailment(
        "a full disk",
        lambda room: room.around(room=lambda _: (10**9, 10**9, 5)),
        "disk",
        FAIL,
        "Make room",
    ),
    Ailment(
        "a disk that fills up",
        lambda room: room.around(room=lambda _: (10**11, 10**11, 5 * 10**8)),
        "disk",
        WARN,
        "Make room",
    ),
    Ailment(
        "a store on a network",
        on_a_network,
        "local-disk",
        FAIL,
        "copy its files to a disk of this machine",
    ),
    # --- looks
    Ailment(
        "an unknown theme",
        setting('theme = "digest"', 'theme = "digets"'),
        "theme",
        FAIL,
        "digest",
        ("brand",),
    ),
    Ailment("a broken theme", break_a_theme, "theme", FAIL, "", ()),
    Ailment(
        "a missing logo",
        setting("[dns]", '[brand]\nlogo = "logo.png"\n[dns]'),
        "brand",
        FAIL,
        "",
        ("theme",),
    ),
    Ailment(
        "pictures that are not passed on",
        lambda room: setattr(room.site, "picture", (404, "text/html")),
        "pictures",
        FAIL,
        "/media/",
        (),
    ),
    # --- the site
    Ailment(
        "a site on a private network",
        lambda room: room.around(is_public=lambda _: False),
        "site-name",
        FAIL,
        "base_url",
    ),
    Ailment(
        "a host without a name",
        setting("127.0.0.1", "no-such-host.invalid"),
        "site-name",
        FAIL,
        "base_url",
        ("pictures", "tls", "site", "one-click", "clock"),
    ),
    Ailment(
        "a site without TLS",
        setting("https://127", "http://127"),
        "tls",
        FAIL,
        "https://",
        ("pictures", "site", "one-click", "clock"),
    ),
    Ailment(
        "an expired certificate",
        lambda room: setattr(room.site, "certificate", TLS / "expired.pem"),
        "tls",
        FAIL,
        "certbot renew",
        ("pictures", "site", "one-click", "clock"),
    ),
    Ailment(
        "the certificate of another host",
        lambda room: setattr(room.site, "certificate", TLS / "other-host.pem"),
        "tls",
        FAIL,
        "certbot renew",
        ("pictures", "site", "one-click", "clock"),
    ),
    Ailment(
        "a certificate that ends soon",
        lambda room: setattr(
            room.site, "certificate", Path(os.environ["SSL_CERT_FILE"]).with_name("soon.pem")
        ),
        "tls",
        WARN,
        "certbot renew",
    ),
    Ailment(
        "nobody at the site",
        lambda room: room.rewrite(room.site.url, "https://127.0.0.1:1"),
        "site",
        FAIL,
        "newsletter serve",
        ("pictures", "tls", "one-click", "clock"),
    ),
    Ailment(
        "another program at the site",
        lambda room: setattr(room.site, "health", (200, "<html>")),
        "site",
        FAIL,
        "base_url",
    ),
    Ailment(
        "a site without its store",
        lambda room: setattr(room.site, "health", health(503, status="failing")),
        "site",
        FAIL,
        "Restart it",
    ),
    Ailment(
        "side work that fails",
        lambda room: setattr(
            room.site, "health", health(200, status="degraded", troubles={"mailer": {}})
        ),
        "site",
        WARN,
        "Restart it",
    ),
    Ailment(
        "a site that redirects",
        redirects,
        "site",
        FAIL,
        "without a redirect",
    ),
    Ailment(
        "another secret at the site",
        lambda room: setattr(room.site, "one_click", 404),
        "one-click",
        FAIL,
        "secret.key",
    ),
    Ailment(
        "a POST that is redirected",
        lambda room: setattr(room.site, "one_click", 302),
        "one-click",
        FAIL,
        "without a redirect",
    ),
    Ailment(
        "a login before the site",
        lambda room: setattr(room.site, "one_click", 401),
        "one-click",
        FAIL,
        "without a login",
    ),
    # --- the domain
    Ailment(
        "nameservers that do not answer",
        setting("[dns]\nnameservers", '[dns]\nnameservers = ["127.0.0.1:9"]\n[feeds]\nurls'),
        "dns",
        FAIL,
        "[dns] nameservers",
        ("replies", "spf", *NO_SPF, "mail-exchange", "dmarc", *NO_DMARC, "spf-alignment", "bimi"),
    ),
    Ailment(
        "one name that gets no answer",
        lambda room: room.dns.failing.add(BIMI),
        "bimi",
        WARN,
        "Try again",
    ),
    Ailment(
        "a sender that takes no replies",
        lambda room: room.forget(DOMAIN, "MX"),
        "replies",
        WARN,
        f"{DOMAIN}. MX",
    ),
    Ailment(
        "a null MX", lambda room: room.records(DOMAIN, "MX", "0 ."), "replies", WARN, "reply_to"
    ),
    Ailment(
        "no SPF",
        lambda room: room.forget(MAIL_FROM, "TXT"),
        "spf",
        FAIL,
        f'{MAIL_FROM}. TXT "v=spf1',
        NO_SPF,
    ),
    Ailment(
        "two SPF records",
        txt(MAIL_FROM, f"{SPF} ~all", "v=spf1 mx ~all"),
        "spf",
        FAIL,
        "v=spf1",
        NO_SPF,
    ),
    Ailment(
        "a word that SPF does not know",
        txt(MAIL_FROM, "v=spf1 includes:x.example ~all"),
        "spf",
        FAIL,
        "v=spf1",
    ),
    Ailment("eleven look-ups", many_includes, "spf-lookups", FAIL, "Take out an include"),
    Ailment(
        "an include that is gone",
        txt(MAIL_FROM, f"{SPF} include:gone.example ~all"),
        "spf-lookups",
        FAIL,
        "Take it out",
    ),
    Ailment("+all", txt(MAIL_FROM, f"{SPF} +all"), "spf-all", FAIL, "~all"),
    Ailment("?all", txt(MAIL_FROM, f"{SPF} ?all"), "spf-all", WARN, "~all"),
    Ailment("no all", txt(MAIL_FROM, SPF), "spf-all", WARN, "~all"),
    Ailment(
        "nowhere for bounces",
        lambda room: room.forget(MAIL_FROM, "MX"),
        "mail-exchange",
        FAIL,
        f"{MAIL_FROM}. MX",
    ),
    Ailment(
        "no DMARC",
        lambda room: room.forget(DMARC, "TXT"),
        "dmarc",
        FAIL,
        '"v=DMARC1; p=',
        (*NO_DMARC, "spf-alignment"),
    ),
    Ailment(
        "two DMARC records",
        txt(DMARC, AT_DMARC, "v=DMARC1; p=none"),
        "dmarc",
        FAIL,
        "v=DMARC1",
        (*NO_DMARC, "spf-alignment"),
    ),
    Ailment(
        "a policy that is none",
        txt(DMARC, "v=DMARC1; p=rejct; rua=mailto:d@valley.example"),
        "dmarc",
        FAIL,
        "v=DMARC1",
        ("dmarc-policy",),
    ),
    Ailment(
        "p=none",
        txt(DMARC, "v=DMARC1; p=none; rua=mailto:d@valley.example"),
        "dmarc-policy",
        WARN,
        "p=quarantine",
    ),
    Ailment(
        "no p",
        txt(DMARC, "v=DMARC1; rua=mailto:d@valley.example"),
        "dmarc-policy",
        WARN,
        "p=quarantine",
    ),
    Ailment("t=y", txt(DMARC, f"{AT_DMARC}; t=y"), "dmarc-policy", WARN, "t=y"),
    Ailment("pct", txt(DMARC, f"{AT_DMARC}; pct=50"), "dmarc-tags", WARN, "Take pct"),
    Ailment("a misspelt tag", txt(DMARC, f"{AT_DMARC}; adkm=s"), "dmarc-tags", WARN, "spelling"),
    Ailment("no reports", txt(DMARC, "v=DMARC1; p=reject"), "dmarc-reports", WARN, "rua="),
    Ailment("strict alignment", strict_spf, "spf-alignment", FAIL, "aspf=r"),
    Ailment(
        "another organisation", organisation_of_its_own, "spf-alignment", FAIL, f"bounce.{DOMAIN}"
    ),
    Ailment(
        "a BIMI record without a logo",
        txt(BIMI, "v=BIMI1; l=http://valley.example/l.png"),
        "bimi",
        WARN,
        "l=https://",
    ),
    Ailment("two BIMI records", txt(BIMI, "v=BIMI1; l=", "v=BIMI1; a="), "bimi", WARN, "Leave one"),
    # --- the mail server
    Ailment(
        "no mail server",
        lambda room: room.rewrite(f"port = {room.mail.port}", "port = 1"),
        "mail-server",
        FAIL,
        "[transport.smtp]",
    ),
    Ailment(
        "a mail server without TLS",
        lambda room: setattr(room.mail, "extensions", ()),
        "mail-server",
        FAIL,
        "",
    ),
    Ailment(
        "mail in the clear",
        setting('tls = "starttls"', 'tls = "none"'),
        "mail-server-tls",
        WARN,
        "starttls",
    ),
    Ailment(
        "no address for bounces",
        bounces_to_the_sender,
        "bounce-address",
        WARN,
        "bounce_address",
    ),
)


@pytest.fixture(scope="module")
def lines_of_the_well(
    well: Path,
    tmp_path_factory: pytest.TempPathFactory,
    site: DoctoredSite,
    mail: MailServer,
    dns: NameServer,
    certificates: Path,
) -> Mapping[str, CheckLine]:
    folder = tmp_path_factory.mktemp("looked-at")
    with pytest.MonkeyPatch.context() as patch:
        for room in sickroom(well, folder, site, mail, dns, certificates, patch):
            return room.look()
    raise AssertionError


@pytest.mark.parametrize("ailment", AILMENTS, ids=str)
def test_each_ailment_is_told_apart_with_its_cure(
    room: Sickroom, lines_of_the_well: Mapping[str, CheckLine], ailment: Ailment
) -> None:
    is_told_apart(room, ailment, lines_of_the_well)
