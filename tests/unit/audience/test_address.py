"""What is an address, and what never becomes one."""

import time

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.audience import address as module
from newsletter.audience.address import InvalidAddress, canonical, parse

ATOM = "abcXYZ019_!#$%&'*+-/=?^`{|}~."
local_parts = st.text(ATOM, min_size=1, max_size=66)
labels = st.text("abcxnXYZ019-", min_size=1, max_size=64)
top_levels = (
    st.sampled_from(
        [
            "com",
            "COM",
            "test",
            "local",
            "localhost",
            "invalid",
            "onion",
            "arpa",
            "x",
            "c0m",
            "xn--p1ai",
        ]
    )
    | labels
)
addresses = st.builds(
    lambda local, domain, top: f"{local}@{'.'.join([*domain, top])}",
    local_parts,
    st.lists(labels, max_size=4),
    top_levels,
)


def by_the_library(text: str) -> str:
    found = email_validator.validate_email(
        text, strict=True, allow_smtputf8=False, check_deliverability=False, test_environment=False
    )
    return found.normalized


@given(addresses | st.text(ATOM + "@-\n\u212a\u017f", max_size=40))
@example("user1@example.com")
@example("Info@example.com")
@example("a@b.TEST")
@example("a@b-c.d-e.com")
@example("a@ab--cd.com")
@example("a@b.com\n")
@example("a@b.\u212aom")
@example(f"{'a' * 65}@example.com")
@example(f"a@{'b' * 64}.com")
@example(f"a@{'.'.join(['b' * 60] * 5)}.com")
def test_the_fast_path_accepts_only_what_the_library_accepts_unchanged(text: str) -> None:
    """The pattern is a short cut, never another opinion."""
    found = module._plain(text)
    if len(text) > 254 or found is None:
        return

    normalized = by_the_library(text)

    # RFC 2142 names (`Info@`) are lowered by the library; people are written to as they typed.
    local, _, domain = text.rpartition("@")
    assert normalized.lower() == text.lower()
    assert found == canonical(text) == f"{local}@{normalized.rpartition('@')[2]}"
    assert domain.lower() == normalized.rpartition("@")[2]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("user1@example.com", "user1@example.com"),
        ("a@example.org", "a@example.org"),
        ("  A.b+Tag@EXAMPLE.Com ", "A.b+Tag@example.com"),
        ("a@bücher.de", "a@xn--bcher-kva.de"),
        ("a@xn--bcher-kva.de", "a@xn--bcher-kva.de"),
        ("a@BU\u0308CHER.de", "a@xn--bcher-kva.de"),
        ("a@例え。jp", "a@xn--r8jz45g.jp"),
        ("a@ex\u0430mple.com", "a@xn--exmple-4nf.com"),
        ("Info@example.com", "Info@example.com"),
    ],
)
def test_an_address_has_one_form(raw: str, text: str) -> None:
    """The domain becomes lower-case A-labels, the local part stays as it was written."""
    assert parse(raw).text == text


def test_two_spellings_are_one_person() -> None:
    """The key is the whole address in lower case; tags and dots are kept apart."""
    assert parse("A.B@example.com").key == parse("a.b@EXAMPLE.com").key
    assert parse("a.b@example.com").key != parse("ab@example.com").key


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "nobody",
        "a@b@example.com",
        "a@localhost",
        "a..b@example.com",
        ".a@example.com",
        "a@example.com.",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "a@x.test",
        "a@x.invalid",
        "a@x.local",
        "a@x.onion",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 250}.com",
        "用户@example.com",
        "é@example.com",
        "ａ@example.com",
        "a＠example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\n",
        "a@example.com\0",
        "a%0d%0a@exam ple.com",
        "a@example.com\x0b",
        "a@example.com\x85",
        "a@example.com\u2028",
        "a@example.com\u200b",
        "\ufeffa@example.com",
        "a\u202e@example.com",
        "a@x.com,b@example.com",
        "a@x.com;b@example.com",
        "a@example.com;b",
        "<a@example.com>",
        "Ann <a@example.com>",
        "a@example.com Bcc:b",
        "mailto:a@example.com,",
        "a@exam\udce9ple.com",
    ],
)
def test_what_is_not_one_bare_address_is_refused(raw: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse(raw)

    assert caught.value.reason
    assert "example.com" not in caught.value.reason.removesuffix("name@example.com")


def test_a_local_part_beyond_ascii_says_why() -> None:
    with pytest.raises(InvalidAddress, match="not ASCII"):
        parse("用户@example.com")


@pytest.mark.parametrize(
    "raw", ["a" * 1_000_000, "a" * 50_000 + "!", "@" * 100_000, "a." * 50_000 + "@b.c", "<" * 9999]
)
def test_a_megabyte_is_refused_at_once(raw: str) -> None:
    """The length is checked before any pattern is tried."""
    before = time.process_time()

    with pytest.raises(InvalidAddress, match="longer"):
        parse(raw)

    assert time.process_time() - before < 0.05


@given(st.text(max_size=60) | addresses)
def test_parse_either_refuses_or_gives_a_safe_address(raw: str) -> None:
    try:
        found = parse(raw)
    except InvalidAddress:
        return

    assert found.text.isascii()
    assert found.text.isprintable()
    assert " " not in found.text
    assert parse(found.text) == found
