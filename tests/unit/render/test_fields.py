"""Merge fields: what a reader's own data does to a mail, and what it cannot do."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import RenderError
from newsletter.links import PersonalLink
from newsletter.model.email import Email, MergeField, Place, fill
from newsletter.render.fields import Fields
from tests.mailbox import Mail
from tests.share import examples
from tests.unit.render.rendering import (
    LINKS,
    READER,
    issue,
    mail,
    own_theme,
    rendered,
    shown,
    visible,
)

NAME = '{{ subscriber.name | default("reader") }}'
LINK = PersonalLink(READER.id, 1, 0, "20260107-abcdef", 1)
LEAVE = LINKS.unsubscribe_url(LINK)
PREFERENCES = LINKS.preferences_url(LINK)
WEB = LINKS.web_url("issue")
SHARE = "https://a.example/?u=" + quote(WEB, safe="")


def received(body: str, name: str = "Ada", **front: str) -> Mail:
    """The mail that a reader of this name gets."""
    return mail(rendered(issue(body, **front)), READER._replace(name=name))


def attributes(result: Mail, name: str) -> list[str]:
    return [str(e.get(name)) for e in visible(result.html).iter() if e.get(name) is not None]


# --- where a field may stand --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        f"X {NAME} Y",
        f"X **{NAME}** Y",
        f"## S\n\n### X {NAME} Y\n\nt\n",
        f"## S\n\n### [X {NAME} Y](https://a.example/)\n\nt\n",
        f"## X {NAME} Y\n\nt\n",
        f"- a\n  - X {NAME} Y\n",
        "| a |\n|---|\n| X " + NAME.replace("|", "\\|") + " Y |\n",
        f"> X {NAME} Y\n",
        f"[X {NAME} Y](https://a.example/)\n",
        f"![X {NAME} Y](https://a.example/i.png)\n",
        f"a[^1]\n\n[^1]: X {NAME} Y\n",
        f"## S\n\n### I\n\nt\n\n**Impact:** X {NAME} Y\n",
        f"<p>X {NAME} Y</p>\n",
        f"t\n\n---\n\n<div class='card'><h3>X {NAME} Y</h3></div>\n",
        "<iframe src='https://a.example/' title='X {{ subscriber.name }} Y'></iframe>\n",
    ],
)
def test_a_field_in_the_text_is_the_readers_own(body: str) -> None:
    result = received(body)

    assert "X Ada Y" in shown(visible(result.html))
    assert "X Ada Y" in result.text


@pytest.mark.parametrize(
    ("written", "attribute"),
    [
        ("pre\u0301nom", "prénom"),
        ("prénom", "prénom"),
        ("姓名", "姓名"),
        ("first-name", "first-name"),
    ],
)
def test_a_field_names_any_attribute_that_an_import_may_bring(written: str, attribute: str) -> None:
    """In letters of any script, and of the form that an editor happens to write."""
    body = f'X {{{{ subscriber.{written} | default("nobody") }}}} Y'
    reader = READER._replace(attributes={attribute: "Zoë"})

    result = mail(rendered(issue(body)), reader)

    assert "X Zoë Y" in result.text
    assert "X Zoë Y" in shown(visible(result.html))


def test_a_field_in_the_title_is_in_the_subject_too() -> None:
    result = received("t\n", title="'X {{ subscriber.name }} Y'")

    assert result.subject == "X Ada Y"
    assert "X Ada Y" in shown(visible(result.html))
    assert "X Ada Y" in result.text


def test_a_field_in_subject_and_preheader_is_the_readers_own() -> None:
    result = received(
        "t\n", subject="'X {{ subscriber.name }} Y'", preheader="'P {{ subscriber.city }} Q'"
    )

    assert result.subject == "X Ada Y"
    assert "P Kyoto Q" in result.html


def test_a_field_in_the_title_of_a_link_is_escaped_as_an_attribute() -> None:
    result = received(
        "[a](https://a.example/ 'X {{ subscriber.name }} Y') "
        "![b](https://a.example/i.png 'P {{ subscriber.name }} Q')\n",
        name='"><b onclick="x">',
    )

    assert 'X "><b onclick="x"> Y' in attributes(result, "title")
    assert 'P "><b onclick="x"> Q' in attributes(result, "title")
    assert attributes(result, "onclick") == []


@pytest.mark.parametrize(
    ("field", "url"),
    [("unsubscribe_url", LEAVE), ("preferences_url", PREFERENCES), ("web_url", WEB)],
)
@pytest.mark.parametrize(
    "link",
    [
        "[x](<{{{{ {0} }}}}>)",
        "[x]({{{{{0}}}}})",
        '<a href="{{{{ {0} }}}}">x</a>',
        "## S\n\n### [x](<{{{{ {0} }}}}>)\n\nt\n",
    ],
)
def test_the_target_of_a_link_may_be_a_url_of_the_reader(field: str, url: str, link: str) -> None:
    result = received(link.format(field) + "\n")

    anchors = visible(result.html).iter("a")
    assert [a.get("href") for a in anchors if shown(a) == "x"] == [url]
    assert result.text.count(url) == 2  # there, and in the footer


def test_both_parts_end_with_links_of_the_reader() -> None:
    result = received("t\n")

    assert {LEAVE, PREFERENCES, WEB} <= set(attributes(result, "href"))
    assert all(url in result.text for url in (LEAVE, PREFERENCES, WEB))


def test_readers_get_links_of_their_own() -> None:
    email = rendered(issue("[x](<{{ unsubscribe_url }}>)\n"))

    first, second = (mail(email, READER._replace(id=number)) for number in (7, 8))

    assert LEAVE in first.html
    assert LEAVE not in second.html


# --- defaults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "shows"),
    [
        ("{{ subscriber.name }}", ""),
        ('{{ subscriber.name | default("reader") }}', "reader"),
        ("{{subscriber.name|default('reader')}}", "reader"),
        ("{{ subscriber.team | default('the \"A\" & B') }}", 'the "A" & B'),
        ('{{ subscriber.team | default("it\'s 1 < 2") }}', "it's 1 < 2"),
        ('{{ subscriber.team | default("") }}', ""),
        ("{{ subscriber.city | default('town') }}", "Kyoto"),
        ("{{ subscriber.team | default('{{ subscriber.city }}') }}", "{{ subscriber.city }}"),
    ],
)
def test_a_default_stands_in_for_a_missing_or_empty_value(field: str, shows: str) -> None:
    result = received(f"`[`{field}`]`\n", name="")

    assert f"[{shows}]" in shown(visible(result.html))
    assert f"[{shows}]" in result.text


# --- what is no field ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "literal",
    [
        "{{ other }}",
        "{{ 7 * 7 }}",
        "{{ subscriber }}",
        "{{ subscriber. }}",
        "{{ subscriber.name | upper }}",
        "{{ subscriber.name | default(x) }}",
        "{{ subscriber.name.upper() }}",
        "{{ digest.title_text }}",
        "{{ merge('web_url') }}",
        "{{ cycler.next }}",
        "{{ web_url | safe }}",
        "{% if x %}y{% endif %}",
        "{# comment #}",
        "${subscriber.name}",
        "$name",
        "%%name%%",
        "{{",
        "}} {{",
    ],
)
def test_all_other_braces_reach_the_mailbox_as_they_are(literal: str) -> None:
    """An issue about templates shows templates."""
    result = received(f"## S {literal}\n\n[l {literal}](https://a.example/) {literal}\n")

    assert shown(visible(result.html)).count(literal) == 3
    assert result.text.count(literal) == 3


def test_braces_in_subject_and_summary_reach_the_mailbox_too() -> None:
    result = received("t\n", title="'T {{ x }} {% y %}'", summary="['P ${z} {{ subscriber }}']")

    assert result.subject == "T {{ x }} {% y %}"
    assert "P ${z} {{ subscriber }}" in shown(visible(result.html))
    assert "P ${z} {{ subscriber }}" in result.text


@pytest.mark.parametrize(
    "body",
    [
        "`{{ subscriber.name }}`\n",
        "```\n{{ subscriber.name }}\n```\n",
        "<code>{{ subscriber.name }}</code>\n",
        "## S\n\n### [a `{{ subscriber.name }}`](https://a.example/)\n\nt\n",
        "## `{{ subscriber.name }}`\n\nt\n",
    ],
)
def test_a_field_in_code_is_shown_as_it_is(body: str) -> None:
    result = received(body)

    assert "{{ subscriber.name }}" in shown(visible(result.html))
    assert "{{ subscriber.name }}" in result.text
    assert "Ada" not in result.html + result.text


def test_code_in_the_title_and_the_summary_is_literal_in_subject_and_preheader() -> None:
    digest = issue("# Use `{{ subscriber.name }}`\n\nt\n", summary="['say `{{ web_url }}`']")
    digest = replace(digest, title=issue("# Use `{{ subscriber.name }}`\n", title="").title)

    result = mail(rendered(digest))

    assert result.subject == "Use {{ subscriber.name }}"
    assert result.html.count("say {{ web_url }}") == 2  # hidden at the top, and the description


def test_a_field_in_the_middle_of_a_target_is_no_field() -> None:
    """A link that differs per reader is one of the three, never built from a reader's data."""
    result = received("[x](https://a.example/?n={{subscriber.name}})\n")

    assert "Ada" not in result.html + result.text


# --- data stays data ----------------------------------------------------------------------------

FIELDS_EVERYWHERE = issue(
    "A {{ subscriber.name }} Z [l](https://a.example/ 'A {{ subscriber.name }} Z') "
    "![A {{ subscriber.name }} Z](https://a.example/i.png)\n",
    subject="'Hello {{ subscriber.name }}!'",
    preheader="'A {{ subscriber.name }} Z'",
)
EMAIL = rendered(FIELDS_EVERYWHERE)


@pytest.mark.parametrize(
    "name",
    [
        "{{ unsubscribe_url }}",
        "{{ subscriber.city }}",
        "mergefield0x0z",
        "mergefield0x1z mergefield0x2z",
        "\\1 \\g<0>",
        "&lt;b&gt; &amp;amp;",
        "=?utf-8?q?Bcc=3A?=",
        "%0d%0aBcc:x@y.example",
    ],
)
def test_a_value_is_never_read_again(name: str) -> None:
    """One pass over the pieces: a reader named like a field or a token stays that name."""
    result = mail(EMAIL, READER._replace(name=name))

    assert f"A {name} Z" in shown(visible(result.html))
    assert f"A {name} Z" in result.text
    assert f"A {name} Z" in attributes(result, "title")
    assert f"A {name} Z" in attributes(result, "alt")
    assert result.subject == f"Hello {name}!"


def test_an_issue_that_talks_of_tokens_is_no_trouble() -> None:
    """The word that stands for a field occurs nowhere in the issue, in no case of letters."""
    result = received("mergefield0x0z MERGEFIELD1X0Z {{ subscriber.name }} mergefield2x0z\n")

    assert "mergefield0x0z MERGEFIELD1X0Z Ada mergefield2x0z" in result.text
    assert "mergefield0x0z MERGEFIELD1X0Z Ada mergefield2x0z" in shown(visible(result.html))


@settings(max_examples=examples(100), derandomize=True)
@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40),
        st.text("<>&\"'/=;{}%! -a\u2028\n\r\t", max_size=40),
    )
)
def test_no_name_adds_a_tag_an_attribute_or_a_header(name: str) -> None:
    """Whatever an import brought: it is shown as it is, and nothing else changes."""
    plain, odd = (mail(EMAIL, READER._replace(name=n)) for n in ("Ada", name or "x"))

    assert structure(odd.html) == structure(plain.html)
    assert odd.headers.keys() == plain.headers.keys()
    assert odd.headers["To"] == plain.headers["To"]
    assert "".join(odd.subject.split()) == "".join(f"Hello {name or 'x'}!".split())
    assert squeezed(f"A {name or 'x'} Z") in squeezed(shown(visible(odd.html)))
    assert squeezed(f"A {name or 'x'} Z") in squeezed(odd.text)


def structure(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each element with the names of its attributes."""
    return [(str(e.tag), tuple(map(str, e.attrib))) for e in visible(html).iter()]


def squeezed(text: str) -> str:
    return "".join(text.split())


# --- in a theme ---------------------------------------------------------------------------------


def with_template(folder: Path, body: str) -> Email:
    source = (
        "<mjml><mj-head><mj-style>{{ style | safe }}</mj-style></mj-head><mj-body><mj-section>"
        f"<mj-column><mj-text>\n{body}\n</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    return rendered(issue(), own_theme(folder, {"email.mjml.j2": source}))


@pytest.mark.parametrize(
    ("template", "href"),
    [
        ('<a href="{{ merge("web_url") }}">x</a>', WEB),
        ("<a href='{{ merge(\"web_url\") }}'>x</a>", WEB),
        ('<a title="a &gt; b" href="{{ merge("web_url") }}">x</a>', WEB),
        ('<a href="https://a.example/?u={{ merge("web_url") }}&amp;x=1">x</a>', SHARE + "&x=1"),
        ('<a title="a &gt; b" href="https://a.example/?u={{ merge("web_url") }}">x</a>', SHARE),
    ],
)
def test_a_url_is_written_as_its_place_in_the_tag_needs(
    template: str, href: str, tmp_path: Path
) -> None:
    """A part of another URL is percent-encoded; a whole one stands as it is."""
    result = mail(with_template(tmp_path, template))

    assert attributes(result, "href") == [href]


@pytest.mark.parametrize("value", ["javascript:alert(1)", "data:text/html,x", "//evil.example"])
def test_data_of_a_reader_cannot_be_a_whole_address(value: str, tmp_path: Path) -> None:
    """Escaped for HTML, `javascript:` would still run."""
    email = with_template(tmp_path, '<a href="{{ merge("subscriber.site") }}">x</a>')

    result = mail(email, READER._replace(attributes={"site": value}))

    (href,) = attributes(result, "href")
    assert not re.match(r"[a-z]+:|//", href)


def test_text_that_looks_like_an_attribute_is_text() -> None:
    """Where a field stands is judged by the tags, not by what an author writes about them."""
    result = received(
        'say href="{{ subscriber.name }}" or src="a/{{ subscriber.name }}"\n', "A & B"
    )

    assert 'say href="A & B" or src="a/A & B"' in shown(visible(result.html))


def test_a_field_that_does_not_exist_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="'no_such_url'") as caught:
        with_template(tmp_path, "\n{{ merge('no_such_url') }}")

    assert caught.value.where == "templates/digest/email.mjml.j2:3"


# --- the frozen email ---------------------------------------------------------------------------


def test_the_frozen_email_is_read_back_with_its_fields() -> None:
    again = Email.from_json(EMAIL.to_json())

    assert again == EMAIL
    assert again.content_hash == EMAIL.content_hash
    assert {"subscriber.name", "unsubscribe_url", "preferences_url", "web_url"} <= again.fields


def test_the_same_issue_gives_the_same_bytes() -> None:
    assert rendered(FIELDS_EVERYWHERE).to_json() == EMAIL.to_json()


def test_a_preheader_is_never_cut_inside_a_field() -> None:
    """Cut in two, a field would be shown as it was written."""
    for length in range(95, 112):
        point = "w" * length + " {{ subscriber.name }} and more text after it, and more"

        email = rendered(issue(summary=f"['{point}']"))

        preheader = fill(email.preheader, {"subscriber.name": "Ada"})
        assert re.fullmatch(r"w+( Ada.*)?…", preheader)
        assert "mergefield" not in preheader


@pytest.mark.parametrize(
    ("place", "written"),
    [
        (Place.HTML, "&lt;a &amp;&quot;\n/"),
        (Place.URL, "&lt;a &amp;&quot;\n/"),
        (Place.URL_PART, "%3Ca%20%26%22%0A%2F"),
        (Place.TEXT, '<a &"\n/'),
        (Place.HEADER, '<a &" /'),
    ],
)
def test_each_place_has_its_escape(place: Place, written: str) -> None:
    template = (MergeField("subscriber.name", place),)

    assert fill(template, {"subscriber.name": '<a &"\n/'}) == written


def test_only_merge_fields_have_tokens() -> None:
    fields = Fields.apart_from("")

    with pytest.raises(ValueError, match="no merge field 'password'"):
        fields.token("password")


def test_many_different_fields_are_told_apart() -> None:
    """Looking each up among all before it took minutes for 40,000."""
    fields = Fields("f")
    names = [f"subscriber.a{number}" for number in range(40_000)]
    tokens = [fields.token(name) for name in names]
    html = "".join(f'<a href="/{token}">{token}</a>' for token in tokens)

    split = [piece for piece in fields.split(html, Place.HTML) if isinstance(piece, MergeField)]

    assert [piece.name for piece in split] == [name for name in names for _ in range(2)]
    assert {piece.place for piece in split[::2]} == {Place.URL_PART}
    assert {piece.place for piece in split[1::2]} == {Place.HTML}
