"""The headers of a message, whatever the settings and the lists are called."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import parse
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email
from newsletter.model.subscriber import Subscriber
from newsletter.sending.compose import SendContext, compose

SETTINGS = """
[newsletter]
name = "Daily"
from = "daily@news.example.com"
postal_address = "1 Example Street"
base_url = "https://news.example.com{}"
"""
LETTER = Email("daily@news.example.com", "", "en", ("Hello",), (), ("<p>Hello</p>",), ("Hello",))


@given(
    st.from_regex(r"(/([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,9}){0,3}", fullmatch=True),
    st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True),
    st.integers(1, 2**62),
)
def test_one_address_stands_in_list_unsubscribe(path: str, name: str, key: int) -> None:
    settings = parse(SETTINGS.format(path), Path("newsletter.toml"), {})
    links = Links(settings.newsletter.base_url, ("a key for the tests alone",))
    context = SendContext("20260107-abcdef", "issue", 1, name, links)
    reader = Subscriber(1, Address("ada@example.com"), "Ada", {}, link_key=key)

    headers = dict(compose(LETTER, reader, context, 1, 1).headers)

    assert re.fullmatch(r"<https://news\.example\.com/[^<>,\s\"]*>", headers["List-Unsubscribe"])
    assert headers["List-Id"] == f"<{name}.news.example.com>"
