"""Words from outside: everything in them is seen, and nothing is obeyed."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.gate import masked, visible, visible_json

TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x9b\x07\x7f\r\n\x85\u2028\u202e\u2066\u200f\ud800"),
    )
)


@given(TEXTS)
def test_what_passed_the_gate_is_one_line_without_controls(text: str) -> None:
    """No control, no separator of lines, no direction: by Unicode's own tables."""
    passed = visible(text)

    assert len(passed.splitlines()) <= 1
    assert not [c for c in passed if unicodedata.category(c) in ("Cc", "Cs") and c != "\t"]
    assert not [
        c
        for c in passed
        if unicodedata.bidirectional(c)
        in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    ]


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs", "M", "Cn"))))
def test_words_of_any_language_pass_as_they_are(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", ["👩‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "שלום", "AI\t日报"])
def test_joiners_and_letters_that_run_from_the_right_pass(text: str) -> None:
    assert visible(text) == text


def test_what_was_stopped_can_be_recognised() -> None:
    assert visible("\x1b[2J\x9b31m\r\n\u202e") == r"\x1b[2J\x9b31m\r\n\u202e"


@given(st.recursive(TEXTS, lambda inner: st.dictionaries(TEXTS, inner, max_size=3)))
def test_json_stays_the_same_json(value: object) -> None:
    line = visible_json(json.dumps(value, ensure_ascii=False))

    assert json.loads(line) == value
    assert visible(line) == line


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com",
        "<Ada.Lovelace+news@mail.example.co.uk>",
        "Key (address_key)=(ada@example.com) already exists.",
        "'ada@example.com', \"lin@example.com\"",
        "吴@例子.中国",
        "https://news.example.com/u/WzcsM10.q0-Zr8sVgO2f1nE3k4c5d6e7f8g9h0i",
        "GET /preferences/WzEyMzQ1NixmMTJd.AbCdEfGhIjKlMnOpQrStUvWxYz012345678 HTTP/1.1",
        "postgresql://letter:hunter2@db.internal/news",
        "smtp://hunter2@mail",
        "ValueError: Invalid header value b'AWS4-HMAC-SHA256 Credential=hunter2\\nX/20261128'",
        "credentials from custom-process: no vault\nhunter2",
    ],
)
def test_traces_for_developers_hold_no_address_password_or_token(text: str) -> None:
    shown = masked(text)

    for secret in ("ada@", "Lovelace", "lin@", "吴@例", "hunter2", "q0-Zr8sVgO2f1nE", "AbCdEfGhIj"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        '  File "/srv/newsletter/cli/send.py", line 20, in send',
        "    @click.command()",
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: sends",
        "20261128-25abcd-17.1",
    ],
)
def test_the_rest_of_a_trace_is_left_as_it_is(text: str) -> None:
    assert masked(text) == text
