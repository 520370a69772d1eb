"""A template of SES gives each reader what `fill` gives: by the stand-in's own renderer."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.email import Email, MergeField, MergeText, Place, fill
from newsletter.transports.ses.template import template_of
from tests.standin.rendering import compile_template, filled

NAME = MergeField("subscriber.name", Place.TEXT, "reader")
EMAIL = Email(
    sender="Daily <daily@news.example.com>",
    reply_to="",
    language="en",
    subject=("News",),
    preheader=(),
    html=("<p>News</p>",),
    text=("News",),
)


def rendered(email: Email, values: dict[str, str]) -> tuple[str, str, str]:
    """Subject, HTML and text as the stand-in renders them, which refuses any brace too many."""
    made = template_of(email)
    template = compile_template(made.subject, made.html, made.text)
    content = filled(template, json.loads(made.data(values)))
    assert content.missing() is None
    result = content.render()
    assert result.html is not None
    assert result.text is not None
    return result.subject, result.html, result.text


def same(merge: MergeText, values: dict[str, str]) -> None:
    """Text and HTML of this template arrive as `fill` makes them."""
    html = tuple(p if isinstance(p, str) else replace(p, place=Place.HTML) for p in merge)

    _, got_html, got_text = rendered(replace(EMAIL, html=html, text=merge), values)

    assert got_text == fill(merge, values).replace("\r\n", "\n").rstrip("\n")
    assert got_html == fill(html, values).replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize(
    "merge",
    [
        ("{{ x }} {{x}} {{{ x }}} {{{{x}}}}",),
        ("{% if x %} {# y #} ${z}",),
        ("\\{{ x }} \\\\{{x}} {\\{ {{\\",),
        ("a{b}c{{}}d} }} }}}", NAME),
        ("@media{p{color:red}}.a{b:c}}",),
        ("{", NAME, "}"),
        ("{{", NAME, "}}"),
        ("\\", NAME, "\\"),
        (NAME, NAME),
        ("{", "{", "x", "}", "}"),
        ("", NAME, ""),
        ("{{#each x}}{{/each}}{{> y}}{{! z}}{{& w}}",),
    ],
)
@pytest.mark.parametrize("name", ["Ada", "", "{{ f0 }}", "{{b0}} } \\", '"\\u007b{"', "a\nb"])
def test_braces_of_the_author_and_of_readers_are_text(merge: MergeText, name: str) -> None:
    same(merge, {"subscriber.name": name})


def test_braces_in_a_subject_are_text() -> None:
    header = replace(NAME, place=Place.HEADER)
    email = replace(EMAIL, subject=("{{ x }} {", header, "} \\{{ {% y %}"))

    subject, _, _ = rendered(email, {"subscriber.name": "{{ z }}"})

    assert subject == "{{ x }} {{{ z }}} \\{{ {% y %}"


def test_css_travels_as_it_is() -> None:
    """Only what SES could misread becomes a variable: a mail is full of single braces."""
    made = template_of(replace(EMAIL, html=("@media{p{color:red}}",)))

    assert made.html == "@media{p{color:red}}"
    assert made.literals == {}


_TEXT = st.text(alphabet=st.sampled_from("{}\\ ab%#\n中\"'&<"), max_size=12)
_NAMES = st.sampled_from(["subscriber.name", "subscriber.city", "web_url"])
_FIELDS = st.builds(MergeField, _NAMES, st.just(Place.TEXT), _TEXT)


@given(
    st.lists(st.one_of(_TEXT, _FIELDS), max_size=7).map(tuple),
    st.dictionaries(_NAMES, _TEXT, max_size=3),
)
def test_any_text_and_any_values_arrive_as_they_are_filled(
    merge: MergeText, values: dict[str, str]
) -> None:
    same(merge, values)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text(max_size=20))
def test_any_character_arrives(text: str, name: str) -> None:
    same((text, NAME, text), {"subscriber.name": name.encode("utf-8", "ignore").decode()})


def test_every_variable_has_a_value_for_a_reader_without_any() -> None:
    """SES accepts a message without one, and never sends it."""
    city = MergeField("subscriber.city", Place.TEXT)
    made = template_of(replace(EMAIL, text=("{{", NAME, city)))

    data = json.loads(made.data({}))

    assert data == {"f0": "reader", "f1": "", "b0": "{{"}


def test_the_size_is_that_on_the_wire() -> None:
    """JSON escapes all but ASCII: Chinese takes twice its UTF-8."""
    made = template_of(replace(EMAIL, html=("中" * 1000,)))

    assert made.size_bytes > 6_000


@pytest.mark.parametrize("text", ["}" * 300_000, "\\" * 300_000, "{ " * 150_000, "{}" * 150_000])
def test_braces_take_time_by_their_number_alone(text: str) -> None:
    began = time.process_time()

    template_of(replace(EMAIL, text=(text, NAME)))

    assert time.process_time() - began < 3
