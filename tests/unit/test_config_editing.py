"""Keys of a newsletter.toml are changed, and nothing else of it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config.editing import SettingValues, edited, value_text, written

KIND = ("transport", "kind")
REGION = ("transport", "ses", "region")
TOPICS = ("events", "topic_arns")
VALUES: SettingValues = {KIND: "ses", REGION: "eu-west-1", TOPICS: ("a", "b")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '[transport]\nkind = "outbox"   # for now\n',
            '[transport]\nkind = "ses"   # for now\n',
        ),
        ("[transport]\n", '[transport]\nkind = "ses"\n'),
        ("[transport]", '[transport]\nkind = "ses"\n'),
        ("", '[transport]\nkind = "ses"\n'),
        ("a = 1", 'a = 1\n\n[transport]\nkind = "ses"\n'),
        ("a = 1\n\n", 'a = 1\n\n[transport]\nkind = "ses"\n'),
        (
            "[ transport ] # how\nx = [\n  1, # ]\n]\n\n# next\n[web]\n",
            '[ transport ] # how\nx = [\n  1, # ]\n]\nkind = "ses"\n\n# next\n[web]\n',
        ),
        ("[transport]\n'kind' = 'outbox'#'\n", "[transport]\n'kind' = \"ses\"#'\n"),
        (
            '[transport]\nkind = """\nout\nbox""" # x\ny = 1\n',
            '[transport]\nkind = "ses" # x\ny = 1\n',
        ),
        (
            '[transport.outbox]\npath = "o"\n\n# Readers\n[web]\n',
            '[transport.outbox]\npath = "o"\n\n[transport]\nkind = "ses"\n\n# Readers\n[web]\n',
        ),
        (
            '\ufeff[transport]\r\nkind = "outbox"\r\n[web]\r\n',
            '\ufeff[transport]\r\nkind = "ses"\r\n[web]\r\n',
        ),
        ("\ufeff# all\r\n", '\ufeff# all\r\n\r\n[transport]\r\nkind = "ses"\r\n'),
        (
            "# a\u2028kind = 1\n[transport]\n# kind = 'outbox'\n",
            "# a\u2028kind = 1\n[transport]\n# kind = 'outbox'\nkind = \"ses\"\n",
        ),
    ],
)
def test_a_key_is_set_where_it_belongs(before: str, after: str) -> None:
    """Comments, line ends and the mark of the order of bytes stay."""
    assert edited(before, {KIND: "ses"}) == after


def test_several_keys_are_set_at_once() -> None:
    before = '[transport]\nkind = "outbox"\n\n[transport.outbox]\npath = "outbox"\n\n[web]\nx = 1\n'

    after = edited(before, VALUES)

    assert after is not None
    assert tomllib.loads(after) == {
        "transport": {"kind": "ses", "outbox": {"path": "outbox"}, "ses": {"region": "eu-west-1"}},
        "events": {"topic_arns": ["a", "b"]},
        "web": {"x": 1},
    }
    assert after.index("[transport.ses]") < after.index("[web]") < after.index("[events]")


@pytest.mark.parametrize(
    "source",
    [
        'transport = { kind = "outbox" }\n',
        'transport.kind = "outbox"\n',
        "[[transport]]\n",
        "[transport]\nkind.of = 1\n",
        'transport = "outbox"\n',
        "x = '''\n[transport]\nkind = 1\n'''\n[transport.outbox]\ntransport = 2\n",
        "not TOML",
    ],
)
def test_what_cannot_be_proven_is_not_done(source: str) -> None:
    """Inline tables, dotted keys, what only looks like a table: those are for a person."""
    after = edited(source, {KIND: "ses"})

    assert after is None or tomllib.loads(after)["transport"]["kind"] == "ses"
    assert source.startswith("x =") or after is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_can_be_a_value(text: str) -> None:
    assert tomllib.loads(f"x = {value_text(text)}") == {"x": text}
    assert tomllib.loads(f"x = {value_text((text, text))}") == {"x": [text, text]}


def test_what_people_are_to_write_says_the_same() -> None:
    assert tomllib.loads(written(VALUES)) == {
        "transport": {"kind": "ses", "ses": {"region": "eu-west-1"}},
        "events": {"topic_arns": ["a", "b"]},
    }
