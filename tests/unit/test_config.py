"""Settings: every fault at once, each with its key."""

from pathlib import Path

import pytest

from newsletter.config import find_root, load
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
    with pytest.raises(ConfigurationError, match="line 2"):
        load(write(tmp_path, "[newsletter]\nname = \n"), {})


def test_crlf_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "newsletter.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert load(path, {}).newsletter.name == "Daily"


def test_a_project_is_found_from_any_folder_below(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    below = tmp_path / "issues" / "2026"
    below.mkdir(parents=True)

    assert find_root(below) == tmp_path
    with pytest.raises(UsageError, match="newsletter init"):
        raise_with_hint(tmp_path.parent)


def raise_with_hint(folder: Path) -> None:
    try:
        find_root(folder)
    except UsageError as error:
        raise UsageError(error.hint) from error
