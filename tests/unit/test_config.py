"""Settings: every fault at once, each with its key."""

import json
import os
import typing
from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import Settings, find_root, load
from newsletter.config.tables import keys
from newsletter.errors import ConfigurationError, UsageError

GOOD = """
[newsletter]
name = "Daily"
from = "Daily <daily@news.example.com>"
base_url = "https://news.example.com/"
postal_address = "1 Example Street"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "newsletter.toml"
    path.write_text(text, "utf-8")
    return path


def test_defaults_fill_what_is_left_out(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD), {})

    assert settings.transport.kind == "outbox"
    assert settings.store.url == "sqlite:///subscribers/newsletter.db"
    assert settings.newsletter.base_url == "https://news.example.com"
    assert settings.digest.section_labels == ("影响", "Impact")


def test_every_fault_is_told_at_once_with_its_key_and_line(tmp_path: Path) -> None:
    text = """
[newsletter]
name = ""
from = "not an address"
base_url = "http://news.example.com"
timezone = "Mars/Olympus"
nmae = "x"
[transport]
kind = "pigeon"
[transport.ses]
max_rate = -1
[stoer]
url = ""
"""

    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, text), {})

    lines = caught.value.message.splitlines()
    assert len(lines) == 9
    assert any(line.startswith("newsletter.from (line 4): must be one address") for line in lines)
    assert "newsletter.postal_address: is missing" in lines
    assert any("newsletter.nmae (line 7): unknown key; did you mean 'name'?" in x for x in lines)
    assert any("stoer (line 12): unknown key; did you mean 'store'?" in line for line in lines)
    assert any(line.startswith("transport.ses.max_rate (line 11)") for line in lines)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environment = {
        "NEWSLETTER_TRANSPORT__KIND": "ses",
        "NEWSLETTER_TRANSPORT__SES__MAX_RATE": "14",
        "NEWSLETTER_EVENTS__TOPIC_ARNS": '["arn:aws:sns:eu-west-1:1:t"]',
        "NEWSLETTER_POLICY__REQUIRE_TEST": "true",
        "NEWSLETTER_PROJECT": "/elsewhere",
    }

    settings = load(write(tmp_path, GOOD), environment)

    assert settings.transport.kind == "ses"
    assert settings.transport.ses.max_rate == 14
    assert settings.events.topic_arns == ("arn:aws:sns:eu-west-1:1:t",)
    assert settings.policy.require_test is True


def test_a_misspelt_key_in_the_environment_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'kind'"):
        load(write(tmp_path, GOOD), {"NEWSLETTER_TRANSPORT__KIDN": "ses"})


@pytest.mark.parametrize(
    "value",
    [
        "a@b.com\nBcc: x@y.z",
        "A <a@b.com>, B <b@c.com>",
        "a@localhost",
        "用户@例子.中国",
        "a@b.com>",
    ],
)
@pytest.mark.parametrize("key", ["from", "reply_to"])
def test_a_sender_is_exactly_one_address(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, GOOD), {f"NEWSLETTER_NEWSLETTER__{key.upper()}": value})

    [line] = caught.value.lines
    assert line.startswith(f"newsletter.{key} (from ")


def test_broken_toml_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, "[newsletter]\nname = \n"), {})

    assert caught.value.where == f"{tmp_path / 'newsletter.toml'}:2"


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 5_000])
def test_what_is_too_long_to_be_read_is_told(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, f"[newsletter]\nname = {value}\n"), {})

    assert caught.value.where.startswith(str(tmp_path / "newsletter.toml"))


def test_a_variable_with_lists_too_deep_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be a list"):
        load(write(tmp_path, GOOD), {"NEWSLETTER_WEB__ARCHIVE_LISTS": "[" * 100_000})


def test_crlf_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "newsletter.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert load(path, {}).newsletter.name == "Daily"


def test_a_project_is_found_from_any_folder_below(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    below = tmp_path / "issues" / "2026"
    below.mkdir(parents=True)

    assert find_root(below) == tmp_path
    with pytest.raises(UsageError) as caught:
        find_root(tmp_path.parent)
    assert "newsletter init" in caught.value.hint


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("NEWSLETTER_TRANSPROT__KIND", "unknown key; did you mean 'transport'?"),
        ("NEWSLETTER_TRANSPORT__SES__REGOIN", "unknown key; did you mean 'region'?"),
        ("NEWSLETTER_TRANSPORT__KIND", "must be 'outbox', 'ses' or 'smtp'"),
        ("NEWSLETTER_POLICY__SOFT_BOUNCE_LIMIT", "must be a number"),
        ("NEWSLETTER_EVENTS__TOPIC_ARNS", "must be a list"),
    ],
)
def test_a_fault_of_the_environment_names_its_variable(
    tmp_path: Path, variable: str, message: str
) -> None:
    """Not the line of the file that it was laid over."""
    text = f'{GOOD}[transport]\nkind = "outbox"\n'

    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, text), {variable: "pigeon"})

    [line] = caught.value.message.splitlines()
    assert f"(from {variable}): {message}" in line


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[transport.ses]\nmax_rate = true", "must be a number"),
        ("[transport.ses]\nmax_rate = 1.5", "must be a whole number"),
        ("[transport.ses]\nmax_rate = inf", "must be a whole number"),
        ("[transport.ses]\nmax_rate = 9999999999", "must be at most 1000000000"),
        ("[transport.smtp]\nport = 65536", "must be at most 65535"),
        ("[policy]\nstale_schedule_hours = 9999999999", "must be at most 1000000000"),
        ("[policy]\narchive_after_days = 36501", "must be at most 36500"),
        ("[events]\nkeep_payload_days = 0", "must be at least 1"),
        ("[policy]\nbounce_pause = nan", "must be more than 0 and at most 1"),
        ("[policy]\nrequire_test = 2", "must be true or false"),
        ("[events]\ntopic_arns = 'arn'", "must be a list"),
        ("[web]\ntrusted_proxies = ['10.0.0.0/8', 'x']", "must be an IP address or a network"),
        ("[brand]\nlogo = 1", "must be text"),
        ("[brand]\nlinks = 'x'", "must be a table"),
        ("[brand.links]\nWeb = 'x'", "must be a whole address"),
        ("[log]\nlevel = []", "must be 'warning', 'info' or 'debug'"),
        ("[webhooks]\ncrm = {url = 'http://x.example'}", "its url must begin with https://"),
        ("[webhooks.crm]\nurl = 'https://x.example'\nevents = ['left']", "must be one of send."),
        ("[webhooks]\nCRM = {url = 'https://x.example'}", "must have a name of lower-case letters"),
        (
            "[webhooks.crm]\nurl = 'https://me:secret@x.example'",
            "must hold no user and no password",
        ),
        ("[[web]]", "must be a table"),
    ],
)
def test_what_does_not_fit_its_key_is_one_fault(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, f"{GOOD}\n{line}\n"), {})

    [fault] = caught.value.lines
    assert f" (line {8 + line.count(chr(10))}): {message}" in fault


@pytest.mark.parametrize("word", ["true", "Yes", "on", "1", "t", "Y"])
def test_yes_may_be_said_in_several_words(tmp_path: Path, word: str) -> None:
    settings = load(write(tmp_path, GOOD), {"NEWSLETTER_POLICY__REQUIRE_TEST": word})

    assert settings.policy.require_test is True


def test_a_webhook_can_be_set_by_environment_and_its_secret_only_so(tmp_path: Path) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    inside = f"[webhooks.crm]\nurl = 'https://x.example/'\nsecret = '{secret}'\n"
    environment = {
        "NEWSLETTER_WEBHOOKS__CRM__URL": "https://x.example/hook?key=1",
        "NEWSLETTER_WEBHOOKS__CRM__EVENTS": '["subscriber.left"]',
        "NEWSLETTER_WEBHOOKS__CRM__SECRET": f"{secret},{secret}",
    }

    crm = load(write(tmp_path, GOOD), environment).webhooks["crm"]
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, f"{GOOD}\n{inside}"), {})
    with pytest.raises(ConfigurationError, match="must be whsec_ and 24 to 64 bytes"):
        load(write(tmp_path, GOOD), {**environment, "NEWSLETTER_WEBHOOKS__CRM__SECRET": "x"})

    assert (crm.url, crm.events) == ("https://x.example/hook?key=1", ("subscriber.left",))
    assert secret not in repr(crm)
    assert caught.value.message.startswith("webhooks.crm.secret: must not stand in a file")
    assert secret not in str(caught.value)


def test_what_should_be_a_table_may_be_a_value(tmp_path: Path) -> None:
    text = GOOD.replace("[newsletter]", "log = 1\nweb.keep_ip = 2\n[newsletter]")

    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, text), {})

    assert caught.value.lines == (
        "web.keep_ip: must be true or false",
        "log (line 2): must be a table",
    )


def test_variables_that_are_no_keys_belong_to_others(tmp_path: Path) -> None:
    environment = {"NEWSLETTER_COLOUR": "red", "NEWSLETTER_SECRET": "x", "NEWSLETTER_PROJECT": "y"}

    assert load(write(tmp_path, GOOD), environment) == load(write(tmp_path, GOOD), {})


def test_every_key_can_be_set_by_environment(tmp_path: Path) -> None:
    """Each with a value that differs from its default, where one value fits its type."""
    values = {"str": "zz", "int": "7", "float": "0.5", "bool": "true", "tuple": '["a", "b"]'}
    special = {
        "newsletter.from": "x@y.example",
        "newsletter.reply_to": "r@y.example",
        "newsletter.base_url": "https://y.example",
        "newsletter.timezone": "Asia/Shanghai",
        "transport.kind": "ses",
        "transport.ses.mode": "raw",
        "transport.ses.endpoint_url": "http://localhost:8025",
        "transport.smtp.tls": "none",
        "transport.smtp.host": "127.0.0.1",
        "transport.smtp.bounce_address": "b@y.example",
        "events.kind": "ses",
        "events.endpoint_url": "https://y.example",
        "backup.endpoint_url": "http://localhost:9000",
        "media.kind": "s3",
        "media.bucket": "pictures",
        "media.public_url": "https://pictures.example",
        "media.endpoint_url": "http://localhost:9000",
        "web.trusted_proxies": '["10.0.0.0/8"]',
        "reports.mail_to": '["e@y.example"]',
        "dns.nameservers": '["192.0.2.1"]',
        "web.metrics": "off",
        "brand.accent": "#102030",
        "log.level": "debug",
        "log.format": "json",
        "brand.links": '{"Web": "https://y.example/us"}',
        "lint.rules": '{"no-cover": "off"}',
    }
    every = list(leaves(Settings))
    environment = {
        "NEWSLETTER_" + key.upper().replace(".", "__"): special.get(key, values[kind])
        for key, kind in every
    }

    settings = load(write(tmp_path, GOOD), environment)

    assert len(every) > 20
    for key, kind in every:
        value: Any = settings
        for part in key.split("."):
            value = getattr(value, keys(type(value))[part].name)
        value = list(value) if isinstance(value, tuple) else value
        expected = special.get(key, values[kind])
        assert value == (expected if kind == "str" else json.loads(expected)), key


def leaves(table: type[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of the settings, with the name of its type; a mapping is written as a list is."""
    for key, field in keys(table).items():
        if isinstance(field.type, type) and is_dataclass(field.type):
            yield from leaves(field.type, f"{prefix}{key}.")
        elif key != "webhooks":  # tables of the author's own names
            kind: Any = field.type
            while typing.get_origin(kind) is typing.Annotated:
                kind = kind.__origin__
            is_list = typing.get_origin(kind) in (tuple, abc.Mapping)
            plain = kind.__name__ if kind in (int, float, bool) else "str"
            yield prefix + key, "tuple" if is_list else plain


@pytest.mark.parametrize(
    "value",
    [
        "https://exa mple.com",
        "https://新闻.example",
        "https://news.example.com/Übersicht",
        "https://news.example.com/?a",
        "https://user@news.example.com",
        "http://news.example.com",
        "ftp://news.example.com",
        "https://[",
        "news.example.com",
        "https://news.example.com/>,<https://evil.example/",
        "https://news.example.com/a,b",
        "https://news.example.com/<b>",
        'https://news.example.com/"',
        "https://news.example.com/a;b",
        "https://news.example.com/(a)",
        "https://news.example.com/%",
        "https://news.example.com/%zz",
        "https://news.example.com/a\\b",
        "https://news.example.com>/",
        "https://news.example.com,evil.example",
        "https://@news.example.com",
        "https://user:word@news.example.com",
        "https://news.example.com:0",
        "https://news.example.com:99999",
        "https://-news.example.com",
        "https:///path",
    ],
)
def test_a_base_url_must_fit_into_a_header(tmp_path: Path, value: str) -> None:
    """List-Unsubscribe holds it; a mail program takes nothing but ASCII there."""
    with pytest.raises(ConfigurationError, match=r"newsletter\.base_url"):
        load(write(tmp_path, GOOD), {"NEWSLETTER_NEWSLETTER__BASE_URL": value})


def test_a_fault_in_a_list_has_the_line_of_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"digest\.section_labels \(line 8\)"):
        load(write(tmp_path, f"{GOOD}[digest]\nsection_labels = [1]\n"), {})


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_settings_file_does_not_lead_to_one_above(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    write(tmp_path, GOOD)
    below = tmp_path / "below" / "further"
    below.mkdir(parents=True)
    make(tmp_path / "below" / "newsletter.toml")

    with pytest.raises(UsageError, match="no file") as caught:
        find_root(below)
    assert caught.value.where == str(tmp_path / "below" / "newsletter.toml")


def test_a_settings_file_that_cannot_be_read_is_a_fault_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path, {})


def test_a_fault_never_repeats_a_value(tmp_path: Path) -> None:
    """It may be a password that stands at the wrong key."""
    environment = {
        "NEWSLETTER_POLICY__BOUNCE_PAUSE": "hunter2hunter2",
        "NEWSLETTER_TRANSPORT__KIND": "hunter2hunter2",
        "NEWSLETTER_NEWSLETTER__TIMEZONE": "hunter2hunter2",
        "NEWSLETTER_STORE__PASSWORD": "hunter2hunter2",
    }

    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, GOOD), environment)

    assert len(caught.value.message.splitlines()) == 4
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("NEWSLETTER_TRANSPORT_KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER_TRANSPORT_SES_REGION", "NEWSLETTER_TRANSPORT__SES__REGION"),
        ("NEWSLETTER_TRANSPORT_SES__REGION", "NEWSLETTER_TRANSPORT__SES__REGION"),
        ("NEWSLETTER_TRANSPORT__SES_MAX_RATE", "NEWSLETTER_TRANSPORT__SES__MAX_RATE"),
        ("NEWSLETTER_POLICY_REQUIRE_TEST", "NEWSLETTER_POLICY__REQUIRE_TEST"),
        ("NEWSLETTER_STORE_URL", "NEWSLETTER_STORE__URL"),
        ("NEWSLETTER__TRANSPORT__KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER_TRANSPRT_KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER_BASE_URL", "NEWSLETTER_NEWSLETTER__BASE_URL"),
        ("Newsletter_Transport__Kind", "NEWSLETTER_TRANSPORT__KIND"),
        ("newsletter_transport_kind", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER_SECRETS", "NEWSLETTER_SECRET"),
        ("NEWSLETTER_PROJECTS", "NEWSLETTER_PROJECT"),
        ("NEWSLETTER_PROJEKT", "NEWSLETTER_PROJECT"),
        ("NEWSLETTER_PROJECT_DIR", "NEWSLETTER_PROJECT"),
        ("NEWSLETTER_PROJECT_ROOT", "NEWSLETTER_PROJECT"),
        ("NEWSLETTER_SEKRET", "NEWSLETTER_SECRET"),
        ("NEWSLETER_STORE__URL", "NEWSLETTER_STORE__URL"),
        ("NEWSLETTERS_TRANSPORT__KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWLETTER_TRANSPORT_KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("_NEWSLETTER_TRANSPORT__KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER-TRANSPORT-KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER.TRANSPORT.KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETTER_TRANSPORT.KIND", "NEWSLETTER_TRANSPORT__KIND"),
        ("NEWSLETER_SECRET", "NEWSLETTER_SECRET"),
        ("NEWSLETTER_SMTP_PASSWORD", "NEWSLETTER_TRANSPORT__SMTP__PASSWORD"),
        ("NEWSLETTER_SMTP__PASSWORD", "NEWSLETTER_TRANSPORT__SMTP__PASSWORD"),
        ("NEWSLETTER_SES_REGION", "NEWSLETTER_TRANSPORT__SES__REGION"),
        ("NEWSLETTER_QUEUE_URL", "NEWSLETTER_EVENTS__QUEUE_URL"),
        ("NEWSLETTER_FROM", "NEWSLETTER_NEWSLETTER__FROM"),
        ("NEWSLETTER_URL", "NEWSLETTER_STORE__URL"),
        ("newsletter_mode", "NEWSLETTER_TRANSPORT__SES__MODE"),
        (
            "NEWSLETTER_MAX_RATE",
            "NEWSLETTER_TRANSPORT__SES__MAX_RATE or NEWSLETTER_TRANSPORT__SMTP__MAX_RATE",
        ),
    ],
)
def test_a_variable_close_to_one_of_ours_is_an_error(tmp_path: Path, name: str, meant: str) -> None:
    """Ignored, it would let mail go where the file says, or not go at all."""
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, GOOD), {name: "hunter2"})

    assert caught.value.message == f"{name}: unknown variable; did you mean {meant}?"


@pytest.mark.parametrize(
    "name",
    [
        "NEWSLETTER_PORT",
        "NEWSLETTER_SERVICE_HOST",
        "NEWSLETTER_PORT_8000_TCP_ADDR",
        "NEWSLETTER_VERSION",
        "NEWSLETTER_HOME",
        "NEWSLETTER_PROJECT_ID",
        "newsletter_database_password",
        "NEWSLETTERS_BASE_URL",
        "MY_NEWSLETTER_TRANSPORT_KIND",
    ],
)
def test_a_variable_of_somebody_elses_is_left_alone(tmp_path: Path, name: str) -> None:
    """Kubernetes, for one, names the services of a cluster so."""
    assert load(write(tmp_path, GOOD), {name: "x"}).transport.kind == "outbox"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEWSLETTER_PORT", "tcp://10.0.0.1:8000"),
        ("NEWSLETTER_SMTP_PORT", "tcp://10.0.0.1:25"),
        ("NEWSLETTER_TRANSPORT_SMTP_PORT", "udp://10.0.0.1:25"),
    ],
)
def test_where_kubernetes_says_a_service_is_no_setting(
    tmp_path: Path, name: str, value: str
) -> None:
    assert load(write(tmp_path, GOOD), {name: value}).transport.smtp.port == 0


@pytest.mark.parametrize("value", ["25", "tcp"])
def test_a_port_that_is_no_service_is_meant_for_us(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLETTER_TRANSPORT__SMTP__PORT"):
        load(write(tmp_path, GOOD), {"NEWSLETTER_SMTP_PORT": value})


@pytest.mark.parametrize("table", ["transport.ses", "events"])
@pytest.mark.parametrize(
    "url",
    [
        "localhost:8025",
        "http://",
        "http:///path",
        "ftp://host",
        "http://a b",
        "http://host:99999",
        "http://host:x",
        "http://[::1",
        "https://höst.example",
        "http://u:hunter2@host",
        "http://u@host",
    ],
)
def test_an_endpoint_is_a_whole_url_without_a_password(
    tmp_path: Path, table: str, url: str
) -> None:
    text = f'{GOOD}\n[{table}]\nendpoint_url = "{url}"\n'

    with pytest.raises(ConfigurationError, match=rf"{table}\.endpoint_url \(line 9\)") as caught:
        load(write(tmp_path, text), {})

    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("tenant", ["a b", "näme", "a" * 65, "a.b"])
def test_a_tenant_is_a_word_of_ses(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(ConfigurationError, match="name of a tenant"):
        load(write(tmp_path, f'{GOOD}\n[transport.ses]\ntenant = "{tenant}"\n'), {})


@pytest.mark.parametrize(
    "value",
    [
        "https://news.example.com/letters/~daily",
        "https://news.example.com/%E6%97%A5/a-b_c.d",
        "https://xn--55qx5d.example:8443",
        "http://localhost:8025",
        "http://127.0.0.1:8000/x",
        "http://[::1]:8000",
        "https://a_b.example",
    ],
)
def test_a_base_url_may_have_a_port_and_a_path(tmp_path: Path, value: str) -> None:
    loaded = load(write(tmp_path, GOOD), {"NEWSLETTER_NEWSLETTER__BASE_URL": value})

    assert loaded.newsletter.base_url == value


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ('password = "hunter2"', {}),
        ('username = "u"\npassword = "hunter2"', {}),
        ('password = ["hunter2"]', {"NEWSLETTER_TRANSPORT__SMTP__PASSWORD": "another"}),
    ],
)
def test_a_password_stands_in_no_file(
    tmp_path: Path, text: str, environment: dict[str, str]
) -> None:
    """The file is shared and committed."""
    with pytest.raises(ConfigurationError, match=r"transport\.smtp\.password: must not") as caught:
        load(write(tmp_path, f"{GOOD}\n[transport.smtp]\n{text}\n"), environment)

    assert "NEWSLETTER_TRANSPORT__SMTP__PASSWORD" in caught.value.message
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("lines", "password", "fault"),
    [
        ('username = "u"', "", "a password"),
        ("", "secret", "needs both a username"),
        ('username = "u"\ntls = "none"\nhost = "mail.example.com"', "secret", "to the network"),
        ('username = "u"\ntls = "none"', "secret", ""),
        ('username = "u"\nhost = "mail.example.com"', "secret", ""),
        ('username = "u"', "sécret", "printable ASCII"),
        ('host = "mail.example.com:25"', "", "name of a host"),
        ('bounce_address = "B <b@example.com>"', "", "bare address"),
    ],
)
def test_a_password_goes_nowhere_in_the_clear(
    tmp_path: Path, lines: str, password: str, fault: str
) -> None:
    environment = {"NEWSLETTER_TRANSPORT__SMTP__PASSWORD": password} if password else {}
    path = write(tmp_path, f"{GOOD}\n[transport.smtp]\n{lines}\n")

    if not fault:
        assert load(path, environment).transport.smtp.password == password
        return
    with pytest.raises(ConfigurationError, match=fault) as caught:
        load(path, environment)

    assert not password or password not in caught.value.message
