"""Settings: every fault at once, each with its key."""

import json
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from newsletter.config import Settings, find_root, load
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
def test_a_sender_is_exactly_one_address(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"newsletter\.from"):
        load(write(tmp_path, GOOD), {"NEWSLETTER_NEWSLETTER__FROM": value})


def test_broken_toml_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, "[newsletter]\nname = \n"), {})

    assert caught.value.where == f"{tmp_path / 'newsletter.toml'}:2"


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
        ("NEWSLETTER_TRANSPORT__KIND", "input should be 'outbox' or 'ses'"),
        ("NEWSLETTER_POLICY__SOFT_BOUNCE_LIMIT", "input should be a valid integer"),
        ("NEWSLETTER_EVENTS__TOPIC_ARNS", "input should be a valid tuple"),
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
        "web.trusted_proxies": '["10.0.0.0/8"]',
        "web.metrics": "off",
    }
    keys = list(leaves(Settings))
    environment = {
        "NEWSLETTER_" + key.upper().replace(".", "__"): special.get(key, values[kind])
        for key, kind in keys
    }

    settings = load(write(tmp_path, GOOD), environment).model_dump(by_alias=True, mode="json")

    assert len(keys) > 20
    for key, kind in keys:
        found = settings
        for part in key.split("."):
            found = found[part]
        expected = special.get(key, values[kind])
        assert found == (expected if kind == "str" else json.loads(expected)), key


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of the settings, with the name of its type."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{key}.")
        else:
            kind = field.annotation
            yield key, kind.__name__ if kind in (int, float, bool) else _kind(kind)


def _kind(annotation: object) -> str:
    return "tuple" if typing.get_origin(annotation) is tuple else "str"


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
    ],
)
def test_a_base_url_must_fit_into_a_header(tmp_path: Path, value: str) -> None:
    """List-Unsubscribe holds it; a mail program takes nothing but ASCII there."""
    with pytest.raises(ConfigurationError, match=r"newsletter\.base_url"):
        load(write(tmp_path, GOOD), {"NEWSLETTER_NEWSLETTER__BASE_URL": value})


def test_a_fault_in_a_list_has_the_line_of_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"digest\.section_labels \(line 8\)"):
        load(write(tmp_path, f"{GOOD}[digest]\nsection_labels = [1]\n"), {})


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
